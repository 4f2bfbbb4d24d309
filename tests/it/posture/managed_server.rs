//! A managed server: its provider has created schemas and functions, owned by a superuser that the
//! customer does not have. The customer's administrator can neither change nor withdraw them.

use sqlx::AssertSqlSafe;
use zava_mcp_server::database;
use zava_mcp_server::settings::{AcceptedFinding, Environment, ServeSettings};

use super::PostureTest;
use crate::command_line::{binary, run, with_database};
use crate::support::{REDMOND, SEATTLE, TestServer, signing_key_text};

/// What the provider creates, as its superuser: a schema in which everybody may create objects, a
/// function that runs with its rights, one that runs any text, and one in a system schema.
const PROVIDER: &str = "
    CREATE SCHEMA azure;
    GRANT USAGE, CREATE ON SCHEMA azure TO PUBLIC;
    CREATE FUNCTION azure.service_info(text, integer) RETURNS text LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog AS 'SELECT $1';
    CREATE FUNCTION azure.run(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE $1; END';
    CREATE FUNCTION pg_catalog.azure_flag() RETURNS boolean LANGUAGE sql AS 'SELECT true'";

const ACCEPT: &str = "creates:azure, functions:azure.service_info(text, integer), \
    runs_text:azure.run(text), system:pg_catalog.azure_flag()";

fn accepted(text: &str) -> Vec<AcceptedFinding> {
    let environment = Environment::from([
        ("POSTGRES_PASSWORD", "x"),
        ("ZAVA_SIGNING_KEY", &signing_key_text()),
        ("ZAVA_POSTURE_ACCEPT", text),
    ]);
    let settings = ServeSettings::from_environment(&environment);
    settings.expect("the settings are good").accepted_findings
}

/// Runs `check` for the test's database; returns its exit code and what it has written.
async fn check(test: &PostureTest, accept: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &test.settings);
    command
        .arg("check")
        .env("POSTGRES_USER", &test.settings.login.user)
        .env("ZAVA_POSTURE_ACCEPT", accept);
    run(command).await
}

#[tokio::test]
async fn what_the_provider_has_created_is_accepted_by_name() {
    let mut test = PostureTest::new().await;
    test.run(PROVIDER).await;
    let findings = test.findings().await;
    let found: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}:{}", finding.rule.name(), finding.object))
        .collect();
    let mut expected: Vec<String> = accepted(ACCEPT)
        .iter()
        .map(|one| format!("{}:{}", one.rule(), one.object()))
        .collect();
    let mut sorted = found.clone();
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);

    // The administrator cannot fix any of it, and `migrate` does not try to.
    let mut admin = test.admin_connection().await;
    for finding in &findings {
        let fixed = sqlx::raw_sql(AssertSqlSafe(finding.fix.clone()))
            .execute(&mut admin)
            .await;
        // REVOKE only warns that it has changed nothing.
        assert!(
            fixed.is_err() || finding.fix.starts_with("REVOKE"),
            "{finding:?}"
        );
    }
    assert_eq!(test.findings().await, findings);
    database::migrate(&test.admin).await.expect("it migrates");

    // Without the setting no data is served.
    let (code, text) = check(&test, "").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(!test.findings_at_start().await.is_empty());

    test.settings.accepted_findings = accepted(ACCEPT);
    assert_eq!(test.findings_at_start().await, []);
    let server = TestServer::with_settings(&test.settings).await;
    let sql = "SELECT count(*) FROM retail.orders";
    let (seattle, redmond) = tokio::join!(server.number(SEATTLE, sql), server.number(REDMOND, sql));
    assert!(seattle > redmond && redmond > 0, "{seattle} {redmond}");
    drop(server);
    let (code, text) = check(&test, &format!("{ACCEPT}, creates:elsewhere")).await;
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "accepted by ZAVA_POSTURE_ACCEPT  azure.service_info(text, integer): grants EXECUTE to PUBLIC",
        "unused entry of ZAVA_POSTURE_ACCEPT  elsewhere: remove it",
    ] {
        assert!(text.contains(line), "{text}");
    }

    // A verdict of a server that accepts them is none for a server that does not.
    test.store_verdict().await;
    assert_eq!(test.findings_at_start().await, []);
    test.settings.accepted_findings = Vec::new();
    assert_eq!(test.findings_at_start().await, findings);
    test.drop_roles().await;
}

/// Only what is named is accepted, and only for its rule.
#[tokio::test]
async fn other_violations_are_found_beside_accepted_ones() {
    let mut test = PostureTest::new().await;
    test.run(PROVIDER).await;
    test.settings.accepted_findings = accepted(ACCEPT);
    assert_eq!(test.findings_at_start().await, []);
    test.store_verdict().await;
    for (rule, object, violation) in [
        (
            "functions",
            "azure.service_info(text)",
            "CREATE FUNCTION azure.service_info(text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT $1'",
        ),
        (
            "functions",
            "azure.run(text)",
            "ALTER FUNCTION azure.run(text) SECURITY DEFINER",
        ),
        (
            "reads",
            "azure.secrets",
            "CREATE TABLE azure.secrets (a text); GRANT SELECT ON azure.secrets TO PUBLIC",
        ),
        (
            "row_security",
            "retail.orders",
            "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
        ),
    ] {
        test.run(violation).await;
        let at_start = test.findings_at_start().await;
        let is_found = at_start
            .iter()
            .any(|finding| finding.rule.name() == rule && finding.object == object);
        assert!(is_found, "{violation}: {at_start:?}");
        for finding in at_start {
            test.run(&finding.fix).await;
        }
    }
    test.drop_roles().await;
}
