use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::rule::{FIND, FINGERPRINT, exposed_tables};
use crate::query::scope::context::Signer;
use crate::settings::AcceptedFinding;

/// The first part that the MAC of a verdict covers (`migrations/0015_posture_verdict.sql`).
const PURPOSE: &[u8] = b"zava/verdict/1";

/// Validity of a verdict, from the start of its examination.
const VERDICT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// How far ahead the clock of the server that signed a verdict may be.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// The SHA-256 of all catalog rows that the rules depend on, computed by `fingerprint.sql`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Parses base64, as PostgreSQL writes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }
}

/// A digest of what a verdict of this server is about: its version, its rules, the exposed tables,
/// the database, the login and the accepted findings. A verdict about another subject is not valid
/// here.
pub(super) struct Subject([u8; 32]);

impl Subject {
    pub(super) fn new(database: &str, login: &str, accepted: &[AcceptedFinding]) -> Self {
        let accepted: Vec<_> = accepted
            .iter()
            .map(|one| (one.rule(), one.object()))
            .collect();
        let text = json!([
            env!("CARGO_PKG_VERSION"),
            FIND,
            FINGERPRINT,
            exposed_tables(),
            database,
            login,
            accepted
        ]);
        Self(Sha256::digest(text.to_string()).into())
    }

    pub(super) fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

/// States that a full examination passed: when it began, and the fingerprint of the catalogs.
#[derive(Clone, Copy)]
pub(in crate::query::scope) struct Verdict {
    fingerprint: Fingerprint,
    /// Microseconds since 1970-01-01 UTC.
    examined_at: i64,
}

impl Verdict {
    pub(super) fn new(fingerprint: Fingerprint, examined_at: SystemTime) -> Self {
        Self {
            fingerprint,
            examined_at: micros(examined_at),
        }
    }

    /// Whether it is valid now, for catalogs with this fingerprint.
    pub(super) fn is_valid_for(&self, fingerprint: Fingerprint, now: SystemTime) -> bool {
        self.fingerprint == fingerprint
            && self.examined_at <= micros(now + MAX_CLOCK_SKEW)
            && self.examined_at > micros(now - VERDICT_TTL)
    }

    /// The payload of `guard.record_verdict`.
    pub(super) fn to_payload(self, subject: &Subject, signer: &Signer) -> String {
        let mac = signer.mac(&self.signed_parts(subject, &self.examined_at.to_be_bytes()));
        json!({
            "subject": subject.to_base64(),
            "fingerprint": STANDARD.encode(self.fingerprint.0),
            "examined_at": self.examined_at,
            "mac": STANDARD.encode(mac),
        })
        .to_string()
    }

    /// What the MAC covers. The parts have fixed lengths, so their concatenation is unambiguous.
    fn signed_parts<'a>(&'a self, subject: &'a Subject, examined_at: &'a [u8; 8]) -> [&'a [u8]; 4] {
        [PURPOSE, &subject.0, &self.fingerprint.0, examined_at]
    }
}

/// A verdict read from the database. It must not be used before its MAC is verified.
pub(super) struct StoredVerdict {
    verdict: Verdict,
    mac: [u8; 32],
}

impl StoredVerdict {
    pub(super) fn parse(fingerprint: &str, examined_at: &str, mac: &str) -> Option<Self> {
        Some(Self {
            verdict: Verdict {
                fingerprint: Fingerprint::parse(fingerprint)?,
                examined_at: examined_at.parse().ok()?,
            },
            mac: bytes(mac)?,
        })
    }

    /// The verdict, if it was signed with this server's key for this subject.
    pub(super) fn verify(&self, subject: &Subject, signer: &Signer) -> Option<Verdict> {
        let examined_at = self.verdict.examined_at.to_be_bytes();
        let parts = self.verdict.signed_parts(subject, &examined_at);
        signer
            .is_valid_mac(&parts, &self.mac)
            .then_some(self.verdict)
    }
}

fn bytes(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn micros(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
