/// One thing that must be so before data is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostureRule {
    name: &'static str,
    promise: &'static str,
}

impl PostureRule {
    /// Every rule, in the order in which `check` shows them.
    pub const ALL: &[Self] = &[
        Self::new("version", "PostgreSQL is version 16 or newer"),
        MIGRATED,
        Self::new("login", "the login acts as itself"),
        Self::new("attributes", "no role of ours is more than a plain role"),
        Self::new(
            "membership",
            "the login is an heir of zava_reader and of no other role, zava_owner of none",
        ),
        Self::new("owns", "the login owns nothing"),
        Self::new("writes", "the login writes to no table and no sequence"),
        Self::new(
            "creates",
            "the login creates nothing, not even temporary tables",
        ),
        Self::new(
            "reads",
            "the login reads the exposed tables and columns only",
        ),
        Self::new("views", "no view that evades row security is readable"),
        Self::new(
            "functions",
            "no function with another's rights is callable, but the guard's own",
        ),
        Self::new(
            "runs_text",
            "no function that is not compiled and may run commands from a text is callable",
        ),
        Self::new(
            "system",
            "the system's schemas hold and grant only what PostgreSQL ships",
        ),
        Self::new(
            "leakproof",
            "no function is leakproof but those that PostgreSQL ships so",
        ),
        Self::new(
            "elsewhere",
            "no right on large objects or server parameters",
        ),
        Self::new(
            "later_grants",
            "nothing made later will be granted to the login by itself",
        ),
        Self::new("row_security", "every table forces row security"),
        Self::new("persistence", "every table survives a crash"),
        Self::new(
            "tenant_policy",
            "every exposed table is held to the allowed stores",
        ),
        Self::new("other_policy", "no other policy lets more be seen"),
        Self::new("write_policies", "policies against writing are in place"),
        Self::new(
            "guard_functions",
            "the guard's functions are as migrate made them",
        ),
        Self::new(
            "audit",
            "the triggers that record acts, and keep records, are in place, and no others",
        ),
        Self::new(
            "inheritance",
            "no table inherits from one of ours, and none of ours from another",
        ),
        Self::new("settings", "the login's settings are in force"),
    ];

    const fn new(name: &'static str, promise: &'static str) -> Self {
        Self { name, promise }
    }

    /// The name that `find.sql` gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What holds when nothing is found.
    #[must_use]
    pub fn promise(self) -> &'static str {
        self.promise
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name == name)
    }
}

/// Broken where `migrate` has not run yet: not damage, and nothing else can be said of such a database.
pub(super) const MIGRATED: PostureRule =
    PostureRule::new("migrated", "migrate has made roles, tables and functions");
