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
use moka::sync::Cache;
use tokio::sync::Semaphore;

use crate::identity::Principal;
use crate::settings::Rates as Settings;

/// How often what nobody needs any more is forgotten, in requests.
const FORGET_EVERY: u32 = 4096;

/// How many callers of one address are looked up at once: a flood of keys that nobody has made stands in line behind itself.
const LOOK_UPS_AT_ONCE: usize = 2;

/// The most addresses whose look-ups or failures are remembered at once.
const MOST_ADDRESSES: u64 = 10_000;

/// How many requests may come: of one principal, from one address, and from one address without success.
pub(super) struct Rates<C: Clock + Clone = DefaultClock>
where
    C::Instant: 'static,
{
    principals: Keyed<Principal, C>,
    addresses: Keyed<Network, C>,
    failures: Keyed<Network, C>,
    /// Until when an address that has failed too often is slowed down.
    slowed: Cache<Network, C::Instant>,
    lookups: Cache<Network, Arc<Semaphore>>,
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

    /// Its address; of IPv6 the first.
    pub(super) fn address(self) -> IpAddr {
        self.0
    }
}

/// What is left of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// A name for the rate.
    pub(super) policy: &'static str,
    /// How many may come in a minute.
    pub(super) a_minute: u32,
    /// How many may come now.
    pub(super) left: u32,
}

/// Too many have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    pub(super) standing: Standing,
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
            addresses: Keyed::new("address", address, clock.clone()),
            failures: Keyed::new("failures", failures, clock.clone()),
            slowed: Cache::builder()
                .max_capacity(MOST_ADDRESSES)
                .time_to_live(A_MINUTE)
                .build(),
            lookups: Cache::builder()
                .max_capacity(MOST_ADDRESSES)
                .time_to_idle(A_MINUTE)
                .build(),
            clock,
        }
    }

    /// A request has come from an address.
    pub(super) fn arrived(&self, network: Network) -> Result<(), TooMany> {
        self.addresses.check(&network).map(|_| ())
    }

    /// A request has a principal.
    pub(super) fn admitted(&self, principal: &Principal) -> Result<Standing, TooMany> {
        self.principals.check(principal)
    }

    /// A request from an address has failed to prove who sent it, or asked for what is not its sender's.
    pub(super) fn failed(&self, network: Network) {
        if let Err(TooMany { wait, .. }) = self.failures.check(&network) {
            self.slowed.insert(network, self.clock.now() + wait.into());
        }
    }

    /// Whether an address has failed so often that nobody is looked up for it now.
    pub(super) fn slowed(&self, network: Network) -> Option<TooMany> {
        let until = self.slowed.get(&network)?;
        let wait = Duration::from(until.duration_since(self.clock.now()));
        (!wait.is_zero()).then(|| TooMany {
            standing: self.failures.standing(0),
            wait,
        })
    }

    /// The permits to look callers up, of one address.
    pub(super) fn lookups(&self, network: Network) -> Arc<Semaphore> {
        self.lookups
            .get_with(network, || Arc::new(Semaphore::new(LOOK_UPS_AT_ONCE)))
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

    fn check(&self, key: &K) -> Result<Standing, TooMany> {
        // Whoever has been away long enough to have all of the rate again need not be remembered.
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        match self.limiter.check_key(key) {
            Ok(state) => Ok(self.standing(state.remaining_burst_capacity())),
            Err(until) => Err(TooMany {
                standing: self.standing(0),
                wait: until.wait_time_from(self.clock.now()),
            }),
        }
    }

    fn standing(&self, left: u32) -> Standing {
        Standing {
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

    #[test]
    fn what_was_used_comes_back_with_time() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let here = Network::of([192, 0, 2, 1].into());
        assert!(rates.arrived(here).is_ok() && rates.arrived(here).is_ok());
        let too_many = rates.arrived(here).expect_err("one too many");
        assert_eq!(too_many.wait, Duration::from_secs(30));
        clock.advance(Duration::from_secs(29));
        assert!(rates.arrived(here).is_err());
        clock.advance(Duration::from_secs(1));
        assert!(rates.arrived(here).is_ok());
    }

    #[test]
    fn an_address_is_slow_until_it_may_fail_again() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let (here, there) = (
            Network::of([192, 0, 2, 1].into()),
            Network::of([192, 0, 2, 2].into()),
        );
        for _ in 0..3 {
            rates.failed(here);
            assert_eq!(rates.slowed(here), None);
        }
        rates.failed(here);
        let slowed = rates.slowed(here).expect("slowed down");
        assert_eq!(slowed.wait, Duration::from_secs(20));
        assert_eq!(rates.slowed(there), None);
        clock.advance(Duration::from_secs(20));
        assert_eq!(rates.slowed(here), None);
    }

    #[test]
    fn who_has_not_come_for_a_minute_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        for address in 0..FORGET_EVERY - 1 {
            let _ = rates.arrived(Network::of(std::net::Ipv4Addr::from_bits(address).into()));
        }
        clock.advance(Duration::from_secs(61));
        let _ = rates.arrived(Network::of([192, 0, 2, 1].into()));
        assert_eq!(rates.addresses.limiter.len(), 1);
    }
}
