//! The properties of `fuzz/properties.rs` hold for the seeds of `./scripts/fuzz guard` and its past
//! findings, one per line.

#[path = "../fuzz/properties.rs"]
mod properties;

#[test]
fn properties_hold_over_the_corpus() {
    let seeds = include_bytes!("../fuzz/corpus/guard/seeds.sql");
    seeds
        .split(|byte| *byte == b'\n')
        .for_each(properties::check);
}
