//! Laws that hold for every statement, tried on statements that nobody has written. The statements are the same on every
//! run; one that breaks a law is shrunk, and belongs below under a name of its own.
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

/// How many statements are compared in the database, and how many without one.
const COMPARED: u32 = 300;
const PRINTED: u32 = 1_500;

/// Who asks, and the schema of views that hold just their rows (`views.sql`).
const TENANTS: [(&str, &str); 4] = [
    (SEATTLE, "only_seattle"),
    (REDMOND, "only_redmond"),
    (STORES[7], "only_online"),
    (HEAD_OFFICE, "only_office"),
];

/// What a tenant gets is what a superuser gets of views with that tenant's rows alone.
#[test]
fn guarded_results_equal_a_reference_over_the_tenants_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter(); // where connections are dropped, too
    let (database, scope, db) = runtime.block_on(prepared());
    let db = std::cell::RefCell::new(db);
    let cases = (0..TENANTS.len(), statement());
    let shown = std::cell::Cell::new(0);
    let told = runner(COMPARED).run(&cases, |(asking, statement)| {
        let (tenant, views) = TENANTS[asking];
        let sql = statement.to_string();
        let compared = runtime.block_on(compare(&scope, &mut db.borrow_mut(), tenant, views, &sql));
        let rows = compared.map_err(TestCaseError::fail)?;
        shown.set(shown.get() + u32::from(rows > 0));
        Ok(())
    });
    tell(told);
    // The law would hold of empty results too, and of a comparison that compares nothing.
    assert!(
        shown.get() > COMPARED / 2,
        "{} results with rows",
        shown.get()
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

/// What is printed from an accepted tree is accepted, and prints the same.
#[test]
fn deparsed_statements_are_accepted_and_stable() {
    let of_twins = Cell::new(0);
    let told = runner(PRINTED).run(
        &statement().prop_map(|statement| statement.to_string()),
        |sql| {
            let once = guard::check(&sql)
                .map_err(|refusal| TestCaseError::fail(format!("{refusal}\n  {sql}")))?;
            if once.sql().contains("bounded.") {
                of_twins.set(of_twins.get() + 1); // calls of twins are the guard's own, and a client's no longer
                return Ok(());
            }
            let twice = guard::check(once.sql())
                .map_err(|refusal| TestCaseError::fail(format!("{refusal}\n  {}", once.sql())))?;
            if once.sql() == twice.sql() {
                Ok(())
            } else {
                Err(TestCaseError::fail(format!(
                    "{}\n  {}",
                    once.sql(),
                    twice.sql()
                )))
            }
        },
    );
    tell(told);
    assert!(of_twins.get() < PRINTED / 4, "{of_twins:?} say nothing");
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
fn tell<T: std::fmt::Debug>(told: Result<(), TestError<T>>) {
    match told {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("no verdict: {why}"),
    }
}

async fn prepared() -> (TestDatabase, Scope, PgConnection) {
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

/// The number of rows, when both ways give the same; what differs, when they do not.
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
    let of_views = sql.replace("retail.", &format!("{views}."));
    let reference = sqlx::raw_sql(AssertSqlSafe(of_views))
        .fetch_all(db)
        .await
        .map_err(|error| format!("{error}\n  {sql}"))?;
    let mut reference: Vec<Vec<Option<String>>> = reference.iter().map(texts).collect();
    reference.sort();
    guarded.0.sort();
    if guarded.0 == reference {
        return Ok(reference.len());
    }
    let odd = guarded.0.iter().find(|row| !reference.contains(row));
    let missing = reference.iter().find(|row| !guarded.0.contains(row));
    Err(format!(
        "{tenant}: {} rows for {}; too many: {odd:?}, missing: {missing:?}\n  {sql}",
        guarded.0.len(),
        reference.len()
    ))
}

/// A row's values as PostgreSQL writes them: the simple protocol sends nothing else.
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
