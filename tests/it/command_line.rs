use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use zava_mcp_server::query::scope::PostureRule;
use zava_mcp_server::settings::ServeSettings;

use crate::support::{SEATTLE, TestDatabase, TestServer, query_password, settings};

const SIGNING_KEY: &str = "ZAVA_SIGNING_KEY";

/// The binary in an empty folder, with no environment variables but those that a test sets.
pub(crate) fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zava-mcp-server"));
    command
        .env_clear()
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command; returns its exit code and what it has written. Panics if it does not end within a
/// minute.
pub(crate) async fn run(mut command: Command) -> (Option<i32>, String) {
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    let output = output.expect("it ends").expect("it runs");
    let mut text = String::from_utf8(output.stdout).expect("text");
    text += &String::from_utf8(output.stderr).expect("text");
    (output.status.code(), text)
}

pub(crate) fn with_database(command: &mut Command, settings: &ServeSettings) {
    command
        .env("POSTGRES_DB_HOST", &settings.database.host)
        .env("POSTGRES_DB_PORT", settings.database.port.to_string())
        .env("POSTGRES_DB", &settings.database.database)
        .env("POSTGRES_PASSWORD", query_password())
        .env(SIGNING_KEY, crate::support::signing_key_text())
        .env("ZAVA_LISTEN", "127.0.0.1:0");
}

#[tokio::test]
async fn invalid_settings_exit_with_64_and_report_every_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [
        &["serve"][..],
        &[],
        &["check"],
        &["migrate"],
        &["seed"],
        &["serve", "--stdio"],
    ] {
        let output = binary(folder.path())
            .args(command)
            .env("POSTGRES_DB_PORT", "70000")
            .env("POSTGRES_PASSWORD", "hunter2")
            .env("ZAVA_MAX_ROW", "5")
            .output()
            .await
            .expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(64), "{command:?}: {said}");
        for words in [
            "POSTGRES_DB_PORT must be a port number",
            "ZAVA_MAX_ROW is not a setting of this server; did you mean ZAVA_MAX_ROWS?",
            "ZAVA_SIGNING_KEY is not set",
        ] {
            assert!(said.contains(words), "{command:?}: {said}");
        }
        assert!(
            !said.contains("hunter2") && !said.contains("70000"),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn invalid_arguments_exit_with_64_and_help_exits_with_0() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, code) in [
        (&["--nonsense"][..], 64),
        (&["seed", "--scale", "huge"], 64),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let output = binary(folder.path())
            .args(arguments)
            .output()
            .await
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stdout.is_empty(), code != 0, "{arguments:?}");
    }
}

#[tokio::test]
async fn environment_overrides_the_dot_env_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join(".env"),
        "# development\nPOSTGRES_DB_PORT=70000\nexport POSTGRES_PASSWORD='x y'\nZAVA_MAX_ROWS=0\n",
    )
    .expect("written");
    let output = binary(folder.path())
        .arg("check")
        .env("ZAVA_MAX_ROWS", "5")
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(
        said.contains("POSTGRES_DB_PORT must be a port number"),
        "{said}"
    );
    assert!(
        !said.contains("ZAVA_MAX_ROWS") && !said.contains("POSTGRES_PASSWORD is not set"),
        "{said}"
    );

    // An empty variable does not override the file.
    let output = binary(folder.path())
        .arg("check")
        .env("POSTGRES_DB_PORT", "")
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(
        said.contains("POSTGRES_DB_PORT must be a port number"),
        "{said}"
    );

    std::fs::write(
        folder.path().join(".env"),
        "OTHERS='line\nPOSTGRES_PASSWORD='hunter2\nZAVA_LOG=info\nZAVA_LOG=hunter2\n",
    )
    .expect("written");
    let output = binary(folder.path())
        .arg("check")
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(64), "{said}");
    for words in [
        "line 2: POSTGRES_PASSWORD has no closing quote",
        "line 4: ZAVA_LOG is already set in line 3",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn check_reports_success_or_what_to_fix() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&database.name);
    let mut command = binary(folder.path());
    with_database(&mut command, &settings);
    let output = command.arg("check").output().await.expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("settings   ok") && said.contains("database   ok"),
        "{said}"
    );
    assert!(!said.contains(&query_password()));

    for (name, value, words) in [
        ("POSTGRES_PASSWORD", "wrong", "SQLSTATE 28P01"),
        ("POSTGRES_DB", "no_such_database", "SQLSTATE"),
        ("POSTGRES_DB_PORT", "1", "the database is not available"),
        (
            SIGNING_KEY,
            "9:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "SQLSTATE ZV001",
        ),
    ] {
        let mut command = binary(folder.path());
        with_database(&mut command, &settings);
        let output = command
            .arg("check")
            .env(name, value)
            .output()
            .await
            .expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(
            said.contains("check POSTGRES_DB_HOST") && said.contains(words),
            "{name}: {said}"
        );
    }
}

#[tokio::test]
async fn check_prints_every_posture_rule_and_the_fixing_statement() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&database.name);
    let mut codes = Vec::new();
    let mut outputs = Vec::new();
    for statement in [
        "SELECT 1",
        "GRANT INSERT ON retail.orders TO zava_reader; ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
    ] {
        sqlx::raw_sql(statement)
            .execute(&mut database.superuser().await)
            .await
            .expect("the statement");
        let mut command = binary(folder.path());
        with_database(&mut command, &settings);
        let output = command.arg("check").output().await.expect("it runs");
        codes.push(output.status.code());
        outputs.push(String::from_utf8(output.stdout).expect("text"));
    }
    assert_eq!(codes, [Some(0), Some(1)], "{outputs:?}");
    let lines = |output: &str, mark: &str| output.matches(mark).count();
    let rules = PostureRule::ALL.len();
    assert_eq!(lines(&outputs[0], "\nposture "), rules, "{}", outputs[0]);
    assert_eq!(lines(&outputs[0], "  ok     "), rules, "{}", outputs[0]);
    assert_eq!(lines(&outputs[1], "  ok     "), rules - 2, "{}", outputs[1]);
    for line in [
        "posture    writes           WRONG  retail.orders: grants INSERT to zava_reader\n",
        "                                   fix: REVOKE INSERT ON TABLE retail.orders FROM zava_reader;\n",
        "posture    row_security     WRONG  retail.orders: does not force row security\n",
        "                                   fix: ALTER TABLE retail.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n",
    ] {
        assert!(outputs[1].contains(line), "{line}{}", outputs[1]);
    }
    assert!(!outputs[1].contains("database   ok"), "{}", outputs[1]);
}

#[tokio::test]
async fn posture_finding_and_its_fix_are_logged_once() {
    let database = TestDatabase::new().await;
    sqlx::raw_sql("GRANT INSERT ON retail.orders TO zava_reader")
        .execute(&mut database.superuser().await)
        .await
        .expect("the violation");
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings(&database.name));
    let mut child = command
        .args(["serve", "--stdio"])
        .env("ZAVA_TENANT", SEATTLE)
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("its input");
    let init = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let call =
        json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 1"}});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": init}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": call}),
    ] {
        input
            .write_all(format!("{message}\n").as_bytes())
            .await
            .expect("written");
    }
    let mut answers = BufReader::new(child.stdout.take().expect("its output")).lines();
    for _ in 0..3 {
        let answer = answers.next_line().await.expect("a line");
        let answer: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        assert!(
            answer["id"] == 1 || answer["result"]["isError"] == true || answer["error"].is_object(),
            "{answer}"
        );
    }
    drop(input);
    let output = child.wait_with_output().await.expect("it ends");
    let log = String::from_utf8(output.stderr).expect("text");
    let fix = "REVOKE INSERT ON TABLE retail.orders FROM zava_reader";
    assert_eq!(log.matches(fix).count(), 1, "{log}");
    assert!(
        log.lines()
            .any(|line| line.contains("ERROR") && line.contains(fix)),
        "{log}"
    );
}

#[tokio::test]
async fn sql_command_needs_neither_settings_nor_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, input, code, out, err) in [
        (
            &["sql", "select  count(*) from retail.orders"][..],
            "",
            0,
            "SELECT count(*) FROM retail.orders\n",
            "",
        ),
        (&["sql", "-"], "SELECT 1 -- one\n", 0, "SELECT 1\n", ""),
        (
            &["sql", "--", "-- a comment\nSELECT 1"],
            "",
            0,
            "SELECT 1\n",
            "",
        ),
        (
            &["sql", "DELETE FROM retail.orders"],
            "",
            1,
            "",
            "only read-only queries are allowed",
        ),
        (&["sql", "-"], "SELECT pg_sleep(1)", 1, "", "pg_sleep"),
        (&["sql", "SELECT pg_sleep(1)"], "", 1, "", "pg_sleep"),
        (&["sql"], "", 64, "", "<STATEMENT>"),
    ] {
        let mut child = binary(folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(input.as_bytes()).await.expect("written");
        drop(stdin);
        let output = child.wait_with_output().await.expect("it ends");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            out,
            "{arguments:?}"
        );
        assert!(said.contains(err), "{arguments:?}: {said}");
    }
}

/// The command line reports the errors and applies the limits that clients meet.
#[tokio::test]
async fn sql_command_prints_the_same_errors_as_the_tool() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = TestServer::shared();
    let long = format!("SELECT '{}'", "x".repeat(32 << 10));
    for sql in ["SELECT ctid FROM retail.orders", "SELEC", &long] {
        let output = binary(folder.path())
            .args(["sql", sql])
            .output()
            .await
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(said.trim_end(), server.failure(SEATTLE, sql).await);
    }
    let output = binary(folder.path())
        .args(["sql", "SELECT 1"])
        .env("ZAVA_MAX_SQL_BYTES", "many")
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(64));
}

#[tokio::test]
async fn port_in_use_is_reported_with_a_fix() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings("any"));
    let output = command
        .env("ZAVA_LISTEN", &address)
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!(
            "cannot listen on {address}; stop the process that uses the port, or set ZAVA_LISTEN"
        )),
        "{said}"
    );
}
