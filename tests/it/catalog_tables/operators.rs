use std::collections::HashMap;

use sqlx::{PgConnection, Row as _};
use zava_mcp_server::query::guard::catalog::{
    self, Equality, HeldBytes, NumberRule, Operator, OperatorDocumentRule, OperatorKinds,
    OperatorSizeRule, OperatorStepRule, Pattern,
};

use super::{DOCUMENTS, TEXTS, may_be};

/// Return a part of a document as it is.
const EXTRACTION_OPERATORS: [&str; 2] = ["->", "#>"];

/// An overload of an allowed operator, as the server's catalog has it.
struct Overload {
    is_binary: bool,
    /// Types of the operands.
    operands: [String; 2],
    result: String,
    has_fixed_result: bool,
    /// The C function.
    source: String,
    is_equality: bool,
    negates_equality: bool,
}

impl Overload {
    fn right(&self) -> &str {
        &self.operands[1]
    }
}

/// All overloads of the allowed operators, by name.
pub(crate) struct Operators(HashMap<String, Vec<Overload>>);

impl Operators {
    pub(crate) async fn read(db: &mut PgConnection) -> Self {
        let names: Vec<&str> = catalog::operators().map(|operator| operator.name).collect();
        let rows = sqlx::query(include_str!("operators.sql")).bind(names);
        let mut overloads: HashMap<String, Vec<Overload>> = HashMap::new();
        for row in rows.fetch_all(db).await.expect("the operators") {
            let overload = Overload {
                is_binary: row.get("is_binary"),
                operands: [row.get("left"), row.get("right")],
                result: row.get("result"),
                has_fixed_result: row.get("has_fixed_result"),
                source: row.get("source"),
                is_equality: row.get("is_equality"),
                negates_equality: row.get("negates_equality"),
            };
            let name = row.get("name");
            overloads.entry(name).or_default().push(overload);
        }
        Self(overloads)
    }

    /// In what a row differs from the server's catalog.
    pub(crate) fn mismatches(&self, operator: &Operator) -> Vec<String> {
        let name = operator.name;
        let Some(overloads) = self.0.get(name) else {
            return vec![format!("{name}: does not exist")];
        };
        let any = |predicate: &dyn Fn(&Overload) -> bool| overloads.iter().any(predicate);
        let returns = |types: &[&str]| {
            let mut overloads = overloads.iter();
            overloads.any(|overload| may_be(types, &overload.result, &overload.operands))
        };
        let kinds = OperatorKinds {
            binary: any(&|overload| overload.is_binary),
            prefix: any(&|overload| !overload.is_binary),
        };
        // Concatenated texts may be a number although none of them is.
        let concatenates = any(&|overload| overload.source == "textcat");
        let rebuilds = returns(&DOCUMENTS) && !EXTRACTION_OPERATORS.contains(&name);
        let checks = [
            ("kind", operator.kinds == kinds),
            (
                "size",
                operator.size != OperatorSizeRule::Fixed
                    || overloads.iter().all(|overload| overload.has_fixed_result),
            ),
            (
                "document",
                operator.document != OperatorDocumentRule::Flat || !returns(&DOCUMENTS),
            ),
            (
                "number",
                match operator.number {
                    NumberRule::Always => true,
                    NumberRule::OfArguments => !concatenates,
                    NumberRule::Never => !returns(&TEXTS),
                },
            ),
            ("held", operator.held == held(overloads, rebuilds)),
            ("pattern", operator.pattern == pattern(overloads)),
            ("equality", operator.equality == equality(overloads)),
            (
                "steps",
                match operator.steps {
                    OperatorStepRule::Like => any(&|overload| overload.source.ends_with("like")),
                    OperatorStepRule::Power => any(&|overload| overload.source.contains("pow")),
                    OperatorStepRule::None | OperatorStepRule::Product => !any(&|overload| {
                        overload.source.ends_with("like") || overload.source.contains("pow")
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

fn matches_regex(overloads: &[Overload]) -> bool {
    let mut overloads = overloads.iter();
    overloads.any(|overload| overload.source.contains("regex"))
}

fn held(overloads: &[Overload], rebuilds: bool) -> HeldBytes {
    let splits_words = |overload: &Overload| {
        overload.operands[0] == "text"
            && ["text", "tsquery"].contains(&overload.right())
            && overload.source.starts_with("ts_match")
    };
    match () {
        () if matches_regex(overloads) => HeldBytes::Regex,
        () if overloads.iter().any(splits_words) => HeldBytes::Words,
        () if rebuilds => HeldBytes::Rebuild,
        () => HeldBytes::Nothing,
    }
}

fn pattern(overloads: &[Overload]) -> Pattern {
    let takes_path = overloads
        .iter()
        .any(|overload| overload.right() == "jsonpath");
    let takes_query = overloads
        .iter()
        .any(|overload| overload.right() == "tsquery" && overload.source.starts_with("ts_match"));
    match (matches_regex(overloads), takes_path, takes_query) {
        (true, _, _) => Pattern::Regex,
        (false, true, true) => Pattern::PathOrTsquery,
        (false, true, false) => Pattern::Path,
        (false, false, _) => Pattern::None,
    }
}

fn equality(overloads: &[Overload]) -> Equality {
    match () {
        () if overloads.iter().any(|overload| overload.is_equality) => Equality::Equal,
        () if overloads.iter().any(|overload| overload.negates_equality) => Equality::Unequal,
        () => Equality::None,
    }
}
