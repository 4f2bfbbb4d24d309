//! How good the ranking of product search is, by the judged searches of `benches/relevance`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{SEATTLE, TestServer};

#[path = "../../benches/relevance/judged.rs"]
mod judged;

use judged::{Half, JudgedSearch, Product, Quality};

/// The parts of a search, and their thresholds.
const METHODS: [(&str, f64); 3] = [("keyword", 30.0), ("semantic", 20.0), ("hybrid", 30.0)];

async fn products(server: &TestServer) -> Vec<Product> {
    let sql = "SELECT p.sku, t.type_name, c.category_name FROM retail.products AS p \
         JOIN retail.product_types AS t USING (type_id) \
         JOIN retail.categories AS c ON c.category_id = p.category_id";
    let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
    let answer = server.call(SEATTLE, "execute_sales_query", arguments).await;
    let rows = answer.structured["r"].as_array().expect("rows").clone();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    rows.iter()
        .map(|row| Product {
            sku: text(&row[0]),
            type_name: text(&row[1]),
            category_name: text(&row[2]),
        })
        .collect()
}

async fn ranking(server: &TestServer, text: &str, mode: &str, threshold: f64) -> Vec<String> {
    let arguments =
        json!({"query_description": text, "mode": mode, "similarity_threshold": threshold});
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{text}: {}", answer.text);
    let rows = answer.structured["r"].as_array().expect("rows").clone();
    let sku = |row: &serde_json::Value| row[1].as_str().expect("a SKU").to_owned();
    rows.iter().map(sku).collect()
}

async fn measure(
    server: &TestServer,
    half: Half,
) -> Vec<(&'static str, BTreeMap<String, Quality>)> {
    let searches = JudgedSearch::read(half, &products(server).await);
    let mut measured = Vec::new();
    for (mode, threshold) in METHODS {
        let mut qualities = Vec::new();
        for search in &searches {
            let ranking = ranking(server, &search.text, mode, threshold).await;
            qualities.push((search.kind.clone(), search.quality(&ranking)));
        }
        measured.push((mode, Quality::by_kind(qualities)));
    }
    measured
}

#[tokio::test]
async fn hybrid_search_ranks_as_well_as_documented() {
    let server = TestServer::shared();
    for half in [Half::Tune, Half::Report] {
        let measured = measure(&server, half).await;
        for (mode, by_kind) in &measured {
            for (kind, quality) in by_kind {
                println!(
                    "{half:?} {mode:9} {kind:9} nDCG {:.3} recall {:.2} MRR {:.2} first {:.2} five {:.2}",
                    quality.ndcg,
                    quality.recall,
                    quality.reciprocal_rank,
                    quality.first,
                    quality.five
                );
            }
        }
        let of = |mode: &str, kind: &str| {
            let (_, by_kind) = measured.iter().find(|(name, _)| *name == mode).expect(mode);
            by_kind[kind]
        };
        let hybrid = of("hybrid", "all");
        assert!(hybrid.first >= 0.65, "{half:?}: {hybrid:?}");
        assert!(hybrid.five >= 0.78, "{half:?}: {hybrid:?}");
        assert!(
            hybrid.ndcg >= of("keyword", "all").ndcg,
            "{half:?}: {hybrid:?}"
        );
        assert!(
            hybrid.ndcg >= of("semantic", "all").ndcg + 0.05,
            "{half:?}: {hybrid:?}"
        );
        // Names in any case, and SKUs, are first.
        for kind in ["category", "sku"] {
            assert!(of("hybrid", kind).first >= 0.95, "{half:?} {kind}");
        }
    }
}
