//! The table of limits in the decision record is that of the code.

use crate::cost::limits::{
    BYTES_PER_GROUP, BYTES_PER_OPTIONAL_PAIR, JSON_WEIGHT_PER_BYTE, MAX_AGGREGATE_STATE_BYTES,
    MAX_EXPLAIN_LIVE_BYTES, MAX_EXPONENT, MAX_FLOAT_DIGITS, MAX_HASHED_BYTES, MAX_LIVE_BYTES,
    MAX_NODES, MAX_NUMERIC_TEXT_BYTES, MAX_OPTIONAL_PARTS, MAX_PLAN_TIME_BYTES, MAX_SERIES_ROWS,
    MAX_SORT_KEY_BYTES, MAX_SORT_ROW_BYTES, MAX_SORTED_BYTES, MAX_TOPN_BYTES,
    MAX_TSQUERY_TEXT_BYTES, MAX_UNFENCED_NODES, MAX_UNINTERRUPTIBLE_STEPS, MAX_VALUE_BYTES,
    MAX_WINDOWS, MAX_WORD_BOUNDARIES, MAX_WRAPPED_BYTES, NUMERIC_BYTES_PER_TEXT_BYTE,
    REBUILD_BYTES_PER_BYTE, TSQUERY_BYTES_PER_BYTE, TSVECTOR_BYTES_PER_BYTE,
    TSVECTOR_PARSE_BYTES_PER_BYTE, WEIGHT_PER_BYTE,
};
use crate::cost::units::Bytes;
use crate::grouping_sets::MAX_GROUPING_SETS;
use crate::planner::{FEW_TAPES_WORK_MEM_KIB, MAX_ROW_BYTES_FOR_MANY_TAPES};

const RECORD: &str = include_str!("../../../../../docs/decisions/0011-cost-bounds.md");

/// The record rounds the budgets of aggregates down to a multiple of these.
const MIB: Bytes = Bytes::mib(1);
const HUNDRED_KIB: Bytes = Bytes::kib(100);

/// The first words of each row of the table, and the numbers in it.
fn expected() -> Vec<(&'static str, Vec<u64>)> {
    let state = MAX_AGGREGATE_STATE_BYTES / WEIGHT_PER_BYTE;
    let json_state = MAX_AGGREGATE_STATE_BYTES / JSON_WEIGHT_PER_BYTE;
    vec![
        ("nodes", vec![count(MAX_NODES), count(MAX_UNFENCED_NODES)]),
        (
            "one value",
            bytes([MAX_VALUE_BYTES, MAX_WRAPPED_BYTES, MAX_PLAN_TIME_BYTES]),
        ),
        (
            "values held",
            bytes([MAX_LIVE_BYTES, MAX_EXPLAIN_LIVE_BYTES]),
        ),
        (
            "sorted or grouped values",
            bytes([MAX_SORT_KEY_BYTES, MAX_SORTED_BYTES]),
        ),
        (
            "rows of all sorts and joins",
            vec![
                MAX_SORT_ROW_BYTES.count(),
                MAX_ROW_BYTES_FOR_MANY_TAPES,
                FEW_TAPES_WORK_MEM_KIB << 10,
            ],
        ),
        ("rows that a LIMIT keeps", bytes([MAX_TOPN_BYTES])),
        ("columns of a query", vec![]),
        (
            "state of all aggregates",
            bytes([
                MIB * (state / MIB),
                HUNDRED_KIB * (json_state / HUNDRED_KIB),
            ]),
        ),
        ("rows of all sub-selects", bytes([MAX_HASHED_BYTES])),
        (
            "uninterruptible steps",
            vec![count(MAX_UNINTERRUPTIBLE_STEPS)],
        ),
        (
            "text parsed as a number",
            vec![MAX_NUMERIC_TEXT_BYTES.count(), NUMERIC_BYTES_PER_TEXT_BYTE],
        ),
        ("exponent", vec![MAX_EXPONENT]),
        ("`float8`", bytes([MAX_FLOAT_DIGITS])),
        (
            "text from which",
            vec![MAX_TSQUERY_TEXT_BYTES.count(), TSQUERY_BYTES_PER_BYTE],
        ),
        ("JSON documents", vec![REBUILD_BYTES_PER_BYTE]),
        (
            "text to the left of `@@`",
            vec![TSVECTOR_PARSE_BYTES_PER_BYTE + TSVECTOR_BYTES_PER_BYTE],
        ),
        ("groups of a regular expression", vec![BYTES_PER_GROUP]),
        (
            "optional parts of a regular expression",
            vec![
                MAX_OPTIONAL_PARTS,
                MAX_WORD_BOUNDARIES,
                BYTES_PER_OPTIONAL_PAIR.count(),
            ],
        ),
        (
            "windows",
            vec![MAX_WINDOWS, MAX_GROUPING_SETS, MAX_SERIES_ROWS],
        ),
    ]
}

#[test]
fn the_recorded_limits_are_those_of_the_code() {
    let (_, table) = RECORD.split_once("\n| bound |").expect("a table of limits");
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let recorded: Vec<(&str, Vec<u64>)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            let [bound, maximum] = cells.as_slice() else {
                panic!("not two cells: {row}");
            };
            (bound.trim(), numbers(maximum))
        })
        .collect();
    let expected = expected();
    assert_eq!(recorded.len(), expected.len(), "rows of the table");
    for ((bound, recorded), (words, expected)) in recorded.iter().zip(&expected) {
        assert!(bound.starts_with(words), "{bound}: not {words}");
        assert_eq!(recorded, expected, "{bound}");
    }
}

fn bytes<const N: usize>(limits: [Bytes; N]) -> Vec<u64> {
    limits.map(Bytes::count).into()
}

/// The number of nodes or steps.
fn count(number: impl ToString) -> u64 {
    number.to_string().parse().expect("a number")
}

/// The numbers in a text, in bytes where they have a unit of memory. Code and links are skipped.
fn numbers(text: &str) -> Vec<u64> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain = |word: &str| !word.contains(['`', '[', ']']);
    let number = |position: usize, word: &str| {
        let digits = word.trim_end_matches([';', ',', '.']).replace(',', "");
        let number: u64 = digits.parse().ok()?;
        let unit = words.get(position + 1).copied().unwrap_or_default();
        let factor = match unit.trim_end_matches([';', ',', '.']) {
            "KiB" => 1 << 10,
            "MiB" | "MB" => 1 << 20,
            "million" => 1_000_000,
            _ => 1,
        };
        Some(number * factor)
    };
    let words = words.iter().enumerate().filter(|(_, word)| plain(word));
    words
        .filter_map(|(position, word)| number(position, word))
        .collect()
}
