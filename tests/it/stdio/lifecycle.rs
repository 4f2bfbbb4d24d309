use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::client::{Client, initialize, query};
use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, TableLock, TestDatabase, assert_cancelled_promptly, number,
};

const CROSS_JOIN: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

/// All messages at once, then the end of the input, as in a shell pipeline.
#[tokio::test]
async fn pending_calls_finish_when_stdin_closes() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut monitor = ActivityMonitor::new(&database).await;
    let lock = TableLock::acquire(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.send(&initialize()).await;
    client.send(&query(2, BLOCKED_QUERY)).await;
    // The last line has no line break.
    let last = query(3, "SELECT 40 + 2").to_string();
    client.write(last.as_bytes()).await;
    client.close_input();
    assert_eq!(client.next().await.expect("an answer")["id"], 1);
    assert_eq!(rows(&client.next().await.expect("an answer"), 3), "[[42]]");
    monitor.wait_until_blocked(1).await;
    lock.release().await;
    rows(&client.next().await.expect("an answer"), 2);
    assert!(client.next().await.is_none(), "nothing else is said");
    let (status, log) = client.wait().await;
    assert!(status.success(), "{log}");
}

/// More messages than the in-flight limit: the rest waits in the pipe.
#[tokio::test]
async fn piped_calls_may_exceed_the_in_flight_limit() {
    let database = TestDatabase::shared();
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
    client.close_input();
    let mut answered = vec![1];
    assert_eq!(client.next().await.expect("an answer")["id"], 1);
    while let Some(answer) = client.next().await {
        let id = answer["id"].as_u64().expect("an id");
        assert_eq!(rows(&answer, id), format!("[[{id}]]"));
        answered.push(id);
    }
    answered.sort_unstable();
    assert_eq!(answered, (1..60).collect::<Vec<_>>());
    assert!(client.wait().await.0.success());
}

#[tokio::test]
async fn signal_ends_the_process_after_pending_calls() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut monitor = ActivityMonitor::new(&database).await;
    for signal in ["TERM", "INT"] {
        // Before a session; the response to a ping shows that the server listens.
        let mut client = Client::start(&database, folder.path());
        let ping = serde_json::json!({"jsonrpc": "2.0", "id": 9, "method": "ping"});
        client.send(&ping).await;
        assert_eq!(client.next().await.expect("an answer")["id"], 9);
        client.signal(signal).await;
        let (status, log) = client.wait().await;
        assert!(status.success(), "{signal}: {status}: {log}");

        // In an idle session.
        let mut client = Client::start(&database, folder.path());
        client.initialize_session().await;
        client.signal(signal).await;
        let (status, log) = client.wait().await;
        assert!(status.success(), "{signal}: {status}: {log}");

        // While a call runs.
        let lock = TableLock::acquire(&database).await;
        let mut client = Client::start(&database, folder.path());
        client.initialize_session().await;
        client.send(&query(2, BLOCKED_QUERY)).await;
        monitor.wait_until_blocked(1).await;
        client.signal(signal).await;
        lock.release().await;
        rows(&client.next().await.expect("an answer"), 2);
        let (status, log) = client.wait().await;
        assert!(status.success(), "{signal}: {status}: {log}");
    }
}

/// The error reports a statement timeout, not an unavailable database.
#[tokio::test]
async fn statement_timeout_after_stdin_closes_is_reported() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1");
    });
    client.initialize_session().await;
    client.send(&query(2, CROSS_JOIN)).await;
    client.close_input();
    let answer = client.next().await.expect("an answer");
    let text = answer["result"]["content"][0]["text"].to_string();
    assert!(text.contains("57014"), "{answer}");
    assert!(client.wait().await.0.success());
}

/// More calls than can finish: each is answered with its outcome.
#[tokio::test]
async fn unfinished_calls_are_answered_with_server_stopping() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command
            .env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1")
            .env("ZAVA_TENANT_CONNECTIONS", "1");
    });
    client.initialize_session().await;
    for id in 2..8 {
        client.send(&query(id, CROSS_JOIN)).await;
    }
    client.close_input();
    let mut errors = Vec::new();
    while let Some(answer) = client.next().await {
        errors.push(answer["result"]["content"][0]["text"].to_string());
    }
    assert_eq!(errors.len(), 6, "{errors:?}");
    let stopping = errors
        .iter()
        .filter(|text| text.contains("the server is shutting down"));
    let timed_out = errors.iter().filter(|text| text.contains("57014"));
    let (stopping, timed_out) = (stopping.count(), timed_out.count());
    assert!(stopping > 0 && timed_out > 0, "{errors:?}");
    assert_eq!(stopping + timed_out, 6, "{errors:?}");
    assert!(client.wait().await.0.success());
}

/// More responses than a pipe holds, and a client that reads none. With one call in flight at a
/// time, the end of the input is behind unread lines.
#[tokio::test]
async fn process_exits_although_stdout_is_not_read() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    for (is_signal, queue) in [(false, "20"), (true, "20"), (false, "1"), (true, "1")] {
        let mut client = Client::start_with(&database, folder.path(), |command| {
            command
                .env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "1")
                .env("ZAVA_TENANT_CONNECTIONS", "1")
                .env("ZAVA_TENANT_QUEUE", queue);
        });
        client.initialize_session().await;
        for id in 2..20 {
            client.send(&query(id, "SELECT repeat('x', 30000)")).await;
        }
        if is_signal {
            client.signal("TERM").await;
        } else {
            client.close_input();
        }
        let (status, log) = client.wait_unread().await;
        assert!(status.success(), "{log}");
    }
}

/// When only a reader is missing, shutdown does not take as long as a statement may.
#[tokio::test]
async fn unread_responses_delay_shutdown_only_briefly() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("ZAVA_STATEMENT_TIMEOUT_SECONDS", "25");
    });
    client.initialize_session().await;
    for id in 2..100 {
        let list = serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/list"});
        client.send(&list).await;
    }
    client.next().await.expect("an answer");
    client.signal("TERM").await;
    let begun = Instant::now();
    let (status, log) = client.wait_unread().await;
    assert!(status.success(), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{log}");
}

/// Each call that is not cancelled is answered once, with its own rows.
#[tokio::test]
async fn request_id_of_a_cancelled_call_can_be_reused() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(&database, folder.path());
    client.initialize_session().await;
    let params = serde_json::json!({"requestId": 5});
    let cancel = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    for n in 0..5 {
        let next = query(5, &format!("SELECT {n}"));
        let messages = format!("{}\n{cancel}\n{next}\n", query(5, CROSS_JOIN));
        client.write(messages.as_bytes()).await;
        let answer = client.next().await.expect("an answer");
        assert_eq!(rows(&answer, 5), format!("[[{n}]]"));
    }
    client.close_input();
    assert!(client.next().await.is_none());
    assert!(client.wait().await.0.success());
}

/// The second request with an id in flight is rejected; no response is lost.
#[tokio::test]
async fn duplicate_in_flight_request_id_is_rejected() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut monitor = ActivityMonitor::new(&database).await;
    let lock = TableLock::acquire(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.initialize_session().await;
    for _ in 0..10 {
        client.send(&query(5, BLOCKED_QUERY)).await;
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
    monitor.wait_until_blocked(1).await;
    lock.release().await;
    rows(&client.next().await.expect("an answer"), 5);
    // After the response the id may be used again.
    client.send(&query(5, "SELECT 1")).await;
    rows(&client.next().await.expect("an answer"), 5);
    client.close_input();
    assert!(client.next().await.is_none());
    assert!(client.wait().await.0.success());
}

/// A client that cancels its call, and one that disconnects.
#[tokio::test]
async fn call_is_cancelled_by_notification_or_disconnect() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut monitor = ActivityMonitor::new(&database).await;
    let mut client = Client::start(&database, folder.path());
    client.initialize_session().await;
    let mut took = Vec::new();
    for id in 2..7 {
        client.send(&query(id, CROSS_JOIN)).await;
        monitor.wait_until_running(1).await;
        let params = serde_json::json!({"requestId": id});
        let cancel = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        client.send(&cancel).await;
        took.push(monitor.wait_until_idle().await);
    }
    assert_cancelled_promptly(&took);

    client.send(&query(7, CROSS_JOIN)).await;
    monitor.wait_until_running(1).await;
    let (left, (status, log)) = tokio::join!(monitor.wait_until_idle(), client.disconnect());
    assert!(left < Duration::from_secs(3), "{left:?}");
    assert!(status.success(), "{log}");
    // The last call too, which ended after its client had disconnected.
    let recorded = "SELECT sum(failed)::bigint FROM guard.access_by_store";
    assert_eq!(number(&mut database.owner().await, recorded).await, 6);
}

/// The rows in the response to a call.
#[track_caller]
fn rows(answer: &Value, id: u64) -> String {
    assert_eq!(answer["id"], id, "{answer}");
    let result = &answer["result"];
    assert_ne!(result["isError"], true, "{answer}");
    result["structuredContent"]["r"].to_string()
}

/// The request is valid and the database unreachable: an internal error, which clients may retry.
#[tokio::test]
async fn unreachable_database_is_an_internal_error() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("POSTGRES_DB_PORT", "1");
    });
    client.initialize_session().await;
    client.send(&query(2, "SELECT 1")).await;
    let answer = client.next().await.expect("an answer");
    assert_eq!(answer["id"], 2, "{answer}");
    assert_eq!(answer["error"]["code"], -32603, "{answer}");
    assert!(answer.to_string().contains("try again"), "{answer}");
    client.close_input();
    assert!(client.wait().await.0.success());
}
