//! What a backend keeps of a statement when it has ended, for as long as its connection lives.

use super::inspect;

/// What PostgreSQL keeps of a time zone (`pg_tzset` of pgtz.c).
const BYTES_PER_TIME_ZONE: u64 = 32 << 10;

/// What it keeps for each column of a row type that no table has (`assign_record_type_typmod` of
/// typcache.c).
const BYTES_PER_RECORD_COLUMN: u64 = 160;

/// What is kept of row types of so many columns together.
pub(super) fn record_type_bytes(columns: usize) -> u64 {
    u64::try_from(columns)
        .unwrap_or(u64::MAX)
        .saturating_mul(BYTES_PER_RECORD_COLUMN)
}

/// What is kept of the time zones that a text may name, should it be read as a time: each a word in
/// which a digit follows a letter.
pub(super) fn time_zone_bytes(text: &str) -> u64 {
    inspect::max_over_readings(text, bytes_of_words)
}

fn bytes_of_words(text: &str) -> u64 {
    let is_part = |character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '/' | '_' | '.' | ':')
    };
    let words = text.split(|character| !is_part(character));
    let zones = words.filter(|word| {
        let letter = word.find(|character: char| character.is_ascii_alphabetic());
        letter.is_some_and(|letter| {
            word[letter..].contains(|character: char| character.is_ascii_digit())
        })
    });
    u64::try_from(zones.count())
        .unwrap_or(u64::MAX)
        .saturating_mul(BYTES_PER_TIME_ZONE)
}
