//! What a search asks for.

use std::num::NonZeroU32;

/// How products are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchMode {
    /// By words and by meaning.
    #[default]
    Hybrid,
    /// By meaning only: the vectors.
    Semantic,
    /// By words only: names, SKUs, types, categories and descriptions.
    Keyword,
}

impl SearchMode {
    /// Every mode with its name, the default first.
    pub const ALL: [(&'static str, Self); 3] = [
        ("hybrid", Self::Hybrid),
        ("semantic", Self::Semantic),
        ("keyword", Self::Keyword),
    ];

    pub(super) fn uses_words(self) -> bool {
        self != Self::Semantic
    }

    pub(super) fn uses_vectors(self) -> bool {
        self != Self::Keyword
    }
}

/// One search.
#[derive(Clone, Debug)]
pub struct SearchRequest {
    /// What the product is, or is used for.
    pub text: String,
    /// How it is searched.
    pub mode: SearchMode,
    /// The maximum cosine distance, 0 to 2, of a product that is found by its meaning only.
    pub max_distance: f64,
    /// Which products are searched at all.
    pub filter: ProductFilter,
    /// Whether the rows tell how many units the caller's stores have.
    pub include_stock: bool,
    /// The maximum number of rows.
    pub max_rows: NonZeroU32,
}

/// Which products are searched.
#[derive(Clone, Debug, Default)]
pub struct ProductFilter {
    /// The name of a category or product type, in any case.
    pub group: Option<String>,
    /// The minimum list price.
    pub min_price: Option<f64>,
    /// The maximum list price.
    pub max_price: Option<f64>,
    /// Only products that a store of the caller has in stock.
    pub in_stock_only: bool,
}

impl ProductFilter {
    /// Whether any product may be left out.
    pub(super) fn is_set(&self) -> bool {
        let Self {
            group,
            min_price,
            max_price,
            in_stock_only,
        } = self;
        group.is_some() || min_price.is_some() || max_price.is_some() || *in_stock_only
    }
}
