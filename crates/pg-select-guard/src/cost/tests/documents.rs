//! JSON documents that operators rebuild.

use super::{check, too_large};

/// Nested arrays, doubled at each link.
fn doubled(links: usize) -> String {
    let nested = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let first = format!("SELECT '[{}]'::jsonb AS v", [nested.as_str(); 32].join(","));
    (0..links).fold(first, |inner, _| {
        format!("SELECT v || v AS v FROM ({inner} OFFSET 0) AS t")
    })
}

#[test]
fn a_concatenated_document_is_rebuilt() {
    too_large(&doubled(6), "at once");
    assert!(check(&doubled(3)).is_ok());
    // Expressions that hide that the value is a document.
    for document in [
        "(CASE WHEN g > 0 THEN v ELSE '[]' END)",
        "coalesce(v, '[]')",
        "(SELECT v)",
        "(ARRAY[v])[1]",
        "(v -> 0)",
    ] {
        let text = format!(
            "SELECT {document} || '[1]' FROM (SELECT ('[' || repeat('1,', 80000) || '1]')::jsonb AS v, 1 AS g OFFSET 0) AS t"
        );
        too_large(&text, "at once");
    }
}

/// Texts, numbers and arrays are copied, not rebuilt.
#[test]
fn a_concatenated_text_is_not_rebuilt() {
    for text in [
        "SELECT length(repeat('x', 3000000) || store_name) FROM retail.stores",
        "SELECT length('[' || repeat('1,', 1000000) || store_id || ']') FROM retail.stores",
        "SELECT length(CASE WHEN store_id > 1 THEN repeat('x', 3000000) ELSE '' END || ', ') FROM retail.stores",
        "SELECT length(v || v) FROM (SELECT repeat(store_name, 30000) AS v FROM retail.stores OFFSET 0) AS t",
        "SELECT cardinality(array_fill(1, ARRAY[200000]) || 2)",
        "SELECT array_fill(1, ARRAY[200000]) && ARRAY[1]",
    ] {
        assert!(check(text).is_ok(), "{text}");
    }
    for text in [
        "SELECT string_agg(store_name, ', ') || '.' FROM retail.stores",
        "SELECT coalesce(string_agg(store_name, ', '), '') || store_name FROM retail.stores GROUP BY store_name",
        "SELECT array_agg(store_id) || array_agg(store_id) FROM retail.stores",
        "SELECT cardinality(ARRAY(SELECT store_id FROM retail.stores) || 1)",
    ] {
        let query = check(text).expect(text);
        assert!(!query.sql().contains("collected("), "{}", query.sql());
    }
    let config = "SELECT config || '{\"a\": 1}'::jsonb FROM (SELECT jsonb_build_object('b', store_id) AS config FROM retail.stores) s";
    assert!(check(config).is_ok());
}
