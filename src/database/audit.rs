use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use super::AdminError;
use crate::telemetry::audit::ChainHead;

/// What `guard.append_audit` in `migrations/0008_audit.sql` hashes before a record.
const PURPOSE: &[u8] = b"zava/audit/1";

/// What stands before the first record.
const BEGINNING: [u8; 32] = [0; 32];

/// What is wrong with the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Records are missing between two.
    #[error("record {0} is missing: it has been deleted")]
    Missing(i64),
    /// A record is not what it was when it was appended.
    #[error("record {0} has been changed, or put in afterwards")]
    Changed(i64),
    /// The trail ends before a record that was there.
    #[error("record {0} is missing: the end of the trail has been cut off")]
    CutOff(i64),
    /// A record has another hash than it had.
    #[error("record {0} has another hash than expected: the trail has been written anew")]
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

/// Holds every record of the audit trail against the one before it, in this process and not in the
/// database; the trail's end, `None` if it is empty. With `from`, a record that was known before,
/// those before it are not looked at, and may have been pruned; it must still be there. With
/// `expected`, an end that was known before must still be part of it: nothing else shows that the
/// last records are missing, or that all were written anew.
///
/// # Errors
/// [`AdminError::Audit`] with the first record that is wrong, and [`AdminError::Statement`].
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
    let mut last_hash = from.is_none().then(|| BEGINNING.to_vec());
    let mut is_expected_there = expected.is_none();
    while let Some(record) = rows.try_next().await.map_err(AdminError::Statement)? {
        let next_id = last_id + 1;
        if record.audit_id != next_id {
            return Err(BrokenChain::Missing(next_id).into());
        }
        // Of the first record after a pruning, the hash is known, and with it the one before.
        let fits = last_hash.is_none_or(|hash| hash == record.previous_hash);
        if !fits || hash(&record).is_none_or(|hash| record.hash != hash) {
            return Err(BrokenChain::Changed(record.audit_id).into());
        }
        last_id = record.audit_id;
        for known in [from, expected].into_iter().flatten() {
            if known.audit_id == last_id && known.hash != hex(&record.hash) {
                return Err(BrokenChain::Rewritten(last_id).into());
            }
        }
        is_expected_there |= expected.is_some_and(|expected| expected.audit_id == last_id);
        last_hash = Some(record.hash);
    }
    if let Some(from) = from.filter(|from| last_id < from.audit_id) {
        return Err(BrokenChain::CutOff(from.audit_id).into());
    }
    match expected {
        Some(expected) if !is_expected_there => Err(BrokenChain::CutOff(expected.audit_id).into()),
        _ => Ok(last_hash.filter(|_| last_id > 0).map(|hash| ChainHead {
            audit_id: last_id,
            hash: hex(&hash),
        })),
    }
}

/// The hash that a record should have; `None` for one that cannot have been appended.
fn hash(record: &Record) -> Option<Vec<u8>> {
    let recorded_at = record.recorded_at?;
    let mut hash = Sha256::new();
    hash.update(PURPOSE);
    hash.update(record.audit_id.to_be_bytes());
    hash.update(recorded_at.to_be_bytes());
    hash.update(&record.previous_hash);
    hash.update(&record.record);
    Some(hash.finalize().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
