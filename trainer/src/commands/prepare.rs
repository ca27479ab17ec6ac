//! `trainer prepare KIND IN OUT`: recordings and data sets to foundation bundles.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::ensure;
use clap::Args;
use rayon::prelude::*;
use segscape::scan::UpAxis;

use crate::{
    prepare::{self, Kind, Options},
    store::{Candidate, Input, Output},
};

/// Brings scenes to the form that training reads; goes on where it stopped, and leaves out what is
/// broken.
#[derive(Args, Debug)]
pub struct Prepare {
    /// What there is.
    #[arg(value_enum)]
    kind: Kind,
    /// A scene, or a folder of scenes, also s3://bucket/folder or file:///folder, where a scene is
    /// a folder; for segdino3d the data set, or one of its lists of scenes.
    input: PathBuf,
    /// Folder for one bundle a scene, or an address like that.
    out: PathBuf,
    /// Takes one frame of so many: by default of 10 for videos, each for kinds that keep keyframes
    /// only.
    #[arg(long)]
    every: Option<usize>,
    /// Distance of points made from depth, metres.
    #[arg(long, default_value_t = 0.02)]
    spacing: f32,
    /// Farther depth is left out, metres.
    #[arg(long, default_value_t = 4.5)]
    farthest: f32,
    /// The axis that points up: +x, -x, +y, -y, +z or -z; by default +y for phones, found out for
    /// reconstructions (mast3r-slam, vggt) as long as their pictures are upright, otherwise +z.
    #[arg(long, value_parser = up_axis, allow_hyphen_values = true)]
    up: Option<UpAxis>,
    /// Metres in a unit of a reconstruction: by default 1 for mast3r-slam; for vggt what brings the
    /// median depth to 2 m, as it says nothing of scale.
    #[arg(long)]
    metres_per_unit: Option<f32>,
    /// Names of classes: for scannet and segdino3d ScanNet's scannetv2-labels.combined.tsv, for
    /// scannetpp and replica a text with one a line (scannetpp finds that of the data set).
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Camera of depth images, instead of what a recording says itself: Open3D's JSON, or a text of
    /// fx fy cx cy or of the matrix.
    #[arg(long)]
    intrinsics: Option<PathBuf>,
    /// Where segdino3d's features_2d are, if the data set has several sets of them or none.
    #[arg(long)]
    features: Option<PathBuf>,
    /// The labels of segdino3d are NYU40's (ScanNet-20), not ScanNet200's, which --labels names.
    #[arg(long)]
    nyu40: bool,
    /// Which part of the scenes, for several machines: 0/4 to 3/4 are four parts.
    #[arg(long, default_value = "0/1", value_parser = shard)]
    shard: Shard,
    /// Makes bundles that are there already again; masks written into them since are lost.
    #[arg(long)]
    again: bool,
    /// Scenes prepared at the same time; all cores by default.
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

fn up_axis(text: &str) -> Result<UpAxis, String> {
    UpAxis::ALL
        .into_iter()
        .find(|axis| axis.to_string() == text)
        .ok_or_else(|| format!("\"{text}\" is none of +x, -x, +y, -y, +z, -z"))
}

impl Prepare {
    /// Runs the command.
    ///
    /// # Errors
    /// There is no scene, the folder cannot be made, or every scene is broken.
    pub fn run(&self) -> anyhow::Result<()> {
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
        let options = Options {
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
        };
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
                        prepare::prepare(self.kind, scene, folder, &options)
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
            "every scene is broken"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;
    use crate::foundation::{Foundation, INDEX};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        prepare: Prepare,
    }

    fn prepare(words: &[&str]) -> anyhow::Result<()> {
        Line::try_parse_from(["prepare"].iter().chain(words))?
            .prepare
            .run()
    }

    #[test]
    fn scenes_go_from_store_to_store_once() {
        let folder = tempfile::tempdir().unwrap();
        crate::prepare::tests::sens_reader(&folder.path().join("scans/kitchen"));
        std::fs::create_dir(folder.path().join("scans/notes")).unwrap();
        let address = |name: &str| format!("file://{}/{name}", folder.path().display());
        let line = [
            "frames",
            &address("scans"),
            &address("bundles"),
            "--every",
            "1",
        ];
        prepare(&line).unwrap();
        let bundle = folder.path().join("bundles/kitchen");
        assert_eq!(Foundation::read(&bundle).unwrap().images.len(), 2);
        assert!(!folder.path().join("bundles/notes").exists());
        // what is there is left alone, until its index is gone or it is asked for
        let written = |file: &str| {
            std::fs::metadata(bundle.join(file))
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = written("tensors.safetensors");
        prepare(&line).unwrap();
        assert_eq!(written("tensors.safetensors"), before);
        std::fs::remove_file(bundle.join(INDEX)).unwrap();
        prepare(&line).unwrap();
        assert!(written("tensors.safetensors") > before && bundle.join(INDEX).is_file());
        let error = prepare(&["stray", &address("scans"), &address("others")]).unwrap_err();
        assert!(
            error.to_string().contains("no scene of this kind"),
            "{error}"
        );
    }

    #[test]
    fn parts_and_axes_are_read_or_refused() {
        assert_eq!(shard("1/3"), Ok(Shard { part: 1, of: 3 }));
        assert!(
            ["3/3", "0/0", "1", "a/b", "-1/2"]
                .iter()
                .all(|text| shard(text).is_err())
        );
        assert_eq!(up_axis("-y"), Ok(UpAxis::MinusY));
        assert!(up_axis("y").is_err());
    }
}
