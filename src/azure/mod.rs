//! Microsoft Entra ID's access tokens for this server's own identity, and what they are used for.
//!
//! The only module that names a crate of the Azure SDK. Knows how Azure issues tokens; must not
//! know PostgreSQL, tenants or callers.
//!
//! Invariants:
//! - a token is never logged, and never part of an error;
//! - no request waits while a valid token exists;
//! - however many requests need a token, one fetch at a time is under way for each scope.
mod bounded_client; //    the HTTP client for Azure's library
mod database_password; // a token as the password of a database login
mod fetcher; //           asks Azure for one token
mod slot; //              the token of one scope, and when to fetch the next one
mod token; //             a token, and why there is none
mod token_source; //      the tokens of all scopes

pub use database_password::password_source;
pub use token::AccessTokenError;
pub use token_source::TokenSource;
