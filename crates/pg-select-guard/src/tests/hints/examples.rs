//! Examples in hints are written over the tables of the schema.

use super::*;

/// Tables of another trade, in which no table has everything.
const ZOO: &str = "keepers: *keeper_id 8, full_name 64 text, hired_on 4 date\n\
    species: *species_id 8, latin_name 64 text\n\
    animals: *animal_id 8, keeper_id 8, species_id 8, pet_name 64 text, weight 16 number, \
    height 16 number, born_on 4 date, is_wild 1 boolean";

fn guard(tables: &str) -> Guard {
    let schema = Schema::parse("zoo", tables).expect("well-formed");
    Guard::new(schema, Limits::STANDARD)
}

#[track_caller]
fn hint(guard: &Guard, text: &str) -> String {
    guard.check(text).expect_err(text).to_string()
}

#[test]
fn every_example_is_accepted_over_the_tables_of_the_schema() {
    let guard = guard(ZOO);
    let mut shown = 0;
    for sql in hints::examples(guard.schema()) {
        if let Err(refusal) = guard.check(&sql) {
            panic!("{sql}\n  {refusal}");
        }
        shown += 1;
    }
    assert!(shown > 150, "{shown}");
}

#[test]
fn examples_are_valid_sql_if_no_table_has_their_columns() {
    for tables in [
        "",
        "owners: *owner_id 4, name 64",
        "a: b 4 text\nc: d 4 number",
    ] {
        for sql in hints::examples(guard(tables).schema()) {
            assert!(pg_query::parse(&sql, 0).is_ok(), "{sql}");
            for rest in [
                "{table", "{key", "{text", "{number", "{date", "{group", "{parent",
            ] {
                assert!(!sql.contains(rest), "{sql}");
            }
        }
    }
}

#[test]
fn an_example_shows_the_first_table_that_has_its_columns() {
    let zoo = guard(ZOO);
    for (text, example) in [
        (
            "SELECT full_name FROM keepers LIMIT 5, 10",
            "SELECT full_name FROM zoo.keepers ORDER BY full_name LIMIT",
        ),
        (
            "SELECT TOP 3 pet_name FROM animals",
            "SELECT pet_name FROM zoo.animals ORDER BY weight DESC LIMIT 10",
        ),
        (
            "SELECT year(hired_on) FROM keepers",
            "extract(year FROM hired_on)",
        ),
        (
            "SELECT 1 FROM keepers CROSS APPLY animals",
            "FROM zoo.keepers p LEFT JOIN LATERAL (SELECT born_on FROM zoo.animals WHERE keeper_id = p.keeper_id",
        ),
        (
            "SELECT 1 FROM animals JOIN keepers WHERE",
            "as in SELECT count(*) FROM zoo.animals JOIN zoo.keepers USING (keeper_id)",
        ),
        (
            "SELECT keeper_id FROM animals GROUP BY ALL",
            "SELECT keeper_id, species_id, count(*) FROM zoo.animals",
        ),
    ] {
        let hint = hint(&zoo, text);
        assert!(hint.contains(example), "{text}\n  {hint}");
    }
    // The key of a table that extends another one makes no groups.
    let extended = guard(&format!("{ZOO}\nportraits: *animal_id 8, painter 64"));
    let grouped = hint(&extended, "SELECT 1 FROM animals GROUP BY ALL");
    assert!(
        grouped.contains("SELECT keeper_id, species_id, count(*)"),
        "{grouped}"
    );
    // No table has a column of this kind.
    let hint = hint(
        &guard("owners: *owner_id 4, name 64"),
        "SELECT TOP 3 name FROM owners",
    );
    assert!(
        hint.contains("SELECT name FROM items ORDER BY price DESC LIMIT 10"),
        "{hint}"
    );
}

#[test]
fn hints_of_the_calling_program_replace_those_of_the_crate() {
    let zoo = guard(ZOO);
    let describe = "DESCRIBE keepers";
    assert!(
        hint(&zoo, describe).ends_with("; available tables: zoo.keepers, zoo.species, zoo.animals")
    );
    assert!(hint(&GUARD, describe).ends_with("; call describe_table"));
    let similarity = "SELECT similarity('a', 'b')";
    assert!(hint(&zoo, similarity).ends_with("; use for example full_name ILIKE '%north%'"));
    assert!(hint(&GUARD, similarity).ends_with("(or call search_products)"));
}
