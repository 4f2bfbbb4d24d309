//! Decides whether a client's SQL may run, and deparses the parse tree into the text that runs.
//!
//! [`check`] takes an untrusted text. It parses the text with PostgreSQL's own parser,
//! visits every node of the tree, bounds what the statement can cost, and prints the tree. A
//! [`CheckedQuery`] is the proof that all of it has happened: what needs a checked statement takes
//! this type, and cannot be given a `&str`.
//!
//! ```
//! use pg_select_guard::{CheckedQuery, Refusal, check};
//!
//! /// What to send in one read-only transaction.
//! fn statements(query: &CheckedQuery) -> Vec<String> {
//!     let settings = query.settings().changed();
//!     settings
//!         .map(|(name, value)| format!("SET LOCAL {name} = '{value}'"))
//!         .chain([query.sql().to_owned()])
//!         .collect()
//! }
//!
//! let query = check("SELECT array_agg(store_name) FROM stores")?;
//! assert_eq!(statements(&query)[0], "SET LOCAL enable_hashagg = 'off'");
//! # Ok::<(), Refusal>(())
//! ```
//!
//! A [`Refusal`] has a [`Rule`] for logs and a text for the author of the statement, who is often a
//! language model and can repair the statement if the text says how:
//!
//! ```
//! use pg_select_guard::{Rule, check};
//!
//! let refusal = check("DELETE FROM orders").expect_err("not a query");
//! assert_eq!(refusal.rule(), Rule::Statement);
//! assert_eq!(
//!     refusal.to_string(),
//!     "only read-only queries are allowed; \
//!      send one SELECT, WITH … SELECT, VALUES or TABLE statement",
//! );
//! ```
//!
//! # What it knows
//!
//! Knows PostgreSQL's grammar, the allow-list and the catalog; must not know tenants, connections
//! or MCP. What the raw parse tree does not show, such as a column's type, is left to the
//! database's own privileges. `README.md` says what else a caller has to do.
//!
//! # Invariant
//!
//! A [`CheckedQuery`] holds text deparsed from an accepted tree, or a literal of the calling
//! program, never the client's text.
mod allow_list; // types, collations and fields that a statement may name
mod caps; // limits on the size of one statement
pub mod catalog; // functions and operators that a statement may call
mod construct; // the refusal of each node type that the walk does not visit
mod cost; // upper bounds of what a statement can cost
mod explain; // EXPLAIN, never with ANALYZE
mod grouping_sets; // the number of grouping sets of a GROUP BY
pub mod hints; // what to write instead
mod name; // operators, names without quotes, CURRENT_DATE and similar
mod planner; // planner settings for one statement
mod prescan; // checks of the text before it is parsed
mod print; // tree → text, verified by parsing it again
mod printable; // rewrites what the deparser would print wrongly
mod refusal; // why a statement may not run, with a hint
mod relations; // tables and columns that a client may read
mod resolve; // what each name denotes
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE and the other SQL/JSON constructs
mod walk; // visits every node; refuses node types that it does not know

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;

use pg_query::NodeEnum;

pub use allow_list::{FIELDS, TYPES, WHOLE_ROW_FUNCTIONS};
pub use planner::PlannerSettings;
pub use refusal::{Refusal, Rule, line_and_column, visible};
pub use relations::{RELATIONS, Relation, RelationColumn};

use caps::Caps;
use print::SourceMap;

/// A statement that may run. Only [`check`], [`check_up_to`] and [`literal`](Self::literal)
/// construct one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedQuery {
    sql: Cow<'static, str>,
    kind: StatementKind,
    settings: PlannerSettings,
    min_version: u32,
    retained_bytes: u64,
    source_map: SourceMap,
    fingerprint: Option<Fingerprint>,
}

/// The pg_query fingerprint of a statement: equal for statements that differ only in constants and
/// white space. Other tools around PostgreSQL show the same value. Displayed as 16 hexadecimal
/// digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a text; `None` if the text is not valid SQL. Takes as long as parsing.
    #[must_use]
    pub fn from_sql(text: &str) -> Option<Self> {
        let fingerprint = pg_query::fingerprint(text, 0, 0);
        fingerprint.ok().map(|fingerprint| Self(fingerprint.value))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a statement returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Rows.
    Rows,
    /// An execution plan. Its row estimates are derived from statistics over all tenants' rows.
    Plan,
}

impl CheckedQuery {
    /// A statement of the calling program. A `'static` literal cannot hold a client's text.
    #[must_use]
    pub const fn literal(sql: &'static str) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            kind: StatementKind::Rows,
            settings: PlannerSettings::DEFAULT,
            min_version: 0,
            retained_bytes: 0,
            source_map: SourceMap::none(),
            fingerprint: None,
        }
    }

    /// The text that runs.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Whether the statement returns rows or a plan.
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        self.kind
    }

    /// The planner settings with which the statement must run.
    #[must_use]
    pub fn settings(&self) -> PlannerSettings {
        self.settings
    }

    /// The lowest major version of PostgreSQL that can run the statement, such as 17; 0 if every
    /// supported version can.
    #[must_use]
    pub fn min_version(&self) -> u32 {
        self.min_version
    }

    /// The most memory, in bytes, that a backend keeps after the statement has ended, until the
    /// connection closes: caches of time zones, row types and compiled regular expressions.
    #[must_use]
    pub fn retained_bytes(&self) -> u64 {
        self.retained_bytes
    }

    /// The fingerprint of the client's text; `None` for a
    /// [`literal`](Self::literal).
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Maps an error position in [`sql`](Self::sql) to a byte offset in the client's text. `None`
    /// for a position in text that the guard has added.
    ///
    /// `position` counts characters from 1, as the position field of PostgreSQL's errors does.
    #[must_use]
    pub fn original_byte(&self, position: usize) -> Option<usize> {
        let before = self.sql.chars().take(position.saturating_sub(1));
        self.source_map
            .original_byte(before.map(char::len_utf8).sum())
    }

    /// How much a cache should count for this value, in bytes: its text and the map of positions.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.sql.len() + self.source_map.bytes()
    }
}

/// Checks one text of any length.
///
/// # Errors
/// [`Refusal`] names the construct, its line and column, and an allowed alternative.
pub fn check(text: &str) -> Result<CheckedQuery, Refusal> {
    check_within(text, Caps::STANDARD)
}

/// Checks one text of at most `max_bytes` bytes.
///
/// # Errors
/// [`Refusal`] as in [`check`], or with [`Rule::Size`] if the text is longer.
pub fn check_up_to(text: &str, max_bytes: NonZeroUsize) -> Result<CheckedQuery, Refusal> {
    if text.len() > max_bytes.get() {
        return Err(Refusal::too_long(text.len(), max_bytes.get()));
    }
    check(text)
}

fn check_within(text: &str, caps: Caps) -> Result<CheckedQuery, Refusal> {
    prescan::prescan(text)?;
    let mut tree = pg_query::parse(text, 0)
        .map_err(|error| Refusal::from_parser(text, &error))?
        .protobuf;
    let [statement] = tree.stmts.as_mut_slice() else {
        return Err(Refusal::not_one_statement(tree.stmts.len()));
    };
    let statement = statement.stmt.as_mut().and_then(|node| node.node.as_mut());
    let (select, kind) = match statement {
        Some(NodeEnum::SelectStmt(select)) => (select.as_mut(), StatementKind::Rows),
        Some(NodeEnum::ExplainStmt(explain)) => (
            explain::explained_query(explain).map_err(|refusal| refusal.locate(text))?,
            StatementKind::Plan,
        ),
        _ => return Err(Refusal::not_a_query()),
    };
    let max_live_bytes = match kind {
        StatementKind::Rows => cost::MAX_LIVE_BYTES,
        StatementKind::Plan => cost::MAX_EXPLAIN_LIVE_BYTES,
    };
    let located = |refusal: Refusal| refusal.locate(text);
    let requirements = walk::check_statement(select).map_err(located)?;
    let bounded =
        cost::bound_statement(select, &requirements, max_live_bytes, caps).map_err(located)?;
    let (sql, source_map) = print::deparse_verified(&tree)?;
    Ok(CheckedQuery {
        sql: Cow::Owned(sql),
        kind,
        settings: bounded.settings,
        min_version: requirements.min_version,
        retained_bytes: bounded.retained_bytes,
        source_map,
        fingerprint: Fingerprint::from_sql(text),
    })
}

/// The examples of `README.md`, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
