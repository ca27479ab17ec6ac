//! Peak memory of this program, on systems that report it (Linux).

use std::fs;

/// Resets the peak.
pub fn forget_peak() {
    // If this is not permitted, the peak is the one since the start of the program.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

/// Peak memory since the last [`forget_peak`], MiB; `None` if the system does not report it.
pub fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kib.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}
