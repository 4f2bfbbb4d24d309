//! Who is calling, and for which tenant.
//!
//! In this development mode the `x-rls-user-id` header names the tenant and is believed as it stands, which is why the
//! server listens on loopback only. Refuse by default: no header, no tenant; an unknown tenant is never widened.
//! Must not know HTTP statuses, MCP or SQL. Invariant: a [`Caller`] speaks for a tenant that the database knows.
mod tenant;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;

pub use tenant::{MalformedTenant, TenantId};

/// The header that names the tenant.
pub const TENANT_HEADER: &str = "x-rls-user-id";

/// How long a tenant that the database knew is taken for known. Its rows are guarded by the database itself in every
/// transaction; this only spares a look-up before each request.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The most tenants remembered at once.
const MOST_KNOWN: u64 = 10_000;

/// Tells which tenants exist. Implemented over the database.
pub trait TenantDirectory: Send + Sync {
    /// Whether the tenant exists.
    fn knows(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, DirectoryUnavailable>>;
}

/// The directory cannot tell now. The cause has been logged.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryUnavailable {
    /// It may in a moment.
    #[error("the tenant directory cannot be reached")]
    Away,
    /// It will when an operator has acted.
    #[error("the tenant directory does not serve")]
    Unfit,
}

/// Somebody who may ask, and the tenant they ask for. Only [`Identity`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    tenant: TenantId,
}

impl Caller {
    /// The tenant whose rows this caller sees.
    #[must_use]
    pub fn tenant(self) -> TenantId {
        self.tenant
    }

    /// Whether this caller sees every tenant's rows, and so may know of their number.
    #[must_use]
    pub fn sees_all(self) -> bool {
        self.tenant == TenantId::HEAD_OFFICE
    }
}

/// Why a request has no caller.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No tenant was named.
    #[error("no tenant was named")]
    Missing,
    /// What was named is no tenant id.
    #[error("the tenant id is malformed")]
    Malformed(#[source] MalformedTenant),
    /// There is no such tenant, or not for this caller.
    #[error("the tenant is unknown")]
    Unknown,
    /// It cannot be told now.
    #[error("the tenant cannot be verified")]
    Unavailable(#[source] DirectoryUnavailable),
}

/// Turns what a request says about itself into a [`Caller`].
pub struct Identity {
    directory: Arc<dyn TenantDirectory>,
    known: Cache<TenantId, ()>,
}

impl Identity {
    /// An identity check over a directory of tenants.
    #[must_use]
    pub fn new(directory: Arc<dyn TenantDirectory>) -> Self {
        Self {
            directory,
            known: Cache::builder()
                .max_capacity(MOST_KNOWN)
                .time_to_live(KNOWN_FOR)
                .build(),
        }
    }

    /// The caller behind the values of the [`TENANT_HEADER`] of one request.
    ///
    /// # Errors
    /// [`Refusal`]; more than one value counts as malformed.
    ///
    /// # Cancel safety
    /// Nothing is kept of a call that is dropped.
    pub async fn by_header<'a>(
        &self,
        values: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Caller, Refusal> {
        let mut values = values.into_iter();
        let value = values.next().ok_or(Refusal::Missing)?;
        if values.next().is_some() {
            return Err(Refusal::Malformed(MalformedTenant));
        }
        self.of_tenant(TenantId::try_from(value).map_err(Refusal::Malformed)?)
            .await
    }

    /// The caller who speaks for a tenant fixed at start (standard input and output).
    ///
    /// # Errors
    /// [`Refusal::Unknown`] and [`Refusal::Unavailable`].
    pub async fn of_tenant(&self, tenant: TenantId) -> Result<Caller, Refusal> {
        if self.known.get(&tenant).is_none() {
            if !self
                .directory
                .knows(tenant)
                .await
                .map_err(Refusal::Unavailable)?
            {
                return Err(Refusal::Unknown);
            }
            self.known.insert(tenant, ());
        }
        Ok(Caller { tenant })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
