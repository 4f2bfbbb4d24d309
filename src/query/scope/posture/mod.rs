//! Proves the login and the database against the live catalogue before data is served.
//!
//! Knows two statements over `pg_catalog` and what their rows mean; must not know tenants, pools or
//! MCP. Layers 3 and 6 (least privilege, row security) are made by `migrate` and may be undone by
//! anybody with the rights to; here that shows, with the statement that fixes it. A full
//! examination is slow on a new connection, so a fingerprint of what it depends on is compared
//! first with that of the last one that passed, in this process or in another that signed its
//! verdict.
//! Invariant: [`Posture::findings`] is empty only when the catalogue as it was at most [`REPEAT`]
//! ago, or one with the same fingerprint, has passed a full examination.
mod rule; // what must be so
mod statements; // what is asked of the catalogue
mod verdict; // a full examination that passed, signed

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::context::Signer;
use super::wire::{Connection, WireError};

pub use rule::PostureRule;
pub(super) use verdict::Verdict;

use statements::{Examination, Seen};
use verdict::Subject;

/// How old a look at the catalogue may be: somebody may change a grant at any time.
const REPEAT: Duration = Duration::from_secs(60);

/// One thing that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: PostureRule,
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

/// What the last look found, and whether another is due.
pub(super) struct Posture {
    subject: Subject,
    state: Mutex<State>,
    /// One look at a time: the requests of a fresh process come together and need only one. Held
    /// across an await, hence not a std mutex.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    last: Option<Look>,
    /// The last full examination that passed, or the verdict of another server that was accepted.
    passed: Option<Verdict>,
}

#[derive(Clone)]
struct Look {
    at: Instant,
    findings: Arc<[Finding]>,
}

impl Posture {
    /// For verdicts on one database and one login.
    pub(super) fn new(database: &str, login: &str) -> Self {
        Self {
            subject: Subject::new(database, login),
            state: Mutex::default(),
            looking: tokio::sync::Mutex::new(()),
        }
    }

    /// What forbids to serve data now; empty when nothing does. Looks over `connection` when that
    /// is due: at first, once a minute, and every time for as long as something is found. `now` is
    /// the time at which the call begins.
    ///
    /// # Errors
    /// When it cannot be told.
    ///
    /// # Cancel safety
    /// Dropped half-way, the connection is not clean and nothing has been decided.
    pub(super) async fn findings(
        &self,
        connection: &mut Connection,
        signer: &Signer,
        now: SystemTime,
    ) -> Result<Arc<[Finding]>, WireError> {
        let asked = Instant::now();
        let _looking = match self.last() {
            Some(last) if last.findings.is_empty() => {
                if asked.duration_since(last.at) < REPEAT {
                    return Ok(last.findings);
                }
                // Whoever else comes meanwhile goes on with what was last found, and does not wait.
                match self.looking.try_lock() {
                    Ok(looking) => looking,
                    Err(_) => return Ok(last.findings),
                }
            }
            _ => self.looking.lock().await,
        };
        match self.last() {
            // Somebody has looked while this caller waited.
            Some(last) if last.at >= asked => return Ok(last.findings),
            // Only a full examination tells that what was found is fixed.
            Some(last) if !last.findings.is_empty() => {}
            _ => {
                let (key_id, subject) = (signer.key_id(), self.subject.to_base64());
                let has_verdict = self.state().passed.is_some();
                let seen = statements::look(connection, key_id, &subject, has_verdict).await?;
                let verdict = seen.and_then(|seen| self.accepted(&seen, signer, now));
                if verdict.is_some() {
                    let findings: Arc<[Finding]> = Arc::from([]);
                    self.rollback_if_failed(Arc::clone(&findings), verdict);
                    return Ok(findings);
                }
            }
        }
        Ok(self.examine_and_settle(connection, now).await?.findings)
    }

    /// Examines in full, whatever is known; the verdict, when nothing was found and the database
    /// can store it.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) async fn examine_anew(
        &self,
        connection: &mut Connection,
        now: SystemTime,
    ) -> Result<Option<Verdict>, WireError> {
        let _looking = self.looking.lock().await;
        let examination = self.examine_and_settle(connection, now).await?;
        Ok(self.state().passed.filter(|_| !examination.is_replica))
    }

    /// The question of `guard.record_verdict`.
    pub(super) fn question(&self, verdict: Verdict, signer: &Signer) -> String {
        verdict.to_question(&self.subject, signer)
    }

    async fn examine_and_settle(
        &self,
        connection: &mut Connection,
        now: SystemTime,
    ) -> Result<Examination, WireError> {
        let examination = statements::examine(connection).await?;
        let fingerprint = examination.fingerprint;
        let passed = fingerprint.filter(|_| examination.findings.is_empty());
        let passed = passed.map(|fingerprint| Verdict::new(fingerprint, now));
        self.rollback_if_failed(Arc::clone(&examination.findings), passed);
        Ok(examination)
    }

    /// A verdict that holds for what was seen: this process's own, or a stored one that is signed.
    fn accepted(&self, seen: &Seen, signer: &Signer, now: SystemTime) -> Option<Verdict> {
        let own = self.state().passed;
        let stored = seen.stored.as_ref();
        let stored = stored.and_then(|stored| stored.verify(&self.subject, signer));
        let mut verdicts = own.into_iter().chain(stored);
        verdicts.find(|verdict| verdict.holds_for(seen.fingerprint, now))
    }

    fn last(&self) -> Option<Look> {
        self.state().last.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers, and tells the operator what has changed: once, not with every request.
    fn rollback_if_failed(&self, findings: Arc<[Finding]>, passed: Option<Verdict>) {
        let last = Look {
            at: Instant::now(),
            findings: Arc::clone(&findings),
        };
        let last = Some(last);
        let before = std::mem::replace(&mut *self.state(), State { last, passed });
        if before
            .last
            .is_some_and(|before| before.findings == findings)
        {
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
            tracing::info!("posture check passed");
        }
    }
}

/// Everything that is wrong now, by rule and object. Of a database that is not prepared, only that.
///
/// # Errors
/// When it cannot be told.
pub(super) async fn examine(connection: &mut Connection) -> Result<Arc<[Finding]>, WireError> {
    Ok(statements::examine(connection).await?.findings)
}
