//! Embeddings by a service that speaks the protocol of OpenAI, over a stand-in on a real socket:
//! what a client sees when the service fails, and that it recovers.
mod commands; // what an operator reads
mod outages; // rate limits, retries, the circuit breaker

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use url::Url;
use zava_mcp_server::settings::{EmbedderSettings, OpenAiAuth, OpenAiSettings};

use crate::support::{
    Answer, DIMENSIONS, EmbeddingService, MODEL, REDMOND, SEATTLE, SERVICE_KEY, TestServer,
    ToolAnswer, eventually,
};

const DESCRIPTION: &str = "waterproof outdoor paint";

/// What a client reads that searches by meaning only while the service is away: the outage, and
/// what to do instead.
const OUTAGE: &str = "search by meaning is unavailable: the embedding service gives no answer at the moment; use mode \"hybrid\" or \"keyword\"";

/// Settings for a service with a key.
fn with_key(url: Url) -> OpenAiSettings {
    OpenAiSettings {
        url,
        auth: OpenAiAuth::AzureKey(SERVICE_KEY.to_owned().into()),
        model: MODEL.to_owned(),
        dimensions: DIMENSIONS,
    }
}

/// A server over the shared database that embeds by a service.
async fn server_with(openai: OpenAiSettings) -> TestServer {
    TestServer::over_shared_database(|settings| {
        settings.search.embedder = Some(EmbedderSettings::OpenAi(openai.into()));
    })
    .await
}

/// A server with a stand-in.
async fn start() -> (EmbeddingService, TestServer) {
    let service = EmbeddingService::start().await;
    let server = server_with(with_key(service.url("/openai/v1/embeddings"))).await;
    (service, server)
}

/// Searches by meaning only.
async fn search(server: &TestServer, tenant: &str, description: &str) -> ToolAnswer {
    let arguments = json!({"query_description": description, "max_rows": 5, "mode": "semantic"});
    server
        .call(tenant, "semantic_search_products", arguments)
        .await
}

#[track_caller]
fn rows(answer: ToolAnswer) -> Value {
    assert!(!answer.is_error, "{}", answer.text);
    assert!(answer.structured["n"].as_i64() > Some(0), "{}", answer.text);
    answer.structured
}

#[tokio::test]
async fn searches_like_the_static_model_by_vectors_of_a_service() {
    let (service, server) = start().await;
    let expected = rows(search(&TestServer::shared(), SEATTLE, DESCRIPTION).await);
    assert_eq!(rows(search(&server, SEATTLE, DESCRIPTION).await), expected);
    let requests = service.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/openai/v1/embeddings");
    let body = json!({
        "input": [DESCRIPTION],
        "model": MODEL,
        "dimensions": DIMENSIONS,
        "encoding_format": "base64",
    });
    assert_eq!(requests[0].body, body);
}

#[tokio::test]
async fn a_service_with_bearer_keys_is_used_at_its_own_path() {
    let service = EmbeddingService::with_tokens(None, |token| token == SERVICE_KEY).await;
    let url = service.url("/openai/deployments/d/embeddings?api-version=2024-10-21");
    let auth = OpenAiAuth::BearerKey(SERVICE_KEY.to_owned().into());
    let openai = OpenAiSettings {
        auth,
        ..with_key(url.clone())
    };
    let server = server_with(openai).await;
    rows(search(&server, SEATTLE, DESCRIPTION).await);
    let path = format!("{}?{}", url.path(), url.query().expect("a query"));
    assert_eq!(service.received()[0].path, path);
}

#[tokio::test]
async fn one_request_serves_all_who_search_for_the_same() {
    let (service, server) = start().await;
    service.set(Answer::Blocked);
    let searches = (0..8).map(|number| {
        let tenant = if number % 2 == 0 { SEATTLE } else { REDMOND };
        // The same words.
        let description = DESCRIPTION.replace(' ', &" ".repeat(number + 1));
        let server = &server;
        async move { rows(search(server, tenant, &description).await) }
    });
    let answering = async {
        eventually("the service is asked", async || service.request_count() > 0).await;
        service.set(Answer::Vectors);
    };
    let (found, ()) = tokio::join!(join_all(searches), answering);
    assert!(
        found.iter().all(|one| one["r"] == found[0]["r"]),
        "{found:?}"
    );
    // Those that came after the answer have found it in the cache.
    assert_eq!(service.request_count(), 1);
}

/// A client that gives up ends its request, and the next search for the same makes another.
#[tokio::test]
async fn a_search_that_is_given_up_leaves_nothing_behind() {
    let (service, server) = start().await;
    service.set(Answer::Blocked);
    let is_asked = eventually("the service is asked", async || {
        service.request_count() == 1
    });
    tokio::select! {
        answer = search(&server, SEATTLE, DESCRIPTION) => panic!("{answer:?}"),
        () = is_asked => {}
    }
    eventually("the request is cancelled", async || {
        service.open_requests() == 0
    })
    .await;
    service.set(Answer::Vectors);
    rows(search(&server, SEATTLE, DESCRIPTION).await);
    assert_eq!(service.request_count(), 2);
}

#[tokio::test]
async fn long_descriptions_are_cut_and_empty_ones_are_not_sent() {
    let (service, server) = start().await;
    let description = "paint ".repeat(10_000);
    rows(search(&server, SEATTLE, &description).await);
    let sent = service.received()[0].body["input"][0].clone();
    let sent = sent.as_str().expect("a text");
    assert!((2000..=2048).contains(&sent.len()), "{}", sent.len());
    let answer = search(&server, SEATTLE, " \n ").await;
    assert!(
        answer.error().contains("has no words to search for"),
        "{answer:?}"
    );
    assert_eq!(service.request_count(), 1);
}

/// The stored vectors are of another model, or have another length.
#[tokio::test]
async fn vectors_that_do_not_compare_are_an_error_and_not_an_empty_result() {
    let service = EmbeddingService::start().await;
    let url = service.url("/openai/v1/embeddings");
    for openai in [
        OpenAiSettings {
            dimensions: 1536,
            ..with_key(url.clone())
        },
        OpenAiSettings {
            model: "text-embedding-3-small".to_owned(),
            ..with_key(url.clone())
        },
    ] {
        let server = server_with(openai).await;
        let answer = search(&server, SEATTLE, DESCRIPTION).await;
        let error = answer.error();
        assert!(
            error.contains("no vectors of this server's embedding model"),
            "{error}"
        );
        assert!(error.contains("use mode"), "{error}");
    }
}

/// A text that the service's filter rejects is the client's affair: it is neither repeated nor an
/// outage.
#[tokio::test]
async fn a_text_that_the_service_rejects_concerns_its_author_alone() {
    let (service, server) = start().await;
    service.set_next((0..6).map(|_| Answer::Status(400, "content_filter", None)));
    for number in 0..6 {
        let answer = search(&server, SEATTLE, &format!("rejected {number}")).await;
        let error = answer.error();
        assert!(
            error.contains("the embedding service does not accept the text"),
            "{error}"
        );
    }
    assert_eq!(service.request_count(), 6);
    rows(search(&server, REDMOND, DESCRIPTION).await);
}

/// Each way to fail, and how many requests one search makes. The client sees the same each time;
/// the search after the failure succeeds.
#[tokio::test]
async fn a_failing_service_is_an_outage_that_ends_with_the_failure() {
    for (answer, requests) in [
        (Answer::Status(500, "", None), 3),
        (Answer::Status(503, "", Some(("retry-after-ms", "10"))), 3),
        (Answer::Status(408, "", None), 3),
        (Answer::Cut, 3),
        (Answer::Status(503, "", Some(("retry-after", "60"))), 1),
        (
            Answer::Status(302, "", Some(("location", "https://localhost/login"))),
            1,
        ),
        (Answer::Status(400, "BadRequest", None), 1),
        (Answer::Status(401, "PermissionDenied", None), 1),
        (Answer::Status(403, "AccessDenied", None), 1),
        (Answer::Status(404, "DeploymentNotFound", None), 1),
        (Answer::Text("<html>a login page</html>"), 1),
        (Answer::Text("{}"), 1),
        (Answer::OneVectorMore, 1),
        (Answer::OneNumberMore, 1),
        (Answer::NotANumber, 1),
        (Answer::Endless, 1),
    ] {
        let (service, server) = start().await;
        service.set(answer.clone());
        let failed = search(&server, SEATTLE, DESCRIPTION).await;
        assert!(
            failed.error().starts_with(OUTAGE),
            "{answer:?}: {}",
            failed.text
        );
        for internal in [
            "localhost",
            "127.0.0.1",
            "status",
            "api-key",
            "openai",
            "retry",
        ] {
            assert!(
                !failed.text.contains(internal),
                "{internal}: {}",
                failed.text
            );
        }
        assert_eq!(service.request_count(), requests, "{answer:?}");
        service.set(Answer::Vectors);
        rows(search(&server, SEATTLE, DESCRIPTION).await);
        // The other tools do not notice.
        assert!(
            server
                .number(SEATTLE, "SELECT count(*) FROM retail.orders")
                .await
                > 0
        );
    }
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_an_outage_within_seconds() {
    let (service, server) = start().await;
    service.set(Answer::Blocked);
    let begun = tokio::time::Instant::now();
    let failed = search(&server, SEATTLE, DESCRIPTION).await;
    let took = begun.elapsed();
    assert!(failed.error().starts_with(OUTAGE), "{}", failed.text);
    let expected = Duration::from_secs(4)..Duration::from_secs(6);
    assert!(expected.contains(&took), "{took:?}");
    service.set(Answer::Vectors);
    rows(search(&server, SEATTLE, DESCRIPTION).await);
}

/// A search by words and meaning has rows while the service is away, and says what is missing.
#[tokio::test]
async fn words_are_found_while_the_service_is_away() {
    let (service, server) = start().await;
    let arguments = json!({"query_description": "claw hammer", "max_rows": 3});
    let call = async || {
        let arguments = arguments.clone();
        let answer = server
            .call(SEATTLE, "semantic_search_products", arguments)
            .await;
        rows(answer).to_string()
    };
    service.set(Answer::Status(500, "", None));
    let without = call().await;
    assert!(without.contains("Claw Hammer"), "{without}");
    let note = "found by words only, because the embedding service gives no answer at the moment";
    assert!(without.contains(note), "{without}");
    service.set(Answer::Vectors);
    let with = call().await;
    assert!(with.contains("Claw Hammer"), "{with}");
    assert!(!with.contains("found by words only"), "{with}");
}

#[tokio::test]
async fn nobody_listens() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = closed.local_addr().expect("its address");
    drop(closed);
    let url = format!("http://{address}/openai/v1/embeddings");
    let server = server_with(with_key(Url::parse(&url).expect("a URL"))).await;
    let failed = search(&server, SEATTLE, DESCRIPTION).await;
    assert!(failed.error().starts_with(OUTAGE), "{}", failed.text);
}

/// The service has one quota for all tenants.
#[tokio::test]
async fn a_tenant_that_searches_too_often_is_refused_and_others_are_not() {
    let (service, server) = start().await;
    let mut answered = 0;
    let refusal = loop {
        let answer = search(&server, SEATTLE, DESCRIPTION).await;
        if answer.is_error {
            break answer;
        }
        answered += 1;
        assert!(answered < 1000, "the limit is reached");
    };
    assert!(answered >= 120, "{answered}");
    let expected = "search by meaning is unavailable: the limit of 120 such searches per minute";
    assert!(refusal.error().starts_with(expected), "{}", refusal.text);
    // Words are searched on.
    let arguments = json!({"query_description": DESCRIPTION});
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    let found = rows(answer).to_string();
    assert!(found.contains("found by words only"), "{found}");
    rows(search(&server, REDMOND, DESCRIPTION).await);
    assert_eq!(service.request_count(), 1);
}
