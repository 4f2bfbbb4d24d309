//! What a statement does, in a few words.
//!
//! Invariant: a summary consists of a command and of names of the schema; it holds nothing that a
//! client has written.

use super::StatementKind;

/// The longest summary, as the semantic conventions of OpenTelemetry recommend.
const MAX_BYTES: usize = 255;

/// Replaces the tables that do not fit.
const ELLIPSIS: &str = " …";

/// The command and the tables of a statement.
pub(super) fn summarize(kind: StatementKind, schema: &str, tables: &[String]) -> String {
    let mut summary = match kind {
        StatementKind::Rows => "SELECT",
        StatementKind::Plan => "EXPLAIN",
    }
    .to_owned();
    for table in tables {
        let added = 2 + schema.len() + table.len();
        if summary.len() + added + ELLIPSIS.len() > MAX_BYTES {
            summary.push_str(ELLIPSIS);
            break;
        }
        summary.extend([" ", schema, ".", table]);
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Guard, Limits, Schema};

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        let schema = Schema::parse(
            "shop",
            "orders: *order_id 8\ncustomers: *customer_id 8, name 64",
        )
        .expect("a schema");
        let checked = Guard::new(schema, Limits::STANDARD).check(sql).expect(sql);
        assert_eq!(checked.summary(), expected, "{sql}");
    }

    #[test]
    fn a_summary_names_the_command_and_each_table_once() {
        check("SELECT 1", "SELECT");
        check("TABLE orders", "SELECT shop.orders");
        check("EXPLAIN SELECT * FROM shop.orders", "EXPLAIN shop.orders");
        check(
            "SELECT * FROM orders WHERE order_id IN (SELECT customer_id FROM shop.customers) \
             UNION ALL SELECT * FROM orders",
            "SELECT shop.orders shop.customers",
        );
    }

    #[test]
    fn a_summary_holds_no_name_that_the_client_has_chosen() {
        check(
            "WITH \"4111 1111\" AS (SELECT name AS \"ann@example.com\" FROM customers AS secret \
             WHERE name = 'Ann') SELECT * FROM \"4111 1111\"",
            "SELECT shop.customers",
        );
        check(
            "WITH orders AS (SELECT name FROM customers) SELECT * FROM orders",
            "SELECT shop.customers",
        );
    }

    #[test]
    fn a_long_summary_is_cut_between_tables() {
        let tables: Vec<String> = (0..20).map(|n| format!("a_table_of_many_{n:02}")).collect();
        let summary = summarize(StatementKind::Rows, "shop", &tables);
        assert!(summary.len() <= MAX_BYTES, "{}", summary.len());
        assert!(summary.ends_with("a_table_of_many_09 …"), "{summary}");
    }
}
