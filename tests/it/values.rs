//! Every PostgreSQL type, as documented in `docs/results.md`.

use std::collections::HashMap;

use serde_json::value::RawValue;
use zava_mcp_server::identity::Caller;
use zava_mcp_server::query::guard::CheckedQuery;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::Scope;

use crate::support::{SEATTLE, TestDatabase, caller, scope, settings};

/// A row of `types.sql`.
type Type = (String, String, String, String, i64, bool, String);

/// The guard accepts few of these types, so the statements bypass it. A type without a sample
/// fails: a new PostgreSQL version has added it, and `docs/results.md` must document it.
#[tokio::test]
async fn every_type_is_encoded_as_documented() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    sqlx::raw_sql(include_str!("values/own_types.sql"))
        .execute(&mut db)
        .await
        .expect("the types");
    let types: Vec<Type> = sqlx::query_as(include_str!("values/types.sql"))
        .fetch_all(&mut db)
        .await
        .expect("the types");
    let samples = samples();
    let client = Client {
        scope: scope(&settings(&database.name)),
        caller: caller(SEATTLE).await,
    };
    let mut arrays = 0;
    for (name, cast, kind, delimiter, columns, has_form, shown) in &types {
        let empty_composite = [format!(
            "({})",
            ",".repeat(usize::try_from(columns - 1).unwrap_or(0))
        )];
        let values = if kind == "c" {
            &empty_composite[..]
        } else {
            samples
                .get(name.as_str())
                .unwrap_or_else(|| panic!("samples.tsv has no value of {name}"))
        };
        if delimiter.is_empty() {
            client.single(cast, shown, values).await;
        } else if *has_form {
            client.array(cast, shown, delimiter, values).await;
            arrays += 1;
        } else {
            client
                .single(cast, "text", &[array_of(values, delimiter)[1].clone()])
                .await;
        }
    }
    assert!(
        types.len() > 300 && arrays > 75,
        "{} types, {arrays} arrays",
        types.len()
    );
}

/// Anonymous records have no row in `pg_type`.
#[tokio::test]
async fn anonymous_records_are_text_and_their_arrays_are_json_arrays() {
    let database = TestDatabase::shared();
    let client = Client {
        scope: scope(&settings(&database.name)),
        caller: caller(SEATTLE).await,
    };
    let rows = client
        .rows("SELECT ROW(1, 'a b', NULL), ARRAY[ROW(1, 'a'), NULL, ROW(2, 'q\"')]".to_owned())
        .await;
    assert_eq!(rows[0][0].get(), r#""(1,\"a b\",)""#);
    assert_eq!(rows[0][1].get(), r#"["(1,a)",null,"(2,\"q\"\"\")"]"#);
}

struct Client {
    scope: Scope,
    caller: Caller,
}

impl Client {
    async fn rows(&self, sql: String) -> Vec<Vec<Box<RawValue>>> {
        let most = 100.try_into().expect("not zero");
        let mut rows = Collector::new(RowLimits {
            rows: most,
            bytes: (1 << 20).try_into().expect("not zero"),
            cell_bytes: (1 << 20).try_into().expect("not zero"),
            counted_rows: 0,
        });
        // A literal lives as long as the program; this program is short.
        let query = CheckedQuery::literal(sql.leak());
        self.scope
            .run(&self.caller, &query, &[], most, &mut rows)
            .await
            .unwrap_or_else(|error| panic!("{error:?}: {}", query.sql()));
        let rows = rows.finish().expect("few columns");
        assert_eq!(
            (rows.cut, rows.cut_cells.len()),
            (None, 0),
            "{}",
            query.sql()
        );
        serde_json::from_str(&rows.rows).unwrap_or_else(|error| panic!("{error}: {}", rows.rows))
    }

    async fn single(&self, cast: &str, name: &str, samples: &[String]) {
        let values = values(samples, cast);
        let sql = format!(
            "SELECT value, CASE WHEN num_nulls(value) = 0 THEN format('%s', value) END FROM (VALUES {values}) AS given(value)"
        );
        let rows = self.rows(sql).await;
        assert!(!rows.is_empty());
        for row in rows {
            let text: Option<String> = serde_json::from_str(row[1].get()).expect("text");
            assert_documented(name, &row[0], text.as_deref());
        }
    }

    async fn array(&self, cast: &str, name: &str, delimiter: &str, samples: &[String]) {
        let values = values(&array_of(samples, delimiter), cast);
        let rows = self
            .rows(include_str!("values/array.sql").replace("{values}", &values))
            .await;
        for row in rows {
            let (array, text) = (row[0].get(), row[1].get());
            if text == r#""""# {
                assert_eq!(array, "null", "{cast}");
                continue;
            }
            let dimensions: Option<String> = serde_json::from_str(row[2].get()).expect("text");
            let Some(dimensions) = dimensions else {
                assert_eq!(array, "[]", "{cast} {text}");
                continue;
            };
            let mut leaves = Vec::new();
            flatten(&row[0], &lengths(&dimensions), &mut leaves);
            let elements: Vec<Option<String>> = serde_json::from_str(row[3].get()).expect("texts");
            assert_eq!(leaves.len(), elements.len(), "{cast} {text}");
            for (leaf, element) in leaves.iter().zip(&elements) {
                assert_documented(name, leaf, element.as_deref());
            }
        }
    }
}

/// Compares one value's JSON with PostgreSQL's text output.
#[track_caller]
fn assert_documented(name: &str, json: &RawValue, text: Option<&str>) {
    let (json, Some(text)) = (json.get(), text) else {
        assert_eq!(json.get(), "null", "{name}");
        return;
    };
    let is_itself = match name {
        "bool" => {
            assert_eq!(json, if text == "t" { "true" } else { "false" });
            return;
        }
        "int2" | "int4" | "oid" | "json" | "jsonb" => true,
        "int8" => text.parse::<i64>().expect("a number").unsigned_abs() < 1 << 53,
        "float4" | "float8" => text.parse::<f64>().expect("a number").is_finite(),
        _ => false,
    };
    if is_itself {
        assert_eq!(json, text.trim(), "{name}");
    } else {
        let string: String = serde_json::from_str(json)
            .unwrap_or_else(|error| panic!("{name}: {json} is no string: {error}"));
        assert_eq!(string, text, "{name}");
    }
}

/// The elements of a nested array with these lengths.
fn flatten(json: &RawValue, lengths: &[usize], leaves: &mut Vec<Box<RawValue>>) {
    let Some((length, inner)) = lengths.split_first() else {
        leaves.push(json.to_owned());
        return;
    };
    let elements: Vec<Box<RawValue>> = serde_json::from_str(json.get())
        .unwrap_or_else(|error| panic!("{} is no array: {error}", json.get()));
    assert_eq!(elements.len(), *length, "{}", json.get());
    for element in &elements {
        flatten(element, inner, leaves);
    }
}

/// The lengths in dimensions such as `[1:2][5:5]`.
fn lengths(dimensions: &str) -> Vec<usize> {
    let length = |bounds: &str| {
        let (lower, upper) = bounds.split_once(':')?;
        let (lower, upper): (i32, i32) = (lower.parse().ok()?, upper.parse().ok()?);
        usize::try_from(upper - lower + 1).ok()
    };
    dimensions
        .trim_matches(['[', ']'])
        .split("][")
        .map(|bounds| length(bounds).expect("bounds"))
        .collect()
}

/// Arrays of the samples: empty, one-dimensional, nested, with other lower bounds.
fn array_of(samples: &[String], delimiter: &str) -> Vec<String> {
    let Some(elements) = quoted(samples) else {
        return vec!["{}".to_owned(), "{NULL}".to_owned()];
    };
    let (first, last) = (&elements[0], &elements[elements.len() - 1]);
    let d = delimiter;
    vec![
        "{}".to_owned(),
        format!("{{{}{d}NULL}}", elements.join(d)),
        format!("{{{{{first}{d}{last}}}{d}{{NULL{d}{first}}}}}"),
        format!("[2:3]={{{last}{d}NULL}}"),
        format!("[-1:0][5:5]={{{{{first}}}{d}{{{last}}}}}"),
    ]
}

/// Quoted, as `array_in` accepts them; `None` if no value can be written.
fn quoted(samples: &[String]) -> Option<Vec<String>> {
    let quote =
        |sample: &String| format!("\"{}\"", sample.replace('\\', "\\\\").replace('"', "\\\""));
    let elements: Vec<String> = samples.iter().map(quote).collect();
    (!elements.is_empty()).then_some(elements)
}

/// The rows of a VALUES clause, with a NULL at the end.
fn values(samples: &[String], cast: &str) -> String {
    let value = |sample: &String| match sample.strip_prefix('=') {
        Some(expression) => format!("({expression}), "),
        None => format!("('{}'::{cast}), ", sample.replace('\'', "''")),
    };
    let values: String = samples.iter().map(value).collect();
    format!("{values}(NULL::{cast})")
}

/// Sample values of each type, by its name.
fn samples() -> HashMap<&'static str, Vec<String>> {
    include_str!("values/samples.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, values) = line.split_once('\t').expect("a name and values");
            let values = values.split('\t').filter(|value| *value != "\\N");
            (name, values.map(str::to_owned).collect())
        })
        .collect()
}
