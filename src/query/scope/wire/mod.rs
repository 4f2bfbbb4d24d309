//! One connection, speaking PostgreSQL's protocol 3.0
//! (<https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>).

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DATA_ROW_TAG, ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::error::PgError;
use super::transport::Transport;
use super::{Column, RowSink};
use crate::query::guard::PlannerSettings;
use crate::reactor::{SLICE_BYTES, slice_permit};
use crate::settings::{DatabaseAddress, Login, PoolMode};
use crate::tls::{self, HandshakeError};

mod age; // how long a connection lives
mod end; // leaving a connection that is not used again
mod login; // from the first message to the first ReadyForQuery
mod reply; // what the server answers to one transaction, step by step
mod row; // one row of a result
mod statements; // what one transaction sends

use age::Age;
pub(super) use end::cancel;
use reply::{Reply, Step};
use statements::{CLEAN_UP, PreparedNames, write_begin, write_transaction};

/// A message begins with a tag and a length, which counts itself and not the tag.
const TAG_BYTES: usize = 1;
const HEADER_BYTES: usize = TAG_BYTES + 4;

/// What messages may hold beside a row: a description of 1,600 columns fits.
const ROOM_FOR_OTHERS: usize = 256 * 1024;

/// The least room for one read. PostgreSQL sends 8 KiB at once; a read that leaves some of its room
/// tells tokio that nothing more has arrived, which saves the system call that would find out.
const MIN_READ_BYTES: usize = 12 * 1024;
/// The buffer of a connection that has seen no long row. It grows for one, and is not kept that long: ten idle connections
/// would hold the longest rows that each has ever seen.
const USUAL_BUFFER: usize = 16 * 1024;
const GROWN_BUFFER: usize = 64 * 1024;
/// The same for what is written.
const USUAL_OUTGOING: usize = 2 * 1024;

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
    pub(super) fn of_own_statement(self) -> Self {
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

/// What a transaction may leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransactionMode {
    /// Nothing: it is read-only, and rolled back.
    Read,
    /// What a function of the guard appends for the server, when it is signed. Never together with a client's statement.
    Append,
}

/// One transaction, from BEGIN to its end.
pub(super) struct Transaction<'a> {
    pub(super) mode: TransactionMode,
    /// Whether [`Connection::begin`] has opened it already.
    pub(super) is_open: bool,
    /// The value of `zava.context`. Without one no tenant's rows are visible.
    pub(super) context: Option<&'a str>,
    /// With a context; without one the role's own holds.
    pub(super) statement_timeout: Duration,
    pub(super) query: Query<'a>,
}

/// A statement with the values of its parameters in text form.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) sql: &'a str,
    pub(super) settings: PlannerSettings,
    /// The first major version of PostgreSQL that can run it; 0 for any.
    pub(super) version: u32,
    pub(super) parameters: &'a [&'a str],
    /// 0 for all.
    pub(super) most_rows: i32,
    /// The bytes that the backend may cache for it after it has ended.
    pub(super) retained_bytes: u64,
}

impl<'a> Query<'a> {
    /// A statement of the server's own.
    pub(super) fn own(sql: &'a str, parameters: &'a [&'a str]) -> Self {
        Self {
            sql,
            settings: PlannerSettings::DEFAULT,
            version: 0,
            parameters,
            most_rows: 0,
            retained_bytes: 0,
        }
    }
}

/// What a server wants to hear before it cancels a statement.
#[derive(Clone, Copy, Default)]
pub(super) struct CancelKey {
    process_id: i32,
    secret: i32,
}

/// An authenticated connection.
pub(super) struct Connection {
    stream: Box<dyn Transport>,
    incoming: BytesMut,
    outgoing: BytesMut,
    key: CancelKey,
    /// No transaction is open and nothing is left to be read.
    clean: bool,
    /// Something was asked and the answer has not come to its end: a statement may be running.
    waiting: bool,
    /// What is still to come of a message that nobody reads.
    unwanted: usize,
    /// When bytes from the server last arrived.
    heard_at: Instant,
    longest_message: usize,
    names: Option<PreparedNames>,
    /// The server's major version, if it has sent one.
    version: Option<u32>,
    age: Age,
    /// Behind a pooler, which process serves the transaction.
    backend: Option<i32>,
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
            incoming: BytesMut::with_capacity(USUAL_BUFFER),
            outgoing: BytesMut::with_capacity(USUAL_OUTGOING),
            key: CancelKey::default(),
            clean: false,
            waiting: false,
            unwanted: 0,
            heard_at: Instant::now(),
            longest_message: largest_row.saturating_add(ROOM_FOR_OTHERS),
            // Behind a pooler, each transaction may have another session.
            names: (address.pool_mode == PoolMode::Direct).then(PreparedNames::default),
            version: None,
            age: Age::new(Instant::now()),
            backend: None,
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

    /// The process that serves this connection, as `pg_backend_pid()` tells it when no pooler stands between.
    pub(super) fn process_id(&self) -> i32 {
        self.key.process_id
    }

    /// The process that serves the transaction that is open, or the last one.
    pub(super) fn backend(&self) -> i32 {
        self.backend.unwrap_or(self.key.process_id)
    }

    /// Whether the connection has reached the end of its life.
    pub(super) fn is_old(&self) -> bool {
        self.age.is_over(Instant::now())
    }

    /// Whether the server has said that no transaction is open and nothing is on its way.
    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    /// The time since bytes from the server last arrived.
    pub(super) fn silent_for(&self) -> Duration {
        self.heard_at.elapsed()
    }

    /// Runs one transaction. Whatever happens in it, it ends as its mode says or the connection is not clean.
    ///
    /// # Cancel safety
    /// Dropped half-way, the connection is not clean.
    pub(super) async fn transact(
        &mut self,
        transaction: &Transaction<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        self.clean = false;
        self.age.count_statement(transaction.query.retained_bytes);
        write_transaction(transaction, self.names.as_mut(), &mut self.outgoing)?;
        self.ask().await?;
        let first = match (transaction.is_open, transaction.context) {
            (false, _) => Step::Begin,
            (true, Some(_)) => Step::Set,
            (true, None) => Step::Query,
        };
        let mut reply = Reply::new(first, transaction.mode, transaction.context.is_some());
        let mut slice_bytes = 0;
        let status = loop {
            let Some(header) = self.whole_message(&reply).await? else {
                sink.oversized();
                return Ok(()); // not clean: the rest of the row is still on its way
            };
            if header.tag() == DATA_ROW_TAG {
                let end = TAG_BYTES + length(header);
                slice_bytes += end;
                if slice_bytes > SLICE_BYTES {
                    slice_bytes = end;
                    slice_permit().await;
                }
                reply.take_row(&self.incoming[HEADER_BYTES..end], sink)?;
                self.incoming.advance(end);
            } else if let Some(message) = Message::parse(&mut self.incoming)?
                && let Some(status) = reply.take(message, sink)?
            {
                break status;
            }
            if reply.drained() > WORTH_DRAINING {
                return Ok(()); // not clean: closing is cheaper than reading what nobody wants
            }
        };
        self.waiting = false;
        self.rollback_if_failed(status).await?;
        self.forget_growth();
        self.clean &= !reply.shows_damage();
        if let Some(names) = &mut self.names
            && !reply.is_plain()
        {
            names.forget();
        }
        reply.outcome()
    }

    /// Opens the transaction that [`Self::transact`] goes on with, and tells the process that serves it: behind a pooler
    /// that is another one each time. A round trip of its own.
    ///
    /// # Cancel safety
    /// Dropped half-way, or without a transaction that follows, the connection is not clean.
    pub(super) async fn begin(&mut self, mode: TransactionMode) -> Result<i32, WireError> {
        self.clean = false;
        write_begin(mode, &mut self.outgoing)?;
        self.ask().await?;
        let (mut backend, mut refused) = (None, None);
        loop {
            match self.next().await? {
                Message::DataRow(row) => {
                    let text = row.ranges().next()?.flatten();
                    let text =
                        text.and_then(|range| std::str::from_utf8(&row.buffer()[range]).ok());
                    backend = text.and_then(|text| text.parse().ok());
                }
                Message::ErrorResponse(body) => refused = Some(database_error(&body)),
                Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        self.waiting = false;
        match (refused, backend) {
            (Some(error), _) => Err(WireError::Server(error)),
            (None, Some(backend)) => {
                self.backend = Some(backend);
                Ok(backend)
            }
            (None, None) => Err(WireError::Protocol("no process id")),
        }
    }

    /// Runs one statement of the server's own without a tenant, otherwise like [`Self::transact`].
    pub(super) async fn read(
        &mut self,
        query: Query<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let transaction = Transaction {
            mode: TransactionMode::Read,
            is_open: false,
            context: None,
            statement_timeout: Duration::ZERO,
            query,
        };
        self.transact(&transaction, sink).await
    }

    /// An empty round trip.
    pub(super) async fn ping(&mut self) -> Result<(), WireError> {
        self.clean = false;
        frontend::sync(&mut self.outgoing);
        self.ask().await?;
        loop {
            if let Message::ReadyForQuery(ready) = self.next().await? {
                self.waiting = false;
                self.clean = ready.status() == b'I';
                return Ok(());
            }
        }
    }

    /// Checks that the server is new enough for a statement; an older one would report a syntax
    /// error. Checked before anything is sent, so that the connection stays clean.
    pub(super) fn require_version(&self, needed: u32) -> Result<(), WireError> {
        match self.version.filter(|version| *version < needed) {
            Some(version) => Err(WireError::Statement(PgError::too_old(version, needed))),
            None => Ok(()),
        }
    }

    fn forget_growth(&mut self) {
        if self.incoming.is_empty() && self.incoming.try_reclaim(GROWN_BUFFER) {
            self.incoming = BytesMut::with_capacity(USUAL_BUFFER);
        }
    }

    /// After an error the server skips to the end of the messages, so the ROLLBACK among them has not run.
    async fn rollback_if_failed(&mut self, mut status: u8) -> Result<(), WireError> {
        let mut refused = false;
        if status == b'E' {
            frontend::query(CLEAN_UP, &mut self.outgoing)?;
            self.ask().await?;
            status = loop {
                match self.next().await? {
                    Message::ReadyForQuery(ready) => break ready.status(),
                    Message::ErrorResponse(_) => refused = true,
                    _ => {}
                }
            };
            self.waiting = false;
        }
        self.clean = status == b'I' && !refused;
        Ok(())
    }

    /// Sends what was written, and expects an answer that ends in ReadyForQuery.
    async fn ask(&mut self) -> Result<(), WireError> {
        self.waiting = true;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), WireError> {
        let written = self.stream.write_all(&self.outgoing).await;
        self.outgoing.clear();
        if self.outgoing.capacity() > GROWN_BUFFER {
            self.outgoing = BytesMut::with_capacity(USUAL_OUTGOING);
        }
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

    /// Waits until the next message has arrived whole: its header, or `None` when it is a row
    /// longer than may be held. An error that long repeats a value.
    async fn whole_message(&mut self, reply: &Reply) -> Result<Option<Header>, WireError> {
        loop {
            let mut missing = HEADER_BYTES.saturating_sub(self.incoming.len());
            if let Some(header) = Header::parse(&self.incoming)? {
                if length(header) > self.longest_message {
                    return if header.tag() == DATA_ROW_TAG {
                        Ok(None)
                    } else {
                        Err(WireError::Statement(PgError::too_long()))
                    };
                }
                missing = (TAG_BYTES + length(header)).saturating_sub(self.incoming.len());
                if missing == 0 {
                    return Ok(Some(header));
                }
            }
            self.incoming.reserve(missing.max(MIN_READ_BYTES));
            self.fill(reply.has_begun()).await?;
        }
    }

    async fn fill(&mut self, answered: bool) -> Result<(), WireError> {
        match self.stream.read_buf(&mut self.incoming).await {
            Ok(0) if answered => Err(WireError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(0) => Err(WireError::Closed),
            Ok(_) => {
                self.heard_at = Instant::now();
                Ok(())
            }
            Err(error) if !answered && is_hang_up(&error) => Err(WireError::Closed),
            Err(error) => Err(error.into()),
        }
    }
}

/// The length that a header tells: of the message without its tag.
fn length(header: Header) -> usize {
    // It was read as no less than four.
    usize::try_from(header.len()).unwrap_or(usize::MAX)
}

/// Whether the connection has ended, at the server or on the way to it. The operating system
/// reports the timeouts of `transport` as `TimedOut`, and what routers say as one of the last two.
fn is_hang_up(error: &io::Error) -> bool {
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

fn database_error(body: &ErrorResponseBody) -> PgError {
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
