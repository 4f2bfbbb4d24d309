//! What one transaction sends: the server's own statements around a client's.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use super::{Query, Transaction, TransactionMode, WireError};

/// The backend that a pooler has given this transaction.
const WHICH_BACKEND: &str = "SELECT pg_catalog.pg_backend_pid()";

/// `text` in `pg_type`, twice: the parameters of [`ServerStatement::Set`].
const SET_TYPES: [u32; 2] = [25, 25];
const TEXT: i16 = 0;

/// A statement of the server's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ServerStatement {
    Begin,
    BeginAppending,
    Set,
    Unlock,
    Rollback,
    Commit,
}

impl ServerStatement {
    fn sql(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN READ ONLY",
            // The login's transactions are read-only by default, its rights are to read, and what it appends is signed.
            Self::BeginAppending => "BEGIN READ WRITE",
            Self::Set => {
                "SELECT pg_catalog.set_config('zava.context', $1, true), pg_catalog.set_config('statement_timeout', $2, true)"
            }
            // A SELECT may take locks that outlive the transaction (the guard assumed broken), and ROLLBACK leaves those alone.
            Self::Unlock => "SELECT pg_catalog.pg_advisory_unlock_all()",
            Self::Rollback => "ROLLBACK",
            Self::Commit => "COMMIT",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Begin => "zava_begin",
            Self::BeginAppending => "zava_begin_appending",
            Self::Set => "zava_set",
            Self::Unlock => "zava_unlock",
            Self::Rollback => "zava_rollback",
            Self::Commit => "zava_commit",
        }
    }

    fn types(self) -> &'static [u32] {
        match self {
            Self::Set => &SET_TYPES,
            Self::Begin | Self::BeginAppending | Self::Unlock | Self::Rollback | Self::Commit => {
                &[]
            }
        }
    }
}

/// What runs after an error: the server has skipped both of the last statements, and a rollback does not undo what a
/// statement has prepared.
pub(super) const CLEAN_UP: &str =
    "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); DEALLOCATE ALL";

/// Which of the server's own statements the session holds by name.
///
/// A name is believed only while nothing but SELECTs that succeeded has run since it was given: whatever else ran (the guard
/// assumed broken) could have put another statement in its place, which would get the next tenant's signature. After an
/// error the names are given anew, after another command the connection is closed.
#[derive(Default)]
pub(super) struct PreparedNames(HashSet<ServerStatement>);

impl PreparedNames {
    /// Believes none any more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// Writes one transaction, in one go: an error makes the server skip the rest of it. Without `names`, everything is parsed.
pub(super) fn write_transaction(
    transaction: &Transaction<'_>,
    names: Option<&mut PreparedNames>,
    out: &mut BytesMut,
) -> Result<(), WireError> {
    let Transaction {
        mode,
        is_open,
        context,
        statement_timeout,
        query,
    } = transaction;
    let mut write = Writer { names, out };
    if !is_open {
        write.own(begin(*mode), [], [])?;
    }
    if let Some(context) = context {
        write.set(context, *statement_timeout, query)?;
    }
    write.query(query)?;
    write.own(ServerStatement::Unlock, [], [])?;
    let end = match mode {
        TransactionMode::Read => ServerStatement::Rollback,
        TransactionMode::Append => ServerStatement::Commit,
    };
    write.own(end, [], [])?;
    frontend::sync(write.out);
    Ok(())
}

/// Writes what opens a transaction and asks which backend serves it.
pub(super) fn write_begin(mode: TransactionMode, out: &mut BytesMut) -> Result<(), WireError> {
    for sql in [begin(mode).sql(), WHICH_BACKEND] {
        frontend::parse("", sql, [], out)?;
        run("", [], [], out)?;
    }
    frontend::sync(out);
    Ok(())
}

fn begin(mode: TransactionMode) -> ServerStatement {
    match mode {
        TransactionMode::Read => ServerStatement::Begin,
        TransactionMode::Append => ServerStatement::BeginAppending,
    }
}

struct Writer<'a> {
    names: Option<&'a mut PreparedNames>,
    out: &'a mut BytesMut,
}

impl Writer<'_> {
    fn own<const N: usize>(
        &mut self,
        own: ServerStatement,
        formats: [i16; N],
        values: [&[u8]; N],
    ) -> Result<(), WireError> {
        let types = own.types().iter().copied();
        let name = match &mut self.names {
            None => {
                frontend::parse("", own.sql(), types, self.out)?;
                ""
            }
            Some(names) => {
                if names.0.insert(own) {
                    // Whatever bears the name; that there is none is no error.
                    frontend::close(b'S', own.name(), self.out)?;
                    frontend::parse(own.name(), own.sql(), types, self.out)?;
                }
                own.name()
            }
        };
        run(name, formats, values, self.out)
    }

    fn set(
        &mut self,
        context: &str,
        timeout: Duration,
        query: &Query<'_>,
    ) -> Result<(), WireError> {
        let timeout = timeout.as_millis().to_string();
        let (formats, values) = ([TEXT, TEXT], [context.as_bytes(), timeout.as_bytes()]);
        match set_with_planner_settings(query) {
            Cow::Borrowed(_) => self.own(ServerStatement::Set, formats, values),
            Cow::Owned(sql) => {
                frontend::parse("", &sql, SET_TYPES, self.out)?;
                run("", formats, values, self.out)
            }
        }
    }

    /// The client's statement, which gets no name: it would outlive its transaction.
    fn query(&mut self, query: &Query<'_>) -> Result<(), WireError> {
        frontend::parse("", query.sql, [], self.out)?;
        let values = query.parameters.iter().map(|value| value.as_bytes());
        bind("", [TEXT], values, self.out)?;
        frontend::describe(b'P', "", self.out)?;
        frontend::execute("", query.most_rows, self.out)?;
        Ok(())
    }
}

/// [`ServerStatement::Set`], with the planner's settings for the statement that follows. Their names and values
/// are this crate's own.
fn set_with_planner_settings(query: &Query<'_>) -> Cow<'static, str> {
    let mut set = Cow::Borrowed(ServerStatement::Set.sql());
    for (name, value) in query.settings.changed() {
        set.to_mut().push_str(&format!(
            ", pg_catalog.set_config('{name}', '{value}', true)"
        ));
    }
    set
}

/// Binds and executes a statement that has been parsed.
fn run<const N: usize>(
    statement: &str,
    formats: [i16; N],
    values: [&[u8]; N],
    out: &mut BytesMut,
) -> Result<(), WireError> {
    bind(statement, formats, values, out)?;
    frontend::execute("", 0, out)?;
    Ok(())
}

/// Binds values that are never NULL; results are asked for in text form.
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
    frontend::bind("", statement, formats, values, put, [TEXT], out).map_err(|error| match error {
        frontend::BindError::Serialization(error) => {
            io::Error::new(io::ErrorKind::InvalidInput, error).into()
        }
        frontend::BindError::Conversion(error) => {
            io::Error::new(io::ErrorKind::InvalidInput, error).into()
        }
    })
}
