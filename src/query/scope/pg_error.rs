use std::fmt;

/// An error that PostgreSQL reports.
#[derive(Clone, PartialEq, Eq)]
pub struct PgError {
    /// The five characters of
    /// [Appendix A](https://www.postgresql.org/docs/18/errcodes-appendix.html).
    pub sqlstate: String,
    /// The primary message. It may repeat a value that the tenant may see.
    pub message: String,
    /// The server's hint, if any.
    pub hint: Option<String>,
    /// The position in the text that ran, in characters from 1, if PostgreSQL gives one.
    pub position: Option<usize>,
}

impl PgError {
    /// For a statement that runs on after its timeout, because PostgreSQL cannot interrupt a part
    /// of it. Equals the error that PostgreSQL reports at a timeout.
    pub(super) fn statement_timeout() -> Self {
        let message = "canceling statement due to statement timeout".to_owned();
        Self {
            sqlstate: "57014".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }
}

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the message: this text is logged, and the message may repeat data.
        write!(f, "SQLSTATE {}", self.sqlstate)
    }
}

impl fmt::Debug for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgError")
            .field("sqlstate", &self.sqlstate)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for PgError {}
