//! All checks of one statement, in their order.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use pg_query::NodeEnum;

use super::allowed::Allowed;
use super::functions::Functions;
use super::refusal::Refusal;
use super::schema::Schema;
use super::summary::summarize;
use super::{CheckedQuery, Fingerprint, Limits, StatementKind};
use super::{cost, explain, hints, prescan, print, walk};

static ALL_FUNCTIONS: LazyLock<Arc<Functions>> = LazyLock::new(Arc::default);

/// Decides which statements may run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Guard {
    schema: Arc<Schema>,
    functions: Arc<Functions>,
    limits: Limits,
}

impl Guard {
    /// A guard that lets statements read the tables of this schema and call every function of the
    /// [`catalog`](crate::catalog), within these limits.
    #[must_use]
    pub fn new(schema: impl Into<Arc<Schema>>, limits: Limits) -> Self {
        Self {
            schema: schema.into(),
            functions: Arc::clone(&ALL_FUNCTIONS),
            limits,
        }
    }

    /// Lets statements call these functions and no other.
    #[must_use]
    pub fn with_functions(self, functions: Functions) -> Self {
        Self {
            functions: Arc::new(functions),
            ..self
        }
    }

    /// What statements may read.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What statements may call.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    fn allowed(&self) -> Allowed<'_> {
        Allowed {
            schema: &self.schema,
            functions: &self.functions,
        }
    }

    /// Checks one text.
    ///
    /// # Errors
    /// [`Refusal`] names the construct, its line and column, and an allowed alternative.
    pub fn check(&self, text: &str) -> Result<CheckedQuery, Refusal> {
        self.check_text(text)
            .map_err(|refusal| refusal.locate(text).complete(&self.schema))
    }

    /// A hint for an error that PostgreSQL reports for the statement `text`. `message` is
    /// PostgreSQL's message; `byte` is the error's byte offset in `text`, if known.
    #[must_use]
    pub fn hint_for_error(
        &self,
        text: &str,
        sqlstate: &str,
        message: &str,
        byte: Option<usize>,
    ) -> Option<String> {
        hints::for_error(self.allowed(), text, sqlstate, message, byte)
    }

    fn check_text(&self, text: &str) -> Result<CheckedQuery, Refusal> {
        if text.len() > self.limits.text_bytes {
            return Err(Refusal::too_long(text.len(), self.limits.text_bytes));
        }
        prescan::prescan(text)?;
        let mut tree = pg_query::parse(text, 0)
            .map_err(|error| Refusal::from_parser(self.allowed(), text, &error))?
            .protobuf;
        let [statement] = tree.stmts.as_mut_slice() else {
            return Err(Refusal::not_one_statement(tree.stmts.len()));
        };
        let statement = statement.stmt.as_mut().and_then(|node| node.node.as_mut());
        let (select, kind) = match statement {
            Some(NodeEnum::SelectStmt(select)) => (select.as_mut(), StatementKind::Rows),
            Some(NodeEnum::ExplainStmt(explain)) => {
                (explain::explained_query(explain)?, StatementKind::Plan)
            }
            _ => return Err(Refusal::not_a_query()),
        };
        let max_live_bytes = match kind {
            StatementKind::Rows => cost::MAX_LIVE_BYTES,
            StatementKind::Plan => cost::MAX_EXPLAIN_LIVE_BYTES,
        };
        let requirements = walk::check_statement(select, self.allowed())?;
        let context = cost::Context {
            schema: &self.schema,
            limits: self.limits,
            requirements: &requirements,
            max_live_bytes,
        };
        let bounded = cost::bound_statement(select, context)?;
        let (sql, source_map) = print::deparse_verified(&tree)?;
        Ok(CheckedQuery {
            sql: Cow::Owned(sql),
            kind,
            settings: bounded.settings,
            min_version: requirements.min_version,
            retained_bytes: bounded.retained_bytes,
            source_map,
            fingerprint: Fingerprint::from_sql(text),
            summary: summarize(kind, self.schema.name(), &requirements.tables).into(),
        })
    }
}
