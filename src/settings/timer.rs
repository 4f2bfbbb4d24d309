//! Whether the timer of the Azure Functions host may refresh the search index, and as whom.

use serde_json::Value;

use super::database::{DatabaseAddress, Login, LoginAuth, LoginVariables, PoolMode};
use super::reader::Reader;
use super::variables as var;

/// What `serve` does when the timer of the Functions host calls it.
#[derive(Clone, Debug)]
pub enum TimerSettings {
    /// The host does not call, or its calls cannot be told from forged ones: there is no endpoint.
    NoEndpoint,
    /// Nothing, for this reason.
    Disabled(&'static str),
    /// It refreshes the search index as this login.
    Enabled(Box<Login>),
}

impl TimerSettings {
    /// Reads the settings. `None` if one is invalid.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        database: Option<&DatabaseAddress>,
        auth: Option<&LoginAuth>,
    ) -> Option<Self> {
        let is_hosted = reader
            .foreign(var::FUNCTIONS_CUSTOMHANDLER_PORT.name)
            .is_some();
        if !is_hosted || !uses_streaming_proxy(reader) {
            return Some(Self::NoEndpoint);
        }
        let (is_set, unset) = match auth? {
            LoginAuth::Password => (
                &var::POSTGRES_INDEXER_PASSWORD,
                "POSTGRES_INDEXER_PASSWORD is not set, so the search index is not refreshed",
            ),
            LoginAuth::Entra { .. } => (
                &var::POSTGRES_INDEXER_USER,
                "POSTGRES_INDEXER_USER is not set, so the search index is not refreshed",
            ),
        };
        if reader.foreign(is_set.name).is_none() {
            return Some(Self::Disabled(unset));
        }
        let login = Login::read_created(reader, auth, &LoginVariables::INDEXER)?;
        if database?.pool_mode == PoolMode::Transaction {
            return Some(Self::Disabled(
                "POSTGRES_POOL_MODE is `transaction`, and a refresh of the search index needs a connection without a pooler; run `zava-mcp-server embed` elsewhere",
            ));
        }
        Some(Self::Enabled(Box::new(login)))
    }
}

/// Whether the host forwards all requests of clients through its streaming proxy, which marks them.
/// In the older mode a client could send what the timer sends.
fn uses_streaming_proxy(reader: &Reader<'_>) -> bool {
    // App settings override host.json.
    let is_overridden = reader.names().any(|name| {
        let name = name.to_ascii_lowercase().replace("__", ":");
        name.starts_with("azurefunctionsjobhost:customhandler")
    });
    let host: Option<Value> = reader
        .host_json()
        .and_then(|text| serde_json::from_slice(text).ok());
    let Some(Value::Object(handler)) = host.as_ref().map(|host| &host["customHandler"]) else {
        return false;
    };
    // .NET ignores the case of names.
    let mut members = handler.iter();
    let is_older_mode = members.any(|(name, value)| {
        name.eq_ignore_ascii_case("enableForwardingHttpRequest") && *value != Value::Bool(false)
    });
    !is_overridden
        && !is_older_mode
        && handler.get("enableProxyingHttpRequest") == Some(&true.into())
}
