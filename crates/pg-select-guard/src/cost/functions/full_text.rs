//! Full-text queries, ranks and headlines.

use super::{CustomCall, product};
use crate::cost::limits::{
    HEADLINE_BYTES_PER_BYTE, MAX_CONFIGURATION_NAME_BYTES, MAX_HEADLINE_OPTIONS_BYTES,
    MAX_HEADLINE_QUERY_BYTES, MAX_HEADLINE_TEXT_BYTES, SCALAR_BYTES, TSQUERY_BYTES_PER_BYTE,
};
use crate::cost::totals::input_too_long;
use crate::cost::units::Bytes;
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// `to_tsquery`, `plainto_tsquery`, `phraseto_tsquery`, `websearch_to_tsquery`
pub(super) fn bound_tsquery(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    Ok(product(call.max_bytes(), TSQUERY_BYTES_PER_BYTE))
}

/// `ts_rank`, `ts_rank_cd`: the query is sought in the text.
pub(super) fn bound_rank(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    let longest = call.max_bytes();
    let others = call.total_bytes().added_since(longest);
    call.add_steps(longest.count(), others.count())?;
    Ok(SCALAR_BYTES)
}

/// `ts_headline`
pub(super) fn bound_headline(call: &mut CustomCall<'_>) -> Result<Bytes, Refusal> {
    // The first argument may be a text search configuration.
    let names_configuration =
        call.call.args.len() > 2 && call.text_argument(0).is_some_and(is_configuration_name);
    let text = usize::from(names_configuration);
    let (query, options) = (text + 1, text + 2);
    check_argument(call, text, MAX_HEADLINE_TEXT_BYTES)?;
    check_argument(call, query, MAX_HEADLINE_QUERY_BYTES)?;
    check_headline_options(call, options)?;
    let read = call.bytes(text) + call.bytes(query);
    Ok(product(read, HEADLINE_BYTES_PER_BYTE))
}

fn check_argument(call: &CustomCall<'_>, position: usize, max: Bytes) -> CheckOutcome {
    let bytes = call.bytes(position);
    if bytes <= max {
        return Ok(());
    }
    Err(input_too_long(call.name(), bytes, max, call.call.location))
}

/// Checks the options, which are the arguments from this position on.
fn check_headline_options(call: &CustomCall<'_>, position: usize) -> CheckOutcome {
    let options = position..call.call.args.len();
    let literals = options
        .clone()
        .filter_map(|option| call.text_argument(option));
    let longest = literals.map(Bytes::from_text).max();
    if options.is_empty() || longest.is_some_and(|length| length <= MAX_HEADLINE_OPTIONS_BYTES) {
        return Ok(());
    }
    Err(Refusal::construct_with_hint(
        "ts_headline with options that are long or not a literal",
        "omit the options, or use a short literal",
    )
    .at(call.call.location))
}

/// Whether a text can be the name of a text search configuration.
fn is_configuration_name(text: &str) -> bool {
    Bytes::from_text(text) <= MAX_CONFIGURATION_NAME_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
