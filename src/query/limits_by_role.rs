//! Limits on an answer by the caller's role: the only place that gives analysts more than readers.
//!
//! Knows roles and the settings; must not know SQL or MCP.

use std::num::NonZeroUsize;

use crate::identity::{Caller, Role};
use crate::settings::{AnswerLimits, Limits};

/// The limits on the answers of every role.
#[derive(Clone, Copy, Debug)]
pub struct LimitsByRole {
    reader: AnswerLimits,
    /// Also for operators; none is lower than in `reader`.
    analyst: AnswerLimits,
}

impl LimitsByRole {
    /// The limits that the settings give each role.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            reader: limits.answer,
            analyst: limits.analyst_answer,
        }
    }

    /// The limits on an answer to a caller.
    ///
    /// # Security
    /// The larger limits never apply to a sender who only names a tenant: anybody could name one.
    #[must_use]
    pub fn for_caller(&self, caller: &Caller) -> AnswerLimits {
        if caller.role() >= Role::Analyst && caller.principal().is_authenticated() {
            self.analyst
        } else {
            self.reader
        }
    }

    /// The limits on a statement of the server itself, which runs for no caller.
    #[must_use]
    pub fn for_server(&self) -> AnswerLimits {
        self.reader
    }

    /// The most bytes of JSON in the rows of any answer.
    #[must_use]
    pub fn max_result_bytes(&self) -> NonZeroUsize {
        self.reader.result_bytes.max(self.analyst.result_bytes)
    }
}
