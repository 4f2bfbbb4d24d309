use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::client::{Client, initialize, query};
use crate::support::{Lock, TestDatabase, WAITING, Watch, assert_prompt, number};

const CROSS_JOIN: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

/// All messages at once and then the end of the input, as a shell's pipe does it.
#[tokio::test]
async fn pending_calls_finish_when_stdin_closes() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut watch = Watch::on(&database).await;
    let lock = Lock::on(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.send(&initialize()).await;
    client.send(&query(2, WAITING)).await;
    // The last line does not end.
    let last = query(3, "SELECT 40 + 2").to_string();
    client.write(last.as_bytes()).await;
    client.end_input();
    assert_eq!(client.next().await.expect("an answer")["id"], 1);
    assert_eq!(rows(&client.next().await.expect("an answer"), 3), "[[42]]");
    watch.until_blocked(1).await;
    lock.release().await;
    rows(&client.next().await.expect("an answer"), 2);
    assert!(client.next().await.is_none(), "nothing else is said");
    let (status, log) = client.end().await;
    assert!(status.success(), "{log}");
}

/// More messages than may be in flight at once: the rest waits in the pipe.
#[tokio::test]
async fn piped_calls_may_exceed_the_in_flight_limit() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command
            .env("ZAVA_TENANT_CONNECTIONS", "1")
            .env("ZAVA_TENANT_QUEUE", "1");
    });
    let mut messages = format!("{}\n", initialize());
    for id in 2..60 {
        messages += &format!("{}\n", query(id, &format!("SELECT {id}")));
    }
    client.write(messages.as_bytes()).await;
    client.end_input();
    let mut answered = vec![1];
    assert_eq!(client.next().await.expect("an answer")["id"], 1);
    while let Some(answer) = client.next().await {
        let id = answer["id"].as_u64().expect("an id");
        assert_eq!(rows(&answer, id), format!("[[{id}]]"));
        answered.push(id);
    }
    answered.sort_unstable();
    assert_eq!(answered, (1..60).collect::<Vec<_>>());
    assert!(client.end().await.0.success());
}

#[tokio::test]
async fn signal_ends_the_process_after_pending_calls() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut watch = Watch::on(&database).await;
    for signal in ["TERM", "INT"] {
        // Before there is a session; the answer to a ping shows that it listens.
        let mut client = Client::start(&database, folder.path());
        let ping = serde_json::json!({"jsonrpc": "2.0", "id": 9, "method": "ping"});
        client.send(&ping).await;
        assert_eq!(client.next().await.expect("an answer")["id"], 9);
        client.signal(signal).await;
        let (status, log) = client.end().await;
        assert!(status.success(), "{signal}: {status}: {log}");

        // In a session in which nothing happens.
        let mut client = Client::start(&database, folder.path());
        client.initialized().await;
        client.signal(signal).await;
        let (status, log) = client.end().await;
        assert!(status.success(), "{signal}: {status}: {log}");

        // While a call runs.
        let lock = Lock::on(&database).await;
        let mut client = Client::start(&database, folder.path());
        client.initialized().await;
        client.send(&query(2, WAITING)).await;
        watch.until_blocked(1).await;
        client.signal(signal).await;
        lock.release().await;
        rows(&client.next().await.expect("an answer"), 2);
        let (status, log) = client.end().await;
        assert!(status.success(), "{signal}: {status}: {log}");
    }
}

/// The answer says that the statement took too long, and not that the database is away.
#[tokio::test]
async fn statement_timeout_after_stdin_closes_is_reported() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1");
    });
    client.initialized().await;
    client.send(&query(2, CROSS_JOIN)).await;
    client.end_input();
    let answer = client.next().await.expect("an answer");
    let text = answer["result"]["content"][0]["text"].to_string();
    assert!(text.contains("57014"), "{answer}");
    assert!(client.end().await.0.success());
}

/// More calls than can be finished: each is told what became of it.
#[tokio::test]
async fn unfinished_calls_are_answered_with_server_stopping() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command
            .env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1")
            .env("ZAVA_TENANT_CONNECTIONS", "1");
    });
    client.initialized().await;
    for id in 2..8 {
        client.send(&query(id, CROSS_JOIN)).await;
    }
    client.end_input();
    let mut told = Vec::new();
    while let Some(answer) = client.next().await {
        told.push(answer["result"]["content"][0]["text"].to_string());
    }
    assert_eq!(told.len(), 6, "{told:?}");
    let stopping = told
        .iter()
        .filter(|text| text.contains("the server is stopping"));
    let timed_out = told.iter().filter(|text| text.contains("57014"));
    let (stopping, timed_out) = (stopping.count(), timed_out.count());
    assert!(stopping > 0 && timed_out > 0, "{told:?}");
    assert_eq!(stopping + timed_out, 6, "{told:?}");
    assert!(client.end().await.0.success());
}

/// More answers than a pipe holds, and a client that reads none of them. Where one call is in
/// flight at a time, the input's end is behind lines that are not read.
#[tokio::test]
async fn process_exits_although_stdout_is_not_read() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    for (is_signal, queue) in [(false, "20"), (true, "20"), (false, "1"), (true, "1")] {
        let mut client = Client::start_with(&database, folder.path(), |command| {
            command
                .env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1")
                .env("ZAVA_TENANT_CONNECTIONS", "1")
                .env("ZAVA_TENANT_QUEUE", queue);
        });
        client.initialized().await;
        for id in 2..20 {
            client.send(&query(id, "SELECT repeat('x', 30000)")).await;
        }
        if is_signal {
            client.signal("TERM").await;
        } else {
            client.end_input();
        }
        let (status, log) = client.end_unread().await;
        assert!(status.success(), "{log}");
    }
}

/// Where nothing is missing but a reader, the end does not take as long as a statement may.
#[tokio::test]
async fn unread_responses_delay_shutdown_only_briefly() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "25");
    });
    client.initialized().await;
    for id in 2..100 {
        let list = serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"});
        client.send(&list).await;
    }
    client.next().await.expect("an answer");
    client.signal("TERM").await;
    let begun = Instant::now();
    let (status, log) = client.end_unread().await;
    assert!(status.success(), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{log}");
}

/// Each call that is not cancelled is answered once, with its own rows.
#[tokio::test]
async fn request_id_of_a_cancelled_call_can_be_reused() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(&database, folder.path());
    client.initialized().await;
    let params = serde_json::json!({"requestId": 5});
    let cancel = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    for n in 0..5 {
        let next = query(5, &format!("SELECT {n}"));
        let messages = format!("{}\n{cancel}\n{next}\n", query(5, CROSS_JOIN));
        client.write(messages.as_bytes()).await;
        let answer = client.next().await.expect("an answer");
        assert_eq!(rows(&answer, 5), format!("[[{n}]]"));
    }
    client.end_input();
    assert!(client.next().await.is_none());
    assert!(client.end().await.0.success());
}

/// Of two requests under one id, the second is told so; none is lost.
#[tokio::test]
async fn duplicate_in_flight_request_id_is_rejected() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut watch = Watch::on(&database).await;
    let lock = Lock::on(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.initialized().await;
    for _ in 0..10 {
        client.send(&query(5, WAITING)).await;
    }
    for _ in 0..9 {
        let refused = client.next().await.expect("an answer");
        assert_eq!(refused["error"]["code"], -32600, "{refused}");
        assert!(refused.get("id").is_none(), "{refused}");
        assert!(
            refused.to_string().contains("the id 5 belongs to"),
            "{refused}"
        );
    }
    watch.until_blocked(1).await;
    lock.release().await;
    rows(&client.next().await.expect("an answer"), 5);
    // Answered, it may be used again.
    client.send(&query(5, "SELECT 1")).await;
    rows(&client.next().await.expect("an answer"), 5);
    client.end_input();
    assert!(client.next().await.is_none());
    assert!(client.end().await.0.success());
}

/// A client that cancels its call, and one that is gone.
#[tokio::test]
async fn call_is_cancelled_by_notification_or_disconnect() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut watch = Watch::on(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.initialized().await;
    let mut took = Vec::new();
    for id in 2..7 {
        client.send(&query(id, CROSS_JOIN)).await;
        watch.until_running(1).await;
        let params = serde_json::json!({"requestId": id});
        let cancel = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        client.send(&cancel).await;
        took.push(watch.until_quiet().await);
    }
    assert_prompt(&took);

    client.send(&query(7, CROSS_JOIN)).await;
    watch.until_running(1).await;
    let (left, (status, log)) = tokio::join!(watch.until_quiet(), client.leave());
    assert!(left < Duration::from_secs(3), "{left:?}");
    assert!(status.success(), "{log}");
    // The last one too, which ended after its client had left.
    let recorded = "SELECT sum(failed)::bigint FROM guard.access_by_store";
    assert_eq!(number(&mut database.owner().await, recorded).await, 6);
}

/// The rows of the answer to a call.
#[track_caller]
fn rows(answer: &Value, id: u64) -> String {
    assert_eq!(answer["id"], id, "{answer}");
    let result = &answer["result"];
    assert_ne!(result["isError"], true, "{answer}");
    result["structuredContent"]["r"].to_string()
}

/// The request is fine and its database is away: an internal error, which clients may try again.
#[tokio::test]
async fn unreachable_database_is_an_internal_error() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("POSTGRES_DB_PORT", "1");
    });
    client.initialized().await;
    client.send(&query(2, "SELECT 1")).await;
    let answer = client.next().await.expect("an answer");
    assert_eq!(answer["id"], 2, "{answer}");
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    assert!(answer.to_string().contains("try again"), "{answer}");
    client.end_input();
    assert!(client.end().await.0.success());
}
