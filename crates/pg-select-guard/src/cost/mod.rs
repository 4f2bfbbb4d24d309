//! Computes upper bounds of what a statement can cost PostgreSQL, before PostgreSQL sees it.
//!
//! A short statement can exhaust the database's memory in ways that no PostgreSQL setting prevents:
//!
//! - Constant folding runs in the planner, before any timeout applies:
//!   `repeat(repeat(repeat('x', 1000), 1000), 1000)`.
//! - The planner replaces every reference to a subquery's column by the column's expression, so a
//!   chain of `SELECT v + v AS v` doubles at every link.
//! - Some executor nodes ignore `work_mem`: aggregates whose state grows with every row, hashed
//!   subplans, sorts of one long column.
//!
//! Therefore every expression gets a [`bound::Bound`], built up from the bounds of its parts: how
//! many nodes it has after inlining, how many bytes its value can have, and how many bytes are live
//! while it is computed. The analysis has four means:
//!
//! - A size that the text determines is checked here.
//! - A size that is known only at run time is checked by a bounded wrapper: the call is replaced by
//!   a function of the schema `bounded`, which raises an error when the value is too large.
//! - A subquery whose expressions would multiply gets an optimization fence.
//! - The remaining risks are turned into planner settings for this one transaction.
//!
//! The analysis reads a borrowed tree. It records in [`edits`] what must change, and may run
//! several times with other thresholds and limits. Only the edits of the accepted analysis are
//! applied.
//!
//! Must not know tenants or connections. Runs on trees that `walk` has accepted. Invariant: every
//! bound is an upper bound; what is unknown counts as the largest possible value.
//! `docs/decisions/0011-cost-bounds.md` lists what was measured.
mod aggregate_limits; // limits of accumulated values, by their use
mod aggregate_state; // aggregates whose state grows with every row
mod aggregate_weights; // AST nodes that weigh what an aggregate accumulates
mod bound; // upper bounds of one expression
mod build_ast; // builders of AST nodes
mod call; // function calls
mod call_syntax; // calls as the analysis reads them
mod cast; // casts
mod columns; // bounds of the columns of a result
mod cte; // WITH clauses and recursion
mod edit_tree; // visits the nodes that can be edited
mod edits; // changes of the statement, recorded and then applied once
mod expression; // all other expressions
mod from_clause; // items of FROM
mod functions; // size rules of single functions
mod inspect; // queries on AST nodes
mod join; // whether joins can multiply rows
mod json_path; // JSON paths, token by token
mod json_table; // JSON_TABLE
mod limits; // all limits and figures, with their reasons
mod operation; // queries on operations
mod operator; // operators
mod query; // SELECT and its clauses
mod regex; // regular expressions
mod retained; // memory that a backend retains for a statement
mod row_limits; // limits of the rows of hashed subplans and recursions
mod sort; // sorting and LIMIT
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE, …
mod sub_link; // subqueries in expressions
mod time_zone; // time zones
mod totals; // totals of a statement and their limits
mod units; // bytes, nodes and steps, whose arithmetic saturates
mod withheld; // subqueries in place of tables with withheld columns

use std::sync::Arc;

use pg_query::protobuf::SelectStmt;

use super::limits::Limits;
use super::planner::{MAX_MERGED_EQUALITIES, PlannerSettings};
use super::refusal::{Refusal, Rule};
use super::resolve::{self, CteScope};
use super::schema::Schema;
use super::walk::Requirements;

pub(super) use limits::{MAX_EXPLAIN_LIVE_BYTES, MAX_LIVE_BYTES};

use aggregate_limits::{AccumulatingQueries, AggregateLimits, Attempt};
use bound::Bound;
use columns::Columns;
use edits::Edits;
use limits::MAX_NODES;
use totals::Totals;
use units::{Bytes, Nodes};

/// What the analysis of one statement depends on beside its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) schema: &'a Arc<Schema>,
    pub(super) limits: Limits,
    pub(super) requirements: &'a Requirements,
    /// Limit of the live bytes of one row of each query.
    pub(super) max_live_bytes: Bytes,
}

/// Bounds a whole statement, edits it where bounded wrappers or fences are needed, and returns the
/// planner settings it needs.
pub(super) fn bound_statement(
    select: &mut SelectStmt,
    context: Context<'_>,
) -> Result<BoundedStatement, Refusal> {
    let accumulates = context.requirements.accumulating_aggregates > 0;
    let tree = &*select;
    let (edits, bounded) = aggregate_limits::with_largest_limits(accumulates, |limits| {
        bound_within(tree, context, limits)
    })?;
    edits.apply(select)?;
    Ok(bounded)
}

/// Bounds a statement under given limits for what its aggregates accumulate.
fn bound_within(
    select: &SelectStmt,
    context: Context<'_>,
    aggregate_limits: &AggregateLimits,
) -> Attempt<(Edits, BoundedStatement)> {
    let Context {
        schema,
        limits,
        requirements,
        max_live_bytes,
    } = context;
    let analyze = |hashed_subplans: u64| {
        let references = requirements.column_references.clone();
        let mut analyzer = CostAnalyzer {
            limits,
            max_live_bytes,
            hashed_subplans,
            accumulating_aggregates: requirements.accumulating_aggregates.max(1),
            resolver: Resolver::new(Arc::clone(schema), references),
            grouping_sets: 1,
            aggregate_limits: aggregate_limits.clone(),
            ..CostAnalyzer::default()
        };
        analyzer.bound_query(select)?;
        analyzer.resolver.finish()?;
        Ok(analyzer)
    };
    let mut analyzer = analyze(1)?;
    if analyzer.totals.hashed_subplans > 1 {
        // The first pass has counted the hashed subplans; the second divides their budget among
        // them.
        analyzer = analyze(analyzer.totals.hashed_subplans)?;
    }
    let nodes = analyzer.nodes;
    if nodes > MAX_NODES {
        return Err(Refusal::new(
            Rule::Cost,
            format!(
                "the query is too large: {nodes} terms after the expansion of references to subqueries"
            ),
            format!("the maximum is {MAX_NODES}; split the query into smaller ones"),
        ));
    }
    let bounded = BoundedStatement {
        settings: analyzer.planner_settings()?,
        retained_bytes: analyzer.retained_bytes.count(),
    };
    let accumulating_aggregates = analyzer.accumulating_queries.into_indices();
    Ok(((analyzer.edits, bounded), accumulating_aggregates))
}

/// The result of bounding a statement.
pub(super) struct BoundedStatement {
    /// Settings with which PostgreSQL must plan it.
    pub(super) settings: PlannerSettings,
    /// Memory that a backend may retain for it until its connection ends, in bytes.
    pub(super) retained_bytes: u64,
}

impl CostAnalyzer {
    /// The planner settings that follow from the totals.
    fn planner_settings(&self) -> Result<PlannerSettings, Refusal> {
        let settings = PlannerSettings {
            sort_value_bytes: self.totals.sorted_bytes.count(),
            sort_row_bytes: self.totals.sort_row_bytes.count(),
            from_items: self.totals.items,
            equalities: self.totals.equalities,
            ..self.settings
        };
        // PostgreSQL plans a FULL JOIN as a merge join whatever the settings say
        // (`add_paths_to_joinrel` of joinpath.c).
        if self.has_full_join && !settings.allows_merge_join() {
            return Err(Refusal::new(
                Rule::Cost,
                "the query has a FULL JOIN beside too many comparisons of columns",
                format!(
                    "the maximum beside a FULL JOIN is {MAX_MERGED_EQUALITIES}; use LEFT JOIN or UNION ALL, or split the query into smaller ones"
                ),
            ));
        }
        Ok(settings)
    }
}

#[derive(Default)]
struct CostAnalyzer {
    limits: Limits,
    ctes: CteScope<CteOutput>,
    resolver: Resolver,
    /// What must change in the statement.
    edits: Edits,
    /// Nesting level of every column reference seen so far (`None`: unresolved).
    ref_levels: Vec<Option<usize>>,
    /// Nodes of everything seen so far, after inlining.
    nodes: Nodes,
    totals: Totals,
    /// Limit of the live bytes of one row of each query.
    max_live_bytes: Bytes,
    /// Calls of `min` and `max` seen so far. For each of them PostgreSQL plans the query once more.
    min_max_calls: u64,
    /// Number of accumulating aggregates that share the state budget.
    accumulating_aggregates: u64,
    /// Number of grouping sets of the innermost query.
    grouping_sets: u64,
    /// Limits of single accumulated values, where they are smaller than the shared budget.
    aggregate_limits: AggregateLimits,
    accumulating_queries: AccumulatingQueries,
    /// Number of hashed subplans that share the budget for their rows.
    hashed_subplans: u64,
    /// Comparisons by `=` seen so far.
    equalities: u64,
    /// Size of the longest operand of these comparisons that the planner can compute.
    max_equal_constant_bytes: Bytes,
    /// Memory that a backend may retain for everything seen so far.
    retained_bytes: Bytes,
    /// Whether the statement contains a FULL JOIN.
    has_full_join: bool,
    /// Whether the next query is a scalar subquery without FROM (`SELECT value`). PostgreSQL plans
    /// it as an InitPlan, which runs once and is not folded.
    is_initplan: bool,
    /// Calls of set-returning functions seen so far.
    set_returning_calls: u64,
    settings: PlannerSettings,
}

type Resolver = resolve::Resolver<Bound, ItemCost>;

/// An item of FROM, and what its rows cost.
type Item = resolve::Item<Bound, ItemCost>;

/// What an item of FROM costs beside its columns.
#[derive(Clone, Copy, Debug, Default)]
struct ItemCost {
    /// Number of queries that its rows are appended from; conditions on them are copied into each.
    append_children: u64,
    /// Whether it has at most as many rows as the largest table.
    row_count_known: bool,
}

/// The result of a WITH query.
#[derive(Clone, Debug)]
struct CteOutput {
    columns: Columns,
    cost: ItemCost,
}

#[cfg(test)]
mod tests;
