use bytes::{Buf as _, BytesMut};
use postgres_protocol::message::backend::{Header, READY_FOR_QUERY_TAG};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{CancelKey, Connection, WireError};
use crate::query::scope::transport::Transport;

/// Asks PostgreSQL to cancel the statement of another connection
/// (<https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS>).
///
/// The request goes over a transport of its own and has no reply. PostgreSQL closes the transport
/// once it has signaled the backend.
pub(in crate::query::scope) async fn send_cancel_request(
    mut transport: Box<dyn Transport>,
    key: CancelKey,
) -> Result<(), WireError> {
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process_id, key.secret, &mut request);
    transport.write_all(&request).await?;
    // Waits for the end of the stream, which reads as an error.
    let _ = transport.read_u8().await;
    Ok(())
}

impl Connection {
    /// What identifies this connection's backend in a cancel request.
    pub(in crate::query::scope) fn cancel_key(&self) -> CancelKey {
        self.key
    }

    /// Whether a statement may be running.
    pub(in crate::query::scope) fn is_awaiting_reply(&self) -> bool {
        self.awaiting_reply
    }

    /// Reads and discards the rest of a reply, until ReadyForQuery or the end of the stream.
    ///
    /// # Cancel safety
    /// A dropped call can be repeated: it continues where the dropped one ended.
    pub(in crate::query::scope) async fn drain_reply(&mut self) {
        while self.awaiting_reply {
            let skipped = self.bytes_to_skip.min(self.incoming.len());
            self.incoming.advance(skipped);
            self.bytes_to_skip -= skipped;
            match Header::parse(&self.incoming) {
                Ok(Some(header)) if self.bytes_to_skip == 0 => {
                    // The length counts itself, not the tag.
                    self.bytes_to_skip =
                        usize::try_from(header.len()).map_or(0, |length| length + 1);
                    self.awaiting_reply = header.tag() != READY_FOR_QUERY_TAG;
                }
                Ok(_) => {
                    self.incoming.reserve(super::MIN_READ_BYTES);
                    if self.fill(true).await.is_err() {
                        self.awaiting_reply = false;
                    }
                }
                Err(_) => self.awaiting_reply = false,
            }
        }
    }

    /// Sends Terminate, and waits until PostgreSQL has closed the connection.
    pub(in crate::query::scope) async fn terminate(&mut self) {
        self.outgoing.clear();
        frontend::terminate(&mut self.outgoing);
        if self.flush().await.is_ok() {
            loop {
                self.incoming.clear();
                self.incoming.reserve(super::MIN_READ_BYTES);
                if self.fill(true).await.is_err() {
                    return;
                }
            }
        }
    }
}
