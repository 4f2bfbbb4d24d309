//! Checks statements and caches the accepted ones by their text.
//!
//! Knows the limit on a text's length; must not know how a statement is checked, or for whom.
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::guard::{self, CheckedQuery, Guard, Refusal};
use crate::cache::Cache;

/// Size of the cache: original texts, deparsed texts and source maps.
const MAX_CACHE_BYTES: u64 = 2 << 20;

/// The guard with a cache. A refused statement is not cached.
#[derive(Debug)]
pub struct CachingGuard {
    guard: Guard,
    accepted: Cache<Arc<str>, Arc<CheckedQuery>>,
}

impl CachingGuard {
    /// A guard that refuses texts of more than `max_sql_bytes` bytes.
    #[must_use]
    pub fn new(max_sql_bytes: NonZeroUsize) -> Self {
        let weight =
            |text: &Arc<str>, query: &Arc<CheckedQuery>| (text.len() + query.cached_bytes()) as u64;
        Self {
            guard: guard::with_max_bytes(max_sql_bytes),
            accepted: Cache::with_bytes(MAX_CACHE_BYTES, weight),
        }
    }

    /// Checks one text. Takes about half a millisecond for a typical analytic statement, and a
    /// cache lookup if the text was accepted before.
    ///
    /// # Errors
    /// [`Refusal`] names the construct, its line and column, and an allowed alternative.
    pub fn check(&self, text: &str) -> Result<Arc<CheckedQuery>, Refusal> {
        if let Some(query) = self.accepted.get(text) {
            return Ok(query);
        }
        let query = Arc::new(self.guard.check(text)?);
        self.accepted.insert(text.into(), Arc::clone(&query));
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_statements_are_cached_and_refused_ones_are_not() {
        let guard = CachingGuard::new(NonZeroUsize::new(1024).expect("not zero"));
        let first = guard.check("SELECT 1").expect("allowed");
        let second = guard.check("SELECT 1").expect("allowed");
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(
            guard.check("SELECT pg_sleep(1)"),
            guard.check("SELECT pg_sleep(1)")
        );
    }
}
