use std::path::PathBuf;
use std::time::Duration;

use crate::Fallible;

/// A PostgreSQL login.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// What is measured, for how long, and with which programs.
pub(crate) struct Plan {
    /// The server's release binary.
    pub(crate) server: PathBuf,
    /// The environment of `serve`: address of the database and secrets, no tuning.
    pub(crate) settings: Vec<(&'static str, String)>,
    /// A folder for logs and scripts. The server runs in it, so that a developer's `.env` is not
    /// read.
    pub(crate) work: PathBuf,
    /// The folder that holds `psql` and `pgbench`.
    pub(crate) postgres_programs: PathBuf,
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) database: String,
    /// The login that the server uses.
    pub(crate) query: Login,
    /// A login that may act as the schemas' owner.
    pub(crate) admin: Login,
    /// The id of the current signing key.
    pub(crate) key_id: String,
    /// The tokenizer of the embedding model, as a JSON file of the `tokenizers` library.
    pub(crate) tokenizer: PathBuf,
    /// PostgreSQL's postmaster, if it runs on this machine and is known; its children serve the
    /// connections.
    pub(crate) postmaster: Option<u32>,
    /// The MCP Toolbox binary, if it is measured too.
    pub(crate) toolbox: Option<PathBuf>,
    /// Whether only starts are measured.
    pub(crate) is_cold: bool,
    /// Whether only the ranking of searches is measured.
    pub(crate) is_relevance: bool,
    /// Whether only searches among many products are measured.
    pub(crate) is_catalogue: bool,
    /// The read replicas, if only scaling is measured; not empty.
    pub(crate) replicas: Option<Vec<String>>,
    /// Number of measured starts.
    pub(crate) starts: usize,
    /// Number of rounds in which everything that is compared is measured once.
    pub(crate) rounds: usize,
    /// Duration of one measurement, in whole seconds, as pgbench requires.
    pub(crate) interval: Duration,
    /// Command line, commit and date, for the report.
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) date: String,
}

/// The variables that `serve` needs; nothing else is passed on.
const SERVER_SETTINGS: [&str; 7] = [
    "POSTGRES_DB_HOST",
    "POSTGRES_DB_PORT",
    "POSTGRES_DB",
    "POSTGRES_USER",
    "POSTGRES_PASSWORD",
    "ZAVA_SIGNING_KEY",
    "ZAVA_EMBEDDING_MODEL_DIR",
];

impl Plan {
    /// Reads the variables that `scripts/bench` exports.
    ///
    /// # Errors
    /// Names the variable that is missing.
    pub(crate) fn from_environment() -> Fallible<Self> {
        let settings = SERVER_SETTINGS
            .into_iter()
            .map(|name| Ok((name, variable(name)?)))
            .collect::<Fallible<Vec<_>>>()?;
        let signing_key = variable("ZAVA_SIGNING_KEY")?;
        let (key_id, _) = signing_key
            .split_once(':')
            .ok_or("ZAVA_SIGNING_KEY is not of the form <id>:<key>")?;
        let (starts, rounds, interval) = if variable("BENCH_QUICK").is_ok() {
            (20, 3, Duration::from_secs(1))
        } else {
            (20, 9, Duration::from_secs(2))
        };
        Ok(Self {
            server: variable("BENCH_SERVER")?.into(),
            settings,
            work: variable("BENCH_WORK")?.into(),
            postgres_programs: variable("BENCH_POSTGRES_PROGRAMS")?.into(),
            host: variable("POSTGRES_DB_HOST")?,
            port: variable("POSTGRES_DB_PORT")?,
            database: variable("POSTGRES_DB")?,
            query: Login {
                user: variable("POSTGRES_USER")?,
                password: variable("POSTGRES_PASSWORD")?,
            },
            admin: Login {
                user: variable("POSTGRES_ADMIN_USER")?,
                password: variable("POSTGRES_ADMIN_PASSWORD")?,
            },
            key_id: key_id.to_owned(),
            tokenizer: PathBuf::from(variable("ZAVA_EMBEDDING_MODEL_DIR")?)
                .join("l2_supercat_tokenizer_config.json"),
            postmaster: variable("BENCH_POSTMASTER")
                .ok()
                .map(|pid| pid.parse())
                .transpose()?,
            toolbox: variable("BENCH_TOOLBOX").ok().map(PathBuf::from),
            is_cold: variable("BENCH_COLD").is_ok(),
            is_relevance: variable("BENCH_RELEVANCE").is_ok(),
            is_catalogue: variable("BENCH_CATALOGUE").is_ok(),
            replicas: match variable("BENCH_SCALING") {
                Ok(_) => {
                    let hosts = variable("BENCH_READ_HOSTS")?;
                    Some(hosts.split(',').map(str::to_owned).collect())
                }
                Err(_) => None,
            },
            starts,
            rounds,
            interval,
            command: variable("BENCH_COMMAND")?,
            commit: variable("BENCH_COMMIT")?,
            date: variable("BENCH_DATE")?,
        })
    }

    /// One of the settings of `serve`.
    pub(crate) fn setting(&self, name: &str) -> Fallible<String> {
        let setting = self.settings.iter().find(|(one, _)| *one == name);
        setting
            .map(|(_, value)| value.clone())
            .ok_or_else(|| format!("{name} is no setting of the bench").into())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bench's only access to the environment; it must not link the server's code"
)]
fn variable(name: &str) -> Fallible<String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("{name} is not set; start this by ./scripts/bench").into())
}
