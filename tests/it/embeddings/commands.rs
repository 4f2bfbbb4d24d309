//! What an operator reads: `check`, the log of `serve`, and `seed`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{DESCRIPTION, OUTAGE, rows, search, with_key};
use crate::command_line::{self, binary, with_database};
use crate::support::{
    Answer, DIMENSIONS, EmbeddingService, MODEL, SEATTLE, SERVICE_KEY, TestDatabase, TestServer,
    admin_password, http, number, settings,
};
use zava_mcp_server::settings::{EmbedderSettings, OpenAiAuth, OpenAiSettings};

/// A command over a database that embeds by a service.
fn command(folder: &Path, service: &EmbeddingService, database: &str) -> Command {
    let mut command = binary(folder);
    with_database(&mut command, &settings(database));
    command
        .env("AZURE_OPENAI_ENDPOINT", service.endpoint())
        .env("ZAVA_EMBEDDING_API_KEY", SERVICE_KEY)
        .env("EMBEDDING_MODEL_DEPLOYMENT_NAME", MODEL)
        .env("ZAVA_EMBEDDING_DIMENSIONS", DIMENSIONS.to_string());
    command
}

/// Runs a command; returns its exit code and what it has written, which contains no secret.
async fn run(command: Command) -> (Option<i32>, String) {
    let (code, text) = command_line::run(command).await;
    for secret in [SERVICE_KEY, "a quoted text"] {
        assert!(!text.contains(secret), "{text}");
    }
    (code, text)
}

/// How the service answers, and what `check` says about it.
#[tokio::test]
async fn check_says_what_to_do_about_each_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let database = &TestDatabase::shared().name;
    for (answer, code, expected) in [
        (
            Answer::Vectors,
            0,
            "embedding  ok (wordllama-l2-supercat-256-lowercase, 256 dimensions)",
        ),
        (
            Answer::Status(401, "PermissionDenied", None),
            1,
            "rejects the key (status 401, PermissionDenied); check ZAVA_EMBEDDING_API_KEY",
        ),
        (
            Answer::Status(403, "", None),
            1,
            "the resource's network rules (portal: Networking)",
        ),
        (
            Answer::Status(404, "DeploymentNotFound", None),
            1,
            "EMBEDDING_MODEL_DEPLOYMENT_NAME (`az cognitiveservices account deployment list`)",
        ),
        (
            Answer::Status(400, "", None),
            1,
            "that the model supports ZAVA_EMBEDDING_DIMENSIONS",
        ),
        (
            Answer::Status(302, "", None),
            1,
            "does not accept the request (status 302)",
        ),
        (
            Answer::Status(500, "", None),
            1,
            "the embedding service failed (status 500)",
        ),
        (
            Answer::Status(429, "", Some(("retry-after", "60"))),
            1,
            "raise the quota",
        ),
        (Answer::Cut, 1, "the embedding service cut the connection"),
        (
            Answer::Text("<html>"),
            1,
            "the answer is not a list of embeddings",
        ),
        (
            Answer::OneVectorMore,
            1,
            "does not have one vector for each text",
        ),
        (
            Answer::OneNumberMore,
            1,
            "the answer's vectors have 257 dimensions, and ZAVA_EMBEDDING_DIMENSIONS is 256",
        ),
        (
            Answer::NotANumber,
            1,
            "the answer's vectors have no direction",
        ),
        (Answer::Endless, 1, "the answer is longer than 12544 bytes"),
    ] {
        service.set(answer.clone());
        let mut check = command(folder.path(), &service, database);
        check.arg("check").env("ZAVA_LOG", "trace");
        let (exit, text) = run(check).await;
        assert_eq!(exit, Some(code), "{answer:?}: {text}");
        assert!(text.contains(expected), "{answer:?}: {text}");
        assert!(text.contains("database   ok"), "{text}");
    }
}

/// The log says why, once: not with every search.
#[tokio::test]
async fn the_log_tells_when_an_outage_begins_changes_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let database = &TestDatabase::shared().name;
    let mut process = command(folder.path(), &service, database)
        .arg("serve")
        .spawn()
        .expect("it starts");
    let mut log = BufReader::new(process.stderr.take().expect("its log")).lines();
    let mut line = async |part: &str| {
        let reading = async {
            loop {
                let line = log.next_line().await.expect("text").expect("a line more");
                assert!(!line.contains(SERVICE_KEY), "{line}");
                if line.contains(part) {
                    return line;
                }
            }
        };
        let reading = tokio::time::timeout(Duration::from_secs(20), reading);
        reading.await.expect("in time")
    };
    let listening = line("address=").await;
    let (_, address) = listening.split_once("address=").expect("an address");
    let url = format!(
        "http://{}/mcp",
        address.split_whitespace().next().expect("one")
    );
    let client = http();
    let search = async |description: &str| -> Value {
        let arguments = json!({"query_description": description});
        let call = json!({"name": "semantic_search_products", "arguments": arguments});
        let response = client
            .post(&url)
            .header("accept", "application/json, text/event-stream")
            .header("x-rls-user-id", SEATTLE)
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}))
            .send()
            .await;
        response.expect("an answer").json().await.expect("JSON")
    };
    service.set(Answer::Status(404, "DeploymentNotFound", None));
    for number in 0..2 {
        search(&format!("paint {number}")).await;
    }
    service.set(Answer::OneNumberMore);
    for number in 2..4 {
        search(&format!("paint {number}")).await;
    }
    service.set(Answer::Vectors);
    let found = search(DESCRIPTION).await;
    assert_eq!(found["result"]["isError"], false, "{found}");
    for expected in [
        "status 404, DeploymentNotFound",
        "the answer's vectors have 257 dimensions",
        "embedding service available again",
    ] {
        let line = line("outage_log: ").await;
        assert!(line.contains(expected), "{expected}: {line}");
    }
}

/// The products' vectors come from the service too, in batches.
#[tokio::test]
async fn seed_and_search_use_the_same_service() {
    const NAME: &str = "text-embedding-3-small";
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let database = TestDatabase::empty().await;
    let seed = |name: &str| {
        let mut command = command(folder.path(), &service, &database.name);
        command
            .env("POSTGRES_ADMIN_PASSWORD", admin_password())
            .env("EMBEDDING_MODEL_DEPLOYMENT_NAME", NAME)
            .arg(name);
        command
    };
    let (exit, text) = run(seed("migrate")).await;
    assert_eq!(exit, Some(0), "{text}");

    // A service that fails leaves the database as it is.
    service.set(Answer::Status(404, "DeploymentNotFound", None));
    let mut failing = seed("seed");
    failing.args(["--scale", "small"]);
    let (exit, text) = run(failing).await;
    assert_eq!(exit, Some(1), "{text}");
    assert!(text.contains("knows no such deployment"), "{text}");

    service.set(Answer::Vectors);
    service.set_next([Answer::Status(429, "", Some(("retry-after-ms", "10")))]);
    let before = service.request_count();
    let mut seeding = seed("seed");
    seeding.args(["--scale", "small"]);
    let (exit, text) = run(seeding).await;
    assert_eq!(exit, Some(0), "{text}");
    let texts: Vec<usize> = service.received()[before..]
        .iter()
        .map(|request| request.body["input"].as_array().expect("texts").len())
        .collect();
    // The first text finds out whether the service works, and is repeated after the 429.
    assert_eq!(texts[..2], [1, 1]);
    let products = number(
        &mut database.superuser().await,
        "SELECT count(*) FROM retail.products",
    )
    .await;
    let batches = &texts[2..];
    assert_eq!(batches.iter().sum::<usize>() as i64, products);
    assert_eq!(batches.iter().max(), Some(&64));
    assert!(batches.len() <= 10, "{batches:?}");

    // A database that an older version has loaded is indexed, and nothing else happens to it.
    let mut db = database.superuser().await;
    let emptied = sqlx::raw_sql(
        "TRUNCATE retail.product_description_embeddings, retail.product_search, retail.search_words",
    );
    emptied
        .execute(&mut db)
        .await
        .expect("the index is emptied");
    let (exit, text) = run(seed("seed")).await;
    assert_eq!(exit, Some(0), "{text}");
    assert!(text.contains("the database already holds"), "{text}");
    for table in ["product_description_embeddings", "product_search"] {
        let indexed = number(&mut db, &format!("SELECT count(*) FROM retail.{table}")).await;
        assert_eq!(indexed, products, "{table}");
    }

    let mut with_service = settings(&database.name);
    let url = service.url("/openai/v1/embeddings");
    let openai = |dimensions| OpenAiSettings {
        model: NAME.to_owned(),
        dimensions,
        ..with_key(url.clone())
    };
    with_service.search.embedder = Some(EmbedderSettings::OpenAi(openai(DIMENSIONS).into()));
    let server = TestServer::with_settings(&with_service).await;
    rows(search(&server, SEATTLE, DESCRIPTION).await);

    // The static model finds nothing to compare there.
    let server = TestServer::with_settings(&settings(&database.name)).await;
    let answer = search(&server, SEATTLE, DESCRIPTION).await;
    assert!(
        answer.error().contains("no vectors of this server's"),
        "{answer:?}"
    );
}

/// TLS: a certificate for another name, or by an unknown authority.
#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_outage() {
    let folder = tempfile::tempdir().expect("a folder");
    let acceptor = crate::support::certificate("localhost", folder.path());
    let service = EmbeddingService::with_tokens(Some(acceptor), |token| token == SERVICE_KEY).await;
    let root_cert = Some(folder.path().join("root.pem"));
    let url = service.url("/v1/embeddings");
    let mut other_name = url.clone();
    other_name.set_host(Some("127.0.0.1")).expect("a host");
    for (url, root_cert, is_trusted) in [
        (url.clone(), root_cert.clone(), true),
        (url, None, false),
        (other_name, root_cert, false),
    ] {
        let openai = OpenAiSettings {
            auth: OpenAiAuth::BearerKey(SERVICE_KEY.to_owned().into()),
            ..with_key(url)
        };
        let server = TestServer::over_shared_database(|settings| {
            settings.search.embedder = Some(EmbedderSettings::OpenAi(openai.into()));
            settings.https.root_cert = root_cert;
        })
        .await;
        let answer = search(&server, SEATTLE, DESCRIPTION).await;
        if is_trusted {
            rows(answer);
        } else {
            assert!(answer.error().starts_with(OUTAGE), "{}", answer.text);
        }
    }
    assert_eq!(service.request_count(), 1);
}
