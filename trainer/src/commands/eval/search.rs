//! What `trainer eval` looks for in every scan: with a network or a baseline, or in what the parts of
//! an evaluation found before.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use learning::{
    atomic_write::write_atomically,
    data::scans::{Asked, Labeled},
    evaluation::{self, Choice, Figures, Found, FoundFile, Measurement, Names, Protocol},
    words::Words,
};
use segscape::job::Network;

use super::{Baseline, Eval, hierarchy, regions};
use crate::commands::results;

/// What looks for instances, or reads what was found before.
pub(super) struct Search<'a> {
    pub eval: &'a Eval,
    pub network: Option<Network>,
    pub choice: Choice,
    /// How instances are found: what another way found is not counted.
    pub made_by: String,
    /// Names of the scans' files of results, by the scans' places.
    pub names: HashMap<PathBuf, OsString>,
}

impl Search<'_> {
    /// The instances of a scan.
    fn find(&self, place: &Path, labeled: &Labeled) -> anyhow::Result<Vec<Found>> {
        let eval = self.eval;
        if let Some(folder) = &eval.join {
            return self.found(folder, place, labeled);
        }
        match (&self.network, eval.baseline) {
            (Some(network), _) => {
                let given = eval.proposals.of(self.name(place)?)?;
                evaluation::ask(network, labeled, &given, &self.choice)
            }
            (None, Some(Baseline::Felzenszwalb(threshold))) => hierarchy(&labeled.scan, threshold),
            (None, _) => Ok(regions(
                labeled.scan.superpoints.superpoint_of_point(),
                labeled.scan.superpoints.count(),
            )),
        }
    }

    /// Counts the instances of the scans.
    pub fn measure(&self, scans: &Asked, words: &Words) -> anyhow::Result<Figures> {
        let eval = self.eval;
        let stuff = eval.stuff.as_deref();
        if let Some(folder) = &eval.join {
            self.ensure_all(scans, folder)?;
        }
        let mut measurement = match eval.protocol {
            Protocol::ClassAgnostic => Measurement::class_agnostic(),
            Protocol::Segment3d => Measurement::segment3d(),
            Protocol::Scannet => {
                Measurement::by_class(Names::of_scans(scans, stuff, eval.names, words)?)
            }
        };
        // Who only counts needs nothing of a scan but its labels.
        let network = self.network.as_ref().filter(|_| eval.join.is_none());
        evaluation::for_each_answer(
            scans,
            network,
            stuff,
            |place, labeled| self.find(place, labeled),
            |answer| measurement.add(&answer),
        )?;
        measurement.figures()
    }

    /// Keeps what is found in the scans of a part.
    pub fn keep(&self, scans: Asked, out: &Path) -> anyhow::Result<()> {
        results::create(Some(out))?;
        let eval = self.eval;
        let is_done = |place: &Path| {
            let file = self
                .file(out, place)
                .and_then(|file| FoundFile::read(&file));
            eval.skip_done && file.is_ok_and(|file| file.made_by == self.made_by)
        };
        let scans = scans.only(|index, place| eval.parts.has(index) && !is_done(place));
        evaluation::for_each_answer(
            &scans,
            self.network.as_ref(),
            eval.stuff.as_deref(),
            |place, labeled| self.find(place, labeled),
            |answer| {
                let path = self.file(out, &answer.path)?;
                let file = FoundFile {
                    made_by: self.made_by.clone(),
                    scan_points: answer.scan.positions.len(),
                    found: answer.found,
                };
                write_atomically(&path, &file.to_bytes()?)
                    .with_context(|| format!("cannot write {}", path.display()))
            },
        )
    }

    /// What was found in a scan before.
    fn found(&self, folder: &Path, place: &Path, labeled: &Labeled) -> anyhow::Result<Vec<Found>> {
        let eval = self.eval;
        let path = self.file(folder, place)?;
        let file = FoundFile::read(&path)?;
        anyhow::ensure!(
            file.made_by == self.made_by,
            "{} was made with other options: {}, not {}",
            path.display(),
            file.made_by,
            self.made_by
        );
        let points = labeled.scan.positions.len();
        anyhow::ensure!(
            file.scan_points == points,
            "{} is of a scan of {} points, this one has {points}",
            path.display(),
            file.scan_points
        );
        if eval.protocol == Protocol::Scannet {
            let width = self.network.as_ref().map(|n| n.config().text.width);
            let is_full = |one: &Found| Some(one.embedding.len()) == width;
            anyhow::ensure!(
                file.found.iter().all(|one| one.class.is_some()) || file.found.iter().all(is_full),
                "{} has instances with neither a class nor an embedding of the network's space",
                path.display()
            );
        }
        Ok(file.found)
    }

    /// Checks that something was found in all scans, before any is read.
    fn ensure_all(&self, scans: &Asked, folder: &Path) -> anyhow::Result<()> {
        const TOLD: usize = 5;
        let mut missing = Vec::new();
        for place in scans.places() {
            if !self.file(folder, place)?.is_file() {
                missing.push(place.display().to_string());
            }
        }
        let more = if missing.len() > TOLD { " ..." } else { "" };
        anyhow::ensure!(
            missing.is_empty(),
            "{} of {} scans were not looked at, there is nothing of them in {}: {}{more}",
            missing.len(),
            scans.count(),
            folder.display(),
            missing[..missing.len().min(TOLD)].join(", ")
        );
        Ok(())
    }

    /// The file for what is found in a scan.
    fn file(&self, folder: &Path, place: &Path) -> anyhow::Result<PathBuf> {
        let name = FoundFile::file_name(&self.name(place)?.to_string_lossy());
        Ok(folder.join(name))
    }

    fn name(&self, place: &Path) -> anyhow::Result<&OsString> {
        self.names.get(place).context("a scan has no name")
    }
}
