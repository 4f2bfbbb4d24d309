//! The approximate index of a model's vectors, by which searches find the nearest of many.

use sqlx::PgConnection;

use super::SearchIndexError;
use crate::search::statements;

/// What became of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorIndexChange {
    /// There are many vectors, and no index was.
    Created,
    /// There are few vectors, and an index was.
    Dropped,
    /// Another session holds a lock on the vectors; the next run tries again.
    Deferred,
}

/// Creates the index if the vectors are many, and drops it if they have become few. `None` if
/// nothing was to be done.
///
/// Searches go on meanwhile. The statement is a transaction of its own, so an index that takes longer
/// than this program runs is finished by the database.
pub(super) async fn maintain(
    db: &mut PgConnection,
    model: &str,
    dimensions: i32,
) -> Result<Option<VectorIndexChange>, SearchIndexError> {
    const STEP: &str = "maintaining the index of the vectors";
    if !usize::try_from(dimensions).is_ok_and(statements::is_indexable) {
        return Ok(None);
    }
    // The login's limit is for other statements. A million vectors took seven minutes.
    sqlx::query("SET statement_timeout = '2h'")
        .execute(&mut *db)
        .await
        .map_err(SearchIndexError::database(STEP))?;
    let maintained = sqlx::query_scalar("SELECT retail.maintain_vector_index($1, $2)")
        .bind(model)
        .bind(dimensions)
        .fetch_one(&mut *db)
        .await;
    sqlx::query("RESET statement_timeout")
        .execute(db)
        .await
        .map_err(SearchIndexError::database(STEP))?;
    let action: Option<String> = match maintained {
        Ok(action) => action,
        Err(error) if is_locked(&error) => return Ok(Some(VectorIndexChange::Deferred)),
        Err(error) => return Err(SearchIndexError::database(STEP)(error)),
    };
    Ok(action.map(|action| match action.as_str() {
        "created" => VectorIndexChange::Created,
        _ => VectorIndexChange::Dropped,
    }))
}

/// 55P03 lock_not_available: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_locked(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.and_then(|error| error.code()).as_deref() == Some("55P03")
}
