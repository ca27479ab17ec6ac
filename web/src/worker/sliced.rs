//! Scans of files that memory does not hold: they are read in slices, and what is written of all their
//! points goes to the browser in parts, which keeps it on the disk if it is large.

use std::io;

use js_sys::{Array, Uint8Array};
use segscape::{
    job,
    preflight::Choices,
    progress::{Cancel, Monitor, Progress, Stage},
    read_at::ReadAt as _,
    scan::{ReadError, Scan, Sliced},
    write::Export,
};
use wasm_bindgen::JsValue;
use web_sys::{Blob, BlobPropertyBag};

use super::{
    capture::Whole,
    post,
    session::{Session, Watch},
};
use crate::{
    edits::Edits,
    numbers::grouped,
    protocol::{ExportFacts, Reply},
    shown::ScanFacts,
};

/// Number of bytes that become a part of a file at once.
const PART: usize = 32 << 20;

/// A file whose points are read some at a time.
pub struct InSlices {
    sliced: Sliced,
    whole: Whole,
}

impl InSlices {
    /// The file, if it has to be read in slices: because memory does not hold it, or because it has
    /// more points than the `budget`.
    ///
    /// # Errors
    /// It has more than `most` bytes, so that it cannot be read whole, and neither in slices.
    pub fn of(blob: &Blob, budget: Option<usize>, most: u64) -> Result<Option<Self>, ReadError> {
        let whole = Whole::new(blob.clone());
        match Sliced::open(&whole) {
            Ok(sliced) if sliced.is_due(budget) => Ok(Some(Self { sliced, whole })),
            Err(error) if whole.size() > most => Err(error),
            // Whoever reads all of it says what is wrong.
            _ => Ok(None),
        }
    }

    /// Reads as many points as the budget allows. Returns them with their file.
    ///
    /// # Errors
    /// A message for the user.
    pub fn read(
        self,
        budget: Option<usize>,
        monitor: &Monitor,
    ) -> Result<(Scan, Whole), job::OpenError> {
        let Self { sliced, whole } = self;
        let scan = job::read_sliced(&sliced, &whole, budget, monitor)?;
        Ok((scan, whole))
    }
}

impl Session {
    /// Opens a file in slices and shows its points. `start` is the time when it was asked for.
    ///
    /// # Errors
    /// A message that tells the user what to do.
    pub(super) fn open_sliced(
        &mut self,
        (name, file): (String, InSlices),
        choices: Choices,
        start: f64,
        monitor: &Monitor<'_>,
    ) -> Result<(), String> {
        let read = file.read(self.budget, monitor);
        let (mut scan, whole) = read.map_err(|error| format!("{name}: {error}"))?;
        let about = ScanFacts {
            preflight: job::place(&mut scan, choices),
            name,
            choices,
            settled: false,
            warnings: Vec::new(),
            capture: None,
            file: None,
            goes_on: false,
        };
        self.frames = 0;
        self.show(scan, about);
        self.whole = Some(whole);
        self.was_read(start);
        Ok(())
    }

    /// Writes all points of the file that the open scan is an excerpt of, and sends it to the page as
    /// `name`. `stem` is the name of the scan.
    ///
    /// # Errors
    /// A message for the user.
    pub(super) fn export_all(
        &mut self,
        format: Export,
        (stem, name): (&str, String),
        about: &ExportFacts,
        shown: (f32, &Edits),
    ) -> Result<(), String> {
        let whole = self.whole.take().ok_or("open the scan again")?;
        let watch = Watch::start();
        let report = |progress: Progress| watch.report(progress);
        let cancel = Cancel::default();
        let monitor = Monitor::new(&report, &cancel);
        let mut parts = Parts::default();
        let mut out = |place: u64, bytes: &[u8]| parts.add(place, bytes);
        let written = self.scene_mut().and_then(|scene| {
            let write = scene.with_labels(stem, about, shown, |scan, labels, context| {
                format.write_all(scan, labels, context, &whole, &monitor, &mut out)
            });
            write.map_err(|error| error.to_string())
        });
        self.whole = Some(whole);
        written?;
        let file = parts.file(format.mime());
        let file = file.map_err(|_| format!("the browser could not keep {name}"))?;
        let scan = self.open.scan().and_then(|scan| scan.excerpt.as_ref());
        let points = scan.map_or(0, |excerpt| excerpt.points() as usize);
        watch.finished(Stage::Write, format!("{} points written", grouped(points)));
        post(&Reply::Exported { name, file });
        post(&Reply::Done);
        Ok(())
    }
}

/// The parts of a file, of which the first may come last.
#[derive(Default)]
struct Parts {
    first: Option<Blob>,
    blobs: Array,
    /// What is not a blob so far.
    bytes: Vec<u8>,
}

impl Parts {
    fn add(&mut self, place: u64, bytes: &[u8]) -> io::Result<()> {
        if place == 0 {
            self.first = Some(blob(bytes)?);
            return Ok(());
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PART {
            self.keep()?;
        }
        Ok(())
    }

    fn keep(&mut self) -> io::Result<()> {
        let part = blob(&self.bytes)?;
        self.blobs.push(&part);
        self.bytes.clear();
        Ok(())
    }

    fn file(mut self, mime: &str) -> Result<Blob, JsValue> {
        self.keep().map_err(|error| error.to_string())?;
        if let Some(first) = &self.first {
            self.blobs.unshift(first);
        }
        let options = BlobPropertyBag::new();
        options.set_type(mime);
        Blob::new_with_blob_sequence_and_options(&self.blobs, &options)
    }
}

/// Bytes as a blob, outside of the worker's memory.
pub fn blob(bytes: &[u8]) -> io::Result<Blob> {
    let bytes = Array::of1(&Uint8Array::from(bytes));
    Blob::new_with_u8_array_sequence(&bytes)
        .map_err(|_| io::Error::other("the browser has no room left for it"))
}
