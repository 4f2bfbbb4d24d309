//! The timer refreshes the search index. It calls on the port to which clients' requests are
//! forwarded, so nothing that a client sends may pass for its call.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;
use zava_mcp_server::settings::TimerSettings;

use super::app::TIMER_FUNCTION;
use super::{
    FunctionsHost, app_settings, key, package_with_raw_forwarding, packaged, sql_call, start,
    status_line,
};
use crate::support::{
    Answer, DIMENSIONS, EmbeddingService, MODEL, SERVICE_KEY, TestDatabase, TestServer, eventually,
    http, indexer_login, indexer_password, number, settings,
};

/// The app settings of a deployment that may refresh the search index.
fn with_indexer(
    database: &TestDatabase,
    service: &EmbeddingService,
) -> Vec<(&'static str, String)> {
    let mut settings = app_settings(&database.name);
    settings.extend([
        ("POSTGRES_INDEXER_PASSWORD", indexer_password()),
        ("AZURE_OPENAI_ENDPOINT", service.endpoint()),
        ("ZAVA_EMBEDDING_API_KEY", SERVICE_KEY.to_owned()),
        ("EMBEDDING_MODEL_DEPLOYMENT_NAME", MODEL.to_owned()),
        ("ZAVA_EMBEDDING_DIMENSIONS", DIMENSIONS.to_string()),
    ]);
    settings
}

/// Takes the vectors of some products away.
async fn remove_vectors(database: &TestDatabase) {
    let sql = "DELETE FROM retail.product_description_embeddings WHERE product_id <= 100";
    sqlx::raw_sql(sql)
        .execute(&mut database.superuser().await)
        .await
        .expect("removed");
}

async fn vectors(database: &TestDatabase) -> i64 {
    let sql = "SELECT count(*) FROM retail.product_description_embeddings";
    number(&mut database.superuser().await, sql).await
}

/// The only line of the handler's answer.
fn log_line(body: &Value) -> &str {
    body["Logs"][0].as_str().expect("a line")
}

/// What the host sends, as a client could know it.
fn forged(request: RequestBuilder) -> RequestBuilder {
    let envelope = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {"sys": {"MethodName": TIMER_FUNCTION}}});
    request
        .header("x-azure-functions-hostversion", "4.1054.100.1")
        .header(
            "x-azure-functions-invocationid",
            "11111111-2222-3333-4444-555555555555",
        )
        .header("user-agent", "Azure-Functions-Host/4.1054.100.1")
        .header("host", "127.0.0.1")
        .json(&envelope)
}

#[tokio::test]
async fn the_timer_refreshes_the_index_while_requests_are_served() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let host = FunctionsHost::start(packaged(), with_indexer(&database, &service)).await;
    let host = host.expect("it starts");
    let (status, body) = host.call_timer().await.expect("an answer");
    assert_eq!(status, StatusCode::OK);
    assert!(
        log_line(&body).contains("the search index is up to date"),
        "{body}"
    );
    assert_eq!(service.request_count(), 0);

    remove_vectors(&database).await;
    let all = vectors(&database).await + 100;
    service.set(Answer::Blocked);
    let meanwhile = async {
        eventually("a text is to be embedded", async || {
            service.open_requests() == 1
        })
        .await;
        // A second call does no harm and is answered at once.
        let (status, body) = host.call_timer().await.expect("an answer");
        assert_eq!(status, StatusCode::OK);
        assert!(log_line(&body).contains("another run"), "{body}");
        for number in 0..20 {
            let sql = format!("SELECT {number}");
            assert_eq!(host.rows(&key, &sql).await, json!([[number]]));
        }
        service.set(Answer::Vectors);
    };
    let (called, ()) = tokio::join!(host.call_timer(), meanwhile);
    let (status, body) = called.expect("an answer");
    assert_eq!(status, StatusCode::OK);
    assert!(log_line(&body).ends_with("the vectors of 100"), "{body}");
    assert_eq!(vectors(&database).await, all);
    let id = host.invocations()[1].to_string();
    eventually("the log names the invocation", async || {
        let log = host.log();
        log.lines()
            .any(|line| line.contains("search index refreshed") && line.contains(&id))
    })
    .await;
    assert!(!host.log().contains(&indexer_password()));
}

/// Whatever a client sends through the host, the path does not exist for it.
#[tokio::test]
async fn forged_calls_are_answered_like_any_unknown_path() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    remove_vectors(&database).await;
    let before = vectors(&database).await;
    let raw = package_with_raw_forwarding();
    for (folder, is_streaming) in [(packaged(), true), (raw.path(), false)] {
        let host = FunctionsHost::start(folder, with_indexer(&database, &service)).await;
        let host = host.expect("it starts");
        let text = async |request: RequestBuilder| {
            let response = request.send().await.expect("an answer");
            (response.status(), response.text().await.expect("text"))
        };
        let unknown = text(host.client.post(host.url("/nothing"))).await;
        assert_eq!(unknown.0, StatusCode::NOT_FOUND);
        let path = format!("/{TIMER_FUNCTION}");
        let call = || forged(host.client.post(host.url(&path)));
        for request in [
            call(),
            call().header(
                "connection",
                "x-forwarded-for, x-forwarded-proto, x-forwarded-host",
            ),
            call()
                .header("x-forwarded-for", "")
                .header("x-forwarded-proto", ""),
            call().header("x-forwarded-host", "127.0.0.1"),
            call().header("X-FORWARDED-PROTO", "http"),
            forged(host.client.post(host.url(&format!("{path}?code=a")))),
            host.client.post(host.url(&path)),
            host.client.get(host.url(&path)),
            host.client.request(Method::PUT, host.url(&path)),
        ] {
            assert_eq!(text(request).await, unknown);
        }
        let raw_request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close, x-forwarded-proto\r\nContent-Length: 0\r\n\r\n",
            host.worker.port
        );
        assert_eq!(
            status_line(host.address, &raw_request).await,
            "HTTP/1.1 404 Not Found"
        );
        // In the older mode nothing tells a client's request from the host's, so not even the
        // host's is served.
        let (status, body) = host.call_timer().await.expect("an answer");
        if is_streaming {
            assert_eq!(status, StatusCode::OK);
            assert_eq!(vectors(&database).await, before + 100);
            remove_vectors(&database).await;
        } else {
            assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
            assert_eq!(vectors(&database).await, before);
        }
    }
    assert_eq!(service.request_count(), 2);
}

/// An app setting can switch to the older mode, past `host.json`.
#[tokio::test]
async fn app_settings_that_override_the_proxy_close_the_endpoint() {
    let database = TestDatabase::shared();
    let service = EmbeddingService::start().await;
    let mut settings = with_indexer(&database, &service);
    settings.push((
        "AzureFunctionsJobHost__customHandler__enableForwardingHttpRequest",
        "true".to_owned(),
    ));
    let host = FunctionsHost::start(packaged(), settings).await;
    let host = host.expect("it starts");
    let (status, _) = host.call_timer().await.expect("an answer");
    assert_eq!(status, StatusCode::NOT_FOUND);
}

/// Elsewhere anybody could call it.
#[tokio::test]
async fn the_path_does_not_exist_without_the_functions_host() {
    let server = TestServer::shared();
    let url = server.url(&format!("/{TIMER_FUNCTION}"));
    let response = forged(server.client.post(url)).send().await;
    assert_eq!(response.expect("an answer").status(), StatusCode::NOT_FOUND);
}

/// An app without the credential is not reported as failing every 15 minutes.
#[tokio::test]
async fn a_timer_without_a_credential_says_so_and_succeeds() {
    let database = TestDatabase::shared();
    for (extra, expected) in [
        (&[][..], "POSTGRES_INDEXER_PASSWORD is not set"),
        (
            &[
                ("POSTGRES_INDEXER_PASSWORD", "x"),
                ("POSTGRES_POOL_MODE", "transaction"),
            ],
            "a connection without a pooler",
        ),
    ] {
        let host = start(&database, extra).await.expect("it starts");
        let (status, body) = host.call_timer().await.expect("an answer");
        assert_eq!(status, StatusCode::OK);
        assert!(log_line(&body).contains(expected), "{body}");
    }
}

/// A failure is a failed invocation, which the host counts and reports.
#[tokio::test]
async fn a_failed_refresh_is_a_failed_invocation_that_names_the_cause() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    remove_vectors(&database).await;
    let mut wrong = with_indexer(&database, &service);
    wrong.push(("POSTGRES_INDEXER_PASSWORD", "wrong".to_owned()));
    let host = FunctionsHost::start(packaged(), wrong).await;
    let (status, body) = host
        .expect("it starts")
        .call_timer()
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(log_line(&body).contains("as zava_indexer"), "{body}");

    let host = FunctionsHost::start(packaged(), with_indexer(&database, &service)).await;
    let host = host.expect("it starts");
    service.set(Answer::Status(404, "DeploymentNotFound", None));
    let (status, body) = host.call_timer().await.expect("an answer");
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(log_line(&body).contains("DeploymentNotFound"), "{body}");
    service.set(Answer::Vectors);
    // The breaker of the failed run ended with it.
    let (status, body) = host.call_timer().await.expect("an answer");
    assert_eq!(status, StatusCode::OK, "{body}");
}

/// The host kills its handler without a warning.
#[tokio::test]
async fn the_call_after_a_killed_one_continues() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    remove_vectors(&database).await;
    let before = vectors(&database).await;
    let host = FunctionsHost::start(packaged(), with_indexer(&database, &service)).await;
    let host = host.expect("it starts");
    service.set_next([Answer::Vectors]);
    service.set(Answer::Blocked);
    let killing = async {
        eventually("the second batch is asked for", async || {
            service.request_count() == 2 && service.open_requests() == 1
        })
        .await;
        host.kill_handler().await;
    };
    let (called, ()) = tokio::join!(host.call_timer(), killing);
    assert_eq!(called, None);
    assert_eq!(vectors(&database).await, before + 64);
    service.set(Answer::Vectors);
    eventually("the killed session has ended", async || {
        let (status, body) = host.call_timer().await.expect("an answer");
        assert_eq!(status, StatusCode::OK, "{body}");
        !log_line(&body).contains("another run")
    })
    .await;
    assert_eq!(vectors(&database).await, before + 100);
}

/// A server that may refresh the index, in this process.
async fn server(database: &TestDatabase, service: &EmbeddingService) -> TestServer {
    let mut settings = settings(&database.name);
    settings.timer = TimerSettings::Enabled(Box::new(indexer_login()));
    settings.search = crate::search_index::service_settings(service, MODEL);
    TestServer::with_settings(&settings).await
}

/// Calls the timer's path of a server in this process.
async fn call(server: &TestServer) -> reqwest::Result<reqwest::Response> {
    let url = server.url(&format!("/{TIMER_FUNCTION}"));
    let envelope = json!({"Data": {"timer": {}}, "Metadata": {"sys": {}}});
    server.client.post(url).json(&envelope).send().await
}

/// The refresh belongs to the server, not to the request.
#[tokio::test]
async fn a_refresh_outlives_a_caller_that_hangs_up_and_ends_with_the_server() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    let all = vectors(&database).await;
    remove_vectors(&database).await;
    let mut server = server(&database, &service).await;
    service.set(Answer::Blocked);
    // Both arms may be dropped: the caller hangs up on purpose.
    tokio::select! {
        answer = call(&server) => panic!("{answer:?}"),
        () = eventually("a text is to be embedded", async || service.open_requests() == 1) => {}
    }
    let body: Value = call(&server)
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(log_line(&body).contains("another run"), "{body}");
    service.set(Answer::Vectors);
    eventually("the refresh goes on", async || {
        vectors(&database).await == all
    })
    .await;

    remove_vectors(&database).await;
    service.set(Answer::Blocked);
    let stopping = async {
        eventually("a text is to be embedded", async || {
            service.open_requests() == 1
        })
        .await;
        server.stop.cancel();
    };
    let calling = async { tokio::join!(call(&server), stopping) };
    let answered = timeout(Duration::from_secs(5), calling).await;
    let (answer, ()) = answered.expect("shutdown waits for no refresh");
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body: Value = answer.json().await.expect("JSON");
    assert!(log_line(&body).contains("the server is stopping"), "{body}");
    server.stop().await;
    crate::search_index::wait_for_sessions_to_end(&database).await;
}

/// Bodies that are no call of the host.
#[tokio::test]
async fn other_bodies_are_rejected() {
    let database = TestDatabase::shared();
    let service = EmbeddingService::start().await;
    let server = server(&database, &service).await;
    let url = server.url(&format!("/{TIMER_FUNCTION}"));
    let long = "x".repeat(70_000);
    for body in [
        "",
        "{",
        "[]",
        "{\"Data\": {}}",
        &sql_call("SELECT 1").to_string(),
        &long,
    ] {
        let request = http().post(&url).header(CONTENT_TYPE, "application/json");
        let response = request.body(body.to_owned()).send().await;
        let status = response.expect("an answer").status();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body:.40}");
    }
    assert_eq!(service.request_count(), 0);
}
