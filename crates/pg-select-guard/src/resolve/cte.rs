//! The WITH queries in scope.

/// The WITH queries that are visible at one place of a statement, innermost last. `Q` is what is
/// known of a query.
#[derive(Debug)]
pub(crate) struct CteScope<Q>(Vec<Cte<Q>>);

#[derive(Debug)]
struct Cte<Q> {
    name: String,
    /// `None` while an earlier query of the same WITH RECURSIVE is visited.
    query: Option<Q>,
    /// Whether a query reads it.
    is_read: bool,
}

/// What is known of a WITH query that a name denotes.
pub(crate) enum CteQuery<Q> {
    Known(Q),
    /// It stands later in the same WITH RECURSIVE.
    Later,
}

impl<Q> Default for CteScope<Q> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Q: Clone> CteScope<Q> {
    /// Number of queries in scope. [`truncate`](Self::truncate) to it leaves the scope of a WITH
    /// clause.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// Enters a WITH clause with these names. As in PostgreSQL: with RECURSIVE every name is
    /// visible in all queries of the clause and hides outer queries of the same name; without it,
    /// only in later ones. Returns the position of the first query.
    pub(crate) fn enter<'a>(
        &mut self,
        recursive: bool,
        names: impl Iterator<Item = &'a str>,
    ) -> usize {
        let first = self.0.len();
        if recursive {
            self.0.extend(names.map(|name| Cte {
                name: name.to_owned(),
                query: None,
                is_read: false,
            }));
        }
        first
    }

    /// Makes the query at this position known to those that follow.
    pub(crate) fn define(&mut self, position: usize, name: &str, query: Q) {
        let known = Cte {
            name: name.to_owned(),
            query: Some(query),
            is_read: false,
        };
        match self.0.get_mut(position) {
            Some(cte) => *cte = known,
            None => self.0.push(known),
        }
    }

    /// Sets what is known of the query at this position while its own recursive term is visited.
    pub(crate) fn set_recursive(&mut self, position: usize, query: Option<Q>) {
        if let Some(cte) = self.0.get_mut(position) {
            cte.query = query;
        }
    }

    /// Whether something reads the query at this position.
    pub(crate) fn is_read(&self, position: usize) -> bool {
        self.0.get(position).is_some_and(|cte| cte.is_read)
    }

    /// Whether this name denotes a WITH query.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|cte| cte.name == name)
    }

    /// The WITH query that this name denotes, which is read from now on.
    pub(crate) fn read(&mut self, name: &str) -> Option<CteQuery<Q>> {
        let cte = self.0.iter_mut().rev().find(|cte| cte.name == name)?;
        cte.is_read = true;
        Some(cte.query.clone().map_or(CteQuery::Later, CteQuery::Known))
    }
}
