//! The front door: both model files, opened cheaply and read as late as possible.
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    error::{ModelFileError, StaticModelError},
    tokenizer::Tokenizer,
    vector::Embedding,
    vocabulary,
    weights::{self, DIMENSIONS, Weights},
};

/// Identifies the model beside a stored vector: vectors of other models do not compare.
const WEIGHTS_FILE: &str = "l2_supercat_256.safetensors";
const TOKENIZER_FILE: &str = "l2_supercat_tokenizer_config.json";

/// The maximum number of tokens of a text; the rest is ignored. About 350 English words.
pub const MAX_TOKENS: usize = 512;

/// The maximum number of characters that are read, which bounds the time for hostile input. The
/// longest token has 16 characters, so the text holds [`MAX_TOKENS`] tokens twice over, and cutting
/// it cannot change them.
const MAX_CHARACTERS: usize = 2 * 16 * MAX_TOKENS;

/// The embedding model `l2_supercat_256`, backed by its two files.
///
/// Holds one open file; the tokenizer's tables (about 0.6 MiB) come with the first
/// [`embed`](Self::embed). Share one between threads with `Arc`: there is no lock.
///
/// # Examples
/// ```no_run
/// # use std::path::Path;
/// # use zava_mcp_server::search::embedding::{StaticModelError, StaticModel};
/// let model = StaticModel::open(Path::new(".zava/model"))?;
/// let query = model.embed("waterproof outdoor paint")?;
/// assert_eq!(query.as_slice().len(), model.dimensions());
/// # Ok::<(), StaticModelError>(())
/// ```
#[derive(Debug)]
pub struct StaticModel {
    weights: Weights,
    tokenizer_path: PathBuf,
    /// Filled by the first embedding, so that tools that do not search never pay for it. A failure
    /// is not cached: the next call tries again, and succeeds once the file is fixed.
    tokenizer: OnceLock<Tokenizer>,
}

impl StaticModel {
    /// Opens the model in `directory`, which holds `l2_supercat_256.safetensors` and
    /// `l2_supercat_tokenizer_config.json`.
    ///
    /// Reads 96 bytes and two file sizes, which takes microseconds; the tokenizer file's contents
    /// are checked by the first [`embed`](Self::embed).
    ///
    /// # Errors
    /// [`Missing`](StaticModelError::Missing) or [`Unreadable`](StaticModelError::Unreadable) when
    /// a file cannot be opened, [`Damaged`](StaticModelError::Damaged) when a file's length or the
    /// table's header is not that of the published model.
    pub fn open(directory: &Path) -> Result<Self, StaticModelError> {
        let weights = Weights::open(directory.join(WEIGHTS_FILE))?;
        let tokenizer_path = directory.join(TOKENIZER_FILE);
        check_length(&tokenizer_path)?;
        Ok(Self {
            weights,
            tokenizer_path,
            tokenizer: OnceLock::new(),
        })
    }

    /// How many numbers an [`Embedding`] of this model has.
    pub fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    /// Turns `text` into a vector; the first [`MAX_TOKENS`] tokens count.
    ///
    /// Case and spacing matter as they do in the Python package.
    ///
    /// Blocks, so call it off the async reactor: a search phrase takes 5 to 10 µs, the longest text
    /// 5 ms, and the first call 17 ms more for the 1.8 MB tokenizer file (release build, files in
    /// the page cache).
    ///
    /// # Errors
    /// [`NothingToEmbed`](StaticModelError::NothingToEmbed) when `text` is empty or only white
    /// space; the variants of [`open`](Self::open) when a model file is unusable.
    pub fn embed(&self, text: &str) -> Result<Embedding, StaticModelError> {
        let text = first_characters(text, MAX_CHARACTERS);
        if text.trim().is_empty() {
            return Err(StaticModelError::NothingToEmbed);
        }
        let tokens = self.tokenizer()?.tokenize(text);

        // The package divides the sum by the number of tokens. Only the length depends on that,
        // and the length is set to one.
        let mut sum = [0.0; DIMENSIONS];
        for &token in tokens.iter().take(MAX_TOKENS) {
            self.weights.add_row(token, &mut sum)?;
        }
        Embedding::from_direction(&sum).ok_or(StaticModelError::NothingToEmbed)
    }

    fn tokenizer(&self) -> Result<&Tokenizer, StaticModelError> {
        if let Some(tokenizer) = self.tokenizer.get() {
            return Ok(tokenizer);
        }
        check_length(&self.tokenizer_path)?;
        let file = fs::read(&self.tokenizer_path)
            .map_err(|err| StaticModelError::from_io(&self.tokenizer_path, err))?;
        let vocabulary = vocabulary::read(&file, weights::ROWS)
            .map_err(|err| StaticModelError::damaged(&self.tokenizer_path, err))?;
        tracing::debug!(bytes = file.len(), "embedding tokenizer loaded");
        // Two concurrent first calls may both read the file: reading twice, once, is cheaper than a
        // lock.
        Ok(self.tokenizer.get_or_init(|| Tokenizer::new(vocabulary)))
    }
}

/// Rejects a tokenizer file of another length before it is read, as it could have any size.
fn check_length(tokenizer_path: &Path) -> Result<(), StaticModelError> {
    let found = fs::metadata(tokenizer_path)
        .map_err(|err| StaticModelError::from_io(tokenizer_path, err))?
        .len();
    let expected = vocabulary::FILE_BYTES;
    if found != expected {
        let source = ModelFileError::Length { expected, found };
        return Err(StaticModelError::damaged(tokenizer_path, source));
    }
    Ok(())
}

fn first_characters(text: &str, limit: usize) -> &str {
    match text.char_indices().nth(limit) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}
