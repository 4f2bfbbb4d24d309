use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;
use serde_json::json;
use uuid::Uuid;

use super::context::Signature;
use super::wire::{Connection, Mode, Query, Transaction, WireError};
use super::{Column, RowSink, Scope, ScopeError, Task};
use crate::identity::{ApiKey, ApiKeyState, Claims, Entitlement, Role};
use crate::query::guard::PlannerSettings;
use crate::telemetry::audit::ChainEnd;

/// A question about a caller, which the database answers to the holder of the signing key alone
/// (`migrations/0007_callers.sql`).
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// What the signature is for.
    pub(super) purpose: &'static str,
    pub(super) mode: Mode,
    statement: &'static str,
    /// What exactly is asked, as JSON.
    pub(super) text: &'a str,
}

impl Question<'_> {
    pub(super) async fn ask(
        self,
        connection: &mut Connection,
        signature: &Signature,
        is_open: bool,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let (key_id, expires) = (signature.key_id.to_string(), signature.expires.to_string());
        let mac = base64::engine::general_purpose::STANDARD.encode(signature.mac);
        let transaction = Transaction {
            mode: self.mode,
            is_open,
            entry: None,
            statement_timeout: Duration::ZERO,
            query: Some(Query {
                sql: self.statement,
                settings: PlannerSettings::USUAL,
                parameters: &[&key_id, self.text, &expires, &mac],
                most_rows: 0,
            }),
        };
        connection
            .transact(&transaction, sink)
            .await
            .map_err(|error| match error {
                // The statement is the server's own.
                WireError::Statement(error) => WireError::Server(error),
                other => other,
            })
    }
}

impl Scope {
    /// The tenants that a caller may ask for.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn entitlements(&self, claims: &Claims) -> Result<Vec<Entitlement>, ScopeError> {
        let Claims {
            principals,
            stores,
            role,
        } = claims;
        let text =
            json!({"principals": principals, "stores": stores, "role": role.as_str()}).to_string();
        let question = Question {
            purpose: "entitlements",
            mode: Mode::Read,
            statement: "SELECT e.tenant_id, e.role FROM guard.entitlements($1, $2, $3, pg_catalog.decode($4, 'base64')) AS e",
            text: &text,
        };
        self.rows(question, |values| match values {
            [Some(tenant), Some(role)] => Some(Entitlement {
                tenant: Uuid::try_parse(tenant).ok()?.into(),
                role: Role::of_name(role)?,
            }),
            _ => None,
        })
        .await
    }

    /// What stands of an API key; `None` if there is none of its id and secret.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn api_key(&self, key: &ApiKey) -> Result<Option<ApiKeyState>, ScopeError> {
        let hash = base64::engine::general_purpose::STANDARD.encode(key.hash());
        let text = json!({"key": key.id(), "hash": hash}).to_string();
        let question = Question {
            purpose: "api-key",
            mode: Mode::Read,
            statement: "SELECT k.state FROM guard.api_key($1, $2, $3, pg_catalog.decode($4, 'base64')) AS k",
            text: &text,
        };
        let states = self.rows(question, |values| match values {
            [Some(state)] => ApiKeyState::of_name(state),
            _ => None,
        });
        Ok(states.await?.pop())
    }

    /// Appends records to the audit trail, a JSON array of objects; the end of its chain then.
    ///
    /// # Errors
    /// [`ScopeError`]; nothing of it is appended then, or it is not known whether all of it is.
    pub async fn record(&self, records: &str) -> Result<ChainEnd, ScopeError> {
        let question = Question {
            purpose: "record",
            mode: Mode::Append,
            statement: "SELECT r.audit_id, r.hash FROM guard.record($1, $2, $3, pg_catalog.decode($4, 'base64')) AS r",
            text: records,
        };
        let ends = self.rows(question, |values| match values {
            [Some(id), Some(hash)] => Some(ChainEnd {
                audit_id: id.parse().ok()?,
                hash: (*hash).to_owned(),
            }),
            _ => None,
        });
        ends.await?
            .pop()
            .ok_or_else(|| ScopeError::of_wire(WireError::Protocol("no end of the audit trail")))
    }

    async fn rows<T: Send>(
        &self,
        question: Question<'_>,
        read: fn(&[Option<&str>]) -> Option<T>,
    ) -> Result<Vec<T>, ScopeError> {
        let mut answer = Answer {
            read,
            rows: Some(Vec::new()),
        };
        let asking = self.transact(None, Task::Ask(question), &mut answer);
        match question.mode {
            Mode::Read => self.unless_closing(asking).await?,
            // The last calls are recorded when they have ended.
            Mode::Append => asking.await?,
        }
        answer.rows.ok_or_else(|| {
            ScopeError::of_wire(WireError::Protocol("no such answer about a caller"))
        })
    }
}

/// The rows of an answer; `None` when one could not be read, for what is not understood entitles nobody.
struct Answer<T> {
    read: fn(&[Option<&str>]) -> Option<T>,
    rows: Option<Vec<T>>,
}

impl<T: Send> RowSink for Answer<T> {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let values: Vec<Option<&str>> = values
            .map(|value| value.and_then(|value| std::str::from_utf8(value).ok()))
            .collect();
        let row = (self.read)(&values);
        self.rows = self.rows.take().zip(row).map(|(mut rows, row)| {
            rows.push(row);
            rows
        });
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.rows = None;
    }
}
