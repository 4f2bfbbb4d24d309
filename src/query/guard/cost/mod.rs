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
mod aggregate_limits; // how long that may become
mod aggregate_state; // aggregates that collect as many values as there are rows
mod aggregate_weights; // nodes that weigh what is collected
mod bound; // nodes, bytes of a value, bytes held
mod build_ast; // nodes that we add
mod call; // functions, by their growth
mod cast; // what a type makes of a value
mod column_name; // what a column without a name is called
mod columns; // the columns of a result
mod cte; // named queries, recursion
mod custom_rule; // functions that grow in ways of their own
mod expression; // every other expression
mod from_clause; // what a query reads from
mod full_text; // texts that are searched, and what is sought
mod functional_dependency; // what depends on a key in GROUP BY
mod inspect; // nodes that we read
mod join; // whether a FROM clause can multiply rows
mod json_path; // JSON paths, by their tokens
mod operator; // operators, by their growth and time
mod query; // SELECT and its clauses
mod range_table; // what stands in FROM
mod regex; // regular expressions
mod retained; // what a backend keeps of a statement
mod sort; // what is sorted, and what is kept for it
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE and their kin
mod star; // what * stands for
mod sub_link; // sub-selects in expressions
mod time_zone; // time zones
mod totals; // what is counted for the whole statement
mod withheld; // columns of tables that no client may read

use pg_query::protobuf::SelectStmt;

use super::caps::Caps;
use super::planner::{MAX_MERGED_EQUALITIES, PlannerSettings};
use super::refusal::{Refusal, Rule};

use aggregate_limits::{AccumulatingQueries, AggregateLimits, Attempt};
use columns::Columns;
use range_table::RangeTable;
use totals::Totals;

/// The most bytes that all values of one statement may have together, as far as they can exist at the same time: those of
/// one row of each of its queries.
pub(super) const MAX_LIVE_BYTES: u64 = 64 << 20;

/// The same for EXPLAIN, which writes what was computed while planning into its plan, each byte as up to six and more than once.
pub(super) const MAX_EXPLAIN_LIVE_BYTES: u64 = 1 << 20;

/// The most nodes that a statement may have in PostgreSQL's planner, which takes about 0.8 KiB for each.
const MAX_NODES: u64 = 30_000;

/// A column of so many nodes is fenced: names of it stand for its value, not for its expression. Ordinary columns have tens.
const MAX_UNFENCED_NODES: u64 = 1_000;

/// The bytes that what aggregates collect may take, together: the budget of the aggregate `bounded.admits`.
const MAX_AGGREGATE_STATE_BYTES: u64 = 10 << 20;

/// Bounds a whole statement, rewrites it where that takes it, and says with which settings it shall be planned.
///
/// `collecting` is how many aggregates collect, each as often as there are groupings of its query.
pub(super) fn bound_statement(
    select: &mut SelectStmt,
    accumulating_aggregates: u64,
    max_live_bytes: u64,
    caps: Caps,
) -> Result<BoundedStatement, Refusal> {
    let (attempt, bounded) =
        aggregate_limits::with_largest_limits(accumulating_aggregates > 0, |limits| {
            bound_within(
                select,
                accumulating_aggregates,
                max_live_bytes,
                caps,
                limits,
            )
        })?;
    *select = attempt;
    Ok(bounded)
}

/// The same, with limits for what aggregates collect.
fn bound_within(
    select: &SelectStmt,
    accumulating_aggregates: u64,
    max_live_bytes: u64,
    caps: Caps,
    limits: &AggregateLimits,
) -> Attempt<(SelectStmt, BoundedStatement)> {
    let analyze = |max_unfenced_nodes: u64, hashed_subplans: u64| {
        let mut attempt = select.clone();
        let mut analyzer = CostAnalyzer {
            caps,
            max_live_bytes,
            max_unfenced_nodes,
            hashed_subplans,
            accumulating_aggregates: accumulating_aggregates.max(1),
            grouping_sets: 1,
            aggregate_limits: limits.clone(),
            ..CostAnalyzer::default()
        };
        analyzer.bound_query(&mut attempt)?;
        Ok((attempt, analyzer))
    };
    let mut nodes = 0;
    // If that does not suffice, every sub-query that does anything is fenced: what is left is the text's own size.
    for max_unfenced_nodes in [MAX_UNFENCED_NODES, 1] {
        let (mut attempt, mut analyzer) = analyze(max_unfenced_nodes, 1)?;
        if analyzer.totals.hashed_subplans > 1 {
            // They share what there is, now that it is known how many they are.
            (attempt, analyzer) = analyze(max_unfenced_nodes, analyzer.totals.hashed_subplans)?;
        }
        nodes = analyzer.nodes;
        if nodes <= MAX_NODES {
            let bounded = BoundedStatement {
                settings: analyzer.planner_settings()?,
                retained_bytes: analyzer.retained_bytes,
            };
            let accumulating_aggregates = analyzer.accumulating_queries.into_indices();
            return Ok(((attempt, bounded), accumulating_aggregates));
        }
    }
    Err(Refusal::new(
        Rule::Cost,
        format!(
            "the query is too large: {nodes} terms, where names of sub-queries count as what they stand for"
        ),
        format!("the most is {MAX_NODES}; ask in smaller steps"),
    ))
}

/// What is known of a statement that has been bounded.
pub(super) struct BoundedStatement {
    /// How PostgreSQL shall plan it.
    pub(super) settings: PlannerSettings,
    /// What a backend may keep of it for as long as its connection lives.
    pub(super) retained_bytes: u64,
}

impl CostAnalyzer {
    /// How PostgreSQL shall plan what has been measured.
    fn planner_settings(&self) -> Result<PlannerSettings, Refusal> {
        let settings = PlannerSettings {
            sorted: self.totals.sorted_bytes,
            carried: self.totals.sort_row_bytes,
            joined: self.totals.items,
            equalities: self.totals.equalities,
            ..self.settings
        };
        // A FULL JOIN is merged whatever the settings say (`add_paths_to_joinrel` of joinpath.c).
        if self.has_full_join && !settings.merges_joins() {
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
struct CostAnalyzer {
    caps: Caps,
    /// What WITH clauses have named, innermost last.
    ctes: Vec<Cte>,
    range_table: RangeTable,
    /// Of which query each name so far was, as far as that is known.
    ref_levels: Vec<Option<usize>>,
    /// Of everything so far, after inlining.
    nodes: u64,
    totals: Totals,
    /// The most that one row of each query may hold together, in bytes.
    max_live_bytes: u64,
    /// Calls so far of `min` and `max`: for each, PostgreSQL plans its query once more.
    min_max_calls: u64,
    max_unfenced_nodes: u64,
    /// How many aggregates share what may be collected.
    accumulating_aggregates: u64,
    /// How many groupings the innermost query has.
    grouping_sets: u64,
    /// How long each of their values may become, where less than they share.
    aggregate_limits: AggregateLimits,
    accumulating_queries: AccumulatingQueries,
    /// How many sub-selects share what their rows may take.
    hashed_subplans: u64,
    /// Comparisons so far by `=`.
    equalities: u64,
    /// The longest value that one of them has on a side and that PostgreSQL knows before the statement runs.
    max_equal_constant_bytes: u64,
    /// What a backend may keep of everything so far.
    retained_bytes: u64,
    /// Whether there is a FULL JOIN.
    has_full_join: bool,
    /// Whether the query that is measured next is a sub-select of one value, which PostgreSQL does not compute before.
    is_initplan: bool,
    /// Calls so far of functions that return sets.
    set_returning_calls: u64,
    settings: PlannerSettings,
}

/// A query that a WITH clause has named.
struct Cte {
    name: String,
    /// What it gives; nothing yet for one that stands further on in a WITH RECURSIVE.
    output: Option<CteOutput>,
    /// Whether something has read it.
    is_read: bool,
}

#[derive(Clone)]
struct CteOutput {
    columns: Columns,
    append_children: u64,
    row_count_known: bool,
}

#[cfg(test)]
mod tests;
