use std::ops::RangeInclusive;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;
use zava_mcp_server::identity::{Principal, Role};
use zava_mcp_server::telemetry::audit::ChainHead;

/// Serves the Zava retail database to AI clients over the Model Context Protocol.
///
/// Settings come from the environment and from `.env` in the working directory; docs/settings.md
/// lists them.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve MCP until interrupted (the default).
    Serve(Serve),
    /// Create or repair roles, schema and signing key.
    Migrate(Migrate),
    /// Load the sample data; does nothing if the database already holds data.
    Seed(Seed),
    /// Bring the search index up to date: words and vectors of products. Continues where an earlier
    /// run has ended; does nothing while another run is under way.
    Embed(Embed),
    /// Check settings, database and the login's privileges; prints what is wrong and how to fix it.
    Check,
    /// Ask the server on this machine, at ZAVA_LISTEN, whether it is ready. For the health check of
    /// a container. Reads no other setting.
    Health(Health),
    /// Grant a caller a store; replaces the role granted before. Takes effect within 15 seconds.
    Grant(Grant),
    /// Revoke a grant; takes effect within 15 seconds.
    Revoke(Revoke),
    /// List all grants.
    Grants,
    /// Create, list and revoke API keys.
    #[command(subcommand)]
    Key(Key),
    /// Add, rename, remove and list tenants.
    #[command(subcommand)]
    Tenant(Tenant),
    /// Verify the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Check a statement against the guard: print the SQL that would run, or why it is refused.
    /// Needs no database.
    Sql(Sql),
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Serve {
    /// Serve one MCP client over standard input and output, for the tenant in ZAVA_TENANT.
    #[arg(long)]
    pub(super) stdio: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Health {
    /// Ask only whether the server is up: not whether its database is, too.
    #[arg(long)]
    pub(super) live: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Migrate {
    /// Generate a new signing key: the database accepts it, then the Key Vault secret in
    /// ZAVA_SIGNING_KEY is set to it. Servers use it within minutes; the previous key stays valid
    /// for a day.
    #[arg(long, conflicts_with = "contract")]
    pub(super) new_signing_key: bool,
    /// Also apply the contracting migrations, after which servers of the previous release refuse to
    /// serve. Run it after the roll-out, once that release will not be put back.
    #[arg(long)]
    pub(super) contract: bool,
}

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Seed {
    /// How many customers, orders and order items to generate.
    #[arg(long, value_enum, default_value_t = Scale::Full)]
    pub(super) scale: Scale,
    /// Seed of the random numbers; the same seed generates the same data.
    #[arg(long, default_value_t = 42)]
    pub(super) seed: u64,
    /// The last day with orders, such as 2026-11-23 (default: the current UTC date).
    #[arg(long)]
    pub(super) today: Option<chrono::NaiveDate>,
    /// Delete the existing data first.
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Embed {
    /// Compute vectors of this model of the embedding service, beside those of the model in
    /// EMBEDDING_MODEL_DEPLOYMENT_NAME, which servers go on searching.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) model: Option<String>,
    /// Write nothing; print how many products lack words or vectors, and an estimate of their
    /// tokens (a quarter of the characters).
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Price of a million tokens, in dollars; prints the estimated cost.
    #[arg(long, value_name = "DOLLARS", requires = "dry_run", value_parser = Price::parse)]
    pub(super) price: Option<Price>,
    /// End after this time; the next run continues.
    #[arg(long, value_name = "MINUTES", conflicts_with = "dry_run", value_parser = parse_minutes)]
    pub(super) deadline: Option<Duration>,
    /// Remove the vectors of a model that the settings do not name.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["model", "dry_run", "deadline"], value_parser = NonEmptyStringValueParser::new())]
    pub(super) remove: Option<String>,
    /// Of that model, remove only the vectors with this many dimensions.
    #[arg(long, value_name = "N", requires = "remove")]
    pub(super) dimensions: Option<u32>,
}

/// A price in dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Price(f64);

impl Price {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let price = text
            .parse()
            .ok()
            .filter(|price| (0.0..=1e6).contains(price));
        price.map(Self).ok_or("expected dollars, such as 0.02")
    }

    /// What some tokens cost, in dollars.
    pub(super) fn cost(self, tokens: usize) -> f64 {
        self.0 * tokens as f64 / 1e6
    }
}

/// The shortest and the longest deadline of `embed`, in minutes: about a second, a week.
const DEADLINE_MINUTES: RangeInclusive<f64> = 0.01..=10_080.0;

fn parse_minutes(text: &str) -> Result<Duration, &'static str> {
    let minutes: Option<f64> = text.parse().ok();
    minutes
        .filter(|minutes| DEADLINE_MINUTES.contains(minutes))
        .map(|minutes| Duration::from_secs_f64(60.0 * minutes))
        .ok_or("expected a number of minutes from 0.01 to 10080")
}

#[derive(Clone, Debug, Args)]
pub(super) struct Grant {
    /// The caller: entra:<directory>:<object id>, group:<directory>:<group id>, or apikey:<key id>.
    pub(super) principal: Principal,
    /// The store's name as in retail.stores, "Head office" for all stores, or the tenant id.
    #[arg(long)]
    pub(super) store: String,
    /// The role: reader, analyst or operator.
    #[arg(long, default_value = "reader", value_parser = parse_role)]
    pub(super) role: Role,
}

#[derive(Clone, Debug, Args)]
pub(super) struct Revoke {
    /// The caller, as in grant.
    pub(super) principal: Principal,
    /// The store, as in grant.
    #[arg(long)]
    pub(super) store: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Create a key and print it; it is not shown again.
    Create(CreateKey),
    /// List all keys: id, state, expiry date, name.
    List,
    /// Revoke a key; takes effect within 15 seconds.
    Revoke {
        /// The key's id or name.
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Add a tenant that sees one store, or all stores; prints the tenant id.
    Add {
        /// The name of the store, which is created if there is none, or a name for all stores.
        name: String,
        /// The tenant id (default: a random one).
        #[arg(long)]
        id: Option<Uuid>,
        /// The tenant sees all stores.
        #[arg(long, conflicts_with = "online")]
        all_stores: bool,
        /// The store, if it is created, sells online.
        #[arg(long)]
        online: bool,
    },
    /// Rename a tenant and its store; takes effect within a minute.
    Rename {
        /// The tenant's id or name.
        tenant: String,
        /// The new name.
        name: String,
    },
    /// Remove a tenant and its grants; its store only if it has no rows. Takes effect within 15
    /// seconds.
    Remove {
        /// The tenant's id or name.
        tenant: String,
    },
    /// List all tenants: id, store, name.
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Verify that no record of guard.audit was changed, deleted or inserted; prints the chain
    /// head.
    Verify {
        /// A chain head noted before older records were pruned; verification starts there.
        #[arg(long, value_name = "ID:HASH", value_parser = parse_chain_head)]
        from: Option<ChainHead>,
        /// A chain head printed or logged before, such as 42:9f86d0…; it must still be in the log.
        #[arg(long, value_name = "ID:HASH", value_parser = parse_chain_head)]
        expect: Option<ChainHead>,
    },
}

#[derive(Clone, Debug, Args)]
pub(super) struct CreateKey {
    /// A name for the key, such as its purpose.
    pub(super) name: String,
    /// A store to grant the key's holder, as in grant; repeat it for several stores.
    #[arg(long, required = true)]
    pub(super) store: Vec<String>,
    /// The role for these stores: reader, analyst or operator.
    #[arg(long, default_value = "reader", value_parser = parse_role)]
    pub(super) role: Role,
    /// Number of days until the key expires.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=730))]
    pub(super) days: u16,
}

fn parse_role(name: &str) -> Result<Role, &'static str> {
    Role::from_name(name).ok_or("expected reader, analyst or operator")
}

fn parse_chain_head(text: &str) -> Result<ChainHead, &'static str> {
    text.parse()
        .map_err(|_| "expected a record number, a colon and 64 hexadecimal digits")
}

#[derive(Clone, Debug, Args)]
pub(super) struct Sql {
    /// The statement; `-` reads it from standard input.
    #[arg(allow_hyphen_values = true)]
    pub(super) statement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Scale {
    /// 50,000 customers and about 200,000 orders.
    Full,
    /// One fiftieth of that.
    Small,
}
