//! The tables that clients can query, and the meaning of columns whose names alone mislead.

/// A table that clients can query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name with its schema, as clients write it.
    pub name: &'static str,
    /// The questions that the table answers.
    pub(super) use_for: &'static str,
    /// The label of its list of valid values, if it has one.
    pub(super) values: Option<&'static str>,
    /// Facts that the columns' names alone would not tell, or would get wrong.
    pub(super) notes: &'static [&'static str],
}

/// All tables, in the order of the documentation.
pub const TABLES: &[Table] = &[
    Table {
        name: "retail.customers",
        use_for: "counting and segmenting customers; names, e-mail and phone are personal data",
        values: None,
        notes: &[
            "primary_store_id is where a customer buys most; some orders may be at other stores. A store sees its own customers \
             and everyone who ordered there",
        ],
    },
    Table {
        name: "retail.stores",
        use_for: "splitting results by store; is_online separates online from physical",
        values: Some("Store names"),
        notes: &[],
    },
    Table {
        name: "retail.categories",
        use_for: "top-level product groups",
        values: Some("Category names"),
        notes: &[],
    },
    Table {
        name: "retail.product_types",
        use_for: "product groups within a category",
        values: Some("Type names"),
        notes: &[],
    },
    Table {
        name: "retail.products",
        use_for: "product facts, cost, list price and margin",
        values: None,
        notes: &[
            "cost is the store's cost of one piece; base_price and gross_margin_percent are list values, not actual sales",
            "Revenue and realized margin come from retail.order_items",
        ],
    },
    Table {
        name: "retail.orders",
        use_for: "order counts and dates; amounts are in retail.order_items",
        values: Some("Available years"),
        notes: &["order_date has no time of day"],
    },
    Table {
        name: "retail.order_items",
        use_for: "revenue (sum of total_amount), units and discounts",
        values: None,
        notes: &[
            "Revenue = sum(total_amount): after discount. total_amount = quantity * unit_price - discount_amount",
            "unit_price is the price charged for one piece before discount; it differs from products.base_price",
            "Realized margin = sum(total_amount - quantity * products.cost); in percent, divide it by revenue",
        ],
    },
    Table {
        name: "retail.inventory",
        use_for: "stock on hand by store and product",
        values: None,
        notes: &["stock_level is the current stock, 0 when sold out; there is no history"],
    },
];
