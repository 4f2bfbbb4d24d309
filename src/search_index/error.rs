use crate::search::EmbedderError;

/// Why the search index was not brought up to date. What had been written before stays, and the
/// next run continues there.
#[derive(Debug, thiserror::Error)]
pub enum SearchIndexError {
    /// The schema is missing or older than this program: migrate first.
    #[error("the search index does not exist; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),
    /// The texts of some products have no vectors.
    #[error("the texts of the products could not be embedded")]
    Embedding(#[source] EmbedderError),
    /// A statement failed.
    #[error("the database failed while {step}")]
    Database {
        /// The step, as in "writing vectors".
        step: &'static str,
        /// The database's error.
        source: sqlx::Error,
    },
}

impl SearchIndexError {
    /// Maps a database error of a step; a missing table gets a variant of its own.
    pub(super) fn database(step: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            // 42P01 undefined_table, 42703 undefined_column, 3F000 invalid_schema_name:
            // https://www.postgresql.org/docs/current/errcodes-appendix.html
            let code = source.as_database_error().and_then(|error| error.code());
            match code.as_deref() {
                Some("42P01" | "42703" | "3F000") => Self::NotMigrated(source),
                _ => Self::Database { step, source },
            }
        }
    }
}
