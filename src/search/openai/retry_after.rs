//! What a response says about when to retry.

use std::time::Duration;

use reqwest::header::HeaderMap;

/// Headers with a delay, in the order in which they are heeded, and their unit.
const HEADERS: [(&str, Duration); 3] = [
    ("retry-after-ms", Duration::from_millis(1)),
    ("x-ms-retry-after-ms", Duration::from_millis(1)),
    ("retry-after", Duration::from_secs(1)),
];

/// Longer delays are cut to this.
const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);

/// The delay that a response asks for. A date is ignored: Azure sends seconds.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    HEADERS.iter().find_map(|&(name, unit)| {
        let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        let is_delay = number.is_finite() && number >= 0.0;
        let seconds = number * unit.as_secs_f64();
        is_delay.then(|| Duration::from_secs_f64(seconds.min(MAX_DELAY.as_secs_f64())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_heeded_before_seconds() {
        let delay = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().expect("a value"));
            }
            retry_after(&map)
        };
        let millis = |number| Some(Duration::from_millis(number));
        assert_eq!(delay(&[]), None);
        assert_eq!(delay(&[("retry-after", "2")]), millis(2000));
        let both = [("retry-after", "2"), ("retry-after-ms", "150")];
        assert_eq!(delay(&both), millis(150));
        assert_eq!(delay(&[("x-ms-retry-after-ms", " 7 ")]), millis(7));
        assert_eq!(delay(&[("retry-after", "0.5")]), millis(500));
        assert_eq!(delay(&[("retry-after", "1e300")]), Some(MAX_DELAY));
        for other in ["", "-1", "NaN", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(delay(&[("retry-after", other)]), None, "{other}");
        }
        let fallback = [("retry-after-ms", "soon"), ("retry-after", "1")];
        assert_eq!(delay(&fallback), millis(1000));
    }
}
