use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::verdict::{Fingerprint, StoredVerdict};
use super::{Finding, PostureRule};
use crate::query::guard::RELATIONS;
use crate::query::scope::signed_call::Answer;
use crate::query::scope::wire::{Connection, Query, WireError};

/// What is found wrong, a row each; no row when nothing is.
pub(super) const FIND: &str = include_str!("find.sql");

/// A digest of what [`FIND`] depends on.
pub(super) const FINGERPRINT: &str = include_str!("fingerprint.sql");

/// The fingerprint, and the verdict that is stored for this server, if any. `$3` says
/// whether this server has a verdict of its own. Without any verdict there is nothing to compare,
/// and the fingerprint, an InitPlan, is not evaluated.
static LOOK: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT CASE WHEN v.mac IS NOT NULL OR $3::boolean \
             THEN (SELECT pg_catalog.encode(f.digest, 'base64') FROM (\n{FINGERPRINT}\n) AS f) END, \
         pg_catalog.encode(v.fingerprint, 'base64'), v.examined_at, pg_catalog.encode(v.mac, 'base64') \
         FROM (SELECT) AS one LEFT JOIN guard.posture_verdict($1, pg_catalog.decode($2, 'base64')) AS v ON true"
    )
});

/// The findings, and a row beside them with the fingerprint of the same snapshot: what was found is
/// true of that fingerprint, whatever changes meanwhile.
static EXAMINE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT 'fingerprint', pg_catalog.encode(f.digest, 'base64'), pg_catalog.pg_is_in_recovery()::text, '' \
         FROM (\n{FINGERPRINT}\n) AS f UNION ALL SELECT e.* FROM (\n{FIND}\n) AS e"
    )
});

/// How long each of them may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// What a look at the fingerprint showed.
pub(super) struct Seen {
    pub(super) fingerprint: Fingerprint,
    pub(super) stored: Option<StoredVerdict>,
}

/// What a full examination showed.
pub(super) struct Examination {
    /// Everything that is wrong, by rule and object. Of a database that is not prepared, only that.
    pub(super) findings: Arc<[Finding]>,
    /// Of the catalogue that was examined, where it has one.
    pub(super) fingerprint: Option<Fingerprint>,
    /// Whether the database is a read replica, which stores nothing.
    pub(super) is_replica: bool,
}

/// The names of the tables of schema retail that a client may name, as an array of PostgreSQL.
pub(super) fn exposed_tables() -> String {
    let exposed: Vec<&str> = RELATIONS.iter().map(|relation| relation.name).collect();
    format!("{{{}}}", exposed.join(","))
}

/// The fingerprint of the catalogue now. `None` when there is none, as on a database that is not
/// prepared, or when neither the database nor this server has a verdict to compare it with.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn look(
    connection: &mut Connection,
    key_id: i32,
    subject: &str,
    has_verdict: bool,
) -> Result<Option<Seen>, WireError> {
    let (key_id, has_verdict) = (key_id.to_string(), has_verdict.to_string());
    let parameters = [&key_id, subject, &has_verdict];
    match rows(connection, &LOOK, &parameters, read_seen).await {
        Ok(seen) => Ok(seen.and_then(|mut rows| rows.pop())),
        Err(WireError::Statement(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Holds the database against every rule.
///
/// # Errors
/// When that cannot be done.
pub(super) async fn examine(connection: &mut Connection) -> Result<Examination, WireError> {
    let read = rows(connection, &EXAMINE, &[&exposed_tables()], read_examined)
        .await
        .map_err(WireError::of_own_statement)?;
    let mut findings = Vec::new();
    let mut seen = None;
    for row in read.ok_or(WireError::Protocol("no finding of the posture check"))? {
        match row {
            Examined::Finding(finding) => findings.push(finding),
            Examined::Catalog {
                fingerprint,
                is_replica,
            } => seen = Some((fingerprint, is_replica)),
        }
    }
    let (fingerprint, is_replica) =
        seen.ok_or(WireError::Protocol("no fingerprint of the posture check"))?;
    findings.sort();
    if let Some(unprepared) = findings.iter().position(Finding::is_of_unprepared) {
        findings = vec![findings.swap_remove(unprepared)];
    }
    Ok(Examination {
        findings: findings.into(),
        fingerprint,
        is_replica,
    })
}

/// The rows of one of the server's own statements; `None` when one could not be read, for what is
/// not understood is not sound.
async fn rows<T: Send>(
    connection: &mut Connection,
    sql: &str,
    parameters: &[&str],
    read: fn(&[Option<&str>]) -> Option<T>,
) -> Result<Option<Vec<T>>, WireError> {
    let query = Query::own(sql, parameters);
    let mut answer = Answer::new(read);
    tokio::time::timeout(LOOK_TIMEOUT, connection.read(query, &mut answer))
        .await
        .unwrap_or(Err(WireError::Silent))?;
    Ok(answer.into_rows())
}

fn read_seen(values: &[Option<&str>]) -> Option<Seen> {
    let [Some(fingerprint), stored @ ..] = values else {
        return None;
    };
    Some(Seen {
        fingerprint: Fingerprint::parse(fingerprint)?,
        stored: match *stored {
            [Some(fingerprint), Some(examined_at), Some(mac)] => {
                StoredVerdict::parse(fingerprint, examined_at, mac)
            }
            _ => None,
        },
    })
}

/// A row of [`EXAMINE`].
enum Examined {
    Catalog {
        fingerprint: Option<Fingerprint>,
        is_replica: bool,
    },
    Finding(Finding),
}

fn read_examined(values: &[Option<&str>]) -> Option<Examined> {
    match *values {
        [Some("fingerprint"), digest, Some(in_recovery), _] => Some(Examined::Catalog {
            fingerprint: digest.and_then(Fingerprint::parse),
            is_replica: in_recovery == "true",
        }),
        [Some(rule), Some(object), Some(what), Some(mend)] => Some(Examined::Finding(Finding {
            rule: PostureRule::of_name(rule)?,
            object: object.to_owned(),
            what: what.to_owned(),
            mend: mend.to_owned(),
        })),
        _ => None,
    }
}
