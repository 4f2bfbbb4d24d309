use super::rule::{MIGRATED, PostureRule};
use crate::settings::AcceptedFinding;

/// A violation of a posture rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The violated rule.
    pub rule: PostureRule,
    /// The role, table, function or setting that violates it.
    pub object: String,
    /// What is wrong with the object.
    pub problem: String,
    /// The statement that fixes it, for an administrator to run.
    pub fix: String,
}

impl Finding {
    /// Whether `migrate` has not run: then the database was never set up.
    #[must_use]
    pub fn is_migration_missing(&self) -> bool {
        self.rule == MIGRATED
    }

    /// Whether it is one of the accepted findings.
    pub(super) fn is_among(&self, accepted: &[AcceptedFinding]) -> bool {
        let is_this =
            |one: &AcceptedFinding| one.rule() == self.rule.name() && one.object() == self.object;
        accepted.iter().any(is_this)
    }
}
