//! Everything at once, as in production: the deployed package behind the Functions host, with a
//! managed identity, a vault, a database that takes tokens behind TLS and PgBouncer, Azure OpenAI
//! and Application Insights. Each is a stand-in on a socket, reached by the name of the real host.

use reqwest::StatusCode;
use serde_json::{Value, json};
use zava_mcp_server::identity::Role;

use super::entra::{EMBEDDINGS, IDENTITY_HEADER, MONITOR};
use super::gateway::Gateway;
use super::{Azure, COUNT_ORDERS};
use crate::functions::{FunctionsHost, packaged};
use crate::support::{
    DIMENSIONS, EmbeddingService, Ingestion, MODEL, Pooler, REDMOND, SEATTLE, TestDatabase,
    TestServer, signing_key_text,
};

/// The names of the hosts that the stand-ins stand for; the certificate of all is for these too.
pub(super) const OPENAI_HOST: &str = "zava.openai.azure.com";
pub(super) const INGESTION_HOST: &str = "westeurope-5.in.applicationinsights.azure.com";

const STORES: [(&str, &str); 2] = [
    ("Zava Retail Seattle", SEATTLE),
    ("Zava Retail Redmond", REDMOND),
];

/// A server in production, and a store manager of each store.
pub(super) struct Production {
    pub(super) azure: Azure,
    pub(super) gateway: Gateway,
    pub(super) embeddings: EmbeddingService,
    pub(super) ingestion: Ingestion,
    pub(super) database: TestDatabase,
    pub(super) host: FunctionsHost,
    pub(super) managers: Vec<Manager>,
    _pooler: Pooler,
}

/// A store manager, with what the store's answers are.
pub(super) struct Manager {
    pub(super) store: &'static str,
    pub(super) key: String,
    pub(super) orders: i64,
}

impl Production {
    pub(super) async fn start() -> Self {
        let azure = Azure::start().await;
        azure.vault.set("signing-key", &signing_key_text());
        let database = TestDatabase::new().await;
        let pooler = Pooler::start(&database).await;
        let gateway = azure.gateway(pooler.port).await;
        let acceptor = Some(azure.acceptor.clone());
        let embeddings = EmbeddingService::with_tokens(acceptor, azure.accepts(EMBEDDINGS)).await;
        azure.proxy.add(OPENAI_HOST, embeddings.port());
        let ingestion = Ingestion::start(azure.acceptor.clone()).await;
        ingestion.accept_tokens(azure.accepts(MONITOR));
        let ingestion_port = ingestion.endpoint().port().expect("a port");
        azure.proxy.add(INGESTION_HOST, ingestion_port);
        let mut managers = Vec::new();
        for (store, tenant) in STORES {
            let key = database.key(store, store, Role::Reader).await;
            let orders = TestServer::shared().number(tenant, COUNT_ORDERS).await;
            managers.push(Manager { store, key, orders });
        }
        let settings = app_settings(&azure, &gateway, &database);
        let host = FunctionsHost::start(packaged(), settings).await;
        Self {
            host: host.expect("it starts"),
            azure,
            gateway,
            embeddings,
            ingestion,
            database,
            managers,
            _pooler: pooler,
        }
    }

    /// Calls a tool through the host; returns the status and the structured content, which is null
    /// if there is no result.
    pub(super) async fn call(
        &self,
        key: &str,
        tool: &str,
        arguments: Value,
    ) -> (StatusCode, Value) {
        let call = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        });
        let request = self.host.client.post(self.host.url("/mcp"));
        let response = request.bearer_auth(key).json(&call).send().await;
        let response = response.expect("an answer");
        let status = response.status();
        let mut body: Value = response.json().await.unwrap_or_default();
        (status, body["result"]["structuredContent"].take())
    }
}

/// The app settings of a deployment. None of them is a secret but the platform's own header.
fn app_settings(
    azure: &Azure,
    gateway: &Gateway,
    database: &TestDatabase,
) -> Vec<(&'static str, String)> {
    let root_cert = azure.root_cert().display().to_string();
    let connection_string = format!(
        "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://{INGESTION_HOST}/"
    );
    let settings = [
        ("POSTGRES_DB_HOST", "localhost"),
        ("POSTGRES_DB_PORT", &gateway.port.to_string()),
        ("POSTGRES_DB", &database.name),
        ("POSTGRES_SSLMODE", "verify-full"),
        ("POSTGRES_SSLROOTCERT", &root_cert),
        ("POSTGRES_AUTH", "entra"),
        ("POSTGRES_POOL_MODE", "transaction"),
        (
            "ZAVA_SIGNING_KEY",
            "@Microsoft.KeyVault(VaultName=zava;SecretName=signing-key)",
        ),
        ("ZAVA_AZURE_CREDENTIAL", "managed-identity"),
        ("IDENTITY_ENDPOINT", &azure.entra.identity_endpoint()),
        ("IDENTITY_HEADER", IDENTITY_HEADER),
        ("ZAVA_HTTPS_ROOTCERT", &root_cert),
        ("ZAVA_HTTPS_PROXY", "environment"),
        ("HTTPS_PROXY", &azure.proxy.url()),
        ("AZURE_OPENAI_ENDPOINT", &format!("https://{OPENAI_HOST}")),
        ("AZURE_OPENAI_SCOPE", "https://ai.azure.com/.default"),
        ("EMBEDDING_MODEL_DEPLOYMENT_NAME", MODEL),
        ("ZAVA_EMBEDDING_DIMENSIONS", &DIMENSIONS.to_string()),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &connection_string),
        (
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
            "Authorization=AAD",
        ),
        ("ZAVA_AUTH", "apikey"),
        ("ZAVA_PUBLIC_URL", "https://zava.example.com"),
        // Tests send more requests than the production rate limits allow.
        ("ZAVA_PRINCIPAL_RATE", "1000000"),
        ("ZAVA_ADDRESS_RATE", "1000000"),
        ("ZAVA_LOG", "trace"),
    ];
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    settings.into_iter().map(owned).collect()
}

#[tokio::test]
async fn two_stores_use_all_tools_with_every_service_in_place() {
    let production = Production::start().await;
    for manager in &production.managers {
        let key = &manager.key;
        let sql = json!({"postgresql_query": COUNT_ORDERS});
        let (status, rows) = production.call(key, "execute_sales_query", sql).await;
        assert_eq!(
            (status, &rows["r"]),
            (StatusCode::OK, &json!([[manager.orders]]))
        );
        let tables = json!({"table_names": ["retail.orders"]});
        let (status, schemas) = production
            .call(key, "get_multiple_table_schemas", tables)
            .await;
        assert_eq!(status, StatusCode::OK, "{schemas}");
        let search = json!({"query_description": "waterproof electrical connectors"});
        let (status, found) = production
            .call(key, "semantic_search_products", search)
            .await;
        assert_eq!(status, StatusCode::OK);
        assert!(found["n"].as_u64() > Some(0), "{found}");
        let product = json!({"product": "HTHM000100"});
        let (status, found) = production.call(key, "find_related_products", product).await;
        assert_eq!(status, StatusCode::OK);
        assert!(found["n"].as_u64() > Some(0), "{found}");
        let (status, date) = production
            .call(key, "get_current_utc_date", json!({}))
            .await;
        assert_eq!(status, StatusCode::OK, "{date}");
    }
    // Every call arrives as a request of Application Insights.
    for tool in [
        "execute_sales_query",
        "get_multiple_table_schemas",
        "semantic_search_products",
        "find_related_products",
        "get_current_utc_date",
    ] {
        let name = format!("tools/call {tool}");
        let is_named = |item: &Value| item.to_string().contains(&name);
        production
            .ingestion
            .wait_for("two calls of each tool", |items| {
                items.iter().filter(|item| is_named(item)).count() >= 2
            })
            .await;
    }
    // A token for each of four services, the signing key, and one vector for the same search.
    assert_eq!(production.azure.entra.request_count(), 4);
    assert_eq!(production.azure.vault.request_count(), 1);
    assert_eq!(production.embeddings.request_count(), 1);
    assert!(production.gateway.logins() > 0);
}
