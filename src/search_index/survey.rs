//! What a run would do, without doing it.

use sqlx::PgConnection;

use super::SearchIndexError;
use super::documents::Product;
use super::refresh::read_products;
use crate::search::Embedder;

/// How many characters of a text are counted as one token. For English text and the tokenizers of
/// OpenAI that is the usual estimate
/// (<https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them>).
const CHARS_PER_TOKEN: usize = 4;

/// What is missing in the search index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many products there are.
    pub products: usize,
    /// How many lack words, or have those of another text.
    pub without_words: usize,
    /// How many lack a vector, or have that of another text.
    pub without_vector: usize,
    /// An estimate of the tokens in the texts of these: a quarter of their characters.
    pub tokens: usize,
}

/// Compares all products with what is indexed of them. Writes nothing.
///
/// # Errors
/// [`SearchIndexError`].
pub async fn survey(
    db: &mut PgConnection,
    embedder: Option<&dyn Embedder>,
) -> Result<Survey, SearchIndexError> {
    let mut survey = Survey::default();
    let mut last = i32::MIN;
    loop {
        let products = read_products(db, embedder, last).await?;
        let Some(end) = products.last() else {
            return Ok(survey);
        };
        last = end.product_id;
        survey.products += products.len();
        for product in &products {
            survey.without_words += usize::from(product.outdated_document().is_some());
            if embedder.is_some() && product.lacks_vector() {
                survey.without_vector += 1;
                survey.tokens += tokens(product);
            }
        }
    }
}

fn tokens(product: &Product) -> usize {
    product
        .embedded_text()
        .chars()
        .count()
        .div_ceil(CHARS_PER_TOKEN)
}
