use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestDatabase, sign};

/// The attacker's tenant, and the tenant whose rows must not be revealed.
pub(super) const ATTACKER: &str = SEATTLE;
const VICTIM: &str = REDMOND;

/// Texts that only the guard keeps from a client: the database shows them to the query login, which
/// all tenants share.
const SERVER_INTERNALS: [&str; 6] = [
    "zqxv_running",
    "allowed_stores()",
    "zava/context/2",
    "7a6176612f",
    "USING (",
    "SECURITY DEFINER",
];

/// The last statement of the victim's session, as `pg_stat_activity` would show it.
const VICTIMS_STATEMENT: &str = "SELECT 1 AS zqxv_running";

/// A database in which the victim's rows carry markers, and a session of the victim.
pub(super) struct Victim {
    pub(super) database: TestDatabase,
    pub(super) db: PgConnection,
    session: PgConnection,
    secrets: Vec<String>,
}

/// Values in statements that differ from run to run.
#[derive(Debug)]
pub(super) struct RunValues {
    session: i32,
    foreign_context: String,
    /// A context of head office for another backend.
    other_backend: String,
    /// A context of head office for this backend.
    expired: String,
    far_ahead: String,
    /// A context of an unknown tenant for this backend.
    unknown_tenant: String,
}

impl RunValues {
    pub(super) fn value(&self, name: &str) -> Option<String> {
        Some(match name {
            "own" => ATTACKER.to_owned(),
            "victim" => VICTIM.to_owned(),
            "office" => HEAD_OFFICE.to_owned(),
            "victim_store" => "6".to_owned(),
            "victim_order" => "777000111".to_owned(),
            "victim_customer" => "777000222".to_owned(),
            "victim_pid" => self.session.to_string(),
            "foreign_context" => self.foreign_context.clone(),
            "elsewhere" => self.other_backend.clone(),
            "expired" => self.expired.clone(),
            "far_ahead" => self.far_ahead.clone(),
            "nobody" => self.unknown_tenant.clone(),
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
        let session = start_session(&database).await;
        Self {
            database,
            db,
            session,
            secrets,
        }
    }

    /// The current values. A signature is valid for a minute, and the attacker's connection may be
    /// new.
    pub(super) async fn run_values(&mut self) -> RunValues {
        if !self.is_session_alive().await {
            self.session = start_session(&self.database).await;
        }
        let session = self.session_pid().await;
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
        let unknown_tenant = "11111111-1111-1111-1111-111111111111";
        let other_backend = sign(&mut self.db, HEAD_OFFICE, session, 30).await;
        let expired = sign(&mut self.db, HEAD_OFFICE, attacker, -1).await;
        let far_ahead = sign(&mut self.db, HEAD_OFFICE, attacker, 3_600).await;
        let unknown_tenant = sign(&mut self.db, unknown_tenant, attacker, 30).await;
        assert!(self.is_session_alive().await); // also makes the marker its last statement
        RunValues {
            session,
            foreign_context,
            other_backend,
            expired,
            far_ahead,
            unknown_tenant,
        }
    }

    /// Whether the victim's session still works.
    pub(super) async fn is_session_alive(&mut self) -> bool {
        sqlx::query(VICTIMS_STATEMENT)
            .execute(&mut self.session)
            .await
            .is_ok()
    }

    /// What a response reveals that it must not: another tenant's rows and secrets, and with
    /// `include_internals` what only the guard keeps back. Texts of the statement itself may come
    /// back.
    pub(super) fn leaks(&self, sql: &str, answer: &str, include_internals: bool) -> Vec<String> {
        let texts = ["Zqxfirst", "Zqxvictim", "zqxv@example.com", "2031-07-07"];
        let contexts = [ATTACKER, VICTIM, HEAD_OFFICE].map(|tenant| format!("1:{tenant}:"));
        let server_internals = contexts.iter().map(String::as_str).chain(SERVER_INTERNALS);
        let mut found: Vec<String> = texts
            .into_iter()
            .chain(self.secrets.iter().map(String::as_str))
            .chain(server_internals.filter(|_| include_internals))
            .filter(|text| answer.contains(text) && !sql.contains(text))
            .map(|text| format!("shows {text}"))
            .collect();
        // Digits inside a hash or after a decimal point are not markers.
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

    /// A snapshot of everything that a statement could leave in the database.
    pub(super) async fn state(&mut self) -> String {
        self.wait_until_idle().await;
        self.text(include_str!("state.sql")).await
    }

    /// Waits until the attacker's backends are idle: one that lost its client may still roll back.
    async fn wait_until_idle(&mut self) {
        let session = match self.is_session_alive().await {
            true => self.session_pid().await,
            false => 0,
        };
        let polling = async {
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
        // A statement that does not end shows up in the snapshot.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), polling).await;
    }

    /// A digest of all rows of all tables.
    pub(super) async fn row_digest(&mut self) -> String {
        self.text(include_str!("row_digest.sql")).await
    }

    /// Terminates the attacker's backends, with any session state that a statement left.
    pub(super) async fn terminate_attackers_backends(&mut self) {
        let victim = match self.is_session_alive().await {
            true => self.session_pid().await,
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

    async fn session_pid(&mut self) -> i32 {
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

/// Starts a session of the victim. The text of its last statement identifies it in
/// `pg_stat_activity`.
async fn start_session(database: &TestDatabase) -> PgConnection {
    let mut session = database.signed(VICTIM).await;
    sqlx::query(VICTIMS_STATEMENT)
        .execute(&mut session)
        .await
        .expect("the victim's statement");
    session
}
