//! Keeps freed memory in the process, so that the next training step reuses the memory of the last
//! one. By default the C library returns much of it to the system in between, and the system has to
//! clear it again.

/// Keeps up to 2 GiB of freed memory in the process where the program runs on the GNU C library,
/// and serves every allocation smaller than 32 MiB from there.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TRIM_THRESHOLD: i32 = -1;
        const MMAP_THRESHOLD: i32 = -3;
        unsafe extern "C" {
            fn mallopt(parameter: i32, value: i32) -> i32;
        }
        // SAFETY: `mallopt` is the library's own function; it only sets numbers and returns whether
        // it accepted them.
        unsafe {
            mallopt(TRIM_THRESHOLD, i32::MAX);
            mallopt(MMAP_THRESHOLD, 32 << 20);
        }
    }
}
