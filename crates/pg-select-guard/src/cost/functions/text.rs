//! Texts: repetition, padding, replacement, searches, formats, digests.

use super::{CustomCall, product};
use crate::cost::inspect;
use crate::cost::limits::{
    BYTES_PER_CHARACTER, MAX_DIGEST_BYTES, SCALAR_BYTES, SEARCHED_BYTES_PER_STEP,
    SPLIT_ARRAY_BYTES_PER_BYTE, STEPS_PER_SET_LOOKUP, TRANSLATED_BYTES_PER_BYTE,
};
use crate::cost::units::{Bytes, to_u64};
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};

/// `repeat`
pub(super) fn bound_repeat(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    match call.integer_argument(1) {
        Some(times) => Ok(product(call.bytes(0), times)),
        None => call.call_wrapper(),
    }
}

/// `lpad`, `rpad`
pub(super) fn bound_pad(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    match call.integer_argument(1) {
        Some(length) => Ok(product(BYTES_PER_CHARACTER, length)),
        None => call.call_wrapper(),
    }
}

/// `replace`
pub(super) fn bound_replace(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_search_steps(call)?;
    let replacement_bytes = call.bytes(2).count().max(1);
    Ok(product(call.bytes(0), replacement_bytes))
}

/// `btrim`, `ltrim`, `rtrim`
pub(super) fn bound_trim(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_lookup_steps(call)?;
    Ok(call.bytes(0))
}

/// `translate`
pub(super) fn bound_translate(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_lookup_steps(call)?;
    Ok(product(call.bytes(0), TRANSLATED_BYTES_PER_BYTE))
}

/// `position`, `strpos`
pub(super) fn bound_search(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_search_steps(call)?;
    Ok(SCALAR_BYTES)
}

/// `split_part`, `string_to_table`: parts of the text.
pub(super) fn bound_split(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_search_steps(call)?;
    Ok(call.bytes(0))
}

/// `string_to_array`
pub(super) fn bound_string_to_array(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    add_search_steps(call)?;
    Ok(product(call.bytes(0), SPLIT_ARRAY_BYTES_PER_BYTE))
}

/// `concat_ws`: the separator stands between all other arguments.
pub(super) fn bound_concat_ws(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let separators = to_u64(call.bounds.len());
    Ok(product(call.bytes(0), separators) + call.total_bytes())
}

/// `sha224`, `sha256`, `sha384`, `sha512`
pub(super) fn bound_digest(_: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    Ok(MAX_DIGEST_BYTES)
}

/// `format`, whose format string determines the length of each part.
pub(super) fn bound_format(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
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
        .fold(SCALAR_BYTES, Bytes::max);
    let conversions = to_u64(format.matches('%').count());
    let widths: u64 = inspect::numbers_in(format).sum();
    // Quoting by %L and %I may double a value.
    let arguments = max_argument_bytes * 2 * conversions;
    Ok(arguments + BYTES_PER_CHARACTER * widths + Bytes::from_text(format))
}

/// Adds the steps of a search for the second argument in the first.
fn add_search_steps(call: &mut CustomCall<'_>) -> CheckOutcome {
    call.add_steps(
        call.bytes(0) / SEARCHED_BYTES_PER_STEP,
        call.bytes(1).count(),
    )
}

/// Adds the steps of looking up each character of the first argument in the second.
fn add_lookup_steps(call: &mut CustomCall<'_>) -> CheckOutcome {
    let text = call.bytes(0) * STEPS_PER_SET_LOOKUP;
    call.add_steps(text.count(), call.bytes(1).count())
}
