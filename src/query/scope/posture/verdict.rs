use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::statements::{FIND, FINGERPRINT, exposed_tables};
use crate::query::scope::context::Signer;

/// What the MAC of a verdict begins with (`migrations/0015_posture_verdict.sql`).
const PURPOSE: &[u8] = b"zava/verdict/1";

/// How long a verdict is accepted after its examination began.
const VERDICT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// How far the clock of the server that signed a verdict may be ahead of this one's.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A SHA-256 of everything in the catalogue that the rules depend on, as `fingerprint.sql` makes
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// From base64, as PostgreSQL writes it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self)
    }
}

/// What verdicts of this server hold for: its version, its rules, the exposed tables, the database
/// and the login. A verdict on anything else says nothing about them.
pub(super) struct Subject([u8; 32]);

impl Subject {
    pub(super) fn new(database: &str, login: &str) -> Self {
        let text = json!([
            env!("CARGO_PKG_VERSION"),
            FIND,
            FINGERPRINT,
            exposed_tables(),
            database,
            login
        ]);
        Self(Sha256::digest(text.to_string()).into())
    }

    pub(super) fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }
}

/// A full examination found nothing: when it began, and the fingerprint of what it looked at.
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

    /// Whether it holds now for a catalogue with this fingerprint.
    pub(super) fn holds_for(&self, fingerprint: Fingerprint, now: SystemTime) -> bool {
        self.fingerprint == fingerprint
            && self.examined_at <= micros(now + MAX_CLOCK_SKEW)
            && self.examined_at > micros(now - VERDICT_TTL)
    }

    /// The question of `guard.record_verdict`.
    pub(super) fn to_question(self, subject: &Subject, signer: &Signer) -> String {
        let mac = signer.mac(&self.signed_parts(subject, &self.examined_at.to_be_bytes()));
        json!({
            "subject": subject.to_base64(),
            "fingerprint": STANDARD.encode(self.fingerprint.0),
            "examined_at": self.examined_at,
            "mac": STANDARD.encode(mac),
        })
        .to_string()
    }

    /// What the MAC is made over; the parts have fixed lengths.
    fn signed_parts<'a>(&'a self, subject: &'a Subject, examined_at: &'a [u8; 8]) -> [&'a [u8]; 4] {
        [PURPOSE, &subject.0, &self.fingerprint.0, examined_at]
    }
}

/// A verdict as the database tells it. It is worth nothing before its MAC is verified.
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

    /// The verdict, if a holder of this server's key signed it for this subject.
    pub(super) fn verify(&self, subject: &Subject, signer: &Signer) -> Option<Verdict> {
        let examined_at = self.verdict.examined_at.to_be_bytes();
        let parts = self.verdict.signed_parts(subject, &examined_at);
        signer.verifies(&parts, &self.mac).then_some(self.verdict)
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
