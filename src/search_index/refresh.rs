use pgvector::Vector;
use sqlx::{Connection as _, PgConnection};

use super::SearchIndexError;
use super::documents::{Document, Product, Row};
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
    /// Of how many the vector was written.
    pub vectors: usize,
}

/// Brings the words and the vectors of all products up to date. Vectors of other models stay.
///
/// The connection must act as the owner of the tables and must not be in a transaction.
///
/// # Errors
/// [`SearchIndexError`].
///
/// # Cancel safety
/// A dropped refresh leaves whole batches behind; the next one does the rest.
pub async fn refresh(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    progress: Progress,
) -> Result<Refreshed, SearchIndexError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.products")
        .fetch_one(&mut *db)
        .await
        .map_err(SearchIndexError::database("counting products"))?;
    let step = progress.begin("indexing products", usize::try_from(count).unwrap_or(0));
    let mut refreshed = Refreshed::default();
    let mut last = i32::MIN;
    loop {
        let products = read_products(db, embedder, last).await?;
        let Some(end) = products.last() else { break };
        last = end.product_id;
        let written = refresh_batch(db, embedder, &products).await?;
        refreshed.products += products.len();
        refreshed.documents += written.documents;
        refreshed.vectors += written.vectors;
        step.advance(products.len());
    }
    step.end();
    count_words(db).await?;
    Ok(refreshed)
}

async fn read_products(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    last: i32,
) -> Result<Vec<Product>, SearchIndexError> {
    let rows: Vec<Row> = sqlx::query_as(include_str!("read_products.sql"))
        .bind(last)
        .bind(embedder.model())
        .bind(i32::try_from(embedder.dimensions()).unwrap_or(i32::MAX))
        .bind(BATCH_PRODUCTS as i64)
        .fetch_all(db)
        .await
        .map_err(SearchIndexError::database("reading products"))?;
    Ok(rows.into_iter().map(Product::from).collect())
}

/// Writes the words before it embeds: they are found even while the embedding service is away.
async fn refresh_batch(
    db: &mut PgConnection,
    embedder: &dyn Embedder,
    products: &[Product],
) -> Result<Refreshed, SearchIndexError> {
    let documents: Vec<Document> = products
        .iter()
        .filter_map(Product::outdated_document)
        .collect();
    if !documents.is_empty() {
        write_documents(db, &documents)
            .await
            .map_err(SearchIndexError::database("writing words"))?;
    }
    let lacking: Vec<&Product> = products.iter().filter(|one| one.lacks_vector()).collect();
    if !lacking.is_empty() {
        let texts = lacking.iter().map(|one| one.embedded_text()).collect();
        let embeddings = embedder
            .embed(texts)
            .await
            .map_err(SearchIndexError::Embedding)?;
        let vectors = embeddings
            .iter()
            .map(|one| Vector::from(one.as_slice().to_vec()));
        write_vectors(db, embedder.model(), &lacking, vectors.collect())
            .await
            .map_err(SearchIndexError::database("writing vectors"))?;
    }
    Ok(Refreshed {
        products: products.len(),
        documents: documents.len(),
        vectors: lacking.len(),
    })
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
    model: &str,
    products: &[&Product],
    vectors: Vec<Vector>,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("write_vectors.sql"))
        .bind(column(products, |one| one.product_id))
        .bind(vectors)
        .bind(column(products, |one| one.vector_hash().to_vec()))
        .bind(model)
        .execute(db)
        .await
        .map(drop)
}

/// Replaces the statistics of words. Searches read the old ones until the transaction ends.
async fn count_words(db: &mut PgConnection) -> Result<(), SearchIndexError> {
    let failed = || SearchIndexError::database("counting words");
    let mut tx = db.begin().await.map_err(failed())?;
    for statement in [
        "DELETE FROM retail.search_words",
        include_str!("count_words.sql"),
    ] {
        sqlx::query(statement)
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
    }
    tx.commit().await.map_err(failed())
}

fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}
