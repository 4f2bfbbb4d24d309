use tokio::task::yield_now;

use super::*;

const LIMITS: ConnectionLimits = ConnectionLimits {
    max_connections: 10,
    max_per_address: 10,
    max_health_only: 1,
    header_read_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(75),
    write_timeout: Duration::from_secs(20),
};

/// Events of a connection, second by second, and when it is closed.
#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_when_its_timeout_has_expired() {
    type Step = fn(&Connection, u64);
    let table: [(&str, Step, Option<u64>); 9] = [
        ("nothing comes", |_, _| {}, Some(10)),
        (
            "the first head is sent byte by byte",
            |it, _| it.received(),
            Some(10),
        ),
        (
            "the first head begins late",
            |it, second| {
                if second == 9 {
                    it.received();
                }
            },
            Some(10),
        ),
        (
            "a request takes long",
            |it, second| {
                if second == 5 {
                    it.received();
                    it.begin_request(false);
                }
            },
            None,
        ),
        (
            "one request, then nothing",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                    it.end_request();
                }
            },
            Some(80),
        ),
        (
            "one request, then a head byte by byte",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                    it.end_request();
                }
                if second >= 30 {
                    it.received();
                }
            },
            Some(40),
        ),
        (
            "a response is not read",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                    it.write_blocked();
                }
            },
            Some(25),
        ),
        (
            "a response is read in drops",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                }
                if second >= 5 {
                    it.wrote(1_000);
                    it.write_blocked();
                }
            },
            Some(25),
        ),
        (
            "a response is read slowly",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                }
                if second >= 5 {
                    it.wrote(10_000);
                    it.write_blocked();
                }
            },
            None,
        ),
    ];
    for (what, step, expected) in table {
        let connections = Arc::new(Connections::new(
            LIMITS,
            Arc::new(Proxies::Named(Vec::new())),
        ));
        let registered = connections.register([192, 0, 2, 1].into());
        let mut closed = None;
        for second in 0..200 {
            connections.close_overdue();
            if registered.connection.closed.is_cancelled() {
                closed = Some(second);
                break;
            }
            step(&registered.connection, second);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(closed, expected, "{what}");
    }
}

/// Those that have never had a permit go first, by age, whatever they do; then those that have had
/// one, the longest without progress first; a proxy's after others of its kind; never one whose
/// request has a permit.
#[tokio::test(start_paused = true)]
async fn the_least_useful_connection_gives_way() {
    let proxy = "198.51.100.1/32".parse().expect("a network");
    let proxies = Arc::new(Proxies::Named(vec![proxy]));
    let connections = Arc::new(Connections::new(LIMITS, proxies));
    let mut registered = Vec::new();
    for n in 0..10 {
        let address = if n < 2 {
            [198, 51, 100, 1]
        } else {
            [192, 0, 2, n]
        };
        registered.push(connections.register(address.into()));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let state = |n: usize| &registered[n].connection;
    // These have permits; one keeps it.
    for n in [1, 2, 3, 4] {
        state(n).begin_request(false);
        state(n).permit_request();
    }
    for n in [1, 3, 2] {
        state(n).end_request();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // The body of its next request does not come.
    state(3).received();
    state(3).begin_request(false);
    // Requests without a permit: one whose end does not come, one whose response is not read, and
    // one after the other.
    state(5).begin_request(false);
    state(6).begin_request(false);
    state(6).write_blocked();
    state(7).begin_request(false);
    state(7).end_request();
    // The head of one more does not end.
    state(8).received();
    let mut order = Vec::new();
    let mut new = Vec::new();
    for n in 100..111 {
        new.push(connections.register([192, 0, 2, n].into()));
        let connection = &new.last().expect("it").connection;
        connection.begin_request(false);
        connection.permit_request();
        let gone = |n: &usize| state(*n).closed.is_cancelled() && !order.contains(n);
        let gone = (0..10).find(gone);
        order.extend(gone);
    }
    assert_eq!(order, [5, 6, 7, 8, 9, 0, 2, 3, 1]);
    let is_beyond = |registered: &Registered| registered.connection.is_health_only();
    assert_eq!(new.iter().filter(|new| is_beyond(new)).count(), 2);
    drop((registered, new));
    assert_eq!(connections.open(), 0);
}

/// Requests of a network begin a few at a time, and a request of another network does not wait for
/// the rest of them, however few connections each of many networks has.
#[tokio::test]
async fn networks_with_many_requests_take_turns_with_others() {
    let limits = ConnectionLimits {
        max_connections: 1_000,
        max_per_address: 1_000,
        ..LIMITS
    };
    for (networks, of_each) in [(1, 200), (16, 31)] {
        let connections = Arc::new(Connections::new(
            limits,
            Arc::new(Proxies::Named(Vec::new())),
        ));
        let registered: Vec<_> = (0..of_each)
            .flat_map(|_| 0..networks)
            .map(|n| connections.register([192, 0, 2, n].into()))
            .collect();
        let other = connections.register([198, 51, 100, 1].into());
        let begun = std::cell::Cell::new(0);
        let requests = futures_util::future::join_all(registered.iter().map(async |it| {
            it.connection.turn().await;
            begun.set(begun.get() + 1);
        }));
        let of_other = async {
            other.connection.turn().await;
            yield_now().await;
            yield_now().await;
            begun.get()
        };
        let (_, begun_before) = tokio::join!(requests, of_other);
        assert_eq!(begun.get(), registered.len());
        // One of each network, and what begins in the turns that the other has.
        let limit = usize::from(networks) + 4 * REQUESTS_PER_ROUND;
        assert!(begun_before <= limit, "{begun_before} of {networks}");

        drop(registered);
        connections.close_overdue();
        assert_eq!(lock(&connections.table).networks.len(), 1);
    }
}
