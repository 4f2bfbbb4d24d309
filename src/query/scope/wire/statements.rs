//! The messages of one transaction: this server's own statements around a client's.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::{Query, Transaction, TransactionMode, WireError};

/// Returns the backend that a pooler has assigned to this transaction.
const BACKEND_PID: &str = "SELECT pg_catalog.pg_backend_pid()";

/// The parameters of [`ServerStatement::SetContext`]: twice the type `text`, by its OID.
const SET_CONTEXT_TYPES: [u32; 2] = [25, 25];

/// The protocol's format code for values in text form.
const TEXT_FORMAT: i16 = 0;

/// A statement that this server adds to a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ServerStatement {
    Begin,
    BeginAppend,
    SetContext,
    /// The same, on a server that must be a replica.
    SetContextOnReplica,
    Unlock,
    Rollback,
    Commit,
}

impl ServerStatement {
    fn sql(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN READ ONLY",
            // Overrides the login's default, which is read-only. The login still has no privilege
            // to write: it calls a function of the guard, which checks a signature.
            Self::BeginAppend => "BEGIN READ WRITE",
            Self::SetContext => {
                "SELECT pg_catalog.set_config('zava.context', $1, true), pg_catalog.set_config('statement_timeout', $2, true)"
            }
            // A replica that is promoted keeps its sessions. Dividing by zero ends the transaction.
            Self::SetContextOnReplica => {
                "SELECT pg_catalog.set_config('zava.context', $1, true), pg_catalog.set_config('statement_timeout', $2, true), 1 / pg_catalog.pg_is_in_recovery()::integer"
            }
            // Should the guard fail, a SELECT may take session-level advisory locks, which survive
            // ROLLBACK.
            Self::Unlock => "SELECT pg_catalog.pg_advisory_unlock_all()",
            Self::Rollback => "ROLLBACK",
            Self::Commit => "COMMIT",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Begin => "zava_begin",
            Self::BeginAppend => "zava_begin_appending",
            Self::SetContext => "zava_set",
            Self::SetContextOnReplica => "zava_set_on_replica",
            Self::Unlock => "zava_unlock",
            Self::Rollback => "zava_rollback",
            Self::Commit => "zava_commit",
        }
    }

    fn types(self) -> &'static [u32] {
        match self {
            Self::SetContext | Self::SetContextOnReplica => &SET_CONTEXT_TYPES,
            Self::Begin | Self::BeginAppend | Self::Unlock | Self::Rollback | Self::Commit => &[],
        }
    }
}

/// What runs after an error. PostgreSQL has skipped Unlock and the end of the transaction by then,
/// and a rollback does not deallocate prepared statements.
pub(super) const CLEAN_UP: &str =
    "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); DEALLOCATE ALL";

/// Which of this server's statements the session holds as prepared statements.
///
/// A name is trusted only while nothing but successful SELECTs has run since it was prepared.
/// Should the guard fail, any other command could replace the statement behind the name, which
/// would then receive the next tenant's signed context. After an error all names are prepared
/// again; after another command the connection is closed.
#[derive(Default)]
pub(super) struct PreparedNames(HashSet<ServerStatement>);

impl PreparedNames {
    /// Has every statement prepared again.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Writes the messages of one transaction with one Sync at their end: after an error PostgreSQL
/// skips the rest. Without `prepared`, every statement is parsed anew.
pub(super) fn write_transaction(
    transaction: &Transaction<'_>,
    prepared: Option<&mut PreparedNames>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let Transaction {
        mode,
        is_open,
        requires_replica,
        context,
        statement_timeout,
        query,
    } = transaction;
    let mut writer = Writer { prepared, out };
    if !is_open {
        writer.write_server_statement(begin(*mode), [], [])?;
    }
    if let Some(context) = context {
        let setting = if *requires_replica {
            ServerStatement::SetContextOnReplica
        } else {
            ServerStatement::SetContext
        };
        writer.write_set_context(setting, context, *statement_timeout, query)?;
    }
    writer.write_query(query)?;
    writer.write_server_statement(ServerStatement::Unlock, [], [])?;
    let end = match mode {
        TransactionMode::Read => ServerStatement::Rollback,
        TransactionMode::Append => ServerStatement::Commit,
    };
    writer.write_server_statement(end, [], [])?;
    frontend::sync(writer.out);
    Ok(())
}

/// Writes the messages that open a transaction and query which backend serves it.
pub(super) fn write_begin(mode: TransactionMode, out: &mut BytesMut) -> Result<(), WireError> {
    for sql in [begin(mode).sql(), BACKEND_PID] {
        frontend::parse("", sql, [], out)?;
        bind_and_execute("", [], [], out)?;
    }
    frontend::sync(out);
    Ok(())
}

fn begin(mode: TransactionMode) -> ServerStatement {
    match mode {
        TransactionMode::Read => ServerStatement::Begin,
        TransactionMode::Append => ServerStatement::BeginAppend,
    }
}

struct Writer<'a> {
    prepared: Option<&'a mut PreparedNames>,
    out: &'a mut BytesMut,
}

impl Writer<'_> {
    fn write_server_statement<const N: usize>(
        &mut self,
        statement: ServerStatement,
        formats: [i16; N],
        values: [&[u8]; N],
    ) -> Result<(), WireError> {
        let types = statement.types().iter().copied();
        let name = match &mut self.prepared {
            None => {
                frontend::parse("", statement.sql(), types, self.out)?;
                ""
            }
            Some(prepared) => {
                if prepared.0.insert(statement) {
                    // Closes whatever has the name; closing a name that does not exist is no error.
                    frontend::close(b'S', statement.name(), self.out)?;
                    frontend::parse(statement.name(), statement.sql(), types, self.out)?;
                }
                statement.name()
            }
        };
        bind_and_execute(name, formats, values, self.out)
    }

    fn write_set_context(
        &mut self,
        setting: ServerStatement,
        context: &str,
        timeout: Duration,
        query: &Query<'_>,
    ) -> Result<(), WireError> {
        let timeout = timeout.as_millis().to_string();
        let (formats, values) = (
            [TEXT_FORMAT, TEXT_FORMAT],
            [context.as_bytes(), timeout.as_bytes()],
        );
        match set_context_sql(setting, query) {
            Cow::Borrowed(_) => self.write_server_statement(setting, formats, values),
            Cow::Owned(sql) => {
                frontend::parse("", &sql, SET_CONTEXT_TYPES, self.out)?;
                bind_and_execute("", formats, values, self.out)
            }
        }
    }

    /// Writes the client's statement without a name: a named one would outlive its transaction.
    fn write_query(&mut self, query: &Query<'_>) -> Result<(), WireError> {
        frontend::parse("", query.sql, [], self.out)?;
        let values = query.parameters.iter().map(|value| value.as_bytes());
        bind("", [TEXT_FORMAT], values, self.out)?;
        frontend::describe(b'P', "", self.out)?;
        frontend::execute("", query.max_rows, self.out)?;
        Ok(())
    }
}

/// The statement that sets the context, with the planner's settings for the statement that follows.
/// Their names and values are constants of this crate, so they need no quoting.
fn set_context_sql(setting: ServerStatement, query: &Query<'_>) -> Cow<'static, str> {
    let mut sql = Cow::Borrowed(setting.sql());
    for (name, value) in query.settings.changed() {
        sql.to_mut().push_str(&format!(
            ", pg_catalog.set_config('{name}', '{value}', true)"
        ));
    }
    sql
}

/// Binds and executes a parsed statement.
fn bind_and_execute<const N: usize>(
    statement: &str,
    formats: [i16; N],
    values: [&[u8]; N],
    out: &mut BytesMut,
) -> Result<(), WireError> {
    bind(statement, formats, values, out)?;
    frontend::execute("", 0, out)?;
    Ok(())
}

/// Binds values that are never NULL, and requests results in text form.
fn bind<'a>(
    statement: &str,
    formats: impl IntoIterator<Item = i16>,
    values: impl IntoIterator<Item = &'a [u8]>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let put = |value: &[u8], buffer: &mut BytesMut| {
        buffer.extend_from_slice(value);
        Ok(IsNull::No)
    };
    frontend::bind("", statement, formats, values, put, [TEXT_FORMAT], out).map_err(|error| {
        match error {
            frontend::BindError::Serialization(error) => {
                io::Error::new(io::ErrorKind::InvalidInput, error).into()
            }
            frontend::BindError::Conversion(error) => {
                io::Error::new(io::ErrorKind::InvalidInput, error).into()
            }
        }
    })
}
