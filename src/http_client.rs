//! The HTTP client for outgoing requests: to token issuers and to Azure.
//!
//! Invariants: TLS is rustls with ring; a redirect is never followed, because a document or a token
//! must come from the URL that was requested.

use std::time::Duration;

use reqwest::{Client, NoProxy, Proxy};

use crate::settings::HttpsSettings;
use crate::tls::{self, RootCertError};

/// How long connecting may take, TLS included. Each request has a deadline of its own as well.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum HttpClientError {
    /// The file with further root certificates is not usable.
    #[error("ZAVA_HTTPS_ROOTCERT cannot be used")]
    RootCert(#[from] RootCertError),
    /// The client cannot be built with these settings.
    #[error("the HTTP client cannot be built")]
    Client(#[from] reqwest::Error),
}

/// Builds a client. It trusts Mozilla's root certificates and those in the settings. Connects to
/// nothing.
///
/// # Errors
/// [`HttpClientError`] if the file or the proxy cannot be used.
pub(crate) fn build(settings: &HttpsSettings) -> Result<Client, HttpClientError> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls::web_client_config(settings.root_cert.as_deref())?)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        // The proxy variables of the process's environment apply only if the settings say so.
        .no_proxy();
    if let Some(proxy) = &settings.proxy {
        let no_proxy = proxy.no_proxy().and_then(NoProxy::from_string);
        builder = builder.proxy(Proxy::https(proxy.url_with_password())?.no_proxy(no_proxy));
    }
    Ok(builder.build()?)
}
