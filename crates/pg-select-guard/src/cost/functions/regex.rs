//! Regular expressions.

use super::{CustomCall, product};
use crate::cost::limits::{MATCH_ARRAY_BYTES_PER_BYTE, MAX_REGEX_BYTES, SCALAR_BYTES};
use crate::cost::regex::{bound_regex, group_bytes_per_byte};
use crate::cost::units::Bytes;
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// `regexp_count`, `regexp_like`
pub(super) fn bound_count(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    Ok(SCALAR_BYTES)
}

/// `regexp_instr`
pub(super) fn bound_instr(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    add_group_bytes(call);
    Ok(SCALAR_BYTES)
}

/// `regexp_split_to_table`: parts of the text.
pub(super) fn bound_part(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    Ok(call.bytes(0))
}

/// `regexp_substr`: a part of the text.
pub(super) fn bound_substr(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    add_group_bytes(call);
    Ok(call.bytes(0))
}

/// `substring`, with a start position or with a regular expression.
pub(super) fn bound_substring(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    if call.integer_argument(1).is_none() {
        bound_pattern(call)?;
    }
    Ok(call.bytes(0))
}

/// `regexp_match`, `regexp_split_to_array`
pub(super) fn bound_array(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    Ok(array_bytes(call))
}

/// `regexp_matches`, which keeps the groups of all matches.
pub(super) fn bound_matches(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    add_group_bytes(call);
    Ok(array_bytes(call))
}

/// `regexp_replace`
pub(super) fn bound_replace(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    bound_pattern(call)?;
    let (text, replacement) = (call.bytes(0), call.bytes(2));
    // A match may be empty, so there may be one more than the text has bytes.
    let (matches, part) = (text + Bytes::new(1), replacement + Bytes::new(1));
    // Each byte of the replacement may belong to a reference to the match.
    Ok(product(part, matches.count()) + product(text, replacement.count()))
}

/// Bytes of an array of matches: each pair of parentheses returns a substring of its own.
fn array_bytes(call: &CustomCall<'_>) -> Bytes {
    let pattern = call.text_argument(1);
    let groups = pattern.map_or(MAX_REGEX_BYTES, Bytes::from_text) / 2;
    product(call.bytes(0), groups.count() + MATCH_ARRAY_BYTES_PER_BYTE)
}

fn bound_pattern(call: &mut CustomCall<'_>) -> CheckOutcome {
    let location = call.call.location;
    let pattern = call.argument(1);
    pattern.map_or(Ok(()), |pattern| bound_regex(pattern, location, call.edits))
}

/// Adds the positions of the groups of all matches.
fn add_group_bytes(call: &mut CustomCall<'_>) {
    let bytes_per_byte = group_bytes_per_byte(call.text_argument(1));
    call.held_bytes += call.bytes(0) * bytes_per_byte;
}
