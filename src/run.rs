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

use crate::access;
use crate::check::check;
use crate::command::{Arguments, Audit, Command, Scale, Seed, Serve, Sql};

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that hands the clock in"
)]
const CLOCK: fn() -> SystemTime = SystemTime::now;

/// How a command ends when it does not end well.
pub(crate) enum CommandError {
    /// Nothing was tried: the settings cannot be used.
    Settings(anyhow::Error),
    /// A statement would not run.
    Refused(Refusal),
    /// It was tried.
    Other(anyhow::Error),
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<(), CommandError> {
    let environment = Environment::of_process(Path::new("."))
        .map_err(|error| CommandError::Settings(error.into()))?;
    match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(Serve { stdio: false }) => {
            let settings = serve_settings(&environment)?;
            runtime()?
                .block_on(serve_http(&settings))
                .map_err(CommandError::Other)
        }
        Command::Serve(Serve { stdio: true }) => {
            let settings = serve_settings(&environment)?;
            let tenant = settings.stdio_tenant.ok_or_else(|| {
                CommandError::Settings(anyhow!("ZAVA_TENANT is not set; over standard input and output it names the tenant, for example ZAVA_TENANT=f47ac10b-58cc-4372-a567-0e02b2c3d479"))
            })?;
            let runtime = runtime()?;
            let served = runtime.block_on(serve_stdio(&settings, tenant.into()));
            // A thread may wait for standard input, which need not end before the process does.
            runtime.shutdown_background();
            served.map_err(CommandError::Other)
        }
        Command::Migrate => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(migrate(&settings))
                .map_err(CommandError::Other)
        }
        Command::Seed(seed) => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(load(&settings, seed))
                .map_err(CommandError::Other)
        }
        Command::Grant(grant) => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(access::grant(&settings, &grant))
                .map_err(CommandError::Other)
        }
        Command::Revoke(revoke) => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(access::revoke(&settings, &revoke))
                .map_err(CommandError::Other)
        }
        Command::Grants => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(access::grants(&settings))
                .map_err(CommandError::Other)
        }
        Command::Key(key) => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(access::key(&settings, key, CLOCK().into()))
                .map_err(CommandError::Other)
        }
        Command::Audit(Audit::Verify { from, expect }) => {
            let settings = admin_settings(&environment)?;
            runtime()?
                .block_on(access::verify_audit(
                    &settings,
                    from.as_ref(),
                    expect.as_ref(),
                ))
                .map_err(CommandError::Other)
        }
        Command::Check => {
            let settings = serve_settings(&environment)?;
            runtime()?
                .block_on(check(&settings, CLOCK))
                .map_err(CommandError::Other)
        }
        Command::Sql(Sql { statement }) => {
            let longest = settings::sql_bytes(&environment)
                .map_err(|error| CommandError::Settings(error.into()))?;
            sql(statement, longest)
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

/// Long SQL is parsed here, and a parse of 32 KiB may hold several MiB: more threads mean more memory, not more speed.
const BLOCKING_THREADS: usize = 4;

/// One thread for all requests: on the small machines this runs on, waking another thread costs more than the work
/// (docs/decisions/0004). What computes for long goes to the blocking threads.
fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot start")
}

async fn serve_http(settings: &ServeSettings) -> anyhow::Result<()> {
    let app = App::new(settings, CLOCK)?;
    let listener = host::listen(settings.listen).with_context(|| {
        format!(
            "cannot listen on {}; stop what uses it, or set ZAVA_LISTEN to another port",
            settings.listen
        )
    })?;
    let address = listener
        .local_addr()
        .context("the listening address cannot be told")?;
    tracing::info!(%address, "listening; MCP is at /mcp");
    let stop = CancellationToken::new();
    until_signalled(stop.clone(), Box::pin(app.serve_http(listener, stop))).await
}

async fn serve_stdio(settings: &ServeSettings, tenant: TenantId) -> anyhow::Result<()> {
    let app = App::new(settings, CLOCK)?;
    let stop = CancellationToken::new();
    until_signalled(stop.clone(), Box::pin(app.serve_stdio(tenant, stop))).await
}

/// Runs a server until it ends by itself, or until a signal tells it to stop and it has done so.
async fn until_signalled(
    stop: CancellationToken,
    serving: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let signal = host::stop_signal().context("signals cannot be received")?;
    let mut serving = pin!(serving);
    // The server goes on being polled after a signal; the signal is waited for once.
    tokio::select! {
        served = &mut serving => return served,
        () = signal => stop.cancel(),
    }
    serving.await
}

async fn migrate(settings: &AdminSettings) -> anyhow::Result<()> {
    let migrated = database::migrate(settings).await?;
    say(&format!(
        "database {} is ready: {} migrations, login {}, signing key {}",
        settings.database.database, migrated.migrations, settings.login.user, migrated.signing_key
    ))
}

async fn load(settings: &AdminSettings, seed: Seed) -> anyhow::Result<()> {
    let mut db = database::connect_as_owner(settings).await?;
    if !seed.replace
        && let Some(loaded) = sample_data::is_loaded(&mut db).await?
    {
        return say(&format!(
            "the database already holds {} customers and {} orders; --replace loads anew",
            loaded.customers, loaded.orders
        ));
    }
    let directory = settings.embedding_model_dir.as_deref().context(
        "ZAVA_EMBEDDING_MODEL_DIR is not set; the sample data hold a vector for each product, so seed needs the model",
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
    say(&format!(
        "loaded {} products, {} customers, {} orders with {} items",
        summary.products, summary.customers, summary.orders, summary.order_items
    ))
}

/// The guard's verdict, without a database.
fn sql(statement: String, longest: NonZeroUsize) -> Result<(), CommandError> {
    let text = if statement == "-" {
        io::read_to_string(io::stdin()).context("standard input cannot be read as text")?
    } else {
        statement
    };
    let query = Guard::new(longest)
        .check(&text)
        .map_err(CommandError::Refused)?;
    Ok(say(query.sql())?)
}

pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output cannot be written")
}
