//! `trainer synth`: generates furnished rooms as scan-like, labelled PLY files.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use rayon::prelude::*;

use learning::data::oracle::{self, Errors};
use recordings::foundation::InFolder as _;
use rooms::{Models, World};

/// Generate synthetic rooms with instance labels.
#[derive(Args, Debug)]
pub struct Synth {
    /// Number of rooms.
    #[arg(long)]
    count: u64,
    /// Seed of the series; room i of a series is always the same.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of the first room.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Folder for room_SEED_INDEX.ply.
    #[arg(long)]
    out: PathBuf,
    /// Folder for one foundation bundle per room, room_SEED_INDEX: pictures of the room, and points
    /// as a reconstruction from them has.
    #[arg(long)]
    bundles: Option<PathBuf>,
    /// Errors of the masks in the images of bundles, as a multiple of those that 2D models usually
    /// make; 0 for exact masks. The points stay the same.
    #[arg(long, requires = "bundles", value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    mask_errors: f32,
    /// Folder of third-party furniture and buildings; without it, all furniture comes from the
    /// project's own part grammars.
    #[arg(long, value_name = "FOLDER")]
    assets: Option<PathBuf>,
    /// Models of the folder that furnish the rooms.
    #[arg(long, requires = "assets", value_enum, default_value_t = Models::Training)]
    models: Models,
    /// Take parts of this building of the folder instead of new rooms.
    #[arg(
        long,
        requires = "assets",
        conflicts_with = "models",
        value_name = "NAME"
    )]
    building: Option<String>,
    /// Take the whole building, not a few of its rooms.
    #[arg(long, requires = "building")]
    whole: bool,
    /// Number of rooms generated in parallel; all cores by default.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

fn factor(text: &str) -> Result<f32, String> {
    let factor: f32 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is not a number"))?;
    match (0.0..=10.0).contains(&factor) {
        true => Ok(factor),
        false => Err(format!("{factor} is not from 0 to 10")),
    }
}

impl Synth {
    /// Writes the rooms; rooms that already exist are written again.
    ///
    /// # Errors
    /// Returns an error if the assets cannot be used, or if the folder or a file cannot be written.
    pub fn run(&self) -> anyhow::Result<()> {
        let world = match (&self.assets, &self.building) {
            (None, _) => World::grammars(),
            (Some(assets), None) => World::open(assets, self.models)?,
            (Some(assets), Some(building)) => World::of_building(assets, building, self.whole)?,
        };
        for folder in [Some(&self.out), self.bundles.as_ref()]
            .into_iter()
            .flatten()
        {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        let errors = Errors::default().of_masks(self.mask_errors);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.jobs)
            .build()?;
        let bar = indicatif::ProgressBar::new(self.count);
        pool.install(|| {
            (self.first..self.first.saturating_add(self.count))
                .into_par_iter()
                .try_for_each(|index| {
                    let name = format!("room_{}_{index:05}", self.seed);
                    let path = self.out.join(format!("{name}.ply"));
                    let (room, shots) = world.room_with_shots(self.seed, index);
                    fs::write(&path, room.to_ply())
                        .with_context(|| format!("cannot write {}", path.display()))?;
                    if let Some(bundles) = &self.bundles {
                        let scene =
                            oracle::simulate(&room, &shots, &errors, self.seed ^ index << 32);
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
