use serde_json::{Value, json};

use super::{call, related};
use crate::support::{SEATTLE, TestServer};

#[tokio::test]
async fn a_product_is_named_by_sku_id_or_name_in_any_case() {
    let server = TestServer::shared();
    let expected = related(&server, SEATTLE, json!({"product": "HTHM000100"})).await;
    assert!(expected.structured["n"].as_i64() > Some(9));
    for product in [
        json!("hthm000100"),
        json!(" HtHm000100\n"),
        json!("\"HTHM000100\""),
        json!("1"),
        json!(1),
        json!(1.0),
        json!("Claw Hammer 16 oz Fiberglass Handle"),
        json!("CLAW hammer 16 OZ fiberglass handle"),
    ] {
        let answer = related(&server, SEATTLE, json!({ "product": product })).await;
        assert_eq!(answer.text, expected.text, "{product}");
    }
}

#[tokio::test]
async fn an_unknown_product_is_an_error_that_says_how_to_find_it() {
    let server = TestServer::shared();
    let how = "find it with execute_sales_query, for example \
        SELECT sku, product_name FROM retail.products WHERE product_name ILIKE '%paint%', or with semantic_search_products";
    let shown_digits = "9".repeat(80);
    for (product, expected) in [
        ("HTHM0001", String::new()),
        ("01", String::new()),
        ("-1", String::new()),
        ("99999999999999999999", String::new()),
        ("' OR true --", String::new()),
        ("%", String::new()),
        (
            "hammer, CLAW 16",
            "did you mean 'Claw Hammer 16 oz Fiberglass Handle' (SKU HTHM000100, product_id 1)? \
             Otherwise "
                .to_owned(),
        ),
        (&"9".repeat(81), String::new()),
    ] {
        let answer = call(&server, SEATTLE, json!({ "product": product })).await;
        let shown = match product.len() {
            81 => format!("{shown_digits}…"),
            _ => product.to_owned(),
        };
        assert_eq!(
            answer.error(),
            format!("no product has the SKU, product_id or name '{shown}'; {expected}{how}")
        );
    }
    // At most three, the shortest names first.
    let answer = call(&server, SEATTLE, json!({"product": "saw"})).await;
    assert_eq!(answer.error().matches("(SKU ").count(), 3);
    // The example runs.
    let (_, example) = answer.error().split_once("for example ").expect("one");
    let (example, _) = example.split_once(", or with").expect("its end");
    assert!(!server.rows(SEATTLE, example).await.is_empty());
}

/// Whatever a text means, no product is chosen when it means another as well.
#[tokio::test]
async fn an_ambiguous_product_is_an_error_that_lists_the_products() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    sqlx::raw_sql(
        "UPDATE retail.products SET product_name = 'Same Name' WHERE product_id = 3; \
         UPDATE retail.products SET product_name = 'SAME NAME' WHERE product_id = 4; \
         UPDATE retail.products SET sku = '8' WHERE product_id = 9; \
         UPDATE retail.products SET sku = 'hthm000100' WHERE product_id = 10; \
         UPDATE retail.products SET product_name = 'Many' WHERE product_id BETWEEN 21 AND 40",
    )
    .execute(&mut db)
    .await
    .expect("the products change");
    for (product, expected) in [
        (
            json!("same name"),
            &[
                "'same name' means several products: 'Same Name' (SKU HTHM000300, product_id 3), \
                 'SAME NAME' (SKU HTHM000400, product_id 4); \
                 send a SKU, product_id or name that only one of them has",
            ][..],
        ),
        (json!(8), &["(SKU 8, product_id 9)", "product_id 8)"]),
        (
            json!("HTHM000100"),
            &[
                "(SKU HTHM000100, product_id 1)",
                "(SKU hthm000100, product_id 10)",
            ],
        ),
        (json!("many"), &["product_id 21)", "product_id 26)"]),
    ] {
        let answer = call(&server, SEATTLE, json!({ "product": product })).await;
        for words in expected {
            assert!(answer.error().contains(words), "{}", answer.text);
        }
        assert!(!answer.text.contains("product_id 27"), "{}", answer.text);
    }
    // Each has another name that only it has.
    for product in [json!("HTHM000300"), json!(4), json!(9), json!(1), json!(10)] {
        let answer = related(&server, SEATTLE, json!({ "product": product })).await;
        assert!(answer.structured["n"].as_i64() > Some(0), "{product}");
    }
}

/// Of what is sent back, nothing can steer a terminal.
#[tokio::test]
async fn names_in_errors_are_safe_to_display() {
    let server = TestServer::shared();
    let answer = call(&server, SEATTLE, json!({"product": "a\u{1b}[2Jb"})).await;
    let error = answer.structured["err"].clone();
    assert!(
        error
            .as_str()
            .is_some_and(|text| text.contains(r"'a\u{1b}[2Jb'"))
    );
    assert_ne!(error, Value::Null);
}
