use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

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

/// Signs entries.
pub(super) struct Signer {
    key: SigningKey,
}

impl Signer {
    pub(super) fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// An entry for a tenant on one backend.
    pub(super) fn enter(&self, tenant: TenantId, process_id: i32, now: SystemTime) -> Entry {
        let expires = (now + WORTH).duration_since(UNIX_EPOCH).map_or(0, |since| {
            i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
        });
        let mac = <Hmac<Sha256>>::new_from_slice(self.key.expose())
            .expect("HMAC takes a key of any length")
            .chain_update(PURPOSE)
            .chain_update(tenant.as_bytes())
            .chain_update(expires.to_be_bytes())
            .chain_update(process_id.to_be_bytes());
        Entry {
            key_id: self.key.id(),
            tenant: *tenant.as_bytes(),
            expires,
            mac: mac.finalize().into_bytes().into(),
        }
    }
}
