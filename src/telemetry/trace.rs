use std::fmt;
use std::num::NonZeroU128;

/// The trace id of a request, as in [W3C Trace Context](https://www.w3.org/TR/trace-context/); it
/// tells which request an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// Takes the trace id of the client's `traceparent` header (section 3.2 of the recommendation),
    /// or makes a random one if there is none or it is malformed.
    #[must_use]
    pub fn from_traceparent(traceparent: Option<&str>) -> Self {
        traceparent
            .and_then(Self::parse)
            .unwrap_or_else(|| Self(rand::random()))
    }

    fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, id) = (parts.next()?, parts.next()?);
        let is_hex = |text: &str, length| {
            text.len() == length
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_valid = is_hex(version, 2)
            && version != "ff"
            && is_hex(id, 32)
            && parts.next().is_some_and(|span| is_hex(span, 16))
            && parts.next().is_some_and(|flags| is_hex(flags, 2));
        let id = u128::from_str_radix(id, 16).ok().filter(|_| is_valid)?;
        NonZeroU128::new(id).map(Self)
    }
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
