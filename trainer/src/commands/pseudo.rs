//! `trainer pseudo NETWORK SCENES... --out FOLDER`: what a network finds in scenes without labels, to
//! train another one on.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;
use segscape::{
    job::{self, Network},
    model::Observation,
    preflight::Choices,
    progress::Monitor,
    scan,
};

use super::{
    results,
    scene_cache::SceneCache,
    shard::{self, Parts},
};
use learning::{
    atomic_write::write_atomically, data::scans::Asked, device::DeviceChoice, models,
    query_masks::QueryMasks, words::Words,
};
use recordings::{
    foundation::{Foundation, INDEX, InFolder as _},
    pseudo_label_file::PseudoLabels,
};

/// Write the masks that a network finds in scenes, as pseudo-labels to train on.
///
/// The masks of all queries are separated into parts that lie apart from each other; the confidence
/// of a part is the probability that its query shows an object times the mean probability of the
/// mask in it. All parts are written: the configuration of the training that reads them says how confident
/// they must be. Labels of the scenes are not read.
#[derive(Debug, Args)]
pub struct Pseudo {
    /// Folder of a model (with `manifest.json`) or of a training run, or one of its checkpoints.
    network: PathBuf,
    /// Scans, foundation bundles, folders of both, or `.txt` files that list such paths; also
    /// s3://bucket/folder or file:///folder.
    #[arg(required = true)]
    scenes: Vec<PathBuf>,
    /// Folder for NAME.pseudo.safetensors.
    #[arg(long)]
    out: PathBuf,
    /// Largest number of queries of a scene.
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    queries: u16,
    #[command(flatten)]
    parts: Parts,
    /// Leave alone scenes whose pseudo-labels are there and of this network, as after a run that was
    /// stopped.
    #[arg(long)]
    skip_done: bool,
    #[command(flatten)]
    cache: SceneCache,
    /// Device that runs the network.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

/// The points of a scene, world frame.
struct Scene {
    positions: Vec<[f32; 3]>,
    colors: Option<Vec<[u8; 3]>>,
    triangles: Vec<[u32; 3]>,
}

impl Pseudo {
    /// Runs the command; labels that already exist are written again, unless they are to be skipped.
    ///
    /// # Errors
    /// Returns an error if there is no network, if a scene cannot be read or does not fit it, or if
    /// the folder cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        let cache = self.cache.open()?;
        let scenes = Asked::of(&self.scenes, None, &cache)?;
        if self.parts.lists() {
            let places = scenes.places();
            return Ok(shard::print(places.iter().zip(results::names(places)))?);
        }
        let names = results::name_of_place(scenes.places());
        let device = self.device.open()?;
        let (mut config, weights) = models::load_weights(&self.network, &device)?;
        config.max_queries = self.queries.into();
        let words = Words::of(&config.text, None)?;
        let name = self.network.display().to_string();
        let vocabulary = words.vocabulary();
        let network = Network::new(name, weights, config, vocabulary, &device, None)?;
        results::create(Some(&self.out))?;
        let file = |place: &Path| -> anyhow::Result<PathBuf> {
            let name = names.get(place).context("a scene has no name")?;
            let name = PseudoLabels::file_name(&name.to_string_lossy());
            Ok(self.out.join(name))
        };
        let is_done = |place: &Path| {
            let there = file(place).is_ok_and(|file| {
                PseudoLabels::read(&file).is_ok_and(|labels| labels.network == network.name)
            });
            self.skip_done && there
        };
        let scenes = scenes.only(|index, place| self.parts.has(index) && !is_done(place));
        let bar = ProgressBar::new(scenes.count() as u64);
        let (mut masks, mut best) = (0, 0.0f32);
        scenes.each(Scene::read, |place, scene| {
            let labels = scene.labels(&network);
            let labels = labels.with_context(|| place.display().to_string())?;
            masks += labels.masks.len();
            best = labels.scores.first().map_or(best, |score| best.max(*score));
            let path = file(place)?;
            write_atomically(&path, &labels.to_bytes()?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            bar.inc(1);
            Ok(())
        })?;
        bar.finish();
        tracing::info!(
            "{masks} masks in {} scenes, the highest confidence is {best:.3}",
            scenes.count()
        );
        Ok(())
    }
}

impl Scene {
    fn read(path: &Path) -> anyhow::Result<Self> {
        if path.join(INDEX).exists() {
            let scene = Foundation::read(path)?;
            return Ok(Self {
                positions: scene.positions,
                colors: scene.colors,
                triangles: Vec::new(),
            });
        }
        let mut scan = scan::read(&models::read(path)?, &Monitor::silent())
            .with_context(|| format!("cannot read {}", path.display()))?;
        for assumption in job::place(&mut scan, Choices::default()).assumptions() {
            tracing::info!("{}: {assumption}", path.display());
        }
        Ok(Self {
            positions: scan.positions,
            colors: scan.colors,
            triangles: scan.triangles,
        })
    }

    fn labels(self, network: &Network) -> anyhow::Result<PseudoLabels> {
        let observation = Observation {
            positions: &self.positions,
            colors: self.colors.as_deref(),
            triangles: &self.triangles,
            ..Observation::default()
        };
        let options = network.superpoint_options(&observation);
        let grouping = job::group(&observation, None, &options, &Monitor::silent())?;
        let found = QueryMasks::of(network, &observation, &grouping)?.separated();
        let (masks, scores) = found
            .into_iter()
            .map(|mask| (mask.points, mask.score))
            .unzip();
        Ok(PseudoLabels {
            network: network.name.clone(),
            positions: self.positions,
            colors: self.colors,
            masks,
            scores,
        })
    }
}
