//! Properties over generated values: conversion to JSON loses nothing, and limits never leave half
//! a row or an unmarked part of a value.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const INT8: u32 = 20;
const TEXT: u32 = 25;
const JSON: u32 = 114;
const NUMERIC: u32 = 1700;
const INT8_ARRAY: u32 = 1016;
const TEXT_ARRAY: u32 = 1009;
const NUMERIC_ARRAY: u32 = 1231;

fn read(type_oid: u32, text: &str) -> Value {
    let json = to_json(type_oid, Some(text.as_bytes()));
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// An array in PostgreSQL's text form (`array_out`), with quotes only where they are needed.
fn array_out(elements: &[Option<String>]) -> String {
    let element = |element: &Option<String>| match element {
        None => "NULL".to_owned(),
        Some(text) if needs_quotes(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        Some(text) => text.clone(),
    };
    let elements: Vec<String> = elements.iter().map(element).collect();
    format!("{{{}}}", elements.join(","))
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case("NULL")
        || text.contains(|character: char| {
            matches!(character, '{' | '}' | ',' | '"' | '\\') || character.is_ascii_whitespace()
        })
}

fn numeric() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?|NaN|-?Infinity"
}

/// Any text, and text of characters with a meaning in arrays and JSON.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[{},\"\\\\ \\[\\]=:aNUL\u{1b}\u{9b}é😀\n]{0,12}",
    ]
}

fn element() -> impl Strategy<Value = Option<String>> {
    prop::option::of(any_text())
}

proptest! {
    #[test]
    fn text_keeps_its_value(text in any_text()) {
        prop_assert_eq!(read(TEXT, &text), Value::from(text));
    }

    #[test]
    fn numerics_keep_every_digit(text in numeric()) {
        prop_assert_eq!(read(NUMERIC, &text), Value::from(text));
    }

    #[test]
    fn integers_are_numbers_only_if_a_double_keeps_their_value(number: i64) {
        let text = number.to_string();
        let expected = if number.unsigned_abs() < 1 << 53 { Value::from(number) } else { Value::from(text.clone()) };
        prop_assert_eq!(read(INT8, &text), expected);
    }

    #[test]
    fn numbers_in_documents_keep_every_digit(
        number: i64, double: f64, numeric in "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,20}(e[-+]?[0-9]{1,3})?",
    ) {
        prop_assume!(double.is_finite());
        let document = read(JSON, &format!(r#"{{"n": [{number}, {double:e}, {numeric}]}}"#));
        let [integer, float, decimal] = [0, 1, 2].map(|index| &document["n"][index]);
        let is_exact = number.unsigned_abs() < 1 << 53;
        prop_assert_eq!(integer, &if is_exact { Value::from(number) } else { Value::from(number.to_string()) });
        // The shortest text of a double parses to the same double.
        prop_assert_eq!(float.as_f64().or_else(|| float.as_str()?.parse().ok()), Some(double));
        match decimal.as_str() {
            Some(text) => prop_assert_eq!(text, numeric),
            None => prop_assert_eq!(decimal.as_f64(), numeric.parse().ok()),
        }
    }

    #[test]
    fn arrays_of_text_keep_their_values(elements in prop::collection::vec(element(), 0..8)) {
        let expected: Vec<Value> = elements.iter().map(|element| Value::from(element.clone())).collect();
        prop_assert_eq!(read(TEXT_ARRAY, &array_out(&elements)), Value::from(expected));
    }

    #[test]
    fn arrays_of_numbers_keep_their_values(numbers in prop::collection::vec(any::<i64>(), 0..8), numerics in prop::collection::vec(numeric(), 0..8)) {
        let texts: Vec<_> = numbers.iter().map(|number| Some(number.to_string())).collect();
        let expected: Vec<Value> = numbers.iter().map(|number| read(INT8, &number.to_string())).collect();
        prop_assert_eq!(read(INT8_ARRAY, &array_out(&texts)), Value::from(expected));
        let texts: Vec<_> = numerics.iter().cloned().map(Some).collect();
        prop_assert_eq!(read(NUMERIC_ARRAY, &array_out(&texts)), Value::from(numerics));
    }

    #[test]
    fn nested_arrays_keep_their_values(rows in prop::collection::vec(prop::collection::vec(element(), 1..4), 1..4), lower in -3..3_i32) {
        let inner: Vec<String> = rows.iter().map(|row| array_out(row)).collect();
        let text = format!("[{lower}:{}][1:9]={{{}}}", lower + 9, inner.join(","));
        let expected: Vec<Value> = rows.iter().map(|row| Value::from(row.iter().map(|element| Value::from(element.clone())).collect::<Vec<_>>())).collect();
        prop_assert_eq!(read(TEXT_ARRAY, &text), Value::from(expected));
    }

    /// Any bytes of any type become valid JSON, at most six times as long.
    #[test]
    fn any_bytes_become_valid_json(type_oid in prop_oneof![Just(INT8), Just(TEXT), Just(114), Just(701), Just(1020), 0..7000_u32], bytes: Vec<u8>) {
        let json = to_json(type_oid, Some(&bytes));
        prop_assert!(serde_json::from_str::<Value>(&json).is_ok(), "{}", json);
        prop_assert!(json.len() <= 6 * bytes.len() + 2);
    }

    /// For any limits: valid JSON, whole rows, within the limit in bytes, and every value is whole
    /// or listed as cut.
    #[test]
    fn limits_leave_whole_rows_and_list_every_cut_value(
        values in prop::collection::vec(prop::collection::vec(any_text(), 3), 0..12),
        rows in 1..12_u32, bytes in 2..400_usize, cell_bytes in 1..40_usize, counted_rows in 0..12_u32,
    ) {
        let limits = RowLimits {
            rows: NonZeroU32::new(rows).expect("not zero"),
            bytes: NonZeroUsize::new(bytes).expect("not zero"),
            cell_bytes: NonZeroUsize::new(cell_bytes).expect("not zero"),
            counted_rows,
        };
        let mut collector = Collector::new(limits);
        collector.columns(vec![Column { name: "c".to_owned(), type_oid: TEXT }; 3]);
        for row in &values {
            if collector.row(&mut row.iter().map(|value| Some(value.as_bytes()))).is_break() {
                break;
            }
        }
        let result = collector.finish().expect("three columns");
        prop_assert!(result.rows.len() <= bytes + "]]".len());
        prop_assert_eq!(result.count as usize == values.len(), result.cut.is_none());
        let is_counted = result.cut.is_some() && values.len() <= counted_rows as usize;
        prop_assert_eq!(result.total.map(|total| total as usize), is_counted.then_some(values.len()));
        let written: Vec<[String; 3]> = serde_json::from_str(&result.rows).expect("rows of three");
        prop_assert_eq!(written.len(), result.count as usize);
        for (index, (written, value)) in written.iter().flatten().zip(values.iter().flatten()).enumerate() {
            let cell = CutCell { row: u32::try_from(index / 3).expect("few rows"), column: index % 3 };
            if result.cut_cells.contains(&cell) {
                let (prefix, _) = written.rsplit_once("…[cut: the first ").expect("the mark");
                prop_assert!(value.len() > cell_bytes && value.starts_with(prefix));
            } else {
                prop_assert_eq!(written, value);
            }
        }
    }
}
