//! Rate limits per principal, per source address, and on failed authentications per source.
//!
//! Knows who a request is charged to; must not know HTTP or how a caller is authenticated.
//! Invariants:
//! - each key has a token bucket that holds the requests of one minute, so all of them may arrive
//!   at once;
//! - an idle key takes no memory for long, and at most [`MAX_TRACKED_SOURCES`] sources are tracked
//!   for lookups and failures.
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::identity::Principal;
use crate::settings::RateLimits;

/// Evict idle keys every this many requests.
const EVICTION_INTERVAL_REQUESTS: u32 = 4096;

/// Concurrent lookups of callers from one address. A flood of invented API keys then queues behind
/// itself and not in front of other addresses.
const MAX_CONCURRENT_LOOKUPS: usize = 2;

/// The sources whose lookups or failures are tracked at once.
const MAX_TRACKED_SOURCES: u32 = 10_000;

/// How long a throttled source is tracked. One failure per minute is the lowest limit, so a source
/// is never throttled for longer.
const THROTTLE_TTL: Duration = Duration::from_secs(60);

/// The rate limits of principals, of sources, and of the failed authentications of sources.
pub(super) struct RateLimiters<C: Clock + Clone = DefaultClock>
where
    C::Instant: 'static,
{
    principals: KeyedLimiter<Principal, C>,
    sources: KeyedLimiter<Source, C>,
    failures: KeyedLimiter<Source, C>,
    /// Until when each source with too many failures is throttled.
    throttled_until: Cache<Source, C::Instant>,
    lookups: Cache<Source, Arc<Semaphore>>,
    clock: C,
}

/// The network of a client: its IPv4 address, or the first 64 bits of its IPv6 address, which is
/// what one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a request is charged to before its principal is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// The client's network.
    Network(Network),
    /// If the address is unknown: the SHA-256 of the credential, so that a wrong credential
    /// throttles only itself.
    Credential([u8; 32]),
    /// If neither is known.
    Anonymous,
}

impl Source {
    /// The client's network if its address is known, else its credential.
    pub(super) fn new(client: Option<IpAddr>, credential: Option<&[u8]>) -> Self {
        match (client, credential) {
            (Some(client), _) => Self::Network(client.into()),
            (None, Some(credential)) => Self::Credential(Sha256::digest(credential).into()),
            (None, None) => Self::Anonymous,
        }
    }

    /// The address, if known; for IPv6 the first address of the network.
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(Network(address)) => Some(address),
            Self::Credential(_) | Self::Anonymous => None,
        }
    }
}

/// How much of a rate limit remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotaStatus {
    /// The name of the limit in the `RateLimit` headers.
    pub(super) policy: &'static str,
    /// The limit, in requests per minute.
    pub(super) per_minute: u32,
    /// How many more requests are allowed now.
    pub(super) remaining: u32,
}

/// A rate limit is exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateExceeded {
    pub(super) quota: QuotaStatus,
    /// The time until one more request is allowed.
    pub(super) retry_after: Duration,
}

impl RateLimiters<DefaultClock> {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self::with_clock(limits, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimiters<C>
where
    C::Instant: 'static,
{
    fn with_clock(limits: RateLimits, clock: C) -> Self {
        let RateLimits {
            principal,
            address,
            failures,
        } = limits;
        Self {
            principals: KeyedLimiter::new("principal", principal, clock.clone()),
            sources: KeyedLimiter::new("address", address, clock.clone()),
            failures: KeyedLimiter::new("failures", failures, clock.clone()),
            throttled_until: Cache::with_entries(MAX_TRACKED_SOURCES).expiring_after(THROTTLE_TTL),
            lookups: Cache::with_entries(MAX_TRACKED_SOURCES),
            clock,
        }
    }

    /// Charges a request to its source.
    pub(super) fn check_address(&self, source: Source) -> Result<(), RateExceeded> {
        self.sources.check(&source).map(|_| ())
    }

    /// Charges a request to its principal.
    pub(super) fn check_principal(
        &self,
        principal: &Principal,
    ) -> Result<QuotaStatus, RateExceeded> {
        self.principals.check(principal)
    }

    /// Records that a request from a source failed to authenticate, or named a tenant that its
    /// caller may not use. Too many of these throttle the source.
    pub(super) fn record_failure(&self, source: Source) {
        if let Err(RateExceeded { retry_after, .. }) = self.failures.check(&source) {
            self.throttled_until
                .insert(source, self.clock.now() + retry_after.into());
        }
    }

    /// Whether a source has failed too often, so that no lookup is done for it now.
    pub(super) fn throttled(&self, source: Source) -> Option<RateExceeded> {
        let until = self.throttled_until.get(&source)?;
        let retry_after = Duration::from(until.duration_since(self.clock.now()));
        (!retry_after.is_zero()).then(|| RateExceeded {
            quota: self.failures.quota(0),
            retry_after,
        })
    }

    /// The lookup permits of one address. Sources without a known address share one set of permits,
    /// because inventing credentials costs nothing; recently accepted credentials need no lookup.
    pub(super) fn lookup_permits(&self, source: Source) -> Arc<Semaphore> {
        let shared = match source {
            Source::Network(_) => source,
            Source::Credential(_) | Source::Anonymous => Source::Anonymous,
        };
        self.lookups
            .get_or_insert_with(&shared, || Arc::new(Semaphore::new(MAX_CONCURRENT_LOOKUPS)))
    }
}

/// One rate limit, applied to each key on its own.
struct KeyedLimiter<K: Hash + Eq + Clone, C: Clock + Clone> {
    policy: &'static str,
    per_minute: NonZeroU32,
    limiter: RateLimiter<K, HashMapStateStore<K>, C, StateInformationMiddleware>,
    clock: C,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> KeyedLimiter<K, C> {
    fn new(policy: &'static str, per_minute: NonZeroU32, clock: C) -> Self {
        Self {
            policy,
            per_minute,
            limiter: RateLimiter::hashmap_with_clock(Quota::per_minute(per_minute), clock.clone())
                .with_middleware(),
            clock,
            checks: AtomicU32::new(0),
        }
    }

    fn check(&self, key: &K) -> Result<QuotaStatus, RateExceeded> {
        // An idle key has its full quota again, so evicting it changes no decision.
        let checks = self.checks.fetch_add(1, Ordering::Relaxed);
        if checks % EVICTION_INTERVAL_REQUESTS == EVICTION_INTERVAL_REQUESTS - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(self.quota(state.remaining_burst_capacity())),
            Err(until) => Err(RateExceeded {
                quota: self.quota(0),
                retry_after: until.wait_time_from(self.clock.now()),
            }),
        }
    }

    fn quota(&self, remaining: u32) -> QuotaStatus {
        QuotaStatus {
            policy: self.policy,
            per_minute: self.per_minute.get(),
            remaining,
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rate_limiters(clock: &FakeRelativeClock) -> RateLimiters<FakeRelativeClock> {
        let rate = |number| NonZeroU32::new(number).expect("not zero");
        let limits = RateLimits {
            principal: rate(60),
            address: rate(2),
            failures: rate(3),
        };
        RateLimiters::with_clock(limits, clock.clone())
    }

    fn from_address(address: [u8; 4]) -> Source {
        Source::new(Some(address.into()), None)
    }

    #[test]
    fn without_an_address_a_wrong_credential_throttles_only_itself() {
        let limiters = rate_limiters(&FakeRelativeClock::default());
        let with_credential = |credential: &[u8]| Source::new(None, Some(credential));
        for _ in 0..4 {
            limiters.record_failure(with_credential(b"wrong"));
        }
        assert!(limiters.throttled(with_credential(b"wrong")).is_some());
        for other in [
            with_credential(b"right"),
            Source::new(None, None),
            from_address([192, 0, 2, 1]),
        ] {
            assert_eq!(limiters.throttled(other), None);
        }
        let shared = limiters.lookup_permits(with_credential(b"one"));
        assert!(Arc::ptr_eq(
            &shared,
            &limiters.lookup_permits(with_credential(b"other"))
        ));
        assert!(!Arc::ptr_eq(
            &shared,
            &limiters.lookup_permits(from_address([192, 0, 2, 1]))
        ));
    }

    #[test]
    fn quota_refills_over_time() {
        let clock = FakeRelativeClock::default();
        let limiters = rate_limiters(&clock);
        let here = from_address([192, 0, 2, 1]);
        assert!(limiters.check_address(here).is_ok() && limiters.check_address(here).is_ok());
        let exceeded = limiters.check_address(here).expect_err("over the limit");
        assert_eq!(exceeded.retry_after, Duration::from_secs(30));
        clock.advance(Duration::from_secs(29));
        assert!(limiters.check_address(here).is_err());
        clock.advance(Duration::from_secs(1));
        assert!(limiters.check_address(here).is_ok());
    }

    #[test]
    fn an_address_is_throttled_until_its_failure_quota_refills() {
        let clock = FakeRelativeClock::default();
        let limiters = rate_limiters(&clock);
        let (here, there) = (from_address([192, 0, 2, 1]), from_address([192, 0, 2, 2]));
        for _ in 0..3 {
            limiters.record_failure(here);
            assert_eq!(limiters.throttled(here), None);
        }
        limiters.record_failure(here);
        let throttled = limiters.throttled(here).expect("throttled");
        assert_eq!(throttled.retry_after, Duration::from_secs(20));
        assert_eq!(limiters.throttled(there), None);
        clock.advance(Duration::from_secs(20));
        assert_eq!(limiters.throttled(here), None);
    }

    #[test]
    fn idle_keys_are_evicted_after_a_minute() {
        let clock = FakeRelativeClock::default();
        let limiters = rate_limiters(&clock);
        for address in 0..EVICTION_INTERVAL_REQUESTS - 1 {
            let _ = limiters.check_address(from_address(address.to_be_bytes()));
        }
        clock.advance(Duration::from_secs(61));
        let _ = limiters.check_address(from_address([192, 0, 2, 1]));
        assert_eq!(limiters.sources.limiter.len(), 1);
    }
}
