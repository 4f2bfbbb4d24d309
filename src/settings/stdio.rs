//! Standard input and output.

use uuid::Uuid;

use super::reader::Reader;
use super::variables as var;

/// The settings of `serve --stdio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StdioSettings {
    /// The tenant of the client; HTTP callers name theirs in each request.
    pub tenant: Option<Uuid>,
}

impl StdioSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            tenant: reader.optional(&var::ZAVA_TENANT, |text| {
                // Only the hyphenated form, as in the header: one spelling for each tenant.
                let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
                let id = Uuid::try_parse(text).ok().filter(|_| hyphenated);
                id.ok_or("must be a UUID with hyphens")
            }),
        }
    }
}
