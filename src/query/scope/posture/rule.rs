use crate::query::guard;

/// Returns a row for each violation of a rule.
pub(super) const FIND: &str = include_str!("find.sql");

/// Returns a digest of everything that [`FIND`] depends on.
pub(super) const FINGERPRINT: &str = include_str!("fingerprint.sql");

/// A condition on the login or the database that must hold before data is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostureRule {
    name: &'static str,
    condition: &'static str,
}

impl PostureRule {
    /// Every rule, in the order in which `check` shows them.
    pub const ALL: &[Self] = &[
        Self::new("version", "PostgreSQL is version 16 or newer"),
        MIGRATED,
        Self::new("login", "the login keeps its own role in a session"),
        Self::new(
            "attributes",
            "the login, zava_reader and zava_owner have no special attributes",
        ),
        Self::new(
            "membership",
            "the login inherits from zava_reader only, zava_owner from no role",
        ),
        Self::new("owns", "the login owns nothing"),
        Self::new("writes", "the login can write to no table and no sequence"),
        Self::new(
            "creates",
            "the login can create nothing, not even temporary tables",
        ),
        Self::new(
            "reads",
            "the login can read the exposed tables and columns only",
        ),
        Self::new(
            "indexer",
            "the login of the search index writes nothing else and reads product texts only",
        ),
        Self::new("views", "no view that bypasses row security is readable"),
        Self::new(
            "functions",
            "no SECURITY DEFINER function is callable, except the guard's own",
        ),
        Self::new(
            "runs_text",
            "no uncompiled function that may run dynamic SQL is callable",
        ),
        Self::new(
            "system",
            "the system schemas contain and grant only what PostgreSQL ships",
        ),
        Self::new(
            "leakproof",
            "no function is LEAKPROOF, except those that PostgreSQL ships as such",
        ),
        Self::new(
            "elsewhere",
            "no privileges on large objects or server parameters",
        ),
        Self::new(
            "later_grants",
            "default privileges grant nothing to the login or the indexer",
        ),
        Self::new("row_security", "every table forces row security"),
        Self::new("persistence", "no table or sequence is unlogged"),
        Self::new(
            "tenant_policy",
            "every exposed table has the policy that limits it to the allowed stores",
        ),
        Self::new(
            "shared_policy",
            "the login alone reads the tables of words that all tenants share",
        ),
        Self::new("other_policy", "no other policy makes more rows visible"),
        Self::new(
            "write_policies",
            "every table has restrictive policies against writes",
        ),
        Self::new(
            "guard_functions",
            "the guard's functions are as migrate created them",
        ),
        Self::new(
            "audit",
            "the audit triggers are enabled, and guard has no other trigger or rule",
        ),
        Self::new(
            "inheritance",
            "no table of retail or guard takes part in inheritance",
        ),
        Self::new("settings", "the login's settings are in force"),
    ];

    const fn new(name: &'static str, condition: &'static str) -> Self {
        Self { name, condition }
    }

    /// The name of the rule in `find.sql` and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The condition that holds while there is no finding.
    #[must_use]
    pub fn condition(self) -> &'static str {
        self.condition
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name == name)
    }
}

/// Violated until `migrate` has run. No other rule can be checked on such a database.
pub(super) const MIGRATED: PostureRule = PostureRule::new(
    "migrated",
    "migrate has created roles, tables and functions",
);

/// The names of the tables of schema retail that a client may name, as an array literal.
pub(super) fn exposed_tables() -> String {
    let exposed: Vec<&str> = guard::schema()
        .relations()
        .iter()
        .map(|relation| relation.name.as_str())
        .collect();
    format!("{{{}}}", exposed.join(","))
}
