use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::Fallible;
use crate::plan::Plan;
use crate::process::{self, Process};

/// One tool that runs any SQL, over the server's database and login.
const CONFIGURATION: &str = include_str!("toolbox.yaml");

/// MCP Toolbox for Databases, the fastest server that does the same work. It knows no tenants.
pub(crate) struct Toolbox {
    program: PathBuf,
    pub(crate) version: String,
}

impl Toolbox {
    /// Reads the version of a Toolbox binary.
    pub(crate) async fn find(program: &Path) -> Fallible<Self> {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        // "toolbox version 1.12.0+binary.linux.amd64.c97ca4d"
        let text = String::from_utf8(output.stdout)?;
        let version = text
            .split_whitespace()
            .last()
            .and_then(|version| version.split('+').next())
            .ok_or("the Toolbox does not tell its version")?;
        Ok(Self {
            program: program.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Starts it with its defaults, except that it neither logs each request (ours does not
    /// either), nor watches its configuration, nor checks for a newer version.
    pub(crate) fn start(&self, plan: &Plan) -> Fallible<Process> {
        let address = process::free_address()?;
        let configuration = plan.work.join("toolbox.yaml");
        std::fs::write(&configuration, CONFIGURATION)?;
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--address={}", address.ip()))
            .arg(format!("--port={}", address.port()))
            .arg("--config")
            .arg(configuration)
            .args([
                "--log-level=WARN",
                "--disable-reload",
                "--disable-version-check",
            ])
            .current_dir(&plan.work)
            .env_clear()
            .envs(plan.settings.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command, address, &plan.work.join("toolbox.log"))
    }
}
