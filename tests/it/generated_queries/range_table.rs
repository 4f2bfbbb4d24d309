//! The schema as statements see it, and what one of them reads.

use super::statement::{Block, Choice, Join};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Num,
    Text,
    Date,
    Bool,
}
use Kind::{Bool, Date, Int, Num, Text};

type Columns = &'static [(&'static str, Kind)];

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

/// Child, its column, parent, its column.
pub(super) const KEYS: [(&str, &str, &str, &str); 11] = [
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

/// What a block reads, and the columns it may name.
pub(super) struct Source {
    pub(super) from: String,
    pub(super) items: Vec<(String, &'static str)>,
}

pub(super) struct Named {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Source {
    pub(super) fn of(block: &Block) -> Self {
        let (table, _) = *pick(block.table, &TABLES);
        let mut source = Self {
            from: format!("retail.{table} AS t0"),
            items: vec![("t0".to_owned(), table)],
        };
        if let Some(join) = block.child {
            source.join(join, |key, table| {
                (key.2 == table).then_some((key.0, key.1, key.3))
            });
        }
        for join in &block.parents {
            source.join(*join, |key, table| {
                (key.0 == table).then_some((key.2, key.3, key.1))
            });
        }
        source
    }

    /// Joins a table that a key of one that is there already leads to: its name, its column, the other's column.
    fn join(
        &mut self,
        join: Join,
        leads: impl Fn(
            &(&'static str, &'static str, &'static str, &'static str),
            &str,
        ) -> Option<(&'static str, &'static str, &'static str)>,
    ) {
        let ways: Vec<_> = self
            .items
            .iter()
            .flat_map(|(alias, table)| {
                KEYS.iter()
                    .filter_map(|key| leads(key, table))
                    .map(move |way| (alias.clone(), way))
            })
            .collect();
        if ways.is_empty() {
            return;
        }
        let (alias, (table, column, other)) = pick(join.key, &ways).clone();
        let new = format!("t{}", self.items.len());
        let kind = pick(join.kind, &JOINS);
        self.from +=
            &format!(" {kind} retail.{table} AS {new} ON {new}.{column} = {alias}.{other}");
        self.items.push((new, table));
    }

    pub(super) fn columns(&self) -> Vec<Named> {
        let of_item = |(alias, table): &(String, &str)| {
            let (_, columns) = TABLES
                .iter()
                .find(|(name, _)| name == table)
                .expect("a table of the list");
            columns
                .iter()
                .map(|(column, kind)| Named {
                    name: format!("{alias}.{column}"),
                    kind: *kind,
                })
                .collect::<Vec<_>>()
        };
        self.items.iter().flat_map(of_item).collect()
    }
}
