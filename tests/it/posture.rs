use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::app::App;
use zava_mcp_server::database;
use zava_mcp_server::query::guard::RELATIONS;
use zava_mcp_server::query::scope::{Finding, Rule, ScopeError};
use zava_mcp_server::settings::ServeSettings;

use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, settings};

const FIND: &str = include_str!("../../src/query/scope/posture/find.sql");

/// What can be undone of `migrate`'s work, and the rule that notices: rule, then the statements. `{login}` and `{database}`
/// stand for the test's own.
const DAMAGES: &[(&str, &str)] = &[
    ("attributes", "ALTER ROLE {login} SUPERUSER"),
    ("attributes", "ALTER ROLE {login} BYPASSRLS"),
    ("attributes", "ALTER ROLE {login} CREATEROLE CREATEDB"),
    ("attributes", "ALTER ROLE {login} REPLICATION"),
    ("membership", "GRANT pg_read_all_data TO {login}"),
    (
        "membership",
        "GRANT pg_execute_server_program TO {login} WITH INHERIT FALSE, SET TRUE",
    ),
    (
        "membership",
        "CREATE ROLE {login}_other; GRANT {login}_other TO {login}",
    ),
    ("membership", "GRANT zava_reader TO {login} WITH SET TRUE"),
    (
        "membership",
        "GRANT zava_reader TO {login} WITH ADMIN TRUE GRANTED BY zava_admin",
    ),
    (
        "membership",
        "REVOKE zava_reader FROM {login} GRANTED BY zava_admin; REVOKE zava_reader FROM {login} GRANTED BY postgres",
    ),
    (
        "owns",
        "CREATE TABLE public.mine (); ALTER TABLE public.mine OWNER TO {login}",
    ),
    ("owns", "CREATE SCHEMA theirs AUTHORIZATION {login}"),
    (
        "owns",
        "SELECT lo_create(4710); ALTER LARGE OBJECT 4710 OWNER TO {login}",
    ),
    (
        "writes",
        "GRANT INSERT, UPDATE ON retail.orders TO zava_reader",
    ),
    (
        "writes",
        "GRANT UPDATE (email), REFERENCES (phone) ON retail.customers TO {login}",
    ),
    (
        "writes",
        "GRANT USAGE ON SEQUENCE retail.orders_order_id_seq TO PUBLIC",
    ),
    (
        "writes",
        "GRANT TRUNCATE, TRIGGER, MAINTAIN ON retail.products TO {login}",
    ),
    (
        "writes",
        r#"CREATE TABLE public."odd; name" (); GRANT DELETE ON public."odd; name" TO {login}"#,
    ),
    (
        "writes",
        "CREATE ROLE {login}_lender; GRANT INSERT ON retail.orders TO {login}_lender WITH GRANT OPTION; GRANT USAGE ON SCHEMA retail TO {login}_lender; \
                SET ROLE {login}_lender; GRANT INSERT ON retail.orders TO {login}; RESET ROLE",
    ),
    ("creates", "GRANT CREATE ON SCHEMA public TO PUBLIC"),
    ("creates", "GRANT CREATE ON SCHEMA retail TO zava_reader"),
    (
        "creates",
        "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
    ),
    ("reads", "GRANT SELECT ON guard.signing_key TO zava_reader"),
    ("reads", "GRANT SELECT ON retail.stores TO zava_reader"),
    (
        "reads",
        "GRANT SELECT (rls_user_id) ON retail.stores TO {login}",
    ),
    (
        "reads",
        "CREATE TABLE public.notes (); GRANT SELECT ON public.notes TO PUBLIC",
    ),
    (
        "reads",
        "CREATE VIEW retail.mine WITH (security_invoker) AS SELECT 1 AS one; GRANT SELECT ON retail.mine TO zava_reader",
    ),
    (
        "views",
        "CREATE VIEW retail.totals AS SELECT count(*) FROM retail.orders; GRANT SELECT ON retail.totals TO zava_reader",
    ),
    (
        "views",
        "CREATE VIEW public.seen WITH (security_invoker = off) AS SELECT 1 AS one; GRANT SELECT (one) ON public.seen TO {login}",
    ),
    (
        "views",
        "CREATE MATERIALIZED VIEW public.kept AS SELECT store_id FROM retail.orders; GRANT SELECT ON public.kept TO PUBLIC",
    ),
    (
        "functions",
        "CREATE FUNCTION public.peek(n integer) RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM retail.orders'",
    ),
    (
        "functions",
        "GRANT EXECUTE ON FUNCTION guard.mac(integer, bytea) TO zava_reader",
    ),
    (
        "functions",
        "CREATE FUNCTION guard.more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ),
    (
        "runs_text",
        "CREATE FUNCTION public.run(command text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE command; END'",
    ),
    (
        "runs_text",
        "CREATE FUNCTION public.keep() RETURNS void LANGUAGE sql AS 'PREPARE kept AS SELECT 1'",
    ),
    (
        "system",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC",
    ),
    ("system", "GRANT SELECT ON pg_catalog.pg_authid TO {login}"),
    (
        "system",
        "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC",
    ),
    (
        "elsewhere",
        "GRANT SET ON PARAMETER session_replication_role TO {login}",
    ),
    (
        "elsewhere",
        "SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
    ),
    (
        "later_grants",
        "ALTER DEFAULT PRIVILEGES FOR ROLE zava_owner IN SCHEMA retail GRANT SELECT ON TABLES TO zava_reader",
    ),
    (
        "later_grants",
        "ALTER DEFAULT PRIVILEGES FOR ROLE zava_owner GRANT INSERT ON TABLES TO PUBLIC",
    ),
    (
        "row_security",
        "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
    ),
    (
        "row_security",
        "ALTER TABLE guard.tenant DISABLE ROW LEVEL SECURITY",
    ),
    (
        "row_security",
        "CREATE TABLE retail.plain (); ALTER TABLE retail.plain OWNER TO zava_owner; \
                      CREATE POLICY no_insert ON retail.plain AS RESTRICTIVE FOR INSERT TO zava_reader WITH CHECK (false); \
                      CREATE POLICY no_update ON retail.plain AS RESTRICTIVE FOR UPDATE TO zava_reader USING (false); \
                      CREATE POLICY no_delete ON retail.plain AS RESTRICTIVE FOR DELETE TO zava_reader USING (false)",
    ),
    (
        "tenant_policy",
        "DROP POLICY tenant_reads ON retail.customers",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.inventory USING (true)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.orders USING ((SELECT guard.tenant()) IS NOT NULL)",
    ),
    (
        "tenant_policy",
        "ALTER POLICY tenant_reads ON retail.products TO zava_reader, PUBLIC",
    ),
    (
        "other_policy",
        "CREATE POLICY more ON retail.orders FOR SELECT USING (true)",
    ),
    (
        "other_policy",
        "CREATE POLICY keys ON guard.signing_key TO zava_reader USING (true)",
    ),
    (
        "other_policy",
        "CREATE POLICY mine ON retail.order_items FOR SELECT TO {login} USING (true)",
    ),
    ("write_policies", "DROP POLICY no_update ON retail.orders"),
    (
        "write_policies",
        "ALTER POLICY no_insert ON retail.stores WITH CHECK (true)",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.tenant() RESET search_path",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.tenant() SET search_path = public, pg_catalog",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.enter(integer, uuid, bigint, bytea) OWNER TO postgres",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.allowed_stores() SECURITY INVOKER",
    ),
    (
        "guard_functions",
        "ALTER FUNCTION guard.context_mac(integer, uuid) IMMUTABLE PARALLEL SAFE",
    ),
    (
        "settings",
        "ALTER ROLE {login} IN DATABASE {database} SET default_transaction_read_only = off",
    ),
    ("settings", "ALTER ROLE {login} SET statement_timeout = 0"),
    ("settings", "ALTER ROLE {login} SET row_security = off"),
    (
        "settings",
        "ALTER ROLE {login} SET search_path = public, retail",
    ),
];

/// A database with a login of its own: roles belong to the whole cluster, and other tests use `zava_query`.
struct Damaged {
    database: TestDatabase,
    settings: ServeSettings,
    db: PgConnection,
}

impl Damaged {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut admin = database.admin_settings();
        admin.login.user = format!("{}_login", database.name);
        database::migrate(&admin).await.expect("a login of its own");
        let mut settings = settings(&database.name);
        settings.login = admin.login;
        settings.embedding_model_dir = None;
        let db = database.superuser().await;
        Self {
            database,
            settings,
            db,
        }
    }

    /// Runs statements as a superuser.
    async fn run(&mut self, sql: &str) {
        let sql = sql
            .replace("{login}", &self.settings.login.user)
            .replace("{database}", &self.database.name);
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

    async fn drop_roles(mut self) {
        let named = format!("{}\\_login%", self.database.name);
        let roles: Vec<String> =
            sqlx::query_scalar("SELECT rolname::text FROM pg_roles WHERE rolname LIKE $1")
                .bind(named)
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
async fn each_damage_is_found_by_its_rule_and_mended_by_the_statement_that_is_printed() {
    let mut damaged = Damaged::new().await;
    assert_eq!(damaged.findings().await, []);
    let mut wrong = Vec::new();
    for (rule, damage) in DAMAGES {
        damaged.run(damage).await;
        let findings = damaged.findings().await;
        if findings.is_empty() || findings.iter().any(|finding| finding.rule.name() != *rule) {
            wrong.push(format!("{damage}\n  is found as {findings:?}"));
        }
        for finding in findings {
            damaged.run(&finding.mend).await;
        }
        let left = damaged.findings().await;
        if !left.is_empty() {
            wrong.push(format!("{damage}\n  leaves {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    damaged.drop_roles().await;
}

/// Taking the rights away must not take away what the server needs.
#[tokio::test]
async fn a_mended_database_serves() {
    let mut damaged = Damaged::new().await;
    damaged
        .run(
            "GRANT SELECT ON retail.stores TO zava_reader; DROP POLICY tenant_reads ON retail.customers; \
             ALTER POLICY tenant_reads ON retail.order_items USING (true); \
             ALTER FUNCTION guard.enter(integer, uuid, bigint, bytea) OWNER TO postgres",
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

/// A login that acts as another role; it must be allowed to become that role, so two rules are broken.
#[tokio::test]
async fn a_login_that_acts_as_another_role_is_found() {
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
async fn what_the_reader_may_counts_as_the_logins() {
    let database = TestDatabase::new().await;
    for (damage, rule, mend) in [
        (
            "GRANT pg_monitor TO zava_reader",
            "membership",
            "REVOKE pg_monitor FROM zava_reader GRANTED BY postgres",
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
async fn a_server_that_is_too_old_is_told_so() {
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
async fn a_database_that_is_not_migrated_asks_for_migrate() {
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
async fn a_damaged_database_is_not_served_and_a_mended_one_is_without_a_restart() {
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
async fn a_server_that_runs_notices_damage_within_a_minute() {
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
    assert_eq!(server.failure(SEATTLE, "SELECT 3").await, OURS);
}

#[test]
fn each_rule_has_a_damage_in_these_tests() {
    // Broken by other means in this file.
    let others = ["version", "migrated", "login"];
    for rule in Rule::ALL {
        let name = rule.name();
        assert!(
            others.contains(&name) || DAMAGES.iter().any(|(rule, _)| *rule == name),
            "{name}"
        );
    }
}
