//! The most memory that this program has had, where the system tells it (Linux).

use std::fs;

/// Begins to watch anew.
pub fn forget_peak() {
    // Where that is not allowed, what is read is the most since the program began.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// Since the last [`forget_peak`], MiB.
pub fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
