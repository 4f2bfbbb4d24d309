//! Row counts, rounded: a model needs to know only whether a table is small or large.
use std::collections::HashMap;

use super::text_rows::TextRows;

/// The largest exact count; `row_counts.sql` stops after one more row.
const MAX_COUNTED: u32 = 100_000;

/// The number of rows of each table that a tenant sees.
#[derive(Clone, Debug, Default)]
pub(super) struct RowCounts(HashMap<String, u32>);

impl RowCounts {
    /// Reads the result of `row_counts.sql`.
    pub(super) fn from_rows(rows: &TextRows) -> Self {
        let pair = |row: &[String]| match row {
            [table, count] => Some((table.clone(), count.parse().ok()?)),
            _ => None,
        };
        Self(rows.iter().filter_map(pair).collect())
    }

    /// The rounded count of a table as text; `None` when it was not counted.
    pub(super) fn rounded(&self, table: &str) -> Option<String> {
        self.0.get(table).copied().map(rounded)
    }
}

/// Exact below 100, otherwise rounded to two digits.
fn rounded(count: u32) -> String {
    if count > MAX_COUNTED {
        return format!("more than {}", with_separators(MAX_COUNTED));
    }
    let unit = match count {
        0..100 => return count.to_string(),
        100..1_000 => 10,
        1_000..10_000 => 100,
        10_000..100_000 => 1_000,
        _ => 10_000,
    };
    format!(
        "about {}",
        with_separators((count + unit / 2) / unit * unit)
    )
}

/// The number with commas between thousands.
fn with_separators(number: u32) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rounded_to_two_digits() {
        for (count, expected) in [
            (0, "0"),
            (8, "8"),
            (99, "99"),
            (100, "about 100"),
            (424, "about 420"),
            (996, "about 1,000"),
            (3_392, "about 3,400"),
            (55_715, "about 56,000"),
            (99_999, "about 100,000"),
            (100_000, "about 100,000"),
            (100_001, "more than 100,000"),
        ] {
            assert_eq!(rounded(count), expected);
        }
    }
}
