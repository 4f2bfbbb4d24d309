use std::ffi::OsString;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::*;

mod auth; //            how callers authenticate, and the public URL
mod azure; //           as which identity the server asks for tokens
mod dot_env; //         the process environment and `.env`
mod indexer; //         the login of the search index, and the timer
mod posture; //         which findings are accepted
mod replicas; //        the database's read replicas
mod search; //          sources of embeddings
mod telemetry; //       where traces, metrics and logs are sent
mod trusted_proxies; // the gateways and reverse proxies in front of the server

const KEY: &str = "7:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn environment_with(extra: &[(&str, &str)]) -> Environment {
    [
        ("POSTGRES_PASSWORD", "hunter2-query"),
        ("POSTGRES_ADMIN_PASSWORD", "hunter2-admin"),
        ("ZAVA_SIGNING_KEY", KEY),
    ]
    .into_iter()
    .chain(extra.iter().copied())
    .collect()
}

#[track_caller]
fn assert_rejected(extra: &[(&str, &str)], variable: &str, message: &str) {
    let error = ServeSettings::from_environment(&environment_with(extra))
        .expect_err("the settings are rejected");
    let problem = error
        .problems
        .iter()
        .find(|problem| problem.variable == variable);
    let problem = problem.unwrap_or_else(|| panic!("{variable} is named in {error}"));
    assert!(problem.message.contains(message), "{problem:?}");
    assert!(!problem.hint.is_empty());
}

#[test]
fn absent_and_empty_variables_take_their_defaults() {
    let settings = ServeSettings::from_environment(&environment_with(&[("POSTGRES_DB", "")]))
        .expect("valid settings");
    assert_eq!(settings.database.host, "localhost");
    assert_eq!(settings.database.port, 5432);
    assert_eq!(settings.database.database, "zava");
    assert_eq!(settings.database.application_name, "mcp-server");
    assert_eq!(settings.login.user, "zava_query");
    assert_eq!(settings.network.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.limits.answer.rows.get(), 1000);
    assert_eq!(settings.limits.default_rows.get(), 200);
    assert_eq!(settings.limits.default_result_bytes.get(), 32 << 10);
    assert_eq!(
        settings.limits.answer.statement_timeout,
        Duration::from_secs(15)
    );
    assert_eq!(settings.database.pool_mode, PoolMode::Direct);
    assert_eq!(settings.limits.tenant_connections.get(), 4);
    assert_eq!(settings.limits.tenant_queue.get(), 16);
}

#[test]
fn analyst_limits_are_never_lower_than_reader_limits() {
    let analyst_limits = |extra: &[(&str, &str)]| {
        let limits = ServeSettings::from_environment(&environment_with(extra))
            .expect("valid settings")
            .limits;
        let AnswerLimits {
            statement_timeout,
            rows,
            ..
        } = limits.analyst_answer;
        (statement_timeout.as_secs(), rows.get())
    };
    assert_eq!(analyst_limits(&[]), (60, 10_000));
    let overrides = [
        ("ZAVA_STATEMENT_TIMEOUT_SECONDS", "90"),
        ("ZAVA_ANALYST_MAX_ROWS", "5"),
    ];
    assert_eq!(analyst_limits(&overrides), (90, 1_000));
}

#[test]
fn tls_is_the_default_for_a_database_on_another_host() {
    let tls = |extra: &[(&str, &str)]| {
        ServeSettings::from_environment(&environment_with(extra))
            .expect("valid settings")
            .database
            .tls
    };
    let verified = Tls::VerifyFull { root_cert: None };
    for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1"] {
        assert_eq!(tls(&[("POSTGRES_DB_HOST", host)]), Tls::Disable, "{host}");
    }
    for host in ["db.example.com", "10.0.0.5", "localhost.example.com"] {
        assert_eq!(tls(&[("POSTGRES_DB_HOST", host)]), verified, "{host}");
    }
    assert_eq!(tls(&[("POSTGRES_SSLMODE", "verify-full")]), verified);
    assert_eq!(
        tls(&[
            ("POSTGRES_DB_HOST", "10.0.0.5"),
            ("POSTGRES_SSLMODE", "disable")
        ]),
        Tls::Disable
    );
    for mode in ["require", "prefer", "allow", "verify-ca"] {
        assert_rejected(
            &[("POSTGRES_SSLMODE", mode)],
            "POSTGRES_SSLMODE",
            "not supported; use `verify-full`",
        );
    }
    assert_rejected(
        &[("POSTGRES_SSLMODE", "Verify-Full")],
        "POSTGRES_SSLMODE",
        "must be `verify-full` or `disable`",
    );
}

#[test]
fn malformed_values_are_rejected_by_variable() {
    assert_rejected(
        &[("POSTGRES_DB_PORT", "0")],
        "POSTGRES_DB_PORT",
        "1 to 65535",
    );
    assert_rejected(
        &[("POSTGRES_DB_PORT", "five")],
        "POSTGRES_DB_PORT",
        "1 to 65535",
    );
    assert_rejected(
        &[("ZAVA_LISTEN", "8000")],
        "ZAVA_LISTEN",
        "an IP address and a port",
    );
    assert_rejected(
        &[("ZAVA_MAX_ROWS", "0")],
        "ZAVA_MAX_ROWS",
        "from 1 to 10000",
    );
    assert_rejected(
        &[("ZAVA_MAX_ROWS", "10001")],
        "ZAVA_MAX_ROWS",
        "from 1 to 10000",
    );
    assert_rejected(
        &[("ZAVA_MAX_CELL_BYTES", "255")],
        "ZAVA_MAX_CELL_BYTES",
        "from 256 to 1048576",
    );
    assert_rejected(
        &[("ZAVA_MAX_SQL_BYTES", "-1")],
        "ZAVA_MAX_SQL_BYTES",
        "from 64",
    );
    assert_rejected(
        &[("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1.5")],
        "ZAVA_STATEMENT_TIMEOUT_SECONDS",
        "whole number",
    );
    assert_rejected(
        &[("POSTGRES_POOL_MODE", "session")],
        "POSTGRES_POOL_MODE",
        "must be `direct` or `transaction`",
    );
    assert_rejected(
        &[("ZAVA_TENANT_CONNECTIONS", "0")],
        "ZAVA_TENANT_CONNECTIONS",
        "from 1 to 1000",
    );
    assert_rejected(
        &[("ZAVA_TENANT_QUEUE", "many")],
        "ZAVA_TENANT_QUEUE",
        "whole number",
    );
    assert_rejected(&[("ZAVA_TENANT", "seattle")], "ZAVA_TENANT", "UUID");
    assert_rejected(
        &[("ZAVA_TENANT", "f47ac10b58cc4372a5670e02b2c3d479")],
        "ZAVA_TENANT",
        "UUID",
    );
    assert_rejected(
        &[("ZAVA_SIGNING_KEY", "0:AAAA")],
        "ZAVA_SIGNING_KEY",
        "key number",
    );
    assert_rejected(
        &[("ZAVA_SIGNING_KEY", "1:AAAA")],
        "ZAVA_SIGNING_KEY",
        "32 bytes",
    );
}

#[test]
fn a_database_host_must_be_a_host_name_or_an_ip_address() {
    for (host, message) in [
        ("postgres://u:p@db.example.com:5432/zava", "not a URL"),
        ("https://db.example.com", "not a URL"),
        ("db.example.com:5432", "must not contain a port"),
        ("10.0.0.5:5432", "must not contain a port"),
        ("/var/run/postgresql", "not a path"),
        ("[::1]", "must be a host name or an IP address"),
        ("[::1]:5432", "must be a host name or an IP address"),
        (
            "a.example.com,b.example.com",
            "must be a host name or an IP address",
        ),
        (
            "user@db.example.com",
            "must be a host name or an IP address",
        ),
        ("db example", "must be a host name or an IP address"),
    ] {
        assert_rejected(&[("POSTGRES_DB_HOST", host)], "POSTGRES_DB_HOST", message);
    }
    for name in ["postgres://db/zava", "postgresql://"] {
        assert_rejected(&[("POSTGRES_DB", name)], "POSTGRES_DB", "not a URL");
    }
    for host in [
        "db",
        "my_db",
        "db.example.com.",
        "10.0.0.5",
        "fd00::1",
        "::ffff:10.0.0.5",
        "xn--bcher-kva.example",
    ] {
        let settings =
            ServeSettings::from_environment(&environment_with(&[("POSTGRES_DB_HOST", host)]));
        assert_eq!(settings.expect("valid settings").database.host, host);
    }
}

#[test]
fn a_log_filter_must_have_known_levels_and_valid_modules() {
    for (filter, message) in [
        ("5", "an unknown level"),
        ("warning", "an unknown level"),
        ("verbose", "an unknown level"),
        ("none", "an unknown level"),
        ("zava_mcp_server", "an unknown level"),
        ("info,warning", "an unknown level"),
        ("info,", "an unknown level"),
        ("zava_mcp_server=warning", "an unknown level"),
        ("zava_mcp_server=", "an unknown level"),
        ("info=warn=debug", "an invalid module path"),
        ("zava-mcp-server=debug", "an invalid module path"),
        ("=debug", "an invalid module path"),
        (
            "zava_mcp_server::query[{id}]=debug",
            "an invalid module path",
        ),
    ] {
        assert_rejected(&[("ZAVA_LOG", filter)], "ZAVA_LOG", message);
    }
    for (filter, expected) in [
        ("off", "off"),
        ("WARN", "WARN"),
        (
            "info, zava_mcp_server::query = debug",
            "info,zava_mcp_server::query=debug",
        ),
        ("warn,hyper=trace", "warn,hyper=trace"),
    ] {
        let settings = ServeSettings::from_environment(&environment_with(&[("ZAVA_LOG", filter)]));
        assert_eq!(settings.expect("valid settings").log.as_str(), expected);
    }
}

#[test]
fn a_misspelled_name_is_rejected_with_a_suggestion() {
    let error = ServeSettings::from_environment(&environment_with(&[("ZAVA_MAXROWS", "5")]))
        .expect_err("rejected");
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].hint, "did you mean ZAVA_MAX_ROWS?");
}

#[test]
fn all_problems_are_reported_at_once() {
    let environment: Environment = [("POSTGRES_DB_PORT", "x"), ("ZAVA_LISTEN", "y")]
        .into_iter()
        .collect();
    let error = ServeSettings::from_environment(&environment).expect_err("rejected");
    let names: Vec<&str> = error
        .problems
        .iter()
        .map(|problem| problem.variable.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "ZAVA_LISTEN",
            "POSTGRES_DB_PORT",
            "POSTGRES_PASSWORD",
            "ZAVA_SIGNING_KEY"
        ]
    );
}

#[test]
fn debug_output_and_errors_contain_no_secret_and_no_rejected_value() {
    let serve = ServeSettings::from_environment(&environment_with(&[])).expect("valid settings");
    let admin = AdminSettings::from_environment(&environment_with(&[])).expect("valid settings");
    let error =
        ServeSettings::from_environment(&environment_with(&[("ZAVA_SIGNING_KEY", "hunter2-key")]))
            .expect_err("rejected");
    for text in [
        format!("{serve:?}"),
        format!("{admin:?}"),
        format!("{error:?} {error}"),
        format!("{:?}", environment_with(&[])),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.contains("AAECAwQF"), "{text}");
        assert!(!text.contains("0, 1, 2, 3"), "{text}");
    }
}

#[test]
fn only_admin_settings_require_the_admin_password() {
    let environment: Environment = [("POSTGRES_PASSWORD", "x"), ("ZAVA_SIGNING_KEY", KEY)]
        .into_iter()
        .collect();
    assert!(ServeSettings::from_environment(&environment).is_ok());
    let error = AdminSettings::from_environment(&environment).expect_err("migrate needs it");
    assert_eq!(error.problems[0].variable, "POSTGRES_ADMIN_PASSWORD");
}

#[test]
fn only_serve_accepts_a_pooler() {
    let environment = environment_with(&[("POSTGRES_POOL_MODE", "transaction")]);
    let serve = ServeSettings::from_environment(&environment).expect("valid settings");
    assert_eq!(serve.database.pool_mode, PoolMode::Transaction);
    let error = AdminSettings::from_environment(&environment).expect_err("rejected");
    assert_eq!(error.problems[0].variable, "POSTGRES_POOL_MODE");
}

/// `docs/settings.md` contains a table generated from [`VARIABLES`]. If it is out of date, the test
/// fails and prints the table to paste there.
#[test]
fn the_table_in_docs_settings_is_up_to_date() {
    let page = include_str!("../../../docs/settings.md");
    let table: String = VARIABLES
        .iter()
        .map(|variable| {
            let default = variable
                .default
                .map_or("–".to_owned(), |value| format!("`{value}`"));
            format!(
                "| `{}` | {default} | {} |\n",
                variable.name, variable.purpose
            )
        })
        .collect();
    assert!(
        page.contains(&table),
        "docs/settings.md must contain this table:\n{table}"
    );
}

/// The guard's other limits have the same margin: a test in `query/guard.rs` compares them.
#[test]
fn the_limit_on_sql_is_three_to_four_times_what_people_write() {
    let corpus = include_str!("../../../tests/it/corpus/statements.sql");
    let statements = corpus.split("\n\n").filter_map(|block| {
        let (_name, sql) = block.trim().split_once('\n')?;
        sql.strip_suffix(';')
    });
    let longest = statements.map(str::len).max().expect("some statements");
    let environment = environment_with(&[]);
    let max_bytes = max_sql_bytes(&environment).expect("the default").get();
    assert!((3..=4).contains(&(max_bytes / longest)), "{longest} bytes");
}
