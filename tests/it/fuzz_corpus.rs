//! The seeds of `./scripts/fuzz`, one a line, and what it has found since: the laws hold for each.

#[path = "../../fuzz/properties.rs"]
mod properties;

#[test]
fn guard_properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/guard/seeds.sql");
    seeds.split(|byte| *byte == b'\n').for_each(properties::guard);
}

#[test]
fn row_mapper_properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/rows/seeds.txt");
    seeds.split(|byte| *byte == b'\n').for_each(properties::rows);
}
