//! Media types and content codings: what a request's body is, and which responses it accepts.
//!
//! Knows the content negotiation of RFC 9110; must not know routes or callers.
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The `Accept` that rmcp requires; set for every client that accepts JSON.
pub(super) const ACCEPT_BOTH: HeaderValue =
    HeaderValue::from_static("application/json, text/event-stream");

/// Whether `Content-Type` is JSON. Two of these headers are ambiguous, so they do not count.
pub(super) fn has_json_content_type(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().map(essence).unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
}

/// Whether the body has a content coding, such as gzip. This server decodes none.
pub(super) fn has_content_coding(headers: &HeaderMap) -> bool {
    let codings = list_elements(headers, header::CONTENT_ENCODING);
    codings
        .into_iter()
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// Whether `Accept` includes JSON (RFC 9110, section 12.5.1): the most specific matching range
/// decides, and a request without `Accept` accepts everything. Responses are never event streams,
/// so a client need not accept those.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let ranges = list_elements(headers, header::ACCEPT);
    let mut best: Option<(u8, bool)> = None;
    let mut has_ranges = false;
    for range in ranges {
        if range.is_empty() {
            continue;
        }
        has_ranges = true;
        let precedence = match essence(range).to_ascii_lowercase().as_str() {
            "application/json" => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        let accepted = !has_zero_weight(range);
        // If a range is repeated, one without weight 0 wins.
        if best.is_none_or(|(best, is_accepted)| {
            precedence > best || (precedence == best && accepted && !is_accepted)
        }) {
            best = Some((precedence, accepted));
        }
    }
    best.map_or(!has_ranges, |(_, accepted)| accepted)
}

/// The elements of a comma-separated list header, from all its lines in order.
fn list_elements(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
    let values = headers.get_all(name).iter();
    values
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .map(str::trim)
        .collect()
}

/// A media type without its parameters.
fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Whether a range has the weight 0, which excludes it. A malformed weight is ignored.
fn has_zero_weight(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1).map(str::trim);
    let weight = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then_some(value.trim())
    });
    weight
        .and_then(|weight| weight.parse::<f32>().ok())
        .is_some_and(|weight| weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                name.clone(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn json_is_accepted_unless_it_is_excluded() {
        let table: [(&[&str], bool); 19] = [
            (&[], true),
            (&[""], true),
            (&["application/json, text/event-stream"], true),
            (&["application/json", "text/event-stream"], true),
            (&["application/json"], true),
            (&["APPLICATION/JSON;q=0.1"], true),
            (&["*/*"], true),
            (&["application/*"], true),
            (&["text/html, */*;q=0.8"], true),
            (&["text/event-stream, application/*; q=0.5"], true),
            (&["*/*;q=0, application/json"], true),
            (&["application/json;charset=utf-8"], true),
            (&["text/event-stream"], false),
            (&["text/*"], false),
            (&["text/html"], false),
            (&["*/*;q=0"], false),
            (&["*/*, application/json;q=0"], false),
            (&["application/json; Q=0.000"], false),
            (&["\u{fffd}"], false),
        ];
        for (values, expected) in table {
            assert_eq!(
                accepts_json(&headers(header::ACCEPT, values)),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn every_content_coding_except_identity_is_detected() {
        let table: [(&[&str], bool); 8] = [
            (&[], false),
            (&[""], false),
            (&["identity"], false),
            (&["Identity"], false),
            (&["gzip"], true),
            (&["identity, br"], true),
            (&["identity", "zstd"], true),
            (&["\u{fffd}"], true),
        ];
        for (values, expected) in table {
            let headers = headers(header::CONTENT_ENCODING, values);
            assert_eq!(has_content_coding(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn the_content_type_is_json_only_if_exactly_one_header_says_so() {
        let table: [(&[&str], bool); 10] = [
            (&["application/json"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["application/jsonp"], false),
            (&["text/plain"], false),
            (&[""], false),
            (&["\u{fffd}"], false),
            (&[], false),
            // Ambiguous.
            (&["application/json", "text/plain"], false),
            (&["text/plain", "application/json"], false),
            (&["application/json, text/plain"], false),
        ];
        for (values, expected) in table {
            let headers = headers(header::CONTENT_TYPE, values);
            assert_eq!(has_json_content_type(&headers), expected, "{values:?}");
        }
    }
}
