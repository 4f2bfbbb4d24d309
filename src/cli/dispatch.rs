use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use tokio::runtime::{Builder, Runtime};
use zava_mcp_server::query::guard::Refusal;
use zava_mcp_server::settings::{self, AdminSettings, Environment, ServeSettings};
use zava_mcp_server::telemetry;

use super::arguments::{Arguments, Audit, Command, Serve, Sql};
use super::{audit, check, grants, key, migrate, seed, serve, sql};

#[expect(
    clippy::disallowed_methods,
    reason = "the only place that names the system clock; all else takes it as an argument"
)]
const CLOCK: fn() -> SystemTime = SystemTime::now;

/// Why a command failed.
pub(crate) enum CommandError {
    /// The settings are invalid, so the command was not started.
    Settings(anyhow::Error),
    /// The guard refused the statement.
    Refused(Refusal),
    /// The command was started and failed.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let environment = Environment::from_process(Path::new("."))
        .map_err(|error| CommandError::Settings(error.into()))?;
    match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(Serve { stdio: false }) => {
            let settings = serve_settings(&environment)?;
            build_runtime()?
                .block_on(serve::http(&settings, CLOCK))
                .map_err(CommandError::Other)
        }
        Command::Serve(Serve { stdio: true }) => {
            let settings = serve_settings(&environment)?;
            let tenant = settings.stdio_tenant.ok_or_else(|| {
                CommandError::Settings(anyhow!("ZAVA_TENANT is not set; `serve --stdio` needs a tenant id, for example ZAVA_TENANT=f47ac10b-58cc-4372-a567-0e02b2c3d479"))
            })?;
            let runtime = build_runtime()?;
            let served = runtime.block_on(serve::stdio(&settings, tenant.into(), CLOCK));
            // A blocking thread may still be reading standard input, which may never end.
            runtime.shutdown_background();
            served.map_err(CommandError::Other)
        }
        Command::Migrate => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(migrate::run(&settings))
                .map_err(CommandError::Other)
        }
        Command::Seed(seed) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(seed::run(&settings, seed, CLOCK))
                .map_err(CommandError::Other)
        }
        Command::Grant(grant) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(grants::grant(&settings, &grant))
                .map_err(CommandError::Other)
        }
        Command::Revoke(revoke) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(grants::revoke(&settings, &revoke))
                .map_err(CommandError::Other)
        }
        Command::Grants => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(grants::list(&settings))
                .map_err(CommandError::Other)
        }
        Command::Key(key) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(key::run(&settings, key, CLOCK().into()))
                .map_err(CommandError::Other)
        }
        Command::Audit(Audit::Verify { from, expect }) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(audit::verify(&settings, from.as_ref(), expect.as_ref()))
                .map_err(CommandError::Other)
        }
        Command::Check => {
            let settings = serve_settings(&environment)?;
            build_runtime()?
                .block_on(check::run(&settings, CLOCK))
                .map_err(CommandError::Other)
        }
        Command::Sql(Sql { statement }) => {
            let max_bytes = settings::max_sql_bytes(&environment)
                .map_err(|error| CommandError::Settings(error.into()))?;
            sql::run(statement, max_bytes)
        }
    }
}

fn serve_settings(environment: &Environment) -> Result<ServeSettings, CommandError> {
    let settings = ServeSettings::from_environment(environment)
        .map_err(|error| CommandError::Settings(error.into()))?;
    telemetry::log_to_stderr(&settings.log);
    Ok(settings)
}

fn admin_settings(environment: &Environment) -> Result<AdminSettings, CommandError> {
    let settings = AdminSettings::from_environment(environment)
        .map_err(|error| CommandError::Settings(error.into()))?;
    telemetry::log_to_stderr(&settings.log);
    Ok(settings)
}

/// The blocking threads parse long SQL, and parsing 32 KiB may take several MiB: more threads would
/// cost memory without gaining speed.
const MAX_BLOCKING_THREADS: usize = 4;

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
