//! What can go wrong, by what the caller can do about it.
use std::error::Error;

use chrono::NaiveDate;

use super::load::Loaded;

/// Why the sample could not be made or loaded. In every case the database is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum SampleDataError {
    /// A catalogue file in this binary breaks the format: our bug, caught by a test.
    #[error("the built-in catalogue file {file} is malformed at line {line}: {defect}")]
    Catalogue {
        /// The file below `sample_data/catalogue/`.
        file: &'static str,
        /// Counted from 1; 0 when it is the file as a whole.
        line: usize,
        /// What is wrong with it.
        defect: &'static str,
    },

    /// The sample begins in 2020: set the clock, or ask for a later day.
    #[error("the sample data begin on 2020-01-01; {0} is too early for any order")]
    TooEarly(NaiveDate),

    /// Rows are there already: keep them, or replace them on purpose.
    #[error("the database already holds {} customers and {} orders", .0.customers, .0.orders)]
    AlreadyLoaded(Loaded),

    /// A table is missing: migrate first.
    #[error("the schema is not there yet; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),

    /// Another load is running, or readers keep a table for longer than ten seconds: try again later.
    #[error("the tables are busy; another load may be running")]
    Busy(#[source] sqlx::Error),

    /// The embedding step failed for a product: mend the model, then load again.
    #[error("the text of product {sku} could not be embedded")]
    Embedding {
        /// The product.
        sku: &'static str,
        /// What the embedding closure said.
        source: Box<dyn Error + Send + Sync>,
    },

    /// The database refused a step or went away.
    #[error("the database failed while {step}")]
    Database {
        /// What was being done, as in "inserting order lines".
        step: &'static str,
        /// What it said.
        source: sqlx::Error,
    },
}

impl SampleDataError {
    /// Names the step that failed, and tells a missing schema and a busy table from other failures.
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
