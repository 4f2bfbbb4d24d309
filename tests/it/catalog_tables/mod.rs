//! The guard's tables of functions, operators and types agree with the server's catalog, and a
//! changed value on the unsafe side does not.
mod functions; // functions.tsv and pg_proc
mod mutants; // copies of rows, each with one changed value
mod operators; // operators.tsv and pg_operator
mod sizes; // results of the functions and their size rules
mod types; // types.tsv and pg_type

use sqlx::PgConnection;
use zava_mcp_server::query::guard::catalog;

use crate::support::{TestDatabase, number};

pub(crate) use functions::Functions;
pub(crate) use operators::Operators;
pub(crate) use types::Types;

/// Types whose values operators rebuild as trees of nodes.
const DOCUMENTS: [&str; 3] = ["json", "jsonb", "tsquery"];

/// Types whose values may parse as a number.
const TEXTS: [&str; 11] = [
    "text",
    "character varying",
    "character",
    "\"char\"",
    "name",
    "cstring",
    "json",
    "jsonb",
    "text[]",
    "anyarray",
    "anycompatiblearray",
];

/// Types that stand for any type.
const ANY: [&str; 6] = [
    "anyelement",
    "anynonarray",
    "anycompatible",
    "anycompatiblenonarray",
    "\"any\"",
    "record",
];

fn is_range(type_name: &str) -> bool {
    ["anyrange", "anymultirange"].contains(&type_name)
}

/// Whether a result of this type, computed from these types, may be of one of `types`. The elements
/// of a range are numbers, dates and times.
fn may_be(types: &[&str], result: &str, arguments: &[String]) -> bool {
    let is_element = arguments.iter().any(|argument| is_range(argument));
    types.contains(&result) || ANY.contains(&result) && !is_element
}

/// What the tables say holds for this server.
pub(crate) async fn assert_tables_match(db: &mut PgConnection) {
    let version = number(
        db,
        "SELECT current_setting('server_version_num')::bigint / 10000",
    )
    .await;
    let version = u32::try_from(version).expect("a version");
    let (functions, operators) = (Functions::read(db).await, Operators::read(db).await);
    let types = Types::read(db).await;
    let mut mismatches = Vec::new();
    for function in catalog::functions() {
        mismatches.extend(functions.mismatches(function, version));
    }
    for operator in catalog::operators() {
        mismatches.extend(operators.mismatches(operator));
    }
    for data_type in catalog::data_types() {
        mismatches.extend(types.mismatches(data_type));
    }
    assert_eq!(mismatches, Vec::<String>::new(), "PostgreSQL {version}");
}

#[tokio::test]
async fn tables_of_functions_operators_and_types_match_the_server() {
    let database = TestDatabase::new().await;
    assert_tables_match(&mut database.superuser().await).await;
}

/// In each row, each value that the server's catalog determines is changed on its own.
#[tokio::test]
async fn every_mutant_of_a_row_is_detected() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    let functions = Functions::read(&mut db).await;
    let operators = Operators::read(&mut db).await;
    let types = Types::read(&mut db).await;
    let (mut undetected, mut tried) = (Vec::new(), 0);
    for function in catalog::functions() {
        for (what, mutant) in mutants::function_mutants(function) {
            tried += 1;
            if functions.mismatches(&mutant, 18).is_empty() {
                undetected.push(format!("{}: {what}", function.name));
            }
        }
    }
    for operator in catalog::operators() {
        for (what, mutant) in mutants::operator_mutants(operator) {
            tried += 1;
            if operators.mismatches(&mutant).is_empty() {
                undetected.push(format!("{}: {what}", operator.name));
            }
        }
    }
    for data_type in catalog::data_types() {
        for (what, mutant) in mutants::type_mutants(data_type) {
            tried += 1;
            if types.mismatches(&mutant).is_empty() {
                undetected.push(format!("{}: {what}", data_type.name));
            }
        }
    }
    assert_eq!(undetected, Vec::<String>::new());
    assert!(tried > 2_600, "{tried}");
}
