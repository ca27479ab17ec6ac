//! `trainer rank NETWORK ROOM…`: trains the ranker of candidates on the predictions of a trained
//! network.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use segscape::job::Network;

use super::scene_cache::SceneCache;
use learning::{
    data::scans::{Asked, Labeled},
    device::DeviceChoice,
    models, ranking,
    words::Words,
};

/// Train the ranker on the network's predictions for labelled rooms. It is written beside the
/// checkpoint, as `ranker.json`, which `export` includes, or into the manifest of an exported model.
///
/// Use rooms that the network was not trained on: on them its masks are as good as on other new
/// rooms.
#[derive(Debug, Args)]
pub struct Rank {
    /// Folder of the training run, one of its checkpoints, or folder of an exported model.
    run: PathBuf,
    /// Labelled rooms, or folders of them; also s3://bucket/folder or file:///folder.
    #[arg(required = true)]
    rooms: Vec<PathBuf>,
    /// Number of passes over all candidates.
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// Number of perceptrons that are trained separately and whose scores are combined.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=16))]
    members: u64,
    /// Seed of the initial weights and of the order of the candidates.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the text encoder in whose space the network was trained; by default that of its
    /// name in static/models.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    #[command(flatten)]
    cache: SceneCache,
    /// Device that runs the network.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

impl Rank {
    /// Runs the command.
    ///
    /// # Errors
    /// Returns an error if there is no checkpoint or no room with objects, or if the folder cannot
    /// be written.
    pub fn run(self) -> anyhow::Result<()> {
        let device = self.device.open()?;
        let (config, weights) = models::load_weights(&self.run, &device)?;
        let words = Words::of(&config.text, self.text_encoder.as_deref())?;
        let network = Network::new(
            self.run.display().to_string(),
            weights,
            config,
            words.vocabulary(),
            &device,
            None,
        )?;
        let cache = self.cache.open()?;
        let rooms = Asked::of(&self.rooms, None, &cache)?;
        let bar = ProgressBar::new(rooms.count() as u64);
        let mut examples = Vec::new();
        rooms.each(
            |path| Labeled::whole(path, Some(network.config()), None),
            |_, room| {
                examples.extend(ranking::examples(&network, &room)?);
                bar.inc(1);
                Ok(())
            },
        )?;
        bar.finish();
        anyhow::ensure!(
            !examples.is_empty(),
            "there are no candidates in {} rooms",
            rooms.count()
        );
        let ranker = ranking::learn(&examples, self.epochs, self.members, self.seed)?;
        tracing::info!(
            "{} candidates of {} rooms; mean absolute error {:.3}",
            examples.len(),
            rooms.count(),
            ranking::error(&ranker, &examples)
        );
        ranking::write(&self.run, &ranker)
    }
}
