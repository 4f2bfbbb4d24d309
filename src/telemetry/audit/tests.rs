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

/// A store that is unavailable for a while after its start, and then notes what is appended when.
struct Store {
    began: Instant,
    unavailable_for: Duration,
    /// For each append the second, counted from the start, and the number of events.
    appends: Mutex<Vec<(u64, u64)>>,
    /// All appended records.
    records: Mutex<Vec<Value>>,
}

impl Store {
    fn unavailable_for(unavailable_for: Duration) -> Self {
        Self {
            began: Instant::now(),
            unavailable_for,
            appends: Mutex::default(),
            records: Mutex::default(),
        }
    }

    fn appends(&self) -> Vec<(u64, u64)> {
        self.appends.lock().expect("the appends").clone()
    }
}

impl AuditStore for Store {
    fn append<'a>(
        &'a self,
        records: &'a str,
    ) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
        async move {
            let now = self.began.elapsed();
            if now < self.unavailable_for {
                return Err(AuditUnavailable);
            }
            let records: Vec<Value> = serde_json::from_str(records).expect("an array");
            let count = |record: &Value| record["count"].as_u64().expect("a count");
            let events = records.iter().map(count).sum();
            let mut appends = self.appends.lock().expect("the appends");
            appends.push((now.as_secs(), events));
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
        ..Event::refused(
            EventKind::Call,
            "a rule",
            None,
            TraceId::from_traceparent(None),
        )
    }
}

/// Runs an audit log while `record` records events, with the clock paused. Returns the store's
/// appends before and after the audit log was stopped.
async fn appends(
    unavailable_for: Duration,
    record: impl AsyncFnOnce(&AuditLog),
) -> (Vec<(u64, u64)>, Vec<(u64, u64)>) {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::unavailable_for(unavailable_for);
    let stop = CancellationToken::new();
    let recording = async {
        record(&audit_log).await;
        let before_stopping = store.appends();
        stop.cancel();
        before_stopping
    };
    let (before, ()) = tokio::join!(recording, audit_log.run(&store, stop.clone()));
    (before, store.appends())
}

#[tokio::test(start_paused = true)]
async fn refusals_are_appended_within_a_second_and_answers_once_a_minute() {
    let (before, after) = appends(Duration::ZERO, async |audit_log| {
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
    // When it stops, it does not wait for the end of the minute.
    assert_eq!(after[3..], [(70, 1)]);
}

#[tokio::test(start_paused = true)]
async fn failed_appends_are_retried_without_loss() {
    let (before, after) = appends(Duration::from_secs(20), async |audit_log| {
        for _ in 0..10 {
            audit_log.record(event(Decision::Refused));
            advance(Duration::from_secs(1)).await;
        }
        sleep(Duration::from_secs(30)).await;
        assert_eq!(audit_log.pending_records(), 0);
    })
    .await;
    assert_eq!(before, after);
    let [(second, 10)] = before.as_slice() else {
        panic!("{before:?}")
    };
    assert!((20..=26).contains(second), "{before:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_store_does_not_block_shutdown() {
    struct Unresponsive;
    impl AuditStore for Unresponsive {
        fn append<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
            std::future::pending().boxed()
        }
    }
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let stop = CancellationToken::new();
    audit_log.record(event(Decision::Refused));
    let stopping = async {
        // An append is under way at this moment.
        sleep(Duration::from_secs(2)).await;
        stop.cancel();
    };
    let began = Instant::now();
    tokio::join!(stopping, audit_log.run(&Unresponsive, stop.clone()));
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_chain_head_parses_from_its_own_text() {
    let head = ChainHead {
        audit_id: 17,
        hash: "0f".repeat(32),
    };
    assert_eq!(head.to_string().parse(), Ok(head));
    for malformed in ["", "17", "17:", "0:00", "-1:0", ":00"] {
        assert_eq!(
            malformed.parse::<ChainHead>(),
            Err(ChainHeadError),
            "{malformed}"
        );
    }
    let upper = format!("17:{}", "0F".repeat(32));
    assert_eq!(upper.parse::<ChainHead>(), Err(ChainHeadError));
}

/// Anonymous requests from many addresses make few records a minute, and each refusal is counted in
/// one of them.
#[tokio::test(start_paused = true)]
async fn a_flood_from_many_addresses_makes_few_records() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::unavailable_for(Duration::ZERO);
    let stop = CancellationToken::new();
    const MINUTES: u32 = 3;
    const PER_SECOND: u32 = 250;
    let flooding = async {
        for second in 0..MINUTES * 60 {
            for at in 0..PER_SECOND {
                // Each request has another /64 network, and every tenth another provider.
                let bits = u128::from(second * PER_SECOND + at) << 64;
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
                    TraceId::from_traceparent(None),
                ));
            }
            sleep(Duration::from_secs(1)).await;
        }
        stop.cancel();
    };
    tokio::join!(flooding, audit_log.run(&store, stop.clone()));
    let records = store.records.lock().expect("the records").clone();
    // Each minute: 32 records with an address, and for each of two networks one at once and one at
    // the end. The last records may belong to a fourth minute.
    assert!(
        records.len() as u32 <= (MINUTES + 1) * (32 + 2 * 2),
        "{}",
        records.len()
    );
    let counts = records.iter().map(|record| record["count"].as_u64());
    let total: u64 = counts.map(|count| count.expect("a count")).sum();
    assert_eq!(total, u64::from(MINUTES * 60 * PER_SECOND));
    for network in ["2001:db8::/32", "2a01:100::/32"] {
        assert!(
            records.iter().any(|record| record["address"] == network),
            "{network}"
        );
    }
}

/// Of an authenticated caller's equal refusals, the first is recorded at once and the others when
/// the minute is over.
#[tokio::test(start_paused = true)]
async fn a_caller_over_its_rate_limit_makes_two_records_a_minute() {
    let (before, after) = appends(Duration::ZERO, async |audit_log| {
        for _ in 0..60 * 50 {
            audit_log.record(Event {
                principal: Some("apikey:abcdefghijk0".parse().expect("a principal")),
                ..Event::refused(
                    EventKind::Request,
                    "too many requests of a principal",
                    None,
                    TraceId::from_traceparent(None),
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

/// Each of the refused statements has another fingerprint.
#[tokio::test(start_paused = true)]
async fn refused_statements_of_one_caller_make_a_bounded_number_of_records() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let store = Store::unavailable_for(Duration::ZERO);
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

/// A writer that counts the lines.
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

/// The thread that records a call also answers requests, and formatting a line takes microseconds.
#[test]
fn the_thread_that_records_a_call_does_not_format_its_log_line() {
    let audit_log = AuditLog::new(false, || SystemTime::UNIX_EPOCH);
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || Lines(Arc::clone(&counted)))
        .finish();
    // The subscriber applies to this thread only.
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("a line of this thread");
        audit_log.record(event(Decision::Allowed));
    });
    assert_eq!(lines.load(Ordering::Relaxed), 1);
    assert_eq!(audit_log.counts().calls_allowed, 1);
}
