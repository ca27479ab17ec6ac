//! Keeps freed memory in the process, so that the next layer and the next training step reuse it. By
//! default the C library maps every large array anew and gives it back when it is freed, and the
//! system clears all of its pages each time: a quarter of the time of a scan of two million points.

/// Keeps all freed memory in the process where the program runs on the GNU C library. Called once,
/// before the first large array.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const TRIM_THRESHOLD: i32 = -1;
        const MMAP_MAX: i32 = -4;
        unsafe extern "C" {
            fn mallopt(parameter: i32, value: i32) -> i32;
        }
        // SAFETY: `mallopt` is the library's own function; it only sets numbers and returns whether
        // it accepted them.
        unsafe {
            mallopt(TRIM_THRESHOLD, i32::MAX);
            mallopt(MMAP_MAX, 0);
        }
    }
}

/// Gives freed memory back to the system, so that what is measured next does not include it.
pub fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> i32;
        }
        // SAFETY: `malloc_trim` is the library's own function; it changes nothing that is in use.
        unsafe {
            malloc_trim(0);
        }
    }
}
