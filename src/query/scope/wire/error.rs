use std::io;
use std::time::Duration;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::ErrorResponseBody;

use crate::password::PasswordError;
use crate::query::scope::pg_error::PgError;
use crate::query::scope::transport::TransportError;

/// Why a connection failed, or a statement on it.
#[derive(Debug, thiserror::Error)]
pub(in crate::query::scope) enum WireError {
    /// The transport could not be opened, or failed after a reply had started.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The connection was closed before any part of a reply arrived.
    #[error("the connection was closed")]
    Closed,
    /// No reply arrived in time.
    #[error("the database did not answer in time")]
    NoReply,
    /// A client's statement is still running after its timeout, while the database answers other
    /// connections.
    #[error("the statement did not end at its timeout")]
    StatementOverdue,
    /// PostgreSQL asks for an authentication method other than SCRAM-SHA-256.
    #[error("the database asks for {0}; only SCRAM-SHA-256 is supported")]
    Authentication(&'static str),
    /// There is no password to log in with.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There was no password in time.
    #[error("there was no password for the database within {} s", .0.as_secs())]
    PasswordTimeout(Duration),
    /// PostgreSQL has rejected the token: it is out of date, or belongs to another role.
    #[error(
        "the database rejected the access token; POSTGRES_USER must be the login of the identity in ZAVA_AZURE_CREDENTIAL"
    )]
    TokenRejected(#[source] PgError),
    /// PostgreSQL asks for the token, and somebody else could read it on the way.
    #[error(
        "the database asks for the access token over a connection without TLS; set POSTGRES_SSLMODE=verify-full"
    )]
    UnprotectedToken,
    /// PostgreSQL asks for a password of its own.
    #[error(
        "the database does not accept access tokens for this login; enable Microsoft Entra authentication on the server, and let `zava-mcp-server migrate` create the login for POSTGRES_ENTRA_OBJECT_ID (it does not change an existing one)"
    )]
    TokenNotAccepted,
    /// PostgreSQL sent a message, or a result, that is not valid here.
    #[error("unexpected reply from the database: {0}")]
    Protocol(&'static str),
    /// The client's statement needs a newer PostgreSQL; it was not sent.
    #[error("the statement needs PostgreSQL {needed}, and the database is PostgreSQL {version}")]
    VersionTooOld { version: u32, needed: u32 },
    /// The client's statement failed with a message that is longer than a result may be. It was not
    /// read.
    #[error("the statement failed with an error message that is too long")]
    ErrorTooLong,
    /// PostgreSQL reported an error in the client's statement.
    #[error("the statement failed")]
    Statement(#[source] PgError),
    /// PostgreSQL reported an error in anything else.
    #[error("the database reported an error")]
    Server(#[source] PgError),
}

impl WireError {
    /// The kind of error, as traces and metrics have it: PostgreSQL's SQLSTATE, or a constant.
    pub(in crate::query::scope) fn error_type(&self) -> &str {
        match self {
            Self::Statement(error) | Self::Server(error) | Self::TokenRejected(error) => {
                &error.sqlstate
            }
            Self::Transport(_) | Self::Closed => "connection_lost",
            Self::NoReply | Self::StatementOverdue => "timeout",
            Self::Authentication(_)
            | Self::Password(_)
            | Self::PasswordTimeout(_)
            | Self::UnprotectedToken
            | Self::TokenNotAccepted => "authentication",
            Self::Protocol(_) => "protocol",
            // PostgreSQL's own codes for both.
            Self::VersionTooOld { .. } => "0A000",
            Self::ErrorTooLong => "54000",
        }
    }

    /// Turns an error in an internal statement into [`Self::Server`]: no client can correct it.
    pub(in crate::query::scope) fn into_internal(self) -> Self {
        match self {
            Self::Statement(error) => Self::Server(error),
            Self::ErrorTooLong => io::Error::other("the error message is too long").into(),
            other => other,
        }
    }

    /// Whether PostgreSQL has rejected the password or the token of a new connection. Class 28 of
    /// PostgreSQL's error codes: invalid authorization specification.
    pub(in crate::query::scope) fn is_password_rejected(&self) -> bool {
        match self {
            Self::TokenRejected(_) => true,
            Self::Server(error) => error.sqlstate.starts_with("28"),
            _ => false,
        }
    }

    /// Whether the connection has ended, or no longer answers. Class 57P of PostgreSQL's error codes:
    /// the server or an administrator has ended the session.
    pub(in crate::query::scope) fn is_connection_lost(&self) -> bool {
        match self {
            Self::Closed | Self::NoReply | Self::Transport(TransportError::Io(_)) => true,
            Self::Server(error) => error.sqlstate.starts_with("57P"),
            _ => false,
        }
    }

    /// Whether the database has rejected a signature: it does not accept the key, or knows another
    /// one by its number.
    pub(in crate::query::scope) fn is_signature_rejected(&self) -> bool {
        match self {
            Self::Server(error) => ["ZV001", "ZV002"].contains(&error.sqlstate.as_str()),
            _ => false,
        }
    }
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Transport(error.into())
    }
}

/// Whether the connection has ended, at PostgreSQL or on the way to it. The operating system
/// reports the timeouts set in `transport` as `TimedOut`, and ICMP errors from routers as one of
/// the last two kinds.
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

/// Reads the fields of an ErrorResponse that the server uses.
pub(super) fn database_error(body: &ErrorResponseBody) -> PgError {
    let mut error = PgError {
        sqlstate: "XX000".to_owned(),
        message: String::new(),
        hint: None,
        position: None,
    };
    let mut fields = body.fields();
    // An unreadable field ends the loop; the fields before it are kept.
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
