//! The supported methods, and the error texts for requests of them that cannot be read.

use rmcp::ErrorData;
use rmcp::model::{
    ClientCapabilities, ErrorCode, Implementation, ProtocolVersion, RequestMetaObject,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The supported methods, by the specification's names.
const METHODS: &str = "initialize, server/discover, ping, tools/list and tools/call";

/// Example parameters of `initialize`, shown in errors.
const INITIALIZE_EXAMPLE: &str = r#"{"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "my-client", "version": "1"}}"#;

/// The supported protocol versions, oldest first.
#[must_use]
pub fn protocol_versions() -> Vec<&'static str> {
    let versions = ProtocolVersion::KNOWN_VERSIONS.iter();
    versions.map(ProtocolVersion::as_str).collect()
}

/// The error for an unsupported method.
pub(super) fn method_not_found() -> ErrorData {
    ErrorData::new(
        ErrorCode::METHOD_NOT_FOUND,
        format!("method not found; this server has {METHODS}"),
        None,
    )
}

/// Which parameter of `initialize` rmcp could not read, and why.
#[must_use]
pub fn initialize_error_text(params: Option<Value>) -> String {
    fn check<T: DeserializeOwned>(value: &Value) -> Option<String> {
        T::deserialize(value).err().map(|error| error.to_string())
    }
    type Check = fn(&Value) -> Option<String>;
    let members: [(&str, Check); 3] = [
        ("protocolVersion", check::<ProtocolVersion>),
        ("capabilities", check::<ClientCapabilities>),
        ("clientInfo", check::<Implementation>),
    ];
    let Some(Value::Object(params)) = params else {
        return format!("params must be an object; for example {INITIALIZE_EXAMPLE}");
    };
    let error = members.iter().find_map(|(name, check)| {
        let error = match params.get(*name) {
            Some(value) => check(value)?,
            None => "is missing".to_owned(),
        };
        Some(format!("{name}: {error}"))
    });
    let meta_error = || {
        let error = check::<RequestMetaObject>(params.get("_meta")?)?;
        Some(format!("_meta: {error}"))
    };
    let error = error
        .or_else(meta_error)
        .unwrap_or_else(|| "params cannot be read".to_owned());
    format!("{error}; for example {INITIALIZE_EXAMPLE}")
}
