use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, QueueMode, RecycleError, RecycleResult};
use futures_util::future::try_join;
use tokio::time::timeout;

use super::row_sink::{Column, RowSink};
use super::transport::{Dialer, TlsError};
use super::wire::{self, CancelKey, Connection, Login, Query, WireError};
use crate::password::{Password, PasswordSource};
use crate::settings::DatabaseAddress;

/// How long a connection may wait for its password. An issuer of tokens that is slow must not be
/// reported as a database that does not answer.
const PASSWORD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connecting may take meanwhile, TLS included, until the login has begun.
const CONNECT_TIMEOUT: Duration = PASSWORD_TIMEOUT;

/// How long authentication may take once the password is there.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long cancelling a statement and ending its session may take. A backend that does not react
/// must not hold a permit for ever.
const CANCEL_AND_DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Delay before a cancel request is sent a second time; each further delay is twice as long. A
/// request is lost when it overtakes the statement on its way to the backend.
const CANCEL_RETRY_DELAY: Duration = Duration::from_millis(40);

/// How long one cancel request may take; connecting included, it is a matter of milliseconds.
const CANCEL_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Returns a row if a backend of this login is running a statement.
const IS_ACTIVE: &str =
    "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::int4 AND state = 'active'";

/// How long that query may take, connecting included.
const ACTIVITY_CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the query returned a row.
struct IsActive(bool);

impl RowSink for IsActive {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, _: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        self.0 = true;
        ControlFlow::Break(())
    }

    fn oversized(&mut self) {}
}

/// Opens connections for the pool and decides which of them may be reused.
pub(super) struct ConnectionManager {
    dialer: Dialer,
    address: DatabaseAddress,
    user: String,
    password: Arc<dyn PasswordSource>,
    max_row_bytes: NonZeroUsize,
    is_primary: bool,
}

impl ConnectionManager {
    pub(super) fn new(
        address: DatabaseAddress,
        user: String,
        password: Arc<dyn PasswordSource>,
        max_row_bytes: NonZeroUsize,
        is_primary: bool,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            dialer: Dialer::new(&address)?,
            address,
            user,
            password,
            max_row_bytes,
            is_primary,
        })
    }

    /// Where the connections lead.
    pub(super) fn address(&self) -> &DatabaseAddress {
        &self.address
    }

    /// Cancels the statement that runs on a connection, discards the rest of its reply, and ends
    /// the session.
    pub(super) async fn cancel_and_drain(&self, connection: &mut Connection) {
        let ending = async {
            let mut delay = CANCEL_RETRY_DELAY;
            while connection.is_awaiting_reply() {
                let cancelling = self.cancel(connection.cancel_key());
                match timeout(CANCEL_REQUEST_TIMEOUT, cancelling).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::debug!(error = &error as &dyn Error, "cancel request failed");
                    }
                    Err(_) => tracing::debug!("cancel request timed out"),
                }
                let _ = timeout(delay, connection.drain_reply()).await;
                delay *= 2;
            }
            connection.terminate().await;
        };
        if timeout(CANCEL_AND_DRAIN_TIMEOUT, ending).await.is_err() {
            tracing::warn!("cancelled statement did not end in time; its connection is closed");
        }
    }

    /// Tells why a connection did not answer in time: another connection finds its statement still
    /// running, or the connection is dead.
    pub(super) async fn diagnose_silence(&self, backend: i32) -> WireError {
        let backend = backend.to_string();
        let mut active = IsActive(false);
        let querying = async {
            let mut connection = self.create().await?;
            connection
                .run_internal(Query::internal(IS_ACTIVE, &[&backend]), &mut active)
                .await
        };
        // For a moment, there is one connection more than there are permits.
        match timeout(ACTIVITY_CHECK_TIMEOUT, querying).await {
            Ok(Ok(())) if active.0 => WireError::StatementOverdue,
            Ok(_) | Err(_) => WireError::NoReply,
        }
    }

    /// The password for a connection that is opened now.
    ///
    /// # Errors
    /// [`WireError::Password`] or [`WireError::PasswordTimeout`].
    pub(super) async fn password(&self) -> Result<Password, WireError> {
        match timeout(PASSWORD_TIMEOUT, self.password.password()).await {
            Ok(password) => Ok(password?),
            Err(_) => Err(WireError::PasswordTimeout(PASSWORD_TIMEOUT)),
        }
    }

    /// Connects, and begins the login.
    async fn connect(&self) -> Result<Login, WireError> {
        let connecting = async {
            let transport = self.dialer.dial().await?;
            tracing::debug!("database reached");
            let max_row_bytes = self.max_row_bytes.get();
            Login::begin(transport, &self.address, &self.user, max_row_bytes).await
        };
        timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or(Err(WireError::NoReply))
    }

    async fn log_in(&self, login: Login, password: &Password) -> Result<Connection, WireError> {
        let connection = timeout(LOGIN_TIMEOUT, login.finish(password))
            .await
            .unwrap_or(Err(WireError::NoReply));
        tracing::debug!(is_accepted = connection.is_ok(), "login answered");
        connection
    }

    async fn cancel(&self, key: CancelKey) -> Result<(), WireError> {
        wire::send_cancel_request(self.dialer.dial().await?, key).await
    }
}

impl Manager for ConnectionManager {
    type Type = Connection;
    type Error = WireError;

    async fn create(&self) -> Result<Connection, WireError> {
        // Both at once, because from a cold start each takes round trips. On the heap, because every
        // call that may open a connection would contain the futures.
        let (password, login) = Box::pin(try_join(self.password(), self.connect())).await?;
        match Box::pin(self.log_in(login, &password)).await {
            // A replica may not have replayed a change of the password yet, and must not have it
            // replaced for all.
            Err(error) if self.is_primary && error.is_password_rejected() => {
                self.password.report_rejected(&password);
                // A password that was replaced meanwhile is tried at once, so that no request sees
                // the replacement.
                let next = self.password().await?;
                if next.is_same_as(&password) {
                    return Err(error);
                }
                let login = Box::pin(self.connect()).await?;
                Box::pin(self.log_in(login, &next)).await
            }
            outcome => outcome,
        }
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<WireError> {
        if !connection.is_clean() {
            Err(RecycleError::message("the connection is not clean"))
        } else if connection.is_expired() {
            Err(RecycleError::message("the connection has expired"))
        } else {
            Ok(())
        }
    }
}

/// A pool of at most `max_connections` that connects on first use.
pub(super) fn build(
    connections: ConnectionManager,
    max_connections: usize,
    wait_timeout: Duration,
) -> Pool<ConnectionManager> {
    Pool::builder(connections)
        .max_size(max_connections)
        // Reuses the most recent connection, because its backend's caches are warm. With FIFO, one
        // client's requests went over all connections that a burst had opened, and cost the
        // database a third more CPU time.
        .queue_mode(QueueMode::Lifo)
        .wait_timeout(Some(wait_timeout))
        .create_timeout(Some(PASSWORD_TIMEOUT + LOGIN_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .expect("timeouts are set together with the runtime that measures them")
}
