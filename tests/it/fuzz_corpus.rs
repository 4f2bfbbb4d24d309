//! The seeds of `./scripts/fuzz`, one a line, and what it has found since: the laws hold for each.

#[path = "../../fuzz/laws.rs"]
mod laws;

#[test]
fn the_guard_keeps_its_laws_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/guard/seeds.sql");
    seeds.split(|byte| *byte == b'\n').for_each(laws::guard);
}

#[test]
fn the_rows_keep_their_laws_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/rows/seeds.txt");
    seeds.split(|byte| *byte == b'\n').for_each(laws::rows);
}
