//! JSON paths and printed JSON.

use super::{CustomCall, product};
use crate::cost::json_path::{PathInput, bound_json_path, count_document_refs};
use crate::cost::limits::PRETTY_BYTES_PER_BYTE;
use crate::cost::units::Bytes;
use crate::refusal::Refusal;

/// `jsonb_pretty`
pub(super) fn bound_pretty(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    call.replace_with_wrapper(None)?;
    Ok(product(call.bytes(0), PRETTY_BYTES_PER_BYTE))
}

/// `jsonb_path_exists` and the others that take a path. A path may multiply the numbers that it
/// reads by each other, and by its own numbers.
pub(super) fn bound_path(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let input = PathInput {
        document_bytes: call.bytes(0),
        variable_bytes: call.bytes(2),
    };
    let path = call.argument(1);
    let own_steps = bound_json_path(path, input, call.call.location, call.edits)?;
    let factors = path.map_or(0, count_document_refs);
    call.add_counted_steps(own_steps);
    let read = input.document_bytes + input.variable_bytes;
    Ok(product(read, factors.saturating_add(2)) + product(call.bytes(1), 2))
}
