//! `trainer segment`: segments scans into named instances, the whole job outside a browser.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use segscape::{
    instances::query::{Labels, PromptTerm, Question},
    job::{self, Network, Segmented},
    platform::Instant,
    progress::{Cancel, Monitor, Progress, Stage},
    text::{TextEncoder as _, meaning::Meaning},
    write::{self, InstanceRecord},
};
use serde_json::json;

use learning::{device::DeviceChoice, models};

/// Find and name the objects in scans.
#[derive(Debug, Args)]
pub struct Segment {
    /// PLY or PCD files.
    #[arg(required = true)]
    scans: Vec<PathBuf>,
    /// English names of the objects to find, as in "chair . table, sofa"; by default all objects are
    /// named from the built-in vocabulary.
    #[arg(long, default_value = "")]
    prompt: String,
    /// Lowest score of the instances to keep, 0 to 1.
    #[arg(long, default_value_t = 0.1)]
    threshold: f32,
    /// Folder for SCAN.labelled.ply and SCAN.json.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Device to run on.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Folder of a model (with manifest.json); the default model if not given.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Print one JSON object per scan, each on one line.
    #[arg(long)]
    json: bool,
}

impl Segment {
    /// Segments every scan and continues after one that is refused.
    ///
    /// # Errors
    /// Returns an error if there is no model, or if a scan was refused.
    pub fn run(self) -> anyhow::Result<()> {
        let device = self.device.open()?;
        let network = models::load_network(self.weights.as_deref(), &device)?;
        let terms = terms(&self.prompt)?;
        for term in &terms {
            if let Meaning::Unknown(reason) = &term.meaning {
                eprintln!("\"{}\": {reason}", term.name);
            }
        }
        if let Some(out) = &self.out {
            fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        }
        let mut refused = 0;
        for path in &self.scans {
            match self.segment(path, &network, &terms) {
                Ok(line) => writeln!(io::stdout(), "{line}")?,
                Err(error) => {
                    eprintln!("{}: {error:#}", path.display());
                    refused += 1;
                }
            }
        }
        anyhow::ensure!(
            refused == 0,
            "{refused} of {} scans could not be segmented",
            self.scans.len()
        );
        Ok(())
    }

    fn segment(
        &self,
        path: &Path,
        network: &Network,
        terms: &[PromptTerm],
    ) -> anyhow::Result<String> {
        let clock = StageClock::default();
        let cancel = Cancel::default();
        let report = |progress: Progress| clock.at(progress.stage);
        let monitor = Monitor::new(&report, &cancel);

        clock.at(Stage::Read);
        let bytes = fs::read(path).context("the file cannot be read")?;
        let segmented = pollster::block_on(job::run(bytes, network, &monitor))?;
        let answer = Labels::new(&segmented.segmentation, terms);
        let visible = answer.visible(self.threshold);
        let labels = job::label(&segmented, &answer.of_instance, &visible);
        let ms = clock.finish();
        let Segmented {
            scan, superpoints, ..
        } = segmented;

        let mut records = write::instance_records(&scan, &labels);
        records.retain(|record| record.points > 0);
        if let Some(out) = &self.out {
            let name = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
                .unwrap_or_default();
            let save = |name: String, bytes: &[u8]| {
                fs::write(out.join(&name), bytes).with_context(|| format!("cannot write {name}"))
            };
            save(
                format!("{name}.labelled.ply"),
                &write::labeled_ply(&scan, &labels),
            )?;
            save(
                format!("{name}.json"),
                write::instances_json(&scan, &labels).as_bytes(),
            )?;
        }
        for warning in &scan.warnings {
            eprintln!("{}: {}", path.display(), warning.0);
        }
        let missing: BTreeMap<&str, String> = answer
            .missing(self.threshold)
            .map(|missing| (missing.term.name.as_str(), missing.to_string()))
            .collect();
        for (name, reason) in &missing {
            eprintln!("{}: no {name}: {reason}", path.display());
        }
        if self.json {
            let line = json!({
                "scan": path,
                "points": scan.len(),
                "superpoints": superpoints.count(),
                "instances": records,
                "not_found": missing,
                "ms": ms,
                "model": network.name,
            });
            return Ok(line.to_string());
        }
        let total: f64 = ms.values().sum();
        let found = counts(&records);
        Ok(format!(
            "{}: {} points, {} superpoints, {found} ({:.1} s)",
            path.display(),
            scan.len(),
            superpoints.count(),
            total / 1000.0
        ))
    }
}

/// The number of instances of each name.
fn counts(records: &[InstanceRecord]) -> String {
    let mut counts = BTreeMap::<&str, usize>::new();
    for record in records {
        *counts
            .entry(record.label.as_deref().unwrap_or("unnamed"))
            .or_default() += 1;
    }
    let counts: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    if counts.is_empty() {
        "no instances".to_owned()
    } else {
        counts.join(", ")
    }
}

/// The terms of the prompt. Phrases that are not in the shipped vocabulary are embedded by the text
/// encoder.
fn terms(prompt: &str) -> anyhow::Result<Vec<PromptTerm>> {
    let mut question = Question::parse(prompt)?;
    let unread: Vec<String> = question.unread().into_iter().map(str::to_owned).collect();
    if let [first, ..] = &unread[..] {
        let encoder = models::load_text_encoder()
            .with_context(|| format!("\"{first}\" is not in the built-in vocabulary"))?;
        for name in &unread {
            let embedding = pollster::block_on(encoder.embed(&[name.as_str()]))?.remove(0);
            question.read(name, &encoder.pieces(name)?, embedding);
        }
    }
    Ok(question.terms())
}

/// Milliseconds spent in each stage. A stage lasts until another one reports progress.
#[derive(Default)]
pub(super) struct StageClock {
    running: Cell<Option<(Stage, Instant)>>,
    spent: RefCell<BTreeMap<Stage, f64>>,
}

impl StageClock {
    /// Starts `stage`, unless it is the running stage.
    pub(super) fn at(&self, stage: Stage) {
        if self
            .running
            .get()
            .is_none_or(|(running, _)| running != stage)
        {
            self.stop();
            self.running.set(Some((stage, Instant::now())));
        }
    }

    fn stop(&self) {
        if let Some((stage, since)) = self.running.take() {
            *self.spent.borrow_mut().entry(stage).or_default() +=
                since.elapsed().as_secs_f64() * 1000.0;
        }
    }

    /// Ends the running stage and returns the times of all stages.
    pub(super) fn finish(self) -> BTreeMap<Stage, f64> {
        self.stop();
        self.spent.into_inner()
    }
}
