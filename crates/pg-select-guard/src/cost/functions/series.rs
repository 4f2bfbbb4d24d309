//! Series of numbers and times.

use super::CustomCall;
use crate::cost::limits::{MAX_SERIES_ROWS, SCALAR_BYTES};
use crate::cost::units::Bytes;
use crate::refusal::{Refusal, Rule};

/// `generate_series`: a series between integer literals is checked here; any other gets a bounded
/// wrapper.
pub(super) fn bound_series(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    match literal_series_rows(call) {
        Some(rows) if rows > MAX_SERIES_ROWS => {
            return Err(Refusal::new(
                Rule::Cost,
                format!("generate_series would return {rows} rows"),
                format!(
                    "the maximum is {MAX_SERIES_ROWS}; make the series shorter or its steps larger"
                ),
            )
            .at(call.call.location));
        }
        Some(_) => {}
        None => {
            call.replace_with_wrapper(Some(MAX_SERIES_ROWS))?;
        }
    }
    let (from, to, step) = (call.bytes(0), call.bytes(1), call.bytes(2));
    Ok((from.max(to) + step).max(SCALAR_BYTES))
}

/// The rows of a series between integer literals.
fn literal_series_rows(call: &CustomCall<'_>) -> Option<u64> {
    let (from, to) = (call.integer_argument(0)?, call.integer_argument(1)?);
    let step = match call.call.args.len() {
        2 => 1,
        _ => call.integer_argument(2)?,
    };
    Some(to.saturating_sub(from) / step.max(1))
}
