use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use super::AdminError;
use crate::telemetry::audit::ChainHead;

/// The domain separator that `guard.append_audit` in `migrations/0008_audit.sql` hashes before each
/// record.
const HASH_DOMAIN: &[u8] = b"zava/audit/1";

/// The previous hash of the first record.
const GENESIS_HASH: [u8; 32] = [0; 32];

/// How the audit log's hash chain is broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A record between others is missing, or one before the first.
    #[error("record {0} is missing: it has been deleted")]
    Missing(i64),
    /// A record differs from what was appended, or was not appended at all.
    #[error("record {0} has been changed, or inserted afterwards")]
    Changed(i64),
    /// The log ends before a record that is known to have existed.
    #[error("record {0} is missing: the end of the audit log has been deleted")]
    Truncated(i64),
    /// The chain is consistent up to this record, but its hash differs from a chain head that was
    /// known before.
    #[error("record {0} has an unexpected hash: the audit log has been rewritten")]
    Rewritten(i64),
}

struct Record {
    audit_id: i64,
    /// In microseconds since 1970-01-01 UTC; `None` for infinity.
    recorded_at: Option<i64>,
    record: String,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

impl FromRow<'_, PgRow> for Record {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            audit_id: row.try_get("audit_id")?,
            recorded_at: row.try_get("recorded_at")?,
            record: row.try_get("record")?,
            previous_hash: row.try_get("previous_hash")?,
            hash: row.try_get("hash")?,
        })
    }
}

/// Verifies the hash chain of the audit log, in this process rather than in the database. Returns
/// the chain head, `None` if the log is empty.
///
/// Verification starts at the chain head `from` if there is one: the records before it are not read
/// and may have been pruned, but `from` itself must still be in the log. A chain head `expected`
/// must still be part of the chain: nothing else shows that the last records have been deleted, or
/// that all records have been rewritten.
///
/// # Errors
/// [`AdminError::Audit`] with the first broken record, and [`AdminError::Statement`].
pub async fn verify_audit(
    connection: &mut PgConnection,
    from: Option<&ChainHead>,
    expected: Option<&ChainHead>,
) -> Result<Option<ChainHead>, AdminError> {
    let first_id = from.map_or(1, |from| from.audit_id);
    let mut rows = sqlx::query_as::<_, Record>(include_str!("read_audit.sql"))
        .bind(first_id)
        .fetch(connection);
    let mut last_id = first_id - 1;
    let mut last_hash = from.is_none().then(|| GENESIS_HASH.to_vec());
    let mut has_expected = expected.is_none();
    while let Some(record) = rows.try_next().await.map_err(AdminError::Statement)? {
        let next_id = last_id + 1;
        if record.audit_id != next_id {
            return Err(ChainError::Missing(next_id).into());
        }
        // After pruning, the first record's previous hash cannot be checked. Its own hash covers
        // the previous one, and is compared with `from`.
        let is_linked = last_hash.is_none_or(|hash| hash == record.previous_hash);
        if !is_linked || expected_hash(&record).is_none_or(|hash| record.hash != hash) {
            return Err(ChainError::Changed(record.audit_id).into());
        }
        last_id = record.audit_id;
        for known in [from, expected].into_iter().flatten() {
            if known.audit_id == last_id && known.hash != hex(&record.hash) {
                return Err(ChainError::Rewritten(last_id).into());
            }
        }
        has_expected |= expected.is_some_and(|expected| expected.audit_id == last_id);
        last_hash = Some(record.hash);
    }
    if let Some(from) = from.filter(|from| last_id < from.audit_id) {
        return Err(ChainError::Truncated(from.audit_id).into());
    }
    match expected {
        Some(expected) if !has_expected => Err(ChainError::Truncated(expected.audit_id).into()),
        _ => Ok(last_hash.filter(|_| last_id > 0).map(|hash| ChainHead {
            audit_id: last_id,
            hash: hex(&hash),
        })),
    }
}

/// The hash that a record must have; `None` for a record that cannot have been appended, because
/// its time is infinite.
fn expected_hash(record: &Record) -> Option<Vec<u8>> {
    let recorded_at = record.recorded_at?;
    let mut hash = Sha256::new();
    hash.update(HASH_DOMAIN);
    hash.update(record.audit_id.to_be_bytes());
    hash.update(recorded_at.to_be_bytes());
    hash.update(&record.previous_hash);
    hash.update(&record.record);
    Some(hash.finalize().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
