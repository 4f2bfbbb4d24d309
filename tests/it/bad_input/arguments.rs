use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

/// Invalid arguments are a tool error, which a model reads and corrects.
#[tokio::test]
async fn invalid_arguments_are_tool_errors_that_explain_the_fix() {
    let server = TestServer::shared();
    let (sql, search, schemas) = (
        "execute_sales_query",
        "semantic_search_products",
        "get_multiple_table_schemas",
    );
    let cases = [
        (
            sql,
            json!({}),
            "postgresql_query is missing; for example {\"postgresql_query\": \"SELECT",
        ),
        (
            sql,
            json!({"postgresql_query": 5}),
            "postgresql_query is 5; it must be a string; for example",
        ),
        (
            sql,
            json!({"postgresql_query": null}),
            "postgresql_query is missing; for example",
        ),
        (
            sql,
            json!({"postgresql_query": ["SELECT 1"]}),
            "postgresql_query is an array; it must be a string",
        ),
        (
            sql,
            json!({"query": "SELECT 1", "toolCallId": "a"}),
            "postgresql_query is missing (received: query, toolCallId); for example",
        ),
        (
            sql,
            json!({"\u{1b}[2J": 1}),
            "postgresql_query is missing (received: \\u{1b}[2J); for example",
        ),
        (
            sql,
            json!({"postgresql_query": ""}),
            "contains no statement",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT '\u{0}'"}),
            "NUL byte",
        ),
        (
            sql,
            json!({"postgresql_query": format!("SELECT 1{}", " ".repeat((8 << 10) - 7))}),
            "8193 bytes long; at most 8192 bytes are allowed",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT * FROM retail.order_itemz"}),
            "table retail.order_itemz is not available",
        ),
        (search, json!({}), "query_description is missing"),
        (
            search,
            json!({"query_description": ""}),
            "has no words to search for",
        ),
        (
            search,
            json!({"query_description": " \n\t "}),
            "has no words to search for",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1}),
            "max_rows is -1; it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 0}),
            "max_rows is 0; it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": "five"}),
            "max_rows is the string \"five\"; it must be an integer; for example",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 1.5}),
            "max_rows is 1.5; it must be an integer",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": "1.5"}),
            "max_rows is the string \"1.5\"; it must be an integer",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": true}),
            "max_rows is true; it must be an integer",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": [5]}),
            "max_rows is an array; it must be an integer",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1e300}),
            "it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "NaN"}),
            "similarity_threshold is the string \"NaN\"; it must be a number",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 19.9}),
            "similarity_threshold is 19.9; it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 80.1}),
            "it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 1e300}),
            "it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "high"}),
            "similarity_threshold is the string \"high\"; it must be a number",
        ),
        (schemas, json!({}), "table_names is missing"),
        (
            schemas,
            json!({"table_names": []}),
            "table_names is empty; the tables are retail.customers",
        ),
        (
            schemas,
            json!({"table_names": ["retail.stores", 5]}),
            "table_names is an array; it must be an array of strings",
        ),
        (
            schemas,
            json!({"table_names": {"name": "retail.stores"}}),
            "table_names is an object; it must be an array of strings",
        ),
        (
            schemas,
            json!({"table_names": ["public.orders", "retail.stores", "guard.tenant"]}),
            "unknown tables: public.orders, guard.tenant; the tables are",
        ),
        (
            schemas,
            json!({"table_names": ["retail.orders'; DROP TABLE x; --"]}),
            "unknown tables: retail.orders'",
        ),
    ];
    for (tool, arguments, words) in cases {
        let answer = server.call(SEATTLE, tool, arguments.clone()).await;
        assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
        let text = answer.structured["err"].as_str().unwrap_or(&answer.text);
        assert!(text.contains(words), "{tool} {arguments}: {text}");
    }
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
