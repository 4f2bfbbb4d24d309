//! Bounds on what one request may cost, and how many may come.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::environment::Environment;
use super::reader::{Reader, SettingsError};
use super::variables as var;

/// Bounds on what one request may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bounds on one answer, for readers.
    pub answer: AnswerLimits,
    /// The same for analysts and operators; none of it is less.
    pub analyst_answer: AnswerLimits,
    /// The rows of an answer to a call that does not say how many it wants.
    pub default_rows: NonZeroU32,
    /// The bytes of JSON that the rows of such an answer hold at most.
    pub default_result_bytes: NonZeroUsize,
    /// The most bytes of one value.
    pub cell_bytes: NonZeroUsize,
    /// The largest HTTP request body, in bytes.
    pub request_bytes: NonZeroUsize,
    /// The longest SQL text, in bytes.
    pub sql_bytes: NonZeroUsize,
    /// The most database connections held at once.
    pub connections: NonZeroUsize,
    /// The most of them that one tenant holds.
    pub tenant_connections: NonZeroUsize,
    /// The most requests of one tenant that wait for one.
    pub tenant_queue: NonZeroUsize,
}

/// Bounds on one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerLimits {
    /// The longest that PostgreSQL works on its statement.
    pub statement_timeout: Duration,
    /// The most rows it holds.
    pub rows: NonZeroU32,
    /// The most bytes of JSON its rows hold.
    pub result_bytes: NonZeroUsize,
}

impl AnswerLimits {
    /// The larger of each bound.
    fn or_more(self, other: Self) -> Self {
        Self {
            statement_timeout: self.statement_timeout.max(other.statement_timeout),
            rows: self.rows.max(other.rows),
            result_bytes: self.result_bytes.max(other.result_bytes),
        }
    }
}

/// How many requests may come, in a minute; as many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Of one principal.
    pub principal: NonZeroU32,
    /// From one address, or one IPv6 network of 64 bits.
    pub address: NonZeroU32,
    /// From one address, with a proof that is wrong or a tenant that is not the caller's.
    pub failures: NonZeroU32,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Limits> {
    let answer = answer_limits(
        reader,
        &var::ZAVA_STATEMENT_TIMEOUT_SECONDS,
        &var::ZAVA_MAX_ROWS,
        &var::ZAVA_MAX_RESULT_BYTES,
    );
    let analyst_answer = answer_limits(
        reader,
        &var::ZAVA_ANALYST_STATEMENT_TIMEOUT_SECONDS,
        &var::ZAVA_ANALYST_MAX_ROWS,
        &var::ZAVA_ANALYST_MAX_RESULT_BYTES,
    );
    let default_rows = reader.number(&var::ZAVA_DEFAULT_ROWS, 1, 10_000);
    let default_result_bytes = reader.number(&var::ZAVA_DEFAULT_RESULT_BYTES, 1_024, 64 << 20);
    let cell_bytes = reader.number(&var::ZAVA_MAX_CELL_BYTES, 256, 1 << 20);
    let request_bytes = reader.number(&var::ZAVA_MAX_REQUEST_BYTES, 1_024, 64 << 20);
    let sql_bytes = longest_sql(reader);
    let connections = reader.number(&var::ZAVA_MAX_CONNECTIONS, 1, 1_000);
    let tenant_connections = reader.number(&var::ZAVA_TENANT_CONNECTIONS, 1, 1_000);
    let tenant_queue = reader.number(&var::ZAVA_TENANT_QUEUE, 1, 10_000);
    let (answer, sql_bytes) = (answer?, sql_bytes?);
    Some(Limits {
        answer,
        analyst_answer: analyst_answer?.or_more(answer),
        default_rows: default_rows?,
        default_result_bytes: size(default_result_bytes?),
        cell_bytes: size(cell_bytes?),
        // Without a value: it is absent, or a problem that has been reported.
        request_bytes: request_bytes.map_or_else(|| request_bytes_for(sql_bytes), size),
        sql_bytes,
        connections: size(connections?),
        tenant_connections: size(tenant_connections?),
        tenant_queue: size(tenant_queue?),
    })
}

/// The bytes of JSON that one byte of a text can take: `\u0000`.
const JSON_BYTES_PER_BYTE: NonZeroUsize = NonZeroUsize::new(6).unwrap();

/// What a request may hold beside its SQL text: `_meta`, or a client's description of itself.
const REQUEST_BYTES_BESIDE_SQL: usize = 64 << 10;

/// The largest request body that a SQL text of this length can need.
fn request_bytes_for(sql_bytes: NonZeroUsize) -> NonZeroUsize {
    sql_bytes
        .saturating_mul(JSON_BYTES_PER_BYTE)
        .saturating_add(REQUEST_BYTES_BESIDE_SQL)
}

fn answer_limits(
    reader: &mut Reader<'_>,
    timeout: &'static var::Variable,
    rows: &'static var::Variable,
    bytes: &'static var::Variable,
) -> Option<AnswerLimits> {
    let seconds = reader.number(timeout, 1, 600);
    let rows = reader.number(rows, 1, 10_000);
    let bytes = reader.number(bytes, 1_024, 64 << 20);
    Some(AnswerLimits {
        statement_timeout: Duration::from_secs(u64::from(seconds?.get())),
        rows: rows?,
        result_bytes: size(bytes?),
    })
}

pub(super) fn rates(reader: &mut Reader<'_>) -> Option<RateLimits> {
    const MOST: u32 = 100_000_000;
    let principal = reader.number(&var::ZAVA_PRINCIPAL_RATE, 1, MOST);
    let address = reader.number(&var::ZAVA_ADDRESS_RATE, 1, MOST);
    let failures = reader.number(&var::ZAVA_FAILURE_RATE, 1, MOST);
    Some(RateLimits {
        principal: principal?,
        address: address?,
        failures: failures?,
    })
}

/// The longest SQL text, in bytes: all that the guard alone needs.
///
/// # Errors
/// When `ZAVA_MAX_SQL_BYTES` cannot be used, or a name is not a setting.
pub fn sql_bytes(environment: &Environment) -> Result<NonZeroUsize, SettingsError> {
    let mut reader = Reader::new(environment);
    let longest = longest_sql(&mut reader);
    let problems = reader.finish();
    match longest {
        Some(longest) if problems.is_empty() => Ok(longest),
        _ => Err(SettingsError { problems }),
    }
}

fn longest_sql(reader: &mut Reader<'_>) -> Option<NonZeroUsize> {
    reader
        .number(&var::ZAVA_MAX_SQL_BYTES, 64, 32 << 10)
        .map(size)
}

fn size(number: NonZeroU32) -> NonZeroUsize {
    // A usize holds every u32 on the platforms this server is built for (32 and 64 bits).
    NonZeroUsize::try_from(number).unwrap_or(NonZeroUsize::MAX)
}
