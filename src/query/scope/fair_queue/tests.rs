use futures_util::FutureExt as _;

use super::*;

/// Plays a script of words over `slots` slots of which one tenant may have `share`, and tells who
/// was given a slot, in order; `s` is the server. `a` asks for a slot of tenant a, `-a` gives one
/// back, `xa` lets a's first in the queue leave.
#[track_caller]
fn check(slots: usize, share: usize, script: &str, given: &str) {
    let mut order = Order::new(slots, share, 's');
    let mut tickets: HashMap<char, VecDeque<WaiterId>> = HashMap::new();
    let mut got = String::new();
    for word in script.split_whitespace() {
        let key = word.chars().last().expect("a tenant");
        match &word[..word.len() - 1] {
            "" => match order.ask(key) {
                Ok(()) => got.push(key),
                Err(ticket) => tickets.entry(key).or_default().push_back(ticket),
            },
            "-" => order.give_back(key),
            "x" => {
                let queue = tickets.get_mut(&key).expect("a queue");
                order.abandon(key, queue.pop_front().expect("somebody waits"));
            }
            other => panic!("{other} is no word of a script"),
        }
        while let Some((key, ticket)) = order.next() {
            let queue = tickets.get_mut(&key).expect("a queue");
            assert_eq!(queue.pop_front(), Some(ticket), "first come, first served");
            got.push(key);
        }
        let held: usize = order.queues.values().map(|queue| queue.held).sum();
        assert_eq!(held + order.free, slots, "after {word}");
        assert!(order.queues.values().all(|queue| queue.held <= share));
    }
    assert_eq!(got, given, "{script}");
    assert!(
        order
            .queues
            .values()
            .all(|queue| queue.held > 0 || !queue.waiting.is_empty()),
        "nothing is kept of those who are gone"
    );
}

#[test]
fn a_tenant_alone_has_its_share_and_no_more() {
    check(10, 4, "a a a a a a", "aaaa");
    check(10, 4, "a a a a a -a", "aaaaa");
    check(1, 4, "a a -a", "aa");
    check(2, 4, "a a", "aa");
}

#[test]
fn some_slots_are_kept_for_those_who_hold_none() {
    // Of three slots one is kept.
    check(3, 4, "a a a", "aa");
    check(3, 4, "a a a b", "aab");
    check(3, 4, "a a b b", "aab");
    // It stays kept while others hold theirs, and goes to a newcomer at once.
    check(6, 4, "a a a a b b b c d", "aaaab");
    check(6, 6, "a a a a a b b", "aaaab");
}

#[test]
fn one_slot_is_reserved_for_the_server() {
    check(4, 4, "a b c d e s", "abcs");
    check(4, 4, "s a b c", "sabc");
    check(4, 4, "s a b c -s -a s", "sabcs");
    check(6, 2, "a b c d e s s f -s", "abcdess");
    // Of less than four slots none is.
    check(3, 3, "a b c s", "abc");
}

#[test]
fn a_freed_slot_goes_round_not_to_the_longest_queue() {
    check(1, 1, "a a a a b c -a -a -b -c", "aabca");
    check(2, 2, "a b a a a b c -a -b -a -b", "ababca");
}

#[test]
fn who_holds_none_comes_before_who_holds_some() {
    check(3, 3, "a a b b c -a", "aabc");
    check(3, 3, "a b c a d -b", "abcd");
}

#[test]
fn who_leaves_the_queue_is_not_called() {
    check(1, 1, "a b c xb -a", "ac");
    check(1, 1, "a b b xb -a", "ab");
    check(1, 1, "a b xb -a a", "aa");
}

#[test]
fn turns_are_called_passed_on_and_given_back() {
    let turns = FairQueue::new(1, 1, 's');
    let first = turns.take('a').now_or_never().expect("a free slot");
    let mut second = Box::pin(turns.take('b'));
    let mut third = Box::pin(turns.take('c'));
    assert!((&mut second).now_or_never().is_none());
    assert!((&mut third).now_or_never().is_none());
    drop(first);
    // Called, but gone before it looks: the turn goes to the next.
    drop(second);
    let third = third.now_or_never().expect("the turn was passed on");
    let fourth = turns.take('d');
    assert!(fourth.now_or_never().is_none(), "and left the queue again");
    drop(third);
    let desk = lock(&turns.0);
    assert!(desk.calls.is_empty() && desk.order.queues.is_empty() && desk.order.free == 1);
}
