use chrono::DateTime;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use zava_mcp_server::database;
use zava_mcp_server::identity::{NewApiKey, Role};

use super::replica_set::{ReplicaSet, execute};
use crate::command_line::{binary, with_database};
use crate::identity::keys_only;
use crate::support::{Proxy, TestServer, eventually};

#[tokio::test]
async fn check_examines_each_replica() {
    let set = ReplicaSet::shared().await;
    let folder = tempfile::tempdir().expect("a folder");
    let check = async |hosts: &str| {
        let mut command = binary(folder.path());
        with_database(&mut command, &set.primary.settings());
        let output = command.arg("check").env("POSTGRES_READ_HOSTS", hosts);
        let output = output.output().await.expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    let hosts = format!("127.0.0.1:{first},127.0.0.1:{second}");
    let (code, said) = check(&hosts).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("replica    ok (127.0.0.1:{first}, at most ")),
        "{said}"
    );

    let proxy = Proxy::start(set.primary.port).await;
    let closed = Proxy::closed(second).await;
    let hosts = format!("localhost:{},127.0.0.1:{}", proxy.port, closed.port);
    let (code, said) = check(&hosts).await;
    assert_eq!(code, Some(1), "{said}");
    for line in [
        format!(
            "replica    WRONG  localhost:{} is a primary, not a replica; remove it from POSTGRES_READ_HOSTS",
            proxy.port
        ),
        format!(
            "replica    WRONG  127.0.0.1:{} does not answer",
            closed.port
        ),
    ] {
        assert!(said.contains(&line), "{said}");
    }

    // What violates a rule on the primary violates it on the replicas.
    let mut db = set.primary.superuser().await;
    execute(&mut db, "GRANT SELECT ON guard.signing_key TO zava_query").await;
    set.wait_until_replayed().await;
    let (code, said) = check(&format!("127.0.0.1:{first}")).await;
    execute(
        &mut db,
        "REVOKE SELECT ON guard.signing_key FROM zava_query",
    )
    .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("guard.signing_key"), "{said}");
}

#[tokio::test]
async fn health_details_show_each_server() {
    let set = ReplicaSet::shared().await;
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    let mut gone = Proxy::start(second).await;
    let mut settings = set.settings_with(&[first, gone.port], super::LONG);
    keys_only(&mut settings);
    let admin = set.primary.admin_settings();
    let mut owner = database::connect_as_owner(&admin).await.expect("the owner");
    let new = NewApiKey::generate(&mut rand::rng());
    let later = DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
    let stores = ["Zava Retail Seattle".to_owned()];
    database::create_key(&mut owner, &new, "details", later, &stores, Role::Operator)
        .await
        .expect("a key");
    let mut server = TestServer::with_settings(&settings).await;
    let servers = async || {
        let request = server.client.get(server.url("/health/details"));
        let request = request.bearer_auth(new.text.expose_secret());
        let details: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        details["database_servers"].clone()
    };
    let mut seen = Value::Null;
    eventually("both replicas are in use", async || {
        seen = servers().await;
        seen[1]["state"] == "ok" && seen[2]["state"] == "ok"
    })
    .await;
    assert_eq!(seen[0]["role"], "primary", "{seen}");
    assert_eq!(seen[1]["role"], "replica", "{seen}");
    assert_eq!(
        seen[1]["server"],
        json!(format!("127.0.0.1:{first}")),
        "{seen}"
    );
    assert!(
        seen[1]["lag_seconds"].as_f64().expect("a lag") < 5.0,
        "{seen}"
    );
    gone.close().await;
    let seen = servers().await;
    assert_eq!(seen[2]["state"], "does not answer", "{seen}");
    server.stop().await;
}
