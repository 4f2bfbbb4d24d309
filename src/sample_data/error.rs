//! The errors of this module, by what the caller can do about them.
use std::error::Error;

use chrono::NaiveDate;

use super::load::LoadedRows;

/// Why the sample could not be generated or loaded. In every case the database is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum SampleDataError {
    /// A catalog file in this binary is malformed: a bug, which a test catches.
    #[error("the built-in catalog file {file} is malformed at line {line}: {message}")]
    Catalog {
        /// The file's name below `sample_data/product_catalog/`.
        file: &'static str,
        /// Line number, counted from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        message: &'static str,
    },

    /// The day is before 2020, when the sample begins: set the clock, or choose a later day.
    #[error("the sample data begins on 2020-01-01; {0} is too early for any order")]
    TooEarly(NaiveDate),

    /// The database has rows already: keep them, or replace them explicitly.
    #[error("the database already has {} customers and {} orders", .0.customers, .0.orders)]
    AlreadyLoaded(LoadedRows),

    /// A table is missing: migrate first.
    #[error("the schema does not exist; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),

    /// A lock was not available within ten seconds, because another load or a reader holds it:
    /// retry later.
    #[error("the tables are locked; another load may be running")]
    Busy(#[source] sqlx::Error),

    /// The embedding closure failed, with this error: fix the model or its service, then load
    /// again.
    #[error("the texts of the products could not be embedded")]
    Embedding(#[source] Box<dyn Error + Send + Sync>),

    /// A step failed in the database, or the connection was lost.
    #[error("the database failed while {step}")]
    Database {
        /// The step, as in "inserting order lines".
        step: &'static str,
        /// The database's error.
        source: sqlx::Error,
    },
}

impl SampleDataError {
    /// Maps a database error of a step: a missing schema and a lock timeout get variants of their
    /// own.
    pub(super) fn database(step: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| {
            // 42P01 undefined_table, 3F000 invalid_schema_name, 55P03 lock_not_available:
            // https://www.postgresql.org/docs/current/errcodes-appendix.html
            let code = source.as_database_error().and_then(|error| error.code());
            match code.as_deref() {
                Some("42P01" | "3F000") => Self::NotMigrated(source),
                Some("55P03") => Self::Busy(source),
                _ => Self::Database { step, source },
            }
        }
    }
}
