use std::io;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::ErrorResponseBody;

use crate::query::scope::error::PgError;
use crate::tls::{self, HandshakeError};

/// Why a connection did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::query::scope) enum WireError {
    /// The socket failed while something was under way.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The server had closed the connection before it answered anything.
    #[error("the connection was closed")]
    Closed,
    /// No answer in time.
    #[error("the database did not answer in time")]
    Silent,
    /// A client's statement still runs long after its timeout, while the database answers others.
    #[error("the statement did not end at its timeout")]
    Overdue,
    /// The server does not speak TLS, and without it nothing is said to it.
    #[error(
        "the database does not offer TLS; POSTGRES_SSLMODE=disable goes without, where the network is trusted"
    )]
    NoTls,
    /// The server's certificate is refused, or the server refuses this client.
    #[error("no TLS connection to the database can be made")]
    Tls(#[source] HandshakeError),
    /// The server asks for a kind of authentication this client does not speak.
    #[error("the database asks for {0}, not for a SCRAM-SHA-256 password")]
    Authentication(&'static str),
    /// The server said something that has no place here.
    #[error("the database broke the protocol: {0}")]
    Protocol(&'static str),
    /// An error about the client's statement.
    #[error("the statement failed")]
    Statement(#[source] PgError),
    /// An error about anything else.
    #[error("the database refused")]
    Server(#[source] PgError),
}

impl WireError {
    /// Of a statement of the server's own: no client can correct it.
    pub(in crate::query::scope) fn of_own_statement(self) -> Self {
        match self {
            Self::Statement(error) => Self::Server(error),
            other => other,
        }
    }
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        // With TLS 1.3 a server refuses the client only after the handshake, in an alert.
        match tls::error_of(&error) {
            Some(alert @ rustls::Error::AlertReceived(_)) => Self::Tls(alert.clone().into()),
            _ => Self::Io(error),
        }
    }
}

/// Whether the connection has ended, at the server or on the way to it. The operating system
/// reports the timeouts of `transport` as `TimedOut`, and what routers say as one of the last two.
pub(super) fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}

pub(super) fn database_error(body: &ErrorResponseBody) -> PgError {
    let mut error = PgError {
        sqlstate: "XX000".to_owned(),
        message: String::new(),
        hint: None,
        position: None,
    };
    let mut fields = body.fields();
    // A field that cannot be read leaves the error with what was read before it.
    while let Ok(Some(field)) = fields.next() {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => error.sqlstate = value(),
            b'M' => error.message = value(),
            b'H' => error.hint = Some(value()),
            b'P' => error.position = value().parse().ok(),
            _ => {}
        }
    }
    error
}
