use super::*;

const INT8: u32 = 20;
const TEXT: u32 = 25;
const INT4: u32 = 23;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;

#[track_caller]
fn check(type_oid: u32, value: Option<&str>, expected: &str) {
    let json = to_json(type_oid, value.map(str::as_bytes));
    assert_eq!(json, expected);
    serde_json::from_str::<serde_json::Value>(&json).expect("valid JSON");
}

#[test]
fn values_become_the_documented_json() {
    check(TEXT, None, "null");
    check(16, Some("t"), "true");
    check(16, Some("f"), "false");
    check(INT4, Some("-7"), "-7");
    check(INT8, Some("9007199254740991"), "9007199254740991");
    check(INT8, Some("9007199254740992"), "\"9007199254740992\"");
    check(
        INT8,
        Some("-9223372036854775808"),
        "\"-9223372036854775808\"",
    );
    check(NUMERIC, Some("12.50"), "\"12.50\"");
    check(NUMERIC, Some("NaN"), "\"NaN\"");
    check(FLOAT8, Some("1e+300"), "1e+300");
    check(FLOAT8, Some("-0"), "-0");
    check(FLOAT8, Some("NaN"), "\"NaN\"");
    check(FLOAT8, Some("-Infinity"), "\"-Infinity\"");
    check(1082, Some("2025-01-02"), "\"2025-01-02\"");
    check(
        1184,
        Some("2025-01-02 03:04:05+00"),
        "\"2025-01-02 03:04:05+00\"",
    );
    check(1186, Some("1 mon 2 days"), "\"1 mon 2 days\"");
    check(3802, Some(r#"{"a": [1, null]}"#), r#"{"a": [1, null]}"#);
    check(114, Some(" {\"a\":\n1} "), "{\"a\":\n1}");
    check(17, Some("\\xdeadbeef"), "\"\\\\xdeadbeef\"");
    check(3904, Some("[1,5)"), "\"[1,5)\"");
    check(1560, Some("101"), "\"101\"");
}

#[test]
fn arrays_become_json_arrays() {
    check(1007, Some("{}"), "[]");
    check(1007, Some("{1,NULL,3}"), "[1,null,3]");
    check(1007, Some("{{1,2},{3,4}}"), "[[1,2],[3,4]]");
    check(1007, Some("[0:1]={7,8}"), "[7,8]");
    check(
        1009,
        Some(r#"{a,"b,c","NULL",NULL,"q\"\\",""}"#),
        r#"["a","b,c","NULL",null,"q\"\\",""]"#,
    );
    check(1009, Some(r#"{"[2:3]={x}"}"#), r#"["[2:3]={x}"]"#);
    check(1016, Some("{9007199254740993}"), "[\"9007199254740993\"]");
    check(1022, Some("{NaN,1.5}"), "[\"NaN\",1.5]");
    check(1000, Some("{t,f}"), "[true,false]");
    check(1231, Some("{1.10,NULL}"), "[\"1.10\",null]");
    check(3807, Some(r#"{"{\"a\": 1}"}"#), r#"[{"a": 1}]"#);
    check(1013, Some(r#"{"1 2",NULL}"#), r#"["1 2",null]"#);
    check(2287, Some(r#"{"(1,\"a b\")"}"#), r#"["(1,\"a b\")"]"#);
    // box: the only built-in type whose array elements are separated by semicolons.
    check(
        1020,
        Some("{(1,1),(0,0);(3,3),(2,2)}"),
        r#"["(1,1),(0,0)","(3,3),(2,2)"]"#,
    );
}

/// Text that PostgreSQL never sends for its type must not break the JSON.
#[test]
fn text_that_does_not_match_its_type_becomes_a_string() {
    for (type_oid, text) in [
        (16, "yes"),
        (INT4, "+1"),
        (INT4, "007"),
        (INT8, "-"),
        (FLOAT8, ".5"),
        (FLOAT8, "1e"),
        (114, "{\"a\":"),
        (1007, ""),
        (1007, "1"),
        (1007, "{1"),
        (1007, "{1,}"),
        (1007, "{,1}"),
        (1007, "{1}}"),
        (1007, "{{1}"),
        (1007, "{1}{2}"),
        (1007, "[0:1]="),
        (1009, "{\"a}"),
        (1009, "{\"a\\"),
        (1009, "{{{{{{{x}}}}}}}"),
    ] {
        let expected = serde_json::to_string(text).expect("a string");
        check(type_oid, Some(text), &expected);
    }
    assert_eq!(
        to_json(TEXT, Some(b"a\xffb")),
        "\"a\u{fffd}b\"",
        "not even UTF-8"
    );
}

#[test]
fn control_characters_are_escaped() {
    check(
        TEXT,
        Some("\u{1b}[2J\u{7f}\u{9b}\"\\\n"),
        "\"\\u001b[2J\\u007f\\u009b\\\"\\\\\\n\"",
    );
    // JSON itself allows DEL and C1 unescaped.
    check(
        3802,
        Some("{\"\u{9b}\": [\n\"\u{7f}\"]}"),
        "{\"\\u009b\": [\n\"\\u007f\"]}",
    );
}

/// Found by fuzzing: no JSON parser accepts a number of 400 digits, whatever its type.
#[test]
fn an_integer_beyond_its_type_becomes_a_string() {
    let digits = "9".repeat(400);
    for type_oid in [21, INT4, INT8, 26] {
        check(type_oid, Some(&digits), &format!("\"{digits}\""));
        check(type_oid, Some("9007199254740992"), "\"9007199254740992\"");
    }
}

fn limits(rows: u32, bytes: usize, cell_bytes: usize) -> RowLimits {
    RowLimits {
        rows: NonZeroU32::new(rows).expect("not zero"),
        bytes: NonZeroUsize::new(bytes).expect("not zero"),
        cell_bytes: NonZeroUsize::new(cell_bytes).expect("not zero"),
        counted_rows: 0,
    }
}

fn column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_oid: TEXT,
    }
}

/// Collects one row per value: the value in each of two columns with the same name.
fn collect(limits: RowLimits, values: &[&str]) -> JsonRows {
    let mut collector = Collector::new(limits);
    collector.columns(vec![column("a"), column("a")]);
    for value in values {
        let value = Some(value.as_bytes());
        if collector.row(&mut [value, value].into_iter()).is_break() {
            break;
        }
    }
    collector.finish().expect("two columns")
}

#[test]
fn columns_with_the_same_name_keep_their_values() {
    let rows = collect(limits(5, 1000, 100), &["x"]);
    assert_eq!(
        (rows.columns.as_str(), rows.rows.as_str()),
        (r#"["a","a"]"#, r#"[["x","x"]]"#)
    );
}

#[test]
fn a_result_is_cut_after_a_whole_row_with_the_reason() {
    let whole = collect(limits(2, 1000, 100), &["x", "y"]);
    assert_eq!(
        (whole.count, whole.cut, whole.rows.as_str()),
        (2, None, r#"[["x","x"],["y","y"]]"#)
    );
    let more = collect(limits(2, 1000, 100), &["x", "y", "z"]);
    assert_eq!(
        (more.count, more.cut, more.rows.as_str()),
        (2, Some(CutReason::RowLimit), r#"[["x","x"],["y","y"]]"#)
    );
    let long = "yyyyyyyyyyyyyyyyyyyyyyyyyyy";
    let long = collect(limits(9, 20, 100), &["x", long, "z"]);
    assert_eq!(
        (long.count, long.cut, long.rows.as_str()),
        (1, Some(CutReason::ByteLimit), r#"[["x","x"]]"#)
    );
}

#[test]
fn the_total_is_known_when_the_missing_rows_were_counted() {
    let counts = |limits: RowLimits, values: &[&str]| {
        let rows = collect(limits, values);
        (rows.count, rows.cut, rows.total)
    };
    let limits_with = |counted_rows, bytes| RowLimits {
        counted_rows,
        ..limits(2, bytes, 1 << 20)
    };
    let five = ["a", "b", "c", "d", "e"];
    for (limits, values, expected) in [
        (limits_with(5, 1000), &five[..2], (2, None, None)),
        (
            limits_with(5, 1000),
            &five[..],
            (2, Some(CutReason::RowLimit), Some(5)),
        ),
        (
            limits_with(4, 1000),
            &five[..],
            (2, Some(CutReason::RowLimit), None),
        ),
        (
            limits_with(2, 1000),
            &five[..],
            (2, Some(CutReason::RowLimit), None),
        ),
        (
            limits_with(0, 1000),
            &five[..],
            (2, Some(CutReason::RowLimit), None),
        ),
        // Two rows, each with one letter twice, take 21 bytes.
        (
            limits_with(5, 12),
            &five[..],
            (1, Some(CutReason::ByteLimit), Some(5)),
        ),
        (
            limits_with(5, 5),
            &five[..],
            (0, Some(CutReason::ByteLimit), Some(5)),
        ),
        (
            limits_with(4, 12),
            &five[..],
            (1, Some(CutReason::ByteLimit), None),
        ),
    ] {
        assert_eq!(counts(limits, values), expected, "{limits:?}");
    }
    let long = "x".repeat(MAX_COUNTED_BYTES / 4);
    let long = ["a", "b", &long, &long, "c"];
    assert_eq!(
        counts(limits_with(5, 1000), &long),
        (2, Some(CutReason::RowLimit), None)
    );
    assert_eq!(
        counts(limits_with(5, 1000), &long[..3]),
        (2, Some(CutReason::RowLimit), Some(3))
    );
    let mut oversized = Collector::new(limits_with(5, 1000));
    oversized.columns(vec![column("a")]);
    oversized.oversized();
    let oversized = oversized.finish().expect("one column");
    assert_eq!(
        (oversized.cut, oversized.total),
        (Some(CutReason::ByteLimit), None)
    );
}

#[test]
fn a_long_value_is_cut_and_marked() {
    let rows = collect(limits(9, 1000, 5), &["12345", "123é56", "😀😀"]);
    assert_eq!(
        rows.rows,
        "[[\"12345\",\"12345\"],\
          [\"123é…[cut: the first 5 of 7 bytes]\",\"123é…[cut: the first 5 of 7 bytes]\"],\
          [\"😀…[cut: the first 4 of 8 bytes]\",\"😀…[cut: the first 4 of 8 bytes]\"]]"
    );
    let positions: Vec<_> = rows
        .cut_cells
        .iter()
        .map(|cell| (cell.row, cell.column))
        .collect();
    assert_eq!(positions, [(1, 0), (1, 1), (2, 0), (2, 1)]);
    assert_eq!((rows.count, rows.cut), (3, None));
}

#[test]
fn values_of_a_row_that_was_dropped_are_not_listed() {
    let rows = collect(limits(9, 60, 5), &["x", "123456789"]);
    assert_eq!((rows.count, rows.cut), (1, Some(CutReason::ByteLimit)));
    assert_eq!(rows.cut_cells, []);
}

/// Part of a number, array or document would have another meaning, so it becomes a string.
#[test]
fn a_long_value_of_any_type_becomes_a_string() {
    for (type_oid, value) in [(NUMERIC, "1234567"), (1007, "{1,2,3}"), (3802, "[1, 23]")] {
        let mut collector = Collector::new(limits(1, 1000, 3));
        let name = "n".to_owned();
        collector.columns(vec![Column { name, type_oid }]);
        assert!(
            collector
                .row(&mut [Some(value.as_bytes())].into_iter())
                .is_continue()
        );
        let rows = collector.finish().expect("one column").rows;
        let expected = format!("[[\"{}…[cut: the first 3 of 7 bytes]\"]]", &value[..3]);
        assert_eq!(rows, expected);
    }
}

#[test]
fn column_names_are_escaped_and_shortened() {
    let mut collector = Collector::new(limits(1, 1000, 100));
    let long = "n".repeat(200);
    collector.columns(vec![column("a\u{1b}[2J\u{9b}\""), column(&long)]);
    let names = collector.finish().expect("two columns").columns;
    let expected = format!("[\"a\\u001b[2J\\u009b\\\"\",\"{}…\"]", &long[..128]);
    assert_eq!(names, expected);
}

#[test]
fn too_many_columns_are_an_error_with_their_number() {
    for (columns, expected) in [(256, None), (257, Some(257)), (1664, Some(1664))] {
        let mut collector = Collector::new(limits(1, 100_000, 100));
        collector.columns(vec![column("c"); columns]);
        let row = collector.row(&mut std::iter::repeat_n(Some(&b"x"[..]), columns));
        assert_eq!(row.is_break(), expected.is_some());
        let columns = collector.finish().err().map(|error| error.columns);
        assert_eq!(columns, expected);
    }
}
