//! The errors, by what the caller can do about them.
use std::{io, path::PathBuf};

/// Why a text has no [`Embedding`](super::Embedding).
///
/// `Display` is for the operator's log: it names a path. Only
/// [`NothingToEmbed`](Self::NothingToEmbed) is about the caller's text, so a client may see it.
#[derive(Debug, thiserror::Error)]
pub enum StaticModelError {
    /// A model file does not exist: install the model, or set the path to it.
    #[error(
        "the embedding model file {} is missing; run ./scripts/up, or set ZAVA_EMBEDDING_MODEL_DIR \
         to the folder that holds l2_supercat_256.safetensors and \
         l2_supercat_tokenizer_config.json", path.display()
    )]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },

    /// A model file exists but cannot be read: fix its permissions or its disk.
    #[error("the embedding model file {} cannot be read", path.display())]
    Unreadable {
        /// The file that was read.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },

    /// A model file is damaged or belongs to another model: download it again.
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
    #[error("the text has nothing to embed; it needs at least one word")]
    NothingToEmbed,
}

/// What is wrong with a model file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// The length differs from that of the published file.
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
    /// A line of the tokenizer's JSON does not have the form that it has in the published file.
    #[error("line {line} has an unexpected form")]
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

impl StaticModelError {
    /// Classifies an I/O error by what fixes it: installing the file, or fixing access to it.
    pub(super) fn from_io(path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if source.kind() == io::ErrorKind::NotFound {
            Self::Missing { path, source }
        } else {
            Self::Unreadable { path, source }
        }
    }

    /// The file at `path` exists but is not the published one.
    pub(super) fn damaged(path: &std::path::Path, source: ModelFileError) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            source,
        }
    }
}
