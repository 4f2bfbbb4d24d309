//! Properties of the result mapper that hold for every input. The fuzz target runs them over
//! generated inputs, a test over the stored corpus.

use std::num::{NonZeroU32, NonZeroUsize};

use zava_mcp_server::query::rows::{Collector, RowLimits, to_json};
use zava_mcp_server::query::scope::{Column, RowSink as _};

/// A type OID in decimal, a space, and a value of any bytes. The JSON is valid and bounded, alone
/// and in a truncated result.
pub(crate) fn rows(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b' ');
    let type_oid = parts
        .next()
        .and_then(|id| str::from_utf8(id).ok()?.parse().ok());
    let (Some(type_oid), Some(value)) = (type_oid, parts.next()) else {
        return;
    };
    let json = to_json(type_oid, Some(value));
    assert!(is_json(&json), "not JSON: {json:?}");
    assert!(
        json.len() <= 6 * value.len() + 2,
        "{} bytes of {}",
        json.len(),
        value.len()
    );

    let limits = RowLimits {
        rows: NonZeroU32::new(2).expect("not zero"),
        bytes: NonZeroUsize::new(64).expect("not zero"),
        cell_bytes: NonZeroUsize::new(16).expect("not zero"),
        counted_rows: 0,
    };
    let mut rows = Collector::new(limits);
    let name = String::from_utf8_lossy(value).into_owned();
    rows.columns(vec![Column { name, type_oid }; 2]);
    for _ in 0..3 {
        if rows.row(&mut [Some(value), None].into_iter()).is_break() {
            break;
        }
    }
    let result = rows.finish().expect("two columns");
    assert!(result.cut.is_some() && result.count <= 2);
    assert!(
        is_json(&result.columns) && is_json(&result.rows),
        "not JSON: {result:?}"
    );
    assert!(result.rows.len() <= 64 + "]]".len(), "too long: {result:?}");
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}
