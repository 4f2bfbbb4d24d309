//! As which identity this server asks Entra ID for access tokens.

use std::path::PathBuf;

use secrecy::SecretString;
use uuid::Uuid;

use super::base_url::base_url;
use super::reader::Reader;
use super::secret::KeyVaultReference;
use super::variables::{self as var, Variable};

/// The identity of this server, as Azure's other services see it. It is named by a setting and
/// never guessed: where a guess is wrong, it costs minutes of timeouts, or authenticates as
/// somebody else.
#[derive(Clone, Debug)]
pub enum AzureCredential {
    /// The identity that Azure has assigned to the machine that hosts the server.
    ManagedIdentity {
        /// The client id of a user-assigned identity; `None` for the system-assigned one.
        client_id: Option<Uuid>,
    },
    /// A Kubernetes service account that an identity trusts.
    WorkloadIdentity {
        /// The identity.
        application: Application,
        /// File with the service account's token, which Kubernetes renews.
        token_file: PathBuf,
    },
    /// An application with a secret.
    ClientSecret {
        /// The application.
        application: Application,
        /// Its secret; never printed.
        secret: SecretString,
    },
    /// The user who has signed in with the Azure CLI, or else with the Azure Developer CLI.
    DeveloperTools,
}

/// An application that Entra ID knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The Entra tenant.
    pub directory: Uuid,
    /// The application's client id.
    pub client_id: Uuid,
    /// Base URL of Entra ID.
    pub authority: String,
}

#[derive(Clone, Copy)]
enum CredentialKind {
    ManagedIdentity,
    WorkloadIdentity,
    ClientSecret,
    DeveloperTools,
}

impl AzureCredential {
    /// Reads the identity because a setting needs it. `None` if a setting is missing or invalid,
    /// which is reported once.
    pub(super) fn require(reader: &mut Reader<'_>) -> Option<()> {
        if reader.azure_credential.is_none() {
            reader.azure_credential = Some(Self::read(reader));
        }
        Self::required(reader).map(|_| ())
    }

    /// The identity, if a setting that has been read needs it.
    pub(super) fn required(reader: &Reader<'_>) -> Option<Self> {
        reader.azure_credential.clone().flatten()
    }

    /// Reads the identity. `None` if a setting is missing or invalid.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let kind = reader.parsed(&var::ZAVA_AZURE_CREDENTIAL, |text| match text {
            "managed-identity" => Ok(CredentialKind::ManagedIdentity),
            "workload-identity" => Ok(CredentialKind::WorkloadIdentity),
            "client-secret" => Ok(CredentialKind::ClientSecret),
            "developer-tools" => Ok(CredentialKind::DeveloperTools),
            _ => Err(
                "must be `managed-identity`, `workload-identity`, `client-secret` or `developer-tools`",
            ),
        });
        match kind? {
            CredentialKind::ManagedIdentity => {
                check_identity_endpoint(reader)?;
                let client_id = reader.optional(&var::AZURE_CLIENT_ID, parse_id);
                Some(Self::ManagedIdentity { client_id })
            }
            CredentialKind::WorkloadIdentity => {
                let application = Application::read(reader);
                let token_file = reader.parsed(&var::AZURE_FEDERATED_TOKEN_FILE, |text| {
                    Ok(PathBuf::from(text))
                });
                Some(Self::WorkloadIdentity {
                    application: application?,
                    token_file: token_file?,
                })
            }
            CredentialKind::ClientSecret => {
                let application = Application::read(reader);
                let secret =
                    reader.parsed(
                        &var::AZURE_CLIENT_SECRET,
                        |text| match KeyVaultReference::parse(&var::AZURE_CLIENT_SECRET, text) {
                            Some(_) => Err("must be the secret itself, with which vaults are read"),
                            None => Ok(SecretString::from(text)),
                        },
                    );
                Some(Self::ClientSecret {
                    application: application?,
                    secret: secret?,
                })
            }
            CredentialKind::DeveloperTools => Some(Self::DeveloperTools),
        }
    }
}

impl Application {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let directory = reader.parsed(&var::AZURE_TENANT_ID, parse_id);
        let client_id = reader.parsed(&var::AZURE_CLIENT_ID, parse_id);
        let authority = reader.parsed(&var::AZURE_AUTHORITY_HOST, |text| {
            let url = base_url(text)?;
            if url.scheme() == "https" {
                Ok(url.as_str().trim_end_matches('/').to_owned())
            } else {
                Err("must begin with https://")
            }
        });
        Some(Self {
            directory: directory?,
            client_id: client_id?,
            authority: authority?,
        })
    }
}

pub(super) fn parse_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text).map_err(|_| "must be a UUID")
}

pub(super) fn parse_token_scope(text: &str) -> Result<String, &'static str> {
    let is_scope = text.starts_with("https://") && text.ends_with("/.default");
    let problem = "must begin with https:// and end with /.default";
    is_scope.then(|| text.to_owned()).ok_or(problem)
}

/// The variables that tell that App Service, Functions or Container Apps host this server.
const HOSTS_WITH_AN_ENDPOINT: [&str; 2] = ["WEBSITE_SITE_NAME", "CONTAINER_APP_NAME"];

/// Checks the two variables with which App Service, Functions and Container Apps name their
/// endpoint for tokens, once an identity is assigned. Without one of them, `azure_identity` would
/// ask the endpoint of virtual machines, which does not exist there, and wait for it.
fn check_identity_endpoint(reader: &mut Reader<'_>) -> Option<()> {
    let is_set = |reader: &Reader<'_>, variable: &Variable| reader.foreign(variable.name).is_some();
    let (endpoint, header) = (
        is_set(reader, &var::IDENTITY_ENDPOINT),
        is_set(reader, &var::IDENTITY_HEADER),
    );
    if !endpoint
        && !header
        && HOSTS_WITH_AN_ENDPOINT
            .iter()
            .any(|name| reader.is_set(name))
    {
        reader.add_problem(
            &var::ZAVA_AZURE_CREDENTIAL,
            "is `managed-identity`, but no identity is assigned to this app (IDENTITY_ENDPOINT is not set); assign one by `az functionapp identity assign` or `az containerapp identity assign`",
        );
        return None;
    }
    if endpoint == header {
        return Some(());
    }
    let (missing, present) = if endpoint {
        (&var::IDENTITY_HEADER, "IDENTITY_ENDPOINT")
    } else {
        (&var::IDENTITY_ENDPOINT, "IDENTITY_HEADER")
    };
    reader.add_problem(
        missing,
        format!(
            "is not set, but {present} is; Azure sets both where an identity is assigned (`az functionapp identity assign`, `az containerapp identity assign`)"
        ),
    );
    None
}
