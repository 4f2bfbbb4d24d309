use tracing::Span;
use uuid::Uuid;

use super::{LOG_SPAN_TARGET, names, spans};

/// The id under which the Azure Functions host logs a request that it forwards to this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvocationId(Uuid);

impl InvocationId {
    /// Parses the host's form: a UUID with hyphens. Any other text is none, so that nothing that a
    /// client made up gets into the log.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        const HYPHENATED_LENGTH: usize = 36;
        let id = Uuid::try_parse_ascii(text).ok()?;
        (text.len() == HYPHENATED_LENGTH).then_some(Self(id))
    }

    /// The span of the request: every event within it carries the id as `faas.invocation_id`, the
    /// attribute of OpenTelemetry's [semantic
    /// conventions](https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/).
    #[must_use]
    pub fn span(self) -> Span {
        spans::set_attribute(names::FAAS_INVOCATION_ID, self.0.hyphenated().to_string());
        // At level ERROR, so that a filter that drops most events does not drop the span of the
        // others.
        tracing::error_span!(target: LOG_SPAN_TARGET, "invocation", faas.invocation_id = %self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hyphenated_uuid_is_an_invocation_id() {
        let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
        assert!(InvocationId::parse(id.as_bytes()).is_some());
        for text in [
            "",
            "6ba7b8109dad11d180b400c04fd430c8",
            "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
            "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8 ",
            "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8\u{1b}[31m",
            "forged",
        ] {
            assert_eq!(InvocationId::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(InvocationId::parse(&[0xff; 36]), None);
    }
}
