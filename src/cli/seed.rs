use std::time::SystemTime;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use zava_mcp_server::app;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::database;
use zava_mcp_server::progress::Progress;
use zava_mcp_server::sample_data::{self, Plan};
use zava_mcp_server::search_index::{self, EMBEDDING_TIMEOUT};
use zava_mcp_server::settings::AdminSettings;

use super::arguments::{Scale, Seed};
use super::output::print_line;

/// Loads the sample data, unless the database already holds data.
pub(super) async fn run(
    settings: AdminSettings,
    seed: Seed,
    clock: fn() -> SystemTime,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    let azure = AzureServices::new(settings.azure.as_ref(), &settings.https)?;
    let embedder = app::embedder(&settings.search, &settings.https, &azure, EMBEDDING_TIMEOUT)?;
    let progress = Progress::on_stderr();
    if !seed.replace
        && let Some(loaded) = sample_data::count_loaded(&mut db).await?
    {
        // A database that an older version has loaded lacks words, or vectors of this model.
        if let Some(embedder) = embedder {
            search_index::refresh(&mut db, embedder.as_ref(), progress)
                .await
                .context("the products cannot be indexed")?;
        }
        return print_line(&format!(
            "the database already holds {} customers and {} orders; use --replace to delete and reload them",
            loaded.customers, loaded.orders
        ));
    }
    let embedder = embedder.context(
        "no source of embeddings is set, and `seed` needs one to compute a vector for each product; set ZAVA_EMBEDDING_MODEL_DIR, AZURE_OPENAI_ENDPOINT or ZAVA_EMBEDDING_URL",
    )?;
    // Before anything is written: without vectors, the sample would be half a sample.
    embedder
        .embed(vec!["paint".to_owned()])
        .await
        .context("the texts of the products could not be embedded")?;
    let scale = match seed.scale {
        Scale::Full => sample_data::Scale::Full,
        Scale::Small => sample_data::Scale::Small,
    };
    let today = seed
        .today
        .unwrap_or_else(|| DateTime::<Utc>::from(clock()).date_naive());
    let plan = Plan {
        scale,
        seed: seed.seed,
        today,
    };
    let summary = if seed.replace {
        sample_data::replace(&mut db, &plan, progress).await?
    } else {
        sample_data::load(&mut db, &plan, progress).await?
    };
    search_index::refresh(&mut db, embedder.as_ref(), progress)
        .await
        .context(
            "the sample is loaded, but searches do not find all products; run `zava-mcp-server embed`, or repeat with --replace",
        )?;
    print_line(&format!(
        "loaded {} products, {} customers, {} orders with {} items",
        summary.products, summary.customers, summary.orders, summary.order_items
    ))
}
