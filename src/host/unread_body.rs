//! Reads the rest of a refused request's body, to find the request's id.
//!
//! Clients match the refusal to their request by the id; without it some end their session, and
//! others wait for their timeout. Reading also keeps the connection usable: closing it with unread
//! bytes resets it, and the client may never see the refusal.
//! Invariant: a refused request holds at most [`MAX_HEAD_BYTES`] of memory for [`MAX_WAIT`], and at
//! most [`MAX_WAITING`] requests do so at once.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{envelope, media_types, message_id};

/// The bytes in which the id is looked for: clients put it first or last, and the longest
/// statements that people write have 2,500 bytes.
pub(super) const MAX_HEAD_BYTES: usize = 8 * 1024;

/// The bytes behind the head that are read and dropped, if they arrive in time.
const MAX_DRAINED_BYTES: usize = 256 * 1024;

/// How long the rest of a body is waited for.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The most refused requests whose bodies are waited for at once; what has arrived is read without
/// that.
const MAX_WAITING: usize = 64;

static WAITING: Semaphore = Semaphore::const_new(MAX_WAITING);

/// The id of the request, if it is found within the bounds.
pub(super) async fn read_id(headers: &HeaderMap, body: Body) -> Option<Value> {
    // A client that expects 100 (Continue) does not send its body without it.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return None;
    }
    let mut head = BytesMut::new();
    {
        let mut reading = pin!(drain(body, &mut head));
        // hyper delivers the received bytes after the first poll.
        let mut is_over = false;
        for _ in 0..2 {
            is_over = is_over || futures_util::poll!(&mut reading).is_ready();
            if !is_over {
                tokio::task::yield_now().await;
            }
        }
        if !is_over && let Ok(_waiting) = WAITING.try_acquire() {
            // Timed out: the id is looked for in what has arrived.
            let _ = timeout(MAX_WAIT, reading).await;
        }
    }
    if !media_types::sends_json(headers) || media_types::is_encoded(headers) {
        return None;
    }
    message_id::read(envelope::without_bom(&head))
}

async fn drain(mut body: Body, head: &mut BytesMut) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(piece) = frame.into_data() else {
            continue; // trailers
        };
        let room = MAX_HEAD_BYTES - head.len();
        head.extend_from_slice(&piece[..piece.len().min(room)]);
        drained += piece.len();
        if drained > MAX_DRAINED_BYTES {
            return;
        }
    }
}
