//! Bounds what a statement can cost PostgreSQL before PostgreSQL sees it.
//!
//! A short statement can fill the database's memory in ways that no setting of PostgreSQL stops. It computes constants while
//! it plans, before any timeout looks: `repeat(repeat(repeat('x', 1000), 1000), 1000)`. It puts the expression of a sub-query
//! in the place of each of its names, so that a chain of `SELECT v + v AS v` doubles at every link. And some of its parts know
//! no `work_mem`: aggregates that collect, hashed sub-selects, sorts of one long column.
//!
//! So each expression gets a bound, built up from its parts: how many nodes it will be, how many bytes its value can have, how many those
//! before it hold. Where the text tells a size, it is judged here. Where only the running statement knows, the call is replaced
//! by a twin in the schema `bounded`, which refuses what is too large. Where a name would multiply an expression, the sub-query
//! is fenced. What remains is told to the planner as settings of this one transaction.
//!
//! Must not know tenants or connections. Runs on trees that `walk` has accepted. Invariant: bounds are from above; what is not
//! known is taken for the largest it can be. `docs/security.md` tells what is measured.
mod call; // functions, by their growth
mod cast; // what a type makes of a value
mod collect; // aggregates that collect as many values as there are rows
mod collected; // how long that may become
mod column_name; // what a column without a name is called
mod columns; // the columns of a result
mod count; // what is counted for the whole statement
mod expression; // every other expression
mod from; // what a query reads from
mod full_text; // texts that are searched, and what is sought
mod grouped; // what depends on a key in GROUP BY
mod join; // whether a FROM clause can multiply rows
mod json_path; // JSON paths, by their tokens
mod made; // nodes that we add
mod operator; // operators, by their growth and time
mod own_rule; // functions that grow in ways of their own
mod pattern; // regular expressions
mod query; // SELECT and its clauses
mod retained; // what a backend keeps of a statement
mod size; // nodes, bytes of a value, bytes held
mod sort; // what is sorted, and what is kept for it
mod sources; // what stands in FROM
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE and their kin
mod star; // what * stands for
mod sub_link; // sub-selects in expressions
mod time; // time zones
mod tree; // nodes that we read
mod weighed; // nodes that weigh what is collected
mod with; // named queries, recursion
mod withheld; // columns of tables that no client may read

use pg_query::protobuf::SelectStmt;

use super::caps::Caps;
use super::planner::{MAX_MERGED_EQUALITIES, PlannerSettings};
use super::refusal::{Refusal, Rule};

use collected::{Attempt, CollectedLimits, CollectingQueries};
use columns::Columns;
use count::Totals;
use sources::Sources;

/// The most bytes that all values of one statement may have together, as far as they can exist at the same time: those of
/// one row of each of its queries.
pub(super) const MOST_HELD: u64 = 64 << 20;

/// The same for EXPLAIN, which writes what was computed while planning into its plan, each byte as up to six and more than once.
pub(super) const MOST_EXPLAINED: u64 = 1 << 20;

/// The most nodes that a statement may have in PostgreSQL's planner, which takes about 0.8 KiB for each.
const MOST_NODES: u64 = 30_000;

/// A column of so many nodes is fenced: names of it stand for its value, not for its expression. Ordinary columns have tens.
const FENCED_ABOVE: u64 = 1_000;

/// The bytes that what aggregates collect may take, together: the budget of the aggregate `bounded.admits`.
const MOST_COLLECTED: u64 = 10 << 20;

/// Bounds a whole statement, rewrites it where that takes it, and says with which settings it shall be planned.
///
/// `collecting` is how many aggregates collect, each as often as there are groupings of its query.
pub(super) fn bound(
    select: &mut SelectStmt,
    collecting: u64,
    most_held: u64,
    caps: Caps,
) -> Result<Bounded, Refusal> {
    let (attempt, bounded) = collected::with_largest_limits(collecting > 0, |limits| {
        within_limits(select, collecting, most_held, caps, limits)
    })?;
    *select = attempt;
    Ok(bounded)
}

/// The same, with limits for what aggregates collect.
fn within_limits(
    select: &SelectStmt,
    collecting: u64,
    most_held: u64,
    caps: Caps,
    limits: &CollectedLimits,
) -> Attempt<(SelectStmt, Bounded)> {
    let measured = |fenced_above: u64, counting: u64| {
        let mut attempt = select.clone();
        let mut measure = Measure {
            caps,
            most_held,
            fenced_above,
            counting,
            collecting: collecting.max(1),
            groupings: 1,
            collected_limits: limits.clone(),
            ..Measure::default()
        };
        measure.query(&mut attempt)?;
        Ok((attempt, measure))
    };
    let mut nodes = 0;
    // If that does not suffice, every sub-query that does anything is fenced: what is left is the text's own size.
    for fenced_above in [FENCED_ABOVE, 1] {
        let (mut attempt, mut measure) = measured(fenced_above, 1)?;
        if measure.totals.counted > 1 {
            // They share what there is, now that it is known how many they are.
            (attempt, measure) = measured(fenced_above, measure.totals.counted)?;
        }
        nodes = measure.nodes;
        if nodes <= MOST_NODES {
            let bounded = Bounded {
                settings: measure.planned()?,
                retained_bytes: measure.retained_bytes,
            };
            let collecting = measure.collecting_queries.into_found();
            return Ok(((attempt, bounded), collecting));
        }
    }
    Err(Refusal::new(
        Rule::Cost,
        format!(
            "the query is too large: {nodes} terms, where names of sub-queries count as what they stand for"
        ),
        format!("the most is {MOST_NODES}; ask in smaller steps"),
    ))
}

/// What is known of a statement that has been bounded.
pub(super) struct Bounded {
    /// How PostgreSQL shall plan it.
    pub(super) settings: PlannerSettings,
    /// What a backend may keep of it for as long as its connection lives.
    pub(super) retained_bytes: u64,
}

impl Measure {
    /// How PostgreSQL shall plan what has been measured.
    fn planned(&self) -> Result<PlannerSettings, Refusal> {
        let settings = PlannerSettings {
            sort_value_bytes: self.totals.sorted,
            sort_row_bytes: self.totals.carried,
            from_items: self.totals.items,
            equalities: self.totals.equalities,
            ..self.settings
        };
        // A FULL JOIN is merged whatever the settings say (`add_paths_to_joinrel` of joinpath.c).
        if self.joins_fully && !settings.allows_merge_join() {
            return Err(Refusal::new(
                Rule::Cost,
                "the query has a FULL JOIN beside too many comparisons of columns",
                format!(
                    "the most beside a FULL JOIN is {MAX_MERGED_EQUALITIES}; use LEFT JOIN or UNION ALL, or ask in smaller steps"
                ),
            ));
        }
        Ok(settings)
    }
}

#[derive(Default)]
struct Measure {
    caps: Caps,
    /// What WITH clauses have named, innermost last.
    named: Vec<Named>,
    sources: Sources,
    /// Of which query each name so far was, as far as that is known.
    meant: Vec<Option<usize>>,
    /// Of everything so far, after inlining.
    nodes: u64,
    totals: Totals,
    /// The most that one row of each query may hold together, in bytes.
    most_held: u64,
    /// Calls so far of `min` and `max`: for each, PostgreSQL plans its query once more.
    extremes: u64,
    fenced_above: u64,
    /// How many aggregates share what may be collected.
    collecting: u64,
    /// How many groupings the innermost query has.
    groupings: u64,
    /// How long each of their values may become, where less than they share.
    collected_limits: CollectedLimits,
    collecting_queries: CollectingQueries,
    /// How many sub-selects share what their rows may take.
    counting: u64,
    /// Comparisons so far by `=`.
    equalities: u64,
    /// The longest value that one of them has on a side and that PostgreSQL knows before the statement runs.
    longest_equal: u64,
    /// What a backend may keep of everything so far.
    retained_bytes: u64,
    /// Whether there is a FULL JOIN.
    joins_fully: bool,
    /// Whether the query that is measured next is a sub-select of one value, which PostgreSQL does not compute before.
    waits: bool,
    /// Calls so far of functions that return sets.
    set_returning: u64,
    settings: PlannerSettings,
}

/// A query that a WITH clause has named.
struct Named {
    name: String,
    /// What it gives; nothing yet for one that stands further on in a WITH RECURSIVE.
    gives: Option<Gives>,
    /// Whether something has read it.
    read: bool,
}

#[derive(Clone)]
struct Gives {
    columns: Columns,
    branches: u64,
    few_rows: bool,
}

#[cfg(test)]
mod tests;
