//! Full-text search: what parsing texts and queries costs.

/// Limit of a text that becomes a `tsquery`, in bytes: combining its words takes time that grows
/// with their square.
pub(super) const MAX_TSQUERY_TEXT_BYTES: u64 = 4 << 10;

/// Bytes of a `tsquery` for each byte of its text: `a-b&` becomes three words and three operators,
/// of 12 bytes each beside the words.
pub(super) const TSQUERY_BYTES_PER_BYTE: u64 = 24;

/// Bytes that PostgreSQL holds for each byte of a text while it splits the text into words.
pub(super) const TSVECTOR_PARSE_BYTES_PER_BYTE: u64 = 60;

/// Bytes of a `tsvector` for each byte of its text.
pub(super) const TSVECTOR_BYTES_PER_BYTE: u64 = 8;
