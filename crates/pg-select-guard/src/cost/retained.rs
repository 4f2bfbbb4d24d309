//! Memory that a backend retains for a statement after its end, until its connection ends.

use super::inspect;
use super::limits::{BYTES_PER_RECORD_COLUMN, BYTES_PER_TIME_ZONE};
use super::units::{Bytes, to_u64};

/// Retained bytes of record types with this many columns in total.
pub(super) fn record_type_bytes(columns: usize) -> Bytes {
    BYTES_PER_RECORD_COLUMN * to_u64(columns)
}

/// Retained bytes of the time zones that a text may name if it is parsed as a time. Every word in
/// which a digit follows a letter counts as one.
pub(super) fn time_zone_bytes(text: &str) -> Bytes {
    inspect::max_over_readings(text, zone_word_bytes)
}

fn zone_word_bytes(text: &str) -> Bytes {
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
    BYTES_PER_TIME_ZONE * to_u64(zones.count())
}
