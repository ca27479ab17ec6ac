//! `trainer train CONFIG.toml`: trains, or continues to train, a run in a folder.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use clap::Args;

use learning::{
    config::{Config, ValidationSet},
    device::DeviceChoice,
    run::train,
    run::warm_start::WarmStart,
};

/// Train a network; an earlier run in the same folder is resumed.
#[derive(Debug, Args)]
pub struct Train {
    /// Configuration of the run.
    config: PathBuf,
    /// Folder for the checkpoints (`checkpoint.safetensors`, the previous one and, if validation is
    /// configured, the best one) and for `metrics.jsonl`.
    #[arg(long, default_value = "runs/nano")]
    out: PathBuf,
    /// Folder of an exported model or a run whose weights replace the random initial ones; inputs
    /// from images may be new. Without effect if a run is resumed.
    #[arg(long)]
    start: Option<PathBuf>,
    /// With --start: number of steps of the configuration that count as already made, so that the
    /// learning rate and the rooms are those of the steps after them.
    #[arg(long, default_value_t = 0, requires = "start")]
    after: u64,
    /// Folder of third-party furniture for generated rooms, as for `synth --assets`; replaces
    /// `data.generated.assets` of the configuration.
    #[arg(long)]
    assets: Option<PathBuf>,
    /// Folder of the text encoder that reads the names of classes outside the built-in nouns;
    /// replaces `data.text_encoder` of the configuration.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    /// Labelled scans on which the run is evaluated while it trains, one set per path, named after
    /// its file; replaces `validation.sets` of the configuration.
    #[arg(long)]
    validate: Vec<PathBuf>,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Time budget in minutes; replaces `run.minutes` of the configuration.
    #[arg(long)]
    minutes: Option<f64>,
    /// Number of steps; replaces `run.steps` of the configuration.
    #[arg(long)]
    steps: Option<u64>,
    /// Number of worker threads for each device; replaces `run.threads` of the configuration.
    #[arg(long)]
    threads: Option<usize>,
}

impl Train {
    /// Runs the command. Ctrl-C and SIGTERM end it after the current step, with a checkpoint.
    ///
    /// # Errors
    /// See [`train::train`].
    pub fn run(self) -> anyhow::Result<()> {
        let mut config = Config::read(&self.config)?;
        config.run.minutes = self.minutes.unwrap_or(config.run.minutes);
        config.run.steps = self.steps.or(config.run.steps);
        config.run.threads = self.threads.unwrap_or(config.run.threads);
        if let Some(folder) = self.text_encoder {
            config.data.text_encoder = Some(folder);
        }
        if let Some(assets) = self.assets {
            let generated = config.data.generated.as_mut();
            generated
                .context(
                    "--assets is for generated rooms, but the configuration has no data.generated",
                )?
                .assets = Some(assets);
        }
        if !self.validate.is_empty() {
            config.validation.sets = self
                .validate
                .into_iter()
                .map(ValidationSet::called_by_its_path)
                .collect();
        }
        config.check()?;
        anyhow::ensure!(
            self.after == 0 || config.run.steps.is_some(),
            "--after counts steps, but the length of this run is given in minutes: set run.steps, or give --steps"
        );
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(config.run.threads.saturating_mul(config.run.devices))
            .build_global();
        threads.context("cannot start the worker threads")?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed))
            .context("cannot listen for Ctrl-C")?;
        let start = self.start.as_deref().map(|folder| WarmStart {
            folder,
            steps: self.after,
        });
        train::train(
            &config,
            start,
            &self.out,
            &self.device.open_all(config.run.devices)?,
            &Arc::new(config.data.cache()?),
            &stop,
        )
    }
}
