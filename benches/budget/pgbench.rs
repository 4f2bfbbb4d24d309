use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::Fallible;
use crate::mcp;
use crate::plan::{Login, Plan};

/// Creates the signing schema; parameters are psql variables.
const CREATE_SIGNING: &str = include_str!("create_signing.sql");
const DROP_SIGNING: &str = include_str!("drop_signing.sql");

/// The login of pgbench. It has the privileges of the server's login and may also sign, which the
/// server's login must not.
const LOGIN: &str = "zava_bench";

/// The transaction that pgbench repeats.
const SIGNED: &str = include_str!("signed.pgbench");
/// Placeholder of the client's statement in [`SIGNED`].
const STATEMENT: &str = "{statement}";
const BARE: &str = include_str!("bare.pgbench");

/// The server's default statement timeout, in the format that the server sends.
const STATEMENT_TIMEOUT: &str = "15000";

/// Proof that the signing schema exists.
pub(crate) struct Signing(());

/// How pgbench runs a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum PgbenchMode {
    /// The server's transaction in one pipeline, with every statement parsed each time, as the
    /// server does for the client's statement.
    Parsed,
    /// The same with named prepared statements, as the server uses for its own.
    Prepared,
    /// Instead of the statement: `BEGIN READ ONLY; SELECT 1; COMMIT`, as one message of the simple
    /// protocol.
    Bare,
}

/// The result of one pgbench run.
pub(crate) struct PgbenchResult {
    /// Excluding connection time.
    pub(crate) transactions_per_second: f64,
    pub(crate) transactions: usize,
}

/// Creates a function that signs a context of one tenant for the backend that calls it, and a login
/// that may call it.
///
/// # Security
/// While it exists, anyone with that login, which has the query login's password, can act as that
/// tenant. [`drop_signing`] removes it.
pub(crate) async fn create_signing(plan: &Plan) -> Fallible<Signing> {
    let variables = [
        ("key_id", plan.key_id.as_str()),
        ("tenant", mcp::SEATTLE),
        ("password", plan.query.password.as_str()),
    ];
    drop_signing(plan).await?; // left by a run that was killed
    psql(plan, CREATE_SIGNING, &variables).await?;
    Ok(Signing(()))
}

/// Removes what [`create_signing`] created, if it exists.
pub(crate) async fn drop_signing(plan: &Plan) -> Fallible<()> {
    psql(plan, DROP_SIGNING, &[]).await.map(drop)
}

/// Deletes all stored verdicts of the posture check.
pub(crate) async fn delete_verdicts(plan: &Plan) -> Fallible<()> {
    let sql = "SET LOCAL ROLE zava_owner; DELETE FROM guard.posture_verdict;";
    psql(plan, sql, &[]).await.map(drop)
}

/// Whether a verdict of the posture check is stored.
pub(crate) async fn has_verdict(plan: &Plan) -> Fallible<bool> {
    let sql = "SET LOCAL ROLE zava_owner; SELECT EXISTS (SELECT FROM guard.posture_verdict);";
    Ok(psql(plan, sql, &[]).await? == "t")
}

/// PostgreSQL's version.
pub(crate) async fn server_version(plan: &Plan) -> Fallible<String> {
    psql(plan, "SHOW server_version", &[]).await
}

/// Repeats a statement over `connections` connections for one interval.
pub(crate) async fn run(
    plan: &Plan,
    _: &Signing,
    mode: PgbenchMode,
    sql: &str,
    connections: usize,
) -> Fallible<PgbenchResult> {
    let (protocol, text) = match mode {
        PgbenchMode::Parsed => ("extended", SIGNED.replace(STATEMENT, sql.trim_end())),
        PgbenchMode::Prepared => ("prepared", SIGNED.replace(STATEMENT, sql.trim_end())),
        PgbenchMode::Bare => ("simple", BARE.to_owned()),
    };
    let file = plan.work.join("transaction.pgbench");
    std::fs::write(&file, text)?;
    let login = Login {
        user: LOGIN.to_owned(),
        password: plan.query.password.clone(),
    };
    let mut command = program(plan, "pgbench", &login);
    command
        .args(["--no-vacuum", "--jobs=1"])
        .arg(format!("--protocol={protocol}"))
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", plan.interval.as_secs()))
        .arg(format!("--file={}", file.display()));
    for (name, value) in [("timeout", STATEMENT_TIMEOUT), ("signed", "0")] {
        command.arg(format!("--define={name}={value}"));
    }
    let stdout = succeeded("pgbench", command.output().await?)?;
    let number = |name: &str| {
        stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split([' ', '/']).next())
            .ok_or_else(|| format!("pgbench does not report its {name}: {stdout}"))
    };
    Ok(PgbenchResult {
        transactions_per_second: number("tps = ")?.parse()?,
        transactions: number("number of transactions actually processed: ")?.parse()?,
    })
}

/// Runs statements in one transaction as the administrator; returns the last rows as text.
pub(crate) async fn psql(plan: &Plan, sql: &str, variables: &[(&str, &str)]) -> Fallible<String> {
    let file = plan.work.join("admin.sql");
    std::fs::write(&file, sql)?;
    let mut command = program(plan, "psql", &plan.admin);
    command.args(["-X", "-q", "-A", "-t", "-1", "-v", "ON_ERROR_STOP=1"]);
    for (name, value) in variables {
        command.arg("-v").arg(format!("{name}={value}"));
    }
    command.arg("-f").arg(&file);
    let text = succeeded("psql", command.output().await?)?;
    Ok(text.trim().to_owned())
}

/// Brings the statistics of all tables up to date, as the owner of the tables.
pub(crate) async fn vacuum(plan: &Plan) -> Fallible<()> {
    let mut command = program(plan, "psql", &plan.admin);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]);
    command.args(["-c", "SET ROLE zava_owner", "-c", "VACUUM ANALYZE"]);
    succeeded("psql", command.output().await?).map(drop)
}

/// A PostgreSQL program that will connect as `login`.
fn program(plan: &Plan, name: &str, login: &Login) -> Command {
    let mut command = Command::new(Path::new(&plan.postgres_programs).join(name));
    command
        .env_clear()
        .env("PGHOST", &plan.host)
        .env("PGPORT", &plan.port)
        .env("PGDATABASE", &plan.database)
        .env("PGUSER", &login.user)
        .env("PGPASSWORD", &login.password)
        .env("PGCONNECT_TIMEOUT", "10")
        .env("PGOPTIONS", "-c client_min_messages=warning")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn succeeded(name: &str, output: Output) -> Fallible<String> {
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed ({}): {}", output.status, stderr.trim()).into())
}
