//! How long what aggregates collect may become.
//!
//! An aggregate that collects is bounded while it grows, but to some MiB, because nothing but the
//! rows tells how much it is. Ordinary statements collect some hundred bytes and then sort by them,
//! group by them or put them into JSON, for which MiB are too much. So a statement that is refused
//! for its cost is measured again with smaller limits for what it collects, and the running
//! statement is held to them by bounded wrappers: the values decide, not what they might have been.
//!
//! Limits are kept per query. Expressions of one query may have to be equal (`SELECT DISTINCT …
//! ORDER BY`), so equal aggregates there need equal wrappers.

use super::CostAnalyzer;
use super::bound::{Bound, MAX_SORT_KEY_BYTES};
use crate::query::guard::refusal::{Refusal, Rule};

/// The limits that are tried in turn, in bytes: for values that are put into JSON, into jsonb, kept
/// for LIMIT, sorted, sorted in capitals, and sorted several times.
const LIMITS_BYTES: [u64; 6] = [
    1 << 20,
    256 << 10,
    64 << 10,
    MAX_SORT_KEY_BYTES,
    8_000,
    2_000,
];

/// The most queries of a statement that are tried without a limit, once it is known that the others
/// need one.
const MAX_UNLIMITED_QUERIES: usize = 8;

/// The most bytes that each value may have which an aggregate of the statement collects.
#[derive(Clone, Debug, Default)]
pub(super) struct AggregateLimits {
    /// `None`: what the budget of all aggregates allows.
    max_bytes: Option<u64>,
    /// Queries that need no limit, by the order in which they are measured.
    unlimited: Vec<usize>,
}

/// What a measurement has found, and which of its queries collect.
pub(super) type Attempt<T> = Result<(T, Vec<usize>), Refusal>;

/// Measures a statement with the largest limits under which it is accepted.
///
/// # Errors
/// The refusal without limits, when none helps.
pub(super) fn with_largest_limits<T>(
    collects: bool,
    analyze: impl Fn(&AggregateLimits) -> Attempt<T>,
) -> Result<T, Refusal> {
    let refusal = match analyze(&AggregateLimits::default()) {
        Ok((found, _)) => return Ok(found),
        Err(refusal) if collects && refusal.rule() == Rule::Cost => refusal,
        Err(refusal) => return Err(refusal),
    };
    for max_bytes in LIMITS_BYTES {
        let mut limits = AggregateLimits {
            max_bytes: Some(max_bytes),
            unlimited: Vec::new(),
        };
        let Ok((mut found, queries)) = analyze(&limits) else {
            continue;
        };
        // Most often one query's collection is sorted or grouped, and those around it may be as
        // large as ever.
        for query in queries.into_iter().rev().take(MAX_UNLIMITED_QUERIES) {
            limits.unlimited.push(query);
            match analyze(&limits) {
                Ok((better, _)) => found = better,
                Err(_) => {
                    limits.unlimited.pop();
                }
            }
        }
        return Ok(found);
    }
    Err(refusal)
}

/// The queries of a statement while they are measured, and which of them collect.
#[derive(Debug, Default)]
pub(super) struct AccumulatingQueries {
    count: usize,
    current: usize,
    found: Vec<usize>,
}

impl AccumulatingQueries {
    /// Begins a query; what is returned ends it.
    pub(super) fn enter_query(&mut self) -> usize {
        self.count += 1;
        std::mem::replace(&mut self.current, self.count)
    }

    pub(super) fn leave_query(&mut self, outer: usize) {
        self.current = outer;
    }

    /// Those that collect, in the order in which they were measured.
    pub(super) fn into_indices(mut self) -> Vec<usize> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found
    }
}

impl CostAnalyzer {
    /// The limit in bytes for a value of the innermost query that aggregates could make so long, if
    /// it needs one.
    pub(super) fn aggregate_limit(&mut self, value_bytes: u64) -> Option<u64> {
        let query = self.accumulating_queries.current;
        self.accumulating_queries.found.push(query);
        let max_bytes = self.aggregate_limits.max_bytes?;
        let is_limited =
            value_bytes > max_bytes && !self.aggregate_limits.unlimited.contains(&query);
        is_limited.then_some(max_bytes)
    }

    /// What a value of `parts` comes to that is held to the limit. Until it has been looked at, it
    /// is as long as it could be and has a text of it beside it; then only what was let through
    /// goes on.
    pub(super) fn bound_limited(
        &mut self,
        parts: Bound,
        value_bytes: u64,
        max_bytes: u64,
    ) -> Result<Bound, Refusal> {
        let unchecked = Bound {
            live_bytes: value_bytes.saturating_mul(3),
            ..Bound::default()
        };
        self.add_row(unchecked)?;
        Ok(Bound::parent(parts, max_bytes))
    }
}
