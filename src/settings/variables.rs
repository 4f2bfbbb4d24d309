//! Every variable, documented once: `docs/settings.md` and the error messages are made from this file.

use super::auth::HOSTED;

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value in force when it is absent.
    pub default: Option<&'static str>,
    /// A value that shows the form.
    pub example: &'static str,
    /// What it is for, its unit, and when to change it.
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
    POSTGRES_DB_HOST = Some("localhost"), "db.example.com", "Host name or address of PostgreSQL 16 or newer with pgvector; no URL.";
    POSTGRES_DB_PORT = Some("5432"), "5432", "TCP port of PostgreSQL.";
    POSTGRES_DB = Some("zava"), "zava", "Name of the database.";
    POSTGRES_SSLMODE = None, "verify-full", "`verify-full` (TLS, certificate and host name checked) or `disable`; `require`, `prefer`, `allow` and `verify-ca` are refused, because they do not prove who answers. The default is `disable` for a loopback host and `verify-full` for any other.";
    POSTGRES_SSLROOTCERT = None, "/etc/ssl/certs/my-root.pem", "File with the certificates (PEM) that may sign the database's; the default is Mozilla's list, which has those of Azure.";
    POSTGRES_POOL_MODE = Some("direct"), "direct", "What answers at POSTGRES_DB_PORT: PostgreSQL itself (`direct`), or a pooler in transaction mode such as PgBouncer (`transaction`), which costs a round trip more. `migrate` and `seed` need `direct`.";
    POSTGRES_USER = Some("zava_query"), "zava_query", "The login that only queries; `migrate` creates it, `serve` uses it.";
    POSTGRES_PASSWORD = None, "a-long-random-text", "Password of POSTGRES_USER. Secret.";
    POSTGRES_APPLICATION_NAME = Some("mcp-server"), "mcp-server", "What the server calls itself in `pg_stat_activity`.";
    POSTGRES_ADMIN_USER = Some("zava_admin"), "zava_admin", "The login that `migrate` and `seed` use; it may create roles. `serve` never reads it.";
    POSTGRES_ADMIN_PASSWORD = None, "a-long-random-text", "Password of POSTGRES_ADMIN_USER. Secret; not for `serve`.";
    ZAVA_SIGNING_KEY = None, "1:<32 random bytes in base64>", "Signs the tenant of each transaction: a key number, a colon, 32 random bytes in base64. `migrate` makes the database accept it. Secret.";
    ZAVA_LISTEN = Some("127.0.0.1:8000"), "127.0.0.1:8000", "Address and port of the HTTP server. Another than a loopback address needs ZAVA_PUBLIC_URL and another ZAVA_AUTH than `header`, or ZAVA_TRUSTED_PROXY.";
    ZAVA_PUBLIC_URL = None, "https://zava.example.com", "What clients call this server: scheme, host, and the path that a reverse proxy serves it under, if any; without `/mcp`. Tokens are asked for under this name, and requests to another host are refused.";
    ZAVA_AUTH = None, "entra,apikey", "How callers prove who they are: `entra` (access tokens of Entra ID), `apikey`, `easyauth` (App Service's authentication), several of them with commas between; or `header` alone, which believes the tenant header, for development and behind a gateway. The default is `entra` where Functions, App Service or Container Apps host the server, and `header` elsewhere.";
    ZAVA_TRUSTED_PROXY = None, "10.0.0.0/8,192.0.2.7", "Addresses and networks of the gateways and proxies in front. `header` believes the tenant header from them and from nobody else then; in every mode their `X-Forwarded-For` tells the address of a client. Where Azure hosts the server and this is not set, the address that Azure's front end has appended there is the client's, if it is a public one. A list that covers most of the Internet is refused.";
    ZAVA_ALLOWED_ORIGINS = None, "https://chat.example.com", "Whose pages may call this server from a browser (CORS), with commas between: scheme, host and port. Requests of other origins are refused, but for those of this machine.";
    ZAVA_ENTRA_TENANT_ID = None, "72f988bf-86f1-41af-91ab-2d7cd011db47", "The Entra tenants whose callers are accepted, with commas between; for `entra` and `easyauth`. App roles count of the first one only; callers of the others need grants.";
    ZAVA_ENTRA_AUDIENCE = None, "11111111-2222-3333-4444-555555555555,https://zava.example.com/mcp", "What access tokens may name as their audience: the client id and the application id URI of this server's registration, with a comma between; for `entra`.";
    ZAVA_ENTRA_AUTHORITY = Some("https://login.microsoftonline.com"), "https://login.microsoftonline.us", "Where the Entra tenants' documents are; another one for a sovereign cloud.";
    ZAVA_ENTRA_PROXY = Some("none"), "environment", "`environment` fetches the Entra tenants' documents through the proxy in HTTPS_PROXY, but for the hosts in NO_PROXY; `none` goes to them directly, whatever these variables say.";
    WEBSITE_AUTH_ENABLED = None, "True", "App Service says so that its authentication is on; `easyauth` needs it. Nothing to set by hand.";
    ZAVA_TENANT = None, "f47ac10b-58cc-4372-a567-0e02b2c3d479", "The tenant that `serve --stdio` speaks for.";
    ZAVA_EMBEDDING_MODEL_DIR = None, ".zava/tools/embedding-model", "Folder with the embedding model's two files. Without it search by meaning answers with an error.";
    ZAVA_STATEMENT_TIMEOUT_SECONDS = Some("15"), "15", "The longest that the database works on one statement, in seconds, 1 to 600.";
    ZAVA_MAX_ROWS = Some("1000"), "1000", "The most rows in one answer, 1 to 10000; a longer result is cut and says so.";
    ZAVA_MAX_RESULT_BYTES = Some("1048576"), "1048576", "The most bytes of rows in one answer, 1024 to 67108864; a longer result is cut and says so.";
    ZAVA_DEFAULT_ROWS = Some("200"), "500", "Rows in the answer to an `execute_sales_query` without `max_rows`, 1 to 10000; at most ZAVA_MAX_ROWS.";
    ZAVA_DEFAULT_RESULT_BYTES = Some("32768"), "65536", "Bytes of rows in such an answer, 1024 to 67108864; at most ZAVA_MAX_RESULT_BYTES, which holds for a call with `max_rows`.";
    ZAVA_MAX_CELL_BYTES = Some("65536"), "65536", "The most bytes of one value in an answer, 256 to 1048576; of a longer one the beginning is given, and the answer says so.";
    ZAVA_MAX_REQUEST_BYTES = None, "262144", "The largest request body in bytes, 1024 to 67108864. The default is what the longest SQL text needs when JSON escapes each of its bytes: six times ZAVA_MAX_SQL_BYTES, and 65536 more.";
    ZAVA_MAX_SQL_BYTES = Some("8192"), "8192", "The longest SQL text in bytes, 64 to 32768; of 700 business statements the longest has 2489.";
    ZAVA_MAX_CONNECTIONS = Some("10"), "10", "The most database connections held at once, 1 to 1000.";
    ZAVA_TENANT_CONNECTIONS = Some("4"), "4", "The most database connections that one tenant holds at once, 1 to 1000; a third of all is kept for tenants that hold none.";
    ZAVA_TENANT_QUEUE = Some("16"), "16", "The most requests of one tenant that wait for a connection, 1 to 10000; what comes on top is told to come back.";
    ZAVA_ANALYST_STATEMENT_TIMEOUT_SECONDS = Some("60"), "60", "ZAVA_STATEMENT_TIMEOUT_SECONDS for analysts and operators, if it is more.";
    ZAVA_ANALYST_MAX_ROWS = Some("10000"), "10000", "ZAVA_MAX_ROWS for analysts and operators, if it is more.";
    ZAVA_ANALYST_MAX_RESULT_BYTES = Some("4194304"), "4194304", "ZAVA_MAX_RESULT_BYTES for analysts and operators, if it is more.";
    ZAVA_PRINCIPAL_RATE = Some("1200"), "1200", "The most requests of one principal in a minute, and at once; what comes on top is answered 429.";
    ZAVA_ADDRESS_RATE = Some("6000"), "6000", "The most requests from one address, or IPv6 network of 64 bits, in a minute and at once; callers authenticated within the last hour are charged to ZAVA_PRINCIPAL_RATE instead. Behind a proxy it needs ZAVA_TRUSTED_PROXY, or all clients share it.";
    ZAVA_FAILURE_RATE = Some("20"), "20", "The most wrong tokens and keys, and tenants that are not the caller's, from one address in a minute (where Azure does not tell addresses: of one credential); then only tokens that verify, and keys accepted within the last hour, are let in from there.";
    ZAVA_AUDIT_SQL = Some("off"), "off", "`on` puts the text of statements into the audit trail, beside their fingerprints. They may hold personal data.";
    ZAVA_LOG = Some("info"), "info,zava_mcp_server=debug", "Which events are logged to standard error: a level (`off`, `error`, `warn`, `info`, `debug`, `trace`), and levels for single modules, with commas between.";
}

/// Whether a name is read by this server, or was meant to be: everything else in an environment
/// belongs to others.
pub(super) fn is_setting(name: &str) -> bool {
    name.starts_with("ZAVA_")
        || VARIABLES.iter().any(|variable| variable.name == name)
        || HOSTED.contains(&name)
}
