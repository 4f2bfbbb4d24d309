//! The guard (`pg_select_guard`) with the tables of this server.
//!
//! Knows which tables clients may read (`relations.txt`) and which of their columns hold names;
//! must not know how a statement is checked, or for whom.
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock};

pub use pg_select_guard::*;

/// The name of the database that models write in front of a schema: the default of `POSTGRES_DB`.
const DATABASE: &str = "zava";

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let schema = Schema::parse("retail", include_str!("relations.txt"));
    Arc::new(
        schema
            .expect("a test parses the file")
            .with_database(DATABASE)
            .with_description_hint("call get_multiple_table_schemas to see a table's columns")
            .with_search_hint(
                "or call semantic_search_products, which finds products by what their description means",
            ),
    )
});

/// The tables that a client may read.
#[must_use]
pub fn schema() -> &'static Schema {
    &SCHEMA
}

/// A guard that refuses texts of more than `max_bytes` bytes.
#[must_use]
pub fn with_max_bytes(max_bytes: NonZeroUsize) -> Guard {
    let limits = Limits {
        text_bytes: max_bytes.get(),
        ..Limits::STANDARD
    };
    Guard::new(Arc::clone(&SCHEMA), limits)
}

/// Checks one text of any length.
///
/// # Errors
/// [`Refusal`] names the construct, its line and column, and an allowed alternative.
pub fn check(text: &str) -> Result<CheckedQuery, Refusal> {
    with_max_bytes(NonZeroUsize::MAX).check(text)
}

/// A hint for an error that PostgreSQL reports for the statement `text`, as
/// [`Guard::hint_for_error`] gives it.
#[must_use]
pub fn hint_for_error(
    text: &str,
    sqlstate: &str,
    message: &str,
    byte: Option<usize>,
) -> Option<String> {
    with_max_bytes(NonZeroUsize::MAX).hint_for_error(text, sqlstate, message, byte)
}

/// Hints, and the names that statements compare with.
pub mod hints {
    pub use pg_select_guard::hints::*;

    /// A name that a statement compares with.
    pub type ComparedName = pg_select_guard::hints::ComparedName<NamedEntity>;

    /// A kind of thing that has a name.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum NamedEntity {
        /// A store.
        Store,
        /// A category of products.
        Category,
        /// A type of products within a category.
        ProductType,
    }

    impl NamedEntity {
        /// All kinds.
        pub const ALL: [Self; 3] = [Self::Store, Self::Category, Self::ProductType];

        /// The column that holds the names.
        #[must_use]
        pub fn column(self) -> &'static str {
            match self {
                Self::Store => "store_name",
                Self::Category => "category_name",
                Self::ProductType => "type_name",
            }
        }
    }

    /// The names of stores, categories and product types that a statement requires. At most 16,
    /// each once.
    #[must_use]
    pub fn compared_names(text: &str) -> Vec<ComparedName> {
        let columns = NamedEntity::ALL.map(|entity| (entity.column(), entity));
        pg_select_guard::hints::compared_names(text, &columns)
    }
}

#[cfg(test)]
mod tests {
    use super::{Guard, Limits, SCHEMA};

    const CORPUS: &str = include_str!("../../tests/it/corpus/statements.sql");

    /// A statement with more columns than any of the corpus that people still write: all columns of
    /// an order and of every table that it refers to.
    const WIDEST: &str = "SELECT * FROM retail.order_items i JOIN retail.orders o ON o.order_id = i.order_id \
        JOIN retail.customers c ON c.customer_id = o.customer_id JOIN retail.stores s ON s.store_id = o.store_id \
        JOIN retail.products p ON p.product_id = i.product_id JOIN retail.product_types t ON t.type_id = p.type_id \
        JOIN retail.categories g ON g.category_id = p.category_id";

    fn statements() -> Vec<&'static str> {
        let blocks = CORPUS.split("\n\n").filter(|block| block.contains(';'));
        let statements = blocks.filter_map(|block| block.trim().split_once('\n'));
        statements
            .map(|(_, sql)| sql.trim_end().trim_end_matches(';'))
            .chain([WIDEST])
            .collect()
    }

    type Limit = fn(&mut Limits) -> &mut u64;

    #[test]
    fn the_limits_are_three_to_four_times_what_people_write() {
        let statements = statements();
        assert!(statements.len() >= 170, "{}", statements.len());
        let all_pass = |limit: Limit, most: u64| {
            let mut limits = Limits::STANDARD;
            *limit(&mut limits) = most;
            let guard = Guard::new(SCHEMA.clone(), limits);
            let mut checked = statements.iter().map(|sql| guard.check(sql));
            checked.all(|verdict| verdict.is_ok())
        };
        let limits: [(&str, Limit); 4] = [
            ("items", |limits| &mut limits.items),
            ("equalities", |limits| &mut limits.equalities),
            ("columns", |limits| &mut limits.columns),
            ("from_columns", |limits| &mut limits.from_columns),
        ];
        for (name, limit) in limits {
            let most = *limit(&mut Limits::STANDARD.clone());
            assert!(
                all_pass(limit, most / 3),
                "{name}: people write more than {}",
                most / 3
            );
            assert!(
                !all_pass(limit, most / 4 - 1),
                "{name}: nobody writes {}",
                most / 4
            );
        }
    }
}
