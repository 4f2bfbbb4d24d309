//! What Azure gives to this server's own identity: access tokens, and secrets of Key Vault.
//!
//! The only module that names a crate of the Azure SDK. Knows how Azure issues tokens and keeps
//! secrets; must not know PostgreSQL, tenants or callers.
//!
//! Invariants:
//! - a token or a secret is never logged, and never part of an error;
//! - no request waits while a valid token or a secret exists;
//! - however many requests need the same token or secret, one fetch at a time is under way for it.
mod error_text; //   what an error of Azure's library says
mod fetcher; //      asks Azure for one token
mod http; //         how Azure's library sends requests
mod refreshed; //    a secret that is fetched when needed, and again in the background
mod services; //     what the identity gets from Azure
mod slot; //         one secret that is fetched, and when to fetch it again
mod token; //        a token, and when to fetch the next one
mod token_source; // the tokens of all scopes
mod vault; //        Key Vault: one secret in, one secret out
mod vault_secret; // a secret that a setting refers to

pub use services::AzureServices;
pub use vault::{Vault, VaultError, VaultProblem};
