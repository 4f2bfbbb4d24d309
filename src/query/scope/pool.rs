use std::num::NonZeroUsize;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};

use super::transport::{Dialer, TlsError};
use super::wire::{Connection, WireError};
use crate::settings::{DatabaseAddress, Login};

/// How long connecting may take, from the first packet to the end of authentication.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// Opens connections for the pool and tells which may be used again.
pub(super) struct Connections {
    dialer: Dialer,
    address: DatabaseAddress,
    login: Login,
    largest_row: NonZeroUsize,
}

impl Connections {
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
}

impl Manager for Connections {
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
        if connection.is_clean() {
            Ok(())
        } else {
            Err(RecycleError::message(
                "the connection's state is not known to be clean",
            ))
        }
    }
}

/// A pool that connects when first asked.
pub(super) fn build(
    connections: Connections,
    most: usize,
    longest_wait: Duration,
) -> Pool<Connections> {
    Pool::builder(connections)
        .max_size(most)
        .wait_timeout(Some(longest_wait))
        .create_timeout(Some(LONGEST_CONNECT))
        .runtime(Runtime::Tokio1)
        .build()
        .expect("timeouts are given together with the runtime that keeps them")
}
