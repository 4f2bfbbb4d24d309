//! What can go wrong, by what the caller can do about it.
use std::{io, path::PathBuf};

/// Why a text has no [`Embedding`](super::Embedding).
///
/// `Display` is for the operator's log: it names a path. Only
/// [`NothingToEmbed`](Self::NothingToEmbed) speaks of the caller's text and is fit for a client.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// A model file is not there: install the model or point at it.
    #[error(
        "the embedding model file {} is missing; run ./scripts/up, or set ZAVA_EMBEDDING_MODEL_DIR \
         to the folder that holds l2_supercat_256.safetensors and \
         l2_supercat_tokenizer_config.json", path.display()
    )]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A model file is there and cannot be read: mend its permissions or its disk.
    #[error("the embedding model file {} cannot be read", path.display())]
    Unreadable {
        /// The file that was read.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A model file is damaged or of another model: fetch it again.
    #[error(
        "the embedding model file {} is damaged or of another version; delete it and run \
         ./scripts/up", path.display()
    )]
    Damaged {
        /// The file that was read.
        path: PathBuf,
        /// What is wrong with it.
        source: ModelFileError,
    },

    /// The text is empty or only white space: ask for words.
    #[error("the text holds nothing to embed; give at least one word")]
    NothingToEmbed,
}

/// What is wrong with a model file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// The file has another length than the published one.
    #[error("it has {found} bytes where {expected} were expected")]
    Length {
        /// Bytes in the published file.
        expected: u64,
        /// Bytes in this file.
        found: u64,
    },
    /// The safetensors header describes another table.
    #[error("its header does not describe the expected table")]
    Header,
    /// The SHA-256 digest is not that of the published file.
    #[error("its checksum does not match")]
    Checksum,
    /// A line of the tokenizer's JSON is not what stands there in the published file.
    #[error("line {line} is not understood")]
    Line {
        /// Counted from one; one past the last when the file ends too early.
        line: usize,
    },
    /// A number of the table is infinite or not a number.
    #[error("row {row} of the table holds a value that is not finite")]
    NotFinite {
        /// The row, counted from zero.
        row: u16,
    },
}

impl EmbeddingError {
    /// Sorts an I/O error by what can be done: fetch the file, or mend access to it.
    pub(super) fn from_io(path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if source.kind() == io::ErrorKind::NotFound {
            Self::Missing { path, source }
        } else {
            Self::Unreadable { path, source }
        }
    }

    /// Says that the file at `path` is there but wrong.
    pub(super) fn damaged(path: &std::path::Path, source: ModelFileError) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            source,
        }
    }
}
