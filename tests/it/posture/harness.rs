use std::time::SystemTime;

use sqlx::{AssertSqlSafe, PgConnection};
use zava_mcp_server::app::App;
use zava_mcp_server::database;
use zava_mcp_server::query::scope::{Finding, ScopeError};
use zava_mcp_server::settings::{AdminSettings, ServeSettings};

use crate::support::{
    DedicatedCluster, HEAD_OFFICE, TestDatabase, caller, connect, run_unguarded, scope, settings,
};

/// A database in which a superuser causes violations, and the login that it is checked for.
pub(crate) struct PostureTest {
    pub(super) admin: AdminSettings,
    pub(super) settings: ServeSettings,
    pub(super) db: PgConnection,
    /// Dropped after its connection.
    _database: Option<TestDatabase>,
}

impl PostureTest {
    /// A database with a separate login: roles belong to the whole cluster, and other tests use
    /// `zava_query`.
    pub(super) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let mut admin = database.admin_settings();
        admin.login.user = format!("{}_login", database.name);
        let indexer = admin.indexer.as_mut().expect("a login");
        indexer.user = format!("{}_indexer", admin.login.user);
        database::migrate(&admin).await.expect("a login of its own");
        let mut settings = settings(&database.name);
        settings.login.user.clone_from(&admin.login.user);
        settings.search.embedder = None;
        let db = database.superuser().await;
        Self {
            admin,
            settings,
            db,
            _database: Some(database),
        }
    }

    /// A connection of the administrator.
    pub(super) async fn admin_connection(&self) -> PgConnection {
        connect(&self.admin.database, &self.admin.admin).await
    }

    /// The database of a cluster that no other test uses.
    pub(crate) async fn from_cluster(cluster: &DedicatedCluster) -> Self {
        let mut settings = cluster.settings();
        settings.search.embedder = None;
        Self {
            admin: cluster.admin_settings(),
            settings,
            db: cluster.superuser().await,
            _database: None,
        }
    }

    /// Asserts that each violation is found by its rule, and that the printed statement fixes it.
    pub(crate) async fn assert_found_and_fixed(
        &mut self,
        violations: impl IntoIterator<Item = &'static (&'static str, &'static str)>,
    ) {
        assert_eq!(self.findings().await, []);
        let mut wrong = Vec::new();
        for (rule, violation) in violations {
            // A server that starts finds the same, although a stored verdict vouches for the
            // earlier state.
            self.store_verdict().await;
            self.run(violation).await;
            let findings = self.findings().await;
            if findings.is_empty() || findings.iter().any(|finding| finding.rule.name() != *rule) {
                wrong.push(format!("{violation}\n  is found as {findings:?}"));
            }
            let at_start = self.findings_at_start().await;
            if at_start != findings {
                wrong.push(format!(
                    "{violation}\n  is found at the start as {at_start:?}"
                ));
            }
            for finding in findings {
                self.run(&finding.fix).await;
            }
            let left = self.findings().await;
            if !left.is_empty() {
                wrong.push(format!("{violation}\n  leaves {left:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The login that writes the search index.
    fn indexer(&self) -> &str {
        let indexer = self.admin.indexer.as_ref();
        &indexer.expect("a login").user
    }

    /// Runs statements as a superuser.
    pub(super) async fn run(&mut self, sql: &str) {
        let sql = sql
            .replace("{login}", &self.settings.login.user)
            .replace("{indexer}", self.indexer())
            .replace("{database}", &self.settings.database.database);
        sqlx::raw_sql(AssertSqlSafe(sql.as_str()))
            .execute(&mut self.db)
            .await
            .unwrap_or_else(|error| panic!("{sql}\n  {error}"));
    }

    pub(super) async fn findings(&self) -> Vec<Finding> {
        app(&self.settings)
            .examine_database()
            .await
            .expect("an examination")
            .findings
            .to_vec()
    }

    /// The findings that keep a server that starts now from running its first statement.
    pub(super) async fn findings_at_start(&self) -> Vec<Finding> {
        let scope = scope(&self.settings);
        match run_unguarded(&scope, &caller(HEAD_OFFICE).await, "SELECT 1").await {
            Ok(_) => Vec::new(),
            Err(ScopeError::Posture(findings)) => findings.to_vec(),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Checks the posture and stores the verdict, as a running server does every hour.
    pub(super) async fn store_verdict(&self) {
        let examined = scope(&self.settings).renew_verdict().await;
        examined.expect("an examination");
    }

    /// Applies the fix of a finding, as an administrator.
    pub(super) async fn apply_fix(&mut self, finding: &Finding) {
        if finding.fix == "zava-mcp-server migrate" {
            database::migrate(&self.admin).await.expect("it migrates");
        } else {
            self.run(&finding.fix).await;
        }
    }

    /// Drops the login, and the roles that violations have named after it.
    pub(super) async fn drop_roles(mut self) {
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
pub(super) fn app(settings: &ServeSettings) -> App {
    App::new(settings, SystemTime::now).expect("an app")
}
