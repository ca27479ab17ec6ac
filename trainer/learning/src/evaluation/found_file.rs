//! What was found in a scan, kept until the scans of all machines are counted together. It is what
//! goes into the figures, not a part of them: counted in the order of the scans, the results of
//! several machines give exactly the figures of one.
//!
//! `NAME.found.safetensors` holds
//!
//! | tensor | content |
//! |---|---|
//! | `scores` | f32 (instances): confidence, 0..=1, in the order in which they are matched |
//! | `scales` | f32 (instances): factors of the cosine similarities |
//! | `sizes` | u32 (instances): number of points of each |
//! | `points` | u32 (sum of sizes): the points of one instance after the other, ascending in each |
//! | `widths` | u32 (instances): length of the embedding of each, which may be 0 |
//! | `embeddings` | f32 (sum of widths): one embedding after the other |
//!
//! and in its metadata `version`, which is 1, `made_by`, which says how the instances were found,
//! `scan_points`, the number of points of the scan, and `classes`, a JSON list of names or null.

use std::{fs, path::Path};

use anyhow::{Context, ensure};
use recordings::tensor_file;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use segscape::foundation::{
    MEMORY_LIMIT,
    tensors::{Stored, values},
};

use super::Found;

/// The newest version of the format.
const VERSION: &str = "1";

/// What was found in a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundFile {
    /// How the instances were found: only results of one way are counted together.
    pub made_by: String,
    /// Number of points of the scan.
    pub scan_points: usize,
    /// The instances, in the order in which they are matched.
    pub found: Vec<Found>,
}

impl FoundFile {
    /// Name of the file of the scan called `scan`.
    pub fn file_name(scan: &str) -> String {
        format!("{scan}.found.safetensors")
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, is too large, or breaks a rule of the format.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = || {
            let bytes = fs::metadata(path)?.len();
            ensure!(
                bytes <= MEMORY_LIMIT,
                "it has {bytes} bytes, the limit is {MEMORY_LIMIT}"
            );
            Self::parse(&fs::read(path)?)
        };
        read().with_context(|| format!("cannot read what was found, {}", path.display()))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// The instances break a rule of the format.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        self.check()?;
        let found = &self.found;
        let scores: Vec<f32> = found.iter().map(|one| one.score).collect();
        let scales: Vec<f32> = found.iter().map(|one| one.logit_scale).collect();
        let sizes: Vec<u32> = found.iter().map(|one| one.points.len() as u32).collect();
        let widths: Vec<u32> = found.iter().map(|one| one.embedding.len() as u32).collect();
        let points: Vec<u32> = found.iter().flat_map(|one| &one.points).copied().collect();
        let embeddings: Vec<f32> = found
            .iter()
            .flat_map(|one| &one.embedding)
            .copied()
            .collect();
        let views = [
            ("scores", view(&scores)?),
            ("scales", view(&scales)?),
            ("sizes", view(&sizes)?),
            ("points", view(&points)?),
            ("widths", view(&widths)?),
            ("embeddings", view(&embeddings)?),
        ];
        let classes: Vec<&Option<String>> = found.iter().map(|one| &one.class).collect();
        let about = [
            ("version", VERSION.to_owned()),
            ("made_by", self.made_by.clone()),
            ("scan_points", self.scan_points.to_string()),
            ("classes", serde_json::to_string(&classes)?),
        ];
        tensor_file::to_bytes(views, about)
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let tensors = SafeTensors::deserialize(bytes)?;
        let about = header.metadata().clone().unwrap_or_default();
        let said = |key: &str| {
            let value = about.get(key);
            value.with_context(|| format!("its metadata has no `{key}`"))
        };
        let version = said("version")?;
        ensure!(
            version == VERSION,
            "its version is {version}, this program reads version {VERSION}"
        );
        let scores: Vec<f32> = one(&tensors, "scores")?;
        let scales: Vec<f32> = one(&tensors, "scales")?;
        let points = pieces::<u32>(&tensors, "points", "sizes")?;
        let embeddings = pieces::<f32>(&tensors, "embeddings", "widths")?;
        let classes: Vec<Option<String>> = serde_json::from_str(said("classes")?)?;
        let count = scores.len();
        for (what, length) in [
            ("scales", scales.len()),
            ("sizes", points.len()),
            ("widths", embeddings.len()),
            ("classes", classes.len()),
        ] {
            ensure!(
                length == count,
                "it has {length} `{what}` for {count} instances"
            );
        }
        let instances = scores.into_iter().zip(scales).zip(points).zip(embeddings);
        let found =
            instances
                .zip(classes)
                .map(
                    |((((score, logit_scale), points), embedding), class)| Found {
                        points,
                        score,
                        class,
                        embedding,
                        logit_scale,
                    },
                );
        let scan_points = said("scan_points")?;
        let file = Self {
            made_by: said("made_by")?.clone(),
            scan_points: scan_points
                .parse()
                .with_context(|| format!("`scan_points` is \"{scan_points}\""))?,
            found: found.collect(),
        };
        file.check()?;
        Ok(file)
    }

    /// Checks the rules of the format.
    fn check(&self) -> anyhow::Result<()> {
        for (index, one) in self.found.iter().enumerate() {
            ensure!(
                one.points.is_sorted_by(|a, b| a < b),
                "the points of instance {index} are not in ascending order"
            );
            if let Some(last) = one.points.last() {
                ensure!(
                    (*last as usize) < self.scan_points,
                    "instance {index} has point {last}, the scan has {} points",
                    self.scan_points
                );
            }
            let numbers = [one.score, one.logit_scale];
            let mut numbers = numbers.iter().chain(&one.embedding);
            ensure!(
                numbers.all(|number| number.is_finite()),
                "instance {index} has a number that is not finite"
            );
        }
        Ok(())
    }
}

fn view<T: Stored>(values: &[T]) -> anyhow::Result<TensorView<'_>> {
    let dtype: Dtype = T::DTYPE;
    let shape = vec![values.len()];
    Ok(TensorView::new(dtype, shape, bytemuck::cast_slice(values))?)
}

/// The values of a tensor of one dimension.
fn one<T: Stored>(tensors: &SafeTensors, name: &str) -> anyhow::Result<Vec<T>> {
    let tensor = tensors.tensor(name).ok();
    let tensor = tensor.with_context(|| format!("it has no `{name}`"))?;
    ensure!(
        tensor.shape().len() == 1,
        "`{name}` has the shape {:?}, it must have one dimension",
        tensor.shape()
    );
    Ok(values(&tensor, name)?)
}

/// The values of a tensor, cut into pieces of the lengths in another one.
fn pieces<T: Stored>(
    tensors: &SafeTensors,
    name: &str,
    lengths: &str,
) -> anyhow::Result<Vec<Vec<T>>> {
    let (all, lengths_of) = (one::<T>(tensors, name)?, one::<u32>(tensors, lengths)?);
    let sum: u64 = lengths_of.iter().map(|&length| u64::from(length)).sum();
    ensure!(
        sum == all.len() as u64,
        "`{name}` has {} values, and {sum} by `{lengths}`",
        all.len()
    );
    let mut left = &all[..];
    let mut piece = |length: &u32| {
        let (piece, others) = left.split_at(*length as usize);
        left = others;
        piece.to_vec()
    };
    Ok(lengths_of.iter().map(&mut piece).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn file() -> FoundFile {
        let named = Found {
            class: Some("chair".to_owned()),
            ..Found::nameless(vec![0, 1, 4], 0.9)
        };
        let worded = Found {
            embedding: vec![0.6, -0.8],
            logit_scale: 14.3,
            ..Found::nameless(vec![1, 2], 0.1 + 0.2)
        };
        FoundFile {
            made_by: "nano, {\"masks\": \"all\"}".to_owned(),
            scan_points: 5,
            found: vec![named, worded, Found::nameless(vec![], 1.0)],
        }
    }

    #[test]
    fn what_was_found_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = FoundFile {
            found: vec![],
            ..file()
        };
        for (name, file) in [("a", file()), ("b", nothing)] {
            let path = folder.path().join(FoundFile::file_name(name));
            fs::write(&path, file.to_bytes().unwrap()).unwrap();
            assert_eq!(FoundFile::read(&path).unwrap(), file);
        }
    }

    #[test]
    fn damaged_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FoundFile::file_name("room"));
        let refused = |bytes: &[u8], word: &str| {
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", FoundFile::read(&path).unwrap_err());
            assert!(
                error.contains("room.found.safetensors") && error.contains(word),
                "{word}: {error}"
            );
        };
        let bytes = file().to_bytes().unwrap();
        for cut in [0, 7, 8, 60, bytes.len() - 1] {
            refused(&bytes[..cut], "");
        }
        // One number of a tensor is changed.
        let changed = |name: &str, at: usize, value: [u8; 4]| {
            let mut bytes = bytes.clone();
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            let data = tensors.tensor(name).unwrap().data().as_ptr() as usize;
            let from = data - bytes.as_ptr() as usize + 4 * at;
            bytes[from..from + 4].copy_from_slice(&value);
            bytes
        };
        let number = |value: u32| value.to_le_bytes();
        refused(
            &changed("points", 2, number(5)),
            "instance 0 has point 5, the scan has 5",
        );
        refused(&changed("points", 4, number(1)), "instance 1 are not in");
        refused(
            &changed("sizes", 0, number(u32::MAX)),
            "`points` has 5 values, and 4294967297 by `sizes`",
        );
        refused(&changed("widths", 0, number(1)), "`embeddings` has 2");
        let infinite = f32::INFINITY.to_le_bytes();
        refused(&changed("embeddings", 1, infinite), "instance 1");
        let nothing: [(&str, TensorView); 0] = [];
        let empty = safetensors::serialize(nothing, None).unwrap();
        refused(&empty, "no `version`");
        let place = bytes.windows(10).position(|part| part == b"null,null]");
        let mut few = bytes.clone();
        few[place.unwrap()..][..5].fill(b' ');
        refused(&few, "2 `classes` for 3 instances");
    }
}
