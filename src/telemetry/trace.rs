use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// The trace id of a request, as in [W3C Trace Context](https://www.w3.org/TR/trace-context/); it
/// tells which request an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

/// The span that has caused a request, as a client names it in `traceparent` (section 3.2 of the
/// recommendation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceParent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: NonZeroU64,
    /// Whether the client records its spans of this trace.
    pub(super) is_sampled: bool,
}

impl TraceId {
    /// A random trace id.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Takes the trace id of a `traceparent` header or member, or makes a random one if there is
    /// none or it is malformed.
    #[must_use]
    pub fn from_traceparent(traceparent: Option<&str>) -> Self {
        traceparent
            .and_then(TraceParent::parse)
            .map_or_else(Self::random, |parent| parent.trace_id)
    }

    /// The trace id of a valid `traceparent` header or member.
    #[must_use]
    pub fn parse_traceparent(traceparent: &str) -> Option<Self> {
        TraceParent::parse(traceparent).map(|parent| parent.trace_id)
    }

    /// Parses the form that [`Display`](fmt::Display) prints.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = is_hex(text, 32).then(|| u128::from_str_radix(text, 16).ok());
        NonZeroU128::new(id.flatten()?).map(Self)
    }

    pub(super) fn to_u128(self) -> u128 {
        self.0.get()
    }
}

impl TraceParent {
    /// `None` if the text is malformed.
    pub(super) fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let version = parts.next().filter(|text| is_hex(text, 2))?;
        let trace_id = TraceId::parse(parts.next()?)?;
        let span_id = parts.next().filter(|text| is_hex(text, 16))?;
        let flags = parts.next().filter(|text| is_hex(text, 2))?;
        if version == "ff" {
            return None;
        }
        Some(Self {
            trace_id,
            span_id: NonZeroU64::new(u64::from_str_radix(span_id, 16).ok()?)?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        })
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == length && text.bytes().all(is_digit)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_traceparent_is_kept_and_a_malformed_one_is_replaced() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let valid = format!("00-{id}-b7ad6b7169203331-01");
        assert_eq!(TraceId::from_traceparent(Some(&valid)).to_string(), id);
        for malformed in [
            "",
            id,
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let new = TraceId::from_traceparent(Some(malformed)).to_string();
            assert!(new.len() == 32 && new != id, "{malformed}: {new}");
        }
        assert_ne!(
            TraceId::from_traceparent(None),
            TraceId::from_traceparent(None)
        );
    }
}
