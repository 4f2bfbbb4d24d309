use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Fallible;
use crate::client::Connection;
use crate::plan::Plan;

/// How often a connection is tried. tokio's own timer is no finer than a millisecond, hence the thread's sleep.
const RETRY: Duration = Duration::from_micros(100);

/// After this a server that does not listen is not waited for any longer.
const LONGEST_START: Duration = Duration::from_secs(30);

/// Kernel ticks per second in `/proc/<pid>/stat`; `USER_HZ` is 100 on every architecture this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server, with its default settings but for those given. Ends when dropped.
pub(crate) struct Server {
    process: Child,
    pid: u32,
    address: SocketAddr,
}

/// Resident memory, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now (`VmRSS`).
    pub(crate) now: u64,
    /// The most so far (`VmHWM`).
    pub(crate) peak: u64,
}

impl Server {
    /// Starts the process; does not wait until it listens.
    pub(crate) fn start(plan: &Plan, extra: &[(&str, &str)]) -> Fallible<Self> {
        let address = free_address()?;
        let log = plan.work.join("server.log");
        let process = Command::new(&plan.server)
            .arg("serve")
            .current_dir(&plan.work)
            .env_clear()
            .envs(plan.settings.iter().map(|(name, value)| (name, value)))
            .envs(extra.iter().copied())
            .env("ZAVA_LISTEN", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(append(&log)?) // a file, as under a service manager: writing the log is part of the work
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", plan.server.display()))?;
        let pid = process.id().ok_or("the server has ended")?;
        Ok(Self {
            process,
            pid,
            address,
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
                    return Err(
                        format!("the server does not listen ({error}); see server.log").into(),
                    );
                }
                Err(_) => std::thread::sleep(RETRY),
            }
        }
    }

    /// What the kernel says of its memory.
    pub(crate) fn memory(&self) -> Fallible<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let kib = |name: &str| -> Fallible<u64> {
            let value = status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_suffix(" kB"))
                .ok_or("/proc does not tell the memory")?;
            Ok(value.trim().parse()?)
        };
        Ok(Memory {
            now: kib("VmRSS:")?,
            peak: kib("VmHWM:")?,
        })
    }

    /// Lets the peak begin anew, so that it shows one request's part (proc(5), `clear_refs`).
    pub(crate) fn forget_peak(&self) -> Fallible<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.pid), "5")?)
    }

    /// Processor time used so far by all its threads, in seconds.
    pub(crate) fn processor_seconds(&self) -> Fallible<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The second field is the name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
        let (_, fields) = stat
            .rsplit_once(')')
            .ok_or("/proc does not tell the time")?;
        let ticks = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| Ok(field.parse::<f64>()?))
            .sum::<Fallible<f64>>()?;
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// Ends it at once.
    pub(crate) async fn stop(mut self) -> Fallible<()> {
        Ok(self.process.kill().await?)
    }
}

fn append(path: &std::path::Path) -> Fallible<File> {
    Ok(OpenOptions::new().create(true).append(true).open(path)?)
}

/// An address that nobody uses now. Somebody else may take it before the server does; then the server ends and says so.
fn free_address() -> Fallible<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
