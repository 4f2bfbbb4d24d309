//! How long a search takes among many products, and how many of the nearest an index finds.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::Fallible;
use crate::client::Connection;
use crate::mcp;
use crate::pgbench;
use crate::plan::Plan;
use crate::progress;
use crate::relevance::{
    self,
    judged::{Half, JudgedSearch},
};
use crate::report::Machine;
use crate::server;
use crate::table::{Table, millis};

/// The numbers of products: the sample's, and those of larger catalogues.
const SIZES: [u32; 3] = [424, 10_000, 1_000_000];

/// How many products one statement generates.
const BATCH: u32 = 100_000;

/// The ids of generated products are greater; those of the sample are not.
const MAX_SAMPLE_ID: u32 = 1_000;

/// The number of dimensions of the static model's vectors.
const DIMENSIONS: u32 = 256;

/// How each judged text is searched: a name for the report, and arguments of the tool.
const METHODS: [(&str, &str); 7] = [
    ("keyword", r#"{"mode": "keyword"}"#),
    ("semantic", r#"{"mode": "semantic"}"#),
    ("hybrid", r#"{"mode": "hybrid"}"#),
    ("hybrid, type", r#"{"category": "Hammers & Mallets"}"#),
    ("hybrid, category", r#"{"category": "PLUMBING"}"#),
    ("hybrid, price", r#"{"min_price": 20, "max_price": 60}"#),
    ("hybrid, in stock", r#"{"in_stock_only": true}"#),
];

/// The figures for one number of products.
struct Measured {
    products: u32,
    /// To write words and vectors of the products that were added, and the statistics of words.
    generated: Duration,
    /// To create the index of the vectors; `None` if there are too few.
    indexed: Option<Duration>,
    /// Sizes of tables and indexes, as PostgreSQL prints them.
    sizes: String,
    /// The share of the ten products that are nearest to a text that a search finds by the index,
    /// the mean of all texts.
    recall: f64,
    /// By method.
    durations: Vec<Vec<Duration>>,
}

/// The results of a run that measures searches among many products.
pub(crate) struct CatalogueReport {
    machine: Machine,
    measured: Vec<Measured>,
}

/// Adds products to the database, and measures after each addition.
pub(crate) async fn measure(plan: &Plan) -> Fallible<CatalogueReport> {
    let machine = Machine::detect(plan).await?;
    let texts = judged_texts(plan).await?;
    let mut measured = Vec::new();
    let mut products = 424;
    for size in SIZES {
        let begun = Instant::now();
        // Adding a million rows to an index takes several times as long as creating it.
        as_owner(plan, DROP_INDEXES).await?;
        while products < size {
            let added = BATCH.min(size - products);
            progress::report(&format!("generating {added} products after {products}"));
            generate(plan, MAX_SAMPLE_ID + products, added).await?;
            products += added;
        }
        as_owner(plan, WORD_INDEXES).await?;
        if size > 424 {
            progress::report("counting words");
            let count = include_str!("../../src/search_index/count_words.sql");
            as_owner(plan, &format!("{count};")).await?;
        }
        let generated = begun.elapsed();
        pgbench::vacuum(plan).await?;
        progress::report(&format!("comparing each text with {size} vectors"));
        let exact = nearest(plan, &texts).await?;
        progress::report(&format!("indexing {size} vectors"));
        let begun = Instant::now();
        let action = as_owner(plan, INDEX).await?;
        let indexed = (action.trim() == "created").then(|| begun.elapsed());
        let found = nearest(plan, &texts).await?;
        measured.push(Measured {
            products: size,
            generated,
            indexed,
            sizes: as_owner(plan, TABLE_SIZES).await?.replace('\n', ", "),
            recall: recall(&exact, &found),
            durations: durations(plan, &texts).await?,
        });
    }
    Ok(CatalogueReport { machine, measured })
}

const DROP_INDEXES: &str = "DROP INDEX retail.product_search_document, retail.product_search_names; \
    SELECT format('DROP INDEX retail.%I', c.relname) FROM pg_class AS c \
    WHERE c.relnamespace = 'retail'::regnamespace AND c.relname ~ '^vectors_' AND c.relkind = 'i' \\gexec\n";

/// As the migrations create them.
const WORD_INDEXES: &str = "SET maintenance_work_mem = '1GB'; \
    CREATE INDEX product_search_document ON retail.product_search USING gin (document); \
    CREATE INDEX product_search_names ON retail.product_search USING gin (ts_filter(document, '{a}'));";

const INDEX: &str = "SET maintenance_work_mem = '2GB'; SET statement_timeout = 0; \
    SELECT retail.maintain_vector_index(m.model, m.dimensions) FROM retail.embedding_models AS m;";

const TABLE_SIZES: &str = "SELECT c.relname || ' ' || pg_size_pretty(pg_relation_size(c.oid)) \
    FROM pg_class AS c WHERE c.relnamespace = 'retail'::regnamespace AND c.relkind IN ('r', 'i') \
    AND pg_relation_size(c.oid) > 1024 * 1024 AND (c.relname ~ '^(products|product_|search_|vectors_)') ORDER BY c.relname;";

/// Runs statements as the owner of the tables.
async fn as_owner(plan: &Plan, sql: &str) -> Fallible<String> {
    pgbench::psql(plan, &format!("SET LOCAL ROLE zava_owner; {sql}"), &[]).await
}

async fn generate(plan: &Plan, after: u32, added: u32) -> Fallible<()> {
    let sql = format!(
        "SELECT set_config('catalogue.model', m.model, false), set_config('catalogue.dimensions', '{DIMENSIONS}', false) \
         FROM retail.embedding_models AS m;\n{};\nPREPARE generate(bigint, bigint) AS {};\nEXECUTE generate({}, {});",
        include_str!("../catalogue/setup.sql"),
        include_str!("../catalogue/generate.sql"),
        after + 1,
        after + added,
    );
    as_owner(plan, &sql).await.map(drop)
}

/// The texts of the judged searches.
async fn judged_texts(plan: &Plan) -> Fallible<Vec<String>> {
    let process = server::start(plan)?;
    let mut connection = process.connect().await?;
    let products = relevance::products(&mut connection).await?;
    drop(connection);
    process.stop().await?;
    let searches = JudgedSearch::read(Half::Report, &products);
    Ok(searches.into_iter().map(|search| search.text).collect())
}

/// The ids of the ten products that are the nearest to each text by its meaning.
async fn nearest(plan: &Plan, texts: &[String]) -> Fallible<Vec<HashSet<String>>> {
    let process = server::start(plan)?;
    let mut connection = process.connect().await?;
    let mut nearest = Vec::new();
    for text in texts {
        let arguments = r#"{"mode": "semantic", "similarity_threshold": 20, "max_rows": 10}"#;
        let request = mcp::search_with(text, arguments)?;
        let result = mcp::call(&mut connection, &request).await?;
        let rows = result["structuredContent"]["r"].as_array();
        let rows = rows.ok_or_else(|| format!("no rows: {result}"))?;
        nearest.push(rows.iter().map(|row| row[0].to_string()).collect());
    }
    drop(connection);
    process.stop().await?;
    Ok(nearest)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "at most ten products of each text"
)]
fn recall(exact: &[HashSet<String>], found: &[HashSet<String>]) -> f64 {
    let shares = exact
        .iter()
        .zip(found)
        .filter(|(exact, _)| !exact.is_empty());
    let shares: Vec<f64> = shares
        .map(|(exact, found)| exact.intersection(found).count() as f64 / exact.len() as f64)
        .collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}

/// How long each text takes, by method.
async fn durations(plan: &Plan, texts: &[String]) -> Fallible<Vec<Vec<Duration>>> {
    let process = server::start(plan)?;
    let mut connection = process.connect().await?;
    let mut durations = Vec::new();
    for (method, arguments) in METHODS {
        progress::report(&format!("{} searches, {method}", texts.len()));
        let mut took = Vec::new();
        for text in texts {
            took.push(search_for(&mut connection, text, arguments).await?);
        }
        took.sort_unstable();
        durations.push(took);
    }
    drop(connection);
    process.stop().await?;
    Ok(durations)
}

/// The second of two equal searches: the first one reads what the next finds in memory.
async fn search_for(
    connection: &mut Connection,
    text: &str,
    arguments: &str,
) -> Fallible<Duration> {
    let request = mcp::search_with(text, arguments)?;
    mcp::call(connection, &request).await?;
    let begun = Instant::now();
    mcp::call(connection, &request).await?;
    Ok(begun.elapsed())
}

impl CatalogueReport {
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            "| products | search | p50 | p99 | longest |\n|---|---|---|---|---|\n".to_owned();
        for measured in &self.measured {
            for ((method, _), took) in METHODS.iter().zip(&measured.durations) {
                let at =
                    |percent: usize| millis(took[(took.len() * percent).div_ceil(100).max(1) - 1]);
                text.push_str(&format!(
                    "| {} | {method} | {} | {} | {} |\n",
                    measured.products,
                    at(50),
                    at(99),
                    at(100)
                ));
            }
        }
        text.push_str("\n| products | written in | index built in | recall@10 | sizes |\n|---|---|---|---|---|\n");
        for measured in &self.measured {
            let seconds = |duration: Duration| format!("{:.0} s", duration.as_secs_f64());
            text.push_str(&format!(
                "| {} | {} | {} | {:.3} | {} |\n",
                measured.products,
                seconds(measured.generated),
                measured.indexed.map_or("no index".to_owned(), seconds),
                measured.recall,
                measured.sizes,
            ));
        }
        let mut facts = Table::facts_only();
        self.machine.facts(&mut facts);
        text + &facts.into_text()
    }
}
