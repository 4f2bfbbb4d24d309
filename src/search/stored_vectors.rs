//! Of which model the stored vectors are.

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
        None => "there are none at all; load the products' vectors".to_owned(),
        Some(StoredVectors { model, dimensions }) => format!(
            "they are of {model} with {dimensions}; set EMBEDDING_MODEL_DEPLOYMENT_NAME and \
             ZAVA_EMBEDDING_DIMENSIONS to these, or load vectors of the new model"
        ),
    }
}

/// Receives the row of `find_stored_vectors.sql`.
#[derive(Debug, Default)]
pub(super) struct StoredVectorsSink(pub(super) Option<StoredVectors>);

impl RowSink for StoredVectorsSink {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let mut text = || {
            let value = values.next().flatten()?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        self.0 = text().zip(text()).and_then(|(model, dimensions)| {
            let dimensions = dimensions.parse().ok()?;
            Some(StoredVectors { model, dimensions })
        });
        ControlFlow::Break(())
    }

    fn oversized(&mut self) {}
}

/// Passes rows on, and knows whether there were any.
pub(super) struct ObservedSink<'a> {
    pub(super) sink: &'a mut dyn RowSink,
    pub(super) is_empty: bool,
}

impl RowSink for ObservedSink<'_> {
    fn columns(&mut self, columns: Vec<Column>) {
        self.sink.columns(columns);
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        self.is_empty = false;
        self.sink.row(values)
    }

    fn oversized(&mut self) {
        self.is_empty = false;
        self.sink.oversized();
    }
}
