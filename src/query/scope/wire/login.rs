use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::sasl::{self, ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use secrecy::{ExposeSecret as _, SecretString};

use super::{CancelKey, Connection, WireError, database_error};
use crate::password::Password;
use crate::query::scope::transport::Transport;
use crate::settings::DatabaseAddress;

/// A login whose password has not been sent yet.
pub(in crate::query::scope) struct Login(Connection);

impl Login {
    /// Sends the startup message over a new transport. `max_row_bytes` bounds how much of one
    /// message is buffered.
    ///
    /// # Errors
    /// When the transport fails.
    pub(in crate::query::scope) async fn begin(
        stream: Box<dyn Transport>,
        address: &DatabaseAddress,
        user: &str,
        max_row_bytes: usize,
    ) -> Result<Self, WireError> {
        let mut connection = Connection::new(stream, address.pool_mode, max_row_bytes);
        let parameters = [
            ("user", user),
            ("database", address.database.as_str()),
            ("application_name", address.application_name.as_str()),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut connection.outgoing)?;
        connection.flush().await?;
        Ok(Self(connection))
    }

    /// Authenticates. The connection can be used afterwards.
    ///
    /// # Errors
    /// When PostgreSQL rejects the login, or asks for the password in a way that is refused.
    pub(in crate::query::scope) async fn finish(
        self,
        password: &Password,
    ) -> Result<Connection, WireError> {
        let Self(mut connection) = self;
        connection.authenticate(password).await?;
        connection.finish_startup().await?;
        Ok(connection)
    }
}

impl Connection {
    /// Authenticates: a secret by SCRAM-SHA-256, a token in clear text inside verified TLS. Sends
    /// nothing where PostgreSQL asks for nothing.
    async fn authenticate(&mut self, password: &Password) -> Result<(), WireError> {
        match (self.next().await?, password) {
            (Message::AuthenticationOk, _) => Ok(()),
            (Message::AuthenticationSasl(body), Password::Secret(secret)) => {
                let offered = body
                    .mechanisms()
                    .any(|mechanism| Ok(mechanism == sasl::SCRAM_SHA_256))?;
                if !offered {
                    return Err(WireError::Authentication("another SASL mechanism"));
                }
                self.authenticate_by_scram(secret).await
            }
            (Message::AuthenticationCleartextPassword, Password::Token(token)) => {
                self.authenticate_by_token(token).await
            }
            (Message::AuthenticationSasl(_), Password::Token(_)) => {
                Err(WireError::TokenNotAccepted)
            }
            (Message::ErrorResponse(body), _) => Err(WireError::Server(database_error(&body))),
            (Message::AuthenticationCleartextPassword, Password::Secret(_)) => {
                Err(WireError::Authentication("a password in clear text"))
            }
            (Message::AuthenticationMd5Password(_), _) => {
                Err(WireError::Authentication("an MD5 password"))
            }
            _ => Err(WireError::Authentication("another authentication method")),
        }
    }

    async fn authenticate_by_scram(&mut self, secret: &SecretString) -> Result<(), WireError> {
        let mut scram = ScramSha256::new(
            secret.expose_secret().as_bytes(),
            ChannelBinding::unsupported(),
        );
        frontend::sasl_initial_response(sasl::SCRAM_SHA_256, scram.message(), &mut self.outgoing)?;
        self.flush().await?;
        match self.next().await? {
            Message::AuthenticationSaslContinue(body) => scram.update(body.data())?,
            Message::ErrorResponse(body) => return Err(WireError::Server(database_error(&body))),
            _ => return Err(WireError::Protocol("no SCRAM challenge")),
        }
        frontend::sasl_response(scram.message(), &mut self.outgoing)?;
        self.flush().await?;
        match self.next().await? {
            // Checks the server's signature: it knows the password too.
            Message::AuthenticationSaslFinal(body) => scram.finish(body.data())?,
            Message::ErrorResponse(body) => return Err(WireError::Server(database_error(&body))),
            _ => return Err(WireError::Protocol("no SCRAM signature")),
        }
        self.finish_authentication().await
    }

    async fn authenticate_by_token(&mut self, token: &SecretString) -> Result<(), WireError> {
        if !self.stream.is_verified() {
            return Err(WireError::UnprotectedToken);
        }
        frontend::password_message(token.expose_secret().as_bytes(), &mut self.outgoing)?;
        self.flush().await?;
        match self.finish_authentication().await {
            // Class 28 of PostgreSQL's error codes: invalid authorization specification.
            Err(WireError::Server(error)) if error.sqlstate.starts_with("28") => {
                Err(WireError::TokenRejected(error))
            }
            outcome => outcome,
        }
    }

    async fn finish_authentication(&mut self) -> Result<(), WireError> {
        match self.next().await? {
            Message::AuthenticationOk => Ok(()),
            Message::ErrorResponse(body) => Err(WireError::Server(database_error(&body))),
            _ => Err(WireError::Protocol("no end of authentication")),
        }
    }

    /// Reads what follows authentication: the cancel key and the server's parameters.
    async fn finish_startup(&mut self) -> Result<(), WireError> {
        loop {
            match self.next().await? {
                Message::BackendKeyData(body) => {
                    self.key = CancelKey {
                        process_id: body.process_id(),
                        secret: body.secret_key(),
                    };
                }
                Message::ReadyForQuery(ready) => {
                    self.clean = ready.status() == b'I';
                    return Ok(());
                }
                Message::ErrorResponse(body) => {
                    return Err(WireError::Server(database_error(&body)));
                }
                Message::ParameterStatus(body) if body.name()? == "server_version" => {
                    self.version = major_version(body.value()?);
                }
                _ => {}
            }
        }
    }
}

/// The major version in `server_version`, for example `16.4 (Debian 16.4-1)` or `18beta1`.
fn major_version(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn the_major_version_is_the_leading_number() {
        for (text, version) in [
            ("18.6", Some(18)),
            ("16.4 (Debian 16.4-1.pgdg120+2)", Some(16)),
            ("19beta1", Some(19)),
            ("", None),
            ("devel", None),
        ] {
            assert_eq!(major_version(text), version, "{text}");
        }
    }
}
