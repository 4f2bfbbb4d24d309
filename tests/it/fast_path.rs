//! The fast path answers `tools/call` messages without rmcp's transport. Trailing spaces do not
//! change a message, but a body of more than 4 KiB always takes the transport: so each request is
//! sent with and without them, and the responses must be equal.

use std::cell::Cell;

use proptest::prelude::Strategy;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::support::{SEATTLE, TestServer};

const CASES: u32 = 600;

/// More than the fast path accepts.
const SPACES: usize = 4 * 1024;

/// Marks an `Mcp-Name` header that matches the body.
const MATCHING: &[u8] = b"*";

/// The members of a message as JSON text, and its headers. An empty text is left out.
#[derive(Clone, Debug)]
struct Request {
    message: [&'static str; 4],
    params: [&'static str; 4],
    headers: Vec<(&'static str, &'static [u8])>,
}

impl Request {
    fn body(&self) -> String {
        let joined = |members: &[&str]| {
            let given: Vec<&str> = members.iter().copied().filter(|m| !m.is_empty()).collect();
            format!("{{{}}}", given.join(","))
        };
        let params = joined(&self.params);
        joined(&self.message).replace("PARAMS", &params)
    }

    fn headers(&self) -> HeaderMap {
        let tools = [
            "get_multiple_table_schemas",
            "semantic_search_products",
            "find_related_products",
            "get_current_utc_date",
        ];
        let named = tools.into_iter().find(|tool| self.params[1].contains(tool));
        let named = named.unwrap_or("execute_sales_query").as_bytes();
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = if *value == MATCHING { named } else { value };
            let value = HeaderValue::from_bytes(value).expect("a header's value");
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }
}

/// The usual values in nine of ten cases, so that most requests have one unusual part.
fn mostly<T: Clone + std::fmt::Debug + 'static>(
    usual: &'static [T],
    unusual: &'static [T],
) -> impl Strategy<Value = T> {
    proptest::prop_oneof![9 => select(usual), 1 => select(unusual)]
}

fn message() -> impl Strategy<Value = [&'static str; 4]> {
    let version = mostly(
        &[r#""jsonrpc":"2.0""#],
        &["", r#""jsonrpc":"1.0""#, r#""jsonrpc":2.0"#],
    );
    let id = mostly(
        &[r#""id":7"#, r#""id":"a""#],
        &[
            "",
            r#""id":null"#,
            r#""id":1.0"#,
            r#""id":1e2"#,
            r#""id":1.5"#,
            r#""id":-0"#,
            r#""id":9223372036854775807"#,
            r#""id":9223372036854775808"#,
            r#""id":true"#,
            r#""id":{}"#,
            r#""id":"\u00fc\n""#,
            r#""id":"""#,
            r#""id":1,"id":2"#,
        ],
    );
    let method = mostly(
        &[r#""method":"tools/call""#, r#""method":"tools\/call""#],
        &[
            "",
            r#""method":"tools/list""#,
            r#""method":"ping""#,
            r#""method":5"#,
        ],
    );
    let params = mostly(
        &[r#""params":PARAMS"#, r#""\u0070arams":PARAMS"#],
        &[
            "",
            r#""params":[]"#,
            r#""params":["execute_sales_query",{},null]"#,
            r#""params":null"#,
            r#""params":PARAMS,"result":{}"#,
            r#""params":PARAMS,"extension":{"a":1}"#,
            r#""params":PARAMS}"#,
        ],
    );
    (version, id, method, params).prop_map(|(version, id, method, params)| {
        // A fixed order that differs from the usual one, as clients send members in any order.
        [method, id, params, version]
    })
}

type Header = (&'static str, &'static [u8]);
type Texts = (&'static str, &'static str);

/// A tool's name and arguments.
fn call() -> impl Strategy<Value = Texts> {
    let usual: &[Texts] = &[
        (
            r#""name":"execute_sales_query""#,
            r#""arguments":{"postgresql_query":"SELECT 1 AS one, 0.1, NULL","max_rows":"2"}"#,
        ),
        (
            r#""name":"execute_sales\u005fquery""#,
            r#""arguments":{"PostgreSQL-Query":"SELECT 3","toolCallId":{"a":[1,-0.0,1e-7]}}"#,
        ),
        (
            r#""name":"execute_sales_query""#,
            r#""arguments":{"postgresql_query":"SELECT count(*) FROM retail.orders"}"#,
        ),
        (
            r#""name":"get_multiple_table_schemas""#,
            r#""arguments":{"table_names":["retail.orders","retail.stores"]}"#,
        ),
        (
            r#""name":"semantic_search_products""#,
            r#""arguments":{"query_description":"garden hose","max_rows":3.0}"#,
        ),
        (
            r#""name":"find_related_products""#,
            r#""arguments":{"product":1.0,"Relation":"bought-together"}"#,
        ),
        (r#""name":"get_current_utc_date""#, r#""arguments":{}"#),
        (r#""name":"get_current_utc_date""#, ""),
    ];
    let names: &[&str] = &[
        "",
        r#""name":"execute_sales_query""#,
        r#""name":"get_multiple_table_schemas""#,
        r#""name":"semantic_search_products""#,
        r#""name":"drop_tables""#,
        r#""name":"""#,
        r#""name":5"#,
        r#""name":"execute_sales_query","name":"execute_sales_query""#,
    ];
    let arguments: &[&str] = &[
        "",
        r#""arguments":{}"#,
        r#""arguments":null"#,
        r#""arguments":[]"#,
        r#""arguments":"{}""#,
        r#""arguments":{"postgresql_query":"DELETE FROM retail.orders"}"#,
        r#""arguments":{"postgresql_query":"SELECT nothing FROM retail.orders"}"#,
        r#""arguments":{"postgresql_query":"SELECT 1 / 0"}"#,
        r#""arguments":{"postgresql_query":5}"#,
        r#""arguments":{"postgresql_query":"SELECT 1","max_rows":0}"#,
        r#""arguments":{"postgresql_query":"SELECT 1","max_rows":1e400}"#,
        r#""arguments":{"postgresql_query":"SELECT 1","postgresql_query":"SELECT 2"}"#,
        r#""arguments":{"postgresql_query":"SELECT '\ud83d'"}"#,
        r#""arguments":{"postgresql_query":"SELECT '\ud83d\ude00\u0000'"}"#,
        r#""arguments":{"table_names":"retail.orders, retail.nothing"}"#,
        r#""arguments":{"query_description":""}"#,
    ];
    proptest::prop_oneof![3 => select(usual), 1 => (select(names), select(arguments))]
}

const VERSION: &str = "mcp-protocol-version";

/// The protocol version, in a message and in headers.
fn version() -> impl Strategy<Value = (&'static str, &'static [Header])> {
    let usual: &[(&str, &[Header])] = &[
        ("", &[]),
        ("", &[(VERSION, b"2024-11-05")]),
        ("", &[(VERSION, b"2025-03-26")]),
        (r#""_meta":null"#, &[(VERSION, b"2025-06-18")]),
        (
            r#""_meta":{"progressToken":1,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#,
            &[(VERSION, b"2025-11-25")],
        ),
        (
            r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#,
            &[(VERSION, b"2026-07-28")],
        ),
        (
            r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"roots":{}}}"#,
            &[(VERSION, b"2026-07-28")],
        ),
    ];
    let metas: &[&str] = &[
        "",
        r#""_meta":{}"#,
        r#""_meta":5"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":5}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2025-06-18","io.modelcontextprotocol/clientCapabilities":{}}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}"#,
        r#""_meta":{"io.modelcontextprotocol/protocolVersion":5}"#,
    ];
    let headers: &[&[Header]] = &[
        &[],
        &[(VERSION, b"2025-06-18")],
        &[(VERSION, b"2026-07-28")],
        &[(VERSION, b"2019-01-01")],
        &[(VERSION, b"2030-01-01")],
        &[(VERSION, b"")],
        &[(VERSION, b"2025-\xff")],
        &[(VERSION, b"2025-11-25"), (VERSION, b"2026-07-28")],
        &[(VERSION, b"2026-07-28"), (VERSION, b"2025-11-25")],
    ];
    proptest::prop_oneof![3 => select(usual), 1 => (select(metas), select(headers))]
}

fn other_params() -> impl Strategy<Value = &'static str> {
    mostly(
        &[""],
        &[
            r#""inputResponses":{}"#,
            r#""requestState":"x""#,
            r#""task":{"ttl":5}"#,
            r#""extension":[]"#,
        ],
    )
}

/// Headers that 2026-07-28 requires, and others that could change a response.
fn other_headers() -> impl Strategy<Value = Vec<Header>> {
    const METHOD: &str = "mcp-method";
    let method = mostly::<&'static [Header]>(
        &[&[(METHOD, b"tools/call")]],
        &[
            &[],
            &[(METHOD, b"tools/list")],
            &[(METHOD, b"Tools/Call")],
            &[(METHOD, b"tools/call"), (METHOD, b"tools/call")],
            &[(METHOD, b"\xff")],
        ],
    );
    const NAME: &str = "mcp-name";
    let name = mostly::<&'static [Header]>(
        &[&[(NAME, MATCHING)]],
        &[
            &[],
            &[(NAME, b"execute_sales_query")],
            &[(NAME, b"get_multiple_table_schemas")],
            &[(NAME, b"semantic_search_products")],
            &[(NAME, b"=?base64?ZXhlY3V0ZV9zYWxlc19xdWVyeQ==?=")],
            &[(NAME, b"=?base64?!?=")],
            &[(NAME, MATCHING), (NAME, MATCHING)],
        ],
    );
    let other = mostly::<&'static [Header]>(
        &[&[]],
        &[
            &[("mcp-session-id", b"made-up")],
            &[("mcp-session-id", b"not one")],
            &[("mcp-param-postgresql_query", b"SELECT 2")],
            &[("last-event-id", b"1")],
            &[("accept", b"application/json")],
            &[("accept", b"text/event-stream")],
            &[("accept", b"*/*;q=0.1, text/event-stream")],
            &[("content-type", b"text/plain")],
            &[("content-type", b"Application/JSON; charset=utf-8")],
        ],
    );
    (method, name, other).prop_map(|(method, name, other)| [method, name, other].concat())
}

fn request() -> impl Strategy<Value = Request> {
    let parts = (
        message(),
        call(),
        other_params(),
        version(),
        other_headers(),
    );
    parts.prop_map(|(message, call, others, version, headers)| Request {
        message,
        params: [version.0, call.0, call.1, others],
        headers: [version.1, &headers].concat(),
    })
}

/// A response without what depends on the time.
#[derive(Debug, PartialEq)]
struct ResponseParts {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
}

#[test]
fn fast_path_and_rmcp_transport_answer_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = TestServer::shared();
    let results = Cell::new(0);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let outcome = TestRunner::new_with_rng(config, random).run(&request(), |request| {
        let (fast, transport) = runtime.block_on(async {
            (
                answer(&server, &request, 0).await,
                answer(&server, &request, SPACES).await,
            )
        });
        results.set(results.get() + u32::from(fast.body.contains(r#""isError":false"#)));
        if fast == transport {
            return Ok(());
        }
        let body = request.body();
        Err(TestCaseError::fail(format!(
            "{body}\n{request:?}\n{fast:#?}\n{transport:#?}"
        )))
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("no verdict: {why}"),
    }
    // Errors alone would prove little.
    let results = results.get();
    assert!(results > CASES / 5, "{results} calls gave something");
}

async fn answer(server: &TestServer, request: &Request, spaces: usize) -> ResponseParts {
    let given = request.headers();
    let mut headers = HeaderMap::new();
    headers.insert("x-rls-user-id", HeaderValue::from_static(SEATTLE));
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ] {
        if !given.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    for (name, value) in &given {
        headers.append(name, value.clone());
    }
    let body = request.body() + &" ".repeat(spaces);
    let sent = server
        .client
        .post(server.url("/mcp"))
        .headers(headers)
        .body(body);
    let response = sent.send().await.expect("an answer");
    let status = response.status().as_u16();
    let time_dependent = ["date", "ratelimit"];
    let mut headers: Vec<(String, Vec<u8>)> = response
        .headers()
        .iter()
        .filter(|(name, _)| !time_dependent.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    headers.sort();
    let mut body = response.text().await.expect("a text");
    if request.params[1].contains("utc_date") {
        body.retain(|character| !character.is_ascii_digit());
    }
    ResponseParts {
        status,
        headers,
        body,
    }
}
