//! The audit log.

use super::reader::Reader;
use super::variables as var;

/// The settings of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Whether the audit log contains the text of statements in addition to their fingerprints.
    pub includes_sql: bool,
}

impl AuditSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let includes_sql = reader.parsed(&var::ZAVA_AUDIT_SQL, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be `on` or `off`"),
        });
        Some(Self {
            includes_sql: includes_sql?,
        })
    }
}
