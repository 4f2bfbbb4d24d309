mod violations; // changes that break a rule
mod fingerprint; // the fingerprint reads what the rules read
mod functions; // bodies of the guard's functions
mod verdicts; // whose verdicts are believed

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::app::App;
use zava_mcp_server::database;
use zava_mcp_server::query::guard::RELATIONS;
use zava_mcp_server::query::scope::{Finding, PostureRule, ScopeError};
use zava_mcp_server::settings::{AdminSettings, ServeSettings};

pub(crate) use violations::VIOLATIONS;

use crate::support::{
    HEAD_OFFICE, OwnCluster, SEATTLE, TestDatabase, TestServer, caller, eventually, scope,
    settings, unguarded,
};

const FIND: &str = include_str!("../../../src/query/scope/posture/find.sql");

/// A database that a superuser damages, and the login that it is examined for.
pub(crate) struct Damaged {
    admin: AdminSettings,
    settings: ServeSettings,
    db: PgConnection,
    /// Dropped after its connection.
    _database: Option<TestDatabase>,
}

impl Damaged {
    /// With a login of its own: roles belong to the whole cluster, and other tests use
    /// `zava_query`.
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut admin = database.admin_settings();
        admin.login.user = format!("{}_login", database.name);
        database::migrate(&admin).await.expect("a login of its own");
        let mut settings = settings(&database.name);
        settings.login = admin.login.clone();
        settings.embedding_model_dir = None;
        let db = database.superuser().await;
        Self {
            admin,
            settings,
            db,
            _database: Some(database),
        }
    }

    /// The database of a cluster that no other test uses.
    pub(crate) async fn of_cluster(cluster: &OwnCluster) -> Self {
        let mut settings = cluster.settings();
        settings.embedding_model_dir = None;
        Self {
            admin: cluster.admin_settings(),
            settings,
            db: cluster.superuser().await,
            _database: None,
        }
    }

    /// Each damage is found by its rule, and the statement that is printed undoes it.
    pub(crate) async fn assert_found_and_mended(
        &mut self,
        damages: impl IntoIterator<Item = &'static (&'static str, &'static str)>,
    ) {
        assert_eq!(self.findings().await, []);
        let mut wrong = Vec::new();
        for (rule, damage) in damages {
            // A server that starts finds the same, although a verdict vouches for the database
            // before.
            self.store_verdict().await;
            self.run(damage).await;
            let findings = self.findings().await;
            if findings.is_empty() || findings.iter().any(|finding| finding.rule.name() != *rule) {
                wrong.push(format!("{damage}\n  is found as {findings:?}"));
            }
            let at_start = self.at_start().await;
            if at_start != findings {
                wrong.push(format!("{damage}\n  is found at the start as {at_start:?}"));
            }
            for finding in findings {
                self.run(&finding.mend).await;
            }
            let left = self.findings().await;
            if !left.is_empty() {
                wrong.push(format!("{damage}\n  leaves {left:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Runs statements as a superuser.
    async fn run(&mut self, sql: &str) {
        let sql = sql
            .replace("{login}", &self.settings.login.user)
            .replace("{database}", &self.settings.database.database);
        sqlx::raw_sql(AssertSqlSafe(sql.as_str()))
            .execute(&mut self.db)
            .await
            .unwrap_or_else(|error| panic!("{sql}\n  {error}"));
    }

    async fn findings(&self) -> Vec<Finding> {
        app(&self.settings)
            .examine_database()
            .await
            .expect("an examination")
            .to_vec()
    }

    /// What keeps a server that starts now from running its first statement.
    async fn at_start(&self) -> Vec<Finding> {
        let scope = scope(&self.settings);
        match unguarded(&scope, &caller(HEAD_OFFICE).await, "SELECT 1").await {
            Ok(_) => Vec::new(),
            Err(ScopeError::Posture(findings)) => findings.to_vec(),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// What a server that runs does once an hour.
    async fn store_verdict(&self) {
        let examined = scope(&self.settings).examine_anew().await;
        examined.expect("an examination");
    }

    /// Does what the finding says, as an administrator.
    async fn mend(&mut self, finding: &Finding) {
        if finding.mend == "zava-mcp-server migrate" {
            database::migrate(&self.admin).await.expect("it migrates");
        } else {
            self.run(&finding.mend).await;
        }
    }

    /// Drops the login, and the roles that damages have named after it.
    async fn drop_roles(mut self) {
        let roles: Vec<String> =
            sqlx::query_scalar("SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1)")
                .bind(&self.settings.login.user)
                .fetch_all(&mut self.db)
                .await
                .expect("the roles");
        for role in roles {
            self.run(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
                .await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
fn app(settings: &ServeSettings) -> App {
    App::new(settings, SystemTime::now).expect("an app")
}

#[tokio::test]
async fn every_violation_is_found_by_its_rule_and_fixed_by_the_printed_statement() {
    let mut damaged = Damaged::new().await;
    damaged.assert_found_and_mended(VIOLATIONS).await;
    damaged.drop_roles().await;
}

/// Taking the rights away must not take away what the server needs.
#[tokio::test]
async fn fixed_database_serves_requests() {
    let mut damaged = Damaged::new().await;
    damaged
        .run(
            "GRANT SELECT ON retail.stores TO zava_reader; DROP POLICY tenant_reads ON retail.customers; \
             ALTER POLICY tenant_reads ON retail.order_items USING (true); \
             ALTER FUNCTION guard.allowed_stores() OWNER TO postgres",
        )
        .await;
    for finding in damaged.findings().await {
        damaged.run(&finding.mend).await;
    }
    assert_eq!(damaged.findings().await, []);
    let mut server = TestServer::over(&damaged.settings).await;
    for sql in [
        "SELECT count(*) FROM retail.customers",
        "SELECT count(*) FROM retail.order_items",
    ] {
        let of_store = server.number(SEATTLE, sql).await;
        let of_all = server.number(HEAD_OFFICE, sql).await;
        assert!(
            of_store > 0 && of_store < of_all,
            "{sql}: {of_store} of {of_all}"
        );
    }
    assert_eq!(
        server
            .number(SEATTLE, "SELECT count(store_name) FROM retail.stores")
            .await,
        8
    );
    server.stop().await;
    damaged.drop_roles().await;
}

/// A table without the column that tells whose its rows are must not be opened to all by the fix.
#[tokio::test]
async fn fix_never_opens_a_table_without_its_store_column() {
    let mut damaged = Damaged::new().await;
    for (damage, undo) in [
        (
            "ALTER TABLE retail.orders RENAME COLUMN store_id TO shop_id",
            "ALTER TABLE retail.orders RENAME COLUMN shop_id TO store_id",
        ),
        (
            "ALTER TABLE retail.customers RENAME COLUMN primary_store_id TO home",
            "ALTER TABLE retail.customers RENAME COLUMN home TO primary_store_id",
        ),
        (
            "ALTER TABLE retail.orders RENAME COLUMN customer_id TO client_id; \
             ALTER POLICY tenant_reads ON retail.customers USING (true)",
            "ALTER TABLE retail.orders RENAME COLUMN client_id TO customer_id",
        ),
    ] {
        damaged.store_verdict().await;
        damaged.run(damage).await;
        let findings = damaged.findings().await;
        assert_eq!(damaged.at_start().await, findings, "{damage}");
        let [finding] = &*findings else {
            panic!("{damage}: {findings:?}");
        };
        assert_eq!(finding.rule.name(), "tenant_policy", "{damage}");
        assert!(!finding.mend.contains("POLICY"), "{finding:?}");
        damaged.run(undo).await;
        for finding in damaged.findings().await {
            damaged.run(&finding.mend).await;
        }
        assert_eq!(damaged.findings().await, [], "{damage}");
    }
    damaged.drop_roles().await;
}

/// A login that acts as another role; it must be allowed to become that role, so two rules are broken.
#[tokio::test]
async fn login_with_a_default_role_is_found() {
    let mut damaged = Damaged::new().await;
    damaged
        .run("GRANT zava_reader TO {login} WITH SET TRUE; ALTER ROLE {login} SET role = 'zava_reader'")
        .await;
    let findings = damaged.findings().await;
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.name()).collect();
    assert_eq!(rules, ["login", "membership"]);
    for finding in findings {
        damaged.run(&finding.mend).await;
    }
    assert_eq!(damaged.findings().await, []);
    damaged.drop_roles().await;
}

/// What would concern every database of the cluster is done in a transaction that nobody else sees.
#[tokio::test]
async fn posture_includes_rights_inherited_from_zava_reader() {
    let database = TestDatabase::new().await;
    for (damage, rule, mend) in [
        (
            "GRANT pg_monitor TO zava_reader",
            "membership",
            "REVOKE pg_monitor FROM zava_reader GRANTED BY postgres",
        ),
        (
            "GRANT zava_reader TO zava_owner",
            "membership",
            "REVOKE zava_reader FROM zava_owner GRANTED BY postgres",
        ),
        (
            "GRANT pg_read_all_data TO zava_owner",
            "membership",
            "REVOKE pg_read_all_data FROM zava_owner GRANTED BY postgres",
        ),
        (
            "ALTER ROLE zava_reader LOGIN",
            "attributes",
            "ALTER ROLE zava_reader NOLOGIN",
        ),
        (
            "ALTER ROLE zava_owner BYPASSRLS",
            "attributes",
            "ALTER ROLE zava_owner NOBYPASSRLS",
        ),
    ] {
        let found = found_within(&database, damage, FIND).await;
        assert!(
            found.contains(&(rule.to_owned(), mend.to_owned())),
            "{damage}: {found:?}"
        );
    }
}

#[tokio::test]
async fn unsupported_postgresql_version_is_found() {
    let database = TestDatabase::new().await;
    let find = FIND.replace("160000", "990000");
    let found = found_within(&database, "SELECT 1", &find).await;
    assert!(found.iter().any(|(rule, _)| rule == "version"), "{found:?}");
}

/// Rules and mending statements, as the query login would see them after an uncommitted change.
async fn found_within(database: &TestDatabase, damage: &str, find: &str) -> Vec<(String, String)> {
    let mut db = database.superuser().await;
    let begin = format!("BEGIN; {damage}; SET LOCAL SESSION AUTHORIZATION zava_query");
    sqlx::raw_sql(AssertSqlSafe(begin))
        .execute(&mut db)
        .await
        .expect("the damage");
    let tables: Vec<String> = RELATIONS
        .iter()
        .map(|relation| relation.name.to_owned())
        .collect();
    sqlx::query(AssertSqlSafe(find))
        .bind(tables)
        .fetch_all(&mut db)
        .await
        .expect("the findings")
        .iter()
        .map(|row| (row.get("rule"), row.get("mend")))
        .collect()
}

#[tokio::test]
async fn unmigrated_database_reports_that_migrate_must_run() {
    let database = TestDatabase::empty().await;
    let mut settings = settings(&database.name);
    // The query login is what `migrate` would make.
    settings.login = database.admin_settings().admin;
    let error = app(&settings)
        .examine_database()
        .await
        .expect_err("nothing to examine");
    assert!(matches!(error, ScopeError::Misconfigured(_)), "{error:?}");
    let cause = std::error::Error::source(&error).expect("a cause");
    assert!(
        cause.to_string().contains("run `zava-mcp-server migrate`"),
        "{cause}"
    );
}

const OURS: &str = "the server cannot answer this now; the operator finds the reason in its log";

#[tokio::test]
async fn service_stops_on_a_violation_and_resumes_after_the_fix_without_restart() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    sqlx::raw_sql("CREATE POLICY more ON retail.orders FOR SELECT USING (true)")
        .execute(&mut db)
        .await
        .expect("the damage");
    let server = TestServer::over(&settings(&database.name)).await;
    for _ in 0..2 {
        let refused = server
            .request(
                SEATTLE,
                "tools/call",
                json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT count(*) FROM retail.orders"}}),
            )
            .await;
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        let body: Value = refused.json().await.expect("a JSON body");
        assert_eq!(body["error"]["message"], OURS);
    }
    for (path, status) in [("/health/ready", 503), ("/health/live", 200)] {
        let answer = server.client.get(server.url(path)).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{path}");
    }

    sqlx::raw_sql("DROP POLICY more ON retail.orders")
        .execute(&mut db)
        .await
        .expect("mended");
    let answer = server.client.get(server.url("/health/ready")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert!(
        server
            .number(SEATTLE, "SELECT count(*) FROM retail.orders")
            .await
            > 0
    );
}

#[tokio::test]
async fn running_server_detects_a_violation_within_a_minute() {
    let database = TestDatabase::new().await;
    let server = TestServer::over(&settings(&database.name)).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    sqlx::raw_sql("GRANT INSERT ON retail.orders TO zava_reader")
        .execute(&mut database.superuser().await)
        .await
        .expect("the damage");
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    // Who comes while somebody looks is answered by what was found before.
    eventually("the damage is noticed", async || {
        let arguments = json!({"postgresql_query": "SELECT 3"});
        let answer = server.call(SEATTLE, "execute_sales_query", arguments);
        answer.await.is_error
    })
    .await;
    assert_eq!(server.failure(SEATTLE, "SELECT 3").await, OURS);
}

#[test]
fn every_posture_rule_has_a_test_violation() {
    // Broken by other means in this file.
    let others = ["version", "migrated"];
    for rule in PostureRule::ALL {
        let name = rule.name();
        assert!(
            others.contains(&name) || VIOLATIONS.iter().any(|(rule, _)| *rule == name),
            "{name}"
        );
    }
}
