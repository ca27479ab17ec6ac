//! Files that appear on disk as a whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// Number of files written by this process so far: several threads may write one file at a time.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Writes a file atomically: no reader ever sees a partial file, not even after a power failure.
///
/// # Errors
/// Returns an error if the folder is missing or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    make_atomically(path, |file| file.write_all(bytes))
}

/// Makes a file atomically, as [`write_atomically`] does, with `make`, which writes its content.
///
/// # Errors
/// Returns an error of `make`, or if the folder is missing or the disk is full.
pub fn make_atomically<E: From<io::Error>>(
    path: &Path,
    make: impl FnOnce(&mut fs::File) -> Result<(), E>,
) -> Result<(), E> {
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let part = path.with_extension(format!("part{}-{number}", std::process::id()));
    let mut file = fs::File::create(&part)?;
    let made = make(&mut file).and_then(|()| {
        file.sync_all()?;
        Ok(fs::rename(&part, path)?)
    });
    if made.is_err() {
        // the disk is full: a partial file is of no use
        let _ = fs::remove_file(&part);
    }
    made
}
