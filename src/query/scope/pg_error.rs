use std::borrow::Cow;
use std::fmt;

use crate::query::guard::visible;

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
    /// Stands for an error message that is longer than a result may be and was not read.
    pub(super) fn oversized() -> Self {
        let message = "the statement failed with an error message too long to show".to_owned();
        Self {
            sqlstate: "54000".to_owned(),
            message,
            hint: None,
            position: None,
        }
    }

    /// For a statement that needs a newer PostgreSQL; it was not sent.
    pub(super) fn unsupported_version(version: u32, needed: u32) -> Self {
        Self {
            sqlstate: "0A000".to_owned(),
            message: format!(
                "JSON(…), JSON_VALUE, JSON_QUERY, JSON_EXISTS, JSON_TABLE and JSON_SCALAR need PostgreSQL {needed}, and this database is PostgreSQL {version}"
            ),
            hint: Some("use ->, ->>, jsonb_path_query or jsonb_array_elements".to_owned()),
            position: None,
        }
    }

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

    /// The text for a client: enough to correct a statement, nothing about the server. `location`
    /// is the line and column of [`position`](Self::position) in the text that the client sent,
    /// `hint` what to write instead.
    #[must_use]
    pub fn client_text(&self, location: Option<(usize, usize)>, hint: Option<&str>) -> String {
        let state = &self.sqlstate;
        let location = location.map_or_else(String::new, |(line, column)| {
            format!("line {line}, column {column}; ")
        });
        let at = format!("({location}SQLSTATE {state})");
        let message = visible(&without_wrapper(&self.message));
        if let Some(hint) = hint {
            return format!("{message} {at}; {hint}");
        }
        match state.as_str() {
            "57014" => format!("the statement was cancelled; retry {at}"),
            "53400" => format!(
                "the statement needed too much temporary space; aggregate or filter more, or sort shorter rows {at}"
            ),
            "42501" => format!(
                "permission denied for a column or table; name the columns you need instead of *; \
                 retail.stores has store_id, store_name and is_online {at}"
            ),
            // The limit of a bounded wrapper: its message is written for the client.
            "ZV101" => {
                let hint = self.hint.as_deref();
                let hint = hint.unwrap_or(match self.message.split_once(" (") {
                    Some(("an exponent is too large", _)) => {
                        "compute with double precision, as in power(0.999::float8, n) or exp(-0.001 * n)"
                    }
                    _ => "make it shorter, or filter first",
                });
                format!("{}; {} {at}", visible(&self.message), visible(hint))
            }
            // A collecting aggregate is limited by a sum that overflows by design
            // (migrations/0004_bounded.sql).
            "22003" if self.message == "bigint out of range" => format!(
                "bigint out of range: a number is too large, or an aggregate would collect more than 3 MiB, or 800 KiB of JSON; filter or group first {at}"
            ),
            // Errors in data, cardinality, features, syntax, names and limits concern the statement
            // and the tenant's own rows.
            _ if ["22", "21", "0A", "42", "54", "2F"]
                .iter()
                .any(|class| state.starts_with(class)) =>
            {
                // A hint on names may contain a name that the caller must not see; a hint on types
                // contains only the statement's own.
                let hint = self
                    .hint
                    .as_ref()
                    .filter(|_| !state.starts_with("42") || state == "42883");
                let hint = hint.map_or_else(String::new, |hint| format!("; {}", visible(hint)));
                format!("{message} {at}{hint}")
            }
            _ => format!("the database could not run the statement {at}"),
        }
    }
}

/// Rewrites a message so that it names the function that the client called, not its bounded
/// wrapper: `function bounded.repeat(date, integer, integer) does not exist` becomes `function
/// repeat(date, integer) does not exist`. The last argument of a wrapper is its limit.
fn without_wrapper(message: &str) -> Cow<'_, str> {
    let Some((before, call)) = message.split_once("bounded.") else {
        return message.into();
    };
    match call.split_once(')') {
        Some((call, after)) if call.contains('(') => {
            let call = call.rsplit_once(", ").map_or(call, |(call, _)| call);
            format!("{before}{call}){after}").into()
        }
        _ => format!("{before}{call}").into(),
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
