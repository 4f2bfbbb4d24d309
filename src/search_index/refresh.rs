use pgvector::Vector;
use sqlx::PgConnection;

use super::documents::{Document, Product, Row};
use super::lock::{lock, unlock};
use super::models::{self, Stage, count_vectors};
use super::{SearchIndexError, VectorIndexChange, embedding, vector_index};
use crate::progress::Progress;
use crate::search::Embedder;

/// How many products are read, embedded and written at once. Each such batch is a transaction.
const BATCH_PRODUCTS: usize = 64;

/// What a refresh has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// How many products there are.
    pub products: usize,
    /// Of how many the words were written.
    pub documents: usize,
    /// Of how many words the statistics were written or deleted.
    pub words: usize,
    /// Of how many products the vector was written.
    pub vectors: usize,
    /// Of how many the embedder does not accept the text.
    pub rejected: usize,
    /// What became of the index of the vectors; `None` if it stays as it is.
    pub vector_index: Option<VectorIndexChange>,
}

/// Brings the words and the vectors of all products up to date. Vectors of other models stay.
///
/// The connection must act as the owner of the tables or as the login of the search index, and must
/// not be in a transaction.
///
/// # Errors
/// [`SearchIndexError`].
///
/// # Cancel safety
/// A dropped refresh leaves whole batches behind; the next one does the rest. The connection must
/// then be closed, because it holds a lock.
pub async fn refresh(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    progress: Progress,
) -> Result<Refreshed, SearchIndexError> {
    let mut refreshed = Refreshed::default();
    refresh_into(db, Some(embedder), progress, &mut refreshed).await?;
    Ok(refreshed)
}

/// Does the same and counts in `refreshed`, which also tells what was written if it fails or is
/// dropped. Without an embedder, only the words are written.
///
/// # Errors
/// As [`refresh`].
///
/// # Cancel safety
/// As [`refresh`].
pub async fn refresh_into(
    db: &mut PgConnection,
    embedder: Option<&dyn Embedder>,
    progress: Progress,
    refreshed: &mut Refreshed,
) -> Result<(), SearchIndexError> {
    lock(db).await?;
    let done = refresh_locked(db, embedder, progress, refreshed).await;
    unlock(db, done).await
}

async fn refresh_locked(
    db: &mut PgConnection,
    embedder: Option<&dyn Embedder>,
    progress: Progress,
    refreshed: &mut Refreshed,
) -> Result<(), SearchIndexError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.products")
        .fetch_one(&mut *db)
        .await
        .map_err(SearchIndexError::database("counting products"))?;
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        refuse_hidden_products(db).await?;
    }
    write_all_words(db, progress, count, refreshed).await?;
    if let Some(embedder) = embedder {
        count_vectors(db, embedder, Stage::Begun).await?;
        write_all_vectors(db, embedder, progress, count, refreshed).await?;
        count_vectors(db, embedder, Stage::Finished).await?;
        let dimensions = models::dimensions(embedder);
        refreshed.vector_index = vector_index::maintain(db, embedder.model(), dimensions).await?;
    }
    Ok(())
}

/// The index of a removed product is removed with it. So if there is an index but no product, a
/// policy or a grant is missing, and the run would count no word.
async fn refuse_hidden_products(db: &mut PgConnection) -> Result<(), SearchIndexError> {
    let is_indexed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM retail.product_search)")
        .fetch_one(db)
        .await
        .map_err(SearchIndexError::database("counting products"))?;
    if is_indexed {
        Err(SearchIndexError::NoProducts)
    } else {
        Ok(())
    }
}

/// The words of all products, and their statistics.
async fn write_all_words(
    db: &mut PgConnection,
    progress: Progress,
    count: usize,
    refreshed: &mut Refreshed,
) -> Result<(), SearchIndexError> {
    let step = progress.begin("indexing words of products", count);
    let mut last = i32::MIN;
    loop {
        let products = read_products(db, None, last).await?;
        let Some(end) = products.last() else { break };
        last = end.product_id;
        let documents: Vec<Document> = products
            .iter()
            .filter_map(Product::outdated_document)
            .collect();
        if !documents.is_empty() {
            write_documents(db, &documents)
                .await
                .map_err(SearchIndexError::database("writing words"))?;
        }
        refreshed.products += products.len();
        refreshed.documents += documents.len();
        step.advance(products.len());
    }
    step.end();
    let words: i64 = sqlx::query_scalar(include_str!("count_words.sql"))
        .fetch_one(db)
        .await
        .map_err(SearchIndexError::database("counting words"))?;
    refreshed.words += usize::try_from(words).unwrap_or(0);
    Ok(())
}

/// The vectors of all products.
async fn write_all_vectors(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    progress: Progress,
    count: usize,
    refreshed: &mut Refreshed,
) -> Result<(), SearchIndexError> {
    let step = progress.begin("embedding products", count);
    let mut last = i32::MIN;
    loop {
        let products = read_products(db, Some(embedder), last).await?;
        let Some(end) = products.last() else { break };
        last = end.product_id;
        let lacking: Vec<&Product> = products.iter().filter(|one| one.lacks_vector()).collect();
        if !lacking.is_empty() {
            let texts: Vec<String> = lacking.iter().map(|one| one.embedded_text()).collect();
            let embeddings = embedding::embed(embedder, &texts).await?;
            let (embedded, vectors): (Vec<&Product>, Vec<Vector>) = lacking
                .iter()
                .zip(embeddings)
                .filter_map(|(product, embedding)| {
                    let numbers = embedding?.as_slice().to_vec();
                    Some((*product, Vector::from(numbers)))
                })
                .unzip();
            write_vectors(db, embedder, &embedded, vectors)
                .await
                .map_err(SearchIndexError::database("writing vectors"))?;
            refreshed.vectors += embedded.len();
            refreshed.rejected += lacking.len() - embedded.len();
        }
        step.advance(products.len());
    }
    step.end();
    Ok(())
}

/// The next products, with the hashes of what is indexed of them. Without an embedder, none seems
/// to have a vector.
pub(super) async fn read_products(
    db: &mut PgConnection,
    embedder: Option<&dyn Embedder>,
    last: i32,
) -> Result<Vec<Product>, SearchIndexError> {
    let rows: Vec<Row> = sqlx::query_as(include_str!("read_products.sql"))
        .bind(last)
        .bind(embedder.map(Embedder::model))
        .bind(embedder.map(models::dimensions))
        .bind(BATCH_PRODUCTS as i64)
        .fetch_all(db)
        .await
        .map_err(SearchIndexError::database("reading products"))?;
    Ok(rows.into_iter().map(Product::from).collect())
}

async fn write_documents(db: &mut PgConnection, documents: &[Document]) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("write_documents.sql"))
        .bind(column(documents, |one| one.product_id))
        .bind(column(documents, |one| one.name.as_str()))
        .bind(column(documents, |one| one.group.as_str()))
        .bind(column(documents, |one| one.description.as_str()))
        .bind(column(documents, |one| one.hash.as_slice()))
        .execute(db)
        .await
        .map(drop)
}

async fn write_vectors(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    products: &[&Product],
    vectors: Vec<Vector>,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("write_vectors.sql"))
        .bind(column(products, |one| one.product_id))
        .bind(vectors)
        .bind(column(products, |one| one.vector_hash().to_vec()))
        .bind(embedder.model())
        .bind(models::dimensions(embedder))
        .execute(db)
        .await
        .map(drop)
}

fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}
