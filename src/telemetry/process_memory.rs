//! The memory of this process.

/// Resident memory, in bytes; `None` where `/proc` does not tell it.
pub(super) fn resident_bytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    parse_resident_bytes(&status)
}

fn parse_resident_bytes(status: &str) -> Option<usize> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t   99 kB\nVmRSS:\t   12 kB\n";
        assert_eq!(parse_resident_bytes(status), Some(12 * 1024));
        assert_eq!(parse_resident_bytes("VmRSS:\tmany kB"), None);
        assert_eq!(parse_resident_bytes(""), None);
    }
}
