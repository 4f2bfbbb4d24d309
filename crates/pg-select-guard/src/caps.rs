//! Caps on the number of parts of one statement: three to four times what people write.
//!
//! Statements above the caps need no cost rule of their own, and within the caps a cost rule that
//! is wrong by a factor does less harm. The caller limits the length of the text. A test compares
//! all caps with the corpus of business statements.

/// The maximum number of each part in one statement (`docs/decisions/0023-small-global-caps.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Caps {
    /// Tables, functions and sub-selects of all FROM clauses. PostgreSQL searches for a join order
    /// of them.
    pub(super) items: u64,
    /// Comparisons of columns with columns by `=` and `<>`; a comparison of rows counts once for
    /// each pair of values. PostgreSQL may join by each of them, and derives further ones from
    /// them.
    pub(super) equalities: u64,
    /// Columns of a select list, and so of a subquery; `*` counts as the columns that it expands
    /// to.
    pub(super) columns: u64,
    /// Columns of all items in one FROM clause, added up.
    pub(super) from_columns: u64,
}

impl Caps {
    /// The caps of production.
    pub(super) const STANDARD: Self = Self {
        items: 40,
        equalities: 24,
        columns: 128,
        from_columns: 128,
    };
}

impl Default for Caps {
    fn default() -> Self {
        Self::STANDARD
    }
}

#[cfg(test)]
mod tests {
    use super::Caps;
    use crate::check_within;

    const CORPUS: &str = include_str!("../../../tests/it/corpus/statements.sql");

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

    type Cap = fn(&mut Caps) -> &mut u64;

    #[test]
    fn the_caps_are_three_to_four_times_what_people_write() {
        let statements = statements();
        assert!(statements.len() >= 170, "{}", statements.len());
        let all_pass = |cap: Cap, most: u64| {
            let mut caps = Caps::STANDARD;
            *cap(&mut caps) = most;
            let mut checked = statements.iter().map(|sql| check_within(sql, caps));
            checked.all(|verdict| verdict.is_ok())
        };
        let caps: [(&str, Cap); 4] = [
            ("items", |caps| &mut caps.items),
            ("equalities", |caps| &mut caps.equalities),
            ("columns", |caps| &mut caps.columns),
            ("from_columns", |caps| &mut caps.from_columns),
        ];
        for (name, cap) in caps {
            let most = *cap(&mut Caps::STANDARD.clone());
            assert!(
                all_pass(cap, most / 3),
                "{name}: people write more than {}",
                most / 3
            );
            assert!(
                !all_pass(cap, most / 4 - 1),
                "{name}: nobody writes {}",
                most / 4
            );
        }
    }
}
