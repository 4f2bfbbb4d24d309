use crate::mcp;

/// The numbers of connections at which every statement is measured.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 16];

/// A statement that is measured as a tool call, and what the design asks of it.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    /// Who asks, by turns: one store's statements get four of the ten connections to the database. Where a store's rows
    /// matter, all ask for the one that pgbench asks for.
    pub(crate) stores: &'static [&'static str],
    /// Requests per second, for each of [`CONNECTIONS`]; empty where the design asks nothing.
    pub(crate) rates: [&'static str; 2],
    /// The part of pgbench's rate for the same transaction in the same pipeline, likewise.
    pub(crate) shares: [&'static str; 2],
}

/// The smallest query: what is left is the server, the tenant's proof and the round trip.
pub(crate) static SELECT_ONE: Workload = Workload {
    name: "`SELECT 1`",
    sql: "SELECT 1",
    stores: &mcp::STORES,
    rates: ["≥ 5,000/s (p50 ≤ 0.2 ms)", "≥ 15,000/s"],
    shares: ["≥ 60 %", ""],
};

/// Roll-ups, where the database has some work, and a result as long as the default ceiling allows.
pub(crate) static LARGER: [&Workload; 4] = [
    &CATEGORY_ROLL_UP,
    &WEEK_OF_SALES,
    &SALES_BY_CATEGORY,
    &ROWS_1_000,
];

static CATEGORY_ROLL_UP: Workload = Workload {
    name: "roll-up of products by category",
    sql: include_str!("category_roll_up.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 95 %", "≥ 95 %"],
};

/// A store's week in June 2024, which the sample data of every scale has.
static WEEK_OF_SALES: Workload = Workload {
    name: "roll-up of a week's sales over three tables",
    sql: include_str!("week_of_sales.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 95 %", "≥ 95 %"],
};

/// The same week over one table more.
static SALES_BY_CATEGORY: Workload = Workload {
    name: "roll-up of a week's sales over four tables",
    sql: include_str!("sales_by_category.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 95 %", "≥ 95 %"],
};

/// As many rows as the server gives at most by default.
pub(crate) static ROWS_1_000: Workload = Workload {
    name: "1,000 rows",
    sql: include_str!("rows_1000.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 80 %", ""],
};

/// As many rows as the server can be set to give.
pub(crate) static ROWS_10_000: Workload = Workload {
    name: "10,000 rows",
    sql: include_str!("rows_10000.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["", ""],
};
