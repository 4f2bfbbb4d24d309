use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::Fallible;
use crate::mcp;
use crate::plan::{Login, Plan};

/// Makes the schema that signs for the bench; parameters are psql variables.
const ARRANGE: &str = include_str!("arrange_signing.sql");
const FORGET: &str = include_str!("forget_signing.sql");

/// The login that pgbench uses. It has the rights of the server's and one more, which the server's own must not have.
const LOGIN: &str = "zava_bench";

/// What pgbench repeats.
const SIGNED: &str = include_str!("signed.pgbench");
/// Where [`SIGNED`] has the client's statement.
const STATEMENT: &str = "{statement}";
const BARE: &str = include_str!("bare.pgbench");

/// The server's default, in the form that the server sends.
const STATEMENT_TIMEOUT: &str = "15000";

/// The database is ready to sign for the backends that ask.
pub(crate) struct Signing(());

/// How pgbench runs a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the server's transaction and in one pipeline as the server's, each statement parsed every time: so is the client's.
    Parsed,
    /// The same, each statement prepared by name beforehand: so are the server's own.
    Prepared,
    /// Not the statement but `BEGIN READ ONLY; SELECT 1; COMMIT`, as one message of the simple protocol.
    Bare,
}

/// What pgbench tells about one turn.
pub(crate) struct Run {
    /// Without the time it took to connect.
    pub(crate) transactions_per_second: f64,
    pub(crate) transactions: usize,
}

/// Makes a function that signs a context of one tenant for the backend that calls it, and a login
/// that may call it.
///
/// # Security
/// While it exists, whoever has that login, with the query login's password, may speak for that tenant. [`forget_signing`] ends
/// that.
pub(crate) async fn arrange_signing(plan: &Plan) -> Fallible<Signing> {
    let variables = [
        ("key_id", plan.key_id.as_str()),
        ("tenant", mcp::SEATTLE),
        ("password", plan.query.password.as_str()),
    ];
    forget_signing(plan).await?; // of a run that was killed
    psql(plan, ARRANGE, &variables).await?;
    Ok(Signing(()))
}

/// Removes what [`arrange_signing`] made, if it did.
pub(crate) async fn forget_signing(plan: &Plan) -> Fallible<()> {
    psql(plan, FORGET, &[]).await.map(drop)
}

/// Forgets all stored verdicts of the posture check.
pub(crate) async fn forget_verdicts(plan: &Plan) -> Fallible<()> {
    let sql = "SET LOCAL ROLE zava_owner; DELETE FROM guard.posture_verdict;";
    psql(plan, sql, &[]).await.map(drop)
}

/// Whether a verdict of the posture check is stored.
pub(crate) async fn has_verdict(plan: &Plan) -> Fallible<bool> {
    let sql = "SET LOCAL ROLE zava_owner; SELECT EXISTS (SELECT FROM guard.posture_verdict);";
    Ok(psql(plan, sql, &[]).await? == "t")
}

/// The server's own words for its version.
pub(crate) async fn server_version(plan: &Plan) -> Fallible<String> {
    psql(plan, "SHOW server_version", &[]).await
}

/// Repeats a statement over so many connections for one turn.
pub(crate) async fn run(
    plan: &Plan,
    _: &Signing,
    form: Form,
    sql: &str,
    connections: usize,
) -> Fallible<Run> {
    let (protocol, text) = match form {
        Form::Parsed => ("extended", SIGNED.replace(STATEMENT, sql.trim_end())),
        Form::Prepared => ("prepared", SIGNED.replace(STATEMENT, sql.trim_end())),
        Form::Bare => ("simple", BARE.to_owned()),
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
        .arg(format!("--time={}", plan.turn.as_secs()))
        .arg(format!("--file={}", file.display()));
    for (name, value) in [("timeout", STATEMENT_TIMEOUT), ("signed", "0")] {
        command.arg(format!("--define={name}={value}"));
    }
    let said = succeeded("pgbench", command.output().await?)?;
    let number = |name: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix(name)?.split([' ', '/']).next())
            .ok_or_else(|| format!("pgbench does not tell its {name}: {said}"))
    };
    Ok(Run {
        transactions_per_second: number("tps = ")?.parse()?,
        transactions: number("number of transactions actually processed: ")?.parse()?,
    })
}

async fn psql(plan: &Plan, sql: &str, variables: &[(&str, &str)]) -> Fallible<String> {
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

/// One of PostgreSQL's programs, about to connect as `login`.
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
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} failed ({}): {}", output.status, said.trim()).into())
}
