//! Full-text search: texts that are parsed, and queries that are combined.

use super::{check, refused, too_large, unchanged};

/// Between vectors, `<->` is a distance.
#[test]
fn a_vector_distance_is_a_number() {
    let one = "(SELECT description_embedding FROM retail.product_description_embeddings WHERE product_id = 1)";
    for distance in [
        format!("a.description_embedding <-> {one}"),
        format!("{one} <-> a.description_embedding"),
        "a.description_embedding <-> '[1,2,3]'".to_owned(),
        "'[1,2,3]'::vector <-> description_embedding".to_owned(),
    ] {
        for text in [
            format!(
                "SELECT a.product_id FROM retail.product_description_embeddings a ORDER BY {distance} LIMIT 3"
            ),
            format!(
                "SELECT a.model, min({distance}) FROM retail.product_description_embeddings a GROUP BY 1 ORDER BY 2"
            ),
        ] {
            if let Err(refusal) = check(&text) {
                panic!("{text}\n  {refusal}");
            }
        }
    }
}

/// Combining the words of a query takes time that grows with their square.
#[test]
fn the_text_of_a_tsquery_is_limited() {
    let long = "repeat('a|', 300000) || 'a'";
    for text in [
        format!("SELECT ({long})::tsquery IS NULL"),
        format!("SELECT ARRAY[{long}]::tsquery[] IS NULL"),
        format!("SELECT ('{{' || {long} || '}}')::tsquery[] IS NULL"),
        format!("SELECT to_tsquery({long}) IS NULL"),
        format!("SELECT 'a' @@ ({long})"),
        "SELECT repeat('a|', 2500)::tsquery IS NULL".to_owned(),
    ] {
        too_large(&text, "would process values");
    }
}

/// On the left of `@@`, a text is parsed as by `to_tsvector`.
#[test]
fn a_text_left_of_the_match_operator_is_parsed() {
    for sought in ["'b'", "'b $'", "to_tsquery('b')", "lower('b')"] {
        too_large(
            &format!("SELECT repeat('b ', 5900000) @@ {sought} AS x"),
            "could",
        );
        assert!(check(&format!("SELECT repeat('b ', 300000) @@ {sought} AS x")).is_ok());
    }
    let several = ["repeat('b ', 300000) @@ 'b'"; 2].join(" AND ");
    too_large(&format!("SELECT {several}"), "at once");
    assert!(check("SELECT to_tsvector(repeat('b ', 50000)) @@ 'b'::tsquery").is_ok());
}

#[test]
fn a_combined_tsquery_is_rebuilt() {
    for operator in ["&&", "||", "<->"] {
        let first = format!("SELECT '{}a'::tsquery AS v", "a&".repeat(600));
        let links = (0..6).fold(first, |inner, _| {
            format!("SELECT v {operator} v AS v FROM ({inner} OFFSET 0) AS t")
        });
        too_large(&links, "could");
    }
    let negated = format!(
        "SELECT {}",
        vec!["!! (repeat('a&', 1500) || 'a')::tsquery"; 40].join(", ")
    );
    too_large(&negated, "at once");
}

#[test]
fn ordinary_searches_are_unchanged() {
    for text in [
        "SELECT to_tsquery('drill'), 'a & b'::tsquery, websearch_to_tsquery('cordless -drill')",
        "SELECT product_name FROM retail.products WHERE product_description @@ 'drill'",
        "SELECT product_name FROM retail.products WHERE to_tsvector('english', product_name || ' ' || product_description) @@ plainto_tsquery('english', 'cordless drill')",
        "SELECT product_name FROM retail.products WHERE to_tsvector(product_description) @@ (to_tsquery('drill') && (!! to_tsquery('cordless')) || to_tsquery('saw') <-> to_tsquery('blade'))",
        "SELECT p.product_name FROM retail.products p JOIN retail.categories c ON to_tsvector(p.product_description) @@ plainto_tsquery(c.category_name)",
        "SELECT p.product_name FROM retail.products p JOIN retail.products q ON to_tsvector(p.product_description) @@ plainto_tsquery(q.product_description)",
        "SELECT ts_rank(to_tsvector(product_description), q) FROM retail.products, to_tsquery('drill | saw') q WHERE to_tsvector(product_description) @@ q ORDER BY 1 DESC LIMIT 5",
    ] {
        unchanged(text);
    }
    refused("SELECT 'a' @@ ANY (ARRAY['a'::tsquery])", "@@");
}
