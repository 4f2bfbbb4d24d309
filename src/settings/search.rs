//! Semantic search.

use std::path::PathBuf;

use super::reader::Reader;
use super::variables as var;

/// The settings of semantic search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchSettings {
    /// Folder with the embedding model's two files; `None` disables semantic search, and `seed`
    /// needs it.
    pub embedding_model_dir: Option<PathBuf>,
}

impl SearchSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            embedding_model_dir: reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
                Ok(PathBuf::from(text))
            }),
        }
    }
}
