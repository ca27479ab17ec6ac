//! Memory that one step gives back is the next one's. The C library would return much of it to the
//! system in between, and the system would have to clear it again.

/// Keeps what is freed, up to two gibibytes, where the program runs on the GNU C library;
/// everything that is smaller than 32 MiB comes from there.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TRIM_THRESHOLD: i32 = -1;
        const MMAP_THRESHOLD: i32 = -3;
        unsafe extern "C" {
            fn mallopt(parameter: i32, value: i32) -> i32;
        }
        // SAFETY: the library's own function; it only sets numbers, and says whether it took them.
        unsafe {
            mallopt(TRIM_THRESHOLD, i32::MAX);
            mallopt(MMAP_THRESHOLD, 32 << 20);
        }
    }
}
