//! `trainer report`: writes one page about a training run.

use std::{io::Write, num::NonZeroUsize, path::PathBuf};

use anyhow::Context;
use clap::Args;

use super::scene_cache::SceneCache;
use learning::{
    atomic_write::write_atomically,
    data::scans::Asked,
    device::DeviceChoice,
    evaluation::{self, Choice, NameSet, Names},
    models,
    report::{self, FoundInScans},
};

/// Write one self-contained HTML file about a run: curves of its logs and, with `--eval`, the
/// instances that its network finds in labelled scans.
#[derive(Debug, Args)]
pub struct Report {
    /// Folder of the training run.
    run: PathBuf,
    /// Labelled scans to evaluate and to show, in the forms that `trainer eval` reads.
    #[arg(long, num_args = 1..)]
    eval: Vec<PathBuf>,
    /// Ids of the classes that are stuff, not objects, as for `trainer eval`.
    #[arg(long, value_delimiter = ',')]
    stuff: Option<Vec<i32>>,
    /// Largest number of scans.
    #[arg(long, requires = "eval")]
    limit: Option<NonZeroUsize>,
    #[command(flatten)]
    cache: SceneCache,
    /// File to write; `report.html` in the run's folder by default.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder of the text encoder; by default the one that the run was trained with.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
}

impl Report {
    /// Runs the command and prints the path of the file.
    ///
    /// # Errors
    /// Returns an error if there is no run, a scan cannot be read or has no labels, or the page
    /// cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        let found = match self.eval.is_empty() {
            true => None,
            false => Some(self.found()?),
        };
        let page = report::page(&self.run, found)?;
        let out = self.out.unwrap_or_else(|| self.run.join("report.html"));
        write_atomically(&out, page.as_bytes())
            .with_context(|| format!("cannot write {}", out.display()))?;
        Ok(writeln!(std::io::stdout(), "{}", out.display())?)
    }

    /// What the network of the run finds in the scans, which are read twice: the names that an
    /// instance can be given are those of the objects of all of them.
    fn found(&self) -> anyhow::Result<FoundInScans> {
        let (stuff, cache) = (self.stuff.as_deref(), self.cache.open()?);
        let scans = Asked::of(&self.eval, self.limit, &cache)?;
        let encoder = self.text_encoder.as_deref();
        let (network, words) =
            models::load_network(Some(&self.run), encoder, &self.device.open()?)?;
        let names = Names::of_scans(&scans, stuff, NameSet::Present, &words)?;
        let mut found = FoundInScans::new(names);
        evaluation::for_each_answer(
            &scans,
            Some(&network),
            stuff,
            |_, scan| evaluation::ask(&network, scan, &[], &Choice::default()),
            |answer| found.add(&answer),
        )?;
        Ok(found)
    }
}
