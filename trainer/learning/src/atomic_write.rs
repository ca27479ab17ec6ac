//! Files that appear on disk as a whole or not at all.

use std::{
    fs,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Number of files written by this process so far: several threads may write one file at a time.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Writes a file atomically: no reader ever sees a partial file, not even after a power failure.
///
/// # Errors
/// Returns an error if the folder is missing or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("part{}-{number}", std::process::id()));
    let mut file = fs::File::create(&part)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // the disk is full: a partial file is of no use
        let _ = fs::remove_file(&part);
    }
    written
}
