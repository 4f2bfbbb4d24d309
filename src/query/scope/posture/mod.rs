//! Checks the login and the database against the live system catalogs before data is served.
//!
//! Knows two statements over `pg_catalog` and what their rows mean; must not know tenants, pools or
//! MCP. Layers 3 and 6 (least privilege, row security) are set up by `migrate`, and anybody with
//! enough privileges can undo them. The posture check finds that, and prints the statement that
//! fixes it.
//!
//! A full examination is slow on a new connection. So a check first computes a fingerprint of all
//! catalog rows that the rules depend on. It compares that with the fingerprint of the last
//! examination that passed, in this process or in another one that signed its verdict.
//!
//! Invariant: [`Posture::findings`] is empty only if a catalog state at most [`CHECK_TTL`] old has
//! passed a full examination, or has the fingerprint of one that did.
mod finding; // a violation of a rule
mod rule; // the posture rules, and the SQL that checks them
mod statements; // the queries over the system catalogs
mod verdict; // a signed record of an examination that passed

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::context::Signer;
use super::wire::{Connection, WireError};
use crate::settings::AcceptedFinding;

pub use finding::Finding;
pub use rule::PostureRule;
pub(super) use verdict::Verdict;

use statements::{CatalogState, Examination};
use verdict::Subject;

/// How long a passed check is relied on: a grant may change at any time.
const CHECK_TTL: Duration = Duration::from_secs(60);

/// What an examination has found.
#[derive(Clone, Debug)]
pub struct PostureReport {
    /// The violations that forbid serving data, sorted by rule and object. If `migrate` has not
    /// run, that is the only one.
    pub findings: Arc<[Finding]>,
    /// The violations that the settings accept.
    pub accepted: Vec<Finding>,
}

/// The result of the last check, and whether another one is due.
pub(super) struct Posture {
    subject: Subject,
    accepted: Vec<AcceptedFinding>,
    state: Mutex<State>,
    /// Allows one check at a time: the first requests of a process arrive together, and one check
    /// serves them all. Held across an await, hence not a std mutex.
    checking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    last: Option<CheckResult>,
    /// The verdict of the last full examination that passed, or an accepted one of another server.
    verdict: Option<Verdict>,
}

#[derive(Clone)]
struct CheckResult {
    at: Instant,
    findings: Arc<[Finding]>,
}

impl Posture {
    /// The posture of one database for one login. `accepted` are the findings in spite of which
    /// data is served.
    pub(super) fn new(database: &str, login: &str, accepted: Vec<AcceptedFinding>) -> Self {
        Self {
            subject: Subject::new(database, login, &accepted),
            accepted,
            state: Mutex::default(),
            checking: tokio::sync::Mutex::new(()),
        }
    }

    /// The violations that forbid serving data now. Uses `connection` to check when a check is due:
    /// on the first call, once a minute, and on every call while there are findings. `now` is the
    /// time at which the call begins.
    ///
    /// # Errors
    /// When the check fails.
    ///
    /// # Cancel safety
    /// Dropped half-way, it leaves the connection not clean and the last result in force.
    pub(super) async fn findings(
        &self,
        connection: &mut Connection,
        signer: &Signer,
        now: SystemTime,
    ) -> Result<Arc<[Finding]>, WireError> {
        let called_at = Instant::now();
        let _checking = match self.last() {
            Some(last) if last.findings.is_empty() => {
                if called_at.duration_since(last.at) < CHECK_TTL {
                    return Ok(last.findings);
                }
                // While one caller checks, all others use the last result and do not wait.
                match self.checking.try_lock() {
                    Ok(checking) => checking,
                    Err(_) => return Ok(last.findings),
                }
            }
            _ => self.checking.lock().await,
        };
        match self.last() {
            // Another caller has checked while this one waited.
            Some(last) if last.at >= called_at => return Ok(last.findings),
            // Only a full examination can tell that findings are fixed.
            Some(last) if !last.findings.is_empty() => {}
            _ => {
                let (key_id, subject) = (signer.key_id(), self.subject.to_base64());
                let has_verdict = self.state().verdict.is_some();
                let state =
                    statements::read_state(connection, key_id, &subject, has_verdict).await?;
                let verdict = state.and_then(|state| self.accepted_verdict(&state, signer, now));
                if verdict.is_some() {
                    let findings: Arc<[Finding]> = Arc::from([]);
                    self.store_result(Arc::clone(&findings), verdict);
                    return Ok(findings);
                }
            }
        }
        Ok(self.examine_and_store(connection, now).await?.findings)
    }

    /// Runs a full examination, whatever the last result. Returns the verdict if there are no
    /// findings and the database can store it.
    ///
    /// # Errors
    /// When the examination fails.
    pub(super) async fn examine_now(
        &self,
        connection: &mut Connection,
        now: SystemTime,
    ) -> Result<Option<Verdict>, WireError> {
        let _checking = self.checking.lock().await;
        let examination = self.examine_and_store(connection, now).await?;
        Ok(self.state().verdict.filter(|_| !examination.is_replica))
    }

    /// The findings of the last check; empty before the first one.
    pub(super) fn last_findings(&self) -> Arc<[Finding]> {
        self.last().map(|last| last.findings).unwrap_or_default()
    }

    /// Runs a full examination without acting on it.
    ///
    /// # Errors
    /// When the examination fails.
    pub(super) async fn report(
        &self,
        connection: &mut Connection,
    ) -> Result<PostureReport, WireError> {
        let examination = statements::examine(connection, &self.accepted).await?;
        Ok(PostureReport {
            findings: examination.findings,
            accepted: examination.accepted,
        })
    }

    /// The payload of `guard.record_verdict`.
    pub(super) fn verdict_payload(&self, verdict: Verdict, signer: &Signer) -> String {
        verdict.to_payload(&self.subject, signer)
    }

    async fn examine_and_store(
        &self,
        connection: &mut Connection,
        now: SystemTime,
    ) -> Result<Examination, WireError> {
        let examination = statements::examine(connection, &self.accepted).await?;
        let fingerprint = examination.fingerprint;
        let passed = fingerprint.filter(|_| examination.findings.is_empty());
        let verdict = passed.map(|fingerprint| Verdict::new(fingerprint, now));
        self.store_result(Arc::clone(&examination.findings), verdict);
        Ok(examination)
    }

    /// A verdict that is valid for this state of the catalogs: this process's own, or a stored one
    /// with a valid signature.
    fn accepted_verdict(
        &self,
        state: &CatalogState,
        signer: &Signer,
        now: SystemTime,
    ) -> Option<Verdict> {
        let own = self.state().verdict;
        let stored = state.stored_verdict.as_ref();
        let stored = stored.and_then(|stored| stored.verify(&self.subject, signer));
        let mut verdicts = own.into_iter().chain(stored);
        verdicts.find(|verdict| verdict.is_valid_for(state.fingerprint, now))
    }

    /// The number of violations that the last check has found.
    pub(super) fn finding_count(&self) -> usize {
        self.state()
            .last
            .as_ref()
            .map_or(0, |last| last.findings.len())
    }

    fn last(&self) -> Option<CheckResult> {
        self.state().last.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the result of a check. Logs it only if it differs from the last one, so not with
    /// every request.
    fn store_result(&self, findings: Arc<[Finding]>, verdict: Option<Verdict>) {
        let last = CheckResult {
            at: Instant::now(),
            findings: Arc::clone(&findings),
        };
        let last = Some(last);
        let previous = std::mem::replace(&mut *self.state(), State { last, verdict });
        if previous
            .last
            .is_some_and(|previous| previous.findings == findings)
        {
            return;
        }
        for Finding {
            rule,
            object,
            problem,
            fix,
        } in &*findings
        {
            tracing::error!(
                rule = rule.name(),
                object,
                problem,
                fix,
                "posture rule violated; no data is served until it is fixed"
            );
        }
        if findings.is_empty() {
            tracing::info!("posture check passed");
        }
    }
}
