use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::identity::TenantId;
use crate::settings::SigningKey;

/// Validity of a signed context. A context is used within a millisecond; the rest allows for clock
/// skew.
pub(super) const CONTEXT_TTL: Duration = Duration::from_secs(30);

/// Validity of a signed call.
const CALL_TTL: Duration = Duration::from_secs(60);

/// Separates the MAC of a context from all other MACs of the key: `guard.allowed_stores`
/// (`migrations/0017_tenant_after_mac.sql`) prepends it to the signed fields.
const CONTEXT_PURPOSE: &[u8] = b"zava/context/2";

/// The signature of a signed call, as `guard.must_be_asked` in `migrations/0007_callers.sql`
/// verifies it.
pub(super) struct Signature {
    pub(super) key_id: i32,
    /// Microseconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    pub(super) mac: [u8; 32],
}

/// Signs contexts and calls with HMAC-SHA-256.
pub(super) struct Signer {
    key: SigningKey,
}

impl Signer {
    pub(super) fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// Signs a context: the value of `zava.context` that makes a tenant's rows visible to one
    /// backend.
    pub(super) fn sign_context(
        &self,
        tenant: TenantId,
        process_id: i32,
        now: SystemTime,
    ) -> String {
        let (key_id, expires) = (self.key.id(), expiry(now, CONTEXT_TTL));
        let mac = self.mac(&[
            CONTEXT_PURPOSE,
            &key_id.to_be_bytes(),
            tenant.as_bytes(),
            &expires.to_be_bytes(),
            &process_id.to_be_bytes(),
        ]);
        let mut context = format!("{key_id}:{tenant}:{expires}:");
        for byte in mac {
            // Writing to a string cannot fail.
            let _ = write!(context, "{byte:02x}");
        }
        context
    }

    /// Signs a call for one function of the guard on one backend.
    pub(super) fn sign_call(
        &self,
        purpose: &str,
        payload: &str,
        process_id: i32,
        now: SystemTime,
    ) -> Signature {
        let expires = expiry(now, CALL_TTL);
        Signature {
            key_id: self.key.id(),
            expires,
            mac: self.mac(&[
                format!("zava/{purpose}/1").as_bytes(),
                &Sha256::digest(payload),
                &expires.to_be_bytes(),
                &process_id.to_be_bytes(),
            ]),
        }
    }

    /// The id of the signing key.
    pub(super) fn key_id(&self) -> i32 {
        self.key.id()
    }

    /// The HMAC-SHA-256 of the concatenated parts.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.hmac(parts).finalize().into_bytes().into()
    }

    /// Whether `mac` is the MAC of the concatenated parts, compared in constant time.
    pub(super) fn is_valid_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.hmac(parts).verify_slice(mac).is_ok()
    }

    fn hmac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut hmac = <Hmac<Sha256>>::new_from_slice(self.key.expose())
            .expect("HMAC accepts a key of any length");
        for part in parts {
            hmac.update(part);
        }
        hmac
    }
}

/// Microseconds since 1970-01-01 UTC.
fn expiry(now: SystemTime, ttl: Duration) -> i64 {
    (now + ttl).duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
