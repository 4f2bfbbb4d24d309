use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::query::guard;

use crate::support::TestDatabase;

#[tokio::test]
async fn every_table_forces_row_security_and_belongs_to_the_owner() {
    let database = TestDatabase::shared();
    let rows = sqlx::query(
        "SELECT n.nspname || '.' || c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced, c.relowner::regrole::text AS owner, \
         (SELECT array_agg(p.polname::text ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('retail', 'guard') AND c.relkind = 'r' ORDER BY 1",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the tables");
    assert_eq!(rows.len(), 19);
    for row in rows {
        let name: String = row.get("name");
        assert!(row.get::<bool, _>("forced"), "{name}");
        assert_eq!(row.get::<String, _>("owner"), "zava_owner", "{name}");
        let policies: Vec<String> = row.get("policies");
        let mut expected = vec!["no_delete", "no_insert", "no_update"];
        // Even the owner cannot change or delete audit records.
        expected.extend(match name.as_str() {
            "guard.audit" => ["owner_appends", "owner_reads"].as_slice(),
            _ => &["owner_all"],
        });
        expected.extend(match name.as_str() {
            // They hold no tenant's data.
            "retail.embedding_models"
            | "retail.product_search"
            | "retail.search_synonyms"
            | "retail.search_words" => Some("shared_reads"),
            name => name.starts_with("retail.").then_some("tenant_reads"),
        });
        expected.extend(match name.as_str() {
            "retail.categories" | "retail.product_types" | "retail.products" => {
                Some("indexer_reads")
            }
            "retail.embedding_models"
            | "retail.product_description_embeddings"
            | "retail.product_search"
            | "retail.search_words" => Some("indexer_writes"),
            _ => None,
        });
        expected.sort_unstable();
        assert_eq!(policies, expected, "{name}");
    }
}

#[tokio::test]
async fn reader_can_select_only_the_exposed_columns() {
    let database = TestDatabase::shared();
    let readable: Vec<String> = sqlx::query_scalar(
        "SELECT n.nspname || '.' || c.relname || '.' || a.attname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND has_column_privilege('zava_query', c.oid, a.attnum, 'SELECT') ORDER BY 1",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the columns");
    insta::assert_snapshot!(readable.join("\n"));
}

#[tokio::test]
async fn query_login_cannot_write_owns_nothing_and_cannot_set_role() {
    let database = TestDatabase::shared();
    let mut db = database.superuser().await;
    let writable: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname IN ('retail', 'guard', 'migrations', 'public') AND c.relkind IN ('r', 'v', 'm', 'p', 'f') \
         AND (has_table_privilege('zava_query', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN') OR has_any_column_privilege('zava_query', c.oid, 'INSERT, UPDATE, REFERENCES'))",
    )
    .fetch_all(&mut db)
    .await
    .expect("the tables");
    assert_eq!(writable, Vec::<String>::new());
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM pg_shdepend WHERE refobjid = r.oid AND deptype = 'o') AS owned, \
         has_database_privilege(r.oid, current_database(), 'CREATE, TEMP') AS creates, \
         (SELECT count(*) FROM pg_namespace n WHERE has_schema_privilege(r.oid, n.oid, 'CREATE')) AS schemas, \
         (SELECT array_agg(m.roleid::regrole::text || ' ' || m.inherit_option || ' ' || m.set_option || ' ' || m.admin_option) FROM pg_auth_members m WHERE m.member = r.oid) AS member_of \
         FROM pg_roles r WHERE r.rolname = 'zava_query'",
    )
    .fetch_one(&mut db)
    .await
    .expect("the login");
    assert_eq!(row.get::<i64, _>("owned"), 0);
    assert!(!row.get::<bool, _>("creates"));
    assert_eq!(row.get::<i64, _>("schemas"), 0);
    assert_eq!(
        row.get::<Vec<String>, _>("member_of"),
        ["zava_reader true false false"]
    );
}

#[tokio::test]
async fn security_definer_functions_pin_search_path_and_are_not_public() {
    let database = TestDatabase::shared();
    let rows = sqlx::query(
        "SELECT p.oid::regprocedure::text AS name, p.prosecdef AS definer, coalesce(p.proconfig, '{}') AS config, p.proparallel::text AS parallel, \
         EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) AS public, \
         has_function_privilege('zava_query', p.oid, 'EXECUTE') AS callable \
         FROM pg_proc p WHERE p.pronamespace IN ('guard'::regnamespace, 'retail'::regnamespace) ORDER BY 1",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    let mut callable = Vec::new();
    for row in rows {
        let name: String = row.get("name");
        assert!(row.get::<bool, _>("definer"), "{name}");
        let mut pinned = vec!["search_path=pg_catalog, pg_temp"];
        if name == "guard.row_as_json(anyelement)" {
            pinned.extend(["TimeZone=UTC", "bytea_output=hex"]);
        }
        assert_eq!(row.get::<Vec<String>, _>("config"), pinned, "{name}");
        assert!(!row.get::<bool, _>("public"), "{name}");
        // A parallel worker is another backend, for which the signed context is not valid.
        assert_ne!(row.get::<String, _>("parallel"), "s", "{name}");
        if row.get::<bool, _>("callable") {
            callable.push(name);
        }
    }
    assert_eq!(
        callable,
        [
            "guard.allowed_stores()",
            "guard.api_key(integer,text,bigint,bytea)",
            "guard.entitlements(integer,text,bigint,bytea)",
            "guard.posture_verdict(integer,bytea)",
            "guard.record(integer,text,bigint,bytea)",
            "guard.record_verdict(integer,text,bigint,bytea)"
        ]
    );
}

/// A policy evaluated per row would take hundreds of times longer. The plan must show that each
/// reference of an exposed table verifies the context once, in an InitPlan.
#[tokio::test]
async fn policies_verify_the_context_once_per_table_reference() {
    let database = TestDatabase::shared();
    assert_policies_run_once(&mut database.query_login().await).await;
}

pub(crate) async fn assert_policies_run_once(db: &mut PgConnection) {
    for relation in guard::schema().relations() {
        let table = format!("retail.{}", relation.name);
        let column = &relation.columns[0].name;
        // The policy of customers also reads the orders of the store.
        let own = if relation.name == "customers" { 2 } else { 1 };
        for (sql, references) in [
            (format!("SELECT count({column}) FROM {table}"), own),
            (
                format!(
                    "SELECT a.{column} FROM {table} AS a LEFT JOIN {table} AS b ON a.{column} = b.{column} ORDER BY b.{column} LIMIT 5"
                ),
                2 * own,
            ),
            (
                format!(
                    "SELECT 1 FROM {table} AS a, LATERAL (SELECT b.{column} FROM {table} AS b WHERE b.{column} = a.{column} OFFSET 0) AS b"
                ),
                2 * own,
            ),
        ] {
            let plan: Vec<String> =
                sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN (VERBOSE, COSTS OFF) {sql}")))
                    .fetch_all(&mut *db)
                    .await
                    .expect("a plan");
            let verified: Vec<usize> = (0..plan.len())
                .filter(|line| plan[*line].contains("Output: guard.allowed_stores()"))
                .collect();
            let plan = plan.join("\n");
            assert_eq!(verified.len(), references, "{sql}\n{plan}");
            let lines: Vec<&str> = plan.lines().collect();
            for line in verified {
                // It is a Result node under an InitPlan.
                assert!(lines[line - 1].trim_start().starts_with("-> "), "{plan}");
                assert!(
                    lines[line - 2].trim_start().starts_with("InitPlan"),
                    "{plan}"
                );
            }
        }
    }
}
