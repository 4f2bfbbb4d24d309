use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::identity::OAuthScope;
use crate::settings::{AuthSettings, EntraSettings, PublicUrl};

/// Where a client finds the metadata: at the host's root, before the path of the resource (RFC
/// 9728, section 3.1).
pub(super) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// This server as OAuth sees it: where callers get tokens for it.
#[derive(Clone, Debug)]
pub struct ProtectedResource {
    is_encrypted: bool,
    /// How a request can prove anything at all; `None` where it cannot.
    scheme: Option<Scheme>,
}

#[derive(Clone, Debug)]
enum Scheme {
    /// Any bearer token; nothing tells where to get one.
    Bearer,
    /// A token of an authorization server.
    OAuth {
        metadata: Value,
        metadata_url: String,
        /// What scopes are called where tokens are asked for: their name in the token, and before it the audience.
        scope_base: String,
    },
}

impl ProtectedResource {
    /// What the settings say, for clients that call the server `url`.
    #[must_use]
    pub fn new(auth: &AuthSettings, url: &PublicUrl) -> Self {
        let scheme = match auth {
            AuthSettings::Header(_) => None,
            AuthSettings::Credentials(proof) => match &proof.entra {
                None => Some(Scheme::Bearer),
                Some(entra) => Some(oauth(entra, url)),
            },
        };
        Self {
            is_encrypted: url.is_encrypted(),
            scheme,
        }
    }

    /// Whether clients call it over TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// The value of `WWW-Authenticate` for a request without a good token (RFC 6750, section 3; RFC 9728, section 5.1). `error`
    /// is a code of RFC 6750 with a description; `None` for a request that brought nothing.
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
            scope_base,
            ..
        } = scheme
        {
            parameters.push(format!("resource_metadata=\"{metadata_url}\""));
            let scopes: Vec<String> = scopes
                .iter()
                .map(|scope| format!("{scope_base}/{}", scope.as_str()))
                .collect();
            parameters.push(format!("scope=\"{}\"", scopes.join(" ")));
        } else {
            parameters.push("realm=\"zava\"".to_owned());
        }
        Some(format!("Bearer {}", parameters.join(", ")))
    }
}

fn oauth(entra: &EntraSettings, url: &PublicUrl) -> Scheme {
    let (origin, path) = (url.origin(), url.path());
    // Entra asks for the application id URI before the scope's name; one that was not changed is api:// and the client id.
    let uri = entra.audiences.iter().find(|one| one.contains("://"));
    let scope_base = uri.cloned().unwrap_or_else(|| {
        let client_id = entra.audiences.first().map_or("", String::as_str);
        format!("api://{client_id}")
    });
    let servers: Vec<String> = entra
        .directories
        .iter()
        .map(|directory| format!("{}/{directory}/v2.0", entra.authority))
        .collect();
    let scopes = OAuthScope::ALL.map(|scope| format!("{scope_base}/{}", scope.as_str()));
    Scheme::OAuth {
        metadata: json!({
            "resource": format!("{origin}{path}/mcp"),
            "resource_name": "Zava retail",
            "authorization_servers": servers,
            "scopes_supported": scopes,
            "bearer_methods_supported": ["header"],
        }),
        metadata_url: format!("{origin}{METADATA}{path}/mcp"),
        scope_base,
    }
}

/// The metadata of RFC 9728; 404 where no authorization server is known.
pub(super) async fn metadata(State(resource): State<Arc<ProtectedResource>>) -> Response {
    match &resource.scheme {
        Some(Scheme::OAuth { metadata, .. }) => Json(metadata).into_response(),
        Some(Scheme::Bearer) | None => StatusCode::NOT_FOUND.into_response(),
    }
}
