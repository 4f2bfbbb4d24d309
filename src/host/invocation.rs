//! The invocation id that the Azure Functions host adds to each request.
//!
//! Knows the host's header; must not know what is logged.
//! Invariant: the id is the one that the host has set or appended, never one that a client sent.
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn};
use tracing::{Instrument as _, Span};

use crate::telemetry::InvocationId;

const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// Handles each request within the span of its invocation.
///
/// # Security
/// Only for a server that the Functions host has started: elsewhere, clients set the header.
pub(super) fn with_invocation_spans(router: Router) -> Router {
    router.layer(from_fn(|request: Request, next: Next| {
        let id = invocation_id(request.headers());
        let span = id.map_or_else(Span::none, InvocationId::span);
        next.run(request).instrument(span)
    }))
}

/// The last element of the header. The streaming proxy replaces what a client has sent; the older
/// forwarding mode appends to it.
fn invocation_id(headers: &HeaderMap) -> Option<InvocationId> {
    let line = headers.get_all(INVOCATION_ID).iter().next_back()?;
    let element = line.as_bytes().rsplit(|byte| *byte == b',').next()?;
    InvocationId::parse(element.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_id_is_the_last_one_which_the_host_has_added() {
        const HOST: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        const CLIENT: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
        let table: [(&[&str], Option<&str>); 8] = [
            (&[], None),
            (&[HOST], Some(HOST)),
            (&[CLIENT, HOST], Some(HOST)),
            (&[&format!("{CLIENT}, {HOST}")], Some(HOST)),
            (&[&format!("a,,b,{HOST}")], Some(HOST)),
            (&["forged"], None),
            (&[HOST, "forged"], None),
            (&[&format!("{HOST},")], None),
        ];
        for (lines, expected) in table {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(
                    HeaderName::from_static(INVOCATION_ID),
                    HeaderValue::from_str(line).unwrap(),
                );
            }
            let expected = expected.and_then(|id| InvocationId::parse(id.as_bytes()));
            assert_eq!(invocation_id(&headers), expected, "{lines:?}");
        }
    }
}
