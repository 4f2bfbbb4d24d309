//! The bytes of a JSON text.

use serde::de::IgnoredAny;

/// The text without a leading byte order mark, which parsers may ignore (RFC 8259, section 8.1).
pub(super) fn strip_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// Whether a text is valid JSON. Builds no values.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
