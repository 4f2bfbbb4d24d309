//! What is counted for the statement as a whole, and the most that there may be of it.

use super::Measure;
use super::size::{MOST_VALUE, Size};
use crate::query::guard::caps::Caps;
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// The most steps of operations that PostgreSQL does not interrupt, for one row. A step takes from one nanosecond to eight.
const MOST_STEPS: u64 = 30_000_000;

/// The most bytes of a row of each sort and join together: PostgreSQL merges six tapes at once and holds a row of each.
const MOST_CARRIED: u64 = 17 << 20;

/// What PostgreSQL counts for a sorted value, whatever its length.
const OF_SORTED: u64 = 24;

/// The most windows of one statement, each of which may be a sort of its own.
const MOST_WINDOWS: u64 = 32;

/// The most that the longest values of all sorts may have together: with the least `work_mem`, each keeps 2,730 of them.
const MOST_SORTED_TOGETHER: u64 = 64 << 10;

/// What a statement comes to, as far as it has been measured.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    /// The bytes that one row of each query holds.
    held: u64,
    /// The steps that one row of each query takes.
    steps: u64,
    /// Items of FROM and sub-selects.
    pub(super) items: u64,
    /// Comparisons of columns with columns by `=` and `<>`, by which rows may be joined; of rows,
    /// one for each value.
    pub(super) equalities: u64,
    pub(super) windows: u64,
    /// Sub-selects whose rows are counted.
    pub(super) counted: u64,
    /// The longest values of all sorts together, and of what else keeps rows within a `work_mem` of its own.
    pub(super) sorted: u64,
    /// The bytes of a row of each sort and join together.
    pub(super) carried: u64,
}

impl Totals {
    /// The same with so many copies of what has been added since `before`.
    fn copied(self, before: Self, copies: u64) -> Self {
        let copied = |now: u64, before: u64| {
            let added = now.saturating_sub(before);
            before.saturating_add(added.saturating_mul(copies))
        };
        Self {
            held: copied(self.held, before.held),
            steps: copied(self.steps, before.steps),
            items: copied(self.items, before.items),
            equalities: copied(self.equalities, before.equalities),
            windows: copied(self.windows, before.windows),
            counted: copied(self.counted, before.counted),
            sorted: copied(self.sorted, before.sorted),
            carried: copied(self.carried, before.carried),
        }
    }

    fn verdict(self, caps: &Caps, most_held: u64) -> Verdict {
        few(self.items, caps.items, "tables and sub-selects")?;
        few(
            self.equalities,
            caps.equalities,
            "comparisons of columns with columns",
        )?;
        few(self.windows, MOST_WINDOWS, "windows")?;
        if self.held > most_held {
            return Err(Refusal::new(
                Rule::Cost,
                format!(
                    "the query could hold {} MiB of values at once",
                    self.held >> 20
                ),
                format!(
                    "the most is {} MiB; make long texts and arrays shorter, or fewer",
                    most_held >> 20
                ),
            ));
        }
        if self.steps > MOST_STEPS {
            return Err(Refusal::new(
                Rule::Cost,
                "the query's operations on long values could take too long together",
                "make the values shorter, or the operations fewer",
            ));
        }
        if self.sorted > MOST_SORTED_TOGETHER {
            return Err(Refusal::new(
                Rule::Cost,
                "the query has too many sorts of long values, DISTINCT and GROUP BY among them",
                "sort and group fewer times, or by something shorter",
            ));
        }
        if self.carried > MOST_CARRIED {
            return Err(Refusal::new(
                Rule::Cost,
                format!(
                    "the query would sort and join rows of up to {} bytes, over all its sorts and joins",
                    self.carried
                ),
                format!(
                    "the most is {MOST_CARRIED}; make long texts and arrays after sorting and joining"
                ),
            ));
        }
        Ok(())
    }
}

impl Measure {
    /// Counts what one query evaluates for a row.
    pub(super) fn hold(&mut self, row: Size) -> Verdict {
        self.totals.held = self.totals.held.saturating_add(row.held);
        self.totals.steps = self.totals.steps.saturating_add(row.steps);
        self.totals.verdict(&self.caps, self.most_held)
    }

    /// Counts an item of FROM or a sub-select. PostgreSQL may keep its rows, within `work_mem` for each.
    pub(super) fn count_item(&mut self) -> Verdict {
        self.totals.items += 1;
        self.count_sort(0)
    }

    /// Counts comparisons by which rows may be joined.
    pub(super) fn count_equalities(&mut self, count: usize) -> Verdict {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.totals.equalities = self.totals.equalities.saturating_add(count);
        self.totals.verdict(&self.caps, self.most_held)
    }

    pub(super) fn count_window(&mut self) -> Verdict {
        self.totals.windows += 1;
        self.count_sort(0)
    }

    /// Counts a sort of values of so many bytes.
    pub(super) fn count_sort(&mut self, longest: u64) -> Verdict {
        let sort = longest.saturating_add(OF_SORTED);
        self.totals.sorted = self.totals.sorted.saturating_add(sort);
        self.totals.verdict(&self.caps, self.most_held)
    }

    /// Counts sorts of rows of so many bytes, whatever they are sorted by.
    pub(super) fn carry(&mut self, row: u64, times: u64) -> Verdict {
        let carried = row.saturating_mul(times);
        self.totals.carried = self.totals.carried.saturating_add(carried);
        self.totals.verdict(&self.caps, self.most_held)
    }

    /// Counts so many copies of what has been measured since `before`.
    pub(super) fn count_copies(&mut self, before: Totals, copies: u64) -> Verdict {
        self.totals = self.totals.copied(before, copies);
        self.totals.verdict(&self.caps, self.most_held)
    }
}

/// Whether there may be so many columns.
pub(super) fn few_columns(count: usize, max: u64, what: &str) -> Verdict {
    few(u64::try_from(count).unwrap_or(u64::MAX), max, what)
}

fn few(count: u64, most: u64, what: &str) -> Verdict {
    if count <= most {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("the query has too many {what}"),
        format!("the most is {most}; ask in smaller steps"),
    ))
}

/// The steps of an operation that takes `left` times `right` of them, for values of so many bytes.
pub(super) fn steps(what: &str, left: u64, right: u64, location: i32) -> Result<u64, Refusal> {
    let steps = left.saturating_mul(right);
    if steps <= MOST_STEPS {
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
pub(super) fn within(what: &str, value: u64, location: i32) -> Verdict {
    within_of(what, value, MOST_VALUE, location)
}

/// The same for another bound.
pub(super) fn within_of(what: &str, value: u64, most: u64, location: i32) -> Verdict {
    if value <= most {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Cost,
        format!("{what} could make a value of {value} bytes"),
        format!("the most is {most}; make it shorter"),
    )
    .at(location))
}
