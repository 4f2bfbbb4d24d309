use bytes::{Buf as _, BytesMut};
use postgres_protocol::message::backend::{Header, READY_FOR_QUERY_TAG};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{CancelKey, Connection, WireError};
use crate::query::scope::transport::Transport;

/// Asks the server over a transport of its own to cancel what runs on another connection
/// (<https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS>). It answers nothing; when it
/// has closed the transport it has passed the request on.
pub(in crate::query::scope) async fn cancel(
    mut transport: Box<dyn Transport>,
    key: CancelKey,
) -> Result<(), WireError> {
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process_id, key.secret, &mut request);
    transport.write_all(&request).await?;
    // It ends without a byte, which is the answer.
    let _ = transport.read_u8().await;
    Ok(())
}

impl Connection {
    /// What the server wants to hear before it cancels what runs here.
    pub(in crate::query::scope) fn cancel_key(&self) -> CancelKey {
        self.key
    }

    /// Whether a statement may be running.
    pub(in crate::query::scope) fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Reads on, keeping nothing, until the server has nothing more to say or has gone.
    ///
    /// # Cancel safety
    /// Can be called again.
    pub(in crate::query::scope) async fn skip_answer(&mut self) {
        while self.waiting {
            let skipped = self.unwanted.min(self.incoming.len());
            self.incoming.advance(skipped);
            self.unwanted -= skipped;
            match Header::parse(&self.incoming) {
                Ok(Some(header)) if self.unwanted == 0 => {
                    // The length counts itself, not the tag.
                    self.unwanted = usize::try_from(header.len()).map_or(0, |length| length + 1);
                    self.waiting = header.tag() != READY_FOR_QUERY_TAG;
                }
                Ok(_) => {
                    self.incoming.reserve(super::MIN_READ_BYTES);
                    if self.fill(true).await.is_err() {
                        self.waiting = false;
                    }
                }
                Err(_) => self.waiting = false,
            }
        }
    }

    /// Says goodbye, and waits until the server has ended the session.
    pub(in crate::query::scope) async fn leave(&mut self) {
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
