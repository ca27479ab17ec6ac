//! `trainer synth`: furnished rooms as scan-like, labelled PLYs.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use rayon::prelude::*;

use crate::synth::Room;

/// Makes synthetic rooms with instance truth.
#[derive(Args, Debug)]
pub struct Synth {
    /// How many rooms.
    #[arg(long)]
    count: u64,
    /// The series; room i of a series is always the same.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of the first room.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Folder for room_SEED_INDEX.ply.
    #[arg(long)]
    out: PathBuf,
    /// Rooms made at the same time; all cores by default.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

impl Synth {
    /// Writes the rooms; rooms that are there already are made again.
    ///
    /// # Errors
    /// When the folder or a file cannot be written.
    pub fn run(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.out).with_context(|| format!("cannot create {}", self.out.display()))?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.jobs).build()?;
        let bar = indicatif::ProgressBar::new(self.count);
        pool.install(|| {
            (self.first..self.first.saturating_add(self.count)).into_par_iter().try_for_each(|index| {
                let path = self.out.join(format!("room_{}_{index:05}.ply", self.seed));
                fs::write(&path, Room::generate(self.seed, index).to_ply()).with_context(|| format!("cannot write {}", path.display()))?;
                bar.inc(1);
                Ok::<_, anyhow::Error>(())
            })
        })?;
        bar.finish();
        tracing::info!(rooms = self.count, out = %self.out.display(), "rooms written");
        Ok(())
    }
}
