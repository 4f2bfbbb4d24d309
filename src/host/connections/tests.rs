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

/// Simulates a connection second by second, and checks when it is closed.
#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_when_its_timeout_expires() {
    type Step = fn(&Connection, u64);
    let table: [(&str, Step, Option<u64>); 9] = [
        ("nothing arrives", |_, _| {}, Some(10)),
        (
            "the first header section is sent byte by byte",
            |it, _| it.record_read(),
            Some(10),
        ),
        (
            "the first header section begins late",
            |it, second| {
                if second == 9 {
                    it.record_read();
                }
            },
            Some(10),
        ),
        (
            "a request takes long",
            |it, second| {
                if second == 5 {
                    it.record_read();
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
            "one request, then a header section byte by byte",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                    it.end_request();
                }
                if second >= 30 {
                    it.record_read();
                }
            },
            Some(40),
        ),
        (
            "a response is not read",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                    it.record_blocked_write();
                }
            },
            Some(25),
        ),
        (
            "a response is read below the minimum rate",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                }
                if second >= 5 {
                    it.record_write(1_000);
                    it.record_blocked_write();
                }
            },
            Some(25),
        ),
        (
            "a response is read just above the minimum rate",
            |it, second| {
                if second == 5 {
                    it.begin_request(false);
                }
                if second >= 5 {
                    it.record_write(10_000);
                    it.record_blocked_write();
                }
            },
            None,
        ),
    ];
    for (what, step, expected) in table {
        let connections = Arc::new(Connections::new(
            LIMITS,
            Arc::new(Proxies::Networks(Vec::new())),
        ));
        let registration = connections.register([192, 0, 2, 1].into());
        let mut closed = None;
        for second in 0..200 {
            connections.close_overdue();
            if registration.connection.closed.is_cancelled() {
                closed = Some(second);
                break;
            }
            step(&registration.connection, second);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(closed, expected, "{what}");
    }
}

/// Chunk sizes are expensive to parse, also those that arrive after the response to their request.
#[tokio::test]
async fn reads_that_are_expensive_to_parse_are_short_and_rationed() {
    use NextRead::{Free, Rationed, Short};
    let connections = Arc::new(Connections::new(
        LIMITS,
        Arc::new(Proxies::Networks(Vec::new())),
    ));
    let Registration { connection, .. } = &connections.register([192, 0, 2, 1].into());
    type Step = fn(&Connection);
    let request_of_known_length: [(Step, NextRead); 4] = [
        (Connection::record_read, Rationed),
        (|it| it.begin_request(false), Free),
        (Connection::record_read, Free),
        (Connection::end_request, Free),
    ];
    let chunked_request: [(Step, NextRead); 4] = [
        (Connection::record_read, Rationed),
        (|it| it.begin_request(true), Short),
        (Connection::record_read, Rationed),
        (Connection::end_request, Rationed),
    ];
    assert_eq!(connection.next_read(), Free);
    for (step, expected) in [
        request_of_known_length,
        chunked_request,
        request_of_known_length,
    ]
    .concat()
    {
        step(connection);
        assert_eq!(connection.next_read(), expected);
    }
}

/// Connections that never held a permit are evicted first, by age, whatever they do; then those
/// that have held one, the longest without progress first. A proxy's connection comes after others
/// of its kind. A connection whose request holds a permit is never evicted.
#[tokio::test(start_paused = true)]
async fn connections_are_evicted_in_order_of_permits_and_progress() {
    let proxy = "198.51.100.1/32".parse().expect("a network");
    let proxies = Arc::new(Proxies::Networks(vec![proxy]));
    let connections = Arc::new(Connections::new(LIMITS, proxies));
    let mut registrations = Vec::new();
    for n in 0..10 {
        let address = if n < 2 {
            [198, 51, 100, 1]
        } else {
            [192, 0, 2, n]
        };
        registrations.push(connections.register(address.into()));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let connection = |n: usize| &registrations[n].connection;
    // The requests of these hold permits; number 4 keeps its permit.
    for n in [1, 2, 3, 4] {
        connection(n).begin_request(false);
        connection(n).record_permit();
    }
    for n in [1, 3, 2] {
        connection(n).end_request();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    // The body of number 3's next request does not arrive.
    connection(3).record_read();
    connection(3).begin_request(false);
    // Requests without a permit: one does not end, the response of one is not read, and one has
    // ended.
    connection(5).begin_request(false);
    connection(6).begin_request(false);
    connection(6).record_blocked_write();
    connection(7).begin_request(false);
    connection(7).end_request();
    // The header section of number 8 does not end.
    connection(8).record_read();
    let mut order = Vec::new();
    let mut new = Vec::new();
    for n in 100..111 {
        new.push(connections.register([192, 0, 2, n].into()));
        let newest = &new.last().expect("just pushed").connection;
        newest.begin_request(false);
        newest.record_permit();
        let evicted = |n: &usize| connection(*n).closed.is_cancelled() && !order.contains(n);
        let evicted = (0..10).find(evicted);
        order.extend(evicted);
    }
    assert_eq!(order, [5, 6, 7, 8, 9, 0, 2, 3, 1]);
    let is_health_only = |new: &&Registration| new.connection.is_health_only();
    assert_eq!(new.iter().filter(is_health_only).count(), 2);
    drop((registrations, new));
    assert_eq!(connections.open_count(), 0);
}

/// Requests of a network begin a few at a time, and a request of another network does not wait for
/// the rest of them, even if many networks have a few connections each.
#[tokio::test]
async fn networks_with_many_requests_alternate_with_others() {
    let limits = ConnectionLimits {
        max_connections: 1_000,
        max_per_address: 1_000,
        ..LIMITS
    };
    for (networks, connections_per_network) in [(1, 200), (16, 31)] {
        let connections = Arc::new(Connections::new(
            limits,
            Arc::new(Proxies::Networks(Vec::new())),
        ));
        let registrations: Vec<_> = (0..connections_per_network)
            .flat_map(|_| 0..networks)
            .map(|n| connections.register([192, 0, 2, n].into()))
            .collect();
        let other = connections.register([198, 51, 100, 1].into());
        let started = std::cell::Cell::new(0);
        let requests = futures_util::future::join_all(registrations.iter().map(async |it| {
            it.connection.wait_for_tick_permit().await;
            started.set(started.get() + 1);
        }));
        let other_request = async {
            other.connection.wait_for_tick_permit().await;
            yield_now().await;
            yield_now().await;
            started.get()
        };
        let (_, started_before) = tokio::join!(requests, other_request);
        assert_eq!(started.get(), registrations.len());
        // One of each network, and those that start in the ticks in which the other one waits.
        let limit = usize::from(networks) + 4 * PERMITS_PER_TICK;
        assert!(started_before <= limit, "{started_before} of {networks}");

        drop(registrations);
        connections.close_overdue();
        assert_eq!(lock(&connections.table).network_queues.len(), 1);
    }
}
