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
use crate::kernel::{self, Memory};

/// How often a connection is tried. tokio's own timer is no finer than a millisecond, hence the thread's sleep.
const RETRY: Duration = Duration::from_micros(100);

/// After this a server that does not listen is not waited for any longer.
const LONGEST_START: Duration = Duration::from_secs(30);

/// A running MCP server, ours or another. Ends when dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
    address: SocketAddr,
    log: PathBuf,
    /// Where its part of the log begins.
    log_start: u64,
}

impl Process {
    /// Starts a program that will listen on `address` and adds to `log` what it says; does not wait until it listens.
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

    /// Connects as soon as it listens. Sleeps 0.1 ms between two tries and blocks the thread meanwhile.
    pub(crate) async fn connect(&self) -> Fallible<Connection> {
        let given_up = Instant::now() + LONGEST_START;
        loop {
            match Connection::open(self.address).await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() > given_up => {
                    return Err(format!("a server does not listen ({error}); see the logs").into());
                }
                Err(_) => std::thread::sleep(RETRY),
            }
        }
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> Fallible<String> {
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(self.log_start))?;
        let mut text = String::new();
        log.read_to_string(&mut text)?;
        Ok(text)
    }

    /// What the kernel says of its memory.
    pub(crate) fn memory(&self) -> Fallible<Memory> {
        kernel::memory(self.pid)
    }

    /// Lets the peak of its memory begin anew.
    pub(crate) fn forget_peak(&self) -> Fallible<()> {
        kernel::forget_peak(self.pid)
    }

    /// Processor time used so far by all its threads, in seconds.
    pub(crate) fn processor_seconds(&self) -> Fallible<f64> {
        kernel::processor_seconds(self.pid)
    }

    /// Ends it at once.
    pub(crate) async fn stop(mut self) -> Fallible<()> {
        Ok(self.child.kill().await?)
    }
}

/// An address that nobody uses now. Somebody else may take it before the server does; then the server ends and says so.
pub(crate) fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
