//! The tables that clients may ask about, and what their columns mean where a name alone misleads.

/// A table that clients may ask about, in the order of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// With its schema, as a client names it.
    pub name: &'static str,
    /// What to ask it for.
    pub(super) use_for: &'static str,
    /// What its valid values are called, if it has any.
    pub(super) values: Option<&'static str>,
    /// What a reader would get wrong from the columns' names alone.
    pub(super) notes: &'static [&'static str],
}

/// All of them.
pub const TABLES: &[Table] = &[
    Table {
        name: "retail.customers",
        use_for: "counting and segmenting customers; names, e-mail and phone are personal data",
        values: None,
        notes: &[
            "primary_store_id is where a customer buys mostly; some of the orders may be at another store. A store sees its own \
             customers and whoever ordered at it",
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
            "cost is what one piece costs the store; base_price and gross_margin_percent are list values, not what was earned",
            "Revenue and realised margin come from retail.order_items",
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
            "unit_price is what was charged for one before discount; it differs from products.base_price",
            "Realised margin = sum(total_amount - quantity * products.cost); in percent, divide it by revenue",
        ],
    },
    Table {
        name: "retail.inventory",
        use_for: "stock on hand by store and product",
        values: None,
        notes: &["stock_level is the present stock, 0 when sold out; there is no history of it"],
    },
];
