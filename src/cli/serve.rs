use std::pin::pin;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use tokio_util::sync::CancellationToken;
use zava_mcp_server::app::App;
use zava_mcp_server::host;
use zava_mcp_server::identity::TenantId;
use zava_mcp_server::settings::{NetworkSettings, ServeSettings};

use super::error::CommandError;

/// Serves MCP over HTTP until interrupted.
pub(super) async fn http(settings: ServeSettings, clock: fn() -> SystemTime) -> anyhow::Result<()> {
    let app = App::new(&settings, clock)?;
    let listener = host::listen(settings.network.listen).with_context(|| {
        let NetworkSettings {
            listen,
            is_functions_handler,
            ..
        } = settings.network;
        let fix = if is_functions_handler {
            "the Functions host has chosen this port; restart the function app"
        } else {
            "stop the process that uses the port, or set ZAVA_LISTEN to another one"
        };
        format!("cannot listen on {listen}; {fix}")
    })?;
    let address = listener
        .local_addr()
        .context("the listening address cannot be determined")?;
    tracing::info!(%address, "listening; the MCP endpoint is /mcp");
    let stop = CancellationToken::new();
    serve_until_signal(stop.clone(), Box::pin(app.serve_http(listener, stop))).await
}

/// Returns the tenant of `serve --stdio`.
pub(super) fn stdio_tenant(settings: &ServeSettings) -> Result<TenantId, CommandError> {
    let tenant = settings.stdio.tenant.ok_or_else(|| {
        CommandError::Settings(anyhow!("ZAVA_TENANT is not set; `serve --stdio` needs a tenant id, for example ZAVA_TENANT=f47ac10b-58cc-4372-a567-0e02b2c3d479"))
    })?;
    Ok(tenant.into())
}

/// Serves one MCP client over standard input and output, until the input ends or the process is
/// interrupted.
pub(super) async fn stdio(
    settings: ServeSettings,
    tenant: TenantId,
    clock: fn() -> SystemTime,
) -> anyhow::Result<()> {
    let app = App::new(&settings, clock)?;
    let stop = CancellationToken::new();
    serve_until_signal(stop.clone(), Box::pin(app.serve_stdio(tenant, stop))).await
}

/// Runs a server until it ends by itself, or until it has shut down gracefully after a signal.
async fn serve_until_signal(
    stop: CancellationToken,
    serving: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let signal = host::stop_signal().context("the handlers for signals cannot be installed")?;
    let mut serving = pin!(serving);
    // After the signal, the server is polled further, without this `select!`.
    tokio::select! {
        result = &mut serving => return result,
        () = signal => stop.cancel(),
    }
    serving.await
}
