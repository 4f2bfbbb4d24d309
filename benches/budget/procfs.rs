use std::fs;
use std::io::ErrorKind;

use crate::Fallible;

/// Kernel ticks per second in `/proc/<pid>/stat`; `USER_HZ` is 100 on all supported architectures.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now (`VmRSS`).
    pub(crate) now: u64,
    /// The peak (`VmHWM`).
    pub(crate) peak: u64,
}

/// The memory of a process, from `/proc/<pid>/status`.
pub(crate) fn memory(pid: u32) -> Fallible<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
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

/// Resets the peak, so that it shows the cost of one request (proc(5), `clear_refs`).
pub(crate) fn reset_peak(pid: u32) -> Fallible<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// CPU time of a process and all its threads, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> Fallible<f64> {
    let stat = Stat::read(pid)?.ok_or("a measured process has ended")?;
    Ok(stat.own_ticks / TICKS_PER_SECOND)
}

/// CPU time of a process's children, including those that have ended, in seconds.
pub(crate) fn children_cpu_seconds(pid: u32) -> Fallible<f64> {
    let reaped = || -> Fallible<f64> {
        let parent = Stat::read(pid)?.ok_or("PostgreSQL has ended")?;
        Ok(parent.reaped_children_ticks)
    };
    loop {
        let before = reaped()?;
        let ticks = before + ticks_of_running_children(pid)?;
        // A child that ended meanwhile may be counted twice or not at all: repeat.
        if (reaped()? - before).abs() < f64::EPSILON {
            return Ok(ticks / TICKS_PER_SECOND);
        }
    }
}

/// `/proc/<pid>/task/<tid>/children` is an optional kernel feature, so this scans every process.
fn ticks_of_running_children(parent: u32) -> Fallible<f64> {
    let mut ticks = 0.0;
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(stat) = Stat::read(pid)?
            && stat.parent == parent
        {
            ticks += stat.own_ticks;
        }
    }
    Ok(ticks)
}

/// Fields of `/proc/<pid>/stat`; times in ticks.
struct Stat {
    parent: u32,
    own_ticks: f64,
    reaped_children_ticks: f64,
}

impl Stat {
    /// `None` if there is no such process.
    fn read(pid: u32) -> Fallible<Option<Self>> {
        let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // ESRCH: the process ended while it was read.
            Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
            read => read?,
        };
        // The second field is the name in parentheses and may contain spaces: count from behind it,
        // starting with field 3.
        let (_, fields) = text
            .rsplit_once(')')
            .ok_or("/proc does not tell the time")?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).ok_or("/proc tells too little");
        let ticks = |number| -> Fallible<f64> { Ok(field(number)?.parse()?) };
        Ok(Some(Self {
            parent: field(4)?.parse()?,
            own_ticks: ticks(14)? + ticks(15)?,
            reaped_children_ticks: ticks(16)? + ticks(17)?,
        }))
    }
}
