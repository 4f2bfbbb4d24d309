//! What the guard prints gives PostgreSQL's own answer to what was sent: the same columns and rows, or the same error.

use sqlx::{AssertSqlSafe, Column as _, PgConnection, Row as _, ValueRef as _};
use zava_mcp_server::query::guard;

use crate::support::{SEATTLE, TestDatabase};

/// Columns, and rows of values in text form; or SQLSTATE and message.
type Answer = Result<(Vec<String>, Vec<Vec<Option<String>>>), (String, String)>;

async fn answer(db: &mut PgConnection, sql: &str) -> Answer {
    let savepoint = sqlx::raw_sql("SAVEPOINT here").execute(&mut *db).await;
    savepoint.expect("a savepoint");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *db).await;
    let back = sqlx::raw_sql("ROLLBACK TO here").execute(&mut *db).await;
    back.expect("back to the savepoint");
    let rows = rows.map_err(|error| {
        let error = error.as_database_error().expect("PostgreSQL's error");
        let state = error.code().expect("a SQLSTATE");
        (state.into_owned(), error.message().to_owned())
    })?;
    let names = rows.first().map(|row| {
        let columns = row.columns().iter();
        columns.map(|column| column.name().to_owned()).collect()
    });
    let texts = rows.iter().map(|row| {
        let values = (0..row.len()).map(|place| row.try_get_raw(place).expect("a value"));
        values
            .map(|value| (!value.is_null()).then(|| value.as_str().expect("text").to_owned()))
            .collect()
    });
    Ok((names.unwrap_or_default(), texts.collect()))
}

/// Statements of a data file: text after comments, parted by empty lines.
fn statements(file: &'static str) -> Vec<&'static str> {
    let blocks = file.split("\n\n").map(str::trim);
    blocks
        .filter(|block| block.lines().any(|line| !line.starts_with("--")))
        .collect()
}

#[track_caller]
fn show(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// Compares what a statement gives by itself with what the guard made of it gives.
async fn faults(file: &'static str, is_error: bool) -> Vec<String> {
    let database = TestDatabase::new().await;
    let mut db = database.signed(SEATTLE).await;
    let mut faults = Vec::new();
    for sql in statements(file) {
        let checked = match guard::check(sql) {
            Ok(checked) => checked,
            Err(refusal) => {
                faults.push(format!("{sql}\n    refused: {refusal}"));
                continue;
            }
        };
        let own = answer(&mut db, sql).await;
        let printed = answer(&mut db, checked.sql()).await;
        if own.is_err() != is_error || own != printed {
            faults.push(format!(
                "{sql}\n    {own:?}\n    {printed:?}\n    by {}",
                checked.sql()
            ));
        }
    }
    faults
}

#[tokio::test]
async fn what_is_wrong_is_told_in_postgresqls_words() {
    show(&faults(include_str!("errors.sql"), true).await);
}

#[tokio::test]
async fn what_runs_gives_what_was_asked_for() {
    show(&faults(include_str!("results.sql"), false).await);
}
