//! Statements of an attacker, sent as the tenant of one store while the rows of another store carry
//! recognizable markers. The data files state the expected outcome of each.
#[cfg(target_os = "linux")]
mod backend_caches; // statements that fill the caches of their backend
#[cfg(target_os = "linux")] // reads /proc
mod backend_memory; // memory of the server's backends
#[cfg(target_os = "linux")]
mod resource_exhaustion; // statements that exhaust memory or time
mod settings; // every setting that SQL can change
mod statements; // the format of the data files
mod victim; // the other tenant: marked rows, a session, snapshots of the database

use serde_json::{Value, json};
use std::error::Error as _;
use zava_mcp_server::query::guard::CheckedQuery;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::{PgError, Scope, ScopeError};
use zava_mcp_server::settings::ServeSettings;

use crate::support::{Pooler, TestServer, caller, scope, settings};
use statements::{Attack, ClientOutcome, DatabaseDefense, parse_attacks};
use victim::{ATTACKER, Victim};

const STATEMENTS: &str = include_str!("statements.sql");
const SESSION: &str = include_str!("session.sql");

/// Statement timeout of these tests: enough for every statement that must succeed.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

#[test]
fn hostile_statements_are_many_and_unique() {
    let attacks = parse_attacks(STATEMENTS);
    assert!(attacks.len() >= 300, "{}", attacks.len());
    let mut texts: Vec<_> = STATEMENTS
        .lines()
        .filter(|line| line.contains(" | "))
        .collect();
    texts.sort_unstable();
    let all = texts.len();
    texts.dedup();
    assert_eq!(texts.len(), all, "a statement is listed twice");
}

/// With all six layers active, as a store's manager would send the statements.
#[tokio::test]
async fn hostile_statements_are_contained_over_http() {
    let mut victim = Victim::new().await;
    let settings = settings(&victim.database.name);
    assert_no_failures(&run_over_http(&mut victim, settings).await);
}

/// Without the guard: the database alone isolates tenants and stays unchanged.
#[tokio::test]
async fn database_alone_isolates_tenants_without_the_guard() {
    let mut victim = Victim::new().await;
    let settings = settings(&victim.database.name);
    assert_no_failures(&run_without_guard(&mut victim, settings, None, |_| true).await);
}

/// The same over HTTP through PgBouncer, where one backend serves several clients.
#[tokio::test]
async fn hostile_statements_are_contained_through_a_pooler() {
    let mut victim = Victim::new().await;
    let pooler = Pooler::start(&victim.database).await;
    let settings = pooler.settings(&victim.database);
    assert_no_failures(&run_over_http(&mut victim, settings).await);
}

/// The same through PgBouncer without the guard.
#[tokio::test]
async fn database_alone_isolates_tenants_through_a_pooler() {
    let mut victim = Victim::new().await;
    let pooler = Pooler::start(&victim.database).await;
    let settings = pooler.settings(&victim.database);
    assert_no_failures(&run_without_guard(&mut victim, settings, None, |_| true).await);
}

/// Shows that the tests above can fail: each removed layer of the database is detected.
#[tokio::test]
async fn removing_a_database_layer_is_detected() {
    for (removal, class) in [
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
        ("GRANT SELECT ON retail.stores TO zava_reader", "tenant ids"),
        (
            "GRANT EXECUTE ON FUNCTION guard.mac(integer, bytea) TO zava_reader",
            "context forging",
        ),
    ] {
        let mut victim = Victim::new().await;
        let settings = settings(&victim.database.name);
        let failures =
            run_without_guard(&mut victim, settings, Some(removal), |of| of == class).await;
        assert!(!failures.is_empty(), "{removal}");
    }
}

/// Sends every statement to a server with these settings; returns how the responses differ from the
/// expected outcomes.
async fn run_over_http(victim: &mut Victim, settings: ServeSettings) -> Vec<String> {
    let server = TestServer::with_settings(&with_short_timeout(settings)).await;
    let before = (victim.state().await, victim.row_digest().await);
    let mut failures = Vec::new();
    for attack in parse_attacks(STATEMENTS) {
        let sql = attack.sql(&victim.run_values().await);
        let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
        let answer = server
            .call(ATTACKER, "execute_sales_query", arguments)
            .await;
        let mut found = outcome_failures(&attack, answer.is_error, &answer.structured);
        found.extend(victim.leaks(&sql, &answer.text, true));
        if !victim.is_session_alive().await {
            found.push("ends another tenant's session".to_owned());
        }
        found.extend(describe_change(
            "the database",
            &before.0,
            &victim.state().await,
        ));
        report(&attack, found, &mut failures);
    }
    failures.extend(describe_change(
        "the rows",
        &before.1,
        &victim.row_digest().await,
    ));
    failures
}

/// Sends the statements as the query login in the server's own transaction, without the guard.
/// `removal` takes a layer of the database away after the posture check has passed.
async fn run_without_guard(
    victim: &mut Victim,
    settings: ServeSettings,
    removal: Option<&'static str>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<String> {
    let scope = scope(&with_short_timeout(settings));
    let session = run(&scope, SESSION).await.text;
    if let Some(removal) = removal {
        victim.execute(removal).await;
    }
    let before = (victim.state().await, victim.row_digest().await);
    let mut failures = Vec::new();
    let attacks = parse_attacks(STATEMENTS);
    for attack in attacks.into_iter().filter(|attack| wanted(attack.class)) {
        let sql = attack.sql(&victim.run_values().await);
        let outcome = run(&scope, &sql).await;
        let only_guard = attack.database_defense == DatabaseDefense::None;
        let mut found = victim.leaks(&sql, &outcome.text, !only_guard);
        if let DatabaseDefense::Error(state) = attack.database_defense
            && outcome.sqlstate.as_deref() != Some(state)
        {
            found.push(format!("ends with {outcome:?}"));
        }
        if only_guard {
            renew_connection(victim, &scope).await;
        } else {
            if !victim.is_session_alive().await {
                found.push("ends another tenant's session".to_owned());
            }
            let left = describe_change("its session", &session, &run(&scope, SESSION).await.text);
            if left.is_some() {
                renew_connection(victim, &scope).await;
            }
            found.extend(left);
        }
        found.extend(describe_change(
            "the database",
            &before.0,
            &victim.state().await,
        ));
        report(&attack, found, &mut failures);
    }
    failures.extend(describe_change(
        "the rows",
        &before.1,
        &victim.row_digest().await,
    ));
    failures
}

/// Terminates the attacker's backends, with any session state that a statement left, and waits for
/// a new connection.
async fn renew_connection(victim: &mut Victim, scope: &Scope) {
    victim.terminate_attackers_backends().await;
    let renewed = async { while !run(scope, "SELECT 1").await.text.ends_with("[[1]]") {} };
    tokio::time::timeout(TIMEOUT, renewed)
        .await
        .expect("a new connection");
}

/// A single connection, so that the next statement finds what one left in the session, and a short
/// statement timeout.
fn with_short_timeout(mut settings: ServeSettings) -> ServeSettings {
    settings.limits.connections = 1.try_into().expect("not zero");
    settings.limits.answer.statement_timeout = TIMEOUT;
    settings
}

fn describe_change(what: &str, before: &str, after: &str) -> Option<String> {
    (before != after).then(|| format!("changes {what}: {after}\n    before: {before}"))
}

/// The outcome of a statement in the database.
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
    // A literal is the only way to bypass the guard. Tests may leak their few texts.
    let query = CheckedQuery::literal(Box::leak(sql.to_owned().into_boxed_str()));
    let ran = scope
        .run(
            &caller(ATTACKER).await,
            &query,
            &[],
            limits.fetch_limit(),
            &mut rows,
        )
        .await;
    let rows_or_error = match rows.finish() {
        Ok(rows) => format!("{} {}", rows.columns, rows.rows),
        Err(too_many) => too_many.to_string(),
    };
    match ran {
        Ok(()) => Outcome {
            sqlstate: None,
            text: rows_or_error,
        },
        Err(error @ ScopeError::UnknownTenant) => Outcome {
            sqlstate: Some("ZV003".to_owned()),
            text: format!("{rows_or_error} {error}"),
        },
        Err(error @ ScopeError::TimedOut(_)) => Outcome {
            sqlstate: Some("57014".to_owned()),
            text: format!("{rows_or_error} {error}"),
        },
        Err(ScopeError::Database(error)) => Outcome {
            text: format!("{rows_or_error} {} {:?}", error.message, error.hint),
            sqlstate: Some(error.sqlstate),
        },
        Err(error) => Outcome {
            sqlstate: error
                .source()
                .and_then(|source| source.downcast_ref::<PgError>())
                .map(|error| error.sqlstate.clone()),
            text: format!("{rows_or_error} {error}"),
        },
    }
}

/// How the response differs from the outcome that the file states.
fn outcome_failures(attack: &Attack, is_error: bool, body: &Value) -> Vec<String> {
    let error = body["err"].as_str().unwrap_or_default();
    let as_said = match attack.answer {
        // A refusal states what is not allowed and, after a semicolon, what is.
        ClientOutcome::Refused => is_error && !error.contains("SQLSTATE") && error.contains("; "),
        ClientOutcome::Error(state) => is_error && error.contains(&format!("SQLSTATE {state})")),
        ClientOutcome::Runs => !is_error,
        ClientOutcome::Rows(rows) => {
            !is_error && serde_json::to_string(&body["r"]).is_ok_and(|given| given == rows)
        }
    };
    let mut failures = Vec::new();
    if !as_said {
        let seen: String = if is_error {
            error.to_owned()
        } else {
            body["r"].to_string()
        };
        let seen: String = seen.chars().take(200).collect();
        failures.push(format!(
            "answers {}{seen}",
            if is_error { "err " } else { "" }
        ));
    }
    if is_error && error.len() > 2_000 {
        failures.push(format!("an error of {} bytes", error.len()));
    }
    failures
}

fn report(attack: &Attack, found: Vec<String>, failures: &mut Vec<String>) {
    for failure in found {
        failures.push(format!(
            "line {} ({}, {:?}, {:?}): {failure}",
            attack.line, attack.class, attack.database_defense, attack.answer
        ));
    }
}

#[track_caller]
fn assert_no_failures(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{} failures\n{}",
        failures.len(),
        failures.join("\n")
    );
}
