use std::collections::{BTreeSet, HashMap};

use sqlx::{PgConnection, Row as _};
use zava_mcp_server::query::guard::catalog::{
    self, AggregateState, DocumentRule, Element, FromColumns, Function, FunctionKinds, HeldBytes,
    InputRule, NumberRule, Plans, Replacement, SizeRule, Volatility, ZoneArgument,
};

use super::{DOCUMENTS, TEXTS, may_be};

/// Short results of types that can have long values: single characters, digits, and names of types.
const SHORT_TEXTS: [&str; 9] = [
    "chr",
    "extract",
    "json_typeof",
    "jsonb_typeof",
    "md5",
    "sign",
    "to_bin",
    "to_hex",
    "to_oct",
];

/// Returns one value, or an array with one for each fraction, which the guard counts.
const MULTIPLE_RESULT_FUNCTION: &str = "percentile_cont";

/// Names of types, which are texts but no numbers.
const NAMES: [&str; 2] = ["json_typeof", "jsonb_typeof"];

/// Return a part of a text, bounded by a rule of their own.
const SUBSTRING_FUNCTIONS: [&str; 2] = ["left", "right"];

/// Return a part of a document as it is, or process a short document.
const EXTRACTION_FUNCTIONS: [&str; 3] = [
    "jsonb_extract_path",
    "jsonb_path_query_first",
    "ts_headline",
];

/// Texts among the arguments of functions of times that are no time zone: fields, formats, bounds
/// of a range. With their positions, from 1.
const NO_ZONES: [(&str, usize); 8] = [
    ("date_part", 1),
    ("date_trunc", 1),
    ("extract", 1),
    ("to_char", 2),
    ("to_timestamp", 1),
    ("to_timestamp", 2),
    ("tsrange", 3),
    ("tstzrange", 3),
];

/// An overload of an allowed function, as the server's catalog has it.
struct Overload {
    kind: String,
    returns_set: bool,
    is_volatile: bool,
    result: String,
    has_fixed_result: bool,
    arguments: Vec<String>,
    source: String,
    is_sorted: bool,
    /// The transition function of an aggregate.
    transition: String,
    has_fixed_state: bool,
    has_sort_operator: bool,
    out_columns: Vec<String>,
    has_wrapper: bool,
}

impl Overload {
    fn returns(&self, types: &[&str]) -> bool {
        may_be(types, &self.result, &self.arguments)
    }

    fn takes(&self, type_name: &str) -> bool {
        self.arguments.iter().any(|argument| argument == type_name)
    }

    /// What an accumulating aggregate makes of its values.
    fn element(&self) -> Option<Element> {
        let makes = |suffix: &str| self.transition.contains(suffix);
        match () {
            () if makes("json") => Some(Element::Json),
            () if makes("array_agg_") => Some(Element::Array),
            () if makes("string_agg_") => Some(Element::Text),
            () if makes("range_agg_") => Some(Element::Range),
            () => None,
        }
    }
}

/// All overloads of the allowed functions, by name.
pub(crate) struct Functions(HashMap<String, Vec<Overload>>);

impl Functions {
    pub(crate) async fn read(db: &mut PgConnection) -> Self {
        let names: Vec<&str> = catalog::functions().map(|function| function.name).collect();
        let rows = sqlx::query(include_str!("functions.sql")).bind(names);
        let mut overloads: HashMap<String, Vec<Overload>> = HashMap::new();
        for row in rows.fetch_all(db).await.expect("the functions") {
            let overload = Overload {
                kind: row.get("kind"),
                returns_set: row.get("returns_set"),
                is_volatile: row.get("is_volatile"),
                result: row.get("result"),
                has_fixed_result: row.get("has_fixed_result"),
                arguments: row.get("arguments"),
                source: row.get("source"),
                is_sorted: row.get("is_sorted"),
                transition: row.get("transition"),
                has_fixed_state: row.get("has_fixed_state"),
                has_sort_operator: row.get("has_sort_operator"),
                out_columns: row.get("out_columns"),
                has_wrapper: row.get("has_wrapper"),
            };
            let name = row.get("name");
            overloads.entry(name).or_default().push(overload);
        }
        Self(overloads)
    }

    /// The types of the arguments of each overload.
    pub(crate) fn argument_types(&self, name: &str) -> impl Iterator<Item = &[String]> {
        let overloads = self.0.get(name).map_or([].as_slice(), Vec::as_slice);
        overloads
            .iter()
            .map(|overload| overload.arguments.as_slice())
    }

    /// In what a row differs from the catalog of a server of this version.
    pub(crate) fn mismatches(&self, function: &Function, version: u32) -> Vec<String> {
        let name = function.name;
        let Some(overloads) = self.0.get(name) else {
            return match function.since > version {
                true => Vec::new(),
                false => vec![format!("{name}: since {}", function.since)],
            };
        };
        let any = |predicate: &dyn Fn(&Overload) -> bool| overloads.iter().any(predicate);
        let all = |predicate: &dyn Fn(&Overload) -> bool| overloads.iter().all(predicate);
        let may_be_text = any(&|overload| overload.returns(&TEXTS)) && !NAMES.contains(&name);
        let may_be_document = any(&|overload| overload.returns(&DOCUMENTS));
        let is_json = all(&|overload| overload.result.starts_with("json"));
        let is_short = all(&|overload| overload.has_fixed_result)
            || SHORT_TEXTS.contains(&name)
            || name == MULTIPLE_RESULT_FUNCTION;
        let is_part =
            function.size == SizeRule::LongestArgument || SUBSTRING_FUNCTIONS.contains(&name);
        let is_volatile = any(&|overload| overload.is_volatile);
        let checks = [
            ("since", function.since <= version),
            ("kind", function.kinds == kinds(overloads)),
            (
                "volatility",
                (function.volatility == Volatility::Volatile) == is_volatile,
            ),
            ("size", function.size != SizeRule::Fixed || is_short),
            (
                "document",
                match function.document {
                    DocumentRule::Any => true,
                    DocumentRule::Flat => !may_be_document,
                    DocumentRule::Json => is_json,
                },
            ),
            (
                "number",
                match function.number {
                    NumberRule::Always => true,
                    NumberRule::OfArguments => !may_be_text || is_part,
                    NumberRule::Never => !may_be_text,
                },
            ),
            ("state", has_state(function.state, overloads)),
            ("held", holds(function, overloads)),
            ("input", function.input == input(overloads)),
            ("zone", function.zone == zone(name, overloads)),
            ("columns", function.columns == columns(overloads)),
            (
                "plans",
                (function.plans == Plans::Twice) == any(&|overload| overload.has_sort_operator),
            ),
            (
                "wrapper",
                match function.replacement {
                    Replacement::Wrapper(wrapper) => {
                        wrapper == name && any(&|overload| overload.has_wrapper)
                    }
                    Replacement::CastToText => any(&|overload| overload.result.starts_with("reg")),
                    Replacement::None => all(&|overload| {
                        !overload.has_wrapper && !overload.result.starts_with("reg")
                    }),
                },
            ),
        ];
        let failed = checks.into_iter().filter(|(_, holds)| !holds);
        failed
            .map(|(column, _)| format!("{name}: {column}"))
            .collect()
    }
}

fn kinds(overloads: &[Overload]) -> FunctionKinds {
    let mut kinds = FunctionKinds::default();
    for overload in overloads {
        match (overload.kind.as_str(), overload.returns_set) {
            ("f", true) => kinds.set = true,
            ("f", false) => kinds.function = true,
            ("a", _) => kinds.aggregate = true,
            ("w", _) => kinds.window = true,
            (kind, _) => panic!("a function of kind {kind}"),
        }
    }
    kinds
}

fn has_state(state: AggregateState, overloads: &[Overload]) -> bool {
    let mut aggregates = overloads
        .iter()
        .filter(|overload| overload.kind == "a")
        .peekable();
    if aggregates.peek().is_none() {
        return state == AggregateState::None;
    }
    aggregates.all(
        |aggregate| match (aggregate.is_sorted, aggregate.element()) {
            (true, _) => state == AggregateState::Sorted,
            (false, Some(element)) => state == AggregateState::Elements(element),
            (false, None) if aggregate.has_fixed_state => {
                [AggregateState::Fixed, AggregateState::Value].contains(&state)
            }
            (false, None) => state == AggregateState::Value,
        },
    )
}

fn holds(function: &Function, overloads: &[Overload]) -> bool {
    let any = |predicate: &dyn Fn(&Overload) -> bool| overloads.iter().any(predicate);
    let matches_regex = any(&|overload| overload.source.contains("regex"));
    let splits_words =
        any(&|overload| overload.result == "tsvector" && !overload.takes("tsvector"));
    let builds_document = !EXTRACTION_FUNCTIONS.contains(&function.name)
        && any(&|overload| {
            overload.result == "jsonb" && overload.kind == "f" && !overload.returns_set
        });
    match function.held {
        HeldBytes::Regex => matches_regex,
        HeldBytes::Words => splits_words,
        HeldBytes::Rebuild => any(&|overload| overload.result.starts_with("json")),
        HeldBytes::Nothing => !matches_regex && !splits_words && !builds_document,
    }
}

fn input(overloads: &[Overload]) -> InputRule {
    let any = |predicate: &dyn Fn(&Overload) -> bool| overloads.iter().any(predicate);
    // formatting.c
    let formats = ["to_char", "to_number", "to_date", "to_timestamp"];
    let is_format = |overload: &Overload| {
        let [_, format] = overload.arguments.as_slice() else {
            return false;
        };
        let is_in_formatting_c = formats.iter().any(|name| overload.source.contains(name))
            || overload.source.ends_with("_to_char");
        format == "text" && is_in_formatting_c
    };
    match () {
        () if any(&|overload| overload.takes("jsonpath")) => InputRule::Path,
        () if any(&|overload| overload.result == "tsquery" && overload.takes("text")) => {
            InputRule::Tsquery
        }
        () if any(&|overload| overload.source == "unicode_normalize_func") => InputRule::Normalize,
        () if any(&is_format) => InputRule::Format,
        () => InputRule::Any,
    }
}

fn zone(name: &str, overloads: &[Overload]) -> Option<ZoneArgument> {
    let mut zones = BTreeSet::new();
    for overload in overloads {
        let is_time = |type_name: &str| type_name.starts_with("time");
        let arguments = &overload.arguments;
        if !is_time(&overload.result) && !arguments.iter().any(|argument| is_time(argument)) {
            continue;
        }
        for (position, argument) in (1..).zip(arguments) {
            if argument == "text" && !NO_ZONES.contains(&(name, position)) {
                zones.insert((position, arguments.len()));
            }
        }
    }
    assert!(zones.len() <= 1, "{name}: {zones:?}");
    let zone = zones.into_iter().next();
    zone.map(|(position, count)| ZoneArgument { position, count })
}

fn columns(overloads: &[Overload]) -> FromColumns {
    let is_unknown = |overload: &Overload| {
        overload.returns_set && (overload.result == "anyelement" || overload.out_columns.len() > 2)
    };
    if overloads.iter().any(is_unknown) {
        return FromColumns::Unknown;
    }
    let named = overloads
        .iter()
        .map(|overload| overload.out_columns.as_slice());
    let named = named
        .max_by_key(|columns| columns.len())
        .unwrap_or_default();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    match named.as_slice() {
        [] => FromColumns::Item,
        ["value"] => FromColumns::Value,
        ["key", "value"] => FromColumns::KeyValue,
        other => panic!("columns {other:?}"),
    }
}
