use std::collections::BTreeSet;

use super::FIND;
use crate::support::TestDatabase;

const ROLES: &str = include_str!("../../../src/database/roles.sql");
const FINGERPRINT: &str = include_str!("../../../src/query/scope/posture/fingerprint.sql");

/// The statement without its comments.
fn code(sql: &str) -> String {
    let lines = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Its words; `alias.column` is one word.
fn words(sql: &str) -> BTreeSet<&str> {
    sql.split(|c: char| !(c.is_ascii_alphanumeric() || "_.*".contains(c)))
        .collect()
}

/// The catalog tables that a statement reads, and the alias of each.
fn catalog_tables(sql: &str) -> BTreeSet<(&str, &str)> {
    sql.split("pg_catalog.")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
            let alias = rest[end..].strip_prefix(" AS ")?;
            let alias = alias.split(|c: char| !c.is_ascii_alphanumeric()).next()?;
            Some((&rest[..end], alias))
        })
        .collect()
}

/// What the full check reads and the fingerprint does not could change undetected.
#[tokio::test]
async fn fingerprint_covers_every_column_and_setting_the_rules_read() {
    let database = TestDatabase::shared();
    let mut db = database.superuser().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
         WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND a.attname <> 'oid'",
    )
    .fetch_all(&mut db)
    .await
    .expect("the columns");
    let settings: Vec<String> = sqlx::query_scalar("SELECT name FROM pg_settings")
        .fetch_all(&mut db)
        .await
        .expect("the settings");
    let (find, fingerprint) = (code(FIND), code(FINGERPRINT));
    let read = words(&find);
    let mut missing = Vec::new();
    for (catalog_table, alias) in catalog_tables(&find) {
        let lines: Vec<_> = fingerprint
            .split("UNION ALL")
            .filter(|part| part.contains(&format!("pg_catalog.{catalog_table} AS")))
            .collect();
        if lines.is_empty() {
            missing.push(catalog_table.to_owned());
        }
        let covered: BTreeSet<_> = lines.iter().flat_map(|part| words(part)).collect();
        let is_covered = |column: &str| {
            covered
                .iter()
                .any(|word| word.ends_with(&format!(".{column}")) || word.ends_with(".*"))
        };
        for (_, column) in columns.iter().filter(|(of, _)| of == catalog_table) {
            if read.contains(&*format!("{alias}.{column}")) && !is_covered(column) {
                missing.push(format!("{catalog_table}.{column}"));
            }
        }
    }
    for setting in &settings {
        let is_read = find.contains(&format!("'{setting}'"));
        if is_read && !fingerprint.contains(&format!("current_setting('{setting}')")) {
            missing.push(setting.clone());
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    let catalog_tables = catalog_tables(&find);
    assert!(catalog_tables.len() >= 20, "{catalog_tables:?}");
}

/// The settings rule demands every setting that `migrate` pins for the login.
#[test]
fn settings_rule_requires_what_roles_sql_pins() {
    let (_, pinned) = ROLES
        .split_once("FOREACH setting IN ARRAY ARRAY[")
        .expect("the settings");
    let (pinned, _) = pinned.split_once("] LOOP").expect("their end");
    let pinned: Vec<_> = pinned
        .lines()
        .filter_map(|line| line.trim().strip_prefix('\'')?.split_once(" = "))
        .map(|(name, value)| {
            let value = value.trim_end_matches(',').strip_suffix('\'');
            format!("('{name}', '{}', ", value.expect("a quoted setting"))
        })
        .collect();
    let missing: Vec<_> = pinned
        .iter()
        .filter(|entry| !FIND.contains(*entry))
        .collect();
    assert_eq!(missing, Vec::<&String>::new());
    let (_, demanded) = FIND.split_once("pinned (name,").expect("the rule's list");
    let (demanded, _) = demanded.split_once("\n),").expect("its end");
    assert_eq!(demanded.matches("        ('").count(), pinned.len());
}
