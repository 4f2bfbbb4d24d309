//! One connection, speaking PostgreSQL's protocol 3.0
//! (<https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>).

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::IsNull;
use postgres_protocol::authentication::sasl::{self, ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::{DATA_ROW_TAG, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::context::Entry;
use super::error::DatabaseError;
use super::transport::Transport;
use super::{Column, RowSink};
use crate::settings::{DatabaseAddress, Login};

mod reply; // what the server answers to one transaction, step by step

use reply::Reply;

/// Parsed anew in every transaction and never by a name: a prepared statement outlives the transaction, so one that a
/// statement had replaced (the guard assumed broken) would be given the next tenant's signature.
const BEGIN: &str = "BEGIN READ ONLY";
const ENTER: &str =
    "SELECT guard.enter($1, $2, $3, $4), pg_catalog.set_config('statement_timeout', $5, true)";
const ROLLBACK: &str = "ROLLBACK";

/// `int4`, `uuid`, `int8`, `bytea`, `text` in `pg_type`: the parameters of [`ENTER`].
const ENTER_TYPES: [u32; 5] = [23, 2950, 20, 17, 25];
const TEXT: i16 = 0;
const BINARY: i16 = 1;

/// What messages may hold beside a row: a description of 1,600 columns fits.
const ROOM_FOR_OTHERS: usize = 256 * 1024;

/// How much of a result nobody wants any more is read to keep a connection; beyond it the connection is closed.
const WORTH_DRAINING: usize = 256 * 1024;

/// Why a connection did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// The socket failed while something was under way.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// The server had closed the connection before it answered anything.
    #[error("the connection was closed")]
    Closed,
    /// No answer in time.
    #[error("the database did not answer in time")]
    Silent,
    /// The server does not speak TLS, and without it nothing is said to it.
    #[error(
        "the database does not offer TLS; POSTGRES_SSLMODE=disable goes without, where the network is trusted"
    )]
    NoTls,
    /// The server asks for a kind of authentication this client does not speak.
    #[error("the database asks for {0}, not for a SCRAM-SHA-256 password")]
    Authentication(&'static str),
    /// The server said something that has no place here.
    #[error("the database broke the protocol: {0}")]
    Protocol(&'static str),
    /// An error about the client's statement.
    #[error("the statement failed")]
    Statement(#[source] DatabaseError),
    /// An error about anything else.
    #[error("the database refused")]
    Server(#[source] DatabaseError),
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One transaction, from BEGIN to ROLLBACK.
pub(super) struct Transaction<'a> {
    /// `None` enters for no tenant, and so sees no tenant's rows.
    pub(super) entry: Option<&'a Entry>,
    /// With an entry; without one the role's own holds.
    pub(super) statement_timeout: Duration,
    /// `None` only enters, to learn whether the tenant is known.
    pub(super) query: Option<Query<'a>>,
}

/// A statement with the values of its parameters in text form.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) sql: &'a str,
    pub(super) parameters: &'a [&'a str],
    /// 0 for all.
    pub(super) most_rows: i32,
}

/// An authenticated connection.
pub(super) struct Connection {
    stream: Box<dyn Transport>,
    incoming: BytesMut,
    outgoing: BytesMut,
    process_id: i32,
    clean: bool,
    longest_message: usize,
}

impl Connection {
    /// Logs in over a new transport. `largest_row` bounds what is held of one message.
    pub(super) async fn open(
        stream: Box<dyn Transport>,
        address: &DatabaseAddress,
        login: &Login,
        largest_row: usize,
    ) -> Result<Self, WireError> {
        let mut connection = Self {
            stream,
            incoming: BytesMut::with_capacity(8 * 1024),
            outgoing: BytesMut::with_capacity(2 * 1024),
            process_id: 0,
            clean: false,
            longest_message: largest_row.saturating_add(ROOM_FOR_OTHERS),
        };
        let parameters = [
            ("user", login.user.as_str()),
            ("database", address.database.as_str()),
            ("application_name", address.application_name.as_str()),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut connection.outgoing)?;
        connection.flush().await?;
        connection.authenticate(login).await?;
        connection.greet().await?;
        Ok(connection)
    }

    /// The process that serves this connection, as `pg_backend_pid()` tells it.
    pub(super) fn process_id(&self) -> i32 {
        self.process_id
    }

    /// Whether the server has said that no transaction is open and nothing is on its way.
    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    /// Runs one transaction. Whatever happens in it, it ends in ROLLBACK or the connection is not clean.
    ///
    /// # Cancel safety
    /// Dropped half-way, the connection is not clean.
    pub(super) async fn transact(
        &mut self,
        transaction: &Transaction<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        self.clean = false;
        self.write_transaction(transaction)?;
        self.flush().await?;
        let mut reply = Reply::new(transaction.entry.is_some(), transaction.query.is_some());
        let status = loop {
            let Some(message) = self.next_within_bounds(&reply).await? else {
                sink.oversized();
                return Ok(()); // not clean: the rest of the row is still on its way
            };
            if let Some(status) = reply.take(message, sink)? {
                break status;
            }
            if reply.drained() > WORTH_DRAINING {
                return Ok(()); // not clean: closing is cheaper than reading what nobody wants
            }
        };
        self.settle(status).await?;
        self.clean &= !reply.shows_damage();
        reply.outcome()
    }

    /// Runs one statement of the server's own without a tenant, otherwise like [`Self::transact`].
    pub(super) async fn read(
        &mut self,
        query: Query<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let transaction = Transaction {
            entry: None,
            statement_timeout: Duration::ZERO,
            query: Some(query),
        };
        self.transact(&transaction, sink).await
    }

    /// An empty round trip.
    pub(super) async fn ping(&mut self) -> Result<(), WireError> {
        self.clean = false;
        frontend::sync(&mut self.outgoing);
        self.flush().await?;
        loop {
            if let Message::ReadyForQuery(ready) = self.next().await? {
                self.clean = ready.status() == b'I';
                return Ok(());
            }
        }
    }

    fn write_transaction(&mut self, transaction: &Transaction<'_>) -> Result<(), WireError> {
        let out = &mut self.outgoing;
        parse_and_bind(BEGIN, out)?;
        frontend::execute("", 0, out)?;

        if let Some(entry) = transaction.entry {
            write_entry(entry, transaction.statement_timeout, out)?;
        }
        if let Some(query) = transaction.query {
            frontend::parse("", query.sql, [], out)?;
            bind(
                "",
                "",
                [TEXT],
                query.parameters.iter().map(|value| value.as_bytes()),
                out,
            )?;
            frontend::describe(b'P', "", out)?;
            frontend::execute("", query.most_rows, out)?;
        }
        parse_and_bind(ROLLBACK, out)?;
        frontend::execute("", 0, out)?;
        frontend::sync(out);
        Ok(())
    }

    /// After an error the server skips to the end of the messages, so the ROLLBACK among them has not run.
    async fn settle(&mut self, mut status: u8) -> Result<(), WireError> {
        if status == b'E' {
            frontend::query(ROLLBACK, &mut self.outgoing)?;
            self.flush().await?;
            status = loop {
                if let Message::ReadyForQuery(ready) = self.next().await? {
                    break ready.status();
                }
            };
        }
        self.clean = status == b'I';
        Ok(())
    }

    async fn authenticate(&mut self, login: &Login) -> Result<(), WireError> {
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
            // The server proves here that it knows the password too.
            Message::AuthenticationSaslFinal(body) => scram.finish(body.data())?,
            Message::ErrorResponse(body) => return Err(WireError::Server(database_error(&body))),
            _ => return Err(WireError::Protocol("no SCRAM signature")),
        }
        match self.next().await? {
            Message::AuthenticationOk => Ok(()),
            _ => Err(WireError::Protocol("no end of authentication")),
        }
    }

    async fn greet(&mut self) -> Result<(), WireError> {
        loop {
            match self.next().await? {
                Message::BackendKeyData(body) => self.process_id = body.process_id(),
                Message::ReadyForQuery(ready) => {
                    self.clean = ready.status() == b'I';
                    return Ok(());
                }
                Message::ErrorResponse(body) => {
                    return Err(WireError::Server(database_error(&body)));
                }
                _ => {}
            }
        }
    }

    async fn flush(&mut self) -> Result<(), WireError> {
        let written = self.stream.write_all(&self.outgoing).await;
        self.outgoing.clear();
        written.map_err(|error| {
            if is_hang_up(&error) {
                WireError::Closed
            } else {
                error.into()
            }
        })
    }

    async fn next(&mut self) -> Result<Message, WireError> {
        loop {
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(message);
            }
            self.fill(false).await?;
        }
    }

    /// The next message, or `None` when it is a row longer than may be held. An error that long repeats a value.
    async fn next_within_bounds(&mut self, reply: &Reply) -> Result<Option<Message>, WireError> {
        loop {
            if let Some(message) = Message::parse(&mut self.incoming)? {
                return Ok(Some(message));
            }
            if let Some(header) = Header::parse(&self.incoming)?
                && usize::try_from(header.len()).is_ok_and(|length| length > self.longest_message)
            {
                return if header.tag() == DATA_ROW_TAG {
                    Ok(None)
                } else {
                    Err(WireError::Statement(DatabaseError::too_long()))
                };
            }
            self.fill(reply.has_begun()).await?;
        }
    }

    async fn fill(&mut self, answered: bool) -> Result<(), WireError> {
        match self.stream.read_buf(&mut self.incoming).await {
            Ok(0) if answered => Err(WireError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(0) => Err(WireError::Closed),
            Ok(_) => Ok(()),
            Err(error) if !answered && is_hang_up(&error) => Err(WireError::Closed),
            Err(error) => Err(error.into()),
        }
    }
}

fn write_entry(entry: &Entry, timeout: Duration, out: &mut BytesMut) -> Result<(), WireError> {
    let timeout = timeout.as_millis().to_string();
    let (key_id, expires) = (entry.key_id.to_be_bytes(), entry.expires.to_be_bytes());
    let values: [&[u8]; 5] = [
        &key_id,
        &entry.tenant,
        &expires,
        &entry.mac,
        timeout.as_bytes(),
    ];
    frontend::parse("", ENTER, ENTER_TYPES, out)?;
    bind("", "", [BINARY, BINARY, BINARY, BINARY, TEXT], values, out)?;
    frontend::execute("", 0, out)?;
    Ok(())
}

fn parse_and_bind(sql: &str, out: &mut BytesMut) -> Result<(), WireError> {
    frontend::parse("", sql, [], out)?;
    bind("", "", [], std::iter::empty(), out)
}

/// Binds values that are never NULL; results are asked for in text form.
fn bind<'a>(
    portal: &str,
    statement: &str,
    formats: impl IntoIterator<Item = i16>,
    values: impl IntoIterator<Item = &'a [u8]>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let put = |value: &[u8], buffer: &mut BytesMut| {
        buffer.extend_from_slice(value);
        Ok(IsNull::No)
    };
    frontend::bind(portal, statement, formats, values, put, [TEXT], out).map_err(
        |error| match error {
            frontend::BindError::Serialization(error) => {
                io::Error::new(io::ErrorKind::InvalidInput, error).into()
            }
            frontend::BindError::Conversion(error) => {
                io::Error::new(io::ErrorKind::InvalidInput, error).into()
            }
        },
    )
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
    )
}

fn database_error(body: &ErrorResponseBody) -> DatabaseError {
    let mut error = DatabaseError {
        sqlstate: "XX000".to_owned(),
        message: String::new(),
        hint: None,
    };
    let mut fields = body.fields();
    // A field that cannot be read leaves the error with what was read before it.
    while let Ok(Some(field)) = fields.next() {
        let value = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => error.sqlstate = value(),
            b'M' => error.message = value(),
            b'H' => error.hint = Some(value()),
            _ => {}
        }
    }
    error
}
