//! The seeds of `./scripts/fuzz`, one a line, and what it has found since: the laws hold for each.

#[path = "../../fuzz/laws.rs"]
mod laws;

#[test]
fn guard_properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/guard/seeds.sql");
    seeds.split(|byte| *byte == b'\n').for_each(laws::guard);
}

#[test]
fn row_mapper_properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/rows/seeds.txt");
    seeds.split(|byte| *byte == b'\n').for_each(laws::rows);
}
