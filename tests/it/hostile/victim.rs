use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestDatabase};

/// Who attacks, and whose rows must not show.
pub(super) const ATTACKER: &str = SEATTLE;
const VICTIM: &str = REDMOND;

/// What only the guard keeps from a client: the database shows it to the login, whose every tenant shares it.
const OF_THE_SERVER: [&str; 6] = [
    "zqxv_running",
    "allowed_stores()",
    "zava/context/2",
    "7a6176612f",
    "USING (",
    "SECURITY DEFINER",
];

/// A statement of the victim's.
const OF_ANOTHER: &str = "SELECT 1 AS zqxv_running";

/// A database in which another tenant's rows are recognised wherever they show, and that tenant's own session.
pub(super) struct Victim {
    pub(super) database: TestDatabase,
    pub(super) db: PgConnection,
    session: PgConnection,
    secrets: Vec<String>,
}

/// What statements name that differs from run to run.
#[derive(Debug)]
pub(super) struct Facts {
    session: i32,
    foreign_context: String,
    /// Head office's, for another backend.
    elsewhere: String,
    /// Head office's, for this backend.
    expired: String,
    far_ahead: String,
    /// Of a tenant that there is not, for this backend.
    nobody: String,
}

impl Facts {
    pub(super) fn named(&self, name: &str) -> Option<String> {
        Some(match name {
            "own" => ATTACKER.to_owned(),
            "victim" => VICTIM.to_owned(),
            "office" => HEAD_OFFICE.to_owned(),
            "victim_store" => "6".to_owned(),
            "victim_order" => "777000111".to_owned(),
            "victim_customer" => "777000222".to_owned(),
            "victim_pid" => self.session.to_string(),
            "foreign_context" => self.foreign_context.clone(),
            "elsewhere" => self.elsewhere.clone(),
            "expired" => self.expired.clone(),
            "far_ahead" => self.far_ahead.clone(),
            "nobody" => self.nobody.clone(),
            _ => return None,
        })
    }
}

impl Victim {
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut db = database.superuser().await;
        sqlx::raw_sql(include_str!("victim.sql"))
            .execute(&mut db)
            .await
            .expect("the victim's rows");
        let secrets = sqlx::query_scalar(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'zava_query' \
             UNION ALL SELECT encode(ipad, 'hex') FROM guard.signing_key UNION ALL SELECT encode(opad, 'hex') FROM guard.signing_key",
        )
        .fetch_all(&mut db)
        .await
        .expect("the secrets");
        let session = running(&database).await;
        Self {
            database,
            db,
            session,
            secrets,
        }
    }

    /// The facts of now: a signature is worth something for a minute, and the attacker's connection may be a new one.
    pub(super) async fn facts(&mut self) -> Facts {
        if !self.is_undisturbed().await {
            self.session = running(&self.database).await;
        }
        let session = self.session_process().await;
        let foreign_context =
            sqlx::query_scalar("SELECT current_setting('zava.context') AS zqxv_running")
                .fetch_one(&mut self.session)
                .await
                .expect("the victim's context");
        let attacker: Option<i32> = sqlx::query_scalar(
            "SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query' AND pid <> $1",
        )
        .bind(session)
        .fetch_one(&mut self.db)
        .await
        .expect("the attacker's backend");
        let attacker = attacker.unwrap_or(0);
        let elsewhere = self.database.context_for(HEAD_OFFICE, session, 30).await;
        let expired = self.database.context_for(HEAD_OFFICE, attacker, -1).await;
        let far_ahead = self
            .database
            .context_for(HEAD_OFFICE, attacker, 3_600)
            .await;
        let nobody = "11111111-1111-1111-1111-111111111111";
        let nobody = self.database.context_for(nobody, attacker, 30).await;
        assert!(self.is_undisturbed().await); // and its last statement is the one that tells whose it is
        Facts {
            session,
            foreign_context,
            elsewhere,
            expired,
            far_ahead,
            nobody,
        }
    }

    /// Whether the victim's session still lives.
    pub(super) async fn is_undisturbed(&mut self) -> bool {
        sqlx::query(OF_ANOTHER)
            .execute(&mut self.session)
            .await
            .is_ok()
    }

    /// What an answer tells that it must not: another tenant's rows, and secrets. `whole` looks for what the guard alone
    /// keeps back, too. What the statement holds itself may come back.
    pub(super) fn leaks(&self, sql: &str, answer: &str, whole: bool) -> Vec<String> {
        let texts = ["Zqxfirst", "Zqxvictim", "zqxv@example.com", "2031-07-07"];
        let contexts = [ATTACKER, VICTIM, HEAD_OFFICE].map(|tenant| format!("1:{tenant}:"));
        let of_the_server = contexts.iter().map(String::as_str).chain(OF_THE_SERVER);
        let mut found: Vec<String> = texts
            .into_iter()
            .chain(self.secrets.iter().map(String::as_str))
            .chain(of_the_server.filter(|_| whole))
            .filter(|text| answer.contains(text) && !sql.contains(text))
            .map(|text| format!("shows {text}"))
            .collect();
        // Digits within a hash are no number, nor are those behind a point.
        let words =
            answer.split(|character: char| !character.is_ascii_alphanumeric() && character != '.');
        let numbers = words
            .filter(|word| word.len() < 32)
            .flat_map(|word| word.split(|character: char| character.is_ascii_alphabetic()))
            .filter_map(|number| number.split('.').next());
        found.extend(
            numbers
                .filter(|number| {
                    *number == "7919" || number.len() >= 7 && number.starts_with("7770")
                })
                .filter(|number| !sql.contains(number))
                .map(|number| format!("shows {number}")),
        );
        found
    }

    /// Everything that a statement could have left in the database.
    pub(super) async fn state(&mut self) -> String {
        self.settle().await;
        self.text(include_str!("state.sql")).await
    }

    /// Waits until the attacker's backends have ended what they were at: one that lost its client is still rolling back.
    async fn settle(&mut self) {
        let session = match self.is_undisturbed().await {
            true => self.session_process().await,
            false => 0,
        };
        let settling = async {
            while sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query' AND pid <> $1 AND state <> 'idle'",
            )
            .bind(session)
            .fetch_one(&mut self.db)
            .await
            .expect("a count")
                > 0
            {}
        };
        // What does not end shows in the state.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), settling).await;
    }

    /// All rows of all tables, as a figure.
    pub(super) async fn contents(&mut self) -> String {
        self.text(include_str!("row_digest.sql")).await
    }

    /// Ends the attacker's connections, with whatever a statement has left in them.
    pub(super) async fn end_attackers_sessions(&mut self) {
        let victim = match self.is_undisturbed().await {
            true => self.session_process().await,
            false => 0,
        };
        sqlx::query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query' AND pid <> $1",
        )
        .bind(victim)
        .execute(&mut self.db)
        .await
        .expect("they end");
    }

    /// Changes the database as a superuser.
    pub(super) async fn execute(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.db)
            .await
            .expect("the change");
    }

    async fn session_process(&mut self) -> i32 {
        sqlx::query_scalar("SELECT pg_backend_pid() AS zqxv_running")
            .fetch_one(&mut self.session)
            .await
            .expect("the victim's backend")
    }

    async fn text(&mut self, sql: &str) -> String {
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut self.db)
            .await
            .expect("a text")
    }
}

/// A session of the victim's. Whatever it runs tells by its text whose it is, where `pg_stat_activity` shows it.
async fn running(database: &TestDatabase) -> PgConnection {
    let mut session = database.signed(VICTIM).await;
    sqlx::query(OF_ANOTHER)
        .execute(&mut session)
        .await
        .expect("the victim's statement");
    session
}
