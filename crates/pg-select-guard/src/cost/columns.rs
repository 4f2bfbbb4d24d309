//! The bounds of a query's columns, or of those of an item of FROM.

use super::bound::{Bound, Parts};
use super::limits::FIELD_OVERHEAD_BYTES;
use super::units::Bytes;
use crate::resolve::{self, ColumnData};

/// A column and the bound of its values.
pub(super) type Column = resolve::Column<Bound>;

/// Columns and their bounds.
pub(super) type Columns = resolve::Columns<Bound>;

impl ColumnData for Bound {
    fn nothing() -> Self {
        Self::leaf(Bytes::ZERO)
    }

    fn merged(self, other: Self) -> Self {
        self.with_sibling(other)
    }

    fn alternative(self, other: Self) -> Self {
        self.either(other)
    }

    /// As JSON, a row contains the name of each column.
    fn row<'a>(columns: impl Iterator<Item = (&'a str, Self)>) -> Self {
        let mut names = Bytes::ZERO;
        let parts: Parts = columns
            .map(|(name, bound)| {
                names += Bytes::from_text(name) + FIELD_OVERHEAD_BYTES;
                bound
            })
            .collect();
        Self::parent(parts.combined, parts.total_bytes * 2 + names)
    }

    fn all_rows(rows: impl Iterator<Item = Self>) -> Self {
        let all: Parts = rows.collect();
        Self::parent(all.combined, all.total_bytes)
    }
}

impl Columns {
    pub(super) fn bounds(&self) -> impl Iterator<Item = Bound> {
        self.data()
    }

    /// Replaces each bound by `combine` of it and the bound at the same position of `others`.
    pub(super) fn merge(&mut self, others: &Self, mut combine: impl FnMut(Bound, Bound) -> Bound) {
        let largest = others.any();
        let is_known = self.exact_count().is_some() && others.exact_count().is_some();
        let others: Vec<Bound> = others.bounds().collect();
        self.map_data(|position, bound| {
            let other = others.get(position).filter(|_| is_known);
            combine(bound, other.copied().unwrap_or(largest))
        });
    }

    /// Sum of the sizes of a row's values, columns that may exist included.
    pub(super) fn row_bytes(&self) -> Bytes {
        self.bounds().map(|bound| bound.max_bytes).sum()
    }

    /// Puts the columns behind an optimization fence: references read values from now on.
    pub(super) fn fence(&mut self) {
        self.map_data(|_, bound| bound.fenced());
    }
}
