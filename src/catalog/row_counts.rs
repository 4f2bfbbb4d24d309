//! Numbers of rows as a reader needs them: whether a table is small or large.
use std::collections::HashMap;

use super::text_rows::TextRows;

/// Counting stops after one more.
const MAX_COUNTED: u32 = 100_000;

/// How many rows of each table a tenant sees.
#[derive(Clone, Debug, Default)]
pub(super) struct RowCounts(HashMap<String, u32>);

impl RowCounts {
    /// From the rows of `row_counts.sql`.
    pub(super) fn from_rows(rows: &TextRows) -> Self {
        let pair = |row: &[String]| match row {
            [table, count] => Some((table.clone(), count.parse().ok()?)),
            _ => None,
        };
        Self(rows.iter().filter_map(pair).collect())
    }

    /// What a reader is told about a table; `None` when it was not counted.
    pub(super) fn magnitude(&self, table: &str) -> Option<String> {
        self.0.get(table).copied().map(magnitude)
    }
}

/// Exact below a hundred, then two digits.
fn magnitude(count: u32) -> String {
    if count > MAX_COUNTED {
        return format!("more than {}", grouped(MAX_COUNTED));
    }
    let unit = match count {
        0..100 => return count.to_string(),
        100..1_000 => 10,
        1_000..10_000 => 100,
        10_000..100_000 => 1_000,
        _ => 10_000,
    };
    format!("about {}", grouped((count + unit / 2) / unit * unit))
}

/// With commas between thousands.
fn grouped(number: u32) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_by_magnitude() {
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
            assert_eq!(magnitude(count), expected);
        }
    }
}
