//! Files that appear on disk as a whole or not at all.

use std::{fs, io::Write as _, path::Path};

/// Writes a file atomically: no reader ever sees a partial file, not even after a power failure.
///
/// # Errors
/// Returns an error if the folder is missing or the disk is full.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("part{}", std::process::id()));
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
