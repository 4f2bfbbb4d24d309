//! The bounds of a query's columns, or of those of an item of FROM.

use super::bound::{Bound, Parts};
use super::limits::FIELD_OVERHEAD_BYTES;
use crate::resolve::{self, ColumnData};

/// A column and the bound of its values.
pub(super) type Column = resolve::Column<Bound>;

/// Columns and their bounds.
pub(super) type Columns = resolve::Columns<Bound>;

impl ColumnData for Bound {
    fn nothing() -> Self {
        Self::leaf(0)
    }

    fn merged(self, other: Self) -> Self {
        self.with_sibling(other)
    }

    fn alternative(self, other: Self) -> Self {
        self.either(other)
    }

    /// As JSON, a row contains the name of each column.
    fn row<'a>(columns: impl Iterator<Item = (&'a str, Self)>) -> Self {
        let mut names = 0_usize;
        let parts: Parts = columns
            .map(|(name, bound)| {
                names += name.len() + FIELD_OVERHEAD_BYTES;
                bound
            })
            .collect();
        let names = u64::try_from(names).unwrap_or(u64::MAX);
        let value = parts.total_bytes.saturating_mul(2).saturating_add(names);
        Self::parent(parts.combined, value)
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

    /// Sum of the sizes of a row's values. All columns that may exist count as one, the longest.
    pub(super) fn row_bytes(&self) -> u64 {
        let (certain, possible): (Vec<&Column>, Vec<&Column>) =
            self.iter().partition(|column| column.must_exist);
        let value = |column: &&Column| column.data.max_bytes;
        let possible = possible.iter().map(value).fold(0, u64::max);
        certain
            .iter()
            .map(value)
            .fold(possible, u64::saturating_add)
    }

    /// Puts the columns behind an optimization fence: references read values from now on.
    pub(super) fn fence(&mut self) {
        self.map_data(|_, bound| bound.fenced());
    }
}
