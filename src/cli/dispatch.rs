use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::pin;
use std::time::SystemTime;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Utc};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use zava_mcp_server::app::App;
use zava_mcp_server::identity::TenantId;
use zava_mcp_server::query::guard::{Guard, Refusal};
use zava_mcp_server::sample_data::{self, Plan, Progress};
use zava_mcp_server::search::embedding::StaticModel;
use zava_mcp_server::settings::{self, AdminSettings, Environment, ServeSettings};
use zava_mcp_server::{database, host, telemetry};

use crate::cli::access;
use crate::cli::arguments::{Arguments, Audit, Command, Scale, Seed, Serve, Sql};
use crate::cli::check::check;

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
                .block_on(serve_http(&settings))
                .map_err(CommandError::Other)
        }
        Command::Serve(Serve { stdio: true }) => {
            let settings = serve_settings(&environment)?;
            let tenant = settings.stdio_tenant.ok_or_else(|| {
                CommandError::Settings(anyhow!("ZAVA_TENANT is not set; `serve --stdio` needs a tenant id, for example ZAVA_TENANT=f47ac10b-58cc-4372-a567-0e02b2c3d479"))
            })?;
            let runtime = build_runtime()?;
            let served = runtime.block_on(serve_stdio(&settings, tenant.into()));
            // A blocking thread may still be reading standard input, which may never end.
            runtime.shutdown_background();
            served.map_err(CommandError::Other)
        }
        Command::Migrate => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(migrate(&settings))
                .map_err(CommandError::Other)
        }
        Command::Seed(seed) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(load_sample_data(&settings, seed))
                .map_err(CommandError::Other)
        }
        Command::Grant(grant) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(access::grant(&settings, &grant))
                .map_err(CommandError::Other)
        }
        Command::Revoke(revoke) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(access::revoke(&settings, &revoke))
                .map_err(CommandError::Other)
        }
        Command::Grants => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(access::grants(&settings))
                .map_err(CommandError::Other)
        }
        Command::Key(key) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(access::key(&settings, key, CLOCK().into()))
                .map_err(CommandError::Other)
        }
        Command::Audit(Audit::Verify { from, expect }) => {
            let settings = admin_settings(&environment)?;
            build_runtime()?
                .block_on(access::verify_audit(
                    &settings,
                    from.as_ref(),
                    expect.as_ref(),
                ))
                .map_err(CommandError::Other)
        }
        Command::Check => {
            let settings = serve_settings(&environment)?;
            build_runtime()?
                .block_on(check(&settings, CLOCK))
                .map_err(CommandError::Other)
        }
        Command::Sql(Sql { statement }) => {
            let max_bytes = settings::max_sql_bytes(&environment)
                .map_err(|error| CommandError::Settings(error.into()))?;
            check_sql(statement, max_bytes)
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

async fn serve_http(settings: &ServeSettings) -> anyhow::Result<()> {
    let app = App::new(settings, CLOCK)?;
    let listener = host::listen(settings.listen).with_context(|| {
        format!(
            "cannot listen on {}; stop the process that uses the port, or set ZAVA_LISTEN to another one",
            settings.listen
        )
    })?;
    let address = listener
        .local_addr()
        .context("the listening address cannot be determined")?;
    tracing::info!(%address, "listening; the MCP endpoint is /mcp");
    let stop = CancellationToken::new();
    serve_until_signal(stop.clone(), Box::pin(app.serve_http(listener, stop))).await
}

async fn serve_stdio(settings: &ServeSettings, tenant: TenantId) -> anyhow::Result<()> {
    let app = App::new(settings, CLOCK)?;
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

async fn migrate(settings: &AdminSettings) -> anyhow::Result<()> {
    let migrated = database::migrate(settings).await?;
    print_line(&format!(
        "database {} is ready: {} migrations applied, login {}, signing key {}",
        settings.database.database, migrated.migrations, settings.login.user, migrated.signing_key
    ))
}

async fn load_sample_data(settings: &AdminSettings, seed: Seed) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    if !seed.replace
        && let Some(loaded) = sample_data::count_loaded(&mut db).await?
    {
        return print_line(&format!(
            "the database already holds {} customers and {} orders; use --replace to delete and reload them",
            loaded.customers, loaded.orders
        ));
    }
    let directory = settings.embedding_model_dir.as_deref().context(
        "ZAVA_EMBEDDING_MODEL_DIR is not set; `seed` needs the model to compute a vector for each product",
    )?;
    let model = StaticModel::open(directory)?;
    let embed = |text: &str| model.embed(text).map(|vector| vector.as_slice().to_vec());
    let scale = match seed.scale {
        Scale::Full => sample_data::Scale::Full,
        Scale::Small => sample_data::Scale::Small,
    };
    let today = seed
        .today
        .unwrap_or_else(|| DateTime::<Utc>::from(CLOCK()).date_naive());
    let plan = Plan {
        scale,
        seed: seed.seed,
        today,
    };
    let progress = Progress::on_stderr();
    let summary = if seed.replace {
        sample_data::replace(&mut db, &plan, model.name(), embed, progress).await?
    } else {
        sample_data::load(&mut db, &plan, model.name(), embed, progress).await?
    };
    print_line(&format!(
        "loaded {} products, {} customers, {} orders with {} items",
        summary.products, summary.customers, summary.orders, summary.order_items
    ))
}

/// Prints the SQL that the guard would let run, or fails with its refusal. Needs no database.
fn check_sql(statement: String, max_bytes: NonZeroUsize) -> Result<(), CommandError> {
    let text = if statement == "-" {
        io::read_to_string(io::stdin()).context("standard input cannot be read as UTF-8 text")?
    } else {
        statement
    };
    let query = Guard::new(max_bytes)
        .check(&text)
        .map_err(CommandError::Refused)?;
    Ok(print_line(query.sql())?)
}

/// Writes a line to standard output.
pub(crate) fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output cannot be written")
}
