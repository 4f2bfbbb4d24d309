//! What is counted for the statement as a whole, and the most that there may be of it.

use super::Measure;
use super::size::{MOST_VALUE, Size};
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// The most steps of operations that PostgreSQL does not interrupt, for one row. A step takes from one nanosecond to eight.
const MOST_STEPS: u64 = 30_000_000;

/// The most items of FROM and sub-selects of one statement: the planner looks for an order of them.
pub(super) const MOST_ITEMS: u64 = 64;

/// What PostgreSQL counts for a sorted value, whatever its length.
pub(super) const OF_SORTED: u64 = 24;

/// The most windows of one statement, each of which may be a sort of its own.
const MOST_WINDOWS: u64 = 32;

impl Measure {
    /// Counts what one query evaluates for a row.
    pub(super) fn hold(&mut self, row: Size) -> Verdict {
        self.held = self.held.saturating_add(row.held);
        self.steps = self.steps.saturating_add(row.steps);
        if self.held > self.most_held {
            return Err(Refusal::new(
                Rule::Size,
                format!(
                    "the query could hold {} MiB of values at once",
                    self.held >> 20
                ),
                format!(
                    "the most is {} MiB; make long texts and arrays shorter, or fewer",
                    self.most_held >> 20
                ),
            ));
        }
        if self.steps > MOST_STEPS {
            return Err(Refusal::new(
                Rule::Size,
                "the query's operations on long values could take too long together",
                "make the values shorter, or the operations fewer",
            ));
        }
        Ok(())
    }

    /// Counts an item of FROM or a sub-select. PostgreSQL may keep its rows, within `work_mem` for each.
    pub(super) fn count_item(&mut self) -> Verdict {
        self.items += 1;
        self.settings.sorted = self.settings.sorted.saturating_add(OF_SORTED);
        few(self.items, MOST_ITEMS, "tables and sub-selects")
    }

    /// Counts again what has been counted since there were so many items and windows: it is copied.
    pub(super) fn count_copies(&mut self, items: u64, windows: u64, copies: u64) -> Verdict {
        let more =
            |count: u64, before: u64| count.saturating_sub(before).saturating_mul(copies - 1);
        self.items = self.items.saturating_add(more(self.items, items));
        self.windows = self.windows.saturating_add(more(self.windows, windows));
        few(self.items, MOST_ITEMS, "tables and sub-selects")?;
        few(self.windows, MOST_WINDOWS, "windows")
    }

    pub(super) fn count_window(&mut self) -> Verdict {
        self.windows += 1;
        self.settings.sorted = self.settings.sorted.saturating_add(OF_SORTED);
        few(self.windows, MOST_WINDOWS, "windows")
    }
}

fn few(count: u64, most: u64, what: &str) -> Verdict {
    if count <= most {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::Size,
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
        Rule::Size,
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
        Rule::Size,
        format!("{what} could make a value of {value} bytes"),
        format!("the most is {most}; make it shorter"),
    )
    .at(location))
}
