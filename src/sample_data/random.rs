//! Weighted choices, and independent random streams.
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A random stream. Each subject has a stream of its own, so that a change in one (another customer
/// name) does not affect the others (all orders).
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamId {
    People = 1,
    Purchases = 2,
    Stock = 3,
}

/// Opens a stream of a seed.
///
/// The generator is ChaCha8 because its output is specified. The generators of `rand` itself may
/// change with its version: <https://rust-random.github.io/book/crate-reprod.html>.
pub(super) fn random_stream(seed: u64, id: StreamId) -> ChaCha8Rng {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(id as u64);
    stream
}

/// Draws `true` with a probability of `percent`.
pub(super) fn draw_bool(stream: &mut impl Rng, percent: u32) -> bool {
    stream.random_range(0..100) < percent
}

/// A choice among numbered items by integer weights.
///
/// `rand`'s `WeightedIndex` is not used because the way in which it consumes the stream may change.
#[derive(Clone, Debug)]
pub(super) struct WeightedChoice {
    /// The end of each item's part of `0..total`.
    ends: Vec<u32>,
    total: u32,
}

impl WeightedChoice {
    /// A choice among items with these weights; `None` if all are zero.
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

    /// Draws an item's number, counted from 0.
    pub(super) fn draw(&self, stream: &mut impl Rng) -> usize {
        let point = stream.random_range(0..self.total);
        self.ends.partition_point(|&end| end <= point)
    }
}

/// Draws an item's number, counted from 0, by constant percentages, which must add up to 100.
pub(super) fn draw_percent<const N: usize>(percent: &[u32; N], stream: &mut impl Rng) -> usize {
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
    fn only_items_with_weight_are_drawn() {
        let mut stream = random_stream(1, StreamId::Stock);
        let choice = WeightedChoice::new([0, 3, 0, 1, 0]).unwrap();
        let mut seen = [0; 5];
        for _ in 0..4_000 {
            seen[choice.draw(&mut stream)] += 1;
        }
        assert_eq!([seen[0], seen[2], seen[4]], [0, 0, 0]);
        assert!((2_850..3_150).contains(&seen[1]), "{seen:?}");
        assert!(WeightedChoice::new([0, 0]).is_none());
    }

    #[test]
    fn streams_of_one_seed_differ() {
        let first = |id| random_stream(7, id).random_range(0..u32::MAX);
        assert_ne!(first(StreamId::People), first(StreamId::Purchases));
        assert_ne!(first(StreamId::Purchases), first(StreamId::Stock));
        assert_eq!(first(StreamId::Stock), first(StreamId::Stock));
    }
}
