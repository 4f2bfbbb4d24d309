use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::identity::TenantId;
use crate::settings::SigningKey;

/// How long a signed entry is worth something. It is used within the same millisecond; the rest is for clocks that differ.
const WORTH: Duration = Duration::from_secs(60);

/// What `guard.enter` in `migrations/0002_guard.sql` signs over, before tenant, expiry and backend.
const PURPOSE: &[u8] = b"zava/enter/1";

/// The arguments of one call of `guard.enter`.
pub(super) struct Entry {
    pub(super) key_id: i32,
    pub(super) tenant: [u8; 16],
    /// Microseconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    pub(super) mac: [u8; 32],
}

/// What `guard.must_be_asked` in `migrations/0007_callers.sql` checks of a question.
pub(super) struct Signature {
    pub(super) key_id: i32,
    /// Microseconds since 1970-01-01 UTC.
    pub(super) expires: i64,
    pub(super) mac: [u8; 32],
}

/// Signs entries and questions.
pub(super) struct Signer {
    key: SigningKey,
}

impl Signer {
    pub(super) fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// An entry for a tenant on one backend.
    pub(super) fn enter(&self, tenant: TenantId, process_id: i32, now: SystemTime) -> Entry {
        let expires = expiry(now);
        Entry {
            key_id: self.key.id(),
            tenant: *tenant.as_bytes(),
            expires,
            mac: self.mac(&[
                PURPOSE,
                tenant.as_bytes(),
                &expires.to_be_bytes(),
                &process_id.to_be_bytes(),
            ]),
        }
    }

    /// A signature of a question that is asked on one backend, for no other purpose.
    pub(super) fn sign(
        &self,
        purpose: &str,
        question: &str,
        process_id: i32,
        now: SystemTime,
    ) -> Signature {
        let expires = expiry(now);
        Signature {
            key_id: self.key.id(),
            expires,
            mac: self.mac(&[
                format!("zava/{purpose}/1").as_bytes(),
                &Sha256::digest(question),
                &expires.to_be_bytes(),
                &process_id.to_be_bytes(),
            ]),
        }
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256>>::new_from_slice(self.key.expose())
            .expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn expiry(now: SystemTime) -> i64 {
    (now + WORTH).duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
