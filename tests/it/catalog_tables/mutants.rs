//! Mutants of rows: copies, each with one changed value that contradicts the server's catalog.

use zava_mcp_server::query::guard::catalog::{
    AggregateState, DataType, Digits, DocumentRule, Element, ElementInput, Equality, FromColumns,
    Function, FunctionKinds, HeldBytes, InputHeld, InputRule, Modifier, NumberRule, Operator,
    OperatorDocumentRule, OperatorKinds, OperatorSizeRule, OperatorStepRule, Pattern, Plans,
    Replacement, Returning, TypeDocument, TypeSchema, TypeSizeRule, Volatility, ZoneArgument,
};

/// The mutants of a row, each with the name of the changed column.
pub(super) fn function_mutants(row: &Function) -> Vec<(&'static str, Function)> {
    let mut mutants = vec![
        ("since", Function { since: 19, ..*row }),
        (
            "wrapper",
            Function {
                replacement: Replacement::Wrapper("other"),
                ..*row
            },
        ),
    ];
    let kinds = [
        FunctionKinds {
            function: !row.kinds.function,
            ..row.kinds
        },
        FunctionKinds {
            set: !row.kinds.set,
            ..row.kinds
        },
        FunctionKinds {
            aggregate: !row.kinds.aggregate,
            ..row.kinds
        },
        FunctionKinds {
            window: !row.kinds.window,
            ..row.kinds
        },
    ];
    mutants.extend(kinds.map(|kinds| ("kind", Function { kinds, ..*row })));
    mutants.push((
        "volatility",
        Function {
            volatility: match row.volatility {
                Volatility::Stable => Volatility::Volatile,
                Volatility::Volatile => Volatility::Stable,
            },
            ..*row
        },
    ));
    if row.document == DocumentRule::Json {
        mutants.push((
            "document",
            Function {
                document: DocumentRule::Flat,
                ..*row
            },
        ));
        mutants.push((
            "number",
            Function {
                number: NumberRule::Never,
                ..*row
            },
        ));
    }
    let states = [
        AggregateState::None,
        AggregateState::Sorted,
        AggregateState::Elements(Element::Array),
        AggregateState::Elements(Element::Text),
        AggregateState::Elements(Element::Range),
        AggregateState::Elements(Element::Json),
    ];
    let states = states.into_iter().filter(|state| *state != row.state);
    mutants.extend(states.map(|state| ("state", Function { state, ..*row })));
    if row.state == AggregateState::Value {
        mutants.push((
            "state",
            Function {
                state: AggregateState::Fixed,
                ..*row
            },
        ));
    }
    // What is held for row_to_json is more than its type says.
    if row.held != HeldBytes::Nothing && row.name != "row_to_json" {
        mutants.push((
            "held",
            Function {
                held: HeldBytes::Nothing,
                ..*row
            },
        ));
    }
    let inputs = [
        InputRule::Any,
        InputRule::Format,
        InputRule::Path,
        InputRule::Tsquery,
        InputRule::Normalize,
    ];
    let inputs = inputs.into_iter().filter(|input| *input != row.input);
    mutants.extend(inputs.map(|input| ("input", Function { input, ..*row })));
    let zones = [
        None,
        Some(ZoneArgument {
            position: 1,
            count: 1,
        }),
    ];
    let zones = zones.into_iter().filter(|zone| *zone != row.zone);
    mutants.extend(zones.map(|zone| ("zone", Function { zone, ..*row })));
    let columns = [
        FromColumns::Item,
        FromColumns::Value,
        FromColumns::KeyValue,
        FromColumns::Unknown,
    ];
    let columns = columns
        .into_iter()
        .filter(|columns| *columns != row.columns);
    mutants.extend(columns.map(|columns| ("columns", Function { columns, ..*row })));
    mutants.push((
        "plans",
        Function {
            plans: match row.plans {
                Plans::Once => Plans::Twice,
                Plans::Twice => Plans::Once,
            },
            ..*row
        },
    ));
    if row.replacement != Replacement::None {
        mutants.push((
            "wrapper",
            Function {
                replacement: Replacement::None,
                ..*row
            },
        ));
    }
    mutants
}

/// The mutants of a row, each with the name of the changed column.
pub(super) fn operator_mutants(row: &Operator) -> Vec<(&'static str, Operator)> {
    let OperatorKinds { binary, prefix } = row.kinds;
    let kinds = [
        OperatorKinds {
            binary: !binary,
            prefix,
        },
        OperatorKinds {
            binary,
            prefix: !prefix,
        },
    ];
    let mut mutants: Vec<_> = kinds
        .map(|kinds| ("kind", Operator { kinds, ..*row }))
        .into();
    if row.size != OperatorSizeRule::Fixed {
        mutants.push((
            "size",
            Operator {
                size: OperatorSizeRule::Fixed,
                ..*row
            },
        ));
    }
    if row.document != OperatorDocumentRule::Flat {
        mutants.push((
            "document",
            Operator {
                document: OperatorDocumentRule::Flat,
                ..*row
            },
        ));
    }
    if row.number != NumberRule::Never {
        mutants.push((
            "number",
            Operator {
                number: NumberRule::Never,
                ..*row
            },
        ));
    }
    let held = [
        HeldBytes::Nothing,
        HeldBytes::Regex,
        HeldBytes::Words,
        HeldBytes::Rebuild,
    ];
    let held = held.into_iter().filter(|held| *held != row.held);
    mutants.extend(held.map(|held| ("held", Operator { held, ..*row })));
    let patterns = [
        Pattern::None,
        Pattern::Regex,
        Pattern::Path,
        Pattern::PathOrTsquery,
    ];
    let patterns = patterns
        .into_iter()
        .filter(|pattern| *pattern != row.pattern);
    mutants.extend(patterns.map(|pattern| ("pattern", Operator { pattern, ..*row })));
    let equalities = [Equality::None, Equality::Equal, Equality::Unequal];
    let equalities = equalities
        .into_iter()
        .filter(|equality| *equality != row.equality);
    mutants.extend(equalities.map(|equality| ("equality", Operator { equality, ..*row })));
    if [OperatorStepRule::Like, OperatorStepRule::Power].contains(&row.steps) {
        mutants.push((
            "steps",
            Operator {
                steps: OperatorStepRule::None,
                ..*row
            },
        ));
    }
    mutants
}

/// The mutants of a row, each with the name of the changed column.
pub(super) fn type_mutants(row: &DataType) -> Vec<(&'static str, DataType)> {
    let mut mutants = vec![
        (
            "name",
            DataType {
                name: "no_type",
                ..*row
            },
        ),
        (
            "sql",
            DataType {
                sql: row.schema.name(),
                ..*row
            },
        ),
        (
            "schema",
            DataType {
                schema: match row.schema {
                    TypeSchema::PgCatalog => TypeSchema::Public,
                    TypeSchema::Public => TypeSchema::PgCatalog,
                },
                ..*row
            },
        ),
        (
            "number",
            DataType {
                may_parse_as_number: !row.may_parse_as_number,
                ..*row
            },
        ),
        (
            "zone",
            DataType {
                may_name_time_zone: !row.may_name_time_zone,
                ..*row
            },
        ),
    ];
    let sizes = [
        TypeSizeRule::Fixed,
        TypeSizeRule::TextTimes(2),
        TypeSizeRule::Path,
    ];
    let is_other = |size: &TypeSizeRule| match (size, row.size) {
        (TypeSizeRule::TextTimes(_), TypeSizeRule::TextTimes(_) | TypeSizeRule::Custom) => false,
        (size, other) => *size != other,
    };
    let sizes = sizes.into_iter().filter(is_other);
    mutants.extend(sizes.map(|size| ("size", DataType { size, ..*row })));
    let all = [
        Modifier::None,
        Modifier::Precision,
        Modifier::Max,
        Modifier::Pad,
    ];
    let modifiers = all.into_iter().filter(|modifier| *modifier != row.modifier);
    mutants.extend(modifiers.map(|modifier| ("modifier", DataType { modifier, ..*row })));
    let all = [Digits::None, Digits::One, Digits::Some];
    let digits = all.into_iter().filter(|digits| *digits != row.digits);
    mutants.extend(digits.map(|digits| ("digits", DataType { digits, ..*row })));
    let all = [
        TypeDocument::Flat,
        TypeDocument::Json,
        TypeDocument::Tsquery,
    ];
    let documents = all.into_iter().filter(|document| *document != row.document);
    mutants.extend(documents.map(|document| ("document", DataType { document, ..*row })));
    let all = [
        InputHeld::Nothing,
        InputHeld::Elements,
        InputHeld::Words,
        InputHeld::Json,
    ];
    let held = all.into_iter().filter(|held| *held != row.held);
    mutants.extend(held.map(|held| ("held", DataType { held, ..*row })));
    let is_compound = row.name.ends_with("range")
        || row.held != InputHeld::Nothing
        || row.document != TypeDocument::Flat
        || row.size == TypeSizeRule::Path;
    if is_compound {
        let element = ElementInput::Value;
        mutants.push(("element", DataType { element, ..*row }));
    }
    // A number, date or the like can be a value of a document, whether or not it is listed as one.
    let is_scalar = row.size == TypeSizeRule::Fixed && !row.may_parse_as_number;
    if row.returning == Returning::Nothing && !is_scalar {
        let returning = Returning::Value;
        mutants.push(("returning", DataType { returning, ..*row }));
    }
    if row.returning != Returning::Document {
        let returning = Returning::Document;
        mutants.push(("returning", DataType { returning, ..*row }));
    }
    mutants
}
