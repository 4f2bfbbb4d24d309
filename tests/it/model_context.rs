//! What tells a model how to read its data: whose rows it sees, what amounts mean, how many rows
//! there are.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, STORES, TestServer, number};

const TABLES: [&str; 8] = [
    "retail.customers",
    "retail.stores",
    "retail.categories",
    "retail.product_types",
    "retail.products",
    "retail.orders",
    "retail.order_items",
    "retail.inventory",
];

async fn schemas(server: &TestServer, tenant: &str) -> String {
    let arguments = json!({"table_names": TABLES});
    let answer = server.call(tenant, "get_multiple_table_schemas", arguments);
    let answer = answer.await;
    assert!(!answer.is_error, "{}", answer.text);
    answer.text
}

/// The text after `name` in a table's block of the schema.
fn schema_line<'a>(text: &'a str, table: &str, name: &str) -> &'a str {
    let block = text
        .split("# Table: ")
        .find(|block| block.starts_with(table));
    let line = block
        .expect("the block")
        .lines()
        .find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name} of {table} in {text}"))
        .trim()
}

#[tokio::test]
async fn every_result_names_its_scope() {
    let server = TestServer::shared();
    for (tenant, scope) in [
        (SEATTLE, "Zava Retail Seattle only"),
        (REDMOND, "Zava Retail Redmond only"),
        (HEAD_OFFICE, "all 8 stores"),
    ] {
        for (tool, arguments) in [
            (
                "execute_sales_query",
                json!({"postgresql_query": "SELECT avg(total_amount) FROM retail.order_items"}),
            ),
            (
                "execute_sales_query",
                json!({"postgresql_query": "SELECT 1 FROM retail.orders WHERE false"}),
            ),
            (
                "execute_sales_query",
                json!({"postgresql_query": "SELECT order_id FROM retail.orders", "max_rows": 1}),
            ),
            (
                "semantic_search_products",
                json!({"query_description": "paint for the fence"}),
            ),
            (
                "semantic_search_products",
                json!({"query_description": "zzz", "similarity_threshold": 80}),
            ),
            ("find_related_products", json!({"product": 1})),
        ] {
            let answer = server.call(tenant, tool, arguments.clone()).await;
            assert_eq!(answer.structured["scope"], scope, "{tenant} {arguments}");
        }
        let failed = server.query(tenant, "SELECT nonsense").await;
        assert_eq!(failed.structured["scope"], Value::Null);
    }
}

/// In both protocol versions, and never cached for another caller.
#[tokio::test]
async fn instructions_name_the_callers_scope() {
    let server = TestServer::shared();
    let init = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let meta = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}
    }});
    let ask = async |tenant: &str, method: &str, params: &Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = server.post().header("x-rls-user-id", tenant).json(&body);
        if method == "server/discover" {
            request = request
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", method);
        }
        let response = request.send().await.expect("an answer");
        response.json::<Value>().await.expect("JSON")["result"].take()
    };
    for (tenant, scope) in [
        (
            SEATTLE,
            "You see the rows of Zava Retail Seattle only: totals and averages are this store's",
        ),
        (
            REDMOND,
            "You see the rows of Zava Retail Redmond only: totals and averages are this store's",
        ),
        (HEAD_OFFICE, "You see the rows of all 8 stores."),
    ] {
        for (method, params) in [("initialize", &init), ("server/discover", &meta)] {
            let result = ask(tenant, method, params).await;
            let text = result["instructions"].as_str().expect("instructions");
            assert!(text.contains(scope), "{method}: {text}");
            if method == "server/discover" {
                assert_eq!(result["cacheScope"], "private", "{result}");
            }
        }
    }
}

/// A blocked scope lookup does not delay `initialize`.
#[tokio::test]
async fn initialize_succeeds_when_the_scope_lookup_is_blocked() {
    let server = TestServer::start().await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    let mut db = server.database().superuser().await;
    // The tenant is cached; reading the list of stores is blocked.
    sqlx::raw_sql("BEGIN; LOCK TABLE retail.stores IN ACCESS EXCLUSIVE MODE")
        .execute(&mut db)
        .await
        .expect("the lock");
    let init = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let response = server.request(REDMOND, "initialize", init).await;
    let body: Value = response.json().await.expect("JSON");
    let text = body["result"]["instructions"]
        .as_str()
        .expect("instructions");
    assert!(text.contains("`scope` in each result says whose"), "{text}");
}

#[tokio::test]
async fn schemas_mark_the_callers_store() {
    let server = TestServer::shared();
    let own = schemas(&server, REDMOND).await;
    assert!(
        own.contains("\n\n# Scope: Zava Retail Redmond only\n\nCustomers, orders, order items and stock are this store's;"),
        "{own}"
    );
    let id = server
        .number(
            REDMOND,
            "SELECT store_id FROM retail.stores WHERE store_name LIKE '%Redmond'",
        )
        .await;
    assert_eq!(
        schema_line(&own, "retail.stores", "**Your store:**"),
        format!("Zava Retail Redmond (store_id {id})")
    );
    let all = schemas(&server, HEAD_OFFICE).await;
    assert!(all.contains("\n\n# Scope: all 8 stores\n\n"), "{all}");
    assert!(!all.contains("Your store"), "{all}");
}

/// Row counts and dates come from the caller's rows: neither from planner statistics nor from
/// another tenant's cached values.
#[tokio::test]
async fn row_counts_and_dates_come_from_the_callers_rows() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    // Head office first, so that its numbers are cached.
    let all = schemas(&server, HEAD_OFFICE).await;
    let mut seen = Vec::new();
    for tenant in [REDMOND, SEATTLE, STORES[3]] {
        let expected = sqlx::query(include_str!("tenancy/visible_to_store.sql"))
            .bind(uuid::Uuid::parse_str(tenant).expect("a UUID"))
            .fetch_one(&mut db)
            .await
            .expect("the superuser's count");
        let text = schemas(&server, tenant).await;
        for table in ["orders", "order_items", "inventory", "customers"] {
            let rows = schema_line(&text, &format!("retail.{table}"), "**Rows you see:**");
            let rows = rows.trim_start_matches("about ").replace(',', "");
            let (rows, expected) = (
                rows.parse::<i64>().expect("a number"),
                expected.get::<i64, _>(table),
            );
            assert!(
                (rows - expected).abs() * 20 <= expected,
                "{table} of {tenant}: {rows}, not {expected}"
            );
            assert_eq!(expected < 100, rows == expected, "exact below a hundred");
        }
        let dates = schema_line(&text, "retail.orders", "**Order dates you see:**").to_owned();
        let own = server
            .rows(tenant, "SELECT min(order_date)::text || ' to ' || max(order_date)::text FROM retail.orders")
            .await;
        assert_eq!(json!([dates]), own[0], "{tenant}");
        seen.push(text);
    }
    assert_ne!(seen[0], all);
    // A tenant without rows learns nothing about the others'.
    let count = number(&mut db, "SELECT count(*) FROM retail.orders").await;
    assert!(count > 1_000, "{count}");
    let emptied = "DELETE FROM retail.order_items WHERE store_id = 7; DELETE FROM retail.orders WHERE store_id = 7";
    sqlx::raw_sql(AssertSqlSafe(emptied.to_owned()))
        .execute(&mut db)
        .await
        .expect("the rows go");
    let kirkland = "9c8b7a65-4321-fed0-9876-543210fedcba";
    let text = schemas(&server, kirkland).await;
    assert_eq!(
        schema_line(&text, "retail.orders", "**Rows you see:**"),
        "0"
    );
    assert_eq!(
        schema_line(&text, "retail.order_items", "**Rows you see:**"),
        "0"
    );
    assert!(!text.contains("Order dates you see"), "{text}");
}

/// Definitions of amounts are in the block of the table that holds the columns.
#[tokio::test]
async fn schemas_define_amount_columns() {
    let server = TestServer::shared();
    let text = schemas(&server, SEATTLE).await;
    for (table, words) in [
        (
            "retail.order_items",
            "Revenue = sum(total_amount): after discount",
        ),
        (
            "retail.order_items",
            "total_amount = quantity * unit_price - discount_amount",
        ),
        (
            "retail.order_items",
            "Realized margin = sum(total_amount - quantity * products.cost)",
        ),
        (
            "retail.products",
            "base_price and gross_margin_percent are list values",
        ),
        ("retail.inventory", "0 when sold out"),
        ("retail.customers", "some orders may be at other stores"),
    ] {
        let block = text
            .split("# Table: ")
            .find(|block| block.starts_with(table));
        assert!(
            block.expect(table).contains(words),
            "{table}: {words}\n{text}"
        );
    }
    assert!(
        text.contains("numeric values (amounts, averages) are strings such as \"12.50\""),
        "{text}"
    );
    // The definition must hold for the data.
    let wrong = "SELECT count(*) FROM retail.order_items WHERE total_amount <> quantity * unit_price - discount_amount";
    assert_eq!(server.number(SEATTLE, wrong).await, 0);
}

/// Typical demonstration questions have an answer in the sample data.
#[tokio::test]
async fn demonstration_questions_have_answers() {
    let server = TestServer::shared();
    for (question, sql) in [
        (
            "which products are sold out?",
            "SELECT count(*) > 3 FROM retail.inventory WHERE stock_level = 0",
        ),
        (
            "which customers buy at two stores?",
            "SELECT count(*) > 3 FROM (SELECT customer_id FROM retail.orders GROUP BY 1 HAVING count(DISTINCT store_id) = 2) AS c",
        ),
        (
            "what is bought together?",
            "SELECT max(n) > 3 FROM (SELECT count(*) AS n FROM retail.order_items a JOIN retail.order_items b USING (order_id) WHERE a.product_id < b.product_id GROUP BY a.product_id, b.product_id) AS p",
        ),
        (
            "is Saturday busier than Tuesday?",
            "SELECT count(*) FILTER (WHERE extract(isodow FROM order_date) = 6) > 1.3 * count(*) FILTER (WHERE extract(isodow FROM order_date) = 2) FROM retail.orders JOIN retail.stores USING (store_id) WHERE NOT is_online",
        ),
        (
            "which category earns most of its price?",
            "SELECT max(m) - min(m) > 10 FROM (SELECT avg(gross_margin_percent) AS m FROM retail.products GROUP BY category_id) AS c",
        ),
        (
            "how long does the stock last?",
            "SELECT sum(stock_level) * 365.0 / (SELECT sum(quantity) FROM retail.order_items JOIN retail.orders USING (order_id) WHERE order_date > date '2025-11-23') BETWEEN 30 AND 1500 FROM retail.inventory",
        ),
        (
            "who registered and never bought?",
            "SELECT count(*) < 50 FROM retail.customers c WHERE NOT EXISTS (SELECT 1 FROM retail.orders o WHERE o.customer_id = c.customer_id)",
        ),
    ] {
        let rows = server.rows(HEAD_OFFICE, sql).await;
        assert_eq!(rows, [json!([true])], "{question}");
    }
}

#[tokio::test]
async fn schemas_show_foreign_keys_to_the_least_privileged_role() {
    let server = TestServer::shared();
    let answer = server
        .call(
            REDMOND,
            "get_multiple_table_schemas",
            json!({"table_names": ["retail.order_items"]}),
        )
        .await;
    for key in ["order_id", "store_id", "product_id"] {
        let table = format!("{}s", key.trim_end_matches("_id"));
        assert!(
            answer
                .text
                .contains(&format!("- `{key}` → `retail.{table}.{key}` (MANY_TO_ONE)")),
            "{}",
            answer.text
        );
    }
    assert!(!answer.text.contains("rls_user_id"));
}

#[tokio::test]
async fn cached_schema_details_are_not_shared_between_tenants() {
    let server = TestServer::start().await;
    let rejected = server.request("11111111-2222-3333-4444-555555555555", "tools/call", json!({"name": "get_multiple_table_schemas", "arguments": {"table_names": ["retail.orders"]}})).await;
    assert_eq!(rejected.status(), 403);
    let mut db = server.database().superuser().await;
    // A store whose orders are all in one year lists only that year.
    sqlx::raw_sql("UPDATE retail.orders SET order_date = '2021-05-05' WHERE store_id = (SELECT store_id FROM retail.stores WHERE store_name LIKE '%Redmond')")
        .execute(&mut db)
        .await
        .expect("the orders change");
    let years = async |tenant| {
        let answer = server
            .call(
                tenant,
                "get_multiple_table_schemas",
                json!({"table_names": ["retail.orders"]}),
            )
            .await;
        answer
            .text
            .lines()
            .find(|line| line.starts_with("**Available years:**"))
            .expect("the years")
            .to_owned()
    };
    assert_eq!(
        years(SEATTLE).await,
        "**Available years:** 2020, 2021, 2022, 2023, 2024, 2025, 2026"
    );
    assert_eq!(years(REDMOND).await, "**Available years:** 2021");
    assert_eq!(
        years(SEATTLE).await,
        "**Available years:** 2020, 2021, 2022, 2023, 2024, 2025, 2026"
    );
}
