//! What is indexed of the products, and which parts of a search have found rows.

use std::ops::ControlFlow;

use crate::query::scope::{Column, RowSink};

/// No product has a vector that can be compared with those of the embedder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no stored vector is of the model {model} with {dimensions} dimensions; {}", advice(.stored.as_ref()))]
pub struct NoComparableVector {
    /// The embedder's model.
    pub model: String,
    /// The length of the embedder's vectors.
    pub dimensions: usize,
    /// Of which model most stored vectors are; `None` if there are none.
    pub stored: Option<StoredVectors>,
}

/// The model of stored vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVectors {
    /// Its name.
    pub model: String,
    /// The vectors' length.
    pub dimensions: usize,
}

fn advice(stored: Option<&StoredVectors>) -> String {
    match stored {
        None => "there are none at all; run `zava-mcp-server embed`".to_owned(),
        Some(StoredVectors { model, dimensions }) => format!(
            "they are of {model} with {dimensions}; set EMBEDDING_MODEL_DEPLOYMENT_NAME and \
             ZAVA_EMBEDDING_DIMENSIONS to these, or run `zava-mcp-server embed`"
        ),
    }
}

/// Receives the row of `read_index_state.sql`.
#[derive(Debug, Default)]
pub(super) struct IndexState {
    pub(super) stored: Option<StoredVectors>,
    pub(super) has_words: bool,
}

impl RowSink for IndexState {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let mut text = || {
            let value = values.next().flatten()?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let (model, dimensions) = (text(), text());
        self.has_words = text().is_some_and(|value| value == "t");
        self.stored = model.zip(dimensions).and_then(|(model, dimensions)| {
            let dimensions = dimensions.parse().ok()?;
            Some(StoredVectors { model, dimensions })
        });
        ControlFlow::Break(())
    }

    fn oversized(&mut self) {}
}

/// Passes rows of `search_products.sql` on, and knows by which parts of the search they were found.
pub(super) struct ObservedSink<'a> {
    sink: &'a mut dyn RowSink,
    include_stock: bool,
    /// How many columns are passed on.
    width: usize,
    sp: usize,
    matched: usize,
    /// Whether a row has a similarity.
    pub(super) has_similarity: bool,
    /// Whether a row was found by its words.
    pub(super) has_words: bool,
}

impl<'a> ObservedSink<'a> {
    /// Without `include_stock`, the last column is not passed on.
    pub(super) fn new(sink: &'a mut dyn RowSink, include_stock: bool) -> Self {
        Self {
            sink,
            include_stock,
            width: usize::MAX,
            sp: usize::MAX,
            matched: usize::MAX,
            has_similarity: false,
            has_words: false,
        }
    }
}

impl RowSink for ObservedSink<'_> {
    fn columns(&mut self, mut columns: Vec<Column>) {
        if !self.include_stock {
            columns.pop();
        }
        self.width = columns.len();
        let position = |name: &str| columns.iter().position(|column| column.name == name);
        self.sp = position("sp").unwrap_or(usize::MAX);
        self.matched = position("matched").unwrap_or(usize::MAX);
        self.sink.columns(columns);
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let (sp, matched) = (self.sp, self.matched);
        let (mut has_similarity, mut has_words) = (false, false);
        let mut observed = values
            .take(self.width)
            .enumerate()
            .map(|(position, value)| {
                has_similarity |= position == sp && value.is_some();
                has_words |=
                    position == matched && value.is_some_and(|text| text.starts_with(b"words"));
                value
            });
        let flow = self.sink.row(&mut observed);
        self.has_similarity |= has_similarity;
        self.has_words |= has_words;
        flow
    }

    fn oversized(&mut self) {
        self.has_similarity = true;
        self.has_words = true;
        self.sink.oversized();
    }
}
