//! Reads the unread body of a rejected request, to find the request's id.
//!
//! Clients match the response to their request by the id; without it some end their session, and
//! others wait for their timeout. Reading also keeps the connection usable: closing it with unread
//! bytes resets it, and the client may never see the response.
//! Invariant: a rejected request holds at most [`MAX_ID_SEARCH_BYTES`] of memory for
//! [`READ_TIMEOUT`], and at most [`MAX_CONCURRENT_READS`] requests do so at once.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::json_text::strip_bom;
use super::{media_types, message_id};

/// The part of a body that is searched for the id: clients put it first or last, and the longest
/// statements that people write have 2,500 bytes.
pub(super) const MAX_ID_SEARCH_BYTES: usize = 8 * 1024;

/// How much of a body is read; what lies beyond [`MAX_ID_SEARCH_BYTES`] is dropped.
const MAX_DRAINED_BYTES: usize = 256 * 1024;

/// How long to wait for the rest of a body.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// How many rejected requests may wait for the rest of their bodies at once. Bytes that have
/// already arrived are read without a permit.
const MAX_CONCURRENT_READS: usize = 64;

static READ_PERMITS: Semaphore = Semaphore::const_new(MAX_CONCURRENT_READS);

/// The id of the request, if it is found within the limits.
pub(super) async fn read_id(headers: &HeaderMap, body: Body) -> Option<Value> {
    // A client that expects 100 (Continue) does not send its body before it receives that.
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return None;
    }
    let mut head = BytesMut::new();
    {
        let mut reading = pin!(drain(body, &mut head));
        // hyper delivers bytes that have already arrived after the first poll.
        let mut is_done = false;
        for _ in 0..2 {
            is_done = is_done || futures_util::poll!(&mut reading).is_ready();
            if !is_done {
                tokio::task::yield_now().await;
            }
        }
        if !is_done && let Ok(_permit) = READ_PERMITS.try_acquire() {
            // After a timeout the id may be in what has arrived.
            let _ = timeout(READ_TIMEOUT, reading).await;
        }
    }
    if !media_types::has_json_content_type(headers) || media_types::has_content_coding(headers) {
        return None;
    }
    message_id::extract(strip_bom(&head))
}

/// Reads a body to its end, or up to [`MAX_DRAINED_BYTES`], and keeps its first bytes in `head`.
async fn drain(mut body: Body, head: &mut BytesMut) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(piece) = frame.into_data() else {
            continue; // trailers
        };
        let room = MAX_ID_SEARCH_BYTES - head.len();
        head.extend_from_slice(&piece[..piece.len().min(room)]);
        drained += piece.len();
        if drained > MAX_DRAINED_BYTES {
            return;
        }
    }
}
