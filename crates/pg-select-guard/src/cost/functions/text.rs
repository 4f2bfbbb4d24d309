//! Texts: repetition, padding, replacement, searches, formats, digests.

use super::{CustomCall, byte_len, product};
use crate::cost::inspect;
use crate::cost::limits::{
    BYTES_PER_CHARACTER, MAX_DIGEST_BYTES, SCALAR_BYTES, SEARCHED_BYTES_PER_STEP,
    SPLIT_ARRAY_BYTES_PER_BYTE, STEPS_PER_SET_LOOKUP, TRANSLATED_BYTES_PER_BYTE,
};
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};

/// `repeat`
pub(super) fn bound_repeat(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    match call.integer_argument(1) {
        Some(times) => Ok(product(call.bytes(0), times)),
        None => call.call_wrapper(),
    }
}

/// `lpad`, `rpad`
pub(super) fn bound_pad(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    match call.integer_argument(1) {
        Some(length) => Ok(product(BYTES_PER_CHARACTER, length)),
        None => call.call_wrapper(),
    }
}

/// `left`, `right`: a prefix or suffix of this many characters.
pub(super) fn bound_prefix(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    let characters = call.integer_argument(1);
    let max = characters.map_or(u64::MAX, |characters| {
        characters.saturating_mul(BYTES_PER_CHARACTER)
    });
    Ok(call.max_bytes().min(max).max(SCALAR_BYTES))
}

/// `replace`
pub(super) fn bound_replace(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_search_steps(call)?;
    let sought_bytes = call
        .text_argument(1)
        .map_or(1, |sought| byte_len(sought).max(1));
    let replacement_bytes = call.bytes(2).div_ceil(sought_bytes).max(1);
    Ok(product(call.bytes(0), replacement_bytes))
}

/// `btrim`, `ltrim`, `rtrim`
pub(super) fn bound_trim(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_lookup_steps(call)?;
    Ok(call.bytes(0))
}

/// `translate`
pub(super) fn bound_translate(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_lookup_steps(call)?;
    Ok(product(call.bytes(0), TRANSLATED_BYTES_PER_BYTE))
}

/// `position`, `strpos`
pub(super) fn bound_search(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_search_steps(call)?;
    Ok(SCALAR_BYTES)
}

/// `split_part`, `string_to_table`: parts of the text.
pub(super) fn bound_split(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_search_steps(call)?;
    Ok(call.bytes(0))
}

/// `string_to_array`
pub(super) fn bound_string_to_array(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    add_search_steps(call)?;
    Ok(product(call.bytes(0), SPLIT_ARRAY_BYTES_PER_BYTE))
}

/// `concat_ws`: the separator stands between all other arguments.
pub(super) fn bound_concat_ws(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    let separators = u64::try_from(call.bounds.len()).unwrap_or(u64::MAX);
    Ok(product(call.bytes(0), separators).saturating_add(call.total_bytes()))
}

/// `sha224`, `sha256`, `sha384`, `sha512`
pub(super) fn bound_digest(_: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    Ok(MAX_DIGEST_BYTES)
}

/// `format`, whose format string determines the length of each part.
pub(super) fn bound_format(call: &mut CustomCall<'_>) -> Result<u64, Refusal> {
    let format = call.text_argument(0).filter(|text| !text.contains('*'));
    let Some(format) = format else {
        return Err(Refusal::new(
            Rule::Cost,
            "format with a format string that is not a literal, or with * as a width, is not allowed",
            "use a literal, as in format('%s: %s', a, b), or use ||",
        )
        .at(call.call.location));
    };
    let max_argument_bytes = call
        .bounds
        .iter()
        .skip(1)
        .map(|bound| bound.max_bytes)
        .fold(SCALAR_BYTES, u64::max);
    let conversions = u64::try_from(format.matches('%').count()).unwrap_or(u64::MAX);
    let widths: u64 = inspect::numbers_in(format).sum();
    // Quoting by %L and %I may double a value.
    Ok(conversions
        .saturating_mul(max_argument_bytes.saturating_mul(2))
        .saturating_add(widths.saturating_mul(BYTES_PER_CHARACTER))
        .saturating_add(byte_len(format)))
}

/// Adds the steps of a search for the second argument in the first.
fn add_search_steps(call: &mut CustomCall<'_>) -> CheckOutcome {
    call.add_steps(call.bytes(0) / SEARCHED_BYTES_PER_STEP, call.bytes(1))
}

/// Adds the steps of looking up each character of the first argument in the second.
fn add_lookup_steps(call: &mut CustomCall<'_>) -> CheckOutcome {
    let text = call.bytes(0).saturating_mul(STEPS_PER_SET_LOOKUP);
    call.add_steps(text, call.bytes(1))
}
