//! All limits and per-unit figures of the cost analysis, with their units and reasons.
//!
//! The names say the unit: `MAX_*` is a limit, `*_BYTES_PER_*` and the like a figure that an upper
//! bound is computed with. A source in parentheses is a file or function of PostgreSQL; the other
//! figures were measured on PostgreSQL 18. Limits that do not depend on the analysis are elsewhere:
//! the size of a statement in [`crate::limits`], planner settings in `planner.rs`.
//!
//! Must not know how a bound is computed. Invariant: the table of limits in
//! `docs/decisions/0011-cost-bounds.md` has the same numbers, which a test compares.

use super::units::{Bytes, Nodes, Steps};

// Statements

/// Limit of a statement's nodes in PostgreSQL's planner, which needs about 0.8 KiB for each.
pub(super) const MAX_NODES: Nodes = Nodes::new(30_000);

/// A subquery with a column of more nodes than this gets an optimization fence: references then
/// read the column's value instead of copying its expression. Ordinary columns have tens of nodes.
pub(super) const MAX_UNFENCED_NODES: Nodes = Nodes::new(1_000);

/// Limit of the bytes of all values of one statement that can be live at the same time: the values
/// of one row of each of its queries.
pub(crate) const MAX_LIVE_BYTES: Bytes = Bytes::mib(64);

/// The same limit for EXPLAIN. It prints the constants that the planner computed, each byte as up
/// to six bytes, and more than once.
pub(crate) const MAX_EXPLAIN_LIVE_BYTES: Bytes = Bytes::mib(1);

/// Limit of the uninterruptible steps for one row. One step takes between one and eight
/// nanoseconds.
pub(super) const MAX_UNINTERRUPTIBLE_STEPS: Steps = Steps::new(30_000_000);

/// Limit of the windows of one statement, each of which may need its own sort.
pub(super) const MAX_WINDOWS: u64 = 32;

/// Limit of a number that a recursion computes, in bytes.
pub(super) const MAX_RECURSIVE_SCALAR_BYTES: Bytes = Bytes::new(1_000);

// Values

/// Limit of one value: what all aggregates may accumulate, and some more. A sort merges rows of a
/// dozen tapes at once, whatever its sort key.
pub(super) const MAX_VALUE_BYTES: Bytes = Bytes::mib(12);

/// Limit that a bounded wrapper enforces on a value whose size is known only at run time.
pub(super) const MAX_WRAPPED_BYTES: Bytes = Bytes::kib(16);

/// Limit of a value that PostgreSQL may compute while planning. The planner copies such a constant
/// to many places: into each WHEN of a CASE, each append child of a UNION, each equality that it
/// derives from others.
pub(super) const MAX_PLAN_TIME_BYTES: Bytes = Bytes::kib(4);

/// A number, date, boolean or another value of fixed size.
pub(super) const SCALAR_BYTES: Bytes = Bytes::new(64);

/// A boolean.
pub(super) const TRUTH_VALUE_BYTES: Bytes = Bytes::new(1);

/// An integer literal, or the number of a row.
pub(super) const INTEGER_BYTES: Bytes = Bytes::new(8);

/// A table's column of at most this many bytes is a number, a date or a boolean, and no text.
pub(super) const MAX_NUMBER_BYTES: Bytes = Bytes::new(16);

/// Bytes that PostgreSQL holds for each byte of a JSON document or a `tsquery` that an operator or
/// a function rebuilds.
pub(super) const REBUILD_BYTES_PER_BYTE: u64 = 35;

// Bounded wrappers

/// Nodes that the planner adds when it inlines a call of a bounded wrapper.
pub(super) const WRAPPER_NODES: Nodes = Nodes::new(40);

/// How often the argument of the call occurs among them.
pub(super) const WRAPPER_ARGUMENT_COPIES: u64 = 5;

// Sorts and joins

/// Limit of a sort key: with the smallest `work_mem`, PostgreSQL keeps 2,730 values of one sort in
/// memory, however long they are.
pub(super) const MAX_SORT_KEY_BYTES: Bytes = Bytes::kib(24);

/// Limit of the sum, over all sorts, of the longest sorted value: with the smallest `work_mem`,
/// each sort keeps 2,730 of them.
pub(super) const MAX_SORTED_BYTES: Bytes = Bytes::kib(64);

/// Bytes that PostgreSQL accounts for a sorted value, whatever its length.
pub(super) const BYTES_PER_SORTED_VALUE: Bytes = Bytes::new(24);

/// Limit of the sum, over all sorts and joins, of the bytes of one row: PostgreSQL merges at least
/// six tapes at once and holds a row of each.
pub(super) const MAX_SORT_ROW_BYTES: Bytes = Bytes::mib(17);

/// Limit of the rows that a top-N sort may keep, in bytes; PostgreSQL does not account for their
/// sizes.
pub(super) const MAX_TOPN_BYTES: Bytes = Bytes::mib(64);

/// Bytes of a row in a top-N sort beside its values.
pub(super) const TOPN_ROW_OVERHEAD_BYTES: Bytes = Bytes::new(64);

// Hash tables

/// Limit of the rows of all hashed subplans of a statement, in bytes.
pub(super) const MAX_HASHED_BYTES: Bytes = Bytes::mib(64);

/// Bytes of a row in the hash table of a subplan, beside its values.
pub(super) const HASHED_ROW_OVERHEAD_BYTES: Bytes = Bytes::new(100);

/// Bytes of a value in a row of a recursion, beside the bytes of its text.
pub(super) const HASHED_VALUE_OVERHEAD_BYTES: Bytes = Bytes::new(8);

/// Limit of the rows of a subquery that may be kept in a hash table, in bytes.
pub(super) const MAX_HASHED_ROW_BYTES: Bytes = Bytes::new(512);

// Aggregates

/// Limit of the state of all accumulating aggregates together, in bytes: the budget of the
/// aggregate `bounded.admits`.
pub(super) const MAX_AGGREGATE_STATE_BYTES: Bytes = Bytes::mib(10);

/// Weight of one byte: with 3, a statement can use a third of the budget of `bounded.admits`. A
/// value derived from the accumulated one, such as the text of an array, can be more than twice as
/// long, and it may be sorted several times.
pub(super) const WEIGHT_PER_BYTE: u64 = 3;

/// Weight of one byte of JSON, which takes many times its text while it is embedded into other
/// JSON.
pub(super) const JSON_WEIGHT_PER_BYTE: u64 = 12;

/// Bytes of an accumulated element beside its value, in an array or a text.
pub(super) const ELEMENT_OVERHEAD_BYTES: Bytes = Bytes::new(16);

/// Bytes of an accumulated element beside its value, in a JSON value.
pub(super) const JSON_ELEMENT_OVERHEAD_BYTES: Bytes = Bytes::new(160);

/// Bytes of an accumulated range beside its value, in a multirange.
pub(super) const RANGE_OVERHEAD_BYTES: Bytes = Bytes::new(2_400);

/// Elements that can be longer than this are weighed by their actual size at run time.
pub(super) const MAX_ESTIMATED_ELEMENT_BYTES: Bytes = Bytes::new(256);

/// Size of a number or a date, which is not worth measuring at run time.
pub(super) const NUMBER_BYTES: Bytes = Bytes::new(16);

/// The limits that are tried in turn, in bytes: for values that are embedded into JSON, embedded
/// into jsonb, kept for LIMIT, sorted, sorted in upper case, and sorted several times.
pub(super) const AGGREGATE_LIMITS_BYTES: [Bytes; 6] = [
    Bytes::mib(1),
    Bytes::kib(256),
    Bytes::kib(64),
    MAX_SORT_KEY_BYTES,
    Bytes::new(8_000),
    Bytes::new(2_000),
];

/// When a limit is needed, at most this many queries are analyzed once more to see whether they can
/// do without it.
pub(super) const MAX_UNLIMITED_QUERIES: usize = 8;

/// Bytes of a fraction, of which an ordered-set aggregate may take an array.
pub(super) const BYTES_PER_FRACTION: Bytes = Bytes::new(8);

// Arrays and rows

/// Bytes of an element in a finished array beside its value.
pub(super) const ARRAY_ELEMENT_BYTES: Bytes = Bytes::new(4);

/// The fewest bytes of an element in an array.
pub(super) const MIN_ARRAY_ELEMENT_BYTES: Bytes = Bytes::new(4);

/// Bytes that a value has more as an element of `array_fill`.
pub(super) const FILLED_ELEMENT_OVERHEAD_BYTES: Bytes = Bytes::new(8);

/// The fewest bytes of a part of an operand that an operator combines with each part of the other:
/// four decimal digits of a number, or an element of an array.
pub(super) const BYTES_PER_ITEM: Bytes = Bytes::new(4);

/// Bytes of an element of a `vector`.
pub(super) const VECTOR_ELEMENT_BYTES: Bytes = Bytes::new(4);

/// Bytes of a field of a row beside its name and its value.
pub(super) const FIELD_OVERHEAD_BYTES: Bytes = Bytes::new(24);

// Casts

/// Limit of a text that is parsed as a number, date or the like, in bytes.
pub(super) const MAX_SCALAR_INPUT_BYTES: Bytes = Bytes::mib(1);

/// Bytes that PostgreSQL holds for each byte of a text while it parses an array, with two bytes per
/// element.
pub(super) const ARRAY_INPUT_BYTES_PER_BYTE: u64 = 1_300;

/// The same for element types whose input functions allocate nothing but the value itself
/// (`value` in the column `element` of `catalog/types.tsv`).
pub(super) const SIMPLE_ARRAY_INPUT_BYTES_PER_BYTE: u64 = 40;

/// Bytes that PostgreSQL holds for each byte of a text while it parses JSON.
pub(super) const JSON_INPUT_BYTES_PER_BYTE: u64 = 220;

/// Steps to print one byte of a number: a number of 130,000 digits takes 1.3 ms.
pub(super) const PRINT_STEPS_PER_BYTE: u64 = 2;

// Numbers

/// The longest text of a `numeric`: PostgreSQL keeps 131,072 digits before the decimal point and
/// 16,383 behind it.
pub(super) const MAX_NUMERIC_BYTES: Bytes = Bytes::kib(160);

/// The largest scale of a `numeric`.
pub(super) const MAX_NUMERIC_SCALE: Bytes = Bytes::new(1_000);

/// Limit of a text that is known only at run time and cast to `numeric`, in bytes.
pub(super) const MAX_NUMERIC_TEXT_BYTES: Bytes = Bytes::new(1_000);

/// Factor by which a text grows that is read as numbers, if it is full of numbers with exponents of
/// two digits: `1e99,` has 102 bytes when written out.
pub(super) const NUMERIC_BYTES_PER_TEXT_BYTE: u64 = 21;

/// Bytes by which a single such number grows.
pub(super) const MAX_EXPONENT_DIGITS: Bytes = Bytes::new(100);

/// Digits of a `float8` as a `numeric`: `1e308` has 309 digits, `-2.2250738585072014e-308` has 324
/// behind the decimal point.
pub(super) const MAX_FLOAT_DIGITS: Bytes = Bytes::new(330);

/// Decimal digits that PostgreSQL processes at a time.
pub(super) const DIGITS_PER_LIMB: Bytes = Bytes::new(4);

/// Digits that a product has beside those of its factors.
pub(super) const PRODUCT_OVERHEAD_DIGITS: Bytes = Bytes::new(16);

/// Sums of numbers up to this size do not count as longer: values of columns have as many digits.
pub(super) const UNCOUNTED_DIGITS: Bytes = Bytes::new(16);

/// Limit of an exponent that is known only at run time: the days of a year.
pub(super) const MAX_EXPONENT: u64 = 366;

/// The most digits behind the decimal point to which PostgreSQL computes an irrational result
/// (`NUMERIC_MAX_DISPLAY_SCALE`).
pub(super) const MAX_DISPLAY_SCALE: Bytes = Bytes::new(1_000);

/// Digits that a series expansion adds to those of its argument.
pub(super) const MAX_EXPANSION_DIGITS: Bytes = Bytes::new(1_024);

/// Multiplications of numbers of as many digits in one series expansion: the logarithm of a number
/// of 1,000 digits takes 2 ms.
pub(super) const PRODUCTS_PER_SERIES: u64 = 16;

/// How many products of pairs of a power's digits count as one step: 127,500 digits take 6.6 ms,
/// 5,900 take 0.11 ms.
pub(super) const PRODUCTS_PER_STEP: u64 = 64;

/// Limit of the rows of `generate_series`.
pub(super) const MAX_SERIES_ROWS: u64 = 1_000_000;

// Texts

/// Limit of a text that is normalized, in bytes: the time grows with the square of the length.
pub(super) const MAX_NORMALIZE_BYTES: Bytes = Bytes::kib(8);

/// Limit of the format of a number, date or time, in bytes.
pub(super) const MAX_FORMAT_BYTES: Bytes = Bytes::kib(1);

/// The fewest bytes of a pair of characters.
pub(super) const MIN_PAIR_BYTES: Bytes = Bytes::new(2);

/// The most bytes of a character.
pub(super) const BYTES_PER_CHARACTER: Bytes = Bytes::new(4);

/// A digest of 64 bytes, printed in hexadecimal.
pub(super) const MAX_DIGEST_BYTES: Bytes = Bytes::new(130);

/// Bytes of a part of `string_to_array` for each byte of the text: an element of one byte takes
/// eight bytes in an array.
pub(super) const SPLIT_ARRAY_BYTES_PER_BYTE: u64 = 12;

/// Factor by which `translate` lengthens a text: a character becomes one of up to four bytes.
pub(super) const TRANSLATED_BYTES_PER_BYTE: u64 = 4;

/// Looking up a character in a set takes as long as three of the counted steps.
pub(super) const STEPS_PER_SET_LOOKUP: u64 = 3;

/// Bytes of a text that a substring search examines in one step.
pub(super) const SEARCHED_BYTES_PER_STEP: Bytes = Bytes::new(8);

// Regular expressions

/// Limit of a regular expression, in bytes. Compiling one takes memory that grows with its
/// repetitions, and a backend keeps the last 32.
pub(super) const MAX_REGEX_BYTES: Bytes = Bytes::new(500);

/// Limit of the product of all quantifier bounds, as in `x{1,20}`.
pub(super) const MAX_REPETITIONS: u64 = 255;

/// Limit of a regular expression with all repetitions expanded, in bytes.
pub(super) const MAX_EXPANDED_REGEX_BYTES: Bytes = Bytes::new(10_000);

/// Limit of the optional parts of a regular expression that repeats a group, multiplied by the
/// repetitions. The automaton has an arc from each optional part to each that follows: 120 take up
/// to 0.65 MiB and 30 ms, 400 take 6 MiB and 3 s.
pub(super) const MAX_OPTIONAL_PARTS: u64 = 120;

/// Limit of the word boundaries (`\y`, `\Y`), multiplied by the repetitions of groups. PostgreSQL
/// duplicates the states around each of them: 20 in a row take 176 MiB before it gives up, and
/// `(?:\ya?)*` ten times takes 123 MiB and 0.9 s.
pub(super) const MAX_WORD_BOUNDARIES: u64 = 8;

/// Bytes that PostgreSQL holds for each byte of a text that is matched: a wide character, and the
/// position of each match.
pub(super) const REGEX_BYTES_PER_BYTE: u64 = 12;

/// Bytes that PostgreSQL keeps of a match for each group of the pattern (`setup_regexp_matches` in
/// regexp.c).
pub(super) const BYTES_PER_GROUP: u64 = 8;

/// Bytes of an array of matches or of parts for each byte of the text.
pub(super) const MATCH_ARRAY_BYTES_PER_BYTE: u64 = 12;

// JSON

/// Limit of the comparisons in a path; the check of each examines all tokens of its two operands.
pub(super) const MAX_PATH_COMPARISONS: usize = 100;

/// Limit of nested NESTED PATH clauses in a JSON_TABLE.
pub(super) const MAX_NESTED_PATHS: usize = 4;

/// Factor by which JSON grows that is embedded into JSON: it needs no quotes, and may get a space
/// behind each colon and comma.
pub(super) const JSON_IN_JSON_FACTOR: u64 = 2;

/// Factor by which `jsonb_pretty` lengthens a document: each element gets a line, indented by up to
/// eleven levels. The bounded wrapper rejects deeper documents.
pub(super) const PRETTY_BYTES_PER_BYTE: u64 = 30;

/// Bytes that PostgreSQL holds for each byte of a text while it checks that the keys of objects are
/// unique.
pub(super) const UNIQUE_KEYS_BYTES_PER_BYTE: u64 = 30;

// Full-text search

/// Limit of a text that becomes a `tsquery`, in bytes: combining its words takes time that grows
/// with their square.
pub(super) const MAX_TSQUERY_TEXT_BYTES: Bytes = Bytes::kib(4);

/// Bytes of a `tsquery` for each byte of its text: `a-b&` becomes three words and three operators,
/// of 12 bytes each beside the words.
pub(super) const TSQUERY_BYTES_PER_BYTE: u64 = 24;

/// Bytes that PostgreSQL holds for each byte of a text while it splits the text into words.
pub(super) const TSVECTOR_PARSE_BYTES_PER_BYTE: u64 = 60;

/// Bytes of a `tsvector` for each byte of its text.
pub(super) const TSVECTOR_BYTES_PER_BYTE: u64 = 8;

/// Limit of the text of `ts_headline`, in bytes: it keeps each word as often as the query has
/// words, and examines each part of the text for each match of the query.
pub(super) const MAX_HEADLINE_TEXT_BYTES: Bytes = Bytes::kib(8);

/// Limit of the query of `ts_headline`, in bytes, for the same reason.
pub(super) const MAX_HEADLINE_QUERY_BYTES: Bytes = Bytes::kib(1);

/// Limit of the options of `ts_headline`, in bytes.
pub(super) const MAX_HEADLINE_OPTIONS_BYTES: Bytes = Bytes::new(100);

/// Bytes of a headline for each byte of the text and of the query: the options contain the texts
/// that are put around each match.
pub(super) const HEADLINE_BYTES_PER_BYTE: u64 = 50;

/// Limit of the length of the name of a text search configuration, in bytes.
pub(super) const MAX_CONFIGURATION_NAME_BYTES: Bytes = Bytes::new(63);

// Memory that a backend retains

/// Bytes of a cached time zone (`pg_tzset` in pgtz.c).
pub(super) const BYTES_PER_TIME_ZONE: Bytes = Bytes::kib(32);

/// Bytes of a cached record type that belongs to no table, for each column
/// (`assign_record_type_typmod` in typcache.c).
pub(super) const BYTES_PER_RECORD_COLUMN: Bytes = Bytes::new(160);

/// Bytes that a backend retains for a compiled regular expression.
pub(super) const BYTES_PER_REGEX: Bytes = Bytes::kib(16);

/// Bytes that a backend retains for each pair of a regular expression's optional parts.
pub(super) const BYTES_PER_OPTIONAL_PAIR: Bytes = Bytes::new(64);

/// Bytes of the largest automaton, such as `.?` 250 times. A backend keeps its last 32 regular
/// expressions.
pub(super) const MAX_BYTES_PER_REGEX: Bytes = Bytes::mib(1);
