//! Parts of the scans of a command, for several machines.
//!
//! A part has every Nth scan of the list: parts differ by one scan at most, and scans with similar
//! names, which are often of one building and of one size, are spread over all of them. A part is the
//! same in every process that lists the same scans. Names of results come from the whole list, so
//! that results of different parts never have the same name.

use std::{
    ffi::OsStr,
    io::{self, Write as _},
    path::Path,
    str::FromStr,
};

use clap::Args;
use serde_json::json;

/// One of several equal parts of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(part, of)| {
            Some(Self {
                part: part.parse().ok()?,
                of: of.parse().ok()?,
            })
        });
        parsed
            .filter(|shard| shard.part < shard.of)
            .ok_or_else(|| format!("\"{text}\" is not I/N with I below N"))
    }
}

impl Shard {
    fn has(self, index: usize) -> bool {
        index % self.of == self.part
    }
}

/// Which of the scans a command takes.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Parts {
    /// Part of the scans to take, for several machines: 0/4 to 3/4 are four parts, the first of which
    /// has the scans 0, 4, 8 of the list.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Print the scans with the names of their results, one JSON object a line, in the order in which
    /// `--shard` counts, and do nothing else.
    #[arg(long)]
    list: bool,
}

impl Parts {
    /// `true` if the scan at this index of the list is to be taken.
    pub fn has(self, index: usize) -> bool {
        self.shard.is_none_or(|shard| shard.has(index))
    }

    /// `true` if there may be more scans than those that are taken.
    pub fn is_shard(self) -> bool {
        self.shard.is_some()
    }

    /// `true` if the scans are only to be listed.
    pub fn lists(self) -> bool {
        self.list
    }
}

/// Prints scans with the names of their results.
///
/// # Errors
/// The standard output cannot be written.
pub fn print<P: AsRef<Path>, N: AsRef<OsStr>>(
    scans: impl IntoIterator<Item = (P, N)>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (scan, name) in scans {
        let (scan, name) = (scan.as_ref().to_string_lossy(), name.as_ref());
        let line = json!({ "name": name.to_string_lossy(), "scan": scan });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_are_read_or_refused() {
        assert_eq!("1/3".parse(), Ok(Shard { part: 1, of: 3 }));
        for bad in ["3/3", "0/0", "1", "", "/", "a/b", "-1/2", "0/1/2"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_scan_is_in_one_part_and_parts_are_equally_large() {
        for (scans, of) in [(0, 3), (7, 3), (40, 8), (2, 5)] {
            let mut sizes = Vec::new();
            let mut taken = vec![0; scans];
            for part in 0..of {
                let shard: Shard = format!("{part}/{of}").parse().unwrap();
                let mine: Vec<usize> = (0..scans).filter(|scan| shard.has(*scan)).collect();
                mine.iter().for_each(|scan| taken[*scan] += 1);
                sizes.push(mine.len());
            }
            assert!(taken.iter().all(|count| *count == 1), "{scans} in {of}");
            let [least, most] = [sizes.iter().min(), sizes.iter().max()];
            assert!(most.unwrap() - least.unwrap() <= 1, "{sizes:?}");
        }
        let all = Parts::default();
        assert!((0..9).all(|scan| all.has(scan)) && !all.is_shard());
    }
}
