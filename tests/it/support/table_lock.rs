use sqlx::PgConnection;

use super::database::TestDatabase;

/// A query of `retail.inventory`, which blocks while a [`TableLock`] is held.
pub(crate) const BLOCKED_QUERY: &str = "SELECT count(*) FROM retail.inventory";

/// A superuser's exclusive lock on `retail.inventory`. Statements that read the table wait and use
/// no processor time meanwhile.
pub(crate) struct TableLock(PgConnection);

impl TableLock {
    pub(crate) async fn acquire(database: &TestDatabase) -> Self {
        let mut db = database.superuser().await;
        for sql in [
            "BEGIN",
            "LOCK TABLE retail.inventory IN ACCESS EXCLUSIVE MODE",
        ] {
            sqlx::raw_sql(sql).execute(&mut db).await.expect("locked");
        }
        Self(db)
    }

    pub(crate) async fn release(mut self) {
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut self.0)
            .await
            .expect("released");
    }
}
