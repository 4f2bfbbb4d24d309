use crate::mcp;

/// Numbers of connections at which every statement is measured.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 16];

/// A statement that is measured as a tool call, and its budget.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    /// The stores that call in rotation: one store gets four of the ten database connections. If a
    /// store's rows matter, all call as the store that pgbench reads.
    pub(crate) stores: &'static [&'static str],
    /// Budget in requests per second for each of [`CONNECTIONS`]; empty if there is none.
    pub(crate) rates: [&'static str; 2],
    /// Budget as a share of pgbench's rate for the same transaction in the same pipeline, likewise.
    pub(crate) shares: [&'static str; 2],
}

/// The smallest query: what remains is the server, the tenant's signed context and the round trip.
pub(crate) static SELECT_ONE: Workload = Workload {
    name: "`SELECT 1`",
    sql: "SELECT 1",
    stores: &mcp::STORES,
    rates: ["≥ 5,000/s (p50 ≤ 0.2 ms)", "≥ 15,000/s"],
    shares: ["≥ 60 %", ""],
};

/// Roll-ups that give the database some work, and a result of the default maximum length.
pub(crate) static LARGE_WORKLOADS: [&Workload; 4] = [
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

/// A store's week in June 2024, which every scale of the sample data includes.
pub(crate) static WEEK_OF_SALES: Workload = Workload {
    name: "roll-up of a week's sales over three tables",
    sql: include_str!("week_of_sales.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 95 %", "≥ 95 %"],
};

/// The same week over four tables.
static SALES_BY_CATEGORY: Workload = Workload {
    name: "roll-up of a week's sales over four tables",
    sql: include_str!("sales_by_category.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 95 %", "≥ 95 %"],
};

/// The default maximum number of rows.
pub(crate) static ROWS_1_000: Workload = Workload {
    name: "1,000 rows",
    sql: include_str!("rows_1000.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["≥ 80 %", ""],
};

/// The highest configurable number of rows.
pub(crate) static ROWS_10_000: Workload = Workload {
    name: "10,000 rows",
    sql: include_str!("rows_10000.sql"),
    stores: &[mcp::SEATTLE],
    rates: ["", ""],
    shares: ["", ""],
};
