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

/// How old keys may be before they are fetched anew, while those at hand go on being used. Microsoft asks for a day at most
/// (<https://learn.microsoft.com/entra/identity-platform/signing-key-rollover>); an hour makes a withdrawn key worthless sooner.
const FRESH_FOR: Duration = Duration::from_secs(3600);

/// How old keys may be and still be used: an issuer that is away for so long cannot have said what it has withdrawn.
const USED_FOR: Duration = Duration::from_secs(24 * 3600);

/// How often an issuer may be asked on end, and in a minute after that: an unknown `kid` costs nothing to invent, and an issuer
/// that is down is left in peace.
const TRIES_ON_END: NonZeroU32 = NonZeroU32::new(3).unwrap();
const TRIES_A_MINUTE: NonZeroU32 = NonZeroU32::new(12).unwrap();

/// The longest document that is read of an issuer, in bytes.
const LONGEST_DOCUMENT: usize = 1 << 20;

/// Why there are no keys.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IssuerError {
    /// The issuer does not answer, or not with 200.
    #[error("{url} cannot be fetched")]
    Fetch {
        /// What was asked for.
        url: String,
        /// What the HTTP client says.
        #[source]
        source: Arc<reqwest::Error>,
    },
    /// It answers with something else than was asked for.
    #[error("{url} is not what it should be: {what}")]
    Document {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        what: &'static str,
    },
    /// It has failed a moment ago and is not asked again yet.
    #[error("the issuer's keys could not be fetched a moment ago")]
    Resting,
}

/// OpenID Connect Discovery 1.0, section 4.2, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// RFC 7517, section 5. One key that is not understood does not spoil the others.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// One Entra tenant as an issuer of tokens.
pub(super) struct Directory {
    id: Uuid,
    authority: String,
    audiences: Vec<String>,
    http: reqwest::Client,
    keys: Mutex<Option<Arc<Keys>>>,
    tries: DefaultDirectRateLimiter,
    /// When keys were last asked for. One at a time: callers that come together need the same keys. Held across an await, hence
    /// not a std mutex.
    tried: tokio::sync::Mutex<Option<Instant>>,
    /// Whether old keys are being fetched anew.
    renewing: AtomicBool,
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
            tries: RateLimiter::direct(Quota::per_minute(TRIES_A_MINUTE).allow_burst(TRIES_ON_END)),
            tried: tokio::sync::Mutex::new(None),
            renewing: AtomicBool::new(false),
            fetches: TaskTracker::new(),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The issuer's key of an id, `None` if it has no such key. Asks the issuer for keys when there are none, when they are
    /// old, or when this one is new.
    ///
    /// # Errors
    /// [`IssuerError`] when there are no keys to tell by.
    ///
    /// # Cancel safety
    /// A fetch that has begun goes on: it is paid for out of what all callers share.
    pub(super) async fn key(self: &Arc<Self>, id: &str) -> Result<Option<Arc<Key>>, IssuerError> {
        if let Some(keys) = self.keys()
            && let Some(key) = keys.get(id)
        {
            if keys.fetched.elapsed() >= FRESH_FOR {
                self.renew();
            }
            return Ok(Some(key));
        }
        let (directory, asked) = (Arc::clone(self), Instant::now());
        let fetch = self
            .fetches
            .spawn(async move { directory.refresh(asked).await });
        fetch.await.map_err(|_| IssuerError::Resting)??;
        Ok(self.keys().and_then(|keys| keys.get(id)))
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.clone()
            .filter(|keys| keys.fetched.elapsed() < USED_FOR)
    }

    /// Nobody waits for it: the keys at hand are good enough. One at a time.
    fn renew(self: &Arc<Self>) {
        if self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let directory = Arc::clone(self);
        self.fetches.spawn(async move {
            // The failure has been logged.
            let _ = directory.refresh(Instant::now()).await;
            directory.renewing.store(false, Ordering::Relaxed);
        });
    }

    /// Fetches keys, unless somebody else has since `asked` or it was tried too often. With keys at hand a failure is only
    /// logged: they go on being used.
    async fn refresh(&self, asked: Instant) -> Result<(), IssuerError> {
        let mut tried = self.tried.lock().await;
        let has_keys = self.keys().is_some();
        if tried.is_some_and(|last| last >= asked) || self.tries.check().is_err() {
            return if has_keys {
                Ok(())
            } else {
                Err(IssuerError::Resting)
            };
        }
        let fetched = self.fetch().await;
        *tried = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(
                    directory = %self.id,
                    error = &error as &dyn std::error::Error,
                    "the issuer's keys cannot be fetched; those at hand go on being used"
                );
                if has_keys { Ok(()) } else { Err(error) }
            }
        }
    }

    async fn fetch(&self) -> Result<Keys, IssuerError> {
        let base = format!("{}/{}", self.authority, self.id);
        let newer = format!("{base}/v2.0/.well-known/openid-configuration");
        let older = format!("{base}/.well-known/openid-configuration");
        let (newer_document, older_document) = tokio::join!(
            self.document::<Metadata>(&newer),
            self.document::<Metadata>(&older)
        );
        let (newer_document, older_document) = (newer_document?, older_document?);
        // Section 4.3: whose document it is must be who was asked.
        if newer_document.issuer != format!("{base}/v2.0") {
            return Err(wrong(newer, "it is another issuer's"));
        }
        if !older_document.issuer.contains(&self.id.to_string()) {
            return Err(wrong(older, "it is another directory's"));
        }
        // The authority over HTTPS does not send its readers to plain HTTP; the settings allow that on this machine only.
        let scheme = self.authority.split("//").next().unwrap_or_default();
        if !newer_document.jwks_uri.starts_with(scheme) {
            return Err(wrong(newer, "its keys are not where they could be trusted"));
        }
        let set: KeySet = self.document(&newer_document.jwks_uri).await?;
        let issuers = [newer_document.issuer, older_document.issuer];
        let own = set
            .keys
            .into_iter()
            .filter_map(|key| self.own_key(key, &issuers));
        let keys = Keys::of(own, &issuers, &self.audiences, Instant::now());
        if keys.is_empty() {
            return Err(wrong(newer_document.jwks_uri, "there is no key to use"));
        }
        Ok(keys)
    }

    /// A key of a set, if it is understood and is this directory's: Entra says of each whose tokens it signs
    /// (<https://learn.microsoft.com/entra/identity-platform/claims-validation#validate-the-signing-key-issuer>).
    fn own_key(&self, key: Value, issuers: &[String]) -> Option<Jwk> {
        if let Some(issuer) = key.get("issuer") {
            let issuer = issuer.as_str()?.replace("{tenantid}", &self.id.to_string());
            issuers.contains(&issuer).then_some(())?;
        }
        serde_json::from_value(key).ok()
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, IssuerError> {
        let failed = |source| IssuerError::Fetch {
            url: url.to_owned(),
            source: Arc::new(source),
        };
        let answer = self.http.get(url).send().await.map_err(failed)?;
        let mut answer = answer.error_for_status().map_err(failed)?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            text.extend_from_slice(&chunk);
            if text.len() > LONGEST_DOCUMENT {
                return Err(wrong(url.to_owned(), "it is too long"));
            }
        }
        serde_json::from_slice(&text)
            .map_err(|_| wrong(url.to_owned(), "it is not the JSON of its kind"))
    }
}

fn wrong(url: String, what: &'static str) -> IssuerError {
    IssuerError::Document { url, what }
}
