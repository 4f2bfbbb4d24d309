use std::ffi::OsString;
use std::time::Duration;

use super::*;

mod auth; // how callers prove who they are
mod dot_env; // what the process and `.env` say
mod trusted_proxies; // the gateways and proxies in front

const KEY: &str = "7:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn with(extra: &[(&str, &str)]) -> Environment {
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
fn refused(extra: &[(&str, &str)], variable: &str, what: &str) {
    let error =
        ServeSettings::from_environment(&with(extra)).expect_err("the settings are refused");
    let problem = error
        .problems
        .iter()
        .find(|problem| problem.variable == variable);
    let problem = problem.unwrap_or_else(|| panic!("{variable} is named in {error}"));
    assert!(problem.what.contains(what), "{problem:?}");
    assert!(!problem.mend.is_empty());
}

#[test]
fn defaults_stand_for_what_is_absent_or_empty() {
    let settings =
        ServeSettings::from_environment(&with(&[("POSTGRES_DB", "")])).expect("valid settings");
    assert_eq!(settings.database.host, "localhost");
    assert_eq!(settings.database.port, 5432);
    assert_eq!(settings.database.database, "zava");
    assert_eq!(settings.database.application_name, "mcp-server");
    assert_eq!(settings.login.user, "zava_query");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
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
fn analysts_never_get_less_than_everybody() {
    let of = |extra: &[(&str, &str)]| {
        let limits = ServeSettings::from_environment(&with(extra))
            .expect("valid settings")
            .limits;
        let AnswerLimits {
            statement_timeout,
            rows,
            ..
        } = limits.analyst_answer;
        (statement_timeout.as_secs(), rows.get())
    };
    assert_eq!(of(&[]), (60, 10_000));
    let more = [
        ("ZAVA_STATEMENT_TIMEOUT_SECONDS", "90"),
        ("ZAVA_ANALYST_MAX_ROWS", "5"),
    ];
    assert_eq!(of(&more), (90, 1_000));
}

#[test]
fn a_database_elsewhere_is_reached_by_tls_unless_told_otherwise() {
    let tls = |extra: &[(&str, &str)]| {
        ServeSettings::from_environment(&with(extra))
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
        refused(
            &[("POSTGRES_SSLMODE", mode)],
            "POSTGRES_SSLMODE",
            "not offered; use verify-full",
        );
    }
    refused(
        &[("POSTGRES_SSLMODE", "Verify-Full")],
        "POSTGRES_SSLMODE",
        "neither verify-full nor disable",
    );
}

#[test]
fn malformed_values_are_refused_by_name() {
    refused(
        &[("POSTGRES_DB_PORT", "0")],
        "POSTGRES_DB_PORT",
        "1 to 65535",
    );
    refused(
        &[("POSTGRES_DB_PORT", "five")],
        "POSTGRES_DB_PORT",
        "1 to 65535",
    );
    refused(
        &[("ZAVA_LISTEN", "8000")],
        "ZAVA_LISTEN",
        "address with a port",
    );
    refused(
        &[("ZAVA_MAX_ROWS", "0")],
        "ZAVA_MAX_ROWS",
        "from 1 to 10000",
    );
    refused(
        &[("ZAVA_MAX_ROWS", "10001")],
        "ZAVA_MAX_ROWS",
        "from 1 to 10000",
    );
    refused(
        &[("ZAVA_MAX_CELL_BYTES", "255")],
        "ZAVA_MAX_CELL_BYTES",
        "from 256 to 1048576",
    );
    refused(
        &[("ZAVA_MAX_SQL_BYTES", "-1")],
        "ZAVA_MAX_SQL_BYTES",
        "from 64",
    );
    refused(
        &[("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1.5")],
        "ZAVA_STATEMENT_TIMEOUT_SECONDS",
        "whole number",
    );
    refused(
        &[("POSTGRES_POOL_MODE", "session")],
        "POSTGRES_POOL_MODE",
        "neither direct nor transaction",
    );
    refused(
        &[("ZAVA_TENANT_CONNECTIONS", "0")],
        "ZAVA_TENANT_CONNECTIONS",
        "from 1 to 1000",
    );
    refused(
        &[("ZAVA_TENANT_QUEUE", "many")],
        "ZAVA_TENANT_QUEUE",
        "whole number",
    );
    refused(&[("ZAVA_TENANT", "seattle")], "ZAVA_TENANT", "UUID");
    refused(
        &[("ZAVA_TENANT", "f47ac10b58cc4372a5670e02b2c3d479")],
        "ZAVA_TENANT",
        "UUID",
    );
    refused(
        &[("ZAVA_SIGNING_KEY", "0:AAAA")],
        "ZAVA_SIGNING_KEY",
        "key number",
    );
    refused(
        &[("ZAVA_SIGNING_KEY", "1:AAAA")],
        "ZAVA_SIGNING_KEY",
        "32 bytes",
    );
}

#[test]
fn a_host_is_a_name_or_an_address() {
    for (host, what) in [
        ("postgres://u:p@db.example.com:5432/zava", "is a URL"),
        ("https://db.example.com", "is a URL"),
        ("db.example.com:5432", "holds a port"),
        ("10.0.0.5:5432", "holds a port"),
        ("/var/run/postgresql", "is a path"),
        ("[::1]", "neither a host name nor an address"),
        ("[::1]:5432", "neither a host name nor an address"),
        (
            "a.example.com,b.example.com",
            "neither a host name nor an address",
        ),
        ("user@db.example.com", "neither a host name nor an address"),
        ("db example", "neither a host name nor an address"),
    ] {
        refused(&[("POSTGRES_DB_HOST", host)], "POSTGRES_DB_HOST", what);
    }
    for name in ["postgres://db/zava", "postgresql://"] {
        refused(&[("POSTGRES_DB", name)], "POSTGRES_DB", "is a URL");
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
        let settings = ServeSettings::from_environment(&with(&[("POSTGRES_DB_HOST", host)]));
        assert_eq!(settings.expect("valid settings").database.host, host);
    }
}

#[test]
fn a_log_filter_names_levels() {
    for (filter, what) in [
        ("5", "a level other than"),
        ("warning", "a level other than"),
        ("verbose", "a level other than"),
        ("none", "a level other than"),
        ("zava_mcp_server", "a level other than"),
        ("info,warning", "a level other than"),
        ("info,", "a level other than"),
        ("zava_mcp_server=warning", "a level other than"),
        ("zava_mcp_server=", "a level other than"),
        ("info=warn=debug", "a module that cannot be one"),
        ("zava-mcp-server=debug", "a module that cannot be one"),
        ("=debug", "a module that cannot be one"),
        (
            "zava_mcp_server::query[{id}]=debug",
            "a module that cannot be one",
        ),
    ] {
        refused(&[("ZAVA_LOG", filter)], "ZAVA_LOG", what);
    }
    for (filter, read) in [
        ("off", "off"),
        ("WARN", "WARN"),
        (
            "info, zava_mcp_server::query = debug",
            "info,zava_mcp_server::query=debug",
        ),
        ("warn,hyper=trace", "warn,hyper=trace"),
    ] {
        let settings = ServeSettings::from_environment(&with(&[("ZAVA_LOG", filter)]));
        assert_eq!(settings.expect("valid settings").log, read);
    }
}

#[test]
fn a_misspelt_name_is_refused_with_the_nearest_one() {
    let error =
        ServeSettings::from_environment(&with(&[("ZAVA_MAXROWS", "5")])).expect_err("refused");
    assert_eq!(error.problems.len(), 1);
    assert_eq!(error.problems[0].mend, "did you mean ZAVA_MAX_ROWS?");
}

#[test]
fn all_problems_are_reported_at_once() {
    let environment: Environment = [("POSTGRES_DB_PORT", "x"), ("ZAVA_LISTEN", "y")]
        .into_iter()
        .collect();
    let error = ServeSettings::from_environment(&environment).expect_err("refused");
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
fn no_output_holds_a_secret_or_a_refused_value() {
    let serve = ServeSettings::from_environment(&with(&[])).expect("valid settings");
    let admin = AdminSettings::from_environment(&with(&[])).expect("valid settings");
    let refused = ServeSettings::from_environment(&with(&[("ZAVA_SIGNING_KEY", "hunter2-key")]))
        .expect_err("refused");
    for text in [
        format!("{serve:?}"),
        format!("{admin:?}"),
        format!("{refused:?} {refused}"),
        format!("{:?}", with(&[])),
    ] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!text.contains("AAECAwQF"), "{text}");
        assert!(!text.contains("0, 1, 2, 3"), "{text}");
    }
}

#[test]
fn serving_does_not_ask_for_the_administrator() {
    let environment: Environment = [("POSTGRES_PASSWORD", "x"), ("ZAVA_SIGNING_KEY", KEY)]
        .into_iter()
        .collect();
    assert!(ServeSettings::from_environment(&environment).is_ok());
    let error = AdminSettings::from_environment(&environment).expect_err("migrate needs it");
    assert_eq!(error.problems[0].variable, "POSTGRES_ADMIN_PASSWORD");
}

#[test]
fn only_serving_goes_through_a_pooler() {
    let environment = with(&[("POSTGRES_POOL_MODE", "transaction")]);
    let serve = ServeSettings::from_environment(&environment).expect("valid settings");
    assert_eq!(serve.database.pool_mode, PoolMode::Transaction);
    let error = AdminSettings::from_environment(&environment).expect_err("refused");
    assert_eq!(error.problems[0].variable, "POSTGRES_POOL_MODE");
}

/// `docs/settings.md` is printed from [`VARIABLES`]; `ZAVA_UPDATE_DOCS` has no place in production, so a stale page is
/// shown here with the text that belongs there.
#[test]
fn the_documented_table_is_the_one_in_the_code() {
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
        "docs/settings.md must hold this table:\n{table}"
    );
}
