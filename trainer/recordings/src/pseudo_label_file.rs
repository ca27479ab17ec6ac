//! Pseudo-labels: the points of a scene, and the objects that a network found among them (Segment3D,
//! docs/spec/any3dis_segment3d_opentrack3d.md section B3). A file has everything that training on
//! it needs, so that a scene may move or change afterwards.
//!
//! `NAME.pseudo.safetensors` holds
//!
//! | tensor | content |
//! |---|---|
//! | `positions` | f32 (points, 3): metres, world frame, z up |
//! | `colors` | u8 (points, 3): sRGB; optional |
//! | `scores` | f32 (masks): confidence, 0..=1, highest first |
//! | `sizes` | u32 (masks): number of points of each mask |
//! | `points` | u32 (sum of sizes): the points of one mask after the other, ascending in each; masks may share points |
//!
//! and in its metadata `version`, which is 1, and `network`, the name of the network.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use segscape::foundation::{
    MEMORY_LIMIT,
    tensors::{Stored, rows, values},
};

use crate::tensor_file;

/// The end of the name of every file of pseudo-labels.
const EXTENSION: &str = ".pseudo.safetensors";
/// The newest version of the format.
const VERSION: &str = "1";

/// The points of a scene, and the objects that a network found among them.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoLabels {
    /// Name of the network that found the objects.
    pub network: String,
    /// `(points, 3)`: metres, world frame.
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`: sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// The points of each mask, ascending; masks may share points.
    pub masks: Vec<Vec<u32>>,
    /// Confidence of each mask, 0..=1, highest first.
    pub scores: Vec<f32>,
}

impl PseudoLabels {
    /// Name of the file of the scene called `scene`.
    pub fn file_name(scene: &str) -> String {
        format!("{scene}{EXTENSION}")
    }

    /// The files at `places`, each once: a file stands for itself, a folder for the files in it, by
    /// name.
    ///
    /// # Errors
    /// A place does not exist.
    pub fn files(places: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for place in places {
            if place.is_file() {
                files.push(place.clone());
                continue;
            }
            let listed = || format!("cannot list the pseudo-labels in {}", place.display());
            let mut found = Vec::new();
            for entry in fs::read_dir(place).with_context(listed)? {
                let file = entry.with_context(listed)?.path();
                if file.to_string_lossy().ends_with(EXTENSION) {
                    found.push(file);
                }
            }
            found.sort();
            files.extend(found);
        }
        let mut seen = std::collections::HashSet::new();
        files.retain(|file| seen.insert(file.clone()));
        Ok(files)
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
        read().with_context(|| format!("cannot read the pseudo-labels {}", path.display()))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// The labels break a rule of the format.
    pub fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        self.check()?;
        let sizes: Vec<u32> = self.masks.iter().map(|mask| mask.len() as u32).collect();
        let points = self.masks.concat();
        let bytes = |values: &[u32]| bytemuck::cast_slice(values).to_vec();
        let mut tensors = vec![
            (
                "positions",
                Dtype::F32,
                vec![self.positions.len(), 3],
                bytemuck::cast_slice(&self.positions).to_vec(),
            ),
            (
                "scores",
                Dtype::F32,
                vec![self.scores.len()],
                bytemuck::cast_slice(&self.scores).to_vec(),
            ),
            ("sizes", Dtype::U32, vec![sizes.len()], bytes(&sizes)),
            ("points", Dtype::U32, vec![points.len()], bytes(&points)),
        ];
        if let Some(colors) = &self.colors {
            let bytes = colors.as_flattened().to_vec();
            tensors.push(("colors", Dtype::U8, vec![colors.len(), 3], bytes));
        }
        let views = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| {
                Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let about = [("version", VERSION), ("network", &self.network)];
        tensor_file::to_bytes(views, about.map(|(key, value)| (key, value.to_owned())))
    }

    fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let tensors = SafeTensors::deserialize(bytes)?;
        let about = header.metadata().clone().unwrap_or_default();
        let version = about.get("version").map_or("none", String::as_str);
        ensure!(
            version == VERSION,
            "its version is {version}, this program reads version {VERSION}"
        );
        let sizes: Vec<u32> = one(&tensors, "sizes")?;
        let points: Vec<u32> = one(&tensors, "points")?;
        let sum: u64 = sizes.iter().map(|&size| u64::from(size)).sum();
        ensure!(
            sum == points.len() as u64,
            "its masks have {sum} points by `sizes`, but `points` has {}",
            points.len()
        );
        let mut left = &points[..];
        let mut mask = |size: &u32| {
            let (mask, others) = left.split_at(*size as usize);
            left = others;
            mask.to_vec()
        };
        let labels = Self {
            masks: sizes.iter().map(&mut mask).collect(),
            network: about.get("network").cloned().unwrap_or_default(),
            positions: rows(&tensors, "positions")?.context("it has no `positions`")?,
            colors: rows(&tensors, "colors")?,
            scores: one(&tensors, "scores")?,
        };
        labels.check()?;
        Ok(labels)
    }

    /// Checks the rules of the format.
    fn check(&self) -> anyhow::Result<()> {
        let points = self.positions.len();
        if let Some(point) = self
            .positions
            .iter()
            .position(|p| !p.iter().all(|x| x.is_finite()))
        {
            anyhow::bail!(
                "point {point} is at {:?}; all coordinates must be finite",
                self.positions[point]
            );
        }
        let colors = self.colors.as_ref().map_or(points, Vec::len);
        ensure!(
            colors == points,
            "it has {colors} colours for {points} points"
        );
        ensure!(
            self.scores.len() == self.masks.len(),
            "it has {} scores for {} masks",
            self.scores.len(),
            self.masks.len()
        );
        for (mask, (of_mask, score)) in self.masks.iter().zip(&self.scores).enumerate() {
            ensure!(
                of_mask.is_sorted_by(|a, b| a < b),
                "the points of mask {mask} are not in ascending order"
            );
            if let Some(last) = of_mask.last() {
                ensure!(
                    (*last as usize) < points,
                    "mask {mask} has point {last}, the scene has {points} points"
                );
            }
            ensure!(
                (0.0..=1.0).contains(score),
                "the confidence of mask {mask} is {score}, it must be from 0 to 1"
            );
        }
        ensure!(
            self.scores.is_sorted_by(|a, b| a >= b),
            "its masks are not ordered by their confidence, highest first"
        );
        Ok(())
    }
}

/// The values of a tensor of one dimension.
fn one<T: Stored>(tensors: &SafeTensors, name: &str) -> anyhow::Result<Vec<T>> {
    let tensor = tensors
        .tensor(name)
        .ok()
        .with_context(|| format!("it has no `{name}`"))?;
    ensure!(
        tensor.shape().len() == 1,
        "`{name}` has the shape {:?}, it must have one dimension",
        tensor.shape()
    );
    Ok(values(&tensor, name)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn labels() -> PseudoLabels {
        PseudoLabels {
            network: "runs/first".to_owned(),
            positions: (0..5).map(|i| [i as f32, 0.5, -1.0]).collect(),
            colors: Some(vec![[7, 8, 9]; 5]),
            masks: vec![vec![0, 1, 4], vec![1, 2], vec![]],
            scores: vec![0.9, 0.75, 0.75],
        }
    }

    #[test]
    fn labels_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let plain = PseudoLabels {
            colors: None,
            masks: vec![],
            scores: vec![],
            ..labels()
        };
        for (name, labels) in [("b", labels()), ("a", plain)] {
            let path = folder.path().join(PseudoLabels::file_name(name));
            fs::write(&path, labels.to_bytes().unwrap()).unwrap();
            assert_eq!(PseudoLabels::read(&path).unwrap(), labels);
        }
        fs::write(folder.path().join("c.safetensors"), "other").unwrap();
        let place = folder.path().to_owned();
        let found = PseudoLabels::files(&[place.clone(), place.clone()]).unwrap();
        assert_eq!(
            found,
            ["a", "b"].map(|name| place.join(PseudoLabels::file_name(name)))
        );
        let error = PseudoLabels::files(&["nowhere".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("nowhere"), "{error}");
    }

    #[test]
    fn damaged_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PseudoLabels::file_name("scene"));
        let refused = |bytes: &[u8], word: &str| {
            fs::write(&path, bytes).unwrap();
            let error = format!("{:#}", PseudoLabels::read(&path).unwrap_err());
            assert!(
                error.contains("scene.pseudo.safetensors") && error.contains(word),
                "{word}: {error}"
            );
        };
        let bytes = labels().to_bytes().unwrap();
        for cut in [0, 7, 8, 60, bytes.len() - 1] {
            refused(&bytes[..cut], "");
        }
        // One number of a tensor is changed, by the order of the tensors in the file.
        let changed = |name: &str, at: usize, value: [u8; 4]| {
            let mut bytes = bytes.clone();
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            let data = tensors.tensor(name).unwrap().data().as_ptr() as usize;
            let from = data - bytes.as_ptr() as usize + 4 * at;
            bytes[from..from + 4].copy_from_slice(&value);
            bytes
        };
        refused(
            &changed("points", 2, 5u32.to_le_bytes()),
            "mask 0 has point 5, the scene has 5",
        );
        refused(
            &changed("points", 4, 1u32.to_le_bytes()),
            "mask 1 are not in ascending order",
        );
        refused(
            &changed("sizes", 1, 3u32.to_le_bytes()),
            "6 points by `sizes`, but `points` has 5",
        );
        refused(
            &changed("sizes", 1, u32::MAX.to_le_bytes()),
            "4294967298 points by `sizes`",
        );
        refused(&changed("scores", 0, 0.1f32.to_le_bytes()), "highest first");
        refused(
            &changed("scores", 0, f32::NAN.to_le_bytes()),
            "confidence of mask 0 is NaN",
        );
        refused(
            &changed("positions", 3, f32::INFINITY.to_le_bytes()),
            "point 1 is at [inf",
        );
        let without = PseudoLabels {
            scores: vec![0.9],
            ..labels()
        };
        let error = without.to_bytes().unwrap_err().to_string();
        assert!(error.contains("1 scores for 3 masks"), "{error}");
        refused(
            &safetensors::serialize(Vec::<(&str, TensorView)>::new(), None).unwrap(),
            "version is none",
        );
    }
}
