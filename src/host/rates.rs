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
use crate::settings::RateLimits as Settings;

/// How often what nobody needs any more is forgotten, in requests.
const FORGET_EVERY: u32 = 4096;

/// How many callers of one address are looked up at once: a flood of keys that nobody has made stands in line behind itself.
const LOOK_UPS_AT_ONCE: usize = 2;

/// The most addresses whose look-ups or failures are remembered at once.
const MOST_ADDRESSES: u32 = 10_000;

/// Rate limits: of a principal, of a source, and of a source's failures.
pub(super) struct Rates<C: Clock + Clone = DefaultClock>
where
    C::Instant: 'static,
{
    principals: Keyed<Principal, C>,
    sources: Keyed<Source, C>,
    failures: Keyed<Source, C>,
    /// Until when a source that has failed too often is slowed down.
    slowed: Cache<Source, C::Instant>,
    lookups: Cache<Source, Arc<Semaphore>>,
    clock: C,
}

/// Where requests come from: an IPv4 address, or the 64 bits of IPv6 that one subscriber has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
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
    /// If the address is unknown: the SHA-256 of the credential, so that a wrong credential locks
    /// out itself alone.
    Credential([u8; 32]),
    /// If neither is known.
    Anonymous,
}

impl Source {
    /// The client's network if its address is known, else its credential.
    pub(super) fn new(client: Option<IpAddr>, credential: Option<&[u8]>) -> Self {
        match (client, credential) {
            (Some(client), _) => Self::Network(Network::of(client)),
            (None, Some(credential)) => Self::Credential(Sha256::digest(credential).into()),
            (None, None) => Self::Anonymous,
        }
    }

    /// The address, if known; for IPv6 the first of the network.
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(Network(address)) => Some(address),
            Self::Credential(_) | Self::Anonymous => None,
        }
    }
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotaStatus {
    /// A name for the rate.
    pub(super) policy: &'static str,
    /// How many may come in a minute.
    pub(super) a_minute: u32,
    /// How many may come now.
    pub(super) left: u32,
}

/// Too many have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateExceeded {
    pub(super) standing: QuotaStatus,
    /// Until one more may come.
    pub(super) wait: Duration,
}

impl Rates<DefaultClock> {
    pub(super) fn new(settings: Settings) -> Self {
        Self::with_clock(settings, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C>
where
    C::Instant: 'static,
{
    fn with_clock(settings: Settings, clock: C) -> Self {
        let Settings {
            principal,
            address,
            failures,
        } = settings;
        Self {
            principals: Keyed::new("principal", principal, clock.clone()),
            sources: Keyed::new("address", address, clock.clone()),
            failures: Keyed::new("failures", failures, clock.clone()),
            slowed: Cache::with_entries(MOST_ADDRESSES).expiring_after(A_MINUTE),
            lookups: Cache::with_entries(MOST_ADDRESSES),
            clock,
        }
    }

    /// A request has come from a source.
    pub(super) fn check_address(&self, source: Source) -> Result<(), RateExceeded> {
        self.sources.check(&source).map(|_| ())
    }

    /// A request has a principal.
    pub(super) fn check_principal(
        &self,
        principal: &Principal,
    ) -> Result<QuotaStatus, RateExceeded> {
        self.principals.check(principal)
    }

    /// A request from a source has failed to prove who sent it, or asked for what is not its
    /// sender's.
    pub(super) fn record_failure(&self, source: Source) {
        if let Err(RateExceeded { wait, .. }) = self.failures.check(&source) {
            self.slowed.insert(source, self.clock.now() + wait.into());
        }
    }

    /// Whether a source has failed so often that no look-up is done for it now.
    pub(super) fn throttled(&self, source: Source) -> Option<RateExceeded> {
        let until = self.slowed.get(&source)?;
        let wait = Duration::from(until.duration_since(self.clock.now()));
        (!wait.is_zero()).then(|| RateExceeded {
            standing: self.failures.standing(0),
            wait,
        })
    }

    /// The permits for look-ups of one address. Where addresses are unknown all sources share them,
    /// because credentials can be invented at no cost; recently accepted ones need no look-up.
    pub(super) fn lookups(&self, source: Source) -> Arc<Semaphore> {
        let shared = match source {
            Source::Network(_) => source,
            Source::Credential(_) | Source::Anonymous => Source::Anonymous,
        };
        self.lookups
            .get_or_insert_with(&shared, || Arc::new(Semaphore::new(LOOK_UPS_AT_ONCE)))
    }
}

const A_MINUTE: Duration = Duration::from_secs(60);

/// One rate, for each of many.
struct Keyed<K: Hash + Eq + Clone, C: Clock + Clone> {
    policy: &'static str,
    a_minute: NonZeroU32,
    limiter: RateLimiter<K, HashMapStateStore<K>, C, StateInformationMiddleware>,
    clock: C,
    asked: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Keyed<K, C> {
    fn new(policy: &'static str, a_minute: NonZeroU32, clock: C) -> Self {
        Self {
            policy,
            a_minute,
            limiter: RateLimiter::hashmap_with_clock(Quota::per_minute(a_minute), clock.clone())
                .with_middleware(),
            clock,
            asked: AtomicU32::new(0),
        }
    }

    fn check(&self, key: &K) -> Result<QuotaStatus, RateExceeded> {
        // Whoever has been away long enough to have all of the rate again need not be remembered.
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(self.standing(state.remaining_burst_capacity())),
            Err(until) => Err(RateExceeded {
                standing: self.standing(0),
                wait: until.wait_time_from(self.clock.now()),
            }),
        }
    }

    fn standing(&self, left: u32) -> QuotaStatus {
        QuotaStatus {
            policy: self.policy,
            a_minute: self.a_minute.get(),
            left,
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rates(clock: &FakeRelativeClock) -> Rates<FakeRelativeClock> {
        let rate = |number| NonZeroU32::new(number).expect("not zero");
        let settings = Settings {
            principal: rate(60),
            address: rate(2),
            failures: rate(3),
        };
        Rates::with_clock(settings, clock.clone())
    }

    fn at(address: [u8; 4]) -> Source {
        Source::new(Some(address.into()), None)
    }

    #[test]
    fn without_an_address_a_wrong_credential_slows_down_itself_alone() {
        let rates = rates(&FakeRelativeClock::default());
        let of = |credential: &[u8]| Source::new(None, Some(credential));
        for _ in 0..4 {
            rates.record_failure(of(b"wrong"));
        }
        assert!(rates.throttled(of(b"wrong")).is_some());
        for other in [of(b"right"), Source::new(None, None), at([192, 0, 2, 1])] {
            assert_eq!(rates.throttled(other), None);
        }
        let shared = rates.lookups(of(b"one"));
        assert!(Arc::ptr_eq(&shared, &rates.lookups(of(b"other"))));
        assert!(!Arc::ptr_eq(&shared, &rates.lookups(at([192, 0, 2, 1]))));
    }

    #[test]
    fn what_was_used_comes_back_with_time() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let here = at([192, 0, 2, 1]);
        assert!(rates.check_address(here).is_ok() && rates.check_address(here).is_ok());
        let too_many = rates.check_address(here).expect_err("one too many");
        assert_eq!(too_many.wait, Duration::from_secs(30));
        clock.advance(Duration::from_secs(29));
        assert!(rates.check_address(here).is_err());
        clock.advance(Duration::from_secs(1));
        assert!(rates.check_address(here).is_ok());
    }

    #[test]
    fn an_address_is_slow_until_it_may_fail_again() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let (here, there) = (at([192, 0, 2, 1]), at([192, 0, 2, 2]));
        for _ in 0..3 {
            rates.record_failure(here);
            assert_eq!(rates.throttled(here), None);
        }
        rates.record_failure(here);
        let slowed = rates.throttled(here).expect("slowed down");
        assert_eq!(slowed.wait, Duration::from_secs(20));
        assert_eq!(rates.throttled(there), None);
        clock.advance(Duration::from_secs(20));
        assert_eq!(rates.throttled(here), None);
    }

    #[test]
    fn who_has_not_come_for_a_minute_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        for address in 0..FORGET_EVERY - 1 {
            let _ = rates.check_address(at(address.to_be_bytes()));
        }
        clock.advance(Duration::from_secs(61));
        let _ = rates.check_address(at([192, 0, 2, 1]));
        assert_eq!(rates.sources.limiter.len(), 1);
    }
}
