//! Full-text search: what texts and queries take.

/// The longest text that a full-text query is made of: PostgreSQL puts its words together in a time
/// that grows with their square.
pub(super) const MAX_TSQUERY_TEXT_BYTES: u64 = 4 << 10;

/// What a full-text query takes for each byte of its text: of `a-b&` PostgreSQL makes three words
/// and three operators, of 12 bytes each beside the words.
pub(super) const TSQUERY_BYTES_PER_BYTE: u64 = 24;

/// What PostgreSQL holds for each byte of a text while it takes it apart into words.
pub(super) const TSVECTOR_PARSE_BYTES_PER_BYTE: u64 = 60;

/// The most that `to_tsvector` makes of each byte of a text.
pub(super) const TSVECTOR_BYTES_PER_BYTE: u64 = 8;

/// Functions of the list that make what is searched or a query, neither of which is a text.
pub(super) const FULL_TEXT_FUNCTIONS: [&str; 6] = [
    "phraseto_tsquery",
    "plainto_tsquery",
    "setweight",
    "to_tsquery",
    "to_tsvector",
    "websearch_to_tsquery",
];
