//! Damaged copies of rows.

use zava_mcp_server::query::guard::catalog::{
    Element, Equality, Form, FromColumns, Function, HeldBytes, InputRule, Kinds, NumberRule,
    Operator, OperatorForm, OperatorKinds, OperatorSize, OperatorSteps, Pattern, Plans,
    Replacement, State, Volatility, ZoneArgument,
};

/// Copies of a row, each with one changed value.
pub(super) fn function_damages(row: &Function) -> Vec<(&'static str, Function)> {
    let mut damages = vec![
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
        Kinds {
            function: !row.kinds.function,
            ..row.kinds
        },
        Kinds {
            set: !row.kinds.set,
            ..row.kinds
        },
        Kinds {
            aggregate: !row.kinds.aggregate,
            ..row.kinds
        },
        Kinds {
            window: !row.kinds.window,
            ..row.kinds
        },
    ];
    damages.extend(kinds.map(|kinds| ("kind", Function { kinds, ..*row })));
    damages.push((
        "volatility",
        Function {
            volatility: match row.volatility {
                Volatility::Stable => Volatility::Volatile,
                Volatility::Volatile => Volatility::Stable,
            },
            ..*row
        },
    ));
    if row.form == Form::Json {
        damages.push((
            "form",
            Function {
                form: Form::Flat,
                ..*row
            },
        ));
        damages.push((
            "number",
            Function {
                number: NumberRule::Never,
                ..*row
            },
        ));
    }
    let states = [
        State::None,
        State::Sorted,
        State::Elements(Element::Array),
        State::Elements(Element::Text),
        State::Elements(Element::Range),
        State::Elements(Element::Json),
    ];
    let states = states.into_iter().filter(|state| *state != row.state);
    damages.extend(states.map(|state| ("state", Function { state, ..*row })));
    if row.state == State::Value {
        damages.push((
            "state",
            Function {
                state: State::Fixed,
                ..*row
            },
        ));
    }
    // What is held for row_to_json is more than its type says.
    if row.held != HeldBytes::Nothing && row.name != "row_to_json" {
        damages.push((
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
    damages.extend(inputs.map(|input| ("input", Function { input, ..*row })));
    let zones = [
        None,
        Some(ZoneArgument {
            position: 1,
            count: 1,
        }),
    ];
    let zones = zones.into_iter().filter(|zone| *zone != row.zone);
    damages.extend(zones.map(|zone| ("zone", Function { zone, ..*row })));
    let columns = [
        FromColumns::Item,
        FromColumns::Value,
        FromColumns::KeyValue,
        FromColumns::Unknown,
    ];
    let columns = columns
        .into_iter()
        .filter(|columns| *columns != row.columns);
    damages.extend(columns.map(|columns| ("columns", Function { columns, ..*row })));
    damages.push((
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
        damages.push((
            "wrapper",
            Function {
                replacement: Replacement::None,
                ..*row
            },
        ));
    }
    damages
}

/// Copies of a row, each with one changed value.
pub(super) fn operator_damages(row: &Operator) -> Vec<(&'static str, Operator)> {
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
    let mut damages: Vec<_> = kinds
        .map(|kinds| ("kind", Operator { kinds, ..*row }))
        .into();
    if row.size != OperatorSize::Fixed {
        damages.push((
            "size",
            Operator {
                size: OperatorSize::Fixed,
                ..*row
            },
        ));
    }
    if row.form != OperatorForm::Flat {
        damages.push((
            "form",
            Operator {
                form: OperatorForm::Flat,
                ..*row
            },
        ));
    }
    if row.number != NumberRule::Never {
        damages.push((
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
    damages.extend(held.map(|held| ("held", Operator { held, ..*row })));
    let patterns = [
        Pattern::None,
        Pattern::Regex,
        Pattern::Path,
        Pattern::PathOrTsquery,
    ];
    let patterns = patterns
        .into_iter()
        .filter(|pattern| *pattern != row.pattern);
    damages.extend(patterns.map(|pattern| ("pattern", Operator { pattern, ..*row })));
    let equalities = [Equality::None, Equality::Equal, Equality::Unequal];
    let equalities = equalities
        .into_iter()
        .filter(|equality| *equality != row.equality);
    damages.extend(equalities.map(|equality| ("equality", Operator { equality, ..*row })));
    if [OperatorSteps::Like, OperatorSteps::Power].contains(&row.steps) {
        damages.push((
            "steps",
            Operator {
                steps: OperatorSteps::None,
                ..*row
            },
        ));
    }
    damages
}
