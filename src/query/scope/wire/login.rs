use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::sasl::{self, ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret as _;

use super::{CancelKey, Connection, WireError, database_error};
use crate::settings::Login;

impl Connection {
    /// Authenticates with SCRAM-SHA-256, or without a password where PostgreSQL asks for none.
    pub(super) async fn authenticate(&mut self, login: &Login) -> Result<(), WireError> {
        match self.next().await? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationSasl(body) => {
                let offered = body
                    .mechanisms()
                    .any(|mechanism| Ok(mechanism == sasl::SCRAM_SHA_256))?;
                if !offered {
                    return Err(WireError::Authentication("another SASL mechanism"));
                }
            }
            Message::ErrorResponse(body) => return Err(WireError::Server(database_error(&body))),
            Message::AuthenticationCleartextPassword => {
                return Err(WireError::Authentication("a password in clear text"));
            }
            Message::AuthenticationMd5Password(_) => {
                return Err(WireError::Authentication("an MD5 password"));
            }
            _ => return Err(WireError::Authentication("another authentication method")),
        }
        let mut scram = ScramSha256::new(
            login.password.expose_secret().as_bytes(),
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
        match self.next().await? {
            Message::AuthenticationOk => Ok(()),
            _ => Err(WireError::Protocol("no end of authentication")),
        }
    }

    /// Reads what follows authentication: the cancel key and the server's parameters.
    pub(super) async fn finish_startup(&mut self) -> Result<(), WireError> {
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
