use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

/// Invalid arguments are a tool error, which a model reads and corrects.
#[tokio::test]
async fn invalid_arguments_are_tool_errors_that_explain_the_fix() {
    let server = TestServer::shared();
    let (sql, search, related, schemas) = (
        "execute_sales_query",
        "semantic_search_products",
        "find_related_products",
        "get_multiple_table_schemas",
    );
    let cases = [
        (sql, json!({})),
        (sql, json!({"postgresql_query": 5})),
        (sql, json!({"postgresql_query": null})),
        (sql, json!({"postgresql_query": ["SELECT 1"]})),
        (sql, json!({"query": "SELECT 1", "toolCallId": "a"})),
        (sql, json!({"\u{1b}[2J": 1})),
        (sql, json!({"postgresql_query": ""})),
        (sql, json!({"postgresql_query": "SELECT '\u{0}'"})),
        (
            sql,
            json!({"postgresql_query": format!("SELECT 1{}", " ".repeat((8 << 10) - 7))}),
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT * FROM retail.order_itemz"}),
        ),
        (search, json!({})),
        (search, json!({"query_description": ""})),
        (search, json!({"query_description": " \n\t "})),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1}),
        ),
        (search, json!({"query_description": "paint", "max_rows": 0})),
        (
            search,
            json!({"query_description": "paint", "max_rows": "five"}),
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 1.5}),
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": "1.5"}),
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": true}),
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": [5]}),
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1e300}),
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "NaN"}),
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 19.9}),
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 80.1}),
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 1e300}),
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "high"}),
        ),
        (related, json!({})),
        (related, json!({"product": null})),
        (related, json!({"product": " \n "})),
        (related, json!({"product": "a\u{0}b"})),
        (related, json!({"product": "x".repeat(257)})),
        (related, json!({"product": 1.5})),
        (related, json!({"product": 1e300})),
        (related, json!({"product": true})),
        (related, json!({"product": ["HTHM000100", "HTHM000200"]})),
        (related, json!({"product": "no such product"})),
        (
            related,
            json!({"product": "HTHM000100", "relation": "complementary"}),
        ),
        (related, json!({"product": "HTHM000100", "relation": 1})),
        (
            related,
            json!({"product": "HTHM000100", "relation": ["similar", "both"]}),
        ),
        (related, json!({"product": "HTHM000100", "max_rows": 0})),
        (related, json!({"product": "HTHM000100", "max_rows": -5})),
        (related, json!({"product": "HTHM000100", "max_rows": 2.5})),
        (schemas, json!({})),
        (schemas, json!({"table_names": []})),
        (schemas, json!({"table_names": ["retail.stores", 5]})),
        (schemas, json!({"table_names": {"name": "retail.stores"}})),
        (
            schemas,
            json!({"table_names": ["public.orders", "retail.stores", "guard.tenant"]}),
        ),
        (
            schemas,
            json!({"table_names": ["retail.orders'; DROP TABLE x; --"]}),
        ),
    ];
    let mut texts = String::new();
    for (tool, arguments) in cases {
        let answer = server.call(SEATTLE, tool, arguments.clone()).await;
        assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
        let text = answer.structured["err"].as_str().unwrap_or(&answer.text);
        let arguments: String = arguments.to_string().chars().take(100).collect();
        texts += &format!("{tool} {arguments}\n    {text}\n\n");
    }
    insta::assert_snapshot!(texts);
}

#[tokio::test]
async fn statement_of_the_maximum_length_runs() {
    let server = TestServer::shared();
    let sql = format!("SELECT 7{}", " ".repeat((8 << 10) - 8));
    assert_eq!(server.number(SEATTLE, &sql).await, 7);
}

/// Each case: arguments as clients write them, and the canonical form with the same meaning.
#[tokio::test]
async fn equivalent_argument_spellings_are_accepted() {
    let server = TestServer::shared();
    let sql = "SELECT count(*) FROM retail.stores";
    let paint = |more: Value| {
        let mut arguments = json!({"query_description": "paint"});
        let members = arguments.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        ("semantic_search_products", arguments)
    };
    let query = |arguments: Value| ("execute_sales_query", arguments);
    let schemas = |names: Value| {
        (
            "get_multiple_table_schemas",
            json!({ "table_names": names }),
        )
    };
    let date = |arguments: Value| ("get_current_utc_date", arguments);
    let two = || paint(json!({"max_rows": 2}));
    let plain_query = || query(json!({ "postgresql_query": sql }));
    let two_rows = |max_rows: Value| {
        let sql = "SELECT store_name FROM retail.stores ORDER BY 1";
        query(json!({"postgresql_query": sql, "max_rows": max_rows}))
    };
    let orders = || schemas(json!(["retail.orders"]));
    let both = || schemas(json!(["retail.orders", "retail.stores"]));
    let cases = [
        (paint(json!({"max_rows": 2.0})), two()),
        (paint(json!({"max_rows": "2"})), two()),
        (paint(json!({"max_rows": " 2.0 "})), two()),
        (paint(json!({"maxRows": 2})), two()),
        (paint(json!({"max_rows": 2, "maxRows": 9})), two()),
        (
            paint(json!({"max_rows": 2, "toolCallId": "call_1", "limit": null})),
            two(),
        ),
        (
            paint(json!({"max_rows": null, "similarity_threshold": null})),
            paint(json!({})),
        ),
        (
            paint(json!({"max_rows": "", "similarity_threshold": ""})),
            paint(json!({})),
        ),
        (
            paint(json!({"similarity_threshold": "45"})),
            paint(json!({"similarity_threshold": 45})),
        ),
        (
            query(json!({"postgresql_query": sql, "toolCallId": "call_1"})),
            plain_query(),
        ),
        (query(json!({"postgresqlQuery": sql})), plain_query()),
        (
            query(json!({"postgresql_query": sql, "max_rows": null})),
            plain_query(),
        ),
        (two_rows(json!(2.0)), two_rows(json!(2))),
        (two_rows(json!("2")), two_rows(json!(2))),
        (
            query(json!({"postgresql_query": format!("\"{sql}\"")})),
            plain_query(),
        ),
        (schemas(json!("retail.orders")), orders()),
        (schemas(json!("orders")), orders()),
        (schemas(json!(["orders"])), orders()),
        (schemas(json!(["Retail.Orders"])), orders()),
        (schemas(json!(["zava.retail.orders"])), orders()),
        (schemas(json!(["\"retail\".\"orders\""])), orders()),
        (schemas(json!("[\"retail.orders\"]")), orders()),
        (schemas(json!("[\"orders\", \"retail.stores\"]")), both()),
        (schemas(json!("orders, retail.stores")), both()),
    ];
    for ((tool, given), (_, plain)) in cases {
        let expected = server.call(SEATTLE, tool, plain).await;
        assert!(!expected.is_error, "{}", expected.text);
        let answer = server.call(SEATTLE, tool, given.clone()).await;
        assert_eq!(answer.text, expected.text, "{given}");
    }
    let (tool, given) = date(json!({"toolCallId": "call_1", "zone": null}));
    let answer = server.call(SEATTLE, tool, given).await;
    assert!(!answer.is_error, "{}", answer.text);
}

#[tokio::test]
async fn search_max_rows_above_the_limit_is_clamped_with_a_message() {
    let server = TestServer::shared();
    for (max_rows, told) in [
        (
            json!(1_000_000_000),
            Some("max_rows is 1000000000; the maximum of 100 was used"),
        ),
        (
            json!(101),
            Some("max_rows is 101; the maximum of 100 was used"),
        ),
        (json!(1e300), Some("the maximum of 100 was used")),
        (json!(100), None),
    ] {
        for (description, threshold) in [("paint for the house", 20), ("zzz", 80)] {
            let arguments = json!({"query_description": description, "max_rows": max_rows, "similarity_threshold": threshold});
            let answer = server
                .call(SEATTLE, "semantic_search_products", arguments)
                .await;
            assert!(!answer.is_error, "{}", answer.text);
            assert!(answer.structured["n"].as_i64().expect("a count") <= 100);
            let message = answer.structured["msg"].as_str().unwrap_or_default();
            let says_so = message.contains("the maximum of");
            assert_eq!(says_so, told.is_some(), "{max_rows}: {message}");
            assert!(
                message.contains(told.unwrap_or_default()),
                "{max_rows}: {message}"
            );
        }
    }
}

/// If `arguments` is not an object, the message is not a valid `tools/call`.
#[tokio::test]
async fn non_object_arguments_are_a_protocol_error() {
    let server = TestServer::shared();
    let response = server
        .request(
            SEATTLE,
            "tools/call",
            json!({"name": "get_current_utc_date", "arguments": [1]}),
        )
        .await;
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], -32602, "{body}");
    assert!(
        body["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("arguments")),
        "{body}"
    );
}
