//! The columns of a query's result, or of an item of FROM.

use std::collections::HashMap;

use super::size::{Parts, Size};

/// What a field of a row takes beside its name and its value.
const OF_FIELD: usize = 24;

/// A column and how large its values can be.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) size: Size,
    /// What some functions in FROM give only PostgreSQL knows: such a column may be there or not.
    sure: bool,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, size: Size) -> Self {
        Self {
            name: name.into(),
            size,
            sure: true,
        }
    }

    /// A column that may be there.
    pub(super) fn perhaps(name: impl Into<String>, size: Size) -> Self {
        Self {
            sure: false,
            ..Self::new(name, size)
        }
    }
}

/// Columns, in order where all of them are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    all: Vec<Column>,
    /// By name, once there is an index: of an item of FROM, which is asked for each name of the query.
    index: Option<Index>,
}

#[derive(Clone, Debug)]
struct Index {
    by_name: HashMap<String, Found>,
    any: Size,
}

/// The columns of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) size: Size,
    /// Whether one of them is there for certain.
    pub(super) sure: bool,
}

impl Found {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            size: self.size.beside(other.size),
            sure: self.sure || other.sure,
        }
    }
}

impl Columns {
    pub(super) fn push(&mut self, column: Column) {
        self.index = None;
        self.all.push(column);
    }

    pub(super) fn extend(&mut self, columns: impl IntoIterator<Item = Column>) {
        self.index = None;
        self.all.extend(columns);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Column> {
        self.all.iter()
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = Size> {
        self.all.iter().map(|column| column.size)
    }

    /// Makes it quick to find one of them by its name. They do not change any more.
    pub(super) fn index(&mut self) {
        let mut by_name: HashMap<String, Found> = HashMap::with_capacity(self.all.len());
        for Column { name, size, sure } in &self.all {
            let found = Found {
                size: *size,
                sure: *sure,
            };
            by_name
                .entry(name.clone())
                .and_modify(|other| *other = other.and(found))
                .or_insert(found);
        }
        self.index = Some(Index {
            by_name,
            any: self.any(),
        });
    }

    /// How many there may be.
    pub(super) fn most(&self) -> usize {
        self.all.len()
    }

    /// How many there are, where that is known.
    pub(super) fn count(&self) -> Option<usize> {
        self.all
            .iter()
            .all(|column| column.sure)
            .then_some(self.all.len())
    }

    /// The first are called so from now on.
    pub(super) fn rename(&mut self, given: &[&str]) {
        self.index = None;
        if self.count().is_some() {
            for (column, name) in self.all.iter_mut().zip(given) {
                (*name).clone_into(&mut column.name);
            }
        } else {
            let any = self.any();
            self.extend(given.iter().map(|name| Column::new(*name, any)));
        }
    }

    /// What stands at a place, counted from 1.
    pub(super) fn at(&self, place: u64) -> Option<Size> {
        if self.count().is_none() {
            return Some(self.any());
        }
        let place = usize::try_from(place).ok()?.checked_sub(1)?;
        self.all.get(place).map(|column| column.size)
    }

    /// What bears this name; several columns of one name are taken together.
    pub(super) fn named(&self, name: &str) -> Option<Found> {
        if let Some(index) = &self.index {
            return index.by_name.get(name).copied();
        }
        let found = self.all.iter().filter(|column| column.name == name);
        found
            .map(|column| Found {
                size: column.size,
                sure: column.sure,
            })
            .reduce(Found::and)
    }

    /// Makes each as large as `combine` says of it and of what stands at the same place in `others`.
    pub(super) fn merge(&mut self, others: &Self, mut combine: impl FnMut(Size, Size) -> Size) {
        self.index = None;
        let any = others.any();
        let known = self.count().is_some() && others.count().is_some();
        for (place, column) in self.all.iter_mut().enumerate() {
            let other = match others.all.get(place) {
                Some(other) if known => other.size,
                _ => any,
            };
            column.size = combine(column.size, other);
        }
    }

    /// The largest of them, for a name that is not known.
    pub(super) fn any(&self) -> Size {
        if let Some(index) = &self.index {
            return index.any;
        }
        self.sizes().fold(Size::leaf(0), Size::or)
    }

    /// A whole row; as JSON it names each column.
    pub(super) fn row(&self) -> Size {
        let parts: Parts = self.sizes().collect();
        let names = self.all.iter().map(|column| column.name.len() + OF_FIELD);
        let names = u64::try_from(names.sum::<usize>()).unwrap_or(u64::MAX);
        let value = parts.sum.saturating_mul(2).saturating_add(names);
        Size::over(parts.all, value)
    }

    /// The bytes of the values of a row. Those that may be there stand for one.
    pub(super) fn width(&self) -> u64 {
        let (sure, perhaps): (Vec<&Column>, Vec<&Column>) =
            self.all.iter().partition(|column| column.sure);
        let value = |column: &&Column| column.size.value;
        let perhaps = perhaps.iter().map(value).fold(0, u64::max);
        sure.iter().map(value).fold(perhaps, u64::saturating_add)
    }

    /// Changes each one's size.
    pub(super) fn each(&mut self, change: impl Fn(Size) -> Size) {
        self.index = None;
        for column in &mut self.all {
            column.size = change(column.size);
        }
    }

    /// Names of these columns stand for their values from now on.
    pub(super) fn fence(&mut self) {
        self.each(Size::fenced);
    }
}
