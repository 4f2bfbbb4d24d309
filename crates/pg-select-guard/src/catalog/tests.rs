//! Every row of the tables can be read, and its columns agree with each other.

use std::collections::BTreeSet;

use super::functions::{self, Function};
use super::operators::{self, Operator};
use super::types;
use super::{
    AggregateState, DataType, Modifier, Returning, SizeRule, data_types,
    functions as listed_functions, operators as listed_operators, rows,
};

/// The header of a table: its first line that is no comment.
fn header(file: &'static str) -> Vec<&'static str> {
    let line = file.lines().find(|line| !line.starts_with('#'));
    line.expect("a header").split('\t').collect()
}

#[test]
fn every_row_can_be_read() {
    assert_eq!(header(functions::FILE), functions::COLUMNS);
    assert_eq!(header(operators::FILE), operators::COLUMNS);
    assert_eq!(header(types::FILE), types::COLUMNS);
    let unread = rows(functions::FILE).filter_map(|row| Function::parse(row).err());
    assert_eq!(unread.collect::<Vec<_>>(), []);
    let unread = rows(operators::FILE).filter_map(|row| Operator::parse(row).err());
    assert_eq!(unread.collect::<Vec<_>>(), []);
    let unread = rows(types::FILE).filter_map(|row| DataType::parse(row).err());
    assert_eq!(unread.collect::<Vec<_>>(), []);
    assert_eq!(data_types().count(), rows(types::FILE).count());
    assert_eq!(listed_functions().count(), rows(functions::FILE).count());
    assert_eq!(listed_operators().count(), rows(operators::FILE).count());
}

#[test]
fn no_name_has_two_rows() {
    let names: BTreeSet<_> = listed_functions().map(|row| row.name).collect();
    assert_eq!(names.len(), listed_functions().count());
    let names: BTreeSet<_> = listed_operators().map(|row| row.name).collect();
    assert_eq!(names.len(), listed_operators().count());
    let names: BTreeSet<_> = data_types().map(|row| row.name).collect();
    assert_eq!(names.len(), data_types().count());
    let printed: BTreeSet<_> = data_types().map(|row| row.sql).collect();
    assert_eq!(printed.len(), data_types().count());
}

/// A missing, added, empty or misspelled cell makes the row unreadable, so nothing is assumed.
#[test]
fn a_damaged_row_cannot_be_read() {
    let row = rows(functions::FILE).next().expect("a row");
    let cells: Vec<&str> = row.split('\t').collect();
    assert!(Function::parse(row).is_ok(), "{row}");
    assert!(Function::parse(leak(cells[1..].join("\t"))).is_err());
    assert!(Function::parse(leak(format!("{row}\t-"))).is_err());
    for (position, column) in functions::COLUMNS.iter().enumerate().skip(1) {
        for cell in ["", "-1", "Fixed", "sum*", "0/x"] {
            let mut damaged = cells.clone();
            damaged[position] = cell;
            let damaged = leak(damaged.join("\t"));
            assert!(Function::parse(damaged).is_err(), "{column}: {damaged}");
        }
    }
    let row = rows(operators::FILE).next().expect("a row");
    let cells: Vec<&str> = row.split('\t').collect();
    assert!(Operator::parse(row).is_ok(), "{row}");
    for (position, column) in operators::COLUMNS.iter().enumerate().skip(1) {
        let mut damaged = cells.clone();
        damaged[position] = "";
        let damaged = leak(damaged.join("\t"));
        assert!(Operator::parse(damaged).is_err(), "{column}: {damaged}");
    }
    let row = rows(types::FILE).next().expect("a row");
    let cells: Vec<&str> = row.split('\t').collect();
    assert!(DataType::parse(row).is_ok(), "{row}");
    for (position, column) in types::COLUMNS.iter().enumerate().skip(1) {
        let mut damaged = cells.clone();
        damaged[position] = "";
        let damaged = leak(damaged.join("\t"));
        assert!(DataType::parse(damaged).is_err(), "{column}: {damaged}");
    }
}

/// The parser resolves both names of a type to its row.
#[test]
fn both_names_of_a_type_are_parsed_as_its_row() {
    for row in data_types() {
        let quoted = format!("\"{}\"", row.name);
        for name in [row.sql, &quoted] {
            let tree = pg_query::parse(&format!("SELECT NULL::{name}"), 0).expect("a type");
            let nodes = tree.protobuf.nodes();
            let cast = nodes.iter().find_map(|(node, ..)| match node {
                pg_query::NodeRef::TypeCast(cast) => cast.type_name.as_ref(),
                _ => None,
            });
            let parsed =
                cast.and_then(|cast| crate::name::names(&cast.names).pop().map(str::to_owned));
            assert_eq!(parsed.as_deref(), Some(row.name), "{name}");
        }
    }
}

/// A value that is extended to its declared length is longer than the document that it is read
/// from; only for `numeric`, the analysis adds the length.
#[test]
fn sql_json_returns_no_type_that_pads_its_values() {
    for row in data_types() {
        let pads = row.modifier == Modifier::Pad && row.name != "numeric";
        assert!(!pads || row.returning == Returning::Nothing, "{}", row.name);
    }
}

#[test]
fn the_state_of_an_aggregate_agrees_with_its_kind_and_size() {
    for function in listed_functions() {
        let name = function.name;
        assert_eq!(
            function.state != AggregateState::None,
            function.kinds.aggregate,
            "{name}"
        );
        let accumulates = matches!(function.state, AggregateState::Elements(_));
        assert_eq!(
            accumulates,
            function.size == SizeRule::Accumulates,
            "{name}"
        );
    }
}

/// Rows come from files that live as long as the program.
fn leak(row: String) -> &'static str {
    Box::leak(row.into_boxed_str())
}
