//! `trainer prepare KIND IN OUT`: converts recordings and datasets into foundation bundles.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::ensure;
use clap::Args;
use rayon::prelude::*;
use segscape::scan::UpAxis;

use super::orientation::up_axis;
use recordings::{
    readers::{self, Kind, Options},
    store::{Candidate, Input, Output},
};

/// Convert scenes into the bundles that training reads; an interrupted conversion is resumed, and
/// broken scenes are left out.
#[derive(Args, Debug)]
pub struct Prepare {
    /// Kind of the recordings or of the dataset.
    #[arg(value_enum)]
    kind: Kind,
    /// A scene, or a folder of scenes; also s3://bucket/folder or file:///folder, where each scene
    /// is a folder; for segdino3d the dataset, or one of its lists of scenes.
    input: PathBuf,
    /// Folder for one bundle per scene, or an address as above.
    out: PathBuf,
    /// Take every Nth frame: by default every 10th of videos, and every frame of kinds that contain
    /// only keyframes.
    #[arg(long)]
    every: Option<usize>,
    /// Distance between points made from depth, metres.
    #[arg(long, default_value_t = 0.02)]
    spacing: f32,
    /// Largest depth that is used, metres.
    #[arg(long, default_value_t = 4.5)]
    farthest: f32,
    /// The axis that points up: +x, -x, +y, -y, +z or -z; by default +y for phones, estimated for
    /// reconstructions (mast3r-slam, vggt) as long as their pictures are upright, otherwise +z.
    #[arg(long, value_parser = up_axis, allow_hyphen_values = true)]
    up: Option<UpAxis>,
    /// Metres per unit of a reconstruction: by default 1 for mast3r-slam; for vggt, which gives no
    /// scale, the value that makes the median depth 2 m.
    #[arg(long)]
    metres_per_unit: Option<f32>,
    /// File of class names: for scannet and segdino3d ScanNet's scannetv2-labels.combined.tsv, for
    /// scannetpp and replica a text file with one name per line (for scannetpp the default is that
    /// of the dataset).
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Intrinsics of depth images, in place of those in the recording: Open3D's JSON, or a text
    /// file with fx fy cx cy or with the matrix.
    #[arg(long)]
    intrinsics: Option<PathBuf>,
    /// Folder of segdino3d's features_2d, if the dataset has several sets of them or none.
    #[arg(long)]
    features: Option<PathBuf>,
    /// Read the labels of segdino3d as NYU40's (ScanNet-20), not as ScanNet200's, which --labels
    /// names.
    #[arg(long)]
    nyu40: bool,
    /// Part of the scenes to convert, for several machines: 0/4 to 3/4 are four parts.
    #[arg(long, default_value = "0/1", value_parser = shard)]
    shard: Shard,
    /// Convert scenes again that already have a bundle; masks written into it since are lost.
    #[arg(long)]
    again: bool,
    /// Number of scenes prepared in parallel; all cores by default.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

/// One of several equal parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard {
    part: usize,
    of: usize,
}

fn shard(text: &str) -> Result<Shard, String> {
    let parsed = text.split_once('/').and_then(|(part, of)| {
        Some(Shard {
            part: part.parse().ok()?,
            of: of.parse().ok()?,
        })
    });
    parsed
        .filter(|shard| shard.part < shard.of)
        .ok_or_else(|| format!("\"{text}\" is not i/n with i below n"))
}

impl Prepare {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if there is no scene, the folder cannot be created, or every scene is
    /// broken.
    pub fn run(&self) -> anyhow::Result<()> {
        let options = self.options()?;
        let (input, out) = (Input::open(&self.input)?, Output::open(&self.out)?);
        let scenes = input.candidates(self.kind)?;
        let scenes: Vec<_> = scenes
            .into_iter()
            .skip(self.shard.part)
            .step_by(self.shard.of)
            .collect();
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .build()?;
        let bar = indicatif::ProgressBar::new(scenes.len() as u64);
        let (made, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = |(name, candidate): &(String, Candidate)| -> Option<String> {
            let result = (|| {
                if !self.again && out.has(name)? {
                    kept.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                }
                let prepare = |scene: &Path| {
                    out.put(name, |folder| {
                        readers::prepare(self.kind, scene, folder, &options)
                    })
                };
                input.with(self.kind, name, candidate, prepare)
            })();
            bar.inc(1);
            match result {
                Ok(None) => None,
                Ok(Some(summary)) => {
                    made.fetch_add(1, Ordering::Relaxed);
                    tracing::info!("{name}: {summary}");
                    None
                }
                Err(error) => {
                    tracing::warn!("left out {name}: {error:#}");
                    Some(format!("{name}: {error:#}"))
                }
            }
        };
        let broken: Vec<String> = pool.install(|| scenes.par_iter().filter_map(one).collect());
        bar.finish();
        let (made, kept) = (made.into_inner(), kept.into_inner());
        tracing::info!(
            "{made} scenes prepared, {kept} were there already, {} left out",
            broken.len()
        );
        broken.iter().for_each(|line| tracing::warn!("{line}"));
        ensure!(
            scenes.is_empty() || made + kept + broken.len() > 0,
            "{} has no scene of this kind",
            self.input.display()
        );
        ensure!(
            scenes.is_empty() || made + kept > 0,
            "no scene could be prepared"
        );
        Ok(())
    }

    /// The options of the conversion.
    fn options(&self) -> anyhow::Result<Options> {
        let every = self.every.unwrap_or(self.kind.every());
        ensure!(every > 0, "--every must be at least 1");
        ensure!(
            self.spacing >= 0.001 && self.farthest > 0.0,
            "--spacing must be at least 0.001 and --farthest positive"
        );
        ensure!(
            self.metres_per_unit
                .is_none_or(|metres| metres.is_finite() && metres > 0.0),
            "--metres-per-unit must be positive"
        );
        Ok(Options {
            every,
            spacing: self.spacing,
            farthest: self.farthest,
            up: self.up.unwrap_or(self.kind.up()),
            level: self.up.is_none(),
            metres_per_unit: self.metres_per_unit,
            labels: self.labels.clone(),
            intrinsics: self.intrinsics.clone(),
            features: self.features.clone(),
            nyu40: self.nyu40,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_are_read_or_refused() {
        assert_eq!(shard("1/3"), Ok(Shard { part: 1, of: 3 }));
        assert!(
            ["3/3", "0/0", "1", "a/b", "-1/2"]
                .iter()
                .all(|text| shard(text).is_err())
        );
    }
}
