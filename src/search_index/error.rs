use crate::search::EmbedderError;

/// Why a run over the search index failed. What had been written before stays, and the next run
/// continues there.
#[derive(Debug, thiserror::Error)]
pub enum SearchIndexError {
    /// The schema is missing or older than this program: migrate first.
    #[error("the search index does not exist; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),
    /// The database shows no product, but the search index has some.
    #[error(
        "the products cannot be read; run `zava-mcp-server migrate`, and see the rules `indexer` of `zava-mcp-server check`"
    )]
    NoProducts,
    /// Another run is under way.
    #[error("another run over the search index is under way")]
    AnotherRun,
    /// The texts of some products have no vectors.
    #[error("the texts of the products could not be embedded")]
    Embedding(#[source] EmbedderError),
    /// The embedder has answered with fewer or more vectors than texts.
    #[error("the embedder has returned {vectors} vectors for {texts} texts")]
    VectorCount {
        /// How many it was given.
        texts: usize,
        /// How many it has returned.
        vectors: usize,
    },
    /// No vector is of the model that was to be removed.
    #[error("there are no vectors of the model \"{model}\"; {}", known(.stored))]
    UnknownModel {
        /// The name that was given.
        model: String,
        /// The models of the stored vectors, with their dimensions.
        stored: Vec<(String, i32)>,
    },
    /// A statement failed.
    #[error("the database failed while {step}")]
    Database {
        /// The step, as in "writing vectors".
        step: &'static str,
        /// The database's error.
        source: sqlx::Error,
    },
}

fn known(stored: &[(String, i32)]) -> String {
    if stored.is_empty() {
        return "there are none at all".to_owned();
    }
    let stored = stored
        .iter()
        .map(|(model, dimensions)| format!("{model} ({dimensions} dimensions)"));
    format!(
        "there are vectors of {}",
        stored.collect::<Vec<_>>().join(", ")
    )
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
