//! Every row of the tables can be read, and its columns agree with each other.

use std::collections::BTreeSet;

use super::functions::{self, Function};
use super::operators::{self, Operator};
use super::{
    AggregateState, SizeRule, functions as listed_functions, operators as listed_operators, rows,
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
    let unread = rows(functions::FILE).filter_map(|row| Function::parse(row).err());
    assert_eq!(unread.collect::<Vec<_>>(), []);
    let unread = rows(operators::FILE).filter_map(|row| Operator::parse(row).err());
    assert_eq!(unread.collect::<Vec<_>>(), []);
    assert_eq!(listed_functions().count(), rows(functions::FILE).count());
    assert_eq!(listed_operators().count(), rows(operators::FILE).count());
}

#[test]
fn no_name_has_two_rows() {
    let names: BTreeSet<_> = listed_functions().map(|row| row.name).collect();
    assert_eq!(names.len(), listed_functions().count());
    let names: BTreeSet<_> = listed_operators().map(|row| row.name).collect();
    assert_eq!(names.len(), listed_operators().count());
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
