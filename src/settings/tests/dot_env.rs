use super::super::dot_env::parse;
use super::*;

#[test]
fn values_are_taken_as_they_stand_there() {
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
fn foreign_lines_are_passed_over() {
    for text in [
        &b""[..],
        b"# ZAVA_LOG=debug\n\n   \r\n",
        b"FOO=${BAR\nnot an assignment\nFOO='open\nFOO=again\n=\nexport\n",
        b"CERT=\"-----BEGIN\nMIIB+/=\n-----END\"\n",
        b"NAME=M\xfcller\n\xff\xfe\n",
        b"exportZAVA_LOG=debug\nMY_ZAVA_LOG=debug\nzava_log=debug\nZAVA=1\nPOSTGRES_DB_NAME=x\n",
    ] {
        let settings = parse(text).expect("no line of ours");
        assert_eq!(settings, [], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn a_line_of_ours_that_cannot_be_used_is_named_without_its_value() {
    for (text, errors) in [
        (
            &b"A=1\nZAVA_LOG\n"[..],
            "line 2: ZAVA_LOG is not followed by =",
        ),
        (
            b"POSTGRES_PASSWORD: hunter2",
            "line 1: POSTGRES_PASSWORD is not followed by =",
        ),
        (
            b"ZAVA_LOG-X=hunter2",
            "line 1: ZAVA_LOG is not followed by =",
        ),
        (
            b"ZAVA_LOG='hunter2",
            "line 1: ZAVA_LOG has an opening quote",
        ),
        (
            b"ZAVA_LOG='hunter2\n'",
            "line 1: ZAVA_LOG has an opening quote",
        ),
        (
            b"ZAVA_LOG=\"hunter2\"x",
            "line 1: ZAVA_LOG has text behind the closing quote",
        ),
        (
            b"ZAVA_LOG=\xfchunter2",
            "line 1: ZAVA_LOG has a value that is not UTF-8",
        ),
        (
            b"ZAVA_LOG=\n\nexport ZAVA_LOG=hunter2",
            "line 3: ZAVA_LOG stands in line 1 already",
        ),
        (b"Z\0A\0V\0A\0hunter2", "not text in UTF-8"),
        (b"\xff\xfeZ\0A\0", "not text in UTF-8"),
    ] {
        let error = parse(text).expect_err(errors).to_string();
        assert!(error.contains(errors), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let all =
        parse(b"ZAVA_LOG\nZAVA_AUTH='\nZAVA_TENANT=1\nZAVA_TENANT=2").expect_err("three errors");
    assert_eq!(all.to_string().lines().count(), 4, "{all}");
}

/// The values of a process, some of them bytes that are no text, and a `.env` file.
fn environment(process: &[(&str, &[u8])], dot_env: &str) -> Environment {
    use std::os::unix::ffi::OsStringExt as _;
    let process = process
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from_vec(value.to_vec())));
    Environment::new(process, dot_env.as_bytes()).expect("a file that can be read")
}

#[test]
fn an_empty_value_in_the_environment_does_not_hide_the_file() {
    let dot_env = "ZAVA_AUTH=apikey\nZAVA_LOG=debug\nPOSTGRES_DB=shop";
    let process: &[(&str, &[u8])] = &[("ZAVA_AUTH", b""), ("ZAVA_LOG", b"warn")];
    let environment = environment(process, dot_env);
    assert_eq!(environment.get("ZAVA_AUTH"), Some("apikey"));
    assert_eq!(environment.get("ZAVA_LOG"), Some("warn"));
    assert_eq!(environment.get("POSTGRES_DB"), Some("shop"));
}

#[test]
fn a_value_of_ours_that_is_not_text_is_refused() {
    let not_text: &[(&str, &[u8])] = &[
        ("POSTGRES_PASSWORD", b"\xfc"),
        ("ZAVA_MAX_ROWS", b"\xff5"),
        ("ZAVA_NO_SETTING", b"\xff"),
        ("LS_COLORS", b"\xff"),
    ];
    // The file is not asked in their place: what counts is what the process was given.
    let environment = environment(
        not_text,
        &format!("POSTGRES_PASSWORD=x\nZAVA_SIGNING_KEY={KEY}"),
    );
    let error = ServeSettings::from_environment(&environment).expect_err("refused");
    let problems: Vec<(&str, &str)> = error
        .problems
        .iter()
        .map(|problem| (problem.variable.as_str(), problem.what.as_str()))
        .collect();
    let what = "has a value that is not UTF-8";
    assert_eq!(
        problems,
        [
            ("POSTGRES_PASSWORD", what),
            ("ZAVA_MAX_ROWS", what),
            ("ZAVA_NO_SETTING", what)
        ]
    );
}

#[test]
fn a_platform_that_is_named_unreadably_is_there_all_the_same() {
    let process: &[(&str, &[u8])] = &[("CONTAINER_APP_NAME", b"\xff"), ("ZAVA_AUTH", b"header")];
    let environment = environment(process, "");
    let error = ServeSettings::from_environment(&environment).expect_err("refused");
    assert!(
        error
            .problems
            .iter()
            .any(|problem| problem.variable == "ZAVA_AUTH"),
        "{error}"
    );
}

#[test]
fn what_kubernetes_sets_for_services_is_passed_over() {
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
