//! The judged searches of `queries.tsv`, and how good a ranking is. Shared by `./scripts/bench
//! relevance` and the tests.

use std::collections::{BTreeMap, HashSet};

const QUERIES: &str = include_str!("queries.tsv");

/// How many results the mean of discounted gains looks at.
const NDCG_RESULTS: usize = 10;

/// How many results recall looks at.
const RECALL_RESULTS: usize = 20;

/// The gains of the grades 2 and 1.
const GAINS: [f64; 2] = [3.0, 1.0];

/// Which half of the searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// For choosing parameters.
    Tune,
    /// For published figures.
    Report,
}

/// A product, as the judgments name it.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) type_name: String,
    pub(crate) category_name: String,
}

/// A search with its judgment.
#[derive(Clone, Debug)]
pub(crate) struct JudgedSearch {
    pub(crate) kind: String,
    pub(crate) half: Half,
    pub(crate) text: String,
    /// The SKUs of products that answer it fully.
    full: HashSet<String>,
    /// The SKUs of second choices.
    partial: HashSet<String>,
}

/// How good one ranking, or the mean of several, is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quality {
    /// Normalized discounted cumulative gain of the first ten results.
    pub(crate) ndcg: f64,
    /// The share of full answers among the first twenty results, of at most twenty.
    pub(crate) recall: f64,
    /// The reciprocal rank of the first full answer.
    pub(crate) reciprocal_rank: f64,
    /// Whether the first result is a full answer.
    pub(crate) first: f64,
    /// Whether one of the first five is.
    pub(crate) five: f64,
}

impl JudgedSearch {
    /// The searches of a half.
    ///
    /// # Panics
    /// If the file is malformed.
    pub(crate) fn read(half: Half, products: &[Product]) -> Vec<Self> {
        let searches = QUERIES.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [kind, half, text, full, partial] = fields.as_slice() else {
                panic!("five fields: {line}");
            };
            let full = skus(full, products);
            assert!(!full.is_empty(), "a full answer: {line}");
            let half = match *half {
                "tune" => Half::Tune,
                "report" => Half::Report,
                _ => panic!("a half: {line}"),
            };
            Self {
                kind: (*kind).to_owned(),
                half,
                text: (*text).to_owned(),
                partial: &skus(partial, products) - &full,
                full,
            }
        });
        searches.filter(|search| search.half == half).collect()
    }

    /// How good a ranking is, given as SKUs, the best first.
    pub(crate) fn quality(&self, ranking: &[String]) -> Quality {
        let gain = |sku: &String| {
            if self.full.contains(sku) {
                GAINS[0]
            } else if self.partial.contains(sku) {
                GAINS[1]
            } else {
                0.0
            }
        };
        let ideal = std::iter::repeat_n(GAINS[0], self.full.len())
            .chain(std::iter::repeat_n(GAINS[1], self.partial.len()));
        let is_full = |sku: &String| self.full.contains(sku);
        let found = ranking
            .iter()
            .take(RECALL_RESULTS)
            .filter(|sku| is_full(sku));
        let rank = ranking.iter().position(is_full);
        let yes = |condition: bool| f64::from(u8::from(condition));
        Quality {
            ndcg: discounted(ranking.iter().map(gain)) / discounted(ideal),
            recall: found.count() as f64 / self.full.len().min(RECALL_RESULTS) as f64,
            reciprocal_rank: rank.map_or(0.0, |rank| 1.0 / (rank + 1) as f64),
            first: yes(rank == Some(0)),
            five: yes(rank.is_some_and(|rank| rank < 5)),
        }
    }
}

impl Quality {
    /// The mean of some qualities by kind of search, and over all under the name `all`.
    pub(crate) fn by_kind(
        qualities: impl IntoIterator<Item = (String, Self)>,
    ) -> BTreeMap<String, Self> {
        let mut sums: BTreeMap<String, (Self, f64)> = BTreeMap::new();
        for (kind, quality) in qualities {
            for name in [kind, "all".to_owned()] {
                let (sum, count) = sums.entry(name).or_default();
                *sum = sum.combine(quality, |one, other| one + other);
                *count += 1.0;
            }
        }
        let means = sums.into_iter();
        means
            .map(|(kind, (sum, count))| (kind, sum.combine(sum, |one, _| one / count)))
            .collect()
    }

    fn combine(self, other: Self, combine: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            ndcg: combine(self.ndcg, other.ndcg),
            recall: combine(self.recall, other.recall),
            reciprocal_rank: combine(self.reciprocal_rank, other.reciprocal_rank),
            first: combine(self.first, other.first),
            five: combine(self.five, other.five),
        }
    }
}

fn discounted(gains: impl Iterator<Item = f64>) -> f64 {
    let discounted = gains
        .take(NDCG_RESULTS)
        .enumerate()
        .map(|(position, gain)| gain / ((position + 2) as f64).log2());
    discounted.sum()
}

/// The SKUs that a list of judgments names.
fn skus(list: &str, products: &[Product]) -> HashSet<String> {
    let mut skus = HashSet::new();
    for item in list.split("; ").filter(|item| !item.is_empty()) {
        let matches = |product: &&Product| match item.split_once(':') {
            Some(("type", name)) => product.type_name == name,
            Some(("category", name)) => product.category_name == name,
            _ => product.sku == item,
        };
        let before = skus.len();
        skus.extend(products.iter().filter(matches).map(|one| one.sku.clone()));
        assert!(skus.len() > before, "a product or group: {item}");
    }
    skus
}
