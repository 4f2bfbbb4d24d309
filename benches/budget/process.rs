use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Fallible;
use crate::client::Connection;
use crate::procfs::{self, Memory};

/// Delay between two connection attempts. tokio's timer has a resolution of a millisecond, so the
/// thread sleeps.
const RETRY_DELAY: Duration = Duration::from_micros(100);

/// How long a server may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running MCP server, ours or another. Ends when dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
    address: SocketAddr,
    log: PathBuf,
    /// Offset of its part of the log.
    log_start: u64,
}

impl Process {
    /// Starts a program that will listen on `address` and appends its output to `log`; does not
    /// wait until it listens.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, log: &Path) -> Fallible<Self> {
        let path = log.to_owned();
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let log_start = log.metadata()?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log) // a file, as under a service manager: writing the log is part of the work
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{command:?} does not start: {error}"))?;
        let pid = child.id().ok_or("the server has ended")?;
        Ok(Self {
            child,
            pid,
            address,
            log: path,
            log_start,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects as soon as it listens. Retries every 0.1 ms and blocks the thread meanwhile.
    pub(crate) async fn connect(&self) -> Fallible<Connection> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match Connection::open(self.address).await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() > deadline => {
                    return Err(format!("a server does not listen ({error}); see the logs").into());
                }
                Err(_) => std::thread::sleep(RETRY_DELAY),
            }
        }
    }

    /// Its log so far.
    pub(crate) fn logged(&self) -> Fallible<String> {
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(self.log_start))?;
        let mut text = String::new();
        log.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Its memory, from procfs.
    pub(crate) fn memory(&self) -> Fallible<Memory> {
        procfs::memory(self.pid)
    }

    /// Resets the peak of its memory.
    pub(crate) fn reset_peak(&self) -> Fallible<()> {
        procfs::reset_peak(self.pid)
    }

    /// CPU time of all its threads so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Fallible<f64> {
        procfs::cpu_seconds(self.pid)
    }

    /// Kills it.
    pub(crate) async fn stop(mut self) -> Fallible<()> {
        Ok(self.child.kill().await?)
    }
}

/// A free address. If another process takes it before the server does, the server fails to start.
pub(crate) fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
