//! What a client can forge behind the Functions host, and what its requests leave in the log.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;
use uuid::Uuid;

use super::host::FunctionsHost;
use super::{app_settings, key, package_with_raw_forwarding, rows, sql_call, start};
use crate::command_line::{binary, with_database};
use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, eventually, http, settings};

const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const USER: &str = "11111111-2222-3333-4444-555555555555";
const COUNT: &str = "SELECT count(*) FROM retail.orders";

/// In the form of the platform's keys, which `scripts/test` searches the log for.
const FUNCTION_KEY: &str = "rLDoSqx3Yv0pW9d7bM2hTf5kZ8uNcQ1eJ4aGi6sBtOwXAzFuKmVyRg==";

/// The headers of Easy Auth for a user who may see every store.
fn with_forged_identity(request: RequestBuilder) -> RequestBuilder {
    let claim = |typ: &str, val: &str| json!({"typ": typ, "val": val});
    let claims = [
        claim("oid", USER),
        claim("tid", DIRECTORY),
        claim("scp", "mcp.query"),
        claim("roles", "store.all"),
    ];
    let principal =
        json!({"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims});
    request
        .header(
            "x-ms-client-principal",
            STANDARD.encode(principal.to_string()),
        )
        .header("x-ms-client-principal-id", USER)
        .header("x-ms-client-principal-idp", "aad")
        .header("x-ms-client-principal-name", "head-office")
        .header("x-ms-token-aad-access-token", "e30.e30.e30")
}

/// The platform removes its identity headers from clients' requests only while its authentication
/// is on. The variable that says so cannot be set by a request.
#[tokio::test]
async fn forged_identity_headers_count_for_nothing_without_easy_auth() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let server = TestServer::shared();
    let orders = server.number(SEATTLE, COUNT).await;
    assert_ne!(orders, server.number(HEAD_OFFICE, COUNT).await);
    let raw = package_with_raw_forwarding();
    for folder in [super::packaged(), raw.path()] {
        let host = FunctionsHost::start(folder, app_settings(&database.name)).await;
        let host = host.expect("it starts");
        let send = async |request: RequestBuilder| {
            let request = request
                .header("host", "zava.example.com")
                .json(&sql_call(COUNT));
            request.send().await.expect("an answer")
        };
        let anonymous = || with_forged_identity(host.client.post(host.url("/mcp")));
        for request in [
            anonymous(),
            anonymous().header("x-rls-user-id", HEAD_OFFICE),
            anonymous().header("website_auth_enabled", "True"),
            anonymous().header("x-forwarded-for", "127.0.0.1"),
            anonymous().header("x-azure-functions-invocationid", Uuid::new_v4().to_string()),
            anonymous().header("x-functions-key", FUNCTION_KEY),
            anonymous().bearer_auth(FUNCTION_KEY),
        ] {
            assert_eq!(send(request).await.status(), StatusCode::UNAUTHORIZED);
        }
        // Beside a valid key, the key alone decides.
        let forged = with_forged_identity(host.post(&key));
        assert_eq!(rows(send(forged).await).await, json!([[orders]]));
        let forged = with_forged_identity(host.post(&key)).header("x-rls-user-id", HEAD_OFFICE);
        assert_eq!(send(forged).await.status(), StatusCode::FORBIDDEN);
    }
}

/// Every line of a request names the invocation, whichever thread wrote it, as the host's own log
/// does. A client cannot choose the id.
#[tokio::test]
async fn log_names_the_invocation_of_each_request() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let raw = package_with_raw_forwarding();
    for folder in [super::packaged(), raw.path()] {
        // A filter that names modules must not lose the invocation.
        let filter = ("ZAVA_LOG", "off,zava::audit=info".to_owned());
        let app_settings = app_settings(&database.name).into_iter().chain([filter]);
        let host = FunctionsHost::start(folder, app_settings).await;
        let host = host.expect("it starts");
        let forged = Uuid::new_v4().to_string();
        let long = format!("{}{}", sql_call("SELECT 2"), " ".repeat(5_000));
        let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}});
        let mut bodies = vec![sql_call("SELECT 1").to_string(), long, unknown.to_string()];
        bodies.push("{".to_owned());
        for body in bodies {
            let request = host.post(&key).header("content-type", "application/json");
            let request = request.header("host", "zava.example.com").body(body);
            let request = request.header("X-Azure-Functions-InvocationId", &forged);
            request.send().await.expect("an answer");
        }
        let anonymous = host.client.post(host.url("/mcp"));
        let anonymous = anonymous.header("X-Azure-Functions-InvocationId", &forged);
        anonymous.send().await.expect("an answer");
        let invocations = host.invocations();
        assert_eq!(invocations.len(), 5);
        for invocation in invocations {
            let attribute = format!("faas.invocation_id={invocation}");
            eventually("an audit line names the invocation", async || {
                let log = host.log();
                let named = log.lines().filter(|line| line.contains(&attribute));
                named.filter(|line| line.contains("zava::audit")).count() == 1
            })
            .await;
        }
        assert!(!host.log().contains(&forged));
    }
}

/// Elsewhere the header is anybody's.
#[tokio::test]
async fn invocation_header_is_ignored_without_the_functions_host() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings(&database.name));
    let mut server = command.env("ZAVA_LOG", "trace").spawn().expect("it starts");
    let mut log = BufReader::new(server.stderr.take().expect("its log")).lines();
    let forged = Uuid::new_v4().to_string();
    let mut url = None;
    let reading = async {
        loop {
            let line = log.next_line().await.expect("text").expect("a line more");
            assert!(
                !line.contains("invocation") && !line.contains(&forged),
                "{line}"
            );
            if url.is_none()
                && let Some((_, rest)) = line.split_once("address=")
            {
                let address = rest.split_whitespace().next().expect("an address");
                let listening = format!("http://{address}/mcp");
                let request = http().post(&listening).json(&sql_call("SELECT 1"));
                let request = request.header("x-rls-user-id", SEATTLE);
                let request = request.header("X-Azure-Functions-InvocationId", &forged);
                let response = request.send().await.expect("an answer");
                assert_eq!(response.status(), StatusCode::OK);
                url = Some(listening);
            }
            if line.contains("zava::audit") {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), reading)
        .await
        .expect("an audit line");
}

/// Function keys are secrets of the platform, which a client may send although this app needs none.
#[tokio::test]
async fn function_keys_never_reach_the_log() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    // At level `trace`, which the app settings of these tests set.
    let host = start(&database, &[]).await.expect("it starts");
    let target = |path: &str| format!("{path}?code={FUNCTION_KEY}&clientId=default");
    let mut statuses = Vec::new();
    for (method, path, credential, body) in [
        (
            Method::POST,
            "/mcp",
            Some(key.as_str()),
            sql_call("SELECT 1"),
        ),
        (Method::POST, "/mcp", Some(key.as_str()), sql_call("SELEC")),
        (Method::POST, "/mcp", Some(key.as_str()), json!([])),
        (
            Method::POST,
            "/mcp",
            Some(FUNCTION_KEY),
            sql_call("SELECT 1"),
        ),
        (Method::POST, "/mcp", None, sql_call("SELECT 1")),
        (Method::GET, "/mcp", None, Value::Null),
        (Method::OPTIONS, "/mcp", None, Value::Null),
        (Method::POST, "/nothing", None, Value::Null),
        (
            Method::GET,
            "/health/details",
            Some(FUNCTION_KEY),
            Value::Null,
        ),
        (Method::GET, "/health/ready", None, Value::Null),
    ] {
        let request = host.client.request(method, host.url(&target(path)));
        let request = request.header("x-functions-key", FUNCTION_KEY).json(&body);
        let request = match credential {
            Some(credential) => request.bearer_auth(credential),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        statuses.push(response.status().as_u16());
        let text = response.text().await.expect("text");
        assert!(!text.contains(FUNCTION_KEY), "{text}");
    }
    assert_eq!(statuses, [200, 200, 400, 401, 401, 405, 200, 404, 401, 200]);
    // Malformed requests, some of which hyper rejects by itself.
    for request in [
        format!(
            "GET {} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
            target("/mcp")
        ),
        format!(
            "BREW {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            target("/mcp")
        ),
        format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nx-functions-key : {FUNCTION_KEY}\r\n\r\n",
            target("/mcp")
        ),
    ] {
        for address in [host.address, ([127, 0, 0, 1], host.worker.port).into()] {
            let answered = super::status_line(address, &request).await;
            assert!(answered.starts_with("HTTP/1.1 4"), "{answered}");
        }
    }
    // The log is written in order: the line of a last call is behind all others.
    host.rows(&key, "SELECT 2").await;
    let last = host.invocations().pop().expect("the last call");
    eventually("the last line is written", async || {
        host.log().contains(&format!("{last}"))
    })
    .await;
    let log = host.log();
    assert!(log.contains("DEBUG") || log.contains("TRACE"), "{log}");
    assert!(!log.contains(&FUNCTION_KEY[..20]), "{log}");
}
