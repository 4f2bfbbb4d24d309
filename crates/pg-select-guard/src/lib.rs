//! Decides whether a client's SQL may run, and deparses the parse tree into the text that runs.
//!
//! A [`Guard`] knows what clients may read: the tables of a [`Schema`]. [`Guard::check`] takes an
//! untrusted text. It parses the text with PostgreSQL's own parser, visits every node of the tree,
//! resolves every name, bounds what the statement can cost, and prints the tree. A
//! [`CheckedQuery`] is the proof that all of it has happened: what needs a checked statement takes
//! this type, and cannot be given a `&str`.
//!
//! ```
//! use pg_select_guard::{CheckedQuery, Guard, Limits, Schema};
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
//! let schema = Schema::parse("shop", "customers: *customer_id 8, name 64, -password_hash")?;
//! let guard = Guard::new(schema, Limits::STANDARD);
//! let query = guard.check("SELECT array_agg(name) FROM customers")?;
//! assert_eq!(statements(&query)[0], "SET LOCAL enable_hashagg = 'off'");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Refusal`] has a [`Rule`] for logs and a text for the author of the statement, who is often a
//! language model and can repair the statement if the text says how:
//!
//! ```
//! use pg_select_guard::{Guard, Limits, Rule, Schema};
//!
//! let schema = Schema::parse("shop", "customers: *customer_id 8, name 64, -password_hash")?;
//! let guard = Guard::new(schema, Limits::STANDARD);
//! let refusal = guard.check("SELECT password_hash FROM customers").expect_err("withheld");
//! assert_eq!(refusal.rule(), Rule::Column);
//! assert_eq!(
//!     refusal.to_string(),
//!     "there is no column password_hash in shop.customers (line 1, column 8); \
//!      its columns are customer_id, name",
//! );
//! # Ok::<(), pg_select_guard::SchemaError>(())
//! ```
//!
//! # What it knows
//!
//! Knows PostgreSQL's grammar, the allow-list, the catalog and the schema; must not know tenants,
//! connections or MCP. What the raw parse tree does not show, such as a column's type, is left to
//! the database's own privileges. `README.md` says what else a caller has to do.
//!
//! # Invariant
//!
//! A [`CheckedQuery`] holds text deparsed from an accepted tree, or a literal of the calling
//! program, never the client's text.
mod allow_list; // collations and fields that a statement may name
mod allowed; // tables and functions that the calling program allows
pub mod catalog; // functions and operators that a statement may call, types that it may name
mod construct; // the refusal of each node type that the walk does not visit
mod cost; // upper bounds of what a statement can cost
mod explain; // EXPLAIN, never with ANALYZE
mod functions; // which functions of the catalog a statement may call
mod grouping_sets; // the number of grouping sets of a GROUP BY
mod guard; // all checks of one statement, in their order
pub mod hints; // what to write instead
mod implicit_call; // functions that the syntax of SQL calls
mod limits; // limits on the length and the parts of one statement
mod name; // operators, names without quotes, CURRENT_DATE and similar
mod planner; // planner settings for one statement
mod prescan; // checks of the text before it is parsed
mod print; // tree → text, verified by parsing it again
mod printable; // rewrites what the deparser would print wrongly
mod refusal; // why a statement may not run, with a hint
mod resolve; // what each name denotes
mod schema; // tables and columns that a client may read
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE and the other SQL/JSON constructs
mod summary; // what a statement does, in a few words
mod walk; // visits every node; refuses node types that it does not know

use std::borrow::Cow;
use std::fmt;

pub use allow_list::{FIELDS, WHOLE_ROW_FUNCTIONS};
pub use functions::{Functions, UnknownFunction};
pub use guard::Guard;
pub use limits::Limits;
pub use planner::PlannerSettings;
pub use refusal::{Refusal, Rule, line_and_column, visible};
pub use schema::{ColumnKind, Relation, RelationColumn, Schema, SchemaError};

use print::SourceMap;

/// A statement that may run. Only [`Guard::check`] and [`literal`](Self::literal) construct one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedQuery {
    sql: Cow<'static, str>,
    kind: StatementKind,
    settings: PlannerSettings,
    min_version: u32,
    retained_bytes: u64,
    source_map: SourceMap,
    fingerprint: Option<Fingerprint>,
    summary: Cow<'static, str>,
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
        Self::summarized_literal(sql, "SELECT")
    }

    /// A statement of the calling program, with its [`summary`](Self::summary).
    #[must_use]
    pub const fn summarized_literal(sql: &'static str, summary: &'static str) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            kind: StatementKind::Rows,
            settings: PlannerSettings::DEFAULT,
            min_version: 0,
            retained_bytes: 0,
            source_map: SourceMap::none(),
            fingerprint: None,
            summary: Cow::Borrowed(summary),
        }
    }

    /// The same statement with other [`settings`](Self::settings).
    #[must_use]
    pub const fn with_settings(mut self, settings: PlannerSettings) -> Self {
        self.settings = settings;
        self
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

    /// What the statement does, in a few words that hold nothing of the client's: the command and
    /// the tables that it reads, such as `SELECT shop.orders shop.customers`. At most 255 bytes; a
    /// statement of many tables ends with `…`. This is the `db.query.summary` of OpenTelemetry's
    /// [semantic conventions](https://opentelemetry.io/docs/specs/semconv/db/database-spans/).
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
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
        self.sql.len() + self.source_map.bytes() + self.summary.len()
    }
}

/// The examples of `README.md`, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests;
