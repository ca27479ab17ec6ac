//! Files that are transferred in pieces: byte ranges of one file, each with its length and SHA-256.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Maximum size of a piece in bytes; some hosts and caches refuse larger files.
pub const SHARD_BYTES: usize = 16 << 20;
/// Maximum number of pieces of a file.
pub const MAX_SHARDS: usize = 64;

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// File name, in the folder of the manifest that lists the piece.
    pub file: String,
    /// Length in bytes.
    pub bytes: usize,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// An error of joining pieces to a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// A piece does not match the manifest: it is truncated, changed, or belongs to another file.
    #[error(
        "{file} is damaged: its {what} is {found}, the manifest says {expected}; load the page again, or fetch the model again"
    )]
    Damaged {
        /// File name of the piece.
        file: String,
        /// The property that differs: length or SHA-256.
        what: &'static str,
        /// Actual value.
        found: String,
        /// Value in the manifest.
        expected: String,
    },
    /// There are too many or too few pieces.
    #[error("there are {found} pieces, the manifest lists {expected}")]
    Pieces {
        /// Actual number.
        found: usize,
        /// Number in the manifest.
        expected: usize,
    },
    /// The list of pieces is invalid.
    #[error("the manifest is malformed: {0}")]
    List(String),
}

impl Shard {
    /// Describes a piece.
    pub fn of(file: String, piece: &[u8]) -> Self {
        Self {
            file,
            bytes: piece.len(),
            sha256: sha256(piece),
        }
    }

    /// Checks that `piece` matches this description.
    ///
    /// # Errors
    /// [`ShardError::Damaged`].
    pub fn check(&self, piece: &[u8]) -> Result<(), ShardError> {
        let damaged = |what, found: String, expected: String| ShardError::Damaged {
            file: self.file.clone(),
            what,
            found,
            expected,
        };
        if piece.len() != self.bytes {
            return Err(damaged(
                "length",
                piece.len().to_string(),
                self.bytes.to_string(),
            ));
        }
        let found = sha256(piece);
        if found == self.sha256 {
            Ok(())
        } else {
            Err(damaged("SHA-256", found, self.sha256.clone()))
        }
    }
}

/// Splits `file` into pieces of at most [`SHARD_BYTES`], named `stem-0.bin`, `stem-1.bin` and so
/// on, and returns them with their descriptions.
pub fn split<'a>(stem: &str, file: &'a [u8]) -> Vec<(Shard, &'a [u8])> {
    file.chunks(SHARD_BYTES)
        .enumerate()
        .map(|(i, piece)| (Shard::of(format!("{stem}-{i}.bin"), piece), piece))
        .collect()
}

/// Checks everything that can be checked without the pieces: that the names are plain, and that the
/// lengths and the number of pieces are within the limits.
///
/// # Errors
/// [`ShardError::List`].
pub fn check_list(shards: &[Shard]) -> Result<(), ShardError> {
    if !(1..=MAX_SHARDS).contains(&shards.len()) {
        return Err(ShardError::List(format!(
            "it lists {} pieces, there must be 1 to {MAX_SHARDS}",
            shards.len()
        )));
    }
    for Shard { file, bytes, .. } in shards {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if file.is_empty() || file.starts_with('.') || !file.chars().all(plain) {
            return Err(ShardError::List(format!(
                "\"{file}\" is not a plain file name"
            )));
        }
        if *bytes > SHARD_BYTES {
            return Err(ShardError::List(format!(
                "{file} has {bytes} bytes, the limit is {SHARD_BYTES}"
            )));
        }
    }
    Ok(())
}

/// Checks the pieces, given in the order of the list, and joins them.
///
/// # Errors
/// [`ShardError::Pieces`] or [`ShardError::Damaged`].
pub fn join(shards: &[Shard], pieces: &[impl AsRef<[u8]>]) -> Result<Vec<u8>, ShardError> {
    if pieces.len() != shards.len() {
        return Err(ShardError::Pieces {
            found: pieces.len(),
            expected: shards.len(),
        });
    }
    let mut file = Vec::with_capacity(pieces.iter().map(|piece| piece.as_ref().len()).sum());
    for (shard, piece) in shards.iter().zip(pieces) {
        shard.check(piece.as_ref())?;
        file.extend_from_slice(piece.as_ref());
    }
    Ok(file)
}

/// Returns the SHA-256 of `bytes` in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pieces_join_to_the_file_and_damage_is_named() {
        let file: Vec<u8> = (0..100_u8).collect();
        let shards: Vec<Shard> = file
            .chunks(40)
            .enumerate()
            .map(|(i, piece)| Shard::of(format!("w-{i}.bin"), piece))
            .collect();
        let mut pieces: Vec<Vec<u8>> = file.chunks(40).map(<[u8]>::to_vec).collect();
        assert_eq!(check_list(&shards), Ok(()));
        assert_eq!(join(&shards, &pieces).unwrap(), file);
        pieces[1][7] ^= 1;
        assert!(
            join(&shards, &pieces)
                .unwrap_err()
                .to_string()
                .contains("w-1.bin is damaged: its SHA-256")
        );
        pieces[1].pop();
        assert!(
            join(&shards, &pieces)
                .unwrap_err()
                .to_string()
                .contains("its length is 39")
        );
        pieces.pop();
        assert_eq!(
            join(&shards, &pieces),
            Err(ShardError::Pieces {
                found: 2,
                expected: 3
            })
        );
    }

    #[test]
    fn hostile_lists_are_refused() {
        let shard = |file: &str, bytes| Shard {
            file: file.into(),
            bytes,
            sha256: String::new(),
        };
        assert!(check_list(&[]).is_err());
        assert!(check_list(&vec![shard("a", 1); MAX_SHARDS + 1]).is_err());
        for (file, bytes) in [
            ("../secret", 1),
            (".hidden", 1),
            ("", 1),
            ("a/b", 1),
            ("a", SHARD_BYTES + 1),
        ] {
            assert!(check_list(&[shard(file, bytes)]).is_err(), "{file} {bytes}");
        }
    }

    #[test]
    fn nothing_is_cut_that_fits() {
        let file = vec![7; SHARD_BYTES + 1];
        let parts = split("weights", &file);
        assert_eq!(
            parts
                .iter()
                .map(|(shard, _)| shard.bytes)
                .collect::<Vec<_>>(),
            [SHARD_BYTES, 1]
        );
        assert_eq!(parts[1].0.file, "weights-1.bin");
    }
}
