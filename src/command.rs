use clap::{Args, Parser, Subcommand, ValueEnum};

/// Lets AI clients ask questions of the Zava retail database over the Model Context Protocol.
///
/// Settings come from the environment and from `.env` in the working directory; docs/settings.md lists them.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve MCP until interrupted (the default).
    Serve(Serve),
    /// Create or mend roles, schema and signing key.
    Migrate,
    /// Load the sample data; does nothing when data is there.
    Seed(Seed),
    /// Check settings, database, and what the login may do there; says what is wrong and how to mend it.
    Check,
    /// Say whether the server would run a statement: prints what would run, or why it is refused. Needs no database.
    Sql(Sql),
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Serve {
    /// Speak MCP on standard input and output, for the tenant in ZAVA_TENANT.
    #[arg(long)]
    pub(crate) stdio: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Seed {
    /// How many customers, orders and items.
    #[arg(long, value_enum, default_value_t = Scale::Full)]
    pub(crate) scale: Scale,
    /// The same number makes the same data.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// The last day with orders, such as 2026-11-23 (the default is the current UTC date).
    #[arg(long)]
    pub(crate) today: Option<chrono::NaiveDate>,
    /// Delete the data that is there and load anew.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Sql {
    /// The statement; `-` reads it from standard input.
    #[arg(allow_hyphen_values = true)]
    pub(crate) statement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scale {
    /// 50,000 customers, about 200,000 orders.
    Full,
    /// A fiftieth of that.
    Small,
}
