//! How well products are ranked, and how long a search takes, by kind of search and method.

#[path = "../relevance/judged.rs"]
pub(crate) mod judged;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::Fallible;
use crate::client::Connection;
use crate::mcp;
use crate::plan::Plan;
use crate::progress;
use crate::report::Machine;
use crate::server;
use crate::table::millis;
use judged::{Half, JudgedSearch, Product, Quality};

/// A way to search: its name, the mode and the threshold.
///
/// The original compares vectors with its default threshold; here it has the same vectors as the
/// others. The mode `semantic` is measured with the lowest threshold that is allowed.
const METHODS: [(&str, &str, u32); 4] = [
    ("keyword", "keyword", 30),
    ("semantic", "semantic", 20),
    ("hybrid", "hybrid", 30),
    ("the original's", "semantic", 30),
];

const PRODUCTS: &str = "SELECT p.sku, t.type_name, c.category_name FROM retail.products AS p \
     JOIN retail.product_types AS t USING (type_id) \
     JOIN retail.categories AS c ON c.category_id = p.category_id";

/// The quality of one method by kind of search, and the durations of its searches.
struct Measured {
    method: &'static str,
    qualities: BTreeMap<String, Quality>,
    durations: BTreeMap<String, Vec<Duration>>,
}

/// The results of a run that measures relevance.
pub(crate) struct RelevanceReport {
    machine: Machine,
    measured: Vec<Measured>,
}

/// Measures the half of the searches that no parameter was chosen by.
pub(crate) async fn measure(plan: &Plan) -> Fallible<RelevanceReport> {
    let machine = Machine::detect(plan).await?;
    let process = server::start(plan)?;
    let mut connection = process.connect().await?;
    let searches = JudgedSearch::read(Half::Report, &products(&mut connection).await?);
    let mut measured = Vec::new();
    for (method, mode, threshold) in METHODS {
        progress::report(&format!("{} searches, {method}", searches.len()));
        let (mut qualities, mut durations) = (Vec::new(), BTreeMap::new());
        for search in &searches {
            let request = mcp::search(&search.text, mode, threshold);
            // The first one reads what the next one finds in memory.
            mcp::call(&mut connection, &request).await?;
            let begun = Instant::now();
            let result = mcp::call(&mut connection, &request).await?;
            let took = begun.elapsed();
            let ranking = texts(&result, 1)?;
            qualities.push((search.kind.clone(), search.quality(&ranking)));
            for kind in [search.kind.as_str(), "all"] {
                let kind = durations.entry(kind.to_owned()).or_insert_with(Vec::new);
                kind.push(took);
            }
        }
        measured.push(Measured {
            method,
            qualities: Quality::by_kind(qualities),
            durations,
        });
    }
    drop(connection);
    process.stop().await?;
    Ok(RelevanceReport { machine, measured })
}

pub(crate) async fn products(connection: &mut Connection) -> Fallible<Vec<Product>> {
    let result = mcp::call(connection, &mcp::query(PRODUCTS)).await?;
    let columns = [0, 1, 2].map(|column| texts(&result, column));
    let [skus, types, categories] = columns;
    let rows = skus?.into_iter().zip(types?).zip(categories?);
    Ok(rows
        .map(|((sku, type_name), category_name)| Product {
            sku,
            type_name,
            category_name,
        })
        .collect())
}

/// The texts in a column of a result.
fn texts(result: &Value, column: usize) -> Fallible<Vec<String>> {
    let rows = result["structuredContent"]["r"].as_array();
    let rows = rows.ok_or_else(|| format!("no rows: {result}"))?;
    let text = |row: &Value| row[column].as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = rows.iter().map(text).collect();
    texts.ok_or_else(|| format!("no text in column {column}: {result}").into())
}

impl RelevanceReport {
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            "| kind | method | nDCG@10 | recall@20 | MRR | first | in five | p50 | longest |\n\
             |---|---|---|---|---|---|---|---|---|\n"
                .to_owned();
        let kinds = self.measured.iter().flat_map(|one| one.qualities.keys());
        let kinds: std::collections::BTreeSet<&String> = kinds.collect();
        for kind in kinds {
            for measured in &self.measured {
                let Quality {
                    ndcg,
                    recall,
                    reciprocal_rank,
                    first,
                    five,
                } = measured.qualities[kind];
                let mut durations = measured.durations[kind].clone();
                durations.sort_unstable();
                let middle = durations.get(durations.len() / 2).copied();
                let longest = durations.last().copied();
                text.push_str(&format!(
                    "| {kind} | {} | {ndcg:.3} | {recall:.2} | {reciprocal_rank:.2} | {:.0} % | {:.0} % | {} | {} |\n",
                    measured.method,
                    first * 100.0,
                    five * 100.0,
                    millis(middle.unwrap_or_default()),
                    millis(longest.unwrap_or_default()),
                ));
            }
        }
        let mut facts = crate::table::Table::facts_only();
        self.machine.facts(&mut facts);
        text + &facts.into_text()
    }
}
