//! Reads the server's configuration from environment variables into typed, validated values.
//!
//! Knows the variables' names, formats and defaults; must not know what the values are used for.
//! Nothing else in the crate reads the environment. Each subject is read by a type of its own.
//!
//! Invariants:
//! - a settings value that exists is valid;
//! - no error and no `Debug` output contains a secret.
// The settings of each command.
mod admin; // `migrate`, `seed` and other commands of an administrator
mod embed; // `embed`
mod serve; // `serve` and `check`

// The subjects.
mod audit; //       the audit log
mod auth; //        how callers authenticate
mod azure; //       as which identity the server asks for access tokens
mod database; //    PostgreSQL's address, and logins
mod http; //        the server's URL, and the pages that may call it
mod https; //       outgoing HTTPS requests
mod limits; //      limits on one request
mod log_filter; //  which events are logged
mod network; //     the listening address, and proxies in front of it
mod posture; //     which findings of the posture check are accepted
mod rate_limits; // rate limits
mod replicas; //    the database's read replicas
mod search; //      semantic search
mod secret; //      a secret, or where Key Vault keeps it
mod signing_key; // the key that signs each transaction's tenant
mod stdio; //       standard input and output
mod telemetry; //   traces, metrics and logs
mod timer; //       the timer of Azure Functions

// Formats of single values.
mod base_url; //        the URL of a server
mod public_url; //      the URL by which clients reach the server
mod trusted_proxies; // the gateways and reverse proxies in front of the server

// Where values come from.
mod dot_env; //       the format of `.env`
mod environment; //   the process environment and `.env`
mod reader; //        text → typed value, collecting every problem
mod service_links; // variables that Kubernetes sets for services
mod variables; //     every variable, documented once

pub use admin::AdminSettings;
pub use audit::AuditSettings;
pub use auth::{AuthSettings, CredentialSettings, EntraSettings, TrustedPeers};
pub use azure::{Application, AzureCredential};
pub use database::{DatabaseAddress, Login, LoginIdentity, LoginMethod, NewLogin, PoolMode, Tls};
pub use dot_env::{DotEnvError, LineError};
pub use embed::EmbedSettings;
pub use environment::Environment;
pub use http::HttpSettings;
pub use https::{HttpsProxy, HttpsSettings};
pub use limits::{AnswerLimits, Limits, max_sql_bytes};
pub use log_filter::LogFilter;
pub use network::{NetworkSettings, listen_address};
pub use posture::AcceptedFinding;
pub use public_url::PublicUrl;
pub use rate_limits::RateLimits;
pub use reader::{Problem, SettingsError};
pub use replicas::ReplicaSettings;
pub use search::{EmbedderSettings, OpenAiAuth, OpenAiSettings, SearchSettings};
pub use secret::{KeyVaultReference, Secret};
pub use serve::ServeSettings;
pub use signing_key::{SigningKey, SigningKeyError, SigningKeySetting};
pub use stdio::StdioSettings;
pub use telemetry::{ApplicationInsights, Otlp, TelemetrySettings};
pub use timer::TimerSettings;
pub use variables::{VARIABLES, Variable};

#[cfg(test)]
mod tests;
