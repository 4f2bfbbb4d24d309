use std::fs;
use std::io::ErrorKind;

use crate::Fallible;

/// Kernel ticks per second in `/proc/<pid>/stat`; `USER_HZ` is 100 on every architecture this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resident memory, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Now (`VmRSS`).
    pub(crate) now: u64,
    /// The most so far (`VmHWM`).
    pub(crate) peak: u64,
}

/// What `/proc/<pid>/status` says of a process's memory.
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

/// Lets the peak begin anew, so that it shows one request's part (proc(5), `clear_refs`).
pub(crate) fn forget_peak(pid: u32) -> Fallible<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Processor time that a process has used so far with all its threads, in seconds.
pub(crate) fn processor_seconds(pid: u32) -> Fallible<f64> {
    let stat = Stat::read(pid)?.ok_or("a measured process has ended")?;
    Ok(stat.own / TICKS_PER_SECOND)
}

/// Processor time of a process's children, the ended ones included, in seconds.
pub(crate) fn processor_seconds_of_children(pid: u32) -> Fallible<f64> {
    let ended = || -> Fallible<f64> {
        let parent = Stat::read(pid)?.ok_or("PostgreSQL has ended")?;
        Ok(parent.of_ended_children)
    };
    loop {
        let before = ended()?;
        let ticks = before + ticks_of_living_children(pid)?;
        // A child that ended meanwhile may be in both or in neither.
        if (ended()? - before).abs() < f64::EPSILON {
            return Ok(ticks / TICKS_PER_SECOND);
        }
    }
}

/// The list of children under /proc is an option that kernels come without, so this looks at every process.
fn ticks_of_living_children(parent: u32) -> Fallible<f64> {
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
            ticks += stat.own;
        }
    }
    Ok(ticks)
}

/// A part of `/proc/<pid>/stat`; times in ticks.
struct Stat {
    parent: u32,
    own: f64,
    of_ended_children: f64,
}

impl Stat {
    /// `None` when there is no such process.
    fn read(pid: u32) -> Fallible<Option<Self>> {
        let text = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // ESRCH: it ended while this was read.
            Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
            read => read?,
        };
        // The second field is the name in parentheses and may hold spaces: count from behind it, beginning with field 3.
        let (_, fields) = text
            .rsplit_once(')')
            .ok_or("/proc does not tell the time")?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).ok_or("/proc tells too little");
        let ticks = |number| -> Fallible<f64> { Ok(field(number)?.parse()?) };
        Ok(Some(Self {
            parent: field(4)?.parse()?,
            own: ticks(14)? + ticks(15)?,
            of_ended_children: ticks(16)? + ticks(17)?,
        }))
    }
}
