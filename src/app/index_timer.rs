//! Refreshes the search index when the timer of Azure Functions asks for it.
//!
//! The refresh belongs to a task of the server and not to the request: one runs at a time, it ends
//! at its deadline or when the server stops, and a caller that hangs up does not end it.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::embedder::embedder;
use crate::azure::AzureServices;
use crate::database;
use crate::host::{IndexRefresher, RefreshReport};
use crate::progress::Progress;
use crate::search_index::{self, EMBEDDING_TIMEOUT, Refreshed, SearchIndexError};
use crate::settings::{DatabaseAddress, HttpsSettings, Login, SearchSettings, TimerSettings};

/// How long one refresh may take: less than the host's limit on a function (`functionTimeout` in
/// `host.json`). The next call continues it.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(9 * 60);

/// What a refresh needs.
#[derive(Debug)]
pub(super) struct RefreshSource {
    pub(super) login: Login,
    pub(super) database: DatabaseAddress,
    pub(super) search: SearchSettings,
    pub(super) https: HttpsSettings,
    pub(super) azure: AzureServices,
}

/// What the settings make of a timer's calls.
#[derive(Debug)]
pub(super) enum IndexTimer {
    NoEndpoint,
    Disabled(&'static str),
    Enabled(Box<RefreshSource>),
}

impl IndexTimer {
    pub(super) fn new(
        timer: &TimerSettings,
        database: &DatabaseAddress,
        search: &SearchSettings,
        https: &HttpsSettings,
        azure: &AzureServices,
    ) -> Self {
        match timer {
            TimerSettings::NoEndpoint => Self::NoEndpoint,
            TimerSettings::Disabled(reason) => Self::Disabled(reason),
            TimerSettings::Enabled(login) => Self::Enabled(Box::new(RefreshSource {
                login: (**login).clone(),
                database: database.clone(),
                search: search.clone(),
                https: https.clone(),
                azure: azure.clone(),
            })),
        }
    }

    /// The endpoint's part, if there is an endpoint, and the task that refreshes the index until
    /// `stop` is cancelled.
    pub(super) fn into_parts(
        self,
        stop: CancellationToken,
    ) -> (
        Option<Arc<dyn IndexRefresher>>,
        BoxFuture<'static, Infallible>,
    ) {
        match self {
            Self::NoEndpoint => (None, pending().boxed()),
            Self::Disabled(reason) => (Some(Arc::new(Unavailable(reason))), pending().boxed()),
            Self::Enabled(source) => {
                let (calls, receiver) = mpsc::channel(1);
                let refresher = Refresher {
                    permit: Arc::new(Semaphore::new(1)),
                    calls,
                };
                (
                    Some(Arc::new(refresher)),
                    run(receiver, source, stop).boxed(),
                )
            }
        }
    }
}

/// Refreshes nothing, for a reason.
struct Unavailable(&'static str);

impl IndexRefresher for Unavailable {
    fn refresh(&self) -> BoxFuture<'_, RefreshReport> {
        ready(RefreshReport::Done(self.0.to_owned())).boxed()
    }
}

/// A call of the timer.
struct Call {
    report: oneshot::Sender<RefreshReport>,
    /// The span of the call, which the log lines of the refresh carry.
    span: Span,
    /// Held until the refresh has ended.
    _permit: OwnedSemaphorePermit,
}

/// Passes calls to the task.
struct Refresher {
    permit: Arc<Semaphore>,
    calls: mpsc::Sender<Call>,
}

impl IndexRefresher for Refresher {
    fn refresh(&self) -> BoxFuture<'_, RefreshReport> {
        async {
            let Ok(permit) = Arc::clone(&self.permit).try_acquire_owned() else {
                return another_run();
            };
            let (report, received) = oneshot::channel();
            let call = Call {
                report,
                span: Span::current(),
                _permit: permit,
            };
            // The channel has room for the only call that holds the permit.
            if self.calls.try_send(call).is_err() {
                return stopping();
            }
            received.await.unwrap_or_else(|_| stopping())
        }
        .boxed()
    }
}

fn another_run() -> RefreshReport {
    RefreshReport::Done("another run over the search index is under way".to_owned())
}

fn stopping() -> RefreshReport {
    RefreshReport::Failed("the server is stopping; the next call continues".to_owned())
}

/// Serves calls, one at a time, until `stop` is cancelled.
async fn run(
    mut calls: mpsc::Receiver<Call>,
    source: Box<RefreshSource>,
    stop: CancellationToken,
) -> Infallible {
    let serving = async {
        while let Some(Call {
            report,
            span,
            _permit,
        }) = calls.recv().await
        {
            let done = source.refresh().instrument(span).await;
            // A caller that has hung up does not need it.
            let _ = report.send(done);
        }
    };
    // A refresh that is dropped leaves whole batches, and its connection is closed with it.
    tokio::select! {
        () = serving => {}
        () = stop.cancelled() => {}
    }
    drop(calls);
    pending().await
}

impl RefreshSource {
    /// Refreshes the index within [`REFRESH_TIMEOUT`], and logs what became of it.
    async fn refresh(&self) -> RefreshReport {
        let mut refreshed = Refreshed::default();
        match timeout(REFRESH_TIMEOUT, self.refresh_into(&mut refreshed)).await {
            Ok(Ok(())) => {
                log_refreshed(&refreshed, "search index refreshed");
                RefreshReport::Done(describe(&refreshed, "the search index is up to date"))
            }
            Err(_) => {
                log_refreshed(&refreshed, "search index refresh timed out; will continue");
                let outcome = "the deadline has passed; the next call continues";
                RefreshReport::Done(describe(&refreshed, outcome))
            }
            Ok(Err(error)) if is_another_run(&error) => another_run(),
            Ok(Err(error)) => {
                tracing::error!(
                    error = &*error as &dyn std::error::Error,
                    words = refreshed.documents,
                    vectors = refreshed.vectors,
                    "search index refresh failed; the next call continues"
                );
                RefreshReport::Failed(describe(&refreshed, &format!("{error:#}")))
            }
        }
    }

    async fn refresh_into(&self, refreshed: &mut Refreshed) -> anyhow::Result<()> {
        // An embedder of its own: its requests may take longer than those of searches, and the
        // memory of its model is needed only now.
        let embedder = embedder(&self.search, &self.https, &self.azure, EMBEDDING_TIMEOUT)?;
        let mut db = database::connect_as_indexer(&self.azure, &self.database, &self.login).await?;
        let embedder = embedder.as_deref();
        search_index::refresh_into(&mut db, embedder, Progress::silent(), refreshed).await?;
        Ok(())
    }
}

fn is_another_run(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(SearchIndexError::AnotherRun))
}

fn log_refreshed(refreshed: &Refreshed, message: &'static str) {
    tracing::info!(
        products = refreshed.products,
        words = refreshed.documents,
        vectors = refreshed.vectors,
        rejected = refreshed.rejected,
        "{message}"
    );
}

fn describe(refreshed: &Refreshed, outcome: &str) -> String {
    format!(
        "{outcome}: of {} products, wrote the words of {} and the vectors of {}",
        refreshed.products, refreshed.documents, refreshed.vectors
    )
}
