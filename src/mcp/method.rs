use rmcp::ErrorData;
use rmcp::model::{
    ClientCapabilities, ErrorCode, Implementation, ProtocolVersion, RequestMetaObject,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The methods that are answered, in the words of the specification.
const METHODS: &str = "initialize, server/discover, ping, tools/list and tools/call";

/// Shows what `initialize` takes.
const INITIALIZE_EXAMPLE: &str = r#"{"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "my-client", "version": "1"}}"#;

/// The protocol versions that are spoken, oldest first.
#[must_use]
pub fn protocol_versions() -> Vec<&'static str> {
    let versions = ProtocolVersion::KNOWN_VERSIONS.iter();
    versions.map(ProtocolVersion::as_str).collect()
}

/// The answer to a method that there is not.
pub(super) fn no_such_method() -> ErrorData {
    ErrorData::new(
        ErrorCode::METHOD_NOT_FOUND,
        format!("this server has no such method; it has {METHODS}"),
        None,
    )
}

/// Which member of `initialize` rmcp could not read, and why.
#[must_use]
pub fn initialize_fault(params: Option<Value>) -> String {
    fn fault_of<T: DeserializeOwned>(value: &Value) -> Option<String> {
        T::deserialize(value).err().map(|error| error.to_string())
    }
    type FaultOf = fn(&Value) -> Option<String>;
    let members: [(&str, FaultOf); 3] = [
        ("protocolVersion", fault_of::<ProtocolVersion>),
        ("capabilities", fault_of::<ClientCapabilities>),
        ("clientInfo", fault_of::<Implementation>),
    ];
    let Some(Value::Object(params)) = params else {
        return format!("params must be an object; for example {INITIALIZE_EXAMPLE}");
    };
    let fault = members.iter().find_map(|(name, fault_of)| {
        let fault = match params.get(*name) {
            Some(value) => fault_of(value)?,
            None => "is missing".to_owned(),
        };
        Some(format!("{name}: {fault}"))
    });
    let meta = || {
        let fault = fault_of::<RequestMetaObject>(params.get("_meta")?)?;
        Some(format!("_meta: {fault}"))
    };
    let fault = fault
        .or_else(meta)
        .unwrap_or_else(|| "params cannot be read".to_owned());
    format!("{fault}; for example {INITIALIZE_EXAMPLE}")
}
