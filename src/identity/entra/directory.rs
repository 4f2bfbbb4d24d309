use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::keys::{Key, Keys};
use crate::settings::EntraSettings;

/// The age at which keys are fetched again in the background, while the cached ones stay in use.
/// Microsoft asks for a day at most
/// (<https://learn.microsoft.com/entra/identity-platform/signing-key-rollover>); after an hour a
/// withdrawn key becomes useless sooner.
const KEY_REFRESH_INTERVAL: Duration = Duration::from_secs(3600);

/// The age beyond which keys are not used: an issuer that is unavailable for so long cannot have
/// announced which keys it has withdrawn.
const KEY_TTL: Duration = Duration::from_secs(24 * 3600);

/// How many fetches from one issuer may follow each other without delay. Fetches are limited
/// because anybody can invent an unknown `kid`, and to back off from an issuer that is down.
const MAX_FETCH_BURST: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// How many fetches from one issuer a minute allows after such a burst.
const MAX_FETCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// How long an issuer may take to answer. A request waits for it while no keys are cached.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest document that is read from an issuer, in bytes.
const MAX_DOCUMENT_BYTES: usize = 1 << 20;

/// Why an issuer's keys are not available.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IssuerError {
    /// The issuer does not answer, or answers with an error status.
    #[error("{url} cannot be fetched")]
    Fetch {
        /// The URL that was requested.
        url: String,
        /// The error of the HTTP client.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// The issuer answers with an unusable document.
    #[error("the document at {url} is invalid: {problem}")]
    Document {
        /// The URL that was requested.
        url: String,
        /// What is wrong with the document.
        problem: &'static str,
    },
    /// A fetch has failed a moment ago, and the next one is not due yet.
    #[error("fetching the issuer's keys failed a moment ago; backing off")]
    BackingOff,
}

/// The fields of OpenID Connect Discovery 1.0, section 4.2, that are used here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// A JWK Set (RFC 7517, section 5). Keys are parsed one by one, so that one of an unknown kind does
/// not invalidate the others.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// One Entra tenant as an issuer of tokens, with its cached keys.
pub(super) struct Directory {
    id: Uuid,
    authority: String,
    audiences: Vec<String>,
    http: reqwest::Client,
    keys: Mutex<Option<Arc<Keys>>>,
    fetch_limiter: DefaultDirectRateLimiter,
    /// When a fetch last ended. The lock is held during a fetch, so that concurrent requests, which
    /// need the same keys, share one. Held across an await, hence not a std mutex.
    last_fetch: tokio::sync::Mutex<Option<Instant>>,
    /// Whether a background refresh is under way.
    is_refreshing: AtomicBool,
    fetches: TaskTracker,
}

impl Directory {
    pub(super) fn new(id: Uuid, settings: &EntraSettings, http: reqwest::Client) -> Self {
        Self {
            id,
            authority: settings.authority.clone(),
            audiences: settings.audiences.clone(),
            http,
            keys: Mutex::new(None),
            fetch_limiter: RateLimiter::direct(
                Quota::per_minute(MAX_FETCHES_PER_MINUTE).allow_burst(MAX_FETCH_BURST),
            ),
            last_fetch: tokio::sync::Mutex::new(None),
            is_refreshing: AtomicBool::new(false),
            fetches: TaskTracker::new(),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The issuer's key with an id, `None` if it has no such key. Fetches the keys if none are
    /// cached or if the id is unknown, and refreshes old ones in the background.
    ///
    /// # Errors
    /// [`IssuerError`] if no keys are cached and none can be fetched.
    ///
    /// # Cancel safety
    /// Safe. A fetch that has begun goes on, because it has used up part of the fetch limit that
    /// all requests share.
    pub(super) async fn key(self: &Arc<Self>, id: &str) -> Result<Option<Arc<Key>>, IssuerError> {
        if let Some(keys) = self.cached_keys()
            && let Some(key) = keys.get(id)
        {
            if keys.fetched_at.elapsed() >= KEY_REFRESH_INTERVAL {
                self.refresh_in_background();
            }
            return Ok(Some(key));
        }
        let (directory, requested_at) = (Arc::clone(self), Instant::now());
        let fetch = self
            .fetches
            .spawn(async move { directory.refresh(requested_at).await });
        fetch.await.map_err(|_| IssuerError::BackingOff)??;
        Ok(self.cached_keys().and_then(|keys| keys.get(id)))
    }

    fn cached_keys(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
            .filter(|keys| keys.fetched_at.elapsed() < KEY_TTL)
    }

    /// Refreshes the keys in the background; requests keep using the cached ones. At most one such
    /// refresh runs at a time.
    fn refresh_in_background(self: &Arc<Self>) {
        if self.is_refreshing.swap(true, Ordering::Relaxed) {
            return;
        }
        let directory = Arc::clone(self);
        self.fetches.spawn(async move {
            // `refresh` has logged a failure.
            let _ = directory.refresh(Instant::now()).await;
            directory.is_refreshing.store(false, Ordering::Relaxed);
        });
    }

    /// Fetches the keys, unless a fetch has ended since `requested_at` or the fetch limit is
    /// reached. If keys are cached, a failure is only logged, and they stay in use.
    async fn refresh(&self, requested_at: Instant) -> Result<(), IssuerError> {
        let mut last_fetch = self.last_fetch.lock().await;
        let has_keys = self.cached_keys().is_some();
        if last_fetch.is_some_and(|last| last >= requested_at)
            || self.fetch_limiter.check().is_err()
        {
            return if has_keys {
                Ok(())
            } else {
                Err(IssuerError::BackingOff)
            };
        }
        let fetched = self.fetch_keys().await;
        *last_fetch = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(
                    directory = %self.id,
                    error = &error as &dyn std::error::Error,
                    "issuer key fetch failed; cached keys stay in use"
                );
                if has_keys { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn fetch_keys(&self) -> Result<Keys, IssuerError> {
        let base = format!("{}/{}", self.authority, self.id);
        let v2_url = format!("{base}/v2.0/.well-known/openid-configuration");
        let v1_url = format!("{base}/.well-known/openid-configuration");
        let (v2_metadata, v1_metadata) = tokio::join!(
            self.fetch_document::<Metadata>(&v2_url),
            self.fetch_document::<Metadata>(&v1_url)
        );
        let (v2_metadata, v1_metadata) = (v2_metadata?, v1_metadata?);
        // OpenID Connect Discovery 1.0, section 4.3: the document must name the requested issuer.
        if v2_metadata.issuer != format!("{base}/v2.0") {
            return Err(invalid_document(v2_url, "it names another issuer"));
        }
        if !v1_metadata.issuer.contains(&self.id.to_string()) {
            return Err(invalid_document(v1_url, "it names another directory"));
        }
        // An authority that is read over HTTPS must not refer to keys over plain HTTP. The settings
        // allow an authority over HTTP on this machine only.
        let scheme = self.authority.split("//").next().unwrap_or_default();
        if !v2_metadata.jwks_uri.starts_with(scheme) {
            return Err(invalid_document(
                v2_url,
                "jwks_uri does not have the authority's scheme",
            ));
        }
        let set: KeySet = self.fetch_document(&v2_metadata.jwks_uri).await?;
        let issuers = [v2_metadata.issuer, v1_metadata.issuer];
        let jwks = set
            .keys
            .into_iter()
            .filter_map(|key| self.parse_key(key, &issuers));
        let keys = Keys::from_jwks(jwks, &issuers, &self.audiences, Instant::now());
        if keys.is_empty() {
            return Err(invalid_document(
                v2_metadata.jwks_uri,
                "it contains no usable key",
            ));
        }
        Ok(keys)
    }

    /// Parses a key of a set; `None` if it is of an unknown kind or does not sign this directory's
    /// tokens. Entra names the issuer with each key
    /// (<https://learn.microsoft.com/entra/identity-platform/claims-validation#validate-the-signing-key-issuer>).
    fn parse_key(&self, key: Value, issuers: &[String]) -> Option<Jwk> {
        if let Some(issuer) = key.get("issuer") {
            let issuer = issuer.as_str()?.replace("{tenantid}", &self.id.to_string());
            issuers.contains(&issuer).then_some(())?;
        }
        serde_json::from_value(key).ok()
    }

    async fn fetch_document<T: DeserializeOwned>(&self, url: &str) -> Result<T, IssuerError> {
        let failed = |source| IssuerError::Fetch {
            url: url.to_owned(),
            source: Arc::new(source),
        };
        let request = self.http.get(url).timeout(FETCH_TIMEOUT);
        let response = request.send().await.map_err(failed)?;
        let mut response = response.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_DOCUMENT_BYTES {
                return Err(invalid_document(url.to_owned(), "it is too long"));
            }
        }
        serde_json::from_slice(&body)
            .map_err(|_| invalid_document(url.to_owned(), "it is not JSON of the expected shape"))
    }
}

fn invalid_document(url: String, problem: &'static str) -> IssuerError {
    IssuerError::Document { url, problem }
}
