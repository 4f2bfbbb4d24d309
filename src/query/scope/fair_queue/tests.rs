use futures_util::FutureExt as _;

use super::*;

/// Plays a script over `permits` permits of which one tenant may hold `max_per_key`, and checks who
/// was granted one, in order. `a` requests a permit for tenant a, `-a` releases one, `xa` removes
/// a's first waiter; `s` is the server.
#[track_caller]
fn check(permits: usize, max_per_key: usize, script: &str, expected: &str) {
    let mut schedule = Schedule::new(permits, max_per_key, 's');
    let mut waiters: HashMap<char, VecDeque<WaiterId>> = HashMap::new();
    let mut granted = String::new();
    for step in script.split_whitespace() {
        let key = step.chars().last().expect("a tenant");
        match &step[..step.len() - 1] {
            "" => match schedule.acquire_or_enqueue(key) {
                Ok(()) => granted.push(key),
                Err(waiter) => waiters.entry(key).or_default().push_back(waiter),
            },
            "-" => schedule.release(key),
            "x" => {
                let queue = waiters.get_mut(&key).expect("a queue");
                schedule.remove_waiter(key, queue.pop_front().expect("a waiter"));
            }
            other => panic!("{other} is not a step of a script"),
        }
        while let Some((key, waiter)) = schedule.grant_next() {
            let queue = waiters.get_mut(&key).expect("a queue");
            assert_eq!(queue.pop_front(), Some(waiter), "first come, first served");
            granted.push(key);
        }
        let held: usize = schedule.usage.values().map(|usage| usage.held).sum();
        assert_eq!(held + schedule.free, permits, "after {step}");
        assert!(
            schedule
                .usage
                .values()
                .all(|usage| usage.held <= max_per_key)
        );
    }
    assert_eq!(granted, expected, "{script}");
    assert!(
        schedule
            .usage
            .values()
            .all(|usage| usage.held > 0 || !usage.waiters.is_empty()),
        "unused keys are removed"
    );
}

#[test]
fn a_single_tenant_gets_its_limit_and_no_more() {
    check(10, 4, "a a a a a a", "aaaa");
    check(10, 4, "a a a a a -a", "aaaaa");
    check(1, 4, "a a -a", "aa");
    check(2, 4, "a a", "aa");
}

#[test]
fn some_permits_are_reserved_for_tenants_that_hold_none() {
    // Of three permits one is reserved.
    check(3, 4, "a a a", "aa");
    check(3, 4, "a a a b", "aab");
    check(3, 4, "a a b b", "aab");
    // It stays reserved while others hold theirs, and goes to a newcomer at once.
    check(6, 4, "a a a a b b b c d", "aaaab");
    check(6, 6, "a a a a a b b", "aaaab");
}

#[test]
fn one_permit_is_reserved_for_the_server() {
    check(4, 4, "a b c d e s", "abcs");
    check(4, 4, "s a b c", "sabc");
    check(4, 4, "s a b c -s -a s", "sabcs");
    check(6, 2, "a b c d e s s f -s", "abcdess");
    // Of fewer than four permits none is reserved.
    check(3, 3, "a b c s", "abc");
}

#[test]
fn a_released_permit_goes_round_robin_and_not_to_the_longest_queue() {
    check(1, 1, "a a a a b c -a -a -b -c", "aabca");
    check(2, 2, "a b a a a b c -a -b -a -b", "ababca");
}

#[test]
fn tenants_that_hold_none_come_first() {
    check(3, 3, "a a b b c -a", "aabc");
    check(3, 3, "a b c a d -b", "abcd");
}

#[test]
fn a_removed_waiter_is_granted_nothing() {
    check(1, 1, "a b c xb -a", "ac");
    check(1, 1, "a b b xb -a", "ab");
    check(1, 1, "a b xb -a a", "aa");
}

#[test]
fn permits_are_granted_passed_on_and_released() {
    let queue = FairQueue::new(1, 1, 's');
    let first = queue.acquire('a').now_or_never().expect("a free permit");
    let mut second = Box::pin(queue.acquire('b'));
    let mut third = Box::pin(queue.acquire('c'));
    assert!((&mut second).now_or_never().is_none());
    assert!((&mut third).now_or_never().is_none());
    drop(first);
    // Granted a permit, but dropped before it is polled: the permit goes to the next waiter.
    drop(second);
    let third = third.now_or_never().expect("the permit was passed on");
    let fourth = queue.acquire('d');
    assert!(fourth.now_or_never().is_none(), "and left the queue again");
    drop(third);
    let shared = lock(&queue.0);
    let schedule = &shared.schedule;
    assert!(shared.waiters.is_empty() && schedule.usage.is_empty() && schedule.free == 1);
}

#[tokio::test]
async fn load_is_less_where_a_key_need_not_wait() {
    let (busy, idle) = (FairQueue::new(3, 2, 's'), FairQueue::new(3, 2, 's'));
    let mut held = vec![busy.acquire('a').await, busy.acquire('b').await];
    assert!(idle.load('a') < busy.load('a'));
    // More permits are held on the other server, but none of them by this key.
    held.extend([idle.acquire('c').await, idle.acquire('d').await]);
    held.push(busy.acquire('c').await);
    assert!(idle.load('a') < busy.load('a'));
    let mut waiting = Box::pin(busy.acquire('e'));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(busy.load('f'), (true, 4));
}
