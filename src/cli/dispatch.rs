use std::path::Path;
use std::time::SystemTime;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::runtime::{Builder, Runtime};
use zava_mcp_server::settings::{self, AdminSettings, EmbedSettings, Environment, ServeSettings};
use zava_mcp_server::telemetry;

use super::arguments::{Arguments, Audit, Command, Serve, Sql};
use super::error::CommandError;
use super::{audit, check, embed, grants, health, key, migrate, seed, serve, sql, tenant};

/// The blocking threads parse long SQL, and parsing 32 KiB may take several MiB: more threads would
/// cost memory without gaining speed.
const MAX_BLOCKING_THREADS: usize = 4;

/// Reads the command's settings, starts to log, and runs the command.
pub(super) fn run(arguments: Arguments, clock: fn() -> SystemTime) -> Result<(), CommandError> {
    let environment = Environment::from_process(Path::new("."))?;
    let command = arguments.command.unwrap_or(Command::Serve(arguments.serve));
    let reads_stdin = matches!(command, Command::Serve(Serve { stdio: true }));
    let work: LocalBoxFuture<'static, anyhow::Result<()>> = match command {
        Command::Serve(Serve { stdio: false }) => {
            let settings = serve_settings(&environment)?;
            serve::http(settings, clock).boxed_local()
        }
        Command::Serve(Serve { stdio: true }) => {
            let settings = serve_settings(&environment)?;
            let tenant = serve::stdio_tenant(&settings)?;
            serve::stdio(settings, tenant, clock).boxed_local()
        }
        Command::Migrate(migrate) => {
            let settings = admin_settings(&environment)?;
            migrate::run(settings, migrate).boxed_local()
        }
        Command::Seed(seed) => {
            let settings = admin_settings(&environment)?;
            seed::run(settings, seed, clock).boxed_local()
        }
        Command::Embed(embed) => {
            let settings = match &embed.model {
                None => EmbedSettings::from_environment(&environment)?,
                Some(model) => EmbedSettings::for_model(&environment, model)?,
            };
            telemetry::log_to_stderr(settings.log.as_str(), false);
            embed::run(settings, embed).boxed_local()
        }
        Command::Check => {
            let settings = serve_settings(&environment)?;
            check::run(settings, clock).boxed_local()
        }
        Command::Health(health) => {
            let listen = settings::listen_address(&environment)?;
            health::run(listen, health).boxed_local()
        }
        Command::Grant(grant) => {
            let settings = admin_settings(&environment)?;
            grants::grant(settings, grant).boxed_local()
        }
        Command::Revoke(revoke) => {
            let settings = admin_settings(&environment)?;
            grants::revoke(settings, revoke).boxed_local()
        }
        Command::Grants => {
            let settings = admin_settings(&environment)?;
            grants::list(settings).boxed_local()
        }
        Command::Key(key) => {
            let settings = admin_settings(&environment)?;
            key::run(settings, key, clock().into()).boxed_local()
        }
        Command::Tenant(tenant) => {
            let settings = admin_settings(&environment)?;
            tenant::run(settings, tenant).boxed_local()
        }
        Command::Audit(Audit::Verify { from, expect }) => {
            let settings = admin_settings(&environment)?;
            audit::verify(settings, from, expect).boxed_local()
        }
        // Is not asynchronous, so it needs no runtime.
        Command::Sql(Sql { statement }) => {
            return sql::run(statement, settings::max_sql_bytes(&environment)?);
        }
    };
    let runtime = build_runtime()?;
    let result = runtime.block_on(work);
    if reads_stdin {
        // A blocking thread may still be reading standard input, which may never end.
        runtime.shutdown_background();
    }
    result.map_err(CommandError::Other)
}

fn serve_settings(environment: &Environment) -> Result<ServeSettings, CommandError> {
    let settings = ServeSettings::from_environment(environment)?;
    telemetry::log_to_stderr(settings.log.as_str(), settings.telemetry.is_enabled());
    Ok(settings)
}

fn admin_settings(environment: &Environment) -> Result<AdminSettings, CommandError> {
    let settings = AdminSettings::from_environment(environment)?;
    telemetry::log_to_stderr(settings.log.as_str(), false);
    Ok(settings)
}

/// One thread for all requests: on the small machines that the server is made for, waking another
/// thread costs more than the work that it would take over (docs/decisions/0004). Long computations
/// run on the blocking threads.
fn build_runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .max_blocking_threads(MAX_BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot start")
}
