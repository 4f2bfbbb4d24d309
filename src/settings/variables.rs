//! Documents every variable once: `docs/settings.md` and the error messages are generated from
//! this file.

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The variable's name.
    pub name: &'static str,
    /// The value if the variable is absent; `None` if it is required, optional, or its default
    /// depends on other variables.
    pub default: Option<&'static str>,
    /// A valid value, for error messages.
    pub example: &'static str,
    /// Purpose, unit and range, and when to change it, in Markdown.
    pub purpose: &'static str,
}

macro_rules! variables {
    ($($name:ident = $default:expr, $example:literal, $purpose:literal;)*) => {
        $(pub(super) const $name: Variable =
            Variable { name: stringify!($name), default: $default, example: $example, purpose: $purpose };)*
        /// All variables, in the order of the documentation.
        pub const VARIABLES: &[Variable] = &[$($name),*];
    };
}

variables! {
    POSTGRES_DB_HOST = Some("localhost"), "db.example.com", "Host name or IP address of PostgreSQL 16 or newer with pgvector 0.8 or newer; not a URL.";
    POSTGRES_DB_PORT = Some("5432"), "5432", "TCP port of PostgreSQL.";
    POSTGRES_READ_HOSTS = None, "replica1.example.com,replica2.example.com:5433", "Streaming replicas of POSTGRES_DB_HOST that run tenants' queries, as `host[:port]`, separated by commas, at most 16; an IPv6 address stands in brackets. Database, login and TLS settings apply to each host; the port is POSTGRES_DB_PORT where the list has none. Without it, the primary runs every statement.";
    POSTGRES_MAX_REPLICA_LAG = Some("5"), "5", "How old the data of a replica may be for it to be used, in seconds, 1 to 3600. A revoked key or grant works for up to 15 seconds more, and for this long beyond them while the primary cannot be reached. It is also how long replicas answer without the primary.";
    POSTGRES_DB = Some("zava"), "zava", "Name of the database.";
    POSTGRES_SSLMODE = None, "verify-full", "`verify-full` (TLS; certificate and host name are verified) or `disable`. `require`, `prefer`, `allow` and `verify-ca` are rejected because they do not verify the host name. The default is `disable` for a loopback host and `verify-full` for any other host.";
    POSTGRES_SSLROOTCERT = None, "/etc/ssl/certs/my-root.pem", "File with the trusted root certificates (PEM) for the database's TLS certificate. The default is Mozilla's list, which contains Azure's.";
    POSTGRES_POOL_MODE = Some("direct"), "direct", "`direct` if PostgreSQL itself listens on POSTGRES_DB_PORT; `transaction` if a pooler in transaction mode does, such as PgBouncer (costs one more round trip). `migrate`, `seed` and `embed` need `direct`, and so does the timer of Azure Functions.";
    POSTGRES_USER = Some("zava_query"), "zava_query", "Login that runs queries and cannot write; `migrate` creates it, `serve` uses it.";
    POSTGRES_PASSWORD = None, "a-long-random-text", "Password of POSTGRES_USER. Secret or Key Vault reference.";
    POSTGRES_AUTH = Some("password"), "entra", "How POSTGRES_USER, POSTGRES_INDEXER_USER and POSTGRES_ADMIN_USER log in: `password`, or `entra` with access tokens of Entra ID for the identity in ZAVA_AZURE_CREDENTIAL. `entra` needs POSTGRES_SSLMODE=verify-full and ignores the passwords.";
    POSTGRES_ENTRA_OBJECT_ID = None, "11111111-2222-3333-4444-555555555555", "Object id (principal id) of the identity that logs in as POSTGRES_USER; `migrate` creates that login for it. Only for POSTGRES_AUTH=entra.";
    POSTGRES_INDEXER_USER = Some("zava_indexer"), "zava_indexer", "Login of `embed`, and of `serve` when the timer of Azure Functions calls it. It writes the search index and reads product texts, nothing else. `migrate` creates it if POSTGRES_INDEXER_PASSWORD is set or, with POSTGRES_AUTH=entra, POSTGRES_INDEXER_ENTRA_OBJECT_ID.";
    POSTGRES_INDEXER_PASSWORD = None, "a-long-random-text", "Password of POSTGRES_INDEXER_USER. Secret or Key Vault reference.";
    POSTGRES_INDEXER_ENTRA_OBJECT_ID = None, "11111111-2222-3333-4444-555555555555", "Object id (principal id) of the identity that logs in as POSTGRES_INDEXER_USER. Only for POSTGRES_AUTH=entra.";
    POSTGRES_ENTRA_SCOPE = Some("https://ossrdbms-aad.database.windows.net/.default"), "https://ossrdbms-aad.database.usgovcloudapi.net/.default", "Scope of the tokens with which logins authenticate; change it for a sovereign cloud. Only for POSTGRES_AUTH=entra.";
    POSTGRES_APPLICATION_NAME = Some("mcp-server"), "mcp-server", "`application_name` of the server's connections, as `pg_stat_activity` shows it.";
    POSTGRES_ADMIN_USER = Some("zava_admin"), "zava_admin", "Login of `migrate` and `seed`; it may create roles. `serve` never reads this variable.";
    POSTGRES_ADMIN_PASSWORD = None, "a-long-random-text", "Password of POSTGRES_ADMIN_USER. Secret or Key Vault reference; not for `serve`.";
    ZAVA_SIGNING_KEY = None, "1:<32 random bytes in base64>", "Key that signs the tenant of each transaction: a key number, a colon, and 32 random bytes in base64. `migrate` makes the database accept it. Secret or Key Vault reference.";
    ZAVA_POSTURE_ACCEPT = None, "functions:azure.audit(text, integer),creates:extensions", "Findings of the posture check in spite of which data is served, as `rule:object`, separated by commas, exactly as `check` prints them: for functions and schemas of a managed server's provider, which its customer cannot change. Only for the rules `functions`, `runs_text`, `system` (functions) and `creates` (schemas).";
    ZAVA_LISTEN = Some("127.0.0.1:8000"), "127.0.0.1:8000", "Address and port of the HTTP server. An address other than a loopback address needs ZAVA_PUBLIC_URL, and either a ZAVA_AUTH other than `header` or ZAVA_TRUSTED_PROXY. Do not set it on Azure Functions.";
    FUNCTIONS_CUSTOMHANDLER_PORT = None, "7071", "Set by the Azure Functions host: the port on which it calls this server, which then listens on 127.0.0.1 and this port. Do not set it by hand.";
    ZAVA_PUBLIC_URL = None, "https://zava.example.com", "URL by which clients reach this server: scheme, host, and the path under which a reverse proxy publishes it, if any; without `/mcp`. Clients request tokens for this URL, and requests for another host are rejected.";
    ZAVA_AUTH = None, "entra,apikey", "How callers authenticate: one or more of `entra` (access tokens of Entra ID), `apikey` and `easyauth` (App Service's authentication), separated by commas; or `header` alone, which trusts the tenant header, for development and behind a gateway. The default is `entra` if Functions, App Service or Container Apps host the server, otherwise `header`.";
    ZAVA_TRUSTED_PROXY = None, "10.0.0.0/8,192.0.2.7", "Addresses and networks of the gateways and reverse proxies in front of the server, separated by commas. With `header`, only they may set the tenant header; with every method, the client's address is read from their `X-Forwarded-For`. If this is not set and Azure hosts the server, the client's address is the one that Azure's front end appended to that header, provided it is public. A list that covers most of the Internet is rejected.";
    ZAVA_ALLOWED_ORIGINS = None, "https://chat.example.com", "Origins (scheme, host and port) whose pages may call this server from a browser (CORS), separated by commas. Requests from other origins are rejected, except from this machine's.";
    ZAVA_ENTRA_TENANT_ID = None, "72f988bf-86f1-41af-91ab-2d7cd011db47", "Entra tenants whose users and applications may authenticate, separated by commas; for `entra` and `easyauth`. App roles are honored only for the first tenant; callers of the others need grants.";
    ZAVA_ENTRA_AUDIENCE = None, "11111111-2222-3333-4444-555555555555,https://zava.example.com/mcp", "Accepted audiences of access tokens, separated by commas: the client id and the application id URI of this server's app registration; for `entra`.";
    ZAVA_ENTRA_AUTHORITY = Some("https://login.microsoftonline.com"), "https://login.microsoftonline.us", "Base URL of the Entra tenants' metadata; change it for a sovereign cloud.";
    WEBSITE_AUTH_ENABLED = None, "True", "Set by App Service to `True` when its authentication is on, which `easyauth` needs. Do not set it by hand.";
    ZAVA_AZURE_CREDENTIAL = None, "managed-identity", "The identity that asks Entra ID for access tokens: `managed-identity` (of the Azure service that hosts the server), `workload-identity` (of a Kubernetes service account), `client-secret` (of an application), or `developer-tools` (of the user who has signed in with the Azure CLI or the Azure Developer CLI). It is not guessed.";
    AZURE_CLIENT_ID = None, "11111111-2222-3333-4444-555555555555", "Client id of that identity. Without it, `managed-identity` is the system-assigned one.";
    AZURE_TENANT_ID = None, "72f988bf-86f1-41af-91ab-2d7cd011db47", "Entra tenant of that identity; for `workload-identity` and `client-secret`.";
    AZURE_CLIENT_SECRET = None, "a-long-random-text", "Secret of that application; for `client-secret`. Secret.";
    AZURE_FEDERATED_TOKEN_FILE = None, "/var/run/secrets/azure/tokens/azure-identity-token", "File with the token of the service account; for `workload-identity`. Kubernetes sets it.";
    AZURE_AUTHORITY_HOST = Some("https://login.microsoftonline.com"), "https://login.microsoftonline.us", "Base URL of Entra ID; for `workload-identity` and `client-secret`. Change it for a sovereign cloud.";
    IDENTITY_ENDPOINT = None, "http://127.0.0.1:41741/msi/token", "Set by App Service, Functions and Container Apps, for `managed-identity`. Do not set it by hand.";
    IDENTITY_HEADER = None, "a-random-text", "Set by the same. Do not set it by hand. Secret.";
    ZAVA_HTTPS_ROOTCERT = None, "/etc/ssl/certs/my-root.pem", "File with root certificates (PEM) that are trusted for outgoing HTTPS requests, beside Mozilla's list: for a proxy that inspects TLS.";
    ZAVA_HTTPS_PROXY = Some("none"), "environment", "`environment` sends outgoing HTTPS requests (to Entra ID and Azure) through the proxy in HTTPS_PROXY, except for the hosts in NO_PROXY; `none` connects directly and ignores both variables.";
    ZAVA_TENANT = None, "f47ac10b-58cc-4372-a567-0e02b2c3d479", "Tenant of `serve --stdio`.";
    ZAVA_EMBEDDING_MODEL_DIR = None, ".zava/tools/embedding-model", "Folder with the files of the static embedding model. It, AZURE_OPENAI_ENDPOINT and ZAVA_EMBEDDING_URL are sources of embeddings, of which one may be set; without any, products are searched by words only.";
    AZURE_OPENAI_ENDPOINT = None, "https://zava.openai.azure.com", "Endpoint of the Azure OpenAI resource that computes embeddings, without `/openai`.";
    AZURE_OPENAI_API_VERSION = None, "2024-10-21", "API version of Azure OpenAI. If it is set, requests go to the path of the deployment (`/openai/deployments/…`) with this version; otherwise to `/openai/v1`.";
    AZURE_OPENAI_SCOPE = Some("https://cognitiveservices.azure.com/.default"), "https://ai.azure.com/.default", "Scope of the access tokens for Azure OpenAI. Some resources and sovereign clouds need another one.";
    ZAVA_EMBEDDING_URL = None, "https://api.openai.com/v1", "Base URL of another service that speaks the protocol of OpenAI; `/embeddings` is added to it.";
    ZAVA_EMBEDDING_API_KEY = None, "a-long-random-text", "Key of the embedding service. ZAVA_EMBEDDING_URL needs it (any text, if the service checks none). For Azure OpenAI it replaces the access tokens of the identity in ZAVA_AZURE_CREDENTIAL. Secret; it may refer to Key Vault.";
    EMBEDDING_MODEL_DEPLOYMENT_NAME = Some("text-embedding-3-small"), "text-embedding-3-small", "Name of the deployment in Azure OpenAI, or of the model of another service. It is stored beside each vector, and only vectors with this name are searched: give a deployment of another model another name.";
    ZAVA_EMBEDDING_DIMENSIONS = Some("1536"), "1536", "Number of dimensions that the embedding service is asked for, 1 to 4096. Vectors with another number are not searched.";
    ZAVA_STATEMENT_TIMEOUT_SECONDS = Some("15"), "15", "Maximum run time of one statement in the database, in seconds, 1 to 600.";
    ZAVA_MAX_ROWS = Some("1000"), "1000", "Maximum number of rows in one answer, 1 to 10000; a longer result is truncated and marked as such.";
    ZAVA_MAX_RESULT_BYTES = Some("1048576"), "1048576", "Maximum size of the rows in one answer, in bytes, 1024 to 67108864; a larger result is truncated and marked as such.";
    ZAVA_DEFAULT_ROWS = Some("200"), "500", "Number of rows in the answer to an `execute_sales_query` without `max_rows`, 1 to 10000; at most ZAVA_MAX_ROWS.";
    ZAVA_DEFAULT_RESULT_BYTES = Some("32768"), "65536", "Size of the rows in such an answer, in bytes, 1024 to 67108864; at most ZAVA_MAX_RESULT_BYTES, which applies to a call with `max_rows`.";
    ZAVA_MAX_CELL_BYTES = Some("65536"), "65536", "Maximum size of one value in an answer, in bytes, 256 to 1048576; a longer value is truncated and marked as such.";
    ZAVA_MAX_REQUEST_BYTES = None, "262144", "Maximum size of a request body, in bytes, 1024 to 67108864. The default is what the longest SQL text requires if JSON escapes each of its bytes: six times ZAVA_MAX_SQL_BYTES plus 65536.";
    ZAVA_MAX_SQL_BYTES = Some("8192"), "8192", "Maximum length of a SQL text, in bytes, 64 to 32768; the longest of 700 business statements has 2489.";
    ZAVA_MAX_CONNECTIONS = Some("10"), "10", "Maximum number of open connections to each database server (the primary and each replica), 1 to 1000.";
    ZAVA_TENANT_CONNECTIONS = Some("4"), "4", "Maximum number of connections to each database server that one tenant uses at once, 1 to 1000; a third of all connections is reserved for tenants that use none.";
    ZAVA_TENANT_QUEUE = Some("16"), "16", "Maximum number of one tenant's requests that wait for a connection, 1 to 10000; further requests are rejected and told to retry.";
    ZAVA_ANALYST_STATEMENT_TIMEOUT_SECONDS = Some("60"), "60", "ZAVA_STATEMENT_TIMEOUT_SECONDS for analysts and operators, if it is higher.";
    ZAVA_ANALYST_MAX_ROWS = Some("10000"), "10000", "ZAVA_MAX_ROWS for analysts and operators, if it is higher.";
    ZAVA_ANALYST_MAX_RESULT_BYTES = Some("4194304"), "4194304", "ZAVA_MAX_RESULT_BYTES for analysts and operators, if it is higher.";
    ZAVA_PRINCIPAL_RATE = Some("1200"), "1200", "Rate limit of one principal, in requests per minute; the burst is as large. Further requests are answered with 429.";
    ZAVA_ADDRESS_RATE = Some("6000"), "6000", "Rate limit of one IPv4 address or IPv6 /64 network, in requests per minute; the burst is as large. Callers that authenticated within the last hour are charged to ZAVA_PRINCIPAL_RATE instead. Behind a proxy, set ZAVA_TRUSTED_PROXY; otherwise all clients share this limit.";
    ZAVA_FAILURE_RATE = Some("20"), "20", "Maximum number of invalid tokens and keys, and of requests for a tenant that is not the caller's, from one address per minute (of one credential, if Azure does not pass the client's address). Beyond it, only valid tokens and keys accepted within the last hour are let in from that address.";
    ZAVA_AUDIT_SQL = Some("off"), "off", "`on` adds the text of statements to the audit log, next to their fingerprints. The text may contain personal data.";
    ZAVA_LOG = Some("info"), "info,zava_mcp_server=debug", "Which events are logged to standard error: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), and levels for single modules, separated by commas.";
    APPLICATIONINSIGHTS_CONNECTION_STRING = None, "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/", "Connection string of the Application Insights resource to which traces, metrics and logs are sent, as the portal shows it. Functions sets it itself.";
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING = None, "Authorization=AAD;ClientId=11111111-2222-3333-4444-555555555555", "Set it if Application Insights requires access tokens of Entra ID. They are those of ZAVA_AZURE_CREDENTIAL; `ClientId` must be AZURE_CLIENT_ID. The identity needs the role `Monitoring Metrics Publisher` on the resource. The Functions host reads this variable too.";
    OTEL_EXPORTER_OTLP_ENDPOINT = None, "http://localhost:4318", "URL of an OpenTelemetry collector to which traces, metrics and logs are sent by OTLP over HTTP; `/v1/traces` and so on are appended.";
    OTEL_EXPORTER_OTLP_PROTOCOL = None, "http/protobuf", "`http/protobuf`; gRPC is not supported.";
    OTEL_EXPORTER_OTLP_HEADERS = None, "api-key=a-long-random-text", "Headers of each request to that collector, separated by commas. Only for an endpoint with HTTPS or on this machine. Secret.";
    OTEL_SERVICE_NAME = Some("zava-mcp-server"), "zava-mcp-server", "Name under which traces, metrics and logs of this server are shown.";
    OTEL_METRIC_EXPORT_INTERVAL = Some("60000"), "60000", "How often metrics are sent, in milliseconds, 1000 to 600000.";
    ZAVA_TRACE_SAMPLE_RATIO = Some("1"), "0.1", "Share of traces that are sent, 0 to 1. Traces with an error, traces of at least one second and those that a client has marked as sampled are always sent. Lower it if traces cost too much; metrics are not sampled.";
}

/// Variables that Azure's hosting platforms set. On those platforms every connection comes from
/// the platform's front end, on this machine or in the network, and carries anybody's request.
pub(super) const AZURE_HOST_VARIABLES: [&str; 3] = [
    "FUNCTIONS_CUSTOMHANDLER_PORT",
    "WEBSITE_SITE_NAME",
    "CONTAINER_APP_NAME",
];

/// Whether this server reads a variable, or would reject it as misspelled (`ZAVA_…`). All other
/// variables belong to other programs.
pub(super) fn is_setting(name: &str) -> bool {
    name.starts_with("ZAVA_")
        || VARIABLES.iter().any(|variable| variable.name == name)
        || AZURE_HOST_VARIABLES.contains(&name)
}
