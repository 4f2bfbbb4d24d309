//! Limits on one request.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::environment::Environment;
use super::reader::{Reader, SettingsError};
use super::variables as var;

/// Limits on one request. Every field is a maximum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Limits on one answer, for readers.
    pub answer: AnswerLimits,
    /// Limits on one answer, for analysts and operators; none is lower than in `answer`.
    pub analyst_answer: AnswerLimits,
    /// Rows in the answer to a call that does not request a number of rows.
    pub default_rows: NonZeroU32,
    /// Bytes of JSON in the rows of such an answer.
    pub default_result_bytes: NonZeroUsize,
    /// Bytes in one value of an answer.
    pub cell_bytes: NonZeroUsize,
    /// Bytes in an HTTP request body.
    pub request_bytes: NonZeroUsize,
    /// Bytes in a SQL text.
    pub sql_bytes: NonZeroUsize,
    /// Database connections open at once.
    pub connections: NonZeroUsize,
    /// Database connections in use by one tenant at once.
    pub tenant_connections: NonZeroUsize,
    /// Requests of one tenant that wait for a database connection.
    pub tenant_queue: NonZeroUsize,
}

/// Limits on one answer. Every field is a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerLimits {
    /// How long PostgreSQL may run the statement.
    pub statement_timeout: Duration,
    /// Rows in the answer.
    pub rows: NonZeroU32,
    /// Bytes of JSON in the answer's rows.
    pub result_bytes: NonZeroUsize,
}

impl AnswerLimits {
    fn read(
        reader: &mut Reader<'_>,
        timeout: &'static var::Variable,
        rows: &'static var::Variable,
        bytes: &'static var::Variable,
    ) -> Option<Self> {
        let seconds = reader.number(timeout, 1, 600);
        let rows = reader.number(rows, 1, 10_000);
        let bytes = reader.number(bytes, 1_024, 64 << 20);
        Some(Self {
            statement_timeout: Duration::from_secs(u64::from(seconds?.get())),
            rows: rows?,
            result_bytes: to_usize(bytes?),
        })
    }

    /// The higher of each pair of limits.
    fn max(self, other: Self) -> Self {
        Self {
            statement_timeout: self.statement_timeout.max(other.statement_timeout),
            rows: self.rows.max(other.rows),
            result_bytes: self.result_bytes.max(other.result_bytes),
        }
    }
}

impl Limits {
    /// Requests of one tenant in flight: those that use a database connection, and those that wait
    /// for one.
    #[must_use]
    pub fn tenant_requests(&self) -> NonZeroUsize {
        self.tenant_connections
            .saturating_add(self.tenant_queue.get())
    }

    /// Reads the limits on one request.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let answer = AnswerLimits::read(
            reader,
            &var::ZAVA_STATEMENT_TIMEOUT_SECONDS,
            &var::ZAVA_MAX_ROWS,
            &var::ZAVA_MAX_RESULT_BYTES,
        );
        let analyst_answer = AnswerLimits::read(
            reader,
            &var::ZAVA_ANALYST_STATEMENT_TIMEOUT_SECONDS,
            &var::ZAVA_ANALYST_MAX_ROWS,
            &var::ZAVA_ANALYST_MAX_RESULT_BYTES,
        );
        let default_rows = reader.number(&var::ZAVA_DEFAULT_ROWS, 1, 10_000);
        let default_result_bytes = reader.number(&var::ZAVA_DEFAULT_RESULT_BYTES, 1_024, 64 << 20);
        let cell_bytes = reader.number(&var::ZAVA_MAX_CELL_BYTES, 256, 1 << 20);
        let request_bytes = reader.number(&var::ZAVA_MAX_REQUEST_BYTES, 1_024, 64 << 20);
        let sql_bytes = read_sql_bytes(reader);
        let connections = reader.number(&var::ZAVA_MAX_CONNECTIONS, 1, 1_000);
        let tenant_connections = reader.number(&var::ZAVA_TENANT_CONNECTIONS, 1, 1_000);
        let tenant_queue = reader.number(&var::ZAVA_TENANT_QUEUE, 1, 10_000);
        let (answer, sql_bytes) = (answer?, sql_bytes?);
        Some(Self {
            answer,
            analyst_answer: analyst_answer?.max(answer),
            default_rows: default_rows?,
            default_result_bytes: to_usize(default_result_bytes?),
            cell_bytes: to_usize(cell_bytes?),
            // `None` means that the variable is absent, or invalid and already reported.
            request_bytes: request_bytes.map_or_else(|| request_bytes_for(sql_bytes), to_usize),
            sql_bytes,
            connections: to_usize(connections?),
            tenant_connections: to_usize(tenant_connections?),
            tenant_queue: to_usize(tenant_queue?),
        })
    }
}

/// The most bytes of JSON that one byte of a text can take: the escape `\u0000`.
const JSON_BYTES_PER_TEXT_BYTE: NonZeroUsize = NonZeroUsize::new(6).unwrap();

/// Room in a request for everything besides the SQL text: `_meta`, or a client's self-description.
const REQUEST_BYTES_BESIDE_SQL: usize = 64 << 10;

/// The largest request body that a SQL text of this length can require.
fn request_bytes_for(sql_bytes: NonZeroUsize) -> NonZeroUsize {
    sql_bytes
        .saturating_mul(JSON_BYTES_PER_TEXT_BYTE)
        .saturating_add(REQUEST_BYTES_BESIDE_SQL)
}

/// Reads the maximum length of a SQL text in bytes, the only setting that the guard needs.
///
/// # Errors
/// If `ZAVA_MAX_SQL_BYTES` is invalid, or a `ZAVA_` variable is not a setting.
pub fn max_sql_bytes(environment: &Environment) -> Result<NonZeroUsize, SettingsError> {
    let mut reader = Reader::new(environment);
    let max_bytes = read_sql_bytes(&mut reader);
    reader.finish(max_bytes)
}

fn read_sql_bytes(reader: &mut Reader<'_>) -> Option<NonZeroUsize> {
    reader
        .number(&var::ZAVA_MAX_SQL_BYTES, 64, 32 << 10)
        .map(to_usize)
}

fn to_usize(number: NonZeroU32) -> NonZeroUsize {
    // A usize holds every u32 on the platforms this server is built for (32 and 64 bits).
    NonZeroUsize::try_from(number).unwrap_or(NonZeroUsize::MAX)
}
