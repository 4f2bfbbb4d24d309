use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;
use tokio::time::advance;

use super::*;

/// Knows every key and every tenant, and counts how often it is asked.
#[derive(Default)]
struct Everything(AtomicUsize);

impl Everything {
    fn asked(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl TenantStore for Everything {
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

/// Whoever shares an address with somebody who tries out keys is asked about again when the database's word is old.
#[tokio::test(start_paused = true)]
async fn what_was_good_is_looked_up_again_whatever_others_do() {
    let new = NewApiKey::draw(&mut rand::rng());
    let authorization = format!("Bearer {}", new.text.expose_secret());
    let tenant = TenantId::HEAD_OFFICE.to_string();
    let keys = AuthSettings::Credentials(CredentialSettings {
        api_keys: true,
        ..CredentialSettings::default()
    });
    let named = AuthSettings::Header(TrustedPeers::Loopback);
    for (auth, authorization, tenant) in [
        (keys, Some(authorization.as_bytes()), None),
        (named, None, Some(tenant.as_bytes())),
    ] {
        let directory = Arc::new(Everything::default());
        let identity = Identity::new(Arc::clone(&directory) as _, auth).expect("an identity");
        let presented = Credentials {
            authorization: SingleHeader::from_values(authorization),
            tenant: SingleHeader::from_values(tenant),
            easyauth_principal: SingleHeader::Missing,
            easyauth_provider: SingleHeader::Missing,
            easyauth_id: SingleHeader::Missing,
            peer: Some([127, 0, 0, 1].into()),
        };
        let refused = identity.caller(&presented, Lookup::CacheOnly).await;
        assert!(
            matches!(
                refused,
                Err(AuthFailure {
                    why: AuthError::NotCached,
                    ..
                })
            ),
            "{refused:?}"
        );
        assert_eq!(directory.asked(), 0);
        assert!(identity.caller(&presented, Lookup::Query).await.is_ok());
        assert_eq!(directory.asked(), 1);
        advance(BELIEVED_FOR).await;
        assert!(identity.caller(&presented, Lookup::CacheOnly).await.is_ok());
        assert_eq!(directory.asked(), 1);
    }
}
