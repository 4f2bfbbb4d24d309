use sqlx::PgConnection;

use super::SearchIndexError;

/// The advisory lock of the search index: `zava` and `embd`.
const LOCK: i64 = 0x7a61_7661_656d_6264;

/// Takes the lock, so that no other session writes the search index.
///
/// The lock belongs to the session: PostgreSQL releases it when the connection is closed, also that
/// of a killed process.
///
/// # Errors
/// [`SearchIndexError::AnotherRun`] at once if another session holds the lock.
pub(super) async fn lock(db: &mut PgConnection) -> Result<(), SearchIndexError> {
    let is_locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(db)
        .await
        .map_err(SearchIndexError::database("locking the search index"))?;
    if is_locked {
        Ok(())
    } else {
        Err(SearchIndexError::AnotherRun)
    }
}

/// Releases the lock after work with this result, and returns the result. An error of the work
/// comes first, because it may be the cause of one here.
pub(super) async fn unlock<T>(
    db: &mut PgConnection,
    done: Result<T, SearchIndexError>,
) -> Result<T, SearchIndexError> {
    let unlocked = sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(db)
        .await
        .map_err(SearchIndexError::database("unlocking the search index"));
    let output = done?;
    unlocked?;
    Ok(output)
}
