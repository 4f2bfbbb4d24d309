//! The properties of fuzz/properties.rs hold for the seeds of `./scripts/fuzz rows` and its
//! past findings, one per line.

#[path = "../../fuzz/properties.rs"]
mod properties;

#[test]
fn row_mapper_properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../../fuzz/corpus/rows/seeds.txt");
    seeds
        .split(|byte| *byte == b'\n')
        .for_each(properties::rows);
}
