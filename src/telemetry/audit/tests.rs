use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, advance, sleep};
use tokio_util::sync::CancellationToken;

use super::*;

/// Takes records when it may, and remembers when and how many.
struct Store {
    began: Instant,
    away_until: Duration,
    taken: Mutex<Vec<(u64, u64)>>,
    /// All of them.
    records: Mutex<Vec<Value>>,
}

impl Store {
    fn away_until(away_until: Duration) -> Self {
        Self {
            began: Instant::now(),
            away_until,
            taken: Mutex::default(),
            records: Mutex::default(),
        }
    }

    /// In which second, and how many events.
    fn taken(&self) -> Vec<(u64, u64)> {
        self.taken.lock().expect("what was taken").clone()
    }
}

impl AuditStore for Store {
    fn append<'a>(
        &'a self,
        records: &'a str,
    ) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
        async move {
            let now = self.began.elapsed();
            if now < self.away_until {
                return Err(AuditUnavailable);
            }
            let records: Vec<Value> = serde_json::from_str(records).expect("an array");
            let count = |record: &Value| record["count"].as_u64().expect("a count");
            let events = records.iter().map(count).sum();
            let mut taken = self.taken.lock().expect("what was taken");
            taken.push((now.as_secs(), events));
            self.records.lock().expect("the records").extend(records);
            Ok(ChainHead {
                audit_id: 1,
                hash: "0".repeat(64),
            })
        }
        .boxed()
    }
}

fn event(decision: Decision) -> Event {
    Event {
        decision,
        ..Event::refused(EventKind::Call, "a rule", None, TraceId::of_request(None))
    }
}

/// What is appended when, while time passes as fast as nobody has anything to do.
async fn kept(
    away_until: Duration,
    noting: impl AsyncFnOnce(&AuditLog),
) -> (Vec<(u64, u64)>, Vec<(u64, u64)>) {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::away_until(away_until);
    let stop = CancellationToken::new();
    let noting = async {
        noting(&audit_log).await;
        let before_stopping = store.taken();
        stop.cancel();
        before_stopping
    };
    let (before, ()) = tokio::join!(noting, audit_log.run(&store, stop.clone()));
    (before, store.taken())
}

#[tokio::test(start_paused = true)]
async fn refusals_are_appended_soon_and_answers_by_the_minute() {
    let (before, after) = kept(Duration::ZERO, async |audit_log| {
        audit_log.record(event(Decision::Refused));
        audit_log.record(event(Decision::Refused));
        audit_log.record(event(Decision::Allowed));
        sleep(Duration::from_secs(30)).await;
        audit_log.record(event(Decision::Refused));
        audit_log.record(event(Decision::Cancelled));
        sleep(Duration::from_secs(40)).await;
        audit_log.record(event(Decision::Failed));
    })
    .await;
    assert_eq!(before, [(1, 2), (31, 1), (60, 2)]);
    // Told to stop, it does not wait for the minute.
    assert_eq!(after[3..], [(70, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_appended_waits_and_is_not_lost() {
    let (before, after) = kept(Duration::from_secs(20), async |audit_log| {
        for _ in 0..10 {
            audit_log.record(event(Decision::Refused));
            advance(Duration::from_secs(1)).await;
        }
        sleep(Duration::from_secs(30)).await;
        assert_eq!(audit_log.waiting(), 0);
    })
    .await;
    assert_eq!(before, after);
    let [(second, 10)] = before.as_slice() else {
        panic!("{before:?}")
    };
    assert!((20..=26).contains(second), "{before:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_keeps_nobody_from_stopping() {
    struct Silent;
    impl AuditStore for Silent {
        fn append<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
            std::future::pending().boxed()
        }
    }
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let stop = CancellationToken::new();
    audit_log.record(event(Decision::Refused));
    let stopping = async {
        // In the middle of an append.
        sleep(Duration::from_secs(2)).await;
        stop.cancel();
    };
    let began = Instant::now();
    tokio::join!(stopping, audit_log.run(&Silent, stop.clone()));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn an_end_is_read_as_it_is_written() {
    let end = ChainHead {
        audit_id: 17,
        hash: "0f".repeat(32),
    };
    assert_eq!(end.to_string().parse(), Ok(end));
    for bad in ["", "17", "17:", "0:00", "-1:0", ":00"] {
        assert_eq!(bad.parse::<ChainHead>(), Err(MalformedChainHead), "{bad}");
    }
    let upper = format!("17:{}", "0F".repeat(32));
    assert_eq!(upper.parse::<ChainHead>(), Err(MalformedChainHead));
}

/// Many addresses of somebody who proves nothing: few records a minute, and each refusal is counted
/// in one of them.
#[tokio::test(start_paused = true)]
async fn a_flood_from_many_addresses_makes_few_records() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::away_until(Duration::ZERO);
    let stop = CancellationToken::new();
    const MINUTES: u32 = 3;
    const A_SECOND: u32 = 250;
    let flooding = async {
        for second in 0..MINUTES * 60 {
            for at in 0..A_SECOND {
                // Another network of 64 bits each time, and every tenth from elsewhere.
                let bits = u128::from(second * A_SECOND + at) << 64;
                let provider: u128 = if at % 10 == 0 {
                    0x2a01_0100
                } else {
                    0x2001_0db8
                };
                let address = std::net::Ipv6Addr::from_bits(provider << 96 | bits).into();
                audit_log.record(Event::refused(
                    EventKind::Authentication,
                    "no credential",
                    Some(address),
                    TraceId::of_request(None),
                ));
            }
            sleep(Duration::from_secs(1)).await;
        }
        stop.cancel();
    };
    tokio::join!(flooding, audit_log.run(&store, stop.clone()));
    let records = store.records.lock().expect("the records").clone();
    // 32 with an address, and for both networks one soon and one at the minute's end; the last may
    // be a fourth minute's.
    assert!(
        records.len() as u32 <= (MINUTES + 1) * (32 + 2 * 2),
        "{}",
        records.len()
    );
    let counts = records.iter().map(|record| record["count"].as_u64());
    let total: u64 = counts.map(|count| count.expect("a count")).sum();
    assert_eq!(total, u64::from(MINUTES * 60 * A_SECOND));
    for network in ["2001:db8::/32", "2a01:100::/32"] {
        assert!(
            records.iter().any(|record| record["address"] == network),
            "{network}"
        );
    }
}

/// The same caller again and again, who is known: the first at once, the others when the minute is
/// over.
#[tokio::test(start_paused = true)]
async fn a_caller_who_does_not_stop_makes_two_records_a_minute() {
    let (before, after) = kept(Duration::ZERO, async |audit_log| {
        for _ in 0..60 * 50 {
            audit_log.record(Event {
                principal: Some("apikey:abcdefghijk0".parse().expect("a principal")),
                ..Event::refused(
                    EventKind::Request,
                    "too many requests of a principal",
                    None,
                    TraceId::of_request(None),
                )
            });
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(before.len() <= 2, "{before:?}");
    let events: u64 = after.iter().map(|(_, events)| events).sum();
    assert_eq!(events, 3000);
}

/// Each time another statement, which is another fingerprint.
#[tokio::test(start_paused = true)]
async fn refused_statements_of_one_caller_make_a_bounded_number_of_records() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::away_until(Duration::ZERO);
    let stop = CancellationToken::new();
    const MINUTES: usize = 3;
    const CALLS: usize = MINUTES * 60 * 20;
    let calling = async {
        for at in 0..CALLS {
            let event = event(Decision::Refused);
            audit_log.record(Event {
                principal: Some("apikey:abcdefghijk0".parse().expect("a principal")),
                statement: Some(Statement {
                    fingerprint: Some(format!("{at:016x}")),
                    text: "SELECT".into(),
                }),
                ..event
            });
            sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
    };
    tokio::join!(calling, audit_log.run(&store, stop.clone()));
    let records = store.records.lock().expect("the records").clone();
    assert!(
        records.len() <= (MINUTES + 1) * 61,
        "{} records",
        records.len()
    );
    let counts = records.iter().map(|record| record["count"].as_u64());
    let total: u64 = counts.map(|count| count.expect("a count")).sum();
    assert_eq!(total, CALLS as u64);
}

/// Counts the lines that are written.
struct Lines(Arc<AtomicUsize>);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that notes a call answers requests, and formatting a line takes microseconds.
#[test]
fn the_thread_that_notes_a_call_does_not_format_its_line() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || Lines(Arc::clone(&counted)))
        .finish();
    // For this thread alone.
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("a line of this thread");
        audit_log.record(event(Decision::Allowed));
    });
    assert_eq!(lines.load(Ordering::Relaxed), 1);
    assert_eq!(audit_log.counts().calls_allowed, 1);
}
