use std::fmt;
use std::num::NonZeroU128;

/// Which request an event belongs to: the trace id of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

impl TraceId {
    /// The one that the client gives in `traceparent` (section 3.2 of the recommendation), or else a new one.
    #[must_use]
    pub fn of_request(traceparent: Option<&str>) -> Self {
        traceparent
            .and_then(Self::read)
            .unwrap_or_else(|| Self(rand::random()))
    }

    fn read(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, id) = (parts.next()?, parts.next()?);
        let is_hex = |text: &str, length| {
            text.len() == length
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_good = is_hex(version, 2)
            && version != "ff"
            && is_hex(id, 32)
            && parts.next().is_some_and(|span| is_hex(span, 16))
            && parts.next().is_some_and(|flags| is_hex(flags, 2));
        let id = u128::from_str_radix(id, 16).ok().filter(|_| is_good)?;
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
    fn a_clients_trace_goes_on_and_what_is_none_is_replaced() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let good = format!("00-{id}-b7ad6b7169203331-01");
        assert_eq!(TraceId::of_request(Some(&good)).to_string(), id);
        for bad in [
            "",
            id,
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let given = TraceId::of_request(Some(bad)).to_string();
            assert!(given.len() == 32 && given != id, "{bad}: {given}");
        }
        assert_ne!(TraceId::of_request(None), TraceId::of_request(None));
    }
}
