//! `trainer prepare KIND IN OUT`: converts recordings and datasets into foundation bundles.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use segscape::scan::UpAxis;

use super::{
    capture::CaptureArgs,
    orientation::up_axis,
    shard::{self, Parts},
};
use recordings::{
    class_table::ClassTable,
    readers::{self, Kind, Options, Outcome},
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
    #[command(flatten)]
    captures: CaptureArgs,
    /// The axis that points up: +x, -x, +y, -y, +z or -z; by default +y for phones, estimated for
    /// reconstructions (mast3r-slam, vggt) as long as their pictures are upright, otherwise +z.
    #[arg(long, value_parser = up_axis, allow_hyphen_values = true)]
    up: Option<UpAxis>,
    /// Metres per unit of a reconstruction: by default 1 for mast3r-slam; for vggt, which gives no
    /// scale, the value that makes the median depth 2 m.
    #[arg(long)]
    metres_per_unit: Option<f32>,
    /// File of class names: for scannet ScanNet's scannetv2-labels.combined.tsv, for scannetpp and
    /// replica a text file with one name per line (for scannetpp the default is that of the
    /// dataset).
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Benchmark whose classes the labels of scannet and segdino3d get; labels without one of its
    /// classes are void. For scannet the default is scannet200; for segdino3d it must be what the
    /// files were processed for.
    #[arg(long, value_enum)]
    classes: Option<ClassTable>,
    /// Folder of segdino3d's features_2d, if the dataset has several sets of them or none.
    #[arg(long)]
    features: Option<PathBuf>,
    #[command(flatten)]
    parts: Parts,
    /// Convert scenes again that already have a bundle; masks written into it since are lost.
    #[arg(long)]
    again: bool,
    /// Number of scenes prepared in parallel; all cores by default.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

impl Prepare {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if there is no scene, the folder cannot be created, or every scene is
    /// broken.
    pub fn run(&self) -> anyhow::Result<()> {
        let options = self.options()?;
        let input = Input::open(&self.input)?;
        let scenes = input.candidates(self.kind)?;
        if self.parts.lists() {
            let listed = scenes.iter().map(|(name, scene)| (scene.place(), name));
            return Ok(shard::print(listed)?);
        }
        let taken = scenes.into_iter().enumerate();
        let taken = taken.filter(|(index, _)| self.parts.has(*index));
        let scenes: Vec<_> = taken.map(|(_, scene)| scene).collect();
        let out = Output::open(&self.out)?;
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
                Ok(Some(Outcome { summary, warnings })) => {
                    made.fetch_add(1, Ordering::Relaxed);
                    tracing::info!("{name}: {summary}");
                    for warning in warnings {
                        tracing::warn!("{name}: {warning}");
                    }
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
        // Folders of an object store may be no scenes, and a part may have only such ones.
        ensure!(
            self.parts.is_shard() || scenes.is_empty() || made + kept + broken.len() > 0,
            "{} has no scene of this kind",
            self.input.display()
        );
        ensure!(
            broken.is_empty() || made + kept > 0,
            "no scene could be prepared"
        );
        Ok(())
    }

    /// Checks that the kind uses the options that were given.
    fn check_used(&self) -> anyhow::Result<()> {
        use Kind::{
            Frames, Mast3rSlam, Polycam, Record3d, Replica, Scanner3d, Scannet, Scannetpp,
            Segdino3d, Stray, Vggt,
        };
        let options: [(bool, &str, &[Kind]); 6] = [
            (
                self.metres_per_unit.is_some(),
                "--metres-per-unit",
                &[Mast3rSlam, Vggt],
            ),
            (
                self.captures.depth_unit.is_some(),
                "--depth-unit",
                &[
                    Frames, Scannet, Scannetpp, Replica, Polycam, Record3d, Stray, Scanner3d,
                ],
            ),
            (
                self.labels.is_some(),
                "--labels",
                &[Scannet, Scannetpp, Replica],
            ),
            (self.classes.is_some(), "--classes", &[Scannet, Segdino3d]),
            (
                self.captures.intrinsics.is_some(),
                "--intrinsics",
                &[Frames, Scannet, Replica],
            ),
            (self.features.is_some(), "--features", &[Segdino3d]),
        ];
        for (is_given, option, kinds) in options {
            let names = || {
                let values = kinds.iter().filter_map(ValueEnum::to_possible_value);
                let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
                names.join(", ")
            };
            ensure!(
                !is_given || kinds.contains(&self.kind),
                "{option} is not used by scenes of this kind, only by {}",
                names()
            );
        }
        Ok(())
    }

    /// The options of the conversion.
    fn options(&self) -> anyhow::Result<Options> {
        self.check_used()?;
        self.captures.check()?;
        let every = self.captures.every.unwrap_or(self.kind.every());
        ensure!(
            self.metres_per_unit
                .is_none_or(|metres| metres.is_finite() && metres > 0.0),
            "--metres-per-unit must be positive"
        );
        Ok(Options {
            every,
            spacing: self.captures.spacing(),
            farthest: self.captures.farthest(),
            up: self.up.unwrap_or(self.kind.up()),
            level: self.up.is_none(),
            metres_per_unit: self.metres_per_unit,
            depth_unit: self.captures.depth_unit,
            labels: self.labels.clone(),
            classes: self.classes,
            intrinsics: self.captures.intrinsics.clone(),
            features: self.features.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        prepare: Prepare,
    }

    #[test]
    fn options_that_a_kind_ignores_are_refused() {
        let options = |words: &str| {
            let words = ["prepare"].into_iter().chain(words.split_whitespace());
            let Command { prepare } = Command::parse_from(words);
            prepare.options().map_err(|error| error.to_string())
        };
        let scannet = options("scannet a b --classes scannet20 --labels c").unwrap();
        assert_eq!(scannet.classes, Some(ClassTable::Scannet20));
        assert_eq!(options("frames a b").unwrap().classes, None);
        for kind in "frames scannet scannetpp replica polycam record3d stray scanner3d".split(' ') {
            let quarters = options(&format!("{kind} a b --depth-unit 0.00025")).unwrap();
            assert_eq!(quarters.depth_unit, Some(0.00025), "{kind}");
        }
        for (words, option) in [
            ("frames a b --classes scannet20", "--classes"),
            ("segdino3d a b --labels c", "--labels"),
            ("polycam a b --intrinsics c", "--intrinsics"),
            ("vggt a b --depth-unit 0.001", "--depth-unit"),
            ("segdino3d a b --depth-unit 0.001", "--depth-unit"),
            ("stray a b --depth-unit 0", "between 0 and 1 m"),
            ("stray a b --depth-unit nan", "between 0 and 1 m"),
            ("scannet a b --features c", "--features"),
            ("frames a b --metres-per-unit 2", "--metres-per-unit"),
            ("frames a b --depth-unit 1000", "between 0 and 1 m"),
        ] {
            let error = options(words).unwrap_err();
            assert!(error.contains(option), "{error}");
        }
        let error = options("frames a b --features c").unwrap_err();
        assert!(error.ends_with("only by segdino3d"), "{error}");
    }
}
