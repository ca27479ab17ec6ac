//! Opens scans, captures and bundles, and what an earlier worker of the page had open.

use std::cell::Cell;

use segscape::{
    job::{self, Segmented},
    preflight::Choices,
    progress::{Cancel, Monitor, Progress, Stage},
    scan::Scan,
    superpoint::Superpoints,
};

use super::{
    capture::{self, Scanned},
    fetch::{self, Input},
    file::{self, Found},
    images::Images,
    overlay::{self, ScanOfLabels},
    post,
    prompt::Asked,
    scans::Scans,
    scene::OpenScene,
    session::{Open, Session, Watch, compared},
};
use crate::{
    browser,
    edits::Edits,
    numbers::grouped,
    protocol::{Asking, Bulk, Reply, Source, WantedScan},
    shown::{self, ScanFacts},
};

/// Number of bytes from which there is a first look at a file. Smaller ones are read as soon.
const LARGE: usize = 2_000_000;

/// How something is opened, see [`crate::protocol::Request::Open`].
#[derive(Clone, Copy)]
pub(super) struct How {
    pub choices: Choices,
    pub with_images: bool,
    pub follow: bool,
    pub view_only: bool,
    pub first_look: bool,
}

impl Session {
    /// Opens what a source holds, shows its points and finds its instances, unless they came with
    /// it.
    ///
    /// # Errors
    /// A message that tells the user what to do.
    pub(super) async fn open(
        &mut self,
        source: &Source,
        How {
            choices,
            with_images,
            follow,
            view_only,
            first_look,
        }: How,
    ) -> Result<(), String> {
        let start = browser::now();
        post(&Reply::Progress(Progress {
            stage: Stage::Read,
            done: 0.0,
        }));
        if !view_only && !matches!(source.opened(), Source::Shared(_)) {
            self.warm_up();
            self.call_assistant();
        }
        let input = fetch::input(source, Some(fetch::READ), self.budget)
            .await
            .map_err(|error| error.to_string())?;
        let cancel = Cancel::default();
        let monitor = Monitor::new(&report, &cancel);
        let (name, mut scan, mut found, file) = match input {
            Input::Capture(opened) if follow => return self.follow(&opened, choices, start).await,
            Input::Capture(opened) => {
                let scanned = capture::read(&opened, choices, with_images, &monitor, &on_frame())
                    .map_err(|error| error.to_string())?;
                let images = self.show_capture(scanned);
                self.was_read(start);
                return self.find_unless(view_only, Some(images)).await;
            }
            Input::Sliced { name, file } => {
                let named = (name, file);
                self.open_sliced(named, choices, start, &monitor)?;
                return self.find_unless(view_only, None).await;
            }
            Input::Scans(scans) => {
                let (name, scan) = several(scans, true).await?;
                (name, scan, None, None)
            }
            Input::File { name, bytes } => {
                let named = |error| format!("{name}: {error}");
                if let Some(overlay) = overlay::labels(&bytes).map_err(named)? {
                    return self.open_overlay(overlay, source.scan(), start).await;
                }
                if first_look
                    && bytes.len() >= LARGE
                    && let Some(part) = shown::first_look(name.clone(), &bytes, choices)
                {
                    post(&Reply::FirstLook(part));
                }
                let (scan, found) = file::read(&bytes, &monitor).map_err(named)?;
                let file = overlay::file_of(source, &bytes);
                (name, scan, found, file)
            }
        };
        let settled = found.is_some();
        let choices = found.as_ref().map_or(choices, Found::choices);
        let about = ScanFacts {
            preflight: job::place(&mut scan, choices),
            name: match &found {
                Some(found) if !found.meta.provenance.source.is_empty() => {
                    found.meta.provenance.source.clone()
                }
                _ => name,
            },
            choices,
            settled,
            warnings: found
                .as_ref()
                .and_then(file::without_frames)
                .into_iter()
                .collect(),
            capture: None,
            file,
            goes_on: false,
        };
        self.frames = found
            .as_ref()
            .map_or(0, |found| found.meta.provenance.frames);
        if let Some(found) = &mut found {
            found.follow(&scan);
        }
        self.show(scan, about);
        self.was_read(start);
        match found {
            None => self.find_unless(view_only, None).await,
            Some(found) => self.unpack(found).await,
        }
    }

    /// Shows a capture or a foundation bundle, whose points are in the world frame, and returns what
    /// its images may say.
    pub(super) fn show_capture(&mut self, scanned: Scanned) -> Images {
        self.frames = scanned.info.used;
        let about = ScanFacts {
            name: scanned.name,
            preflight: scanned.preflight,
            choices: scanned.choices,
            settled: scanned.settled,
            warnings: scanned.warnings,
            capture: Some((scanned.info, scanned.frames)),
            file: None,
            goes_on: scanned.goes_on,
        };
        self.show(scanned.scan, about);
        scanned.images
    }

    /// Shows a scan in the world frame.
    pub(super) fn show(&mut self, scan: Scan, about: ScanFacts) {
        self.name.clone_from(&about.name);
        self.whole = None;
        self.file.clone_from(&about.file);
        post(&Reply::Points(shown::points(&scan, about)));
        self.open = Open::Scan(Box::new(scan));
    }

    /// Finds the instances of the scan on screen, or waits until the user wants them.
    async fn find_unless(&mut self, view_only: bool, images: Option<Images>) -> Result<(), String> {
        if view_only {
            self.waiting = images;
            post(&Reply::Waiting);
            return Ok(());
        }
        self.find(images).await
    }

    /// Reports that the scan on screen is read. `start` is the time when it was asked for.
    pub(super) fn was_read(&self, start: f64) {
        let points = self.open.scan().map_or(0, Scan::len);
        post(&Reply::Finished {
            stage: Stage::Read,
            ms: browser::now() - start,
            outcome: format!("{} points", grouped(points)),
        });
    }

    /// Applies the contents of a bundle to the open scan, with the view that its sender saved.
    pub(super) async fn unpack(
        &mut self,
        Found {
            superpoints,
            segmentation,
            meta,
        }: Found,
    ) -> Result<(), String> {
        let outcome = format!(
            "{} superpoints, {} instances",
            grouped(superpoints.count()),
            segmentation.instances.len()
        );
        Watch::start().finished(Stage::Instances, outcome);
        self.through(superpoints, segmentation, meta.provenance.model)
            .await?;
        let names = (0..)
            .zip(meta.names)
            .filter(|(_, name)| name.by_user)
            .map(|(id, name)| (id, name.text));
        let edits = Edits {
            names: names.collect(),
            ..Edits::NONE
        };
        post(&Reply::SavedView {
            view: meta.view.clone(),
            names: edits.names.clone(),
        });
        let asked = Asked {
            text: &meta.view.prompt,
            asking: Asking::Arriving,
            threshold: meta.view.threshold,
            edits: &edits,
            ..Asked::NOTHING
        };
        self.prompt(asked).await?;
        post(&Reply::Done);
        Ok(())
    }

    /// Continues where an earlier worker of this page ended. The page already shows the scene, so
    /// no progress is reported: the page would take it for that of a new job.
    ///
    /// # Errors
    /// The scan cannot be read again.
    pub(super) async fn restore(
        &mut self,
        bundle: &Bulk,
        superpoint_of_point: &Bulk,
        source: &Source,
        choices: Choices,
        followed: Option<u32>,
    ) -> Result<(), String> {
        let silent = Monitor::silent();
        let (_, found) = file::read(&bundle.to_vec::<u8>(), &silent)?;
        let Found {
            segmentation, meta, ..
        } = found.ok_or("the worker's memory of the scene is lost; open the scan again")?;
        let input = fetch::input(source, None, self.budget)
            .await
            .map_err(|error| error.to_string())?;
        let (name, scan) = match input {
            Input::Capture(opened) => {
                let scanned = match followed {
                    Some(frames) => capture::read_first(&opened, choices, frames),
                    None => capture::read(&opened, choices, false, &silent, &|_, _| ()),
                };
                let scanned = scanned.map_err(|error| error.to_string())?;
                (scanned.name, scanned.scan)
            }
            Input::Sliced { name, file } => {
                let read = file.read(self.budget, &silent);
                let (mut scan, whole) = read.map_err(|error| format!("{name}: {error}"))?;
                job::place(&mut scan, choices);
                self.whole = Some(whole);
                (name, scan)
            }
            Input::Scans(scans) => {
                let (name, mut scan) = several(scans, false).await?;
                job::place(&mut scan, choices);
                (name, scan)
            }
            Input::File { name, bytes } => match overlay::labels(&bytes)? {
                Some(labels) => {
                    let read = overlay::scan_of(&labels, source.scan(), None, &silent).await;
                    let ScanOfLabels { name, scan, .. } = read.map_err(WantedScan::gone)?;
                    self.file = Some(labels.scan);
                    (name, scan)
                }
                None => {
                    let (mut scan, _) =
                        file::read(&bytes, &silent).map_err(|error| format!("{name}: {error}"))?;
                    job::place(&mut scan, choices);
                    self.file = overlay::file_of(source, &bytes);
                    (name, scan)
                }
            },
        };
        self.frames = meta.provenance.frames;
        let superpoints = Superpoints::from_ids(&superpoint_of_point.to_vec::<u32>());
        let compared = compared(&segmentation).await?;
        self.name = name;
        let segmented = Segmented {
            scan,
            superpoints,
            segmentation,
        };
        let scene = OpenScene::new(segmented, compared, meta.provenance.model);
        self.open = Open::Scene(Box::new(scene));
        Ok(())
    }
}

/// Several scans as one, with their name.
async fn several(scans: Scans, reports: bool) -> Result<(String, Scan), String> {
    let (name, scan) = scans.read(reports).await?;
    job::check(&scan).map_err(|error| format!("{name}: {error}"))?;
    Ok((name, scan))
}

/// Tells the page how far a stage is.
pub(super) fn report(progress: Progress) {
    post(&Reply::Progress(progress));
}

/// Reports the frames of a capture, several times a second.
fn on_frame() -> impl Fn(u32, u32) {
    const EVERY_MS: f64 = 100.0;
    let reported = Cell::new(0.0);
    move |done, of| {
        let now = browser::now();
        if now - reported.get() > EVERY_MS || done == of {
            reported.set(now);
            post(&Reply::Frame { done, of });
        }
    }
}
