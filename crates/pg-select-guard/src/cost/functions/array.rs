//! Arrays.

use super::{CustomCall, product};
use crate::cost::inspect;
use crate::cost::limits::{FILLED_ELEMENT_OVERHEAD_BYTES, MIN_ARRAY_ELEMENT_BYTES};
use crate::cost::units::Bytes;
use crate::refusal::{Refusal, Rule};

/// `array_to_string`: a delimiter or the text for NULL beside each element.
pub(super) fn bound_to_string(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let texts = call.bytes(1) + call.bytes(2);
    Ok(product(texts, max_elements(call)) + product(call.bytes(0), 2))
}

/// `array_replace`
pub(super) fn bound_replace(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    Ok(product(call.bytes(2), max_elements(call)) + call.bytes(0))
}

/// `array_fill`, whose lengths must be literals.
pub(super) fn bound_fill(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let lengths = call.argument(1);
    let lengths = lengths.and_then(|lengths| call.edits.array_elements(lengths));
    let lengths = lengths.map(|lengths| lengths.iter().map(inspect::integer_literal).collect());
    let lengths: Vec<u64> = lengths.flatten().ok_or_else(|| {
        Refusal::new(
            Rule::Cost,
            "array_fill with lengths that are not integer literals is not allowed",
            "use literals, as in array_fill(0, ARRAY[12])",
        )
        .at(call.call.location)
    })?;
    let elements = lengths.into_iter().fold(1, u64::saturating_mul);
    let element = call.bytes(0) + FILLED_ELEMENT_OVERHEAD_BYTES;
    Ok(product(element, elements))
}

/// The most elements of the first argument.
fn max_elements(call: &CustomCall<'_>) -> u64 {
    call.bytes(0) / MIN_ARRAY_ELEMENT_BYTES + 1
}
