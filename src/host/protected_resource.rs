//! OAuth protected resource metadata and the challenges that point to it (RFC 9728, RFC 6750).
//!
//! Knows the settings of authentication; must not know how a token is verified.
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::identity::OAuthScope;
use crate::settings::{AuthSettings, EntraSettings, PublicUrl};

/// The well-known path of the metadata. It comes before the path of the resource (RFC 9728, section
/// 3.1).
pub(super) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// How requests authenticate.
#[derive(Clone, Debug)]
pub(super) enum AuthScheme {
    /// They do not: the tenant header is trusted.
    TenantHeader,
    /// By bearer credentials that no authorization server issues, such as API keys.
    Bearer,
    /// By access tokens.
    OAuth {
        /// The URLs of the authorization servers.
        servers: Vec<String>,
        /// The prefix of a scope in a token request. A token holds the scope without it.
        scope_prefix: String,
    },
}

impl From<&AuthSettings> for AuthScheme {
    fn from(auth: &AuthSettings) -> Self {
        match auth {
            AuthSettings::Header(_) => Self::TenantHeader,
            AuthSettings::Credentials(accepted) => match &accepted.entra {
                None => Self::Bearer,
                Some(entra) => Self::from(entra.as_ref()),
            },
        }
    }
}

impl From<&EntraSettings> for AuthScheme {
    fn from(entra: &EntraSettings) -> Self {
        // In a token request Entra expects the application ID URI before the scope. Its default is
        // api:// and the client id.
        let uri = entra
            .audiences
            .iter()
            .find(|audience| audience.contains("://"));
        let scope_prefix = uri.cloned().unwrap_or_else(|| {
            let client_id = entra.audiences.first().map_or("", String::as_str);
            format!("api://{client_id}")
        });
        let server = |directory| format!("{}/{directory}/v2.0", entra.authority);
        Self::OAuth {
            servers: entra.directories.iter().map(server).collect(),
            scope_prefix,
        }
    }
}

/// This server as an OAuth protected resource: where callers get tokens for it.
#[derive(Clone, Debug)]
pub(super) struct ProtectedResource {
    /// How requests authenticate; `None` in the mode `header`, in which they do not.
    scheme: Option<Scheme>,
}

#[derive(Clone, Debug)]
enum Scheme {
    /// Bearer credentials that no authorization server issues, such as API keys. There is no
    /// metadata.
    Bearer,
    /// Access tokens of an authorization server.
    OAuth {
        metadata: Value,
        metadata_url: String,
        /// The prefix of a scope in a token request. A token holds the scope without it.
        scope_prefix: String,
    },
}

impl ProtectedResource {
    /// The resource that clients call at `url`.
    pub(super) fn new(scheme: AuthScheme, url: &PublicUrl) -> Self {
        Self {
            scheme: match scheme {
                AuthScheme::TenantHeader => None,
                AuthScheme::Bearer => Some(Scheme::Bearer),
                AuthScheme::OAuth {
                    servers,
                    scope_prefix,
                } => Some(Scheme::oauth(&servers, scope_prefix, url)),
            },
        }
    }

    /// The value of `WWW-Authenticate` for a request without a sufficient token (RFC 6750, section
    /// 3; RFC 9728, section 5.1). `error` is an error code of RFC 6750 and a description; `None`
    /// for a request without a credential. Returns `None` if requests cannot authenticate.
    pub(super) fn challenge(
        &self,
        error: Option<(&str, &str)>,
        scopes: &[OAuthScope],
    ) -> Option<String> {
        let scheme = self.scheme.as_ref()?;
        let mut parameters = Vec::new();
        if let Some((code, description)) = error {
            parameters.push(format!("error=\"{code}\""));
            parameters.push(format!("error_description=\"{description}\""));
        }
        if let Scheme::OAuth {
            metadata_url,
            scope_prefix,
            ..
        } = scheme
        {
            parameters.push(format!("resource_metadata=\"{metadata_url}\""));
            let scopes: Vec<String> = scopes
                .iter()
                .map(|scope| format!("{scope_prefix}/{}", scope.as_str()))
                .collect();
            parameters.push(format!("scope=\"{}\"", scopes.join(" ")));
        } else {
            parameters.push("realm=\"zava\"".to_owned());
        }
        Some(format!("Bearer {}", parameters.join(", ")))
    }
}

impl Scheme {
    fn oauth(servers: &[String], scope_prefix: String, url: &PublicUrl) -> Self {
        let (origin, path) = (url.origin(), url.path());
        let scopes = OAuthScope::ALL.map(|scope| format!("{scope_prefix}/{}", scope.as_str()));
        Self::OAuth {
            metadata: json!({
                "resource": format!("{origin}{path}/mcp"),
                "resource_name": "Zava retail",
                "authorization_servers": servers,
                "scopes_supported": scopes,
                "bearer_methods_supported": ["header"],
            }),
            metadata_url: format!("{origin}{METADATA_PATH}{path}/mcp"),
            scope_prefix,
        }
    }
}

/// The metadata of RFC 9728; 404 if no authorization server is configured.
pub(super) async fn metadata(State(resource): State<Arc<ProtectedResource>>) -> Response {
    match &resource.scheme {
        Some(Scheme::OAuth { metadata, .. }) => Json(metadata).into_response(),
        Some(Scheme::Bearer) | None => StatusCode::NOT_FOUND.into_response(),
    }
}
