//! Decides whether a client's SQL may run, and prints what runs instead.
//!
//! Knows PostgreSQL's grammar and the allow-list; must not know tenants, connections or MCP. What the tree does not
//! show, such as a column's type, is left to the database's own privileges.
//! Invariant: a [`CheckedQuery`] holds text printed from an accepted tree or a literal of this crate, never the client's
//! text.
mod allow_list; // which functions, types, operators, collations: data, no logic
mod caps; // how much of anything one statement may have
mod construct; // every kind of node, decided
mod cost; // upper bounds of what a statement can cost
mod explain; // EXPLAIN without running
mod groupings; // how often GROUP BY groups
pub mod hints; // what to write instead
mod name; // columns, operators and the server's own values
mod planner; // how PostgreSQL shall plan it
mod prescan; // what a text may not hold, before it is parsed
mod print; // tree → text that means the tree, and nothing else
mod printable; // what the printer would write otherwise
mod qualified; // what stands behind a dot
mod refusal; // why a statement may not run, in words that help to mend it
mod relations; // which tables and columns: data, no logic
mod sql_json; // JSON_OBJECT, JSON_VALUE, JSON_TABLE and their kin
mod walk; // visits every node; a node it does not know is a refusal

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use pg_query::NodeEnum;

use crate::cache::Cache;

pub use allow_list::{
    AGGREGATES, FIELDS, SET_RETURNING, TYPES, VALUE_NAMED, WHOLE_ROW_FUNCTIONS, functions,
};
pub use planner::PlannerSettings;
pub use refusal::{Refusal, Rule, line_and_column, visible};
pub use relations::{RELATIONS, Relation, RelationColumn};

use caps::Caps;
use print::Places;

/// The bytes (texts as asked and as printed, and where their parts stand) that the cache of accepted statements may hold.
const CACHE_BYTES: u64 = 2 << 20;

/// A statement that may run. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedQuery {
    sql: Cow<'static, str>,
    kind: StatementKind,
    settings: PlannerSettings,
    version: u32,
    retained_bytes: u64,
    places: Places,
    fingerprint: Option<Fingerprint>,
}

/// What statements have in common that differ in constants and spaces only: pg_query's fingerprint, as other tools around
/// PostgreSQL show it. Written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of a text; `None` for what is no SQL. Takes as long as parsing.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let fingerprint = pg_query::fingerprint(text, 0, 0);
        fingerprint.ok().map(|fingerprint| Self(fingerprint.value))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a statement gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// Rows.
    Rows,
    /// How PostgreSQL would find rows, with estimates of their number: those speak of all tenants' rows.
    Plan,
}

impl CheckedQuery {
    /// A statement of the server's own. A literal cannot hold a client's text.
    #[must_use]
    pub const fn literal(sql: &'static str) -> Self {
        Self {
            sql: Cow::Borrowed(sql),
            kind: StatementKind::Rows,
            settings: PlannerSettings::USUAL,
            version: 0,
            retained_bytes: 0,
            places: Places::none(),
            fingerprint: None,
        }
    }

    /// The text that runs.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// What it gives.
    #[must_use]
    pub fn kind(&self) -> StatementKind {
        self.kind
    }

    /// How PostgreSQL shall plan it.
    #[must_use]
    pub fn settings(&self) -> PlannerSettings {
        self.settings
    }

    /// The first major version of PostgreSQL that can run it, such as 17; 0 for any supported one.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What a backend may keep of it when it has ended, in bytes: time zones, row types and regular
    /// expressions, for as long as the connection lives.
    #[must_use]
    pub fn retained_bytes(&self) -> u64 {
        self.retained_bytes
    }

    /// The fingerprint of the client's text; `None` for a statement of the server's own.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// Where in the text that this was made of the thing stands that PostgreSQL found at a position
    /// of [`sql`](Self::sql): its byte. `None` for what the guard has added.
    ///
    /// `position` counts characters from 1, as PostgreSQL's errors do.
    #[must_use]
    pub fn original_byte(&self, position: usize) -> Option<usize> {
        let before = self.sql.chars().take(position.saturating_sub(1));
        self.places.original(before.map(char::len_utf8).sum())
    }

    fn weight(&self) -> usize {
        self.sql.len() + self.places.bytes()
    }
}

/// Checks statements and remembers the accepted ones by their text.
#[derive(Debug)]
pub struct Guard {
    longest: NonZeroUsize,
    accepted: Cache<Arc<str>, Arc<CheckedQuery>>,
}

impl Guard {
    /// A guard that refuses texts of more than `longest` bytes.
    #[must_use]
    pub fn new(longest: NonZeroUsize) -> Self {
        let weight =
            |text: &Arc<str>, query: &Arc<CheckedQuery>| (text.len() + query.weight()) as u64;
        Self {
            longest,
            accepted: Cache::with_bytes(CACHE_BYTES, weight),
        }
    }

    /// Decides about one text. Takes about half a millisecond for a typical analytic statement, a look-up when it was accepted
    /// before.
    ///
    /// # Errors
    /// [`Refusal`] names the construct, where it stands, and the nearest allowed way.
    pub fn check(&self, text: &str) -> Result<Arc<CheckedQuery>, Refusal> {
        if let Some(query) = self.accepted.get(text) {
            return Ok(query);
        }
        if text.len() > self.longest.get() {
            return Err(Refusal::too_long(text.len(), self.longest.get()));
        }
        let query = Arc::new(check(text)?);
        self.accepted.insert(text.into(), Arc::clone(&query));
        Ok(query)
    }
}

/// Decides about one text, whatever its length.
///
/// # Errors
/// [`Refusal`] names the construct, where it stands, and the nearest allowed way.
pub fn check(text: &str) -> Result<CheckedQuery, Refusal> {
    check_within(text, Caps::STANDARD)
}

fn check_within(text: &str, caps: Caps) -> Result<CheckedQuery, Refusal> {
    prescan::prescan(text)?;
    let mut tree = pg_query::parse(text, 0)
        .map_err(|error| Refusal::of_parser(text, &error))?
        .protobuf;
    let [statement] = tree.stmts.as_mut_slice() else {
        return Err(Refusal::not_one_statement(tree.stmts.len()));
    };
    let statement = statement.stmt.as_mut().and_then(|node| node.node.as_mut());
    let (select, kind) = match statement {
        Some(NodeEnum::SelectStmt(select)) => (select.as_mut(), StatementKind::Rows),
        Some(NodeEnum::ExplainStmt(explain)) => (
            explain::query(explain).map_err(|refusal| refusal.locate(text))?,
            StatementKind::Plan,
        ),
        _ => return Err(Refusal::not_a_query()),
    };
    let most_held = match kind {
        StatementKind::Rows => cost::MAX_LIVE_BYTES,
        StatementKind::Plan => cost::MAX_EXPLAIN_LIVE_BYTES,
    };
    let located = |refusal: Refusal| refusal.locate(text);
    let needs = walk::statement(select).map_err(located)?;
    let bounded =
        cost::bound_statement(select, needs.collecting, most_held, caps).map_err(located)?;
    let (sql, places) = print::faithfully(&tree)?;
    Ok(CheckedQuery {
        sql: Cow::Owned(sql),
        kind,
        settings: bounded.settings,
        version: needs.version,
        retained_bytes: bounded.retained_bytes,
        places,
        fingerprint: Fingerprint::of(text),
    })
}

#[cfg(test)]
mod tests;
