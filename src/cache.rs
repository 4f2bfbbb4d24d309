//! A cache with a bounded size, whose entries expire.
//!
//! Knows time; must not know what it holds.
//!
//! Invariants:
//! - the total weight of all entries stays within the capacity, whatever is inserted;
//! - an entry is never returned after its TTL. An expired entry stays in memory until it is looked
//!   up or evicted.
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, RandomState};
use std::time::Duration;

use quick_cache::sync::{Cache as Entries, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};
use tokio::time::Instant;

/// Sizes only the list of recently evicted keys, so it may be far from the real average.
const ESTIMATED_ENTRY_BYTES: u64 = 512;

/// A cache that returns clones of its values, so these should be cheap to clone or behind an `Arc`.
pub(crate) struct Cache<K, V> {
    entries: Entries<K, Entry<V>, Weight<K, V>, RandomState>,
    ttl: Option<Duration>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    /// `None` if the entry never expires.
    expires_at: Option<Instant>,
}

/// Computes how much of the capacity an entry takes.
struct Weight<K, V>(fn(&K, &V) -> u64);

impl<K, V> Clone for Weight<K, V> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<K, V> Weighter<K, Entry<V>> for Weight<K, V> {
    /// At least 1: `quick_cache` never evicts an entry without weight.
    fn weight(&self, key: &K, entry: &Entry<V>) -> u64 {
        (self.0)(key, &entry.value).max(1)
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    /// A cache of at most `max_entries` entries.
    pub(crate) fn with_entries(max_entries: u32) -> Self {
        Self::new(max_entries.into(), max_entries.into(), |_, _| 1)
    }

    /// A cache whose entries take at most `max_bytes` in total. A larger entry is not stored.
    pub(crate) fn with_bytes(max_bytes: u64, bytes: fn(&K, &V) -> u64) -> Self {
        Self::new(max_bytes / ESTIMATED_ENTRY_BYTES, max_bytes, bytes)
    }

    fn new(estimated_entries: u64, capacity: u64, weight: fn(&K, &V) -> u64) -> Self {
        let estimated_entries = usize::try_from(estimated_entries).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(estimated_entries)
            .weight_capacity(capacity)
            .build()
            .expect("all required options are set");
        let (weight, lifecycle) = (Weight(weight), DefaultLifecycle::default());
        Self {
            entries: Entries::with_options(options, weight, RandomState::new(), lifecycle),
            ttl: None,
        }
    }

    /// Has entries expire `ttl` after their insertion.
    pub(crate) fn expiring_after(self, ttl: Duration) -> Self {
        Self {
            ttl: Some(ttl),
            ..self
        }
    }

    /// The value of a key, unless it has expired.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let entry = self.entries.get(key)?;
        if entry.expires_at.is_some_and(|at| at <= Instant::now()) {
            self.entries.remove(key);
            return None;
        }
        Some(entry.value)
    }

    /// Whether the key has a value that has not expired.
    pub(crate) fn contains<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Inserts or replaces the value of a key. Other entries are evicted to make room.
    pub(crate) fn insert(&self, key: K, value: V) {
        self.entries.insert(key, self.entry(value));
    }

    /// The value of a key. If there is none, inserts the value that `make` returns; of concurrent
    /// callers, only one calls it.
    pub(crate) fn get_or_insert_with(&self, key: &K, make: impl FnOnce() -> V) -> V
    where
        K: Clone,
    {
        if let Some(value) = self.get(key) {
            return value;
        }
        let Ok(entry) = self
            .entries
            .get_or_insert_with(key, || Ok::<_, Infallible>(self.entry(make())));
        entry.value
    }

    /// Removes a key.
    pub(crate) fn remove<Q>(&self, key: &Q)
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.entries.remove(key);
    }

    fn entry(&self, value: V) -> Entry<V> {
        Entry {
            value,
            expires_at: self.ttl.map(|ttl| Instant::now() + ttl),
        }
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TTL: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn an_entry_expires_after_its_ttl() {
        let cache = Cache::with_entries(10).expiring_after(TTL);
        cache.insert("key", 1);
        advance(TTL - Duration::from_millis(1)).await;
        // Reading does not extend the TTL, replacing does.
        assert_eq!(cache.get("key"), Some(1));
        advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get("key"), None);
        assert_eq!(cache.get_or_insert_with(&"key", || 2), 2);
        advance(TTL / 2).await;
        assert_eq!(cache.get_or_insert_with(&"key", || 3), 2);
        cache.insert("key", 4);
        advance(TTL - Duration::from_millis(1)).await;
        assert!(cache.contains("key"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_without_a_ttl_does_not_expire() {
        let cache = Cache::with_entries(10);
        cache.insert("key", 1);
        advance(Duration::from_secs(1_000_000)).await;
        assert_eq!(cache.get("key"), Some(1));
        cache.remove("key");
        assert_eq!(cache.get("key"), None);
    }

    #[test]
    fn the_capacity_is_never_exceeded() {
        let cache = Cache::with_entries(100);
        (0..10_000).for_each(|key| cache.insert(key, ()));
        let left = (0..10_000).filter(|key| cache.contains(key)).count();
        assert!((90..=100).contains(&left), "{left}");

        let bytes = |_: &usize, value: &Vec<u8>| value.len() as u64;
        let cache = Cache::with_bytes(10_000, bytes);
        (0..1_000).for_each(|key| cache.insert(key, vec![0; 1 + key]));
        let left = (0..1_000)
            .filter_map(|key| cache.get(&key))
            .map(|value| value.len());
        let left: usize = left.sum();
        assert!((5_000..=10_000).contains(&left), "{left}");
        cache.insert(0, vec![0; 10_001]);
        assert!(!cache.contains(&0));
    }

    /// A client that sends many different keys once must not evict the keys that others use.
    #[test]
    fn an_entry_in_use_survives_a_flood_of_others() {
        let cache = Cache::with_entries(100);
        cache.insert(-1, ());
        for key in 0..10_000 {
            assert!(cache.contains(&-1), "before {key}");
            cache.insert(key, ());
        }
    }

    #[test]
    fn entries_without_a_weight_are_bounded_too() {
        let cache = Cache::with_bytes(100, |_, ()| 0);
        (0..10_000).for_each(|key| cache.insert(key, ()));
        let left = (0..10_000).filter(|key| cache.contains(key)).count();
        assert!(left <= 100, "{left}");
    }
}
