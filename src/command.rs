use clap::{Args, Parser, Subcommand, ValueEnum};
use zava_mcp_server::identity::{Principal, Role};
use zava_mcp_server::telemetry::audit::ChainHead;

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
    /// Let a caller ask for a store; a role given before is replaced.
    Grant(Grant),
    /// Take a grant back.
    Revoke(Revoke),
    /// List who may ask for which store.
    Grants,
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Key(Key),
    /// Look at the audit trail.
    #[command(subcommand)]
    Audit(Audit),
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
pub(crate) struct Grant {
    /// Who: entra:<directory>:<object id>, group:<directory>:<group id>, or apikey:<key id>.
    pub(crate) principal: Principal,
    /// The store's name as in retail.stores, "Head office" for all stores, or the tenant id.
    #[arg(long)]
    pub(crate) store: String,
    /// What the caller may do with it.
    #[arg(long, default_value = "reader", value_parser = role)]
    pub(crate) role: Role,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Revoke {
    /// Who, as in grant.
    pub(crate) principal: Principal,
    /// The store, as in grant.
    #[arg(long)]
    pub(crate) store: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key and print it, once.
    Create(CreateKey),
    /// List keys: id, state, end, name.
    List,
    /// Revoke a key; servers believe it for up to 15 seconds more.
    Revoke {
        /// Its id or name.
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Prove that no record of guard.audit was changed, deleted or put in, and print the trail's end.
    Verify {
        /// An end that was known before older records were pruned; begin with it.
        #[arg(long, value_name = "ID:HASH", value_parser = chain_end)]
        from: Option<ChainHead>,
        /// An end that was printed or logged before, such as 42:9f86d0…; it must still be part of the trail.
        #[arg(long, value_name = "ID:HASH", value_parser = chain_end)]
        expect: Option<ChainHead>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CreateKey {
    /// What it is for.
    pub(crate) name: String,
    /// A store that its holder may ask for, as in grant; may be given several times.
    #[arg(long, required = true)]
    pub(crate) store: Vec<String>,
    /// What the holder may do with them.
    #[arg(long, default_value = "reader", value_parser = role)]
    pub(crate) role: Role,
    /// In how many days it expires.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=730))]
    pub(crate) days: u16,
}

fn role(name: &str) -> Result<Role, &'static str> {
    Role::from_name(name).ok_or("is not reader, analyst or operator")
}

fn chain_end(text: &str) -> Result<ChainHead, &'static str> {
    text.parse()
        .map_err(|_| "is not a record's number, a colon and 64 hexadecimal digits")
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
