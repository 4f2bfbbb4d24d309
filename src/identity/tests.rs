use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use tokio::time::advance;

use super::*;
use crate::settings::{CredentialSettings, HttpsSettings};

/// Knows every key and every tenant, and counts the queries for them.
#[derive(Default)]
struct CountingStore(AtomicUsize);

impl CountingStore {
    /// The number of queries since the last call.
    fn take_queries(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl TenantStore for CountingStore {
    fn tenant_exists(&self, _: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(true)).boxed()
    }

    fn entitlements<'a>(
        &'a self,
        _: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>> {
        let entitlement = Entitlement {
            tenant: TenantId::HEAD_OFFICE,
            role: Role::Reader,
        };
        std::future::ready(Ok(vec![entitlement])).boxed()
    }

    fn api_key<'a>(
        &'a self,
        _: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(Some(ApiKeyState::Valid))).boxed()
    }
}

/// A client that guesses keys exhausts the lookups of its address. A known good caller at the same
/// address is still looked up after the cache TTL.
#[tokio::test(start_paused = true)]
async fn known_good_credentials_are_looked_up_when_lookups_are_restricted_to_the_cache() {
    let new = NewApiKey::generate(&mut rand::rng());
    let authorization = format!("Bearer {}", new.text.expose_secret());
    let tenant = TenantId::HEAD_OFFICE.to_string();
    let keys = AuthSettings::Credentials(CredentialSettings {
        api_keys: true,
        ..CredentialSettings::default()
    });
    let header = AuthSettings::Header(TrustedPeers::Loopback);
    for (auth, authorization, tenant) in [
        (keys, Some(authorization.as_bytes()), None),
        (header, None, Some(tenant.as_bytes())),
    ] {
        let store = Arc::new(CountingStore::default());
        let identity = Identity::new(Arc::clone(&store) as _, auth, &HttpsSettings::default())
            .expect("an identity");
        let credentials = Credentials {
            authorization: SingleHeader::from_values(authorization),
            tenant: SingleHeader::from_values(tenant),
            easyauth_principal: SingleHeader::Missing,
            easyauth_provider: SingleHeader::Missing,
            easyauth_id: SingleHeader::Missing,
            peer: Some([127, 0, 0, 1].into()),
        };
        let rejected = identity.authenticate(&credentials, Lookup::CacheOnly).await;
        assert!(
            matches!(
                rejected,
                Err(AuthFailure {
                    error: AuthError::NotCached,
                    ..
                })
            ),
            "{rejected:?}"
        );
        assert_eq!(store.take_queries(), 0);
        assert!(
            identity
                .authenticate(&credentials, Lookup::Query)
                .await
                .is_ok()
        );
        assert_eq!(store.take_queries(), 1);
        advance(CACHE_TTL).await;
        assert!(
            identity
                .authenticate(&credentials, Lookup::CacheOnly)
                .await
                .is_ok()
        );
        assert_eq!(store.take_queries(), 1);
    }
}
