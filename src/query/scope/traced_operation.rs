use std::borrow::Cow;

use super::execution::Operation;
use crate::settings::DatabaseAddress;
use crate::telemetry::DatabaseStatement;

impl Operation<'_> {
    /// What traces and metrics show of it.
    pub(super) fn describe<'a>(&'a self, address: &'a DatabaseAddress) -> DatabaseStatement<'a> {
        let (summary, fingerprint) = match self {
            Self::RunQuery {
                summary,
                fingerprint,
                ..
            } => (Cow::Borrowed(*summary), *fingerprint),
            Self::VerifyContext(_) => (Cow::Borrowed("SELECT guard.allowed_stores"), None),
            Self::SignedCall(call) => {
                // The functions are named after what their signatures are for.
                let function = call.purpose.replace('-', "_");
                (Cow::Owned(format!("SELECT guard.{function}")), None)
            }
        };
        DatabaseStatement {
            summary,
            fingerprint: fingerprint.map(|fingerprint| fingerprint.to_string()),
            database: &address.database,
            host: &address.host,
            port: address.port,
        }
    }
}
