//! A secret that a setting refers to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::refreshed::{Fetch, Refreshed};
use super::slot::Fetched;
use super::vault::{Vault, VaultError, VaultProblem};
use crate::secret::{SecretError, SecretSource};
use crate::settings::KeyVaultReference;

/// How old a value becomes before it is read again, in the background: so long it takes at most
/// until a server uses a rotated secret, and a request more.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The value of a secret. Once it has been read, it stays in use however long the vault is away.
#[derive(Debug)]
pub(super) struct VaultSecret(Refreshed<VaultFetch>);

#[derive(Debug)]
struct VaultFetch {
    vault: Arc<Vault>,
    reference: KeyVaultReference,
}

impl VaultSecret {
    pub(super) fn new(vault: Arc<Vault>, reference: KeyVaultReference) -> Self {
        Self(Refreshed::new(VaultFetch { vault, reference }))
    }
}

impl SecretSource for VaultSecret {
    fn secret(&self) -> BoxFuture<'_, Result<SecretString, SecretError>> {
        async {
            self.0
                .get()
                .await
                .map_err(|error| SecretError(error.into()))
        }
        .boxed()
    }

    fn report_rejected(&self, value: &SecretString) {
        self.0.report_rejected(value);
    }
}

impl Fetch for VaultFetch {
    type Error = VaultError;

    async fn fetch(&self) -> Result<Fetched, VaultError> {
        let text = self.vault.read(&self.reference).await?;
        tracing::debug!(
            setting = self.reference.setting,
            "secret read from Key Vault"
        );
        Ok(Fetched {
            text,
            refresh_after: REFRESH_INTERVAL,
            valid_for: None,
        })
    }

    fn interrupted(&self) -> VaultError {
        VaultError::new(&self.reference, VaultProblem::Interrupted)
    }

    fn log_failure(&self, error: &VaultError) {
        tracing::warn!(
            setting = self.reference.setting,
            error = error as &dyn std::error::Error,
            "Key Vault read failed; will retry"
        );
    }
}
