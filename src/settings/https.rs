//! Outgoing HTTPS requests.

use std::path::PathBuf;

use super::reader::Reader;
use super::variables as var;

/// Reads the file with root certificates that are trusted beside Mozilla's.
pub(super) fn read_root_cert(reader: &mut Reader<'_>) -> Option<PathBuf> {
    reader.optional(&var::ZAVA_HTTPS_ROOTCERT, |text| Ok(PathBuf::from(text)))
}
