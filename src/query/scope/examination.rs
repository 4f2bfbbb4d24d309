use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::posture::{self, Verdict};
use super::signed_call::SignedCall;
use super::wire::TransactionMode;
use super::{Finding, Scope, ScopeError};

/// Delay of the first full examination after the start, whatever verdict was accepted at the start.
const FIRST_EXAMINATION_DELAY: Duration = Duration::from_secs(10);

/// How often the database is examined in full after that.
const EXAMINATION_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// When an examination that could not be made is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(60);

impl Scope {
    /// Everything about the login and the database that keeps this server from serving data,
    /// examined now.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told, and [`ScopeError::Misconfigured`] where `migrate` has
    /// not run.
    pub async fn examine(&self) -> Result<Arc<[Finding]>, ScopeError> {
        let mut lease = self.turn(None).await?;
        let findings = posture::examine(lease.connection())
            .await
            .map_err(ScopeError::of_wire)?;
        if findings.iter().any(Finding::is_of_unprepared) {
            return Err(ScopeError::of_posture(findings));
        }
        Ok(findings)
    }

    /// Connects and looks whether the database is fit to serve from, so that the first request need
    /// not; then examines it in full, soon and once an hour. Goes on until it is dropped.
    ///
    /// # Cancel safety
    /// Dropped at any time, what runs is cancelled at the database.
    pub async fn watch_posture(&self) -> Infallible {
        if let Err(error) = self.lease(None).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the database cannot be used yet; the first request will retry"
            );
        }
        let mut delay = FIRST_EXAMINATION_DELAY;
        loop {
            tokio::time::sleep(delay).await;
            delay = match self.examine_anew().await {
                Ok(()) => EXAMINATION_INTERVAL,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "posture examination failed; will retry");
                    RETRY_DELAY
                }
            };
        }
    }

    /// Examines the database in full. What is found holds for this server from now on; that nothing
    /// was found is stored for servers that start later, where that is possible.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn examine_anew(&self) -> Result<(), ScopeError> {
        let mut lease = self.turn(None).await?;
        let now = (self.clock)();
        let passed = self.posture.examine_anew(lease.connection(), now).await;
        let passed = passed.map_err(ScopeError::of_wire)?;
        drop(lease);
        if let Some(verdict) = passed
            && let Err(error) = self.record_verdict(verdict).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "posture verdict not stored; the next start examines in full"
            );
        }
        Ok(())
    }

    async fn record_verdict(&self, verdict: Verdict) -> Result<(), ScopeError> {
        let question = SignedCall {
            purpose: "record-verdict",
            mode: TransactionMode::Append,
            statement: "SELECT guard.record_verdict($1, $2, $3, pg_catalog.decode($4, 'base64'))",
            text: &self.posture.question(verdict, &self.signer),
        };
        self.rows(question, |_| Some(())).await.map(|_| ())
    }
}
