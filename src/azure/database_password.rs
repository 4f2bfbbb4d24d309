//! A token as the password of a database login
//! (<https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts>).

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::token_source::TokenSource;
use crate::http_client::{self, HttpClientError};
use crate::password::{Password, PasswordError, PasswordSource};
use crate::settings::LoginMethod;

/// The password of a login: the one in the settings, or a token for each connection. Connects to
/// nothing.
///
/// # Errors
/// [`HttpClientError`] if the client for fetching tokens cannot be built.
pub fn password_source(method: &LoginMethod) -> Result<Arc<dyn PasswordSource>, HttpClientError> {
    Ok(match method {
        LoginMethod::Password(password) => Arc::new(password.clone()),
        LoginMethod::Entra(login) => {
            let http = http_client::build(login.root_cert.as_deref(), None)?;
            Arc::new(EntraPassword {
                tokens: TokenSource::new(login.credential.clone(), http),
                scope: login.scope.clone(),
            })
        }
    })
}

/// The password of a login that belongs to this server's identity.
#[derive(Debug)]
struct EntraPassword {
    tokens: TokenSource,
    scope: String,
}

impl PasswordSource for EntraPassword {
    fn password(&self) -> BoxFuture<'_, Result<Password, PasswordError>> {
        async {
            match self.tokens.token(&self.scope).await {
                Ok(token) => Ok(Password::Token(token)),
                Err(error) => Err(PasswordError(error.into())),
            }
        }
        .boxed()
    }

    fn report_rejected(&self, password: &Password) {
        match password {
            Password::Token(token) => self.tokens.report_rejected(&self.scope, token),
            Password::Secret(_) => {}
        }
    }
}
