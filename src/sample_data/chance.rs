//! Weighted choices, and streams of randomness that do not disturb each other.
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What a stream of randomness is for. Each subject has its own stream, so that a change in one (another
/// customer name) leaves the others (all orders) as they were.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    People = 1,
    Purchases = 2,
    Stock = 3,
}

/// Opens a seed's stream for a subject.
///
/// ChaCha8 because its output is specified; the generators that `rand` itself offers may change with its
/// version: <https://rust-random.github.io/book/crate-reprod.html>.
pub(super) fn stream(seed: u64, subject: Subject) -> ChaCha8Rng {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(subject as u64);
    stream
}

/// Tells true in `percent` of 100 cases.
pub(super) fn happens(stream: &mut impl Rng, percent: u32) -> bool {
    stream.random_range(0..100) < percent
}

/// A choice among numbered things by whole-number weights.
///
/// Written here rather than taken from `rand`'s `WeightedIndex`, whose way of using the stream is not promised
/// to stay.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    /// Where each thing's part of `0..total` ends.
    ends: Vec<u32>,
    total: u32,
}

impl Weighted {
    /// A choice among things with these weights; `None` when all are zero.
    pub(super) fn new(weights: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut total = 0;
        let ends = weights
            .into_iter()
            .map(|weight| {
                total += weight;
                total
            })
            .collect();
        (total > 0).then_some(Self { ends, total })
    }

    /// Picks a thing's number, from 0.
    pub(super) fn pick(&self, stream: &mut impl Rng) -> usize {
        let point = stream.random_range(0..self.total);
        self.ends.partition_point(|&end| end <= point)
    }
}

/// A choice by percentages, for rules that are constants: `PERCENT` must add up to 100.
pub(super) fn pick_percent<const N: usize>(percent: &[u32; N], stream: &mut impl Rng) -> usize {
    let mut point = stream.random_range(0..100);
    for (number, &part) in percent.iter().enumerate() {
        if point < part {
            return number;
        }
        point -= part;
    }
    N - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_only_what_has_weight() {
        let mut stream = stream(1, Subject::Stock);
        let choice = Weighted::new([0, 3, 0, 1, 0]).unwrap();
        let mut seen = [0; 5];
        for _ in 0..4_000 {
            seen[choice.pick(&mut stream)] += 1;
        }
        assert_eq!([seen[0], seen[2], seen[4]], [0, 0, 0]);
        assert!((2_850..3_150).contains(&seen[1]), "{seen:?}");
        assert!(Weighted::new([0, 0]).is_none());
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let first = |subject| stream(7, subject).random_range(0..u32::MAX);
        assert_ne!(first(Subject::People), first(Subject::Purchases));
        assert_ne!(first(Subject::Purchases), first(Subject::Stock));
        assert_eq!(first(Subject::Stock), first(Subject::Stock));
    }
}
