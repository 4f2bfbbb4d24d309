//! Products that are similar to one product, and products that are bought together with it.
//!
//! Similar products are found by the stored vector of the product, so no text is embedded, and a
//! search works while the embedding service is unavailable. What is bought together is counted in
//! the orders that the caller sees.

use std::iter;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Embedder, SearchError, statements};
use crate::identity::Caller;
use crate::query::guard::CheckedQuery;
use crate::query::scope::{Column, RowSink, Scope};

static SUGGEST_PRODUCTS: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("suggest_products.sql"),
    "SELECT retail.products",
);

/// How many orders of a product are looked at for what is bought together with it.
pub const MAX_ORDERS: NonZeroU32 = NonZeroU32::new(10_000).unwrap();

/// A shorter text is part of too many names to suggest one.
const MIN_SUGGESTED_CHARS: usize = 3;

/// How many products an error suggests.
const MAX_SUGGESTED: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// How many rows of the statement are about the product itself.
const MAX_MATCHES: u32 = 6;

/// Which related products are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Products with a similar description.
    Similar,
    /// Products in the same orders.
    BoughtTogether,
    /// Both, similar ones first.
    Both,
}

impl Relation {
    /// Whether similar products are wanted.
    #[must_use]
    pub fn includes_similar(self) -> bool {
        matches!(self, Self::Similar | Self::Both)
    }

    /// Whether products that are bought together are wanted.
    #[must_use]
    pub fn includes_bought_together(self) -> bool {
        matches!(self, Self::BoughtTogether | Self::Both)
    }
}

/// A product, as an error names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductName {
    /// The `product_id`.
    pub id: String,
    /// The SKU.
    pub sku: String,
    /// The name.
    pub name: String,
}

impl ProductName {
    fn from_values(values: &mut dyn Iterator<Item = Option<&[u8]>>) -> Self {
        Self {
            id: text(values.next()),
            sku: text(values.next()),
            name: text(values.next()),
        }
    }
}

/// The rows that were found, and what they are based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelatedRows {
    /// The number of rows of similar products.
    pub similar: u32,
    /// The number of rows of products that are bought together.
    pub bought_together: u32,
    /// The product's own vector.
    pub vector: OwnVector,
    /// The number of orders with the product that were looked at: at most [`MAX_ORDERS`], 0 if they
    /// were not asked for.
    pub orders: u32,
}

/// The vector by which similar products are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnVector {
    /// The product has a vector of the embedder's model.
    Stored,
    /// It has none.
    Missing,
    /// This server has no embedder, so it is not known which vectors to compare.
    NoEmbedder,
}

/// Finds products that are related to one.
#[derive(Debug)]
pub struct RelatedProducts {
    embedder: Option<Arc<dyn Embedder>>,
    scope: Arc<Scope>,
}

impl RelatedProducts {
    /// Compares vectors of the embedder's model; without an embedder, no product is similar.
    #[must_use]
    pub fn new(embedder: Option<Arc<dyn Embedder>>, scope: Arc<Scope>) -> Self {
        Self { embedder, scope }
    }

    /// Writes the products related to `product` to `sink`, at most `max_rows` of each relation:
    /// similar ones, nearest first, then those that are bought together. `product` is a SKU or a
    /// name in any case, or a product id.
    ///
    /// # Errors
    /// [`SearchError`] when `product` does not mean exactly one product, or the query fails.
    pub async fn find(
        &self,
        caller: &Caller,
        product: &str,
        relation: Relation,
        max_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<RelatedRows, SearchError> {
        let limit = |is_wanted: bool| if is_wanted { max_rows.get() } else { 0 }.to_string();
        let (model, dimensions) = match &self.embedder {
            Some(embedder) => (embedder.model(), embedder.dimensions()),
            // No vector has 0 dimensions.
            None => ("", 0),
        };
        let parameters = [
            product,
            model,
            &dimensions.to_string(),
            &limit(relation.includes_similar()),
            &limit(relation.includes_bought_together()),
            &MAX_ORDERS.to_string(),
        ];
        let mut related = RelatedSink::new(sink);
        let max_fetched = max_rows
            .saturating_add(max_rows.get())
            .saturating_add(MAX_MATCHES);
        self.scope
            .run(
                caller,
                &statements::with_dimensions(dimensions).related,
                &parameters,
                max_fetched,
                &mut related,
            )
            .await
            .map_err(SearchError::Scope)?;
        let RelatedSink {
            products,
            has_vector,
            orders,
            similar,
            bought_together,
            ..
        } = related;
        match products.len() {
            0 => Err(SearchError::UnknownProduct {
                product: product.to_owned(),
                suggestions: self.suggestions(caller, product).await,
            }),
            1 => Ok(RelatedRows {
                similar,
                bought_together,
                vector: match self.embedder {
                    Some(_) if has_vector => OwnVector::Stored,
                    Some(_) => OwnVector::Missing,
                    None => OwnVector::NoEmbedder,
                },
                orders,
            }),
            _ => Err(SearchError::AmbiguousProduct {
                product: product.to_owned(),
                matches: products,
            }),
        }
    }

    /// Products that the client may have meant. Empty when the query fails: that the product is
    /// unknown is certain all the same.
    async fn suggestions(&self, caller: &Caller, product: &str) -> Vec<ProductName> {
        if product.chars().count() < MIN_SUGGESTED_CHARS {
            return Vec::new();
        }
        let mut suggested = SuggestionSink::default();
        let done = self
            .scope
            .run(
                caller,
                &SUGGEST_PRODUCTS,
                &[product, &MAX_SUGGESTED.to_string()],
                MAX_SUGGESTED,
                &mut suggested,
            )
            .await;
        match done {
            Ok(()) => suggested.0,
            Err(_) => Vec::new(),
        }
    }
}

/// Keeps the rows of the product itself, and passes the others on.
struct RelatedSink<'a> {
    sink: &'a mut dyn RowSink,
    products: Vec<ProductName>,
    has_vector: bool,
    orders: u32,
    similar: u32,
    bought_together: u32,
}

impl<'a> RelatedSink<'a> {
    fn new(sink: &'a mut dyn RowSink) -> Self {
        Self {
            sink,
            products: Vec::new(),
            has_vector: false,
            orders: 0,
            similar: 0,
            bought_together: 0,
        }
    }

    /// Keeps a row with the relation `product`, whose other values are given.
    fn keep_product(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) {
        self.products.push(ProductName::from_values(values));
        // After category_name, type_name and base_price.
        self.has_vector = values.nth(3).flatten().is_some();
        self.orders = text(values.next()).parse().unwrap_or(0);
    }
}

impl RowSink for RelatedSink<'_> {
    fn columns(&mut self, columns: Vec<Column>) {
        self.sink.columns(columns);
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let relation = values.next();
        match relation.flatten() {
            Some(b"product") => {
                self.keep_product(values);
                return ControlFlow::Continue(());
            }
            Some(b"similar") => self.similar += 1,
            _ => self.bought_together += 1,
        }
        self.sink
            .row(&mut iter::once(relation.flatten()).chain(values))
    }

    fn oversized(&mut self) {
        self.sink.oversized();
    }
}

/// Receives the rows of `suggest_products.sql`.
#[derive(Default)]
struct SuggestionSink(Vec<ProductName>);

impl RowSink for SuggestionSink {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        self.0.push(ProductName::from_values(values));
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {}
}

/// A value as text; empty for NULL.
fn text(value: Option<Option<&[u8]>>) -> String {
    String::from_utf8_lossy(value.flatten().unwrap_or_default()).into_owned()
}
