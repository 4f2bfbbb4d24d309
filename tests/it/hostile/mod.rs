//! Statements of somebody who wants more than their store's rows, sent in the name of one store while another store's rows
//! are made to be recognised. The data files say what must become of each.
#[cfg(target_os = "linux")] // where /proc tells what a process has held
mod resource_exhaustion; // statements that cost memory or time
mod settings; // what SQL can change of its session
mod statements; // the data files' form
mod victim; // the rows that must not show, and what must not change

use serde_json::{Value, json};
use std::error::Error as _;
use zava_mcp_server::query::guard::CheckedQuery;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::{PgError, Scope, ScopeError};
use zava_mcp_server::settings::{PoolMode, ServeSettings};

use crate::support::{Pooler, TestDatabase, TestServer, caller, scope, settings};
use statements::{Answer, Attack, Past, attacks};
use victim::{ATTACKER, Victim};

const STATEMENTS: &str = include_str!("statements.sql");
const SESSION: &str = include_str!("session.sql");

/// How long the database works on one statement here: enough for any that must run.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

#[test]
fn hostile_statements_are_many_and_unique() {
    let attacks = attacks(STATEMENTS);
    assert!(attacks.len() >= 300, "{}", attacks.len());
    let mut texts: Vec<_> = STATEMENTS
        .lines()
        .filter(|line| line.contains(" | "))
        .collect();
    texts.sort_unstable();
    let all = texts.len();
    texts.dedup();
    assert_eq!(texts.len(), all, "a statement stands there twice");
}

/// All six layers on, as a store's manager would send them.
#[tokio::test]
async fn hostile_statements_are_contained_over_http() {
    let mut victim = Victim::new().await;
    let settings = settings(&victim.database.name);
    show(&through_http(&mut victim, settings).await);
}

/// The guard is switched off, and the database alone keeps tenants apart and itself unchanged.
#[tokio::test]
async fn database_alone_isolates_tenants_without_the_guard() {
    let mut victim = Victim::new().await;
    let settings = settings(&victim.database.name);
    show(&past_the_guard(&mut victim, settings, None, |_| true).await);
}

/// The same over HTTP through PgBouncer, where a backend serves whoever comes next.
#[tokio::test]
async fn hostile_statements_are_contained_through_a_pooler() {
    let mut victim = Victim::new().await;
    let pooler = Pooler::start(&victim.database).await;
    let settings = through(&pooler, &victim.database);
    show(&through_http(&mut victim, settings).await);
}

/// The same without the guard.
#[tokio::test]
async fn database_alone_isolates_tenants_through_a_pooler() {
    let mut victim = Victim::new().await;
    let pooler = Pooler::start(&victim.database).await;
    let settings = through(&pooler, &victim.database);
    show(&past_the_guard(&mut victim, settings, None, |_| true).await);
}

/// The tests above are worth something: where a layer of the database is taken away, they see it.
#[tokio::test]
async fn removing_a_database_layer_is_detected() {
    for (taken, class) in [
        (
            "ALTER POLICY tenant_reads ON retail.orders USING (true)",
            "foreign rows",
        ),
        (
            "ALTER TABLE retail.customers DISABLE ROW LEVEL SECURITY",
            "error texts",
        ),
        (
            "ALTER POLICY tenant_reads ON retail.inventory USING (true)",
            "foreign rows",
        ),
        (
            "GRANT SELECT ON retail.stores TO zava_reader",
            "w6 tenant ids",
        ),
        (
            "GRANT EXECUTE ON FUNCTION guard.mac(integer, bytea) TO zava_reader",
            "context forging",
        ),
    ] {
        let mut victim = Victim::new().await;
        let settings = settings(&victim.database.name);
        let faults = past_the_guard(&mut victim, settings, Some(taken), |of| of == class).await;
        assert!(!faults.is_empty(), "{taken}");
    }
}

/// Settings that go through a pooler.
fn through(pooler: &Pooler, database: &TestDatabase) -> ServeSettings {
    let mut settings = settings(&database.name);
    settings.database.port = pooler.port;
    settings.database.pool_mode = PoolMode::Transaction;
    settings
}

/// How every statement's answer differs from what the file says, when it is sent to the tool of a server with these settings.
async fn through_http(victim: &mut Victim, settings: ServeSettings) -> Vec<String> {
    let server = TestServer::over(&short(settings)).await;
    let before = (victim.state().await, victim.contents().await);
    let mut faults = Vec::new();
    for attack in attacks(STATEMENTS) {
        let sql = attack.sql(&victim.facts().await);
        let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
        let answer = server
            .call(ATTACKER, "execute_sales_query", arguments)
            .await;
        let mut found = answer_faults(&attack, answer.is_error, &answer.structured);
        found.extend(victim.leaks(&sql, &answer.text, true));
        if !victim.is_undisturbed().await {
            found.push("ends another tenant's session".to_owned());
        }
        found.extend(changed("the database", &before.0, &victim.state().await));
        report(&attack, found, &mut faults);
    }
    faults.extend(changed("the rows", &before.1, &victim.contents().await));
    faults
}

/// The same past the guard: as the query login, in the server's own transaction. What is `taken` away from the database is
/// taken once the posture check has been passed.
async fn past_the_guard(
    victim: &mut Victim,
    settings: ServeSettings,
    taken: Option<&'static str>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let scope = scope(&short(settings));
    let session = run(&scope, SESSION).await.text;
    if let Some(taken) = taken {
        victim.execute(taken).await;
    }
    let before = (victim.state().await, victim.contents().await);
    let mut faults = Vec::new();
    let attacks = attacks(STATEMENTS);
    for attack in attacks.into_iter().filter(|attack| wanted(attack.class)) {
        let sql = attack.sql(&victim.facts().await);
        let outcome = run(&scope, &sql).await;
        let guard_alone = attack.past_guard == Past::Guard;
        let mut found = victim.leaks(&sql, &outcome.text, !guard_alone);
        if let Past::Error(state) = attack.past_guard
            && outcome.sqlstate.as_deref() != Some(state)
        {
            found.push(format!("ends with {outcome:?}"));
        }
        if guard_alone {
            renew(victim, &scope).await;
        } else {
            if !victim.is_undisturbed().await {
                found.push("ends another tenant's session".to_owned());
            }
            let left = changed("its session", &session, &run(&scope, SESSION).await.text);
            if left.is_some() {
                renew(victim, &scope).await;
            }
            found.extend(left);
        }
        found.extend(changed("the database", &before.0, &victim.state().await));
        report(&attack, found, &mut faults);
    }
    faults.extend(changed("the rows", &before.1, &victim.contents().await));
    faults
}

/// Ends the attacker's connections, with what a statement has left in them, and waits for one that is new.
async fn renew(victim: &mut Victim, scope: &Scope) {
    victim.end_attackers_sessions().await;
    let renewed = async { while !run(scope, "SELECT 1").await.text.ends_with("[[1]]") {} };
    tokio::time::timeout(TIMEOUT, renewed)
        .await
        .expect("a new connection");
}

/// One connection, so that what a statement leaves in it is found by the next, and a short patience.
fn short(mut settings: ServeSettings) -> ServeSettings {
    settings.limits.connections = 1.try_into().expect("not zero");
    settings.limits.answer.statement_timeout = TIMEOUT;
    settings
}

fn changed(what: &str, before: &str, after: &str) -> Option<String> {
    (before != after).then(|| format!("changes {what}: {after}\n    before: {before}"))
}

/// What became of a statement in the database.
#[derive(Debug)]
struct Outcome {
    sqlstate: Option<String>,
    text: String,
}

async fn run(scope: &Scope, sql: &str) -> Outcome {
    let limits = RowLimits {
        rows: 1000.try_into().expect("not zero"),
        bytes: (1 << 20).try_into().expect("not zero"),
        cell_bytes: (1 << 16).try_into().expect("not zero"),
        counted_rows: 0,
    };
    let mut rows = Collector::new(limits);
    // A literal is the one way past the guard, and a test may leak its few texts.
    let query = CheckedQuery::literal(Box::leak(sql.to_owned().into_boxed_str()));
    let ran = scope
        .run(
            &caller(ATTACKER).await,
            &query,
            &[],
            limits.to_ask(),
            &mut rows,
        )
        .await;
    let said = match rows.finish() {
        Ok(rows) => format!("{} {}", rows.columns, rows.rows),
        Err(too_many) => too_many.to_string(),
    };
    match ran {
        Ok(()) => Outcome {
            sqlstate: None,
            text: said,
        },
        Err(error @ ScopeError::UnknownTenant) => Outcome {
            sqlstate: Some("ZV003".to_owned()),
            text: format!("{said} {error}"),
        },
        Err(error @ ScopeError::TimedOut(_)) => Outcome {
            sqlstate: Some("57014".to_owned()),
            text: format!("{said} {error}"),
        },
        Err(ScopeError::Database(error)) => Outcome {
            text: format!("{said} {} {:?}", error.message, error.hint),
            sqlstate: Some(error.sqlstate),
        },
        Err(error) => Outcome {
            sqlstate: error
                .source()
                .and_then(|source| source.downcast_ref::<PgError>())
                .map(|error| error.sqlstate.clone()),
            text: format!("{said} {error}"),
        },
    }
}

/// How a client's answer differs from what the file says.
fn answer_faults(attack: &Attack, is_error: bool, body: &Value) -> Vec<String> {
    let error = body["err"].as_str().unwrap_or_default();
    let as_said = match attack.answer {
        // A refusal has two halves: what is not allowed, and what is.
        Answer::Refused => is_error && !error.contains("SQLSTATE") && error.contains("; "),
        Answer::Error(state) => is_error && error.contains(&format!("SQLSTATE {state})")),
        Answer::Runs => !is_error,
        Answer::Rows(rows) => {
            !is_error && serde_json::to_string(&body["r"]).is_ok_and(|given| given == rows)
        }
    };
    let mut faults = Vec::new();
    if !as_said {
        let seen: String = if is_error {
            error.to_owned()
        } else {
            body["r"].to_string()
        };
        let seen: String = seen.chars().take(200).collect();
        faults.push(format!(
            "answers {}{seen}",
            if is_error { "err " } else { "" }
        ));
    }
    if is_error && error.len() > 2_000 {
        faults.push(format!("an error of {} bytes", error.len()));
    }
    faults
}

fn report(attack: &Attack, found: Vec<String>, faults: &mut Vec<String>) {
    for fault in found {
        faults.push(format!(
            "line {} ({}, {:?}, {:?}): {fault}",
            attack.line, attack.class, attack.past_guard, attack.answer
        ));
    }
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
