//! Numbers with many digits.

use pg_query::protobuf::Node;

use super::CustomCall;
use crate::cost::edits::Edits;
use crate::cost::limits::{
    DIGITS_PER_LIMB, INTEGER_BYTES, MAX_DISPLAY_SCALE, MAX_EXPANSION_DIGITS, MAX_EXPONENT,
    MAX_NUMERIC_BYTES, PRODUCTS_PER_SERIES, PRODUCTS_PER_STEP, SCALAR_BYTES,
};
use crate::cost::totals::check_steps;
use crate::cost::units::{Bytes, Steps};
use crate::cost::{build_ast, inspect};
use crate::refusal::Refusal;

/// `round`, `trunc`
pub(super) fn bound_rounding(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let scale = call.argument(1);
    Ok(match call.integer_argument(1) {
        // As many digits behind the decimal point as requested.
        Some(scale) => (call.total_bytes() + Bytes::new(scale)).min(MAX_NUMERIC_BYTES),
        None if call.call.args.len() == 1 => call.total_bytes().max(SCALAR_BYTES),
        // Rounding before the decimal point: a negative scale only removes digits, or turns 950
        // into 1,000.
        None if scale.is_some_and(inspect::is_negative_literal) => {
            call.total_bytes().max(SCALAR_BYTES)
        }
        None => MAX_NUMERIC_BYTES,
    })
}

/// `ln`, `log`, `log10`, `sqrt`
pub(super) fn bound_series_expansion(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    call.add_counted_steps(series_steps(call.total_bytes()));
    Ok(call.total_bytes() + MAX_EXPANSION_DIGITS)
}

/// `exp`
pub(super) fn bound_exp(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let value = match is_float8(call) {
        true => SCALAR_BYTES,
        false => power_bytes(Bytes::new(1), call.argument(0), call.edits),
    };
    add_power_steps(call, value)?;
    Ok(value)
}

/// `pow`, `power`
pub(super) fn bound_power(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let value = match is_float8(call) {
        true => SCALAR_BYTES,
        false => power_bytes(call.bytes(0), call.argument(1), call.edits),
    };
    add_power_steps(call, value)?;
    Ok(value)
}

/// `factorial`, which checks for interrupts.
pub(super) fn bound_factorial(_: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    Ok(MAX_NUMERIC_BYTES)
}

/// Whether PostgreSQL resolves the call to the function of `float8`.
fn is_float8(call: &CustomCall<'_>) -> bool {
    call.argument(0).is_some_and(inspect::is_float8_cast)
}

/// Adds the steps of a power of this size.
fn add_power_steps(call: &mut CustomCall<'_>, value: Bytes) -> Result<(), Refusal> {
    let power = power_steps(value, call.call.location)?;
    call.add_counted_steps(series_steps(call.total_bytes()) + power);
    Ok(())
}

/// The steps of a series expansion for arguments of this size.
fn series_steps(arguments: Bytes) -> Steps {
    let limbs = arguments.min(MAX_DISPLAY_SCALE) / DIGITS_PER_LIMB;
    Steps::for_pairs(limbs, limbs) * PRODUCTS_PER_SERIES
}

/// Bytes of a power. An exponent that is known only at run time gets a bounded wrapper. If it is a
/// `float8`, so is the result.
pub(in crate::cost) fn power_bytes(
    base: Bytes,
    exponent: Option<&Node>,
    edits: &mut Edits,
) -> Bytes {
    let max = match exponent {
        Some(node) if inspect::is_float8_cast(node) => return SCALAR_BYTES,
        Some(node) => match inspect::numeric_magnitude(node) {
            Some(exponent) => exponent,
            // An untyped NULL cannot be passed to the wrapper.
            None if inspect::is_null_literal(node) => 1,
            None => {
                edits.wrap(node, "exponent", vec![build_ast::integer(MAX_EXPONENT)]);
                MAX_EXPONENT
            }
        },
        None => 1,
    };
    (base.max(INTEGER_BYTES) * max).clamp(SCALAR_BYTES, MAX_NUMERIC_BYTES)
}

/// The uninterruptible steps of a power of this size: it multiplies numbers four digits at a time.
pub(in crate::cost) fn power_steps(bytes: Bytes, location: i32) -> Result<Steps, Refusal> {
    let limbs = bytes / DIGITS_PER_LIMB;
    check_steps("a power", limbs, limbs / PRODUCTS_PER_STEP, location)
}
