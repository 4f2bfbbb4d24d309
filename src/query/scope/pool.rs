use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, QueueMode, RecycleError, RecycleResult};
use tokio::time::timeout;

use super::transport::{Dialer, TlsError};
use super::wire::{self, CancelKey, Connection, Query, WireError};
use super::{Column, RowSink};
use crate::settings::{DatabaseAddress, Login};

/// How long connecting may take, from the first packet to the end of authentication.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// How long ending one connection may take; a backend that does not listen must not hold a turn for ever.
const LONGEST_END: Duration = Duration::from_secs(2);

/// A cancel request is lost when it overtakes the statement on its way to the backend, so it is sent again: after this
/// long, then after twice as long, and so on.
const CANCEL_AGAIN: Duration = Duration::from_millis(40);

/// How long one cancel request may take; connecting included, it is a matter of milliseconds.
const LONGEST_CANCEL: Duration = Duration::from_secs(1);

/// Whether a backend of this login runs a statement.
const IS_ACTIVE: &str =
    "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::int4 AND state = 'active'";

/// How long asking that may take, connecting included.
const MAX_ACTIVITY_CHECK: Duration = Duration::from_secs(1);

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

/// Opens connections for the pool and tells which may be used again.
pub(super) struct ConnectionManager {
    dialer: Dialer,
    address: DatabaseAddress,
    login: Login,
    largest_row: NonZeroUsize,
}

impl ConnectionManager {
    pub(super) fn new(
        address: DatabaseAddress,
        login: Login,
        largest_row: NonZeroUsize,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            dialer: Dialer::new(&address)?,
            address,
            login,
            largest_row,
        })
    }

    /// Cancels what runs on a connection, waits until the backend has said so, and leaves it.
    pub(super) async fn end(&self, connection: &mut Connection) {
        let ending = async {
            let mut pause = CANCEL_AGAIN;
            while connection.is_waiting() {
                match timeout(LONGEST_CANCEL, self.cancel(connection.cancel_key())).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::debug!(error = &error as &dyn Error, "cancel request failed");
                    }
                    Err(_) => tracing::debug!("cancel request took too long"),
                }
                let _ = timeout(pause, connection.skip_answer()).await;
                pause *= 2;
            }
            connection.leave().await;
        };
        if timeout(LONGEST_END, ending).await.is_err() {
            tracing::warn!("a cancelled statement did not end in time; its connection is closed");
        }
    }

    /// Why a connection has not answered in time: its statement still runs, as another connection
    /// finds out, or the connection is dead.
    pub(super) async fn diagnose_silence(&self, backend: i32) -> WireError {
        let backend = backend.to_string();
        let mut active = IsActive(false);
        let asking = async {
            let mut connection = self.create().await?;
            connection
                .read(Query::own(IS_ACTIVE, &[&backend]), &mut active)
                .await
        };
        // For a moment, one connection more than there are turns.
        let told = timeout(MAX_ACTIVITY_CHECK, asking).await;
        match told {
            Ok(Ok(())) if active.0 => WireError::Overdue,
            Ok(_) | Err(_) => WireError::Silent,
        }
    }

    async fn cancel(&self, key: CancelKey) -> Result<(), WireError> {
        wire::cancel(self.dialer.dial().await?, key).await
    }
}

impl Manager for ConnectionManager {
    type Type = Connection;
    type Error = WireError;

    async fn create(&self) -> Result<Connection, WireError> {
        let transport = self.dialer.dial().await?;
        Connection::open(
            transport,
            &self.address,
            &self.login,
            self.largest_row.get(),
        )
        .await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<WireError> {
        if !connection.is_clean() {
            Err(RecycleError::message(
                "the connection's state is not known to be clean",
            ))
        } else if connection.is_old() {
            Err(RecycleError::message(
                "the connection has served long enough",
            ))
        } else {
            Ok(())
        }
    }
}

/// A pool that connects when first asked.
pub(super) fn build(
    connections: ConnectionManager,
    most: usize,
    longest_wait: Duration,
) -> Pool<ConnectionManager> {
    Pool::builder(connections)
        .max_size(most)
        // The connection that was used last: its backend's caches are warm. In turns, one client's requests went over all that
        // a burst had opened, for a third more of the database's processor time.
        .queue_mode(QueueMode::Lifo)
        .wait_timeout(Some(longest_wait))
        .create_timeout(Some(LONGEST_CONNECT))
        .runtime(Runtime::Tokio1)
        .build()
        .expect("timeouts are given together with the runtime that keeps them")
}
