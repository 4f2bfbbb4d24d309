//! One connection, speaking PostgreSQL's protocol 3.0
//! (<https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY>).

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DATA_ROW_TAG, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::row_sink::{Column, RowSink};
use super::transport::Transport;
use crate::reactor::{SLICE_BYTES, slice_permit};
use crate::settings::PoolMode;

mod cancel; // cancelling a statement, and ending a session
mod error; // why a connection failed
mod lifetime; // when a connection expires
mod login; // from the first message to the first ReadyForQuery
mod reply; // the reply to one transaction, step by step
mod row; // one row of a result
mod statements; // the messages of one transaction
mod transaction; // what a connection is given to run

pub(super) use cancel::send_cancel_request;
pub(super) use error::WireError;
use error::{database_error, is_hang_up};
use lifetime::Lifetime;
pub(super) use login::Login;
use reply::{Reply, Step};
use statements::{CLEAN_UP, PreparedNames, write_begin, write_transaction};
pub(super) use transaction::{Query, Transaction, TransactionMode};

/// A message begins with a tag and a length, which counts itself and not the tag.
const TAG_BYTES: usize = 1;
const HEADER_BYTES: usize = TAG_BYTES + 4;

/// Added to the row limit to get the limit of any message: a description of 1,600 columns fits.
const MESSAGE_ALLOWANCE_BYTES: usize = 256 * 1024;

/// The minimum buffer space for one read. PostgreSQL sends 8 KiB at once; a read that does not fill
/// its buffer tells tokio that nothing more has arrived, which saves the system call that would
/// find out.
const MIN_READ_BYTES: usize = 12 * 1024;

/// The capacity of a new connection's read buffer.
const INITIAL_READ_BUFFER_BYTES: usize = 16 * 1024;

/// The capacity of a new connection's write buffer.
const INITIAL_WRITE_BUFFER_BYTES: usize = 2 * 1024;

/// A buffer that has grown beyond this capacity is replaced after use. Otherwise, ten idle
/// connections would each hold the longest row that they ever received.
const MAX_IDLE_BUFFER_BYTES: usize = 64 * 1024;

/// How much of an unwanted result is read to keep a connection. Beyond it the connection is closed.
const MAX_DRAINED_BYTES: usize = 256 * 1024;

/// What identifies a backend in a cancel request.
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
    /// No transaction is open and nothing is left to read.
    clean: bool,
    /// A request was sent and its ReadyForQuery has not arrived: a statement may be running.
    awaiting_reply: bool,
    /// How many bytes of a discarded message are still to arrive.
    bytes_to_skip: usize,
    /// When bytes last arrived.
    last_received_at: Instant,
    max_message_bytes: usize,
    /// `None` behind a pooler.
    prepared: Option<PreparedNames>,
    /// PostgreSQL's major version, if it has sent one.
    version: Option<u32>,
    lifetime: Lifetime,
    /// Behind a pooler, the process that serves the transaction.
    backend: Option<i32>,
}

impl Connection {
    /// A connection over a new transport, on which nothing has been sent. `max_row_bytes` bounds
    /// how much of one message is buffered.
    fn new(stream: Box<dyn Transport>, pool_mode: PoolMode, max_row_bytes: usize) -> Self {
        Self {
            stream,
            incoming: BytesMut::with_capacity(INITIAL_READ_BUFFER_BYTES),
            outgoing: BytesMut::with_capacity(INITIAL_WRITE_BUFFER_BYTES),
            key: CancelKey::default(),
            clean: false,
            awaiting_reply: false,
            bytes_to_skip: 0,
            last_received_at: Instant::now(),
            max_message_bytes: max_row_bytes.saturating_add(MESSAGE_ALLOWANCE_BYTES),
            // Behind a pooler, each transaction may run in another session.
            prepared: (pool_mode == PoolMode::Direct).then(PreparedNames::default),
            version: None,
            lifetime: Lifetime::new(Instant::now()),
            backend: None,
        }
    }

    /// The process that serves this connection. Without a pooler, `pg_backend_pid()` returns the
    /// same.
    pub(super) fn process_id(&self) -> i32 {
        self.key.process_id
    }

    /// The process that serves the open transaction, or that served the last one.
    pub(super) fn backend(&self) -> i32 {
        self.backend.unwrap_or(self.key.process_id)
    }

    /// Whether the connection has reached the end of its lifetime and must not be reused.
    pub(super) fn is_expired(&self) -> bool {
        self.lifetime.has_expired(Instant::now())
    }

    /// Whether PostgreSQL has confirmed that no transaction is open, and nothing is left to read.
    pub(super) fn is_clean(&self) -> bool {
        self.clean
    }

    /// The time since bytes last arrived.
    pub(super) fn silent_for(&self) -> Duration {
        self.last_received_at.elapsed()
    }

    /// Runs one transaction. Whatever happens in it, the transaction ends as its mode says, or the
    /// connection is not clean.
    ///
    /// # Cancel safety
    /// Dropped half-way, it leaves the connection not clean.
    pub(super) async fn transact(
        &mut self,
        transaction: &Transaction<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        self.clean = false;
        self.lifetime
            .count_statement(transaction.query.retained_bytes);
        write_transaction(transaction, self.prepared.as_mut(), &mut self.outgoing)?;
        self.send_request().await?;
        let first = match (transaction.is_open, transaction.context) {
            (false, _) => Step::Begin,
            (true, Some(_)) => Step::SetContext,
            (true, None) => Step::Query,
        };
        let mut reply = Reply::new(first, transaction.mode, transaction.context.is_some());
        let mut slice_bytes = 0;
        let status = loop {
            let Some(header) = self.wait_for_message(&reply).await? else {
                sink.oversized();
                return Ok(()); // not clean: the rest of the row is still to arrive
            };
            if header.tag() == DATA_ROW_TAG {
                let end = TAG_BYTES + length(header);
                slice_bytes += end;
                if slice_bytes > SLICE_BYTES {
                    slice_bytes = end;
                    slice_permit().await;
                }
                reply.handle_row(&self.incoming[HEADER_BYTES..end], sink)?;
                self.incoming.advance(end);
            } else if let Some(message) = Message::parse(&mut self.incoming)?
                && let Some(status) = reply.handle_message(message, sink)?
            {
                break status;
            }
            if reply.drained_bytes() > MAX_DRAINED_BYTES {
                return Ok(()); // not clean: closing is cheaper than reading the rest
            }
        };
        self.awaiting_reply = false;
        self.rollback_if_failed(status).await?;
        self.shrink_read_buffer();
        self.clean &= !reply.is_session_suspect();
        if let Some(prepared) = &mut self.prepared
            && !reply.has_succeeded()
        {
            prepared.clear();
        }
        reply.into_result()
    }

    /// Opens the transaction that [`Self::transact`] continues, and returns the process that serves
    /// it: behind a pooler, each transaction may have another one. Costs a round trip of its own.
    ///
    /// # Cancel safety
    /// Dropped half-way, or without a transaction that follows, it leaves the connection not clean.
    pub(super) async fn begin(&mut self, mode: TransactionMode) -> Result<i32, WireError> {
        self.clean = false;
        write_begin(mode, &mut self.outgoing)?;
        self.send_request().await?;
        let (mut backend, mut rejected) = (None, None);
        loop {
            match self.next().await? {
                Message::DataRow(row) => {
                    let text = row.ranges().next()?.flatten();
                    let text =
                        text.and_then(|range| std::str::from_utf8(&row.buffer()[range]).ok());
                    backend = text.and_then(|text| text.parse().ok());
                }
                Message::ErrorResponse(body) => rejected = Some(database_error(&body)),
                Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        self.awaiting_reply = false;
        match (rejected, backend) {
            (Some(error), _) => Err(WireError::Server(error)),
            (None, Some(backend)) => {
                self.backend = Some(backend);
                Ok(backend)
            }
            (None, None) => Err(WireError::Protocol("no process id")),
        }
    }

    /// Runs one internal statement in a read-only transaction without a tenant.
    ///
    /// # Cancel safety
    /// As for [`Self::transact`].
    pub(super) async fn run_internal(
        &mut self,
        query: Query<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let transaction = Transaction {
            mode: TransactionMode::Read,
            is_open: false,
            requires_replica: false,
            context: None,
            statement_timeout: Duration::ZERO,
            query,
        };
        self.transact(&transaction, sink).await
    }

    /// Sends Sync and waits for ReadyForQuery: an empty round trip.
    pub(super) async fn ping(&mut self) -> Result<(), WireError> {
        self.clean = false;
        frontend::sync(&mut self.outgoing);
        self.send_request().await?;
        loop {
            if let Message::ReadyForQuery(ready) = self.next().await? {
                self.awaiting_reply = false;
                self.clean = ready.status() == b'I';
                return Ok(());
            }
        }
    }

    /// Checks that PostgreSQL is new enough for a statement; an older version would report a syntax
    /// error. The check comes before anything is sent, so the connection stays clean.
    pub(super) fn require_version(&self, needed: u32) -> Result<(), WireError> {
        match self.version.filter(|version| *version < needed) {
            Some(version) => Err(WireError::VersionTooOld { version, needed }),
            None => Ok(()),
        }
    }

    fn shrink_read_buffer(&mut self) {
        if self.incoming.is_empty() && self.incoming.try_reclaim(MAX_IDLE_BUFFER_BYTES) {
            self.incoming = BytesMut::with_capacity(INITIAL_READ_BUFFER_BYTES);
        }
    }

    /// Rolls back a failed transaction. After an error PostgreSQL skips all messages up to Sync, so
    /// the ROLLBACK among them did not run.
    async fn rollback_if_failed(&mut self, mut status: u8) -> Result<(), WireError> {
        let mut rejected = false;
        if status == b'E' {
            frontend::query(CLEAN_UP, &mut self.outgoing)?;
            self.send_request().await?;
            status = loop {
                match self.next().await? {
                    Message::ReadyForQuery(ready) => break ready.status(),
                    Message::ErrorResponse(_) => rejected = true,
                    _ => {}
                }
            };
            self.awaiting_reply = false;
        }
        self.clean = status == b'I' && !rejected;
        Ok(())
    }

    /// Sends the messages in the write buffer. Their reply ends with ReadyForQuery.
    async fn send_request(&mut self) -> Result<(), WireError> {
        self.awaiting_reply = true;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), WireError> {
        let written = self.stream.write_all(&self.outgoing).await;
        self.outgoing.clear();
        if self.outgoing.capacity() > MAX_IDLE_BUFFER_BYTES {
            self.outgoing = BytesMut::with_capacity(INITIAL_WRITE_BUFFER_BYTES);
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

    /// Waits until the next message has arrived completely, and returns its header; `None` when it
    /// is a row longer than may be buffered. Any other message of that length is taken for an error
    /// that repeats a value.
    async fn wait_for_message(&mut self, reply: &Reply) -> Result<Option<Header>, WireError> {
        loop {
            let mut missing = HEADER_BYTES.saturating_sub(self.incoming.len());
            if let Some(header) = Header::parse(&self.incoming)? {
                if length(header) > self.max_message_bytes {
                    return if header.tag() == DATA_ROW_TAG {
                        Ok(None)
                    } else {
                        Err(WireError::ErrorTooLong)
                    };
                }
                missing = (TAG_BYTES + length(header)).saturating_sub(self.incoming.len());
                if missing == 0 {
                    return Ok(Some(header));
                }
            }
            self.incoming.reserve(missing.max(MIN_READ_BYTES));
            self.fill(reply.has_started()).await?;
        }
    }

    /// Reads once. Before the reply has started, the end of the stream is [`WireError::Closed`].
    async fn fill(&mut self, has_started: bool) -> Result<(), WireError> {
        match self.stream.read_buf(&mut self.incoming).await {
            Ok(0) if has_started => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(0) => Err(WireError::Closed),
            Ok(_) => {
                self.last_received_at = Instant::now();
                Ok(())
            }
            Err(error) if !has_started && is_hang_up(&error) => Err(WireError::Closed),
            Err(error) => Err(error.into()),
        }
    }
}

/// The length of a message without its tag.
fn length(header: Header) -> usize {
    // `Header::parse` accepts no length below four.
    usize::try_from(header.len()).unwrap_or(usize::MAX)
}
