//! Bounds what a statement can cost PostgreSQL before PostgreSQL sees it.
//!
//! A short statement can fill the database's memory in ways that no setting of PostgreSQL stops. It computes constants while
//! it plans, before any timeout looks: `repeat(repeat(repeat('x', 1000), 1000), 1000)`. It puts the expression of a sub-query
//! in the place of each of its names, so that a chain of `SELECT v + v AS v` doubles at every link. And some of its parts know
//! no `work_mem`: aggregates that collect, hashed sub-selects, sorts of one long column.
//!
//! So each expression gets a bound, from below: how many nodes it will be, how many bytes its value can have, how many those
//! before it hold. Where the text tells a size, it is judged here. Where only the running statement knows, the call is replaced
//! by a twin in the schema `bounded`, which refuses what is too large. Where a name would multiply an expression, the sub-query
//! is fenced. What remains is told to the planner as settings of this one transaction.
//!
//! Must not know tenants or connections. Runs on trees that `walk` has accepted. Invariant: bounds are from above; what is not
//! known is taken for the largest it can be. `docs/security.md` tells what is measured.
mod call; // functions, by their growth
mod collect; // aggregates that collect as many values as there are rows
mod expression; // every other expression
mod from; // what a query reads from
mod join; // whether a FROM clause can multiply rows
mod query; // SELECT and its clauses
mod size; // nodes, bytes of a value, bytes held
mod sources; // what stands in FROM
mod tree; // nodes that we read or add
mod with; // named queries, recursion

use pg_query::protobuf::SelectStmt;

use super::name::Verdict;
use super::planner::PlannerSettings;
use super::refusal::{Refusal, Rule};

use size::MOST_HELD;
use sources::{Column, Sources};

/// The most nodes that a statement may have in PostgreSQL's planner, which takes about 0.8 KiB for each.
const MOST_NODES: u64 = 30_000;

/// A column of so many nodes is fenced: names of it stand for its value, not for its expression. Ordinary columns have tens.
const FENCED_ABOVE: u64 = 1_000;

/// The bytes that what aggregates collect may take, together: the budget of the aggregate `bounded.admits`.
const MOST_COLLECTED: u64 = 10 << 20;

/// The most items of FROM and sub-selects of one statement: the planner looks for an order of them.
const MOST_ITEMS: u64 = 64;

/// The most windows of one statement, each of which may be a sort of its own.
const MOST_WINDOWS: u64 = 32;

/// Bounds a whole statement, rewrites it where that takes it, and says with which settings it shall be planned.
///
/// `collecting` is how many aggregates collect, each as often as there are groupings of its query.
pub(super) fn bound(select: &mut SelectStmt, collecting: u64) -> Result<PlannerSettings, Refusal> {
    let original = select.clone();
    let (settings, nodes) = measure(select, collecting, FENCED_ABOVE)?;
    if nodes <= MOST_NODES {
        return Ok(settings);
    }
    // Every sub-query that does anything is fenced: what is left is the text's own size.
    *select = original;
    let (settings, nodes) = measure(select, collecting, 1)?;
    if nodes <= MOST_NODES {
        return Ok(settings);
    }
    Err(Refusal::new(
        Rule::Size,
        format!(
            "the query is too large: {nodes} terms, where names of sub-queries count as what they stand for"
        ),
        format!("the most is {MOST_NODES}; ask in smaller steps"),
    ))
}

fn measure(
    select: &mut SelectStmt,
    collecting: u64,
    fenced_above: u64,
) -> Result<(PlannerSettings, u64), Refusal> {
    let mut measure = Measure {
        named: Vec::new(),
        sources: Sources::default(),
        nodes: 0,
        held: 0,
        steps: 0,
        fenced_above,
        collecting: collecting.max(1),
        items: 0,
        windows: 0,
        settings: PlannerSettings::default(),
    };
    measure.query(select)?;
    Ok((measure.settings, measure.nodes))
}

struct Measure {
    /// What WITH clauses have named, innermost last.
    named: Vec<Named>,
    sources: Sources,
    /// Of everything so far, after inlining.
    nodes: u64,
    /// The bytes that one row of each query so far holds.
    held: u64,
    /// What the operations so far could take that PostgreSQL does not interrupt.
    steps: u64,
    fenced_above: u64,
    /// How many aggregates share what may be collected.
    collecting: u64,
    /// Items of FROM and sub-selects so far.
    items: u64,
    /// Windows so far.
    windows: u64,
    settings: PlannerSettings,
}

/// A query that a WITH clause has named.
struct Named {
    name: String,
    columns: Vec<Column>,
    branches: u64,
}

impl Measure {
    /// Counts what one query evaluates for a row.
    fn hold(&mut self, held: u64) -> Verdict {
        self.held = self.held.saturating_add(held);
        if self.held > MOST_HELD {
            return Err(Refusal::new(
                Rule::Size,
                format!(
                    "the query could hold {} MiB of values at once",
                    self.held >> 20
                ),
                format!(
                    "the most is {} MiB; make long texts and arrays shorter, or fewer",
                    MOST_HELD >> 20
                ),
            ));
        }
        Ok(())
    }
}

impl Measure {
    /// Counts an item of FROM or a sub-select.
    fn count_item(&mut self) -> Verdict {
        self.items += 1;
        few(self.items, MOST_ITEMS, "tables and sub-selects")
    }

    fn count_window(&mut self) -> Verdict {
        self.windows += 1;
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

/// The most steps of operations that PostgreSQL does not interrupt, for one row. A step takes from one nanosecond to eight.
const MOST_STEPS: u64 = 30_000_000;

impl Measure {
    /// Counts an operation that takes `left` times `right` steps, for values of so many bytes.
    fn steps(&mut self, what: &str, left: u64, right: u64, location: i32) -> Verdict {
        self.steps = self.steps.saturating_add(left.saturating_mul(right));
        if self.steps <= MOST_STEPS {
            return Ok(());
        }
        Err(Refusal::new(
            Rule::Size,
            format!("{what} over values of up to {left} and {right} bytes could take too long"),
            "make one of them shorter",
        )
        .at(location))
    }
}

/// A value that could be too long.
fn too_long(what: &str, bytes: u64, location: i32) -> Refusal {
    Refusal::new(
        Rule::Size,
        format!("{what} could make a value of {bytes} bytes"),
        format!("the most is {}; make it shorter", size::MOST_VALUE),
    )
    .at(location)
}

#[cfg(test)]
mod tests;
