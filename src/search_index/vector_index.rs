//! The approximate index of a model's vectors, by which searches find the nearest of many.

use sqlx::PgConnection;

use super::SearchIndexError;
use crate::search::statements;

/// What became of the indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorIndexChange {
    /// The model has many vectors, and no index was.
    Created,
    /// Models with few vectors had one.
    Dropped,
    /// Another session uses one that is to be created or dropped; the next run tries again.
    Deferred,
}

/// Creates the index of a model if its vectors are many, and drops those of models that have few or
/// none. `None` if nothing was to be done.
///
/// Searches go on meanwhile. The statement is a transaction of its own, so the database finishes an
/// index that takes longer than this program runs.
pub(super) async fn maintain(
    db: &mut PgConnection,
    model: &str,
    dimensions: i32,
) -> Result<Option<VectorIndexChange>, SearchIndexError> {
    let failed = || SearchIndexError::database("maintaining the index of the vectors");
    let is_indexable = usize::try_from(dimensions).is_ok_and(statements::is_indexable);
    // The login's limit is for other statements. A million vectors took seven minutes.
    sqlx::query("SET statement_timeout = '2h'")
        .execute(&mut *db)
        .await
        .map_err(failed())?;
    let maintained = sqlx::query_scalar("SELECT retail.maintain_vector_index($1, $2)")
        .bind(model)
        // Without dimensions that searches use, only other indexes are dropped.
        .bind(is_indexable.then_some(dimensions))
        .fetch_one(&mut *db)
        .await;
    let action: Option<String> = match maintained {
        Ok(action) => action,
        Err(error) if is_locked(&error) => Some("locked".to_owned()),
        Err(error) => return Err(failed()(error)),
    };
    sqlx::query("RESET statement_timeout")
        .execute(db)
        .await
        .map_err(failed())?;
    Ok(action.map(|action| match action.as_str() {
        "created" => VectorIndexChange::Created,
        "dropped" => VectorIndexChange::Dropped,
        _ => VectorIndexChange::Deferred,
    }))
}

/// 55P03 lock_not_available: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_locked(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.and_then(|error| error.code()).as_deref() == Some("55P03")
}
