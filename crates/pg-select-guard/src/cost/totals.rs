//! Totals of a whole statement, and their limits.

use super::CostAnalyzer;
use super::bound::Bound;
use super::limits::{
    BYTES_PER_SORTED_VALUE, MAX_SORT_ROW_BYTES, MAX_SORTED_BYTES, MAX_UNINTERRUPTIBLE_STEPS,
    MAX_VALUE_BYTES, MAX_WINDOWS,
};
use super::units::{Bytes, Steps, to_u64};
use crate::limits::Limits;
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};

/// Totals of a statement, as far as it has been analyzed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// Live bytes of one row of each query.
    live_bytes: Bytes,
    /// Uninterruptible steps for one row of each query.
    uninterruptible_steps: Steps,
    /// FROM items and SubLinks.
    pub(super) items: u64,
    /// Comparisons of columns with columns by `=` and `<>`, by which rows may be joined. A
    /// comparison of rows counts once for each value.
    pub(super) equalities: u64,
    pub(super) windows: u64,
    /// SubLinks that may become hashed subplans, whose rows are limited at run time.
    pub(super) hashed_subplans: u64,
    /// Sum of the longest values of all sorts, and of all other nodes that keep rows within a
    /// `work_mem` of their own.
    pub(super) sorted_bytes: Bytes,
    /// Sum, over all sorts and joins, of the bytes of one row.
    pub(super) sort_row_bytes: Bytes,
}

impl Totals {
    /// The totals if everything added since `before` occurred `copies` times.
    fn multiplied_since(self, before: Self, copies: u64) -> Self {
        let copied = |now: u64, before: u64| {
            let added = now.saturating_sub(before);
            before.saturating_add(added.saturating_mul(copies))
        };
        let copied_bytes = |now: Bytes, before: Bytes| before + now.added_since(before) * copies;
        let added_steps = self
            .uninterruptible_steps
            .added_since(before.uninterruptible_steps);
        Self {
            live_bytes: copied_bytes(self.live_bytes, before.live_bytes),
            uninterruptible_steps: before.uninterruptible_steps + added_steps * copies,
            items: copied(self.items, before.items),
            equalities: copied(self.equalities, before.equalities),
            windows: copied(self.windows, before.windows),
            hashed_subplans: copied(self.hashed_subplans, before.hashed_subplans),
            sorted_bytes: copied_bytes(self.sorted_bytes, before.sorted_bytes),
            sort_row_bytes: copied_bytes(self.sort_row_bytes, before.sort_row_bytes),
        }
    }

    fn check(self, limits: &Limits, max_live_bytes: Bytes) -> CheckOutcome {
        check_count(self.items, limits.items, "tables and subqueries")?;
        check_count(
            self.equalities,
            limits.equalities,
            "comparisons of columns with columns",
        )?;
        check_count(self.windows, MAX_WINDOWS, "windows")?;
        if self.live_bytes > max_live_bytes {
            return Err(Refusal::new(
                Rule::Cost,
                format!(
                    "the query could hold {} MiB of values at once",
                    self.live_bytes.to_mib()
                ),
                format!(
                    "the maximum is {} MiB; use shorter or fewer long texts and arrays",
                    max_live_bytes.to_mib()
                ),
            ));
        }
        if self.uninterruptible_steps > MAX_UNINTERRUPTIBLE_STEPS {
            return Err(Refusal::new(
                Rule::Cost,
                "the query's operations on long values could take too long together",
                "use shorter values or fewer operations",
            ));
        }
        if self.sorted_bytes > MAX_SORTED_BYTES {
            return Err(Refusal::new(
                Rule::Cost,
                "the query has too many sorts of long values, DISTINCT and GROUP BY among them",
                "sort and group fewer times, or by something shorter",
            ));
        }
        if self.sort_row_bytes > MAX_SORT_ROW_BYTES {
            return Err(Refusal::new(
                Rule::Cost,
                format!(
                    "the query would sort and join rows of up to {} bytes, over all its sorts and joins",
                    self.sort_row_bytes
                ),
                format!(
                    "the maximum is {MAX_SORT_ROW_BYTES}; compute long texts and arrays after sorting and joining"
                ),
            ));
        }
        Ok(())
    }
}

impl CostAnalyzer {
    /// Adds what one query evaluates for a row.
    pub(super) fn add_row(&mut self, row: Bound) -> CheckOutcome {
        self.totals.live_bytes += row.live_bytes;
        self.totals.uninterruptible_steps += row.uninterruptible_steps;
        self.totals.check(&self.limits, self.max_live_bytes)
    }

    /// Adds a FROM item or a SubLink. PostgreSQL may keep the rows of each within its own
    /// `work_mem`.
    pub(super) fn add_item(&mut self) -> CheckOutcome {
        self.totals.items += 1;
        self.add_sort(Bytes::ZERO)
    }

    /// Adds comparisons by which rows may be joined.
    pub(super) fn add_equalities(&mut self, count: usize) -> CheckOutcome {
        self.totals.equalities = self.totals.equalities.saturating_add(to_u64(count));
        self.totals.check(&self.limits, self.max_live_bytes)
    }

    pub(super) fn add_window(&mut self) -> CheckOutcome {
        self.totals.windows += 1;
        self.add_sort(Bytes::ZERO)
    }

    /// Adds a sort of values of at most this many bytes.
    pub(super) fn add_sort(&mut self, value_bytes: Bytes) -> CheckOutcome {
        self.totals.sorted_bytes += value_bytes + BYTES_PER_SORTED_VALUE;
        self.totals.check(&self.limits, self.max_live_bytes)
    }

    /// Adds sorts of rows of this many bytes, whatever the sort keys.
    pub(super) fn add_sort_rows(&mut self, row: Bytes, times: u64) -> CheckOutcome {
        self.totals.sort_row_bytes += row * times;
        self.totals.check(&self.limits, self.max_live_bytes)
    }

    /// Counts everything added since `before` `copies` times.
    pub(super) fn add_copies(&mut self, before: Totals, copies: u64) -> CheckOutcome {
        self.totals = self.totals.multiplied_since(before, copies);
        self.totals.check(&self.limits, self.max_live_bytes)
    }
}

/// Checks the number of columns against a limit.
pub(super) fn check_column_count(count: usize, max: u64, what: &str) -> CheckOutcome {
    check_count(to_u64(count), max, what)
}

fn check_count(count: u64, max: u64, what: &str) -> CheckOutcome {
    if count <= max {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("the query has too many {what}"),
        format!("the maximum is {max}; split the query into smaller ones"),
    ))
}

/// Checks an operation that takes `left` × `right` steps, the numbers of bytes or other parts of
/// its operands, and returns the steps.
pub(super) fn check_steps(
    what: &str,
    left: u64,
    right: u64,
    location: i32,
) -> Result<Steps, Refusal> {
    let steps = Steps::for_pairs(left, right);
    if steps <= MAX_UNINTERRUPTIBLE_STEPS {
        return Ok(steps);
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("{what} over values of up to {left} and {right} bytes could take too long"),
        "make one of them shorter",
    )
    .at(location))
}

/// The refusal of a value that an operation would process too slowly.
pub(super) fn input_too_long(what: &str, bytes: Bytes, max: Bytes, location: i32) -> Refusal {
    Refusal::new(
        Rule::Cost,
        format!("{what} would process values of up to {bytes} bytes"),
        format!("the maximum is {max}; use shorter values"),
    )
    .at(location)
}

/// Checks the size of one value against [`MAX_VALUE_BYTES`].
pub(super) fn check_value_bytes(what: &str, value: Bytes, location: i32) -> CheckOutcome {
    check_bytes(what, value, MAX_VALUE_BYTES, location)
}

/// Checks the size of one value against another limit.
pub(super) fn check_bytes(what: &str, value: Bytes, max: Bytes, location: i32) -> CheckOutcome {
    if value <= max {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("{what} could produce a value of {value} bytes"),
        format!("the maximum is {max}; make it shorter"),
    )
    .at(location))
}
