//! `trainer perceive BUNDLE…`: fills bundles with what 2D models find in their pictures.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::{Args, value_parser};
use indicatif::ProgressBar;
use recordings::foundation::{Fill, Filled, Foundation, InFolder as _, Models, fill};
use segscape::images::AutomaticMasks;

/// Fill foundation bundles with masks, object features and image features by 2D models in ONNX
/// files (docs/2d-models.md). What a bundle has is kept, a run that was stopped continues.
#[derive(Args, Debug)]
pub struct Perceive {
    /// Bundles, or folders of them.
    #[arg(required = true)]
    bundles: Vec<PathBuf>,
    /// Manifest of a model for masks (SAM, SAM 2, MobileSAM): masks of everything in each picture,
    /// without names.
    #[arg(long)]
    masks: Option<PathBuf>,
    /// Manifest of a model for features (DINOv2): image features, and their means in the masks as
    /// features of the objects.
    #[arg(long)]
    features: Option<PathBuf>,
    /// Manifest of a model for image embeddings (CLIP, SigLIP): embeddings of the objects' crops
    /// as features of the objects, in place of means.
    #[arg(long)]
    crops: Option<PathBuf>,
    /// Points on each side of the grid that masks are asked for.
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u16).range(1..=128))]
    points: u16,
    /// Least score of a mask that the model predicts.
    #[arg(long, default_value_t = AutomaticMasks::default().min_score, allow_hyphen_values = true)]
    min_score: f32,
    /// Least stability of a mask, 0 to 1: its share that stays when the threshold is raised.
    #[arg(long, default_value_t = AutomaticMasks::default().min_stability)]
    min_stability: f32,
    /// Largest IoU of the boxes of two masks; of masks that overlap more, the best one is kept.
    #[arg(long, default_value_t = AutomaticMasks::default().max_overlap)]
    overlap: f32,
    /// Least area of a mask, as a fraction of the picture.
    #[arg(long, default_value_t = AutomaticMasks::default().min_area)]
    min_area: f32,
    /// Leave out masks that lie in the mask of a whole object, so that things are not cut into
    /// their parts; for models that answer a point with several masks.
    #[arg(long)]
    whole_objects: bool,
    /// Longest side of the masks, pixels.
    #[arg(long, default_value_t = 960, value_parser = value_parser!(u16).range(16..=4096))]
    side: u16,
    /// Most cells on each side of the image features; more are averaged. 0 for all.
    #[arg(long, default_value_t = 0)]
    grid: usize,
    /// Compute again what the bundles have.
    #[arg(long)]
    again: bool,
}

impl Perceive {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if a model cannot be loaded, if there is no bundle, or if every bundle
    /// fails.
    pub fn run(&self) -> anyhow::Result<()> {
        let options = self.options()?;
        let path = |path: &Option<PathBuf>| path.clone();
        let [masks, features, crops] = [&self.masks, &self.features, &self.crops].map(path);
        let models = Models::load(masks.as_deref(), features.as_deref(), crops.as_deref())?;
        for warning in models.warnings() {
            tracing::warn!("{warning}");
        }
        let bundles = Foundation::folders(&self.bundles)?;
        ensure!(
            !bundles.is_empty(),
            "there is no bundle in {:?}",
            self.bundles
        );
        let mut failed = 0;
        for bundle in &bundles {
            if let Err(error) = one(bundle, &models, &options) {
                failed += 1;
                tracing::warn!("left out {}: {error:#}", bundle.display());
            }
        }
        ensure!(
            failed < bundles.len(),
            "all {} bundles failed",
            bundles.len()
        );
        Ok(())
    }

    fn options(&self) -> anyhow::Result<Fill> {
        for (name, value) in [
            ("min-stability", self.min_stability),
            ("overlap", self.overlap),
            ("min-area", self.min_area),
        ] {
            ensure!(
                (0.0..=1.0).contains(&value),
                "--{name} is {value}, it must be 0 to 1"
            );
        }
        ensure!(!self.min_score.is_nan(), "--min-score is not a number");
        Ok(Fill {
            automatic: AutomaticMasks {
                points_per_side: self.points.into(),
                min_score: self.min_score,
                min_stability: self.min_stability,
                max_overlap: self.overlap,
                min_area: self.min_area,
                side: self.side.into(),
                whole_objects: self.whole_objects,
                ..AutomaticMasks::default()
            },
            grid: self.grid,
            again: self.again,
        })
    }
}

fn one(bundle: &Path, models: &Models, options: &Fill) -> anyhow::Result<()> {
    let bar = ProgressBar::new_spinner().with_message(bundle.display().to_string());
    let filled = fill(bundle, models, options, &mut |image| {
        bar.inc(1);
        tracing::debug!("{}: looked at {image}", bundle.display());
    })?;
    bar.finish_and_clear();
    let Filled {
        looked,
        resumed,
        complete,
        without_picture,
        masks,
    } = filled;
    tracing::info!(
        "{}: {masks} masks in {} pictures ({resumed} of them by a run that was stopped); {complete} pictures were complete, {without_picture} images have no picture",
        bundle.display(),
        looked + resumed
    );
    Ok(())
}
