//! Rate limits, retries, and a service that fails for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::{DESCRIPTION, OUTAGE, rows, search, start};
use crate::support::{Answer, REDMOND, SEATTLE, eventually};

fn limited(header: &'static str, delay: &'static str) -> Answer {
    Answer::Status(429, "RateLimitReached", Some((header, delay)))
}

/// The client notices nothing but the delay.
#[tokio::test]
async fn a_request_is_repeated_after_the_delay_that_the_service_asks_for() {
    for (failures, delay) in [
        (
            vec![Answer::Status(503, "", None), Answer::Cut],
            Duration::ZERO,
        ),
        (
            vec![limited("retry-after-ms", "300")],
            Duration::from_millis(300),
        ),
        (vec![limited("retry-after", "1")], Duration::from_secs(1)),
        (
            vec![Answer::Status(500, "", Some(("retry-after-ms", "200")))],
            Duration::from_millis(200),
        ),
        (vec![Answer::Status(429, "", None)], Duration::ZERO),
    ] {
        let (service, server) = start().await;
        let requests = failures.len() + 1;
        service.set_next(failures.clone());
        let begun = Instant::now();
        rows(search(&server, SEATTLE, DESCRIPTION).await);
        let took = begun.elapsed();
        assert!(took >= delay, "{failures:?}: {took:?}");
        assert_eq!(service.request_count(), requests, "{failures:?}");
    }
}

/// A rate limit beyond the deadline is not waited for, and holds for all searches until its end.
#[tokio::test]
async fn a_long_rate_limit_is_given_up_at_once_and_stops_requests() {
    let (service, server) = start().await;
    service.set_next([limited("retry-after", "5")]);
    let begun = Instant::now();
    for (tenant, description) in [
        (SEATTLE, DESCRIPTION),
        (SEATTLE, "claw hammer"),
        (REDMOND, "garden hose"),
    ] {
        let failed = search(&server, tenant, description).await;
        assert!(failed.error().starts_with(OUTAGE), "{}", failed.text);
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(service.request_count(), 1);
    // Once its end is near enough, a search waits for it.
    eventually("a search succeeds", async || {
        !search(&server, SEATTLE, DESCRIPTION).await.is_error
    })
    .await;
    assert!(begun.elapsed() >= Duration::from_secs(5));
    assert_eq!(service.request_count(), 2);
}

/// After five requests that failed, none is sent for five seconds; then one, which succeeds.
#[tokio::test]
async fn a_failing_service_is_left_alone_until_it_may_have_recovered() {
    let (service, server) = start().await;
    service.set(Answer::Status(503, "", None));
    for number in 0..10 {
        let failed = search(&server, SEATTLE, &format!("paint {number}")).await;
        assert!(failed.error().starts_with(OUTAGE), "{}", failed.text);
    }
    assert_eq!(service.request_count(), 5);
    let begun = Instant::now();
    service.set(Answer::Vectors);
    eventually("a search succeeds", async || {
        !search(&server, SEATTLE, DESCRIPTION).await.is_error
    })
    .await;
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(3), "{took:?}");
    assert_eq!(service.request_count(), 6);
    rows(search(&server, REDMOND, "claw hammer").await);
}
