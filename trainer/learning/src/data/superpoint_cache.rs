//! The superpoints of a scan on disk, kept in a folder beside it so that they are computed once.

use std::{fs, path::Path};

use segscape::superpoint::Superpoints;
use sha2::{Digest, Sha256};

use crate::atomic_write::write_atomically;

/// Returns the superpoints from the cache, or computes them and stores them there. `key` holds what
/// they depend on besides the bytes of the scan.
pub(super) fn cached<E: std::error::Error + Send + Sync + 'static>(
    path: &Path,
    bytes: &[u8],
    points: usize,
    key: &str,
    make: impl FnOnce() -> Result<Superpoints, E>,
) -> anyhow::Result<Superpoints> {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(bytes);
    let name: String = hash
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.with_file_name(".superpoints");
    let file = folder.join(format!("{stem}-{name}.u32"));
    if let Some(found) = fs::read(&file)
        .ok()
        .filter(|found| found.len() == 4 * points)
    {
        let ids: Vec<u32> = found
            .chunks_exact(4)
            .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        return Ok(Superpoints::from_ids(&ids));
    }
    let made = make()?;
    let ids: Vec<u8> = made
        .superpoint_of_point()
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    if fs::create_dir_all(&folder)
        .and_then(|()| write_atomically(&file, &ids))
        .is_err()
    {
        tracing::debug!("superpoints cannot be cached in {}", folder.display());
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_cache_answers_for_the_same_bytes_and_options_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("room.ply");
        let make =
            |ids: &'static [u32]| move || Ok::<_, std::fmt::Error>(Superpoints::from_ids(ids));
        let get = |bytes: &[u8], key, ids| cached(&path, bytes, 3, key, make(ids)).unwrap().count();
        assert_eq!(get(b"a", "fine", &[0, 1, 2]), 3);
        assert_eq!(get(b"a", "fine", &[0, 0, 0]), 3, "made again");
        assert_eq!(get(b"b", "fine", &[0, 0, 0]), 1, "other bytes");
        assert_eq!(get(b"a", "coarse", &[0, 0, 1]), 2, "other options");
    }
}
