use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;
use zava_mcp_server::app;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::database;
use zava_mcp_server::progress::Progress;
use zava_mcp_server::search::Embedder;
use zava_mcp_server::search_index::{
    self, EMBEDDING_TIMEOUT, Refreshed, SearchIndexError, Survey, VectorIndexChange,
};
use zava_mcp_server::settings::EmbedSettings;

use super::arguments::{Embed, Price};
use super::output::print_line;

/// Brings the search index up to date, says what is missing in it, or removes a model's vectors.
pub(super) async fn run(settings: EmbedSettings, embed: Embed) -> anyhow::Result<()> {
    let azure = AzureServices::new(settings.azure.as_ref(), &settings.https)?;
    let embedder = app::embedder(&settings.search, &settings.https, &azure, EMBEDDING_TIMEOUT)?;
    let embedder = embedder.as_deref();
    if let Some(model) = &embed.remove {
        refuse_current_model(embedder, model, embed.dimensions)?;
    }
    let mut db =
        database::connect_as_indexer(&azure, &settings.database, &settings.indexer).await?;
    if let Some(model) = &embed.remove {
        let removed = search_index::remove_vectors(&mut db, model, embed.dimensions)
            .await
            .context("no vectors were removed")?;
        let index = describe_vector_index(removed.vector_index);
        print_line(&format!(
            "removed {} vectors of {model}{index}",
            removed.vectors
        ))?;
    } else if embed.dry_run {
        let survey = search_index::survey(&mut db, embedder).await?;
        let is_service = settings.search.is_service();
        print_line(&describe_survey(&survey, embedder, is_service, embed.price))?;
    } else {
        refresh(&mut db, embedder, embed.deadline).await?;
    }
    db.close().await.context("the connection cannot be closed")
}

async fn refresh(
    db: &mut PgConnection,
    embedder: Option<&dyn Embedder>,
    deadline: Option<Duration>,
) -> anyhow::Result<()> {
    let mut refreshed = Refreshed::default();
    let refreshing =
        search_index::refresh_into(db, embedder, Progress::on_stderr(), &mut refreshed);
    let done = match deadline {
        None => Some(refreshing.await),
        Some(deadline) => timeout(deadline, refreshing).await.ok(),
    };
    match done {
        Some(Ok(())) => print_line(&describe(&refreshed, embedder)),
        Some(Err(SearchIndexError::AnotherRun)) => {
            print_line("another run over the search index is under way; nothing was done")
        }
        Some(Err(error)) => Err(error).with_context(|| {
            format!(
                "the search index is not up to date ({}); the next run continues",
                describe(&refreshed, embedder)
            )
        }),
        None => bail!(
            "the deadline has passed before the search index was up to date ({}); the next run continues",
            describe(&refreshed, embedder)
        ),
    }
}

/// The current model's vectors are not removed: searches would fail.
fn refuse_current_model(
    embedder: Option<&dyn Embedder>,
    model: &str,
    dimensions: Option<u32>,
) -> anyhow::Result<()> {
    let is_current = embedder.is_some_and(|embedder| {
        let has_dimensions = |number| usize::try_from(number) == Ok(embedder.dimensions());
        embedder.model() == model && dimensions.is_none_or(has_dimensions)
    });
    if is_current {
        bail!(
            "the settings name {model}, and servers search by its vectors; to remove those with other dimensions, name them with --dimensions"
        );
    }
    Ok(())
}

fn describe(refreshed: &Refreshed, embedder: Option<&dyn Embedder>) -> String {
    let Refreshed {
        products,
        documents,
        words,
        vectors,
        rejected,
        vector_index,
    } = refreshed;
    let mut text = format!(
        "{products} products: wrote the words of {documents} and the statistics of {words} words"
    );
    match embedder {
        None => text += "; no source of embeddings is set, so no vectors",
        Some(embedder) => {
            text += &format!(", and the vectors of {vectors} by {}", model(embedder));
        }
    }
    text += describe_vector_index(*vector_index);
    if *rejected > 0 {
        text += &format!(
            "; {rejected} have none, because the embedding service does not accept their texts"
        );
    }
    text
}

fn describe_vector_index(change: Option<VectorIndexChange>) -> &'static str {
    match change {
        None => "",
        Some(VectorIndexChange::Created) => "; created an index of the vectors",
        Some(VectorIndexChange::Dropped) => "; dropped an index of vectors that are few or gone",
        Some(VectorIndexChange::Deferred) => {
            "; an index of vectors is in use, so the next run creates or drops it"
        }
    }
}

fn describe_survey(
    survey: &Survey,
    embedder: Option<&dyn Embedder>,
    is_service: bool,
    price: Option<Price>,
) -> String {
    let Survey {
        products,
        without_words,
        without_vector,
        tokens,
    } = survey;
    let mut text = format!("{products} products: {without_words} lack words");
    let Some(embedder) = embedder else {
        return text + "; no source of embeddings is set";
    };
    text += &format!(
        ", {without_vector} lack a vector of {}, about {tokens} tokens",
        model(embedder)
    );
    match price {
        Some(price) if is_service => {
            text += &format!(", about ${:.4}", price.cost(*tokens));
        }
        Some(_) => text += ", which the model on this machine embeds without charge",
        None => {}
    }
    text
}

fn model(embedder: &dyn Embedder) -> String {
    format!(
        "{} with {} dimensions",
        embedder.model(),
        embedder.dimensions()
    )
}
