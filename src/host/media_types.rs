//! Which media types and codings a request names: what it sends, and what it takes as an answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What rmcp requires; set for every client that accepts JSON.
pub(super) const ACCEPT_BOTH: HeaderValue =
    HeaderValue::from_static("application/json, text/event-stream");

/// Whether the body is said to be JSON. Two content types are ambiguous, so they say nothing.
pub(super) fn sends_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value.to_str().map(essence).unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
}

/// Whether the body has a content coding; none is decoded here.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = listed(headers, header::CONTENT_ENCODING);
    codings
        .into_iter()
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// Whether JSON may be answered (RFC 9110, section 12.5.1): the most specific range that matches
/// decides, and no `Accept` takes everything. Answers are never event streams, so a client need not
/// take those.
pub(super) fn accepts_json(headers: &HeaderMap) -> bool {
    let ranges = listed(headers, header::ACCEPT);
    let mut best: Option<(u8, bool)> = None;
    let mut is_given = false;
    for range in ranges {
        if range.is_empty() {
            continue;
        }
        is_given = true;
        let precedence = match essence(range).to_ascii_lowercase().as_str() {
            "application/json" => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        let accepted = !has_zero_weight(range);
        // Of equal ranges the first that accepts counts.
        if best.is_none_or(|(known, accepts)| {
            precedence > known || (precedence == known && accepted && !accepts)
        }) {
            best = Some((precedence, accepted));
        }
    }
    best.map_or(!is_given, |(_, accepted)| accepted)
}

/// The elements of a list header, whatever lines they are on.
fn listed(headers: &HeaderMap, name: HeaderName) -> Vec<&str> {
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

/// Whether a range has the weight 0, which excludes it; a malformed weight is passed over.
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
    fn any_coding_but_identity_is_one() {
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
            assert_eq!(is_encoded(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn one_content_type_says_what_the_body_is() {
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
            assert_eq!(sends_json(&headers), expected, "{values:?}");
        }
    }
}
