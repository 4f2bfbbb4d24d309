use std::collections::BTreeSet;

use sqlx::Row as _;

use zava_mcp_server::query::guard;
use zava_mcp_server::query::guard::catalog::{self, FromColumns, Function, Volatility};

use crate::support::TestDatabase;

fn allowed_names() -> Vec<&'static str> {
    catalog::functions().map(|function| function.name).collect()
}

fn sorted_names(predicate: impl Fn(&Function) -> bool) -> Vec<&'static str> {
    let mut functions: Vec<_> = catalog::functions().collect();
    functions.retain(|function| predicate(function));
    let mut names: Vec<_> = functions.iter().map(|function| function.name).collect();
    names.sort_unstable();
    names
}

/// As far as the catalog shows, every overload of every allowed function depends on its arguments
/// alone.
#[tokio::test]
async fn allowed_functions_have_no_side_effects_and_run_no_sql() {
    let database = TestDatabase::new().await;
    let names = allowed_names();
    let volatile = sorted_names(|function| function.volatility == Volatility::Volatile);
    let rows = sqlx::query(
        "SELECT p.oid::regprocedure::text AS signature, p.proname::text AS name, p.provolatile::text AS volatile, p.prosecdef AS definer, l.lanname::text AS language, p.prosrc AS source, \
         n.nspname::text AS schema FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = ANY ($1) AND n.nspname <> 'bounded'",
    )
    .bind(&names)
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    let mut found = BTreeSet::new();
    for row in &rows {
        let (signature, name): (String, String) = (row.get("signature"), row.get("name"));
        assert!(!row.get::<bool, _>("definer"), "{signature}");
        assert!(
            ["pg_catalog", "public"].contains(&row.get::<&str, _>("schema")),
            "{signature}"
        );
        assert!(
            ["internal", "c", "sql"].contains(&row.get::<&str, _>("language")),
            "{signature}"
        );
        if !volatile.contains(&name.as_str()) {
            assert_ne!(row.get::<&str, _>("volatile"), "v", "{signature}");
        }
        // The C symbol, whatever the SQL name.
        let source: String = row.get("source");
        for family in [
            "pg_stat",
            "pg_read",
            "pg_ls",
            "set_config",
            "show_config",
            "be_lo",
            "dblink",
            "query_to_xml",
            "ts_stat",
            "tsquery_rewrite_query",
            "pg_sleep",
            "advisory",
        ] {
            assert!(!source.contains(family), "{signature}: {source}");
        }
        found.insert(name);
    }
    let missing: Vec<&str> = names
        .into_iter()
        .filter(|name| !found.contains(*name))
        .collect();
    assert_eq!(
        missing,
        Vec::<&str>::new(),
        "listed, but not in this server"
    );
}

/// A call with a type's name and one argument is a cast, and is costed as one if the type is known.
#[tokio::test]
async fn allowed_functions_named_like_types_are_costed_as_casts() {
    let database = TestDatabase::new().await;
    let named: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT typname::text FROM pg_type WHERE typname = ANY ($1) ORDER BY 1",
    )
    .bind(allowed_names())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the types");
    assert!(named.iter().any(|name| name == "tstzrange"), "{named:?}");
    let unknown: Vec<_> = named
        .iter()
        .filter(|name| guard::catalog::data_type(name).is_none())
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// `(expression).name` calls a function if there is no such field.
#[tokio::test]
async fn selectable_composite_fields_never_name_a_function() {
    let database = TestDatabase::new().await;
    let taken: Vec<String> =
        sqlx::query_scalar("SELECT proname::text FROM pg_proc WHERE proname = ANY ($1)")
            .bind(guard::FIELDS)
            .fetch_all(&mut database.superuser().await)
            .await
            .expect("the functions");
    assert_eq!(taken, Vec::<String>::new());
}

/// `row.name` calls a function that takes any row type: each is listed, or excluded by its prefix
/// `pg_`.
#[tokio::test]
async fn functions_of_any_row_type_are_known() {
    let database = TestDatabase::new().await;
    let unknown: Vec<String> =
        sqlx::query_scalar(include_str!("allowed_functions/of_any_row_type.sql"))
            .bind(
                allowed_names()
                    .into_iter()
                    .chain(guard::WHOLE_ROW_FUNCTIONS.iter().copied())
                    .collect::<Vec<_>>(),
            )
            .fetch_all(&mut database.superuser().await)
            .await
            .expect("the functions");
    assert_eq!(unknown, Vec::<String>::new());
}

/// If a function names its single output column itself, its alias can be mistaken for a function.
#[tokio::test]
async fn allowed_functions_with_one_named_out_column_are_known() {
    let database = TestDatabase::new().await;
    let mut named: Vec<String> = sqlx::query_scalar(include_str!(
        "allowed_functions/with_one_named_out_column.sql"
    ))
    .bind(allowed_names())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    named.sort();
    assert_eq!(
        named,
        sorted_names(|function| function.columns == FromColumns::Value)
    );
}

/// Only functions known as set-returning are costed as returning several rows.
#[tokio::test]
async fn allowed_set_returning_functions_are_known() {
    let database = TestDatabase::new().await;
    let mut set_returning: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT proname::text FROM pg_proc WHERE proretset AND proname = ANY ($1)",
    )
    .bind(allowed_names())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    set_returning.sort();
    assert_eq!(set_returning, sorted_names(|function| function.kinds.set));
}

/// An aggregate is never folded to a constant, even over constant arguments.
#[tokio::test]
async fn allowed_aggregates_are_known() {
    let database = TestDatabase::new().await;
    // Some names are both an ordinary function and an aggregate.
    let mut aggregates: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT proname::text FROM pg_proc WHERE prokind = 'a' AND proname = ANY ($1)",
    )
    .bind(allowed_names())
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    aggregates.sort();
    assert_eq!(
        aggregates,
        sorted_names(|function| function.kinds.aggregate)
    );
}

/// Against the real catalog: dot notation reaches no function outside the allow-list.
#[tokio::test]
async fn dot_notation_reaches_no_function_outside_the_allow_list() {
    let database = TestDatabase::new().await;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronargs - pronargdefaults <= 1 AND pronargs >= 1",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    let listed: BTreeSet<&str> = allowed_names().into_iter().collect();
    let mut tried = 0;
    for name in names
        .iter()
        .filter(|name| !listed.contains(name.as_str()) && !guard::FIELDS.contains(&name.as_str()))
    {
        for text in [
            format!("SELECT s.\"{name}\" FROM lower('x') s"),
            format!("SELECT lower.\"{name}\" FROM lower('x')"),
            format!("SELECT s.\"{name}\" FROM lower('x') AS s(y)"),
            format!("SELECT (lower('x')).\"{name}\""),
            format!("SELECT \"{name}\"('x')"),
        ] {
            assert!(guard::check(&text).is_err(), "{text}");
            tried += 1;
        }
    }
    assert!(tried > 4_000, "{tried}");
}

/// The guard's tables, columns and keys are those of the database that the query login may read.
#[tokio::test]
async fn known_columns_match_the_readable_columns() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    let mut readable: BTreeSet<String> = sqlx::query_scalar(
        "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND has_column_privilege('zava_query', c.oid, a.attnum, 'SELECT')",
    )
    .fetch_all(&mut db)
    .await
    .expect("the columns")
    .into_iter()
    .collect();
    let mut keys: BTreeSet<String> = sqlx::query_scalar(
        "SELECT c.relname || '.' || a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) \
         WHERE c.relnamespace = 'retail'::regnamespace AND i.indisprimary",
    )
    .fetch_all(&mut db)
    .await
    .expect("the keys")
    .into_iter()
    .collect();
    let dotted = |table: &str, column: &str| format!("{table}.{column}");
    // The tables that the server's own statements read, and that no client may name.
    let is_shared = |column: &String| {
        let table = column.split('.').next();
        matches!(
            table,
            Some("embedding_models" | "product_search" | "search_words" | "search_synonyms")
        )
    };
    readable.retain(|column| !is_shared(column));
    keys.retain(|column| !is_shared(column));
    let mut all: BTreeSet<String> = sqlx::query_scalar(
        "SELECT c.relname || '.' || a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f')",
    )
    .fetch_all(&mut db)
    .await
    .expect("the columns")
    .into_iter()
    .collect();
    all.retain(|column| !is_shared(column));
    let withheld = guard::schema().relations().iter().flat_map(|table| {
        table
            .withheld
            .iter()
            .map(|column| dotted(&table.name, column))
    });
    let others = all.difference(&readable).cloned();
    assert_eq!(withheld.collect::<BTreeSet<_>>(), others.collect());
    let known = guard::schema().relations().iter().flat_map(|table| {
        let columns = table.columns.iter();
        columns.map(|column| dotted(&table.name, &column.name))
    });
    assert_eq!(known.collect::<BTreeSet<_>>(), readable);
    let known = guard::schema()
        .relations()
        .iter()
        .flat_map(|table| table.key.iter().map(|column| dotted(&table.name, column)));
    assert_eq!(known.collect::<BTreeSet<_>>(), keys);
}

/// Bounded wrappers run with the caller's privileges, read nothing and write nothing.
#[tokio::test]
async fn bounded_wrappers_have_no_privileges_and_no_side_effects() {
    let database = TestDatabase::new().await;
    let unsafe_wrappers: Vec<String> = sqlx::query_scalar(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'bounded'::regnamespace \
         AND (p.prosecdef OR p.provolatile = 'v' OR has_function_privilege('public', p.oid, 'EXECUTE') OR NOT has_function_privilege('zava_query', p.oid, 'EXECUTE'))",
    )
    .fetch_all(&mut database.superuser().await)
    .await
    .expect("the functions");
    assert_eq!(unsafe_wrappers, Vec::<String>::new());
}
