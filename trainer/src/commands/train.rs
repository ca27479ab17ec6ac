//! `trainer train CONFIG.toml`: trains, or goes on training, into a folder.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use clap::Args;

use crate::{allocator, config::Config, device::DeviceChoice, train};

/// Trains a network; goes on where an earlier run into the same folder stopped.
#[derive(Debug, Args)]
pub struct Train {
    /// The run's configuration.
    config: PathBuf,
    /// Folder for `checkpoint.safetensors` and `metrics.jsonl`.
    #[arg(long, default_value = "runs/nano")]
    out: PathBuf,
    /// An exported model or a run to begin with, instead of random weights; what images add may be new. Without effect where a run goes on.
    #[arg(long)]
    start: Option<PathBuf>,
    /// What computes.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Replaces `run.minutes` of the configuration.
    #[arg(long)]
    minutes: Option<f64>,
    /// Replaces `run.steps` of the configuration.
    #[arg(long)]
    steps: Option<u64>,
    /// Replaces `run.threads` of the configuration.
    #[arg(long)]
    threads: Option<usize>,
}

impl Train {
    /// Runs the command; Ctrl-C and SIGTERM end it after the current step, with a checkpoint.
    ///
    /// # Errors
    /// See [`train::train`].
    pub fn run(self) -> anyhow::Result<()> {
        let mut config = Config::read(&self.config)?;
        config.run.minutes = self.minutes.unwrap_or(config.run.minutes);
        config.run.steps = self.steps.or(config.run.steps);
        config.run.threads = self.threads.unwrap_or(config.run.threads);
        config.check()?;
        let threads = rayon::ThreadPoolBuilder::new().num_threads(config.run.threads).build_global();
        threads.context("cannot start the worker threads")?;
        allocator::keep_freed_memory();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
        train::train(&config, self.start.as_deref(), &self.out, &self.device.open_all(config.run.devices)?, &stop)
    }
}
