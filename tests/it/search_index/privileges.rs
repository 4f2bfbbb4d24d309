use sqlx::{AssertSqlSafe, Row as _};
use zava_mcp_server::database::{self, AdminError};

use super::PRODUCTS;
use crate::support::{TestDatabase, number};

/// What may be read and written, by the access lists.
#[tokio::test]
async fn indexer_reads_product_texts_and_writes_only_the_index() {
    let database = TestDatabase::shared();
    let mut db = database.superuser().await;
    let columns = |privilege: &str| {
        format!(
            "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             AND has_column_privilege('zava_indexer', c.oid, a.attnum, '{privilege}') ORDER BY 1"
        )
    };
    let index = [
        "retail.embedding_models.",
        "retail.product_description_embeddings.",
        "retail.product_search.",
        "retail.search_words.",
    ];
    let is_index = |column: &String| index.iter().any(|table| column.starts_with(table));
    let read: Vec<String> = sqlx::query_scalar(AssertSqlSafe(columns("SELECT")))
        .fetch_all(&mut db)
        .await
        .expect("the columns");
    let sources: Vec<&String> = read.iter().filter(|column| !is_index(column)).collect();
    assert_eq!(
        sources,
        [
            "retail.categories.category_id",
            "retail.categories.category_name",
            "retail.product_types.type_id",
            "retail.product_types.type_name",
            "retail.products.category_id",
            "retail.products.product_description",
            "retail.products.product_id",
            "retail.products.product_name",
            "retail.products.sku",
            "retail.products.type_id",
        ]
    );
    for privilege in ["INSERT", "UPDATE"] {
        let written: Vec<String> = sqlx::query_scalar(AssertSqlSafe(columns(privilege)))
            .fetch_all(&mut db)
            .await
            .expect("the columns");
        assert!(written.iter().all(is_index), "{privilege}: {written:?}");
        for table in index {
            assert!(written.iter().any(|column| column.starts_with(table)));
        }
    }
    let deleted: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text || '.' FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'S') AND c.relnamespace::regnamespace::text !~ '^pg_' \
         AND has_table_privilege('zava_indexer', c.oid, 'DELETE') ORDER BY 1",
    )
    .fetch_all(&mut db)
    .await
    .expect("the tables");
    assert_eq!(deleted, index);
    let others = number(
        &mut db,
        "SELECT count(*) FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v') AND c.relnamespace::regnamespace::text !~ '^pg_' \
         AND has_table_privilege('zava_indexer', c.oid, 'TRUNCATE, REFERENCES, TRIGGER')",
    );
    assert_eq!(others.await, 0);
}

#[tokio::test]
async fn indexer_owns_nothing_and_has_no_attributes() {
    let database = TestDatabase::shared();
    let row = sqlx::query(
        "SELECT rolcanlogin AS logs_in, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit OR rolreplication AS privileged, \
         (SELECT count(*) FROM pg_shdepend WHERE refobjid = r.oid AND deptype = 'o') AS owned, \
         has_database_privilege(r.oid, current_database(), 'CREATE, TEMP') AS creates, \
         (SELECT count(*) FROM pg_namespace n WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')) AS schemas, \
         has_schema_privilege(r.oid, 'guard', 'USAGE') AS guard, \
         (SELECT array_agg(m.roleid::regrole::text || ' ' || m.inherit_option || ' ' || m.set_option || ' ' || m.admin_option) FROM pg_auth_members m WHERE m.member = r.oid) AS member_of \
         FROM pg_roles r WHERE r.rolname = 'zava_indexer'",
    )
    .fetch_one(&mut database.superuser().await)
    .await
    .expect("the login");
    assert!(row.get::<bool, _>("logs_in"));
    for name in ["privileged", "creates", "guard"] {
        assert!(!row.get::<bool, _>(name), "{name}");
    }
    for name in ["owned", "schemas"] {
        assert_eq!(row.get::<i64, _>(name), 0, "{name}");
    }
    assert_eq!(
        row.get::<Vec<String>, _>("member_of"),
        ["zava_index_writer true false false"]
    );
}

/// A machine that is lost while it waits for an embedding must not keep the lock for hours.
#[tokio::test]
async fn sessions_of_the_indexer_find_out_that_their_machine_is_lost() {
    let mut db = TestDatabase::shared().indexer().await;
    for (setting, value) in [
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
    ] {
        let actual: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut db)
            .await
            .expect("the setting");
        assert_eq!(actual, value, "{setting}");
    }
}

/// What the login meets: row security admits it to its tables, and everything else is refused.
#[tokio::test]
async fn indexer_is_admitted_by_row_security_and_refused_elsewhere() {
    let database = TestDatabase::new().await;
    let mut db = database.indexer().await;
    for table in [
        "products",
        "product_search",
        "product_description_embeddings",
    ] {
        let count = format!("SELECT count(*) FROM retail.{table}");
        assert_eq!(number(&mut db, &count).await, PRODUCTS as i64, "{table}");
    }
    for (sql, sqlstate) in [
        ("SELECT count(*) FROM retail.orders", "42501"),
        ("SELECT count(*) FROM retail.customers", "42501"),
        ("SELECT store_name FROM retail.stores", "42501"),
        ("SELECT base_price FROM retail.products", "42501"),
        ("SELECT count(*) FROM retail.search_synonyms", "42501"),
        ("SELECT count(*) FROM guard.tenant", "42501"),
        ("SELECT guard.allowed_stores()", "42501"),
        ("UPDATE retail.products SET sku = sku", "42501"),
        (
            "INSERT INTO retail.search_synonyms (term, synonym) VALUES ('a', 'b')",
            "42501",
        ),
        ("DELETE FROM retail.categories", "42501"),
        ("TRUNCATE retail.search_words", "42501"),
        ("CREATE TABLE public.t ()", "42501"),
        ("CREATE TEMPORARY TABLE t ()", "42501"),
        ("SET ROLE zava_index_writer", "42501"),
        ("SET ROLE zava_owner", "42501"),
        (
            "ALTER TABLE retail.product_search DISABLE TRIGGER ALL",
            "42501",
        ),
    ] {
        let error = sqlx::raw_sql(sql)
            .execute(&mut db)
            .await
            .expect_err("it is refused");
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some(sqlstate), "{sql}: {error}");
    }
}

/// Without its credential there is no login, and a name that is taken is refused.
#[tokio::test]
async fn migrate_creates_the_indexer_only_with_a_credential_and_a_name_of_its_own() {
    let database = TestDatabase::new().await;
    let mut settings = database.admin_settings();
    settings.indexer = None;
    database::migrate(&settings).await.expect("it migrates");
    let name = format!("{}_indexer", database.name);
    let exists = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{name}'");
    let mut db = database.superuser().await;
    assert_eq!(number(&mut db, &exists).await, 0);

    settings.indexer = database.admin_settings().indexer;
    for taken in [
        "zava_query",
        "zava_owner",
        "zava_index_writer",
        "zava_admin",
    ] {
        let indexer = settings.indexer.as_mut().expect("a login");
        taken.clone_into(&mut indexer.user);
        let error = database::migrate(&settings).await.expect_err("refused");
        let AdminError::Roles(_, source) = &error else {
            panic!("{error:?}");
        };
        assert!(
            source.to_string().contains("POSTGRES_INDEXER_USER"),
            "{source}"
        );
    }
    settings
        .indexer
        .as_mut()
        .expect("a login")
        .user
        .clone_from(&name);
    database::migrate(&settings).await.expect("it migrates");
    assert_eq!(number(&mut db, &exists).await, 1);
    super::execute(&mut db, &format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;
}
