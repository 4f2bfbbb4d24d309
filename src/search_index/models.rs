//! Of which models there are vectors, and of how many products.

use sqlx::{Connection as _, PgConnection};

use super::lock::{lock, unlock};
use super::{SearchIndexError, VectorIndexChange, vector_index};
use crate::search::Embedder;

/// A number of dimensions as the database stores it.
pub(super) fn dimensions(embedder: &dyn Embedder) -> i32 {
    i32::try_from(embedder.dimensions()).unwrap_or(i32::MAX)
}

/// Whether a refresh has just begun or finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Begun,
    Finished,
}

/// Counts the products that have vectors of the embedder's model, for `check`.
pub(super) async fn count_vectors(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    stage: Stage,
) -> Result<(), SearchIndexError> {
    sqlx::query(include_str!("count_vectors.sql"))
        .bind(embedder.model())
        .bind(dimensions(embedder))
        .bind(stage == Stage::Finished)
        .execute(db)
        .await
        .map(drop)
        .map_err(SearchIndexError::database("counting vectors"))
}

/// The vectors that were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedVectors {
    /// How many.
    pub vectors: u64,
    /// What became of the indexes of vectors; `None` if all stay as they are.
    pub vector_index: Option<VectorIndexChange>,
}

/// Removes the vectors of a model; of those, only the ones with `dimensions` if that is given.
///
/// # Errors
/// [`SearchIndexError::UnknownModel`] if there are none, [`SearchIndexError::AnotherRun`], and
/// errors of the database.
pub async fn remove_vectors(
    db: &mut PgConnection,
    model: &str,
    dimensions: Option<u32>,
) -> Result<RemovedVectors, SearchIndexError> {
    lock(db).await?;
    let removed = remove(db, model, dimensions).await;
    unlock(db, removed).await
}

async fn remove(
    db: &mut PgConnection,
    model: &str,
    dimensions: Option<u32>,
) -> Result<RemovedVectors, SearchIndexError> {
    let failed = || SearchIndexError::database("removing vectors");
    let dimensions = dimensions.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    let mut tx = db.begin().await.map_err(failed())?;
    let mut rows = [0, 0];
    for (rows, statement) in rows.iter_mut().zip([
        "DELETE FROM retail.product_description_embeddings AS e \
         WHERE e.model = $1 AND e.dimensions = coalesce($2, e.dimensions)",
        "DELETE FROM retail.embedding_models AS m \
         WHERE m.model = $1 AND m.dimensions = coalesce($2, m.dimensions)",
    ]) {
        let deleted = sqlx::query(statement)
            .bind(model)
            .bind(dimensions)
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        *rows = deleted.rows_affected();
    }
    tx.commit().await.map_err(failed())?;
    if rows == [0, 0] {
        let stored = sqlx::query_as(
            "SELECT DISTINCT e.model, e.dimensions FROM retail.product_description_embeddings AS e ORDER BY 1, 2",
        );
        return Err(SearchIndexError::UnknownModel {
            model: model.to_owned(),
            stored: stored.fetch_all(db).await.map_err(failed())?,
        });
    }
    Ok(RemovedVectors {
        vectors: rows[0],
        vector_index: vector_index::maintain(db, model, dimensions.unwrap_or_default()).await?,
    })
}
