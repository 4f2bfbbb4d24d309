use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tokenizers::Tokenizer;

use crate::Fallible;
use crate::client::Connection;
use crate::mcp;
use crate::plan::Plan;

/// What a client adds to its model's context for this server: the tools and the instructions.
pub(crate) struct ToolSurface {
    pub(crate) tokens: usize,
    pub(crate) characters: usize,
}

/// Fetches both as a client does and counts them unparsed.
pub(crate) async fn measure(plan: &Plan, connection: &mut Connection) -> Fallible<ToolSurface> {
    let request = mcp::list_tools();
    let tools = member(connection.exchange(&request).await?.body, "tools")?;
    let request = mcp::initialize();
    let result = mcp::call(connection, &request).await?;
    let instructions = result["instructions"].as_str().unwrap_or_default();

    let tokenizer = Tokenizer::from_file(&plan.tokenizer)
        .map_err(|error| format!("{}: {error}", plan.tokenizer.display()))?;
    let tokens = |text: &str| tokenizer.encode(text, false).map(|encoding| encoding.len());
    Ok(ToolSurface {
        tokens: tokens(&tools)? + tokens(instructions)?,
        characters: tools.chars().count() + instructions.chars().count(),
    })
}

/// The JSON text of one member of a message's result.
fn member(message: &[u8], name: &str) -> Fallible<String> {
    let message: BTreeMap<&str, &RawValue> = serde_json::from_slice(message)?;
    let result = message.get("result").ok_or("an answer without a result")?;
    let result: BTreeMap<&str, &RawValue> = serde_json::from_str(result.get())?;
    let value = result
        .get(name)
        .ok_or_else(|| format!("a result without {name}"))?;
    Ok(value.get().to_owned())
}
