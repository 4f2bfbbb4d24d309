//! Limits of the values that aggregates accumulate.
//!
//! The state of an accumulating aggregate is bounded while it grows, but only to some MiB, because
//! only the rows determine its size. Ordinary statements accumulate some hundred bytes and then
//! sort by them, group by them or embed them into JSON, where values of some MiB are refused.
//! Therefore a statement that is refused for its cost is analyzed again with smaller limits for
//! what it accumulates. Bounded wrappers enforce these limits at run time, so the actual values
//! decide, not the largest possible ones.
//!
//! Limits apply to whole queries. Expressions of one query may have to be equal, as in
//! `SELECT DISTINCT … ORDER BY`, so equal aggregates in it need equal wrappers.

use super::CostAnalyzer;
use super::bound::Bound;
use super::limits::{AGGREGATE_LIMITS_BYTES, MAX_UNLIMITED_QUERIES};
use super::units::Bytes;
use crate::refusal::{Refusal, Rule};

/// Limits of each value that an aggregate of the statement accumulates.
#[derive(Clone, Debug, Default)]
pub(super) struct AggregateLimits {
    /// Limit in bytes; `None`: the budget shared by all aggregates.
    max_bytes: Option<Bytes>,
    /// Queries without a limit, numbered in the order of the analysis.
    unlimited: Vec<usize>,
}

/// The result of one analysis, and the numbers of the queries with accumulating aggregates.
pub(super) type Attempt<T> = Result<(T, Vec<usize>), Refusal>;

/// Analyzes a statement with the largest limits under which it is accepted.
///
/// # Errors
/// The refusal of the analysis without limits, if no limit helps.
pub(super) fn with_largest_limits<T>(
    accumulates: bool,
    analyze: impl Fn(&AggregateLimits) -> Attempt<T>,
) -> Result<T, Refusal> {
    let refusal = match analyze(&AggregateLimits::default()) {
        Ok((found, _)) => return Ok(found),
        Err(refusal) if accumulates && refusal.rule() == Rule::Cost => refusal,
        Err(refusal) => return Err(refusal),
    };
    for max_bytes in AGGREGATE_LIMITS_BYTES {
        let mut limits = AggregateLimits {
            max_bytes: Some(max_bytes),
            unlimited: Vec::new(),
        };
        let Ok((mut found, queries)) = analyze(&limits) else {
            continue;
        };
        // Usually only one query's aggregates are sorted or grouped by; the queries around it can
        // do without a limit.
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

/// Numbers the queries of a statement, and records which have accumulating aggregates.
#[derive(Debug, Default)]
pub(super) struct AccumulatingQueries {
    count: usize,
    current: usize,
    found: Vec<usize>,
}

impl AccumulatingQueries {
    /// Enters a query and returns the outer one, which [`Self::leave_query`] expects.
    pub(super) fn enter_query(&mut self) -> usize {
        self.count += 1;
        std::mem::replace(&mut self.current, self.count)
    }

    pub(super) fn leave_query(&mut self, outer: usize) {
        self.current = outer;
    }

    /// The numbers of the queries with accumulating aggregates, in the order of the analysis.
    pub(super) fn into_indices(mut self) -> Vec<usize> {
        self.found.sort_unstable();
        self.found.dedup();
        self.found
    }
}

impl CostAnalyzer {
    /// The limit in bytes for an aggregate of the innermost query that could accumulate
    /// `value_bytes`; `None` if it needs no limit.
    pub(super) fn aggregate_limit(&mut self, value_bytes: Bytes) -> Option<Bytes> {
        let query = self.accumulating_queries.current;
        self.accumulating_queries.found.push(query);
        let max_bytes = self.aggregate_limits.max_bytes?;
        let is_limited =
            value_bytes > max_bytes && !self.aggregate_limits.unlimited.contains(&query);
        is_limited.then_some(max_bytes)
    }

    /// The bound of a value that a wrapper limits to `max_bytes`. Until the wrapper has checked it,
    /// the value has its full size with a text of it beside it. Only a value within the limit is
    /// used further.
    pub(super) fn bound_limited(
        &mut self,
        parts: Bound,
        value_bytes: Bytes,
        max_bytes: Bytes,
    ) -> Result<Bound, Refusal> {
        let unchecked = Bound {
            live_bytes: value_bytes * 3,
            ..Bound::default()
        };
        self.add_row(unchecked)?;
        Ok(Bound::parent(parts, max_bytes))
    }
}
