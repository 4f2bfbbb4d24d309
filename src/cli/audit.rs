use zava_mcp_server::database;
use zava_mcp_server::settings::AdminSettings;
use zava_mcp_server::telemetry::audit::ChainHead;

use super::output::print_line;

/// Verifies the audit log's hash chain and prints its head.
pub(super) async fn verify(
    settings: AdminSettings,
    from: Option<ChainHead>,
    expected: Option<ChainHead>,
) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(&settings).await?;
    match database::verify_audit(&mut db, from.as_ref(), expected.as_ref()).await? {
        None => print_line("the audit log is empty"),
        // Record numbers have no gaps, so the last one tells how many records there are.
        Some(head) => print_line(&format!(
            "{} records, each linked to the one before; the chain head is\n{head}",
            head.audit_id + 1 - from.map_or(1, |from| from.audit_id)
        )),
    }
}
