use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::finding::Finding;
use super::rule::{FIND, FINGERPRINT, PostureRule, exposed_tables};
use super::verdict::{Fingerprint, StoredVerdict};
use crate::query::scope::row_sink::RowCollector;
use crate::query::scope::wire::{Connection, Query, WireError};
use crate::settings::AcceptedFinding;

/// Returns the fingerprint, and the verdict that is stored for this server, if any. `$3` tells
/// whether this server has a verdict of its own. Without any verdict there is nothing to compare
/// with, and the fingerprint, an InitPlan, is not evaluated.
static READ_STATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN v.mac IS NOT NULL OR $3::boolean \
             THEN (SELECT pg_catalog.encode(f.digest, 'base64') FROM (\n{FINGERPRINT}\n) AS f) END, \
         pg_catalog.encode(v.fingerprint, 'base64'), v.examined_at, pg_catalog.encode(v.mac, 'base64') \
         FROM (SELECT) AS one LEFT JOIN guard.posture_verdict($1, pg_catalog.decode($2, 'base64')) AS v ON true"
    )
});

/// Returns the findings, and one more row with the fingerprint. Both come from one snapshot, so the
/// findings belong to that fingerprint, whatever changes meanwhile.
static EXAMINE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 'fingerprint', pg_catalog.encode(f.digest, 'base64'), pg_catalog.pg_is_in_recovery()::text, '' \
         FROM (\n{FINGERPRINT}\n) AS f UNION ALL SELECT e.* FROM (\n{FIND}\n) AS e"
    )
});

/// How long each of the two queries may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The fingerprint of the system catalogs, and the verdict stored beside it.
pub(super) struct CatalogState {
    pub(super) fingerprint: Fingerprint,
    pub(super) stored_verdict: Option<StoredVerdict>,
}

/// The result of a full examination.
pub(super) struct Examination {
    /// Sorted by rule and object. If `migrate` has not run, that is the only finding.
    pub(super) findings: Arc<[Finding]>,
    /// Those that the settings accept.
    pub(super) accepted: Vec<Finding>,
    /// The fingerprint of the examined catalogs. `None` where `fingerprint.sql` gives none.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Whether the database is a read replica, which cannot store a verdict.
    pub(super) is_replica: bool,
}

/// Reads the current fingerprint and the stored verdict. `None` if there is no fingerprint, as on a
/// database that is not migrated, or if neither the database nor this server has a verdict to
/// compare it with.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn read_state(
    connection: &mut Connection,
    key_id: i32,
    subject: &str,
    has_verdict: bool,
) -> Result<Option<CatalogState>, WireError> {
    let (key_id, has_verdict) = (key_id.to_string(), has_verdict.to_string());
    let parameters = [&key_id, subject, &has_verdict];
    match rows(connection, &READ_STATE, &parameters, parse_state).await {
        Ok(rows) => Ok(rows.and_then(|mut rows| rows.pop())),
        Err(WireError::Statement(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Checks the database against every rule.
///
/// # Errors
/// When the check fails.
pub(super) async fn examine(
    connection: &mut Connection,
    accepted: &[AcceptedFinding],
) -> Result<Examination, WireError> {
    let rows = rows(
        connection,
        &EXAMINE,
        &[&exposed_tables()],
        parse_examination,
    )
    .await
    .map_err(WireError::into_internal)?;
    let (mut findings, mut accepted_findings) = (Vec::new(), Vec::new());
    let mut catalogs = None;
    for row in rows.ok_or(WireError::Protocol("an unknown row of the posture check"))? {
        match row {
            ExaminationRow::Finding(finding) if finding.is_among(accepted) => {
                accepted_findings.push(finding);
            }
            ExaminationRow::Finding(finding) => findings.push(finding),
            ExaminationRow::Catalogs {
                fingerprint,
                is_replica,
            } => catalogs = Some((fingerprint, is_replica)),
        }
    }
    let (fingerprint, is_replica) =
        catalogs.ok_or(WireError::Protocol("no fingerprint of the posture check"))?;
    findings.sort();
    accepted_findings.sort();
    if let Some(position) = findings.iter().position(Finding::is_migration_missing) {
        findings = vec![findings.swap_remove(position)];
    }
    Ok(Examination {
        findings: findings.into(),
        accepted: accepted_findings,
        fingerprint,
        is_replica,
    })
}

/// The parsed rows of an internal statement; `None` if a row could not be parsed, because an
/// unknown row must not pass for a sound database.
async fn rows<T: Send>(
    connection: &mut Connection,
    sql: &str,
    parameters: &[&str],
    parse: fn(&[Option<&str>]) -> Option<T>,
) -> Result<Option<Vec<T>>, WireError> {
    let query = Query::internal(sql, parameters);
    let mut collector = RowCollector::new(parse);
    tokio::time::timeout(
        QUERY_TIMEOUT,
        connection.run_internal(query, &mut collector),
    )
    .await
    .unwrap_or(Err(WireError::NoReply))?;
    Ok(collector.into_rows())
}

fn parse_state(values: &[Option<&str>]) -> Option<CatalogState> {
    let [Some(fingerprint), stored @ ..] = values else {
        return None;
    };
    Some(CatalogState {
        fingerprint: Fingerprint::parse(fingerprint)?,
        stored_verdict: match *stored {
            [Some(fingerprint), Some(examined_at), Some(mac)] => {
                StoredVerdict::parse(fingerprint, examined_at, mac)
            }
            _ => None,
        },
    })
}

/// A row of [`EXAMINE`].
enum ExaminationRow {
    Catalogs {
        fingerprint: Option<Fingerprint>,
        is_replica: bool,
    },
    Finding(Finding),
}

fn parse_examination(values: &[Option<&str>]) -> Option<ExaminationRow> {
    match *values {
        [Some("fingerprint"), digest, Some(in_recovery), _] => Some(ExaminationRow::Catalogs {
            fingerprint: digest.and_then(Fingerprint::parse),
            is_replica: in_recovery == "true",
        }),
        [Some(rule), Some(object), Some(problem), Some(fix)] => {
            Some(ExaminationRow::Finding(Finding {
                rule: PostureRule::from_name(rule)?,
                object: object.to_owned(),
                problem: problem.to_owned(),
                fix: fix.to_owned(),
            }))
        }
        _ => None,
    }
}
