use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use chrono::DateTime;
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::OnceCell;
use zava_mcp_server::database;
use zava_mcp_server::identity::{NewApiKey, Role};
use zava_mcp_server::progress::Progress;
use zava_mcp_server::sample_data::{self, Plan, Scale};
use zava_mcp_server::search::embedding::{StaticEmbedder, StaticModel};
use zava_mcp_server::search_index;
use zava_mcp_server::settings::{
    AdminSettings, DatabaseAddress, HttpsSettings, LogFilter, Login, LoginMethod, SearchSettings,
    Secret,
};

use super::cluster::{cluster, indexer_login, new_indexer, new_login, query_login, signing_key};
use super::server::model_folder;
use super::shared::Shared;
use super::signing::{backend_pid, begin_signed, sign};

/// Advisory lock that serializes the creation of template databases across processes.
const TEMPLATE_LOCK: i64 = 0x7a61_7661;

/// A database, usually of one test. It is dropped when the test passes. The next build of the test
/// binary drops what failed tests left behind.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    pub(crate) name: String,
}

impl TestDatabase {
    /// A migrated copy that holds the small sample.
    pub(crate) async fn new() -> Self {
        Self::copy(Self::with_unique_name()).await
    }

    /// The copy that is shared by the tests that change nothing. Its sessions, locks and audit
    /// records are those of all these tests, so no test may depend on them.
    pub(crate) fn shared() -> Arc<Self> {
        Arc::clone(&Shared::get().database)
    }

    /// Creates the copy for [`Shared`], and drops those of earlier processes. A copy in use has a
    /// session, so the caller keeps the returned one.
    pub(super) async fn create_shared() -> (Self, PgConnection) {
        template().await; // takes the same lock
        let mut db = superuser("postgres").await;
        lock_templates(&mut db).await;
        drop_databases(
            &mut db,
            "datname LIKE 'zava\\_test\\_%\\_shared' \
             AND NOT EXISTS (SELECT FROM pg_stat_activity AS s WHERE s.datname = d.datname)",
        )
        .await;
        let name = format!("zava_test_{}_shared", std::process::id());
        let database = Self::copy(Self { name }).await;
        let session = database.superuser().await;
        (database, session)
    }

    /// Creates a database as a copy of the template.
    async fn copy(database: Self) -> Self {
        let template = template().await;
        let mut db = superuser("postgres").await;
        // Names are generated here and consist of letters, digits and underscores: safe unquoted.
        let create = format!(
            "CREATE DATABASE {} TEMPLATE {template} OWNER zava_admin STRATEGY FILE_COPY",
            database.name
        );
        execute(&mut db, create).await;
        // A copy has the template's privileges on its objects but not those on the database itself.
        execute(
            &mut db,
            format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", database.name),
        )
        .await;
        execute(
            &mut db,
            format!(
                "GRANT CONNECT ON DATABASE {} TO zava_query, zava_indexer",
                database.name
            ),
        )
        .await;
        // Tests hold locks for longer than the server's two seconds, so statements may wait for
        // them.
        execute(
            &mut db,
            format!(
                "ALTER ROLE zava_query IN DATABASE {} SET lock_timeout = '5min'",
                database.name
            ),
        )
        .await;
        database
    }

    /// An empty database with the extension `vector`, as an administrator provides it.
    pub(crate) async fn empty() -> Self {
        let database = Self::with_unique_name();
        create_empty(&mut superuser("postgres").await, &database.name).await;
        database
    }

    fn with_unique_name() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self {
            name: format!(
                "zava_test_{}_{}",
                std::process::id(),
                COUNT.fetch_add(1, Ordering::Relaxed)
            ),
        }
    }

    /// A superuser connection, which bypasses row security and sees every row.
    pub(crate) async fn superuser(&self) -> PgConnection {
        superuser(&self.name).await
    }

    /// A superuser connection to the server's own database.
    pub(crate) async fn superuser_of_postgres() -> PgConnection {
        superuser("postgres").await
    }

    /// A connection that acts as the owner of the schemas, like the operators' commands.
    pub(crate) async fn owner(&self) -> PgConnection {
        let mut db = superuser(&self.name).await;
        sqlx::raw_sql("SET ROLE zava_owner")
            .execute(&mut db)
            .await
            .expect("the owner");
        db
    }

    /// Creates an API key for a store that does not expire during the tests; returns its text.
    pub(crate) async fn key(&self, name: &str, store: &str, role: Role) -> String {
        let new = NewApiKey::generate(&mut rand::rng());
        let later = DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
        let stores = [store.to_owned()];
        database::create_key(&mut self.owner().await, &new, name, later, &stores, role)
            .await
            .expect("a key");
        new.text.expose_secret().to_owned()
    }

    /// A connection of the query login, without the server's layers above it.
    pub(crate) async fn query_login(&self) -> PgConnection {
        connect(&cluster().address(&self.name), &query_login()).await
    }

    /// A connection of the login that writes the search index.
    pub(crate) async fn indexer(&self) -> PgConnection {
        connect(&cluster().address(&self.name), &indexer_login()).await
    }

    /// A connection of the query login inside a read-only transaction that is signed for a tenant.
    pub(crate) async fn signed(&self, tenant: &str) -> PgConnection {
        let mut db = self.query_login().await;
        begin_signed(&mut db, &mut self.superuser().await, tenant).await;
        db
    }

    /// A valid signed context of a tenant for the backend of `db`.
    pub(crate) async fn context(&self, tenant: &str, db: &mut PgConnection) -> String {
        self.context_for(tenant, backend_pid(db).await, 30).await
    }

    /// The same for any backend, with an expiry in `seconds` from now.
    pub(crate) async fn context_for(&self, tenant: &str, backend: i32, seconds: i64) -> String {
        sign(&mut self.superuser().await, tenant, backend, seconds).await
    }

    /// Settings of `migrate` and `seed` for this database.
    pub(crate) fn admin_settings(&self) -> AdminSettings {
        admin_settings(&self.name)
    }
}

/// The single number that a query returns.
pub(crate) async fn number(db: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(db)
        .await
        .expect("one number")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return; // kept for inspection
        }
        let name = self.name.clone();
        // `drop` runs inside the test's runtime and cannot await there, so a thread has its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                execute(
                    &mut superuser("postgres").await,
                    format!("DROP DATABASE {name} WITH (FORCE)"),
                )
                .await
            });
        });
        dropping.join().expect("the test's database is dropped");
    }
}

/// The name of the template database.
async fn template() -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    TEMPLATE.get_or_init(create_template).await
}

/// Creates the template database, once for this test binary, and drops those of earlier ones.
async fn create_template() -> String {
    let name = format!("zava_template_{}", fingerprint());
    let mut db = superuser("postgres").await;
    lock_templates(&mut db).await;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut db)
            .await
            .expect("the list of databases");
    if !exists {
        drop_databases(
            &mut db,
            "datname LIKE 'zava\\_test\\_%' OR datname LIKE 'zava\\_template\\_%'",
        )
        .await;
        let unfinished = format!("{name}_making");
        create_empty(&mut db, &unfinished).await;
        let settings = admin_settings(&unfinished);
        database::migrate(&settings)
            .await
            .expect("the template migrates");
        load_sample(&settings).await;
        execute(
            &mut db,
            format!("ALTER DATABASE {unfinished} RENAME TO {name}"),
        )
        .await;
    }
    name
}

/// Loads the small sample data.
pub(super) async fn load_sample(settings: &AdminSettings) {
    let model = StaticModel::open(&model_folder()).expect("the embedding model");
    let embedder = StaticEmbedder::new(model);
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day");
    let plan = Plan {
        scale: Scale::Small,
        seed: Plan::DEFAULT_SEED,
        today,
    };
    let mut db = database::connect_as_owner(settings)
        .await
        .expect("the owner's connection");
    sample_data::load(&mut db, &plan, Progress::silent())
        .await
        .expect("the sample data load");
    search_index::refresh(&mut db, &embedder, Progress::silent())
        .await
        .expect("the products are indexed");
    db.close().await.expect("the owner's connection closes");
}

async fn create_empty(db: &mut PgConnection, name: &str) {
    execute(db, format!("CREATE DATABASE {name} OWNER zava_admin")).await;
    execute(
        &mut superuser(name).await,
        "CREATE EXTENSION vector".to_owned(),
    )
    .await;
}

/// Takes the lock until the session ends.
async fn lock_templates(db: &mut PgConnection) {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(db)
        .await
        .expect("the template lock");
}

/// Drops the databases that a condition over `pg_database AS d` selects.
async fn drop_databases(db: &mut PgConnection, condition: &str) {
    let sql = format!("SELECT datname FROM pg_database AS d WHERE {condition}");
    let names: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(&mut *db)
        .await
        .expect("the list of databases");
    for name in names {
        execute(db, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
}

/// Identifies this test binary, and thereby its migrations and sample generator.
fn fingerprint() -> String {
    let file = std::env::current_exe()
        .and_then(fs::metadata)
        .expect("this test binary");
    let modified = file
        .modified()
        .expect("its time")
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    format!("{:x}_{:x}", file.len(), modified.as_millis())
}

fn admin_settings(name: &str) -> AdminSettings {
    AdminSettings {
        database: cluster().address(name),
        admin: cluster().admin.clone(),
        login: new_login(),
        indexer: Some(new_indexer()),
        azure: None,
        https: HttpsSettings::default(),
        signing_key: signing_key().into(),
        search: SearchSettings { embedder: None },
        log: LogFilter::parse("off").expect("a level"),
    }
}

async fn superuser(database: &str) -> PgConnection {
    connect(&cluster().address(database), &cluster().superuser).await
}

pub(crate) async fn connect(address: &DatabaseAddress, login: &Login) -> PgConnection {
    let LoginMethod::Password(Secret::Literal(password)) = &login.method else {
        panic!("the tests' own connections use passwords");
    };
    let options = PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .database(&address.database)
        .username(&login.user)
        .password(password.expose_secret());
    PgConnection::connect_with(&options)
        .await
        .expect("a connection to the tests' database")
}

async fn execute(db: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(db)
        .await
        .expect("the statement succeeds");
}
