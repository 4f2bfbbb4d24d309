//! Properties of random statements. The statements are the same on every run. One that violates a
//! property is shrunk, and becomes a named test below.
mod range_table; // the schema, and the FROM clause of a statement
mod statement; // the grammar of the statements
mod to_sql; // the SQL of a statement

use std::cell::Cell;
use std::num::NonZeroU32;
use std::ops::ControlFlow;

use proptest::strategy::Strategy as _;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use sqlx::{AssertSqlSafe, PgConnection, Row as _, ValueRef as _};
use zava_mcp_server::query::guard;
use zava_mcp_server::query::scope::{Column, RowSink, Scope};

use crate::support::{
    HEAD_OFFICE, REDMOND, SEATTLE, STORES, TestDatabase, caller, scope, settings,
};
use statement::statement;

/// Number of statements compared in the database, and number checked without one.
const COMPARED: u32 = 300;
const DEPARSED: u32 = 1_500;

/// The tenants, and for each the schema of views with only its rows (`views.sql`).
const TENANTS: [(&str, &str); 4] = [
    (SEATTLE, "only_seattle"),
    (REDMOND, "only_redmond"),
    (STORES[7], "only_online"),
    (HEAD_OFFICE, "only_office"),
];

/// A tenant's result equals a superuser's result over views with only that tenant's rows.
#[test]
fn guarded_results_equal_a_reference_over_the_tenants_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter(); // connections need the runtime when they are dropped
    let (database, scope, db) = runtime.block_on(prepare());
    let db = std::cell::RefCell::new(db);
    let cases = (0..TENANTS.len(), statement());
    let with_rows = std::cell::Cell::new(0);
    let outcome = runner(COMPARED).run(&cases, |(index, statement)| {
        let (tenant, views) = TENANTS[index];
        let sql = statement.to_string();
        let compared = runtime.block_on(compare(&scope, &mut db.borrow_mut(), tenant, views, &sql));
        let rows = compared.map_err(TestCaseError::fail)?;
        with_rows.set(with_rows.get() + u32::from(rows > 0));
        Ok(())
    });
    assert_passed(outcome);
    // The property would also hold for empty results, and for a comparison that compares nothing.
    assert!(
        with_rows.get() > COMPARED / 2,
        "{} results with rows",
        with_rows.get()
    );
    let sql = "SELECT * FROM retail.order_items";
    runtime
        .block_on(compare(
            &scope,
            &mut db.borrow_mut(),
            SEATTLE,
            "only_redmond",
            sql,
        ))
        .expect_err("another tenant's rows differ");
    drop((scope, db));
    drop(database);
}

/// A deparsed statement is accepted, and deparsed the same.
#[test]
fn deparsed_statements_are_accepted_and_stable() {
    let skipped = Cell::new(0);
    let outcome = runner(DEPARSED).run(
        &statement().prop_map(|statement| statement.to_string()),
        |sql| {
            let deparsed = guard::check(&sql)
                .map_err(|refusal| TestCaseError::fail(format!("{refusal}\n  {sql}")))?;
            if deparsed.sql().contains("bounded.") {
                skipped.set(skipped.get() + 1); // a client may not call bounded wrappers
                return Ok(());
            }
            let deparsed_again = guard::check(deparsed.sql()).map_err(|refusal| {
                TestCaseError::fail(format!("{refusal}\n  {}", deparsed.sql()))
            })?;
            if deparsed.sql() == deparsed_again.sql() {
                Ok(())
            } else {
                Err(TestCaseError::fail(format!(
                    "{}\n  {}",
                    deparsed.sql(),
                    deparsed_again.sql()
                )))
            }
        },
    );
    assert_passed(outcome);
    assert!(skipped.get() < DEPARSED / 4, "{skipped:?} were skipped");
}

fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[track_caller]
fn assert_passed<T: std::fmt::Debug>(outcome: Result<(), TestError<T>>) {
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("no verdict: {why}"),
    }
}

async fn prepare() -> (TestDatabase, Scope, PgConnection) {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    for (tenant, views) in TENANTS {
        let sql = include_str!("views.sql")
            .replace("only_t", views)
            .replace("{tenant}", tenant);
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut db)
            .await
            .expect("the views");
    }
    sqlx::raw_sql("ANALYZE; SET TimeZone = 'UTC'; SET jit = off; SET search_path = ''")
        .execute(&mut db)
        .await
        .expect("settings");
    let scope = scope(&settings(&database.name));
    (database, scope, db)
}

/// The number of rows if both results are equal; otherwise the difference.
async fn compare(
    scope: &Scope,
    db: &mut PgConnection,
    tenant: &str,
    views: &str,
    sql: &str,
) -> Result<usize, String> {
    let query = guard::check(sql).map_err(|refusal| format!("{refusal}\n  {sql}"))?;
    let mut guarded = Rows::default();
    scope
        .run(
            &caller(tenant).await,
            &query,
            &[],
            NonZeroU32::MAX,
            &mut guarded,
        )
        .await
        .map_err(|error| format!("{error:?}\n  {sql}"))?;
    let reference_sql = sql.replace("retail.", &format!("{views}."));
    let reference = sqlx::raw_sql(AssertSqlSafe(reference_sql))
        .fetch_all(db)
        .await
        .map_err(|error| format!("{error}\n  {sql}"))?;
    let mut reference: Vec<Vec<Option<String>>> = reference.iter().map(texts).collect();
    reference.sort();
    guarded.0.sort();
    if guarded.0 == reference {
        return Ok(reference.len());
    }
    let extra = guarded.0.iter().find(|row| !reference.contains(row));
    let missing = reference.iter().find(|row| !guarded.0.contains(row));
    Err(format!(
        "{tenant}: {} rows for {}; extra: {extra:?}, missing: {missing:?}\n  {sql}",
        guarded.0.len(),
        reference.len()
    ))
}

/// A row's values in text form, the only one of the simple query protocol.
fn texts(row: &sqlx::postgres::PgRow) -> Vec<Option<String>> {
    let value = |index| {
        let value = row.try_get_raw(index).expect("a column");
        (!value.is_null()).then(|| value.as_str().expect("text").to_owned())
    };
    (0..row.len()).map(value).collect()
}

#[derive(Default)]
struct Rows(Vec<Vec<Option<String>>>);

impl RowSink for Rows {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        self.0.push(values.map(|value| value.map(text)).collect());
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        panic!("a row of these is small");
    }
}
