//! `trainer synth`: furnished rooms as scan-like, labelled PLYs.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use rayon::prelude::*;

use crate::{
    foundation::{
        Foundation,
        oracle::{self, Errors},
    },
    synth::Room,
};

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
    /// Folder for what images of the rooms would say: a foundation bundle room_SEED_INDEX a room with its pictures, its points as a reconstruction has them.
    #[arg(long)]
    bundles: Option<PathBuf>,
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
        for folder in [Some(&self.out), self.bundles.as_ref()].into_iter().flatten() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.jobs).build()?;
        let bar = indicatif::ProgressBar::new(self.count);
        pool.install(|| {
            (self.first..self.first.saturating_add(self.count)).into_par_iter().try_for_each(|index| {
                let name = format!("room_{}_{index:05}", self.seed);
                let path = self.out.join(format!("{name}.ply"));
                let (room, shots) = Room::with_shots(self.seed, index);
                fs::write(&path, room.to_ply()).with_context(|| format!("cannot write {}", path.display()))?;
                if let Some(bundles) = &self.bundles {
                    let scene = Foundation::of_room(&room, &shots, &Errors::default(), self.seed ^ index << 32);
                    scene.write(&bundles.join(name), |image| oracle::picture(image, &shots))?;
                }
                bar.inc(1);
                Ok::<_, anyhow::Error>(())
            })
        })?;
        bar.finish();
        tracing::info!(rooms = self.count, out = %self.out.display(), "rooms written");
        Ok(())
    }
}
