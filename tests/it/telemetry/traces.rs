//! The spans of a call: HTTP, MCP, database.

use serde_json::{Value, json};

use super::{Endpoint, data, named, tag};
use crate::support::{REDMOND, SEATTLE, TestServer};

const CALL: &str = "tools/call execute_sales_query";

/// Calls `execute_sales_query` with these headers and `_meta`.
async fn call(
    server: &TestServer,
    tenant: &str,
    sql: &str,
    traceparent: Option<&str>,
    meta: Option<&str>,
) -> Value {
    let mut params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql}});
    if let Some(meta) = meta {
        params["_meta"] = json!({ "traceparent": meta });
    }
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params});
    let mut request = server.post().header("x-rls-user-id", tenant).json(&body);
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.json().await.expect("JSON")
}

#[tokio::test]
async fn a_call_is_traced_from_http_to_the_database_without_its_text() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    let sql = "SELECT count(*) AS \"a private alias\" FROM retail.orders AS o \
               JOIN retail.customers AS c ON c.customer_id = o.customer_id \
               WHERE c.last_name <> 'a private literal'";
    let trace = |number: u8| format!("0af7651916cd43dd8448eb211c8031{number:02x}");
    for (number, tenant) in [(1, SEATTLE), (2, REDMOND)] {
        let traceparent = format!("00-{}-b7ad6b7169203331-01", trace(number));
        let answer = call(&server, tenant, sql, Some(&traceparent), None).await;
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
    let items = endpoint
        .ingestion
        .wait_for("the spans of both calls", |items| {
            named(items, "POST /mcp").len() == 2
        })
        .await;
    for (number, tenant) in [(1, SEATTLE), (2, REDMOND)] {
        let of_trace = |name: &str| {
            let items = named(&items, name);
            let mut items = items
                .into_iter()
                .filter(|item| tag(item, "ai.operation.id") == trace(number));
            let item = items.next().unwrap_or_else(|| panic!("{name}"));
            assert!(items.next().is_none(), "one {name}");
            item
        };
        let http = of_trace("POST /mcp");
        assert_eq!(tag(http, "ai.operation.parentId"), "b7ad6b7169203331");
        assert_eq!(tag(http, "ai.cloud.role"), "zava-test");
        assert_eq!(data(http, &["responseCode"]), "200");
        let mcp = of_trace(CALL);
        assert_eq!(tag(mcp, "ai.operation.parentId"), data(http, &["id"]));
        for (name, expected) in [
            ("mcp.method.name", "tools/call"),
            ("gen_ai.tool.name", "execute_sales_query"),
            ("gen_ai.operation.name", "execute_tool"),
            ("jsonrpc.request.id", "7"),
            ("network.transport", "tcp"),
            ("zava.tenant", tenant),
            ("zava.decision", "allowed"),
            ("zava.result.rows", "1"),
        ] {
            assert_eq!(data(mcp, &["properties", name]), expected, "{name}");
        }
        let waited: f64 = data(mcp, &["properties", "zava.wait.database"])
            .parse()
            .expect("seconds");
        assert!(waited > 0.0 && waited < 20.0, "{waited}");
        let query = of_trace("SELECT retail.orders retail.customers");
        assert_eq!(tag(query, "ai.operation.parentId"), data(mcp, &["id"]));
        assert_eq!(data(query, &["type"]), "postgresql");
        assert_eq!(query["data"]["baseData"]["success"], true);
        let fingerprint = data(query, &["properties", "zava.query.fingerprint"]);
        assert_eq!(fingerprint.len(), 16, "{fingerprint}");
    }
    let recorded = Value::from(items).to_string();
    for private in ["private", "last_name", "count(*)", "JOIN", "result_bytes"] {
        assert!(!recorded.contains(private), "{private}");
    }
}

#[tokio::test]
async fn the_parent_in_meta_wins_and_the_http_span_is_linked() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let meta = "00-1bf7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    call(&server, SEATTLE, "SELECT 1", Some(header), Some(meta)).await;
    let items = endpoint
        .ingestion
        .wait_for("the spans", |items| !named(items, "POST /mcp").is_empty())
        .await;
    let http = named(&items, "POST /mcp")[0];
    let mcp = named(&items, CALL)[0];
    assert_eq!(tag(http, "ai.operation.id"), &header[3..35]);
    assert_eq!(tag(mcp, "ai.operation.id"), &meta[3..35]);
    assert_eq!(tag(mcp, "ai.operation.parentId"), "00f067aa0ba902b7");
    let links = data(mcp, &["properties", "_MS.links"]);
    assert!(links.contains(data(http, &["id"])), "{links}");
    // Without a link's trace, the rest of the call follows the client's.
    let query = named(&items, "SELECT")[0];
    assert_eq!(tag(query, "ai.operation.id"), &meta[3..35]);
}

#[tokio::test]
async fn sampling_keeps_errors_and_what_a_client_has_sampled() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| {
        endpoint.connect(settings);
        settings.telemetry.sample_ratio = 0.0;
    })
    .await;
    let unsampled = "00-0af7651916cd43dd8448eb211c80319a-b7ad6b7169203331-00";
    let sampled = "00-0af7651916cd43dd8448eb211c80319b-b7ad6b7169203331-01";
    for _ in 0..5 {
        call(&server, SEATTLE, "SELECT 1", Some(unsampled), None).await;
        call(&server, SEATTLE, "SELECT 2", None, None).await;
    }
    let refused = call(&server, SEATTLE, "SELECT pg_sleep(1)", None, None).await;
    assert_eq!(refused["result"]["isError"], true);
    let failed = call(&server, SEATTLE, "SELECT 1 / 0", Some(unsampled), None).await;
    assert_eq!(failed["result"]["isError"], true);
    call(&server, SEATTLE, "SELECT 3", Some(sampled), None).await;
    let items = endpoint
        .ingestion
        .wait_for("three traces", |items| named(items, "POST /mcp").len() == 3)
        .await;
    let calls = named(&items, CALL);
    let reasons: Vec<_> = calls
        .iter()
        .map(|call| data(call, &["properties", "zava.decision.reason"]))
        .collect();
    assert_eq!(reasons, ["function", "SQLSTATE 22012", ""]);
    let failed_query = named(&items, "SELECT");
    let failed_query = failed_query
        .iter()
        .find(|item| data(item, &["properties", "error.type"]) == "22012");
    let failed_query = failed_query.expect("the failed statement");
    assert_eq!(failed_query["data"]["baseData"]["success"], false);
    let property = ["properties", "db.response.status_code"];
    assert_eq!(data(failed_query, &property), "22012");
}

#[tokio::test]
async fn rejected_requests_are_traced_and_successful_probes_are_not() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    let probe = server.client.get(server.url("/health/ready")).send().await;
    assert_eq!(probe.expect("an answer").status(), 200);
    let rejected = server.post().body("{}").send().await.expect("an answer");
    assert_eq!(rejected.status(), 400, "no tenant");
    let unknown = server.client.get(server.url("/a/secret/path")).send().await;
    assert_eq!(unknown.expect("an answer").status(), 404);
    let items = endpoint
        .ingestion
        .wait_for("two traces", |items| {
            !named(items, "GET").is_empty() && !named(items, "POST /mcp").is_empty()
        })
        .await;
    let rejected = named(&items, "POST /mcp")[0];
    assert_eq!(data(rejected, &["responseCode"]), "400");
    assert_eq!(data(rejected, &["properties", "zava.decision"]), "refused");
    assert_eq!(data(named(&items, "GET")[0], &["responseCode"]), "404");
    let recorded = Value::from(items).to_string();
    assert!(!recorded.contains("/health"), "{recorded}");
    assert!(!recorded.contains("secret"), "{recorded}");
}

#[tokio::test]
async fn a_search_tells_how_long_it_waited_for_the_vector() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    let arguments = json!({"query_description": "a private description"});
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    let items = endpoint
        .ingestion
        .wait_for("the spans", |items| !named(items, "POST /mcp").is_empty())
        .await;
    let call = named(&items, "tools/call semantic_search_products")[0];
    for wait in ["zava.wait.embedding", "zava.wait.database"] {
        let seconds: f64 = data(call, &["properties", wait]).parse().expect(wait);
        assert!(seconds > 0.0 && seconds < 20.0, "{wait}: {seconds}");
    }
    assert!(!Value::from(items).to_string().contains("private"));
}
