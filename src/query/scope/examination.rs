use std::convert::Infallible;
use std::time::Duration;

use super::posture::{PostureReport, Verdict};
use super::signed_call::SignedCall;
use super::wire::TransactionMode;
use super::{Finding, Scope, ScopeError};

/// Delay of the first full examination after the start, even if a verdict was accepted at the
/// start.
const FIRST_EXAMINATION_DELAY: Duration = Duration::from_secs(10);

/// Interval of the full examinations after the first.
const EXAMINATION_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Delay before a failed examination is retried.
const RETRY_DELAY: Duration = Duration::from_secs(60);

impl Scope {
    /// Examines the login and the primary in full, and returns every violation of a posture rule.
    /// Serving data does not depend on this examination.
    ///
    /// # Errors
    /// [`ScopeError`] when the examination fails, and [`ScopeError::Misconfigured`] if `migrate`
    /// has not run.
    pub async fn examine(&self) -> Result<PostureReport, ScopeError> {
        let mut lease = self.lease_unchecked(&self.primary, None).await?;
        let report = self.primary.posture.report(lease.connection()).await;
        let report = report.map_err(ScopeError::from_wire)?;
        if report.findings.iter().any(Finding::is_migration_missing) {
            return Err(ScopeError::from_findings(report.findings));
        }
        Ok(report)
    }

    /// Connects and runs the posture check, so that the first request need not wait for it. Then
    /// examines the database in full, after ten seconds and once an hour. Never returns.
    ///
    /// # Cancel safety
    /// When dropped, it cancels its statement at the database.
    pub async fn watch_posture(&self) -> Infallible {
        if let Err(error) = self.lease(&self.primary, None).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "database not usable yet; the first request will retry"
            );
        }
        let mut delay = FIRST_EXAMINATION_DELAY;
        loop {
            tokio::time::sleep(delay).await;
            for (server, examined) in self.examine_replicas().await {
                if let Err(error) = examined {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(server, error, "posture examination of a replica failed");
                }
            }
            delay = match self.renew_verdict().await {
                Ok(()) => EXAMINATION_INTERVAL,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "posture examination failed; will retry");
                    RETRY_DELAY
                }
            };
        }
    }

    /// Examines the primary in full. From now on this server acts on the findings. Without
    /// findings, it stores a signed verdict for servers that start later, if the database can store
    /// one.
    ///
    /// # Errors
    /// [`ScopeError`] when the examination fails.
    pub async fn renew_verdict(&self) -> Result<(), ScopeError> {
        let mut lease = self.lease_unchecked(&self.primary, None).await?;
        let now = (self.clock)();
        let verdict = self
            .primary
            .posture
            .examine_now(lease.connection(), now)
            .await;
        let verdict = verdict.map_err(ScopeError::from_wire)?;
        drop(lease);
        if let Some(verdict) = verdict
            && let Err(error) = self.record_verdict(verdict).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "posture verdict not stored; the next start runs a full examination"
            );
        }
        Ok(())
    }

    async fn record_verdict(&self, verdict: Verdict) -> Result<(), ScopeError> {
        let call = SignedCall {
            purpose: "record-verdict",
            mode: TransactionMode::Append,
            statement: "SELECT guard.record_verdict($1, $2, $3, pg_catalog.decode($4, 'base64'))",
            payload: &self
                .primary
                .posture
                .verdict_payload(verdict, &self.signer().await?),
        };
        self.rows(call, |_| Some(())).await.map(|_| ())
    }
}
