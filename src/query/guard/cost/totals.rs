//! What is counted for the statement as a whole, and the most that there may be of it.

use super::CostAnalyzer;
use super::bound::{Bound, MAX_VALUE_BYTES};
use crate::query::guard::caps::Caps;
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// The most steps of operations that PostgreSQL does not interrupt, for one row. A step takes from one nanosecond to eight.
const MAX_UNINTERRUPTIBLE_STEPS: u64 = 30_000_000;

/// The most bytes of a row of each sort and join together: PostgreSQL merges six tapes at once and holds a row of each.
const MAX_SORT_ROW_BYTES: u64 = 17 << 20;

/// What PostgreSQL counts for a sorted value, whatever its length.
const BYTES_PER_SORTED_VALUE: u64 = 24;

/// The most windows of one statement, each of which may be a sort of its own.
const MAX_WINDOWS: u64 = 32;

/// The most that the longest values of all sorts may have together: with the least `work_mem`, each keeps 2,730 of them.
const MAX_SORTED_BYTES: u64 = 64 << 10;

/// What a statement comes to, as far as it has been measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// The bytes that one row of each query holds.
    live_bytes: u64,
    /// The steps that one row of each query takes.
    uninterruptible_steps: u64,
    /// Items of FROM and sub-selects.
    pub(super) items: u64,
    /// Comparisons of columns with columns by `=` and `<>`, by which rows may be joined; of rows,
    /// one for each value.
    pub(super) equalities: u64,
    pub(super) windows: u64,
    /// Sub-selects whose rows are counted.
    pub(super) hashed_subplans: u64,
    /// The longest values of all sorts together, and of what else keeps rows within a `work_mem` of its own.
    pub(super) sorted_bytes: u64,
    /// The bytes of a row of each sort and join together.
    pub(super) sort_row_bytes: u64,
}

impl Totals {
    /// The same with so many copies of what has been added since `before`.
    fn multiplied_since(self, before: Self, copies: u64) -> Self {
        let copied = |now: u64, before: u64| {
            let added = now.saturating_sub(before);
            before.saturating_add(added.saturating_mul(copies))
        };
        Self {
            live_bytes: copied(self.live_bytes, before.live_bytes),
            uninterruptible_steps: copied(self.uninterruptible_steps, before.uninterruptible_steps),
            items: copied(self.items, before.items),
            equalities: copied(self.equalities, before.equalities),
            windows: copied(self.windows, before.windows),
            hashed_subplans: copied(self.hashed_subplans, before.hashed_subplans),
            sorted_bytes: copied(self.sorted_bytes, before.sorted_bytes),
            sort_row_bytes: copied(self.sort_row_bytes, before.sort_row_bytes),
        }
    }

    fn check(self, caps: &Caps, max_live_bytes: u64) -> Verdict {
        check_count(self.items, caps.items, "tables and sub-selects")?;
        check_count(
            self.equalities,
            caps.equalities,
            "comparisons of columns with columns",
        )?;
        check_count(self.windows, MAX_WINDOWS, "windows")?;
        if self.live_bytes > max_live_bytes {
            return Err(Refusal::new(
                Rule::Cost,
                format!(
                    "the query could hold {} MiB of values at once",
                    self.live_bytes >> 20
                ),
                format!(
                    "the most is {} MiB; make long texts and arrays shorter, or fewer",
                    max_live_bytes >> 20
                ),
            ));
        }
        if self.uninterruptible_steps > MAX_UNINTERRUPTIBLE_STEPS {
            return Err(Refusal::new(
                Rule::Cost,
                "the query's operations on long values could take too long together",
                "make the values shorter, or the operations fewer",
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
                    "the most is {MAX_SORT_ROW_BYTES}; make long texts and arrays after sorting and joining"
                ),
            ));
        }
        Ok(())
    }
}

impl CostAnalyzer {
    /// Counts what one query evaluates for a row.
    pub(super) fn add_row(&mut self, row: Bound) -> Verdict {
        self.totals.live_bytes = self.totals.live_bytes.saturating_add(row.live_bytes);
        self.totals.uninterruptible_steps = self
            .totals
            .uninterruptible_steps
            .saturating_add(row.uninterruptible_steps);
        self.totals.check(&self.caps, self.max_live_bytes)
    }

    /// Counts an item of FROM or a sub-select. PostgreSQL may keep its rows, within `work_mem` for each.
    pub(super) fn add_item(&mut self) -> Verdict {
        self.totals.items += 1;
        self.add_sort(0)
    }

    /// Counts comparisons by which rows may be joined.
    pub(super) fn add_equalities(&mut self, count: usize) -> Verdict {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.totals.equalities = self.totals.equalities.saturating_add(count);
        self.totals.check(&self.caps, self.max_live_bytes)
    }

    pub(super) fn add_window(&mut self) -> Verdict {
        self.totals.windows += 1;
        self.add_sort(0)
    }

    /// Counts a sort of values of so many bytes.
    pub(super) fn add_sort(&mut self, value_bytes: u64) -> Verdict {
        let sort = value_bytes.saturating_add(BYTES_PER_SORTED_VALUE);
        self.totals.sorted_bytes = self.totals.sorted_bytes.saturating_add(sort);
        self.totals.check(&self.caps, self.max_live_bytes)
    }

    /// Counts sorts of rows of so many bytes, whatever they are sorted by.
    pub(super) fn add_sort_rows(&mut self, row: u64, times: u64) -> Verdict {
        let row_bytes = row.saturating_mul(times);
        self.totals.sort_row_bytes = self.totals.sort_row_bytes.saturating_add(row_bytes);
        self.totals.check(&self.caps, self.max_live_bytes)
    }

    /// Counts so many copies of what has been measured since `before`.
    pub(super) fn add_copies(&mut self, before: Totals, copies: u64) -> Verdict {
        self.totals = self.totals.multiplied_since(before, copies);
        self.totals.check(&self.caps, self.max_live_bytes)
    }
}

/// Whether there may be so many columns.
pub(super) fn check_column_count(count: usize, max: u64, what: &str) -> Verdict {
    check_count(u64::try_from(count).unwrap_or(u64::MAX), max, what)
}

fn check_count(count: u64, max: u64, what: &str) -> Verdict {
    if count <= max {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("the query has too many {what}"),
        format!("the most is {max}; ask in smaller steps"),
    ))
}

/// The steps of an operation that takes `left` times `right` of them, for values of so many bytes.
pub(super) fn check_steps(
    what: &str,
    left: u64,
    right: u64,
    location: i32,
) -> Result<u64, Refusal> {
    let steps = left.saturating_mul(right);
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

/// Whether one value may be so long.
pub(super) fn check_value_bytes(what: &str, value: u64, location: i32) -> Verdict {
    check_bytes(what, value, MAX_VALUE_BYTES, location)
}

/// The same for another bound.
pub(super) fn check_bytes(what: &str, value: u64, max: u64, location: i32) -> Verdict {
    if value <= max {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("{what} could make a value of {value} bytes"),
        format!("the most is {max}; make it shorter"),
    )
    .at(location))
}
