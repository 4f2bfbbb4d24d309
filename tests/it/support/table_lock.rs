use sqlx::PgConnection;

use super::database::TestDatabase;

/// Reads `retail.inventory`, and so waits for as long as the [`Lock`] is held.
pub(crate) const WAITING: &str = "SELECT count(*) FROM retail.inventory";

/// A superuser's lock on `retail.inventory`: whoever reads the table waits, and burns nothing meanwhile.
pub(crate) struct Lock(PgConnection);

impl Lock {
    pub(crate) async fn on(database: &TestDatabase) -> Self {
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
