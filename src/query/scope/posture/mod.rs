//! Proves the login and the database against the live catalogue before data is served.
//!
//! Knows one statement and what its rows mean; must not know tenants, pools or MCP. Layers 3 and 6 (least privilege, row security)
//! are made by `migrate` and may be undone by anybody with the rights to; here that shows, with the statement that mends it.
//! Invariant: [`Posture::findings`] is empty only after an examination that found nothing and is younger than [`REPEAT`].
mod rule; // what must be so

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::wire::{Connection, Query, WireError};
use super::{Column, RowSink};
use crate::query::guard::RELATIONS;

pub use rule::Rule;

/// What is found wrong, a row each; no row when nothing is.
const FIND: &str = include_str!("find.sql");

/// How old an examination may be. It costs about ten milliseconds on a new connection, most of it planning with cold caches, and
/// somebody may change a grant at any time.
const REPEAT: Duration = Duration::from_secs(60);

/// How long an examination may take.
const LONGEST: Duration = Duration::from_secs(5);

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// The role, table, function or setting it is about.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// The statement that mends it, for an administrator to run.
    pub mend: String,
}

impl Finding {
    /// Whether it says that `migrate` has not run: then the database is not damaged, but not prepared.
    #[must_use]
    pub fn is_of_unprepared(&self) -> bool {
        self.rule == rule::MIGRATED
    }
}

/// What the last examination found, and whether another is due.
pub(super) struct Posture {
    last: Mutex<Option<Examination>>,
    /// One examination at a time: the requests of a fresh process come together and need only one. Held across an await,
    /// hence not a std mutex.
    examining: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Examination {
    at: Instant,
    findings: Arc<[Finding]>,
}

impl Posture {
    pub(super) fn new() -> Self {
        Self {
            last: Mutex::new(None),
            examining: tokio::sync::Mutex::new(()),
        }
    }

    /// What forbids to serve data now; empty when nothing does. Examines over `connection` when that is due: at first, once
    /// a minute, and every time for as long as something is found.
    ///
    /// # Errors
    /// When it cannot be told.
    ///
    /// # Cancel safety
    /// Dropped half-way, the connection is not clean and nothing has been decided.
    pub(super) async fn findings(
        &self,
        connection: &mut Connection,
    ) -> Result<Arc<[Finding]>, WireError> {
        let asked = Instant::now();
        let _examining = match self.last() {
            Some(last) if last.findings.is_empty() => {
                if asked.duration_since(last.at) < REPEAT {
                    return Ok(last.findings);
                }
                // Whoever else comes meanwhile goes on with what was last found, and does not wait.
                match self.examining.try_lock() {
                    Ok(examining) => examining,
                    Err(_) => return Ok(last.findings),
                }
            }
            _ => self.examining.lock().await,
        };
        match self.last() {
            // Somebody has examined while this caller waited.
            Some(last) if last.at >= asked => Ok(last.findings),
            _ => {
                let findings = examine(connection).await?;
                self.settle(Arc::clone(&findings));
                Ok(findings)
            }
        }
    }

    fn last(&self) -> Option<Examination> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers, and tells the operator what has changed: once, not with every request.
    fn settle(&self, findings: Arc<[Finding]>) {
        let now = Examination {
            at: Instant::now(),
            findings: Arc::clone(&findings),
        };
        let before = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(now);
        let before = before.map(|before| before.findings);
        if before.as_ref() == Some(&findings) {
            return;
        }
        for Finding {
            rule,
            object,
            what,
            mend,
        } in &*findings
        {
            tracing::error!(
                rule = rule.name(),
                object,
                what,
                mend,
                "nothing is served until this is mended"
            );
        }
        if findings.is_empty() {
            tracing::info!("the login and the database are as they must be");
        }
    }
}

/// Everything that is wrong now, by rule and object. Of a database that is not prepared, only that.
///
/// # Errors
/// When it cannot be told.
pub(super) async fn examine(connection: &mut Connection) -> Result<Arc<[Finding]>, WireError> {
    let exposed: Vec<&str> = RELATIONS.iter().map(|relation| relation.name).collect();
    let tables = format!("{{{}}}", exposed.join(","));
    let mut found = Found(Some(Vec::new()));
    tokio::time::timeout(
        LONGEST,
        connection.read(Query::own(FIND, &[&tables]), &mut found),
    )
    .await
    .unwrap_or(Err(WireError::Silent))
    .map_err(WireError::of_own_statement)?;
    let mut findings = found
        .0
        .ok_or(WireError::Protocol("no finding of the posture check"))?;
    findings.sort();
    if let Some(unprepared) = findings.iter().position(Finding::is_of_unprepared) {
        findings = vec![findings.swap_remove(unprepared)];
    }
    Ok(findings.into())
}

/// The rows of the examination; `None` when one could not be read, for what is not understood is not sound.
struct Found(Option<Vec<Finding>>);

impl RowSink for Found {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let mut text = || {
            let value = values.next().flatten()?;
            std::str::from_utf8(value).ok()
        };
        let finding = (|| {
            Some(Finding {
                rule: Rule::of_name(text()?)?,
                object: text()?.to_owned(),
                what: text()?.to_owned(),
                mend: text()?.to_owned(),
            })
        })();
        self.0 = finding.and_then(|finding| {
            let mut findings = self.0.take()?;
            findings.push(finding);
            Some(findings)
        });
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.0 = None;
    }
}
