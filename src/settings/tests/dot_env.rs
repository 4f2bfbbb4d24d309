use super::super::dot_env::parse;
use super::*;

#[test]
fn values_are_literal() {
    for (line, value) in [
        (
            "ZAVA_LOG=k$ecret${HOME}$(id)`id`",
            "k$ecret${HOME}$(id)`id`",
        ),
        ("ZAVA_LOG=\"k$ecret\"", "k$ecret"),
        (r#"ZAVA_LOG="a\nb\$c""#, r"a\nb\$c"),
        (r"ZAVA_LOG=a\ b\", r"a\ b\"),
        ("ZAVA_LOG='a \"b\" #c'", "a \"b\" #c"),
        ("ZAVA_LOG=a b  c", "a b  c"),
        ("ZAVA_LOG=a=b==", "a=b=="),
        ("ZAVA_LOG=it's", "it's"),
        ("ZAVA_LOG=a#b # c", "a#b"),
        ("ZAVA_LOG=# none", ""),
        ("ZAVA_LOG=\"a\"#b", "a"),
        ("ZAVA_LOG=\"\"", ""),
        ("ZAVA_LOG=", ""),
        (" \texport \t ZAVA_LOG \t= \ta \t\r", "a"),
        ("ZAVA_LOG=ä\u{a0}€", "ä\u{a0}€"),
        ("\u{feff}ZAVA_LOG=a", "a"),
    ] {
        let settings = parse(line.as_bytes()).expect(line);
        assert_eq!(
            settings,
            [("ZAVA_LOG".to_owned(), value.to_owned())],
            "{line}"
        );
    }
}

#[test]
fn lines_of_other_programs_are_ignored() {
    for text in [
        &b""[..],
        b"# ZAVA_LOG=debug\n\n   \r\n",
        b"FOO=${BAR\nnot an assignment\nFOO='open\nFOO=again\n=\nexport\n",
        b"CERT=\"-----BEGIN\nMIIB+/=\n-----END\"\n",
        b"NAME=M\xfcller\n\xff\xfe\n",
        b"exportZAVA_LOG=debug\nMY_ZAVA_LOG=debug\nzava_log=debug\nZAVA=1\nPOSTGRES_DB_NAME=x\n",
    ] {
        let settings = parse(text).expect("no line with a setting");
        assert_eq!(settings, [], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn malformed_lines_are_reported_without_their_values() {
    for (text, errors) in [
        (
            &b"A=1\nZAVA_LOG\n"[..],
            "line 2: ZAVA_LOG is not followed by `=`",
        ),
        (
            b"POSTGRES_PASSWORD: hunter2",
            "line 1: POSTGRES_PASSWORD is not followed by `=`",
        ),
        (
            b"ZAVA_LOG-X=hunter2",
            "line 1: ZAVA_LOG is not followed by `=`",
        ),
        (
            b"ZAVA_LOG='hunter2",
            "line 1: ZAVA_LOG has no closing quote",
        ),
        (
            b"ZAVA_LOG='hunter2\n'",
            "line 1: ZAVA_LOG has no closing quote",
        ),
        (
            b"ZAVA_LOG=\"hunter2\"x",
            "line 1: ZAVA_LOG has text after the closing quote",
        ),
        (
            b"ZAVA_LOG=\xfchunter2",
            "line 1: ZAVA_LOG is not valid UTF-8",
        ),
        (
            b"ZAVA_LOG=\n\nexport ZAVA_LOG=hunter2",
            "line 3: ZAVA_LOG is already set in line 1",
        ),
        (b"Z\0A\0V\0A\0hunter2", "not UTF-8 text"),
        (b"\xff\xfeZ\0A\0", "not UTF-8 text"),
    ] {
        let error = parse(text).expect_err(errors).to_string();
        assert!(error.contains(errors), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let all =
        parse(b"ZAVA_LOG\nZAVA_AUTH='\nZAVA_TENANT=1\nZAVA_TENANT=2").expect_err("three errors");
    assert_eq!(all.to_string().lines().count(), 4, "{all}");
}

/// Combines process variables, whose values may be invalid UTF-8, with a `.env` file.
fn environment(process: &[(&str, &[u8])], dot_env: &str) -> Environment {
    use std::os::unix::ffi::OsStringExt as _;
    let process = process
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from_vec(value.to_vec())));
    Environment::new(process, dot_env.as_bytes()).expect("a valid file")
}

#[test]
fn an_empty_process_variable_does_not_override_the_file() {
    let dot_env = "ZAVA_AUTH=apikey\nZAVA_LOG=debug\nPOSTGRES_DB=shop";
    let process: &[(&str, &[u8])] = &[("ZAVA_AUTH", b""), ("ZAVA_LOG", b"warn")];
    let environment = environment(process, dot_env);
    assert_eq!(environment.get("ZAVA_AUTH"), Some("apikey"));
    assert_eq!(environment.get("ZAVA_LOG"), Some("warn"));
    assert_eq!(environment.get("POSTGRES_DB"), Some("shop"));
}

#[test]
fn a_setting_that_is_not_utf8_is_rejected() {
    let process: &[(&str, &[u8])] = &[
        ("POSTGRES_PASSWORD", b"\xfc"),
        ("ZAVA_MAX_ROWS", b"\xff5"),
        ("ZAVA_NO_SETTING", b"\xff"),
        ("LS_COLORS", b"\xff"),
    ];
    // The process variables take precedence over the file although they are invalid.
    let environment = environment(
        process,
        &format!("POSTGRES_PASSWORD=x\nZAVA_SIGNING_KEY={KEY}"),
    );
    let error = ServeSettings::from_environment(&environment).expect_err("rejected");
    let problems: Vec<(&str, &str)> = error
        .problems
        .iter()
        .map(|problem| (problem.variable.as_str(), problem.message.as_str()))
        .collect();
    let message = "is not valid UTF-8";
    assert_eq!(
        problems,
        [
            ("POSTGRES_PASSWORD", message),
            ("ZAVA_MAX_ROWS", message),
            ("ZAVA_NO_SETTING", message)
        ]
    );
}

#[test]
fn a_platform_variable_that_is_not_utf8_still_counts_as_set() {
    let process: &[(&str, &[u8])] = &[("CONTAINER_APP_NAME", b"\xff"), ("ZAVA_AUTH", b"header")];
    let environment = environment(process, "");
    let error = ServeSettings::from_environment(&environment).expect_err("rejected");
    assert!(
        error
            .problems
            .iter()
            .any(|problem| problem.variable == "ZAVA_AUTH"),
        "{error}"
    );
}

#[test]
fn kubernetes_service_links_are_ignored() {
    let links: &[(&str, &[u8])] = &[
        ("ZAVA_SERVICE_HOST", b"10.0.0.1"),
        ("ZAVA_SERVICE_PORT", b"8000"),
        ("ZAVA_SERVICE_PORT_HTTP", b"8000"),
        ("ZAVA_PORT", b"tcp://10.0.0.1:8000"),
        ("ZAVA_PORT_8000_TCP", b"tcp://10.0.0.1:8000"),
        ("ZAVA_PORT_8000_TCP_PROTO", b"tcp"),
        ("ZAVA_PORT_8000_TCP_PORT", b"8000"),
        ("ZAVA_PORT_8000_TCP_ADDR", b"10.0.0.1"),
        ("ZAVA_MCP_SERVER_PORT", b"tcp://[fd00::1]:8000"),
        ("ZAVA_MCP_SERVER_SERVICE_HOST", b"fd00::1"),
        ("POSTGRES_DB_PORT", b"tcp://10.0.0.2:5432"),
    ];
    let base = format!("POSTGRES_PASSWORD=x\nZAVA_SIGNING_KEY={KEY}\n");
    let settings = ServeSettings::from_environment(&environment(links, &base));
    assert_eq!(settings.expect("valid settings").database.port, 5432);
    let dot_env = format!("{base}POSTGRES_DB_PORT=6432\n");
    let settings = ServeSettings::from_environment(&environment(links, &dot_env));
    assert_eq!(settings.expect("valid settings").database.port, 6432);
    for (name, value) in [
        ("ZAVA_PORT", "8000"),
        ("ZAVA_PORT", "tcp://somewhere"),
        ("ZAVA_PORT_HTTP", "tcp://10.0.0.1:8000"),
        ("ZAVA_PORT_8000_TCP_NAME", "10.0.0.1"),
        ("ZAVA_SERVICE_HOST", "db.example.com"),
        ("ZAVA_SERVICE_PORT", "http"),
        ("POSTGRES_DB_PORT", "http://10.0.0.2:5432"),
    ] {
        let environment = environment(&[(name, value.as_bytes())], &base);
        let error = ServeSettings::from_environment(&environment).expect_err(name);
        assert_eq!(error.problems[0].variable, name, "{error}");
    }
}
