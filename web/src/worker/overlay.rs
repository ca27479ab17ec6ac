//! Labels without their points: gets the scan that they belong to, from where it is or from the user,
//! and checks that it is the very file.

use segscape::{
    bundle::{self, BundleError, ContentHash, Overlay, ScanFile},
    instances::Extents,
    job,
    preflight::Preflight,
    progress::{Cancel, Monitor},
    scan::Scan,
};

use super::{
    addresses,
    fetch::{self, Input, Part},
    file::Found,
    opening::report,
    post,
    session::Session,
};
use crate::{
    numbers::{grouped, megabytes},
    protocol::{Reply, Source, WantedScan},
    shown::ScanFacts,
};

/// Number of characters of what a stranger wrote that are shown.
const SHOWN: usize = 200;

/// The scan of labels, placed as it was when they were found.
pub struct ScanOfLabels {
    /// Name of its file.
    pub name: String,
    /// The scan, world frame.
    pub scan: Scan,
    /// What it seems to be.
    pub preflight: Preflight,
}

/// The labels that a file consists of, if it has labels alone.
///
/// # Errors
/// A message for the user.
pub fn labels(bytes: &[u8]) -> Result<Option<Overlay>, String> {
    match bundle::decode_overlay(bytes) {
        Ok(overlay) => Ok(Some(overlay)),
        Err(BundleError::NotABundle | BundleError::Kind { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// The file of a scan, to which its labels can be attached again; `None` for bundles, which have
/// labels of their own.
pub fn file_of(source: &Source, bytes: &[u8]) -> Option<ScanFile> {
    let url = match source {
        Source::File { .. } => None,
        Source::Urls(places) => match &places[..] {
            [address] => Some(addresses::of_file(&address.url)),
            _ => return None,
        },
        Source::Folder { .. } | Source::Shared(_) | Source::Overlay { .. } => return None,
    };
    if bytes.starts_with(&bundle::MAGIC) {
        return None;
    }
    let file = ScanFile::of(bytes, url);
    // Who cannot use the URL drops the file.
    file.or_else(|_| ScanFile::of(bytes, None)).ok()
}

/// Gets the scan of labels: `chosen` by the user, or from where the labels say. Reports progress if
/// the download is a part of a stage.
///
/// # Errors
/// What to ask the user for.
pub async fn scan_of(
    overlay: &Overlay,
    chosen: Option<&Source>,
    part: Option<Part>,
    monitor: &Monitor<'_>,
) -> Result<ScanOfLabels, WantedScan> {
    let wanted = |problem| WantedScan {
        name: overlay.meta.provenance.source.chars().take(SHOWN).collect(),
        points: overlay.superpoints.superpoint_of_point().len() as u32,
        bytes: overlay.scan.bytes,
        problem,
    };
    let there = overlay.scan.url.clone().map(Source::at);
    let Some(source) = chosen.or(there.as_ref()) else {
        return Err(wanted(None));
    };
    let input = fetch::input(source, part, None).await;
    let read = match input {
        Ok(Input::File { name, bytes }) => {
            checked(overlay, &name, &bytes, monitor).map(|(scan, preflight)| ScanOfLabels {
                name,
                scan,
                preflight,
            })
        }
        Ok(Input::Sliced { name, .. }) => Err(format!(
            "{name} is larger than what this browser can hold, and labels belong to whole scans"
        )),
        Ok(Input::Scans(_) | Input::Capture(_)) => {
            Err("an archive is not the file of this scan".to_owned())
        }
        Err(error) => Err(error.to_string()),
    };
    read.map_err(|problem| wanted(Some(problem)))
}

/// Reads and places a scan if it is that of these labels.
fn checked(
    overlay: &Overlay,
    name: &str,
    bytes: &[u8],
    monitor: &Monitor,
) -> Result<(Scan, Preflight), String> {
    let points = overlay.superpoints.superpoint_of_point().len();
    let ScanFile {
        blake3,
        bytes: size,
        ..
    } = &overlay.scan;
    let found = ContentHash::of(bytes);
    let read = job::read(bytes, monitor);
    if found != *blake3 {
        let has = match &read {
            Ok(scan) => format!("{} points", grouped(scan.len())),
            Err(_) => "no points that can be read".to_owned(),
        };
        return Err(format!(
            "{name} is another file: it has {has} in {} and the hash {}…, and the scan of these labels has {} points in {} and the hash {}…. A file that was saved again or converted is another one, too.",
            megabytes(bytes.len() as u64),
            found.short(),
            grouped(points),
            megabytes(*size),
            blake3.short(),
        ));
    }
    let mut scan = read.map_err(|error| format!("{name}: {error}"))?;
    let preflight = job::place(&mut scan, overlay.choices());
    match scan.len() == points {
        true => Ok((scan, preflight)),
        false => Err(format!(
            "{name} is the file of these labels, but they are for {} points and this version of Segscape reads {} from it; they were made with another one",
            grouped(points),
            grouped(scan.len()),
        )),
    }
}

impl Session {
    /// Opens labels on the scan that they belong to, or lets the page ask for it. `start` is the time
    /// when they were asked for.
    ///
    /// # Errors
    /// A message that tells the user what to do.
    pub(super) async fn open_overlay(
        &mut self,
        mut overlay: Overlay,
        chosen: Option<&Source>,
        start: f64,
    ) -> Result<(), String> {
        let cancel = Cancel::default();
        let monitor = Monitor::new(&report, &cancel);
        let read = scan_of(&overlay, chosen, Some(fetch::READ), &monitor).await;
        let ScanOfLabels {
            name,
            scan,
            preflight,
        } = match read {
            Ok(read) => read,
            Err(wanted) => {
                post(&Reply::ScanWanted(wanted));
                return Ok(());
            }
        };
        // Whatever the labels say, things are where their points are.
        let ids = overlay.superpoints.superpoint_of_point();
        let extents = Extents::new(&scan.positions, ids);
        for instance in &mut overlay.segmentation.instances {
            instance.bounds = extents.shape(&instance.superpoints).bounds;
        }
        let about = ScanFacts {
            name,
            preflight,
            choices: overlay.choices(),
            settled: true,
            warnings: Vec::new(),
            capture: None,
            file: Some(overlay.scan),
            goes_on: false,
        };
        self.frames = 0;
        self.show(scan, about);
        self.was_read(start);
        self.unpack(Found {
            superpoints: overlay.superpoints,
            segmentation: overlay.segmentation,
            meta: overlay.meta,
        })
        .await
    }
}
