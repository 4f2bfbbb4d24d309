//! The schema that statements use, and the FROM clause of one.

use super::statement::{Block, Choice, Join};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Int,
    Num,
    Text,
    Date,
    Bool,
}
use ColumnType::{Bool, Date, Int, Num, Text};

type Columns = &'static [(&'static str, ColumnType)];

const TABLES: [(&str, Columns); 8] = [
    (
        "stores",
        &[("store_id", Int), ("store_name", Text), ("is_online", Bool)],
    ),
    (
        "customers",
        &[
            ("customer_id", Int),
            ("first_name", Text),
            ("last_name", Text),
            ("email", Text),
            ("phone", Text),
            ("primary_store_id", Int),
        ],
    ),
    (
        "categories",
        &[("category_id", Int), ("category_name", Text)],
    ),
    (
        "product_types",
        &[("type_id", Int), ("category_id", Int), ("type_name", Text)],
    ),
    (
        "products",
        &[
            ("product_id", Int),
            ("sku", Text),
            ("product_name", Text),
            ("category_id", Int),
            ("type_id", Int),
            ("cost", Num),
            ("base_price", Num),
            ("gross_margin_percent", Num),
        ],
    ),
    (
        "inventory",
        &[("store_id", Int), ("product_id", Int), ("stock_level", Int)],
    ),
    (
        "orders",
        &[
            ("order_id", Int),
            ("customer_id", Int),
            ("store_id", Int),
            ("order_date", Date),
        ],
    ),
    (
        "order_items",
        &[
            ("order_item_id", Int),
            ("order_id", Int),
            ("store_id", Int),
            ("product_id", Int),
            ("quantity", Int),
            ("unit_price", Num),
            ("discount_percent", Int),
            ("total_amount", Num),
        ],
    ),
];

/// Foreign keys: child table, its column, parent table, its column.
pub(super) const FOREIGN_KEYS: [(&str, &str, &str, &str); 11] = [
    ("orders", "customer_id", "customers", "customer_id"),
    ("orders", "store_id", "stores", "store_id"),
    ("order_items", "order_id", "orders", "order_id"),
    ("order_items", "product_id", "products", "product_id"),
    ("order_items", "store_id", "stores", "store_id"),
    ("inventory", "store_id", "stores", "store_id"),
    ("inventory", "product_id", "products", "product_id"),
    ("products", "category_id", "categories", "category_id"),
    ("products", "type_id", "product_types", "type_id"),
    ("product_types", "category_id", "categories", "category_id"),
    ("customers", "primary_store_id", "stores", "store_id"),
];

const JOINS: [&str; 4] = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"];

pub(super) fn pick<T>(choice: Choice, from: &[T]) -> &T {
    &from[usize::from(choice) % from.len()]
}

/// The tables that a block reads, and their columns.
pub(super) struct RangeTable {
    pub(super) from: String,
    pub(super) items: Vec<(String, &'static str)>,
}

pub(super) struct TypedColumn {
    pub(super) name: String,
    pub(super) kind: ColumnType,
}

impl RangeTable {
    pub(super) fn new(block: &Block) -> Self {
        let (table, _) = *pick(block.table, &TABLES);
        let mut range_table = Self {
            from: format!("retail.{table} AS t0"),
            items: vec![("t0".to_owned(), table)],
        };
        if let Some(join) = block.child {
            range_table.join(join, |key, table| {
                (key.2 == table).then_some((key.0, key.1, key.3))
            });
        }
        for join in &block.parents {
            range_table.join(*join, |key, table| {
                (key.0 == table).then_some((key.2, key.3, key.1))
            });
        }
        range_table
    }

    /// Joins a table along a foreign key from or to a table that is already there: its name, its
    /// column, the other table's column.
    fn join(
        &mut self,
        join: Join,
        match_key: impl Fn(
            &(&'static str, &'static str, &'static str, &'static str),
            &str,
        ) -> Option<(&'static str, &'static str, &'static str)>,
    ) {
        let candidates: Vec<_> = self
            .items
            .iter()
            .flat_map(|(alias, table)| {
                FOREIGN_KEYS
                    .iter()
                    .filter_map(|key| match_key(key, table))
                    .map(move |candidate| (alias.clone(), candidate))
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        let (alias, (table, column, other)) = pick(join.key, &candidates).clone();
        let new = format!("t{}", self.items.len());
        let kind = pick(join.kind, &JOINS);
        self.from +=
            &format!(" {kind} retail.{table} AS {new} ON {new}.{column} = {alias}.{other}");
        self.items.push((new, table));
    }

    pub(super) fn columns(&self) -> Vec<TypedColumn> {
        let of_item = |(alias, table): &(String, &str)| {
            let (_, columns) = TABLES
                .iter()
                .find(|(name, _)| name == table)
                .expect("a table of the list");
            columns
                .iter()
                .map(|(column, kind)| TypedColumn {
                    name: format!("{alias}.{column}"),
                    kind: *kind,
                })
                .collect::<Vec<_>>()
        };
        self.items.iter().flat_map(of_item).collect()
    }
}
