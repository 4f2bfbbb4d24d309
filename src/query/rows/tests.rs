use super::*;

const INT8: u32 = 20;
const TEXT: u32 = 25;
const INT4: u32 = 23;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;

#[track_caller]
fn check(type_oid: u32, value: Option<&str>, expected: &str) {
    let mut json = String::new();
    value::write(type_oid, value.map(str::as_bytes), &mut json);
    assert_eq!(json, expected);
    serde_json::from_str::<serde_json::Value>(&json).expect("valid JSON");
}

#[test]
fn values_become_the_json_of_the_documented_table() {
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
}

#[test]
fn control_characters_are_escaped() {
    check(
        TEXT,
        Some("\u{1b}[2J\u{7f}\u{9b}\"\\\n"),
        "\"\\u001b[2J\\u007f\\u009b\\\"\\\\\\n\"",
    );
}

fn collect(rows: u32, bytes: usize, values: &[&str]) -> JsonRows {
    let limits = RowLimits {
        rows: NonZeroU32::new(rows).expect("not zero"),
        bytes: NonZeroUsize::new(bytes).expect("not zero"),
    };
    let mut collector = Collector::new(limits);
    let column = |name: &str| Column {
        name: name.to_owned(),
        type_oid: TEXT,
    };
    collector.columns(vec![column("a"), column("a")]);
    for value in values {
        let value = Some(value.as_bytes());
        if collector.row(&mut [value, value].into_iter()).is_break() {
            break;
        }
    }
    collector.finish()
}

#[test]
fn columns_of_the_same_name_keep_their_values() {
    let rows = collect(5, 1000, &["x"]);
    assert_eq!(
        (rows.columns, rows.rows.as_str()),
        (vec!["a".to_owned(), "a".to_owned()], r#"[["x","x"]]"#)
    );
}

#[test]
fn a_result_is_cut_at_whole_rows_and_says_why() {
    let whole = collect(2, 1000, &["x", "y"]);
    assert_eq!(
        (whole.count, whole.cut, whole.rows.as_str()),
        (2, None, r#"[["x","x"],["y","y"]]"#)
    );
    let more = collect(2, 1000, &["x", "y", "z"]);
    assert_eq!(
        (more.count, more.cut, more.rows.as_str()),
        (2, Some(Cut::Rows), r#"[["x","x"],["y","y"]]"#)
    );
    let long = collect(9, 20, &["x", "yyyyyyyyyyyyyyyyyyyyyyyyyyy", "z"]);
    assert_eq!(
        (long.count, long.cut, long.rows.as_str()),
        (1, Some(Cut::Bytes), r#"[["x","x"]]"#)
    );
}
