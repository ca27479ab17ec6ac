//! Captures and foundation bundles: reads them from the folders and archives that the user opened,
//! frame by frame. Their pictures are not kept: the page gets a handle to each.

use std::{io, ops::Range};

use js_sys::{Array, ArrayBuffer, Uint8Array};
use segscape::{
    captures::{CaptureError, CaptureFile, CaptureOptions, Files, Packed, ReadAt, Zip, sorted},
    job::{self, RecordedFrame, Recording, RecordingError, RecordingKind},
    preflight::{Choices, Preflight},
    progress::Monitor,
    scan::{Scan, is_usdz},
    views::{Camera, Pixel},
};
use wasm_bindgen::prelude::*;
use web_sys::Blob;

use super::images::Images;
use crate::protocol::{CaptureInfo, FrameInfo, Frames, SeenInfo};

/// The first bytes of an archive.
const ZIP: &[u8] = b"PK\x03\x04";
/// The number of bytes by which an archive is told from a USDZ package.
const HEAD: u64 = 4096;
/// Maximum number of gaps that are listed.
const LISTED_GAPS: usize = 20;

#[wasm_bindgen]
extern "C" {
    /// Reads blobs synchronously; only workers have it.
    type FileReaderSync;

    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<FileReaderSync, JsValue>;

    #[wasm_bindgen(method, catch, js_name = readAsArrayBuffer)]
    fn read(this: &FileReaderSync, blob: &Blob) -> Result<ArrayBuffer, JsValue>;
}

/// The bytes of a part of a blob, which may be shorter than the range.
fn part(blob: &Blob, range: Range<u64>) -> io::Result<Vec<u8>> {
    let read = || {
        let part = blob.slice_with_f64_and_f64(range.start as f64, range.end as f64)?;
        FileReaderSync::new()?.read(&part)
    };
    let buffer = read().map_err(|_: JsValue| {
        io::Error::other(
            "the browser could not read it; it may have been moved or changed since it was chosen",
        )
    })?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// Returns `true` if these are the bytes of an archive that is not a scan itself, as USDZ packages
/// are.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) && !is_usdz(bytes)
}

/// Returns `true` if the blob is an archive.
pub fn is_archive_blob(blob: &Blob) -> bool {
    part(blob, 0..HEAD).is_ok_and(|bytes| is_archive(&bytes))
}

/// The files that the user opened, one of which may be a capture's.
pub enum Opened {
    /// A folder, or many files.
    Folder(Folder),
    /// A ZIP archive and the blob that it is.
    Archive(Zip<Whole>, Blob),
}

/// The files of a folder.
pub struct Folder {
    name: String,
    list: Vec<CaptureFile>,
    /// `(files)`: the file of each path of the list.
    blobs: Vec<Blob>,
}

/// A whole blob.
pub struct Whole(Blob);

impl Whole {
    /// A blob from its start to its end.
    pub fn new(blob: Blob) -> Self {
        Self(blob)
    }
}

impl ReadAt for Whole {
    fn size(&self) -> u64 {
        self.0.size() as u64
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        part(&self.0, range)
    }
}

impl Files for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> &[CaptureFile] {
        &self.list
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        let failed = |error| format!("cannot read {}/{path}: {error}", self.name);
        part(self.blob(path)?, range).map_err(|error| CaptureError::file(path, failed(error)))
    }
}

impl Folder {
    fn blob(&self, path: &str) -> Result<&Blob, CaptureError> {
        let place = self
            .list
            .binary_search_by(|file| file.path.as_str().cmp(path));
        place
            .map(|place| &self.blobs[place])
            .map_err(|_| CaptureError::file(path, format!("there is no {}/{path}", self.name)))
    }
}

impl Files for Opened {
    fn name(&self) -> &str {
        match self {
            Self::Folder(folder) => folder.name(),
            Self::Archive(archive, _) => archive.name(),
        }
    }

    fn list(&self) -> &[CaptureFile] {
        match self {
            Self::Folder(folder) => folder.list(),
            Self::Archive(archive, _) => archive.list(),
        }
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        match self {
            Self::Folder(folder) => folder.read_range(path, range),
            Self::Archive(archive, _) => archive.read_range(path, range),
        }
    }
}

impl Opened {
    /// The files of a folder.
    ///
    /// # Errors
    /// See [`sorted`].
    pub fn folder(name: &str, paths: &[String], files: &Array) -> Result<Self, CaptureError> {
        let file = |(path, blob): (&String, JsValue)| {
            let blob: Blob = blob.unchecked_into();
            let size = blob.size() as u64;
            let path = path.clone();
            (CaptureFile { path, size }, blob)
        };
        let mut found: Vec<_> = paths.iter().zip(files.iter()).map(file).collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (list, blobs) = found.into_iter().unzip();
        Ok(Self::Folder(Folder {
            name: name.to_owned(),
            list: sorted(name, list)?,
            blobs,
        }))
    }

    /// The files of an archive.
    ///
    /// # Errors
    /// See [`Zip::open`].
    pub fn archive(name: &str, blob: Blob) -> Result<Self, CaptureError> {
        let zip = Zip::open(name, Whole(blob.clone()))?;
        Ok(Self::Archive(zip, blob))
    }

    /// A handle to a file, and its number of bytes if what the handle has is deflated. A file that
    /// cannot be shown has none; nothing else depends on it.
    fn handle(&self, path: &str) -> Option<(Blob, Option<u32>)> {
        match self {
            Self::Folder(folder) => Some((folder.blob(path).ok()?.clone(), None)),
            Self::Archive(zip, archive) => {
                let Packed {
                    range,
                    deflated,
                    size,
                } = zip.packed(path).ok()?;
                let (start, end) = (range.start as f64, range.end as f64);
                let blob = archive.slice_with_f64_and_f64(start, end).ok()?;
                let size = u32::try_from(size).ok()?;
                Some((blob, deflated.then_some(size)))
            }
        }
    }
}

/// A recording that became a scan.
pub struct Scanned {
    /// Name of its folder or archive.
    pub name: String,
    /// The points, world frame.
    pub scan: Scan,
    /// What was found out about them.
    pub preflight: Preflight,
    /// The up axis and unit that were chosen.
    pub choices: Choices,
    /// If `true`, there is nothing to choose.
    pub settled: bool,
    /// What was found out about the recording.
    pub info: CaptureInfo,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The frames that were used.
    pub frames: Frames,
    /// What the images may say to the network.
    pub images: Images,
    /// If `true`, it is the scan on screen, of which more is known now.
    pub goes_on: bool,
}

/// Reads a capture or a foundation bundle and calls `on_frame` with the numbers of frames that are
/// done and that there are. The chosen up axis is one of the capture's own; captures are in metres,
/// whatever was chosen, and of a bundle nothing is chosen. With `with_images`, the network gets what
/// the images say.
///
/// # Errors
/// See [`job::detect`] and [`job::open`].
pub fn read(
    opened: &Opened,
    choices: Choices,
    with_images: bool,
    monitor: &Monitor,
    on_frame: &dyn Fn(u32, u32),
) -> Result<Scanned, RecordingError> {
    let detected = job::detect(opened)?;
    let options = options(choices);
    let recording = job::open(opened, &detected, &options, monitor, &mut |done, of| {
        on_frame(done as u32, of as u32);
    })?;
    Ok(scanned(opened, recording, choices, with_images))
}

/// Reads the first frames of a recording whose things were followed so far; see
/// [`job::points_of_first`].
///
/// # Errors
/// See [`read`].
pub fn read_first(
    opened: &Opened,
    choices: Choices,
    frames: u32,
) -> Result<Scanned, RecordingError> {
    let detected = job::detect(opened)?;
    let options = options(choices);
    let recording = job::points_of_first(frames as usize, opened, &detected, &options)?;
    Ok(scanned(opened, recording, choices, false))
}

/// How a capture is read whose up axis may be chosen.
pub fn options(choices: Choices) -> CaptureOptions {
    CaptureOptions {
        up: choices.up,
        ..CaptureOptions::default()
    }
}

/// What the page shows of a frame, and a handle to its picture, which is `null` if it cannot be
/// shown.
pub fn frame(
    opened: &Opened,
    name: String,
    camera: &Camera,
    picture: Option<&str>,
) -> (FrameInfo, JsValue) {
    let handle = picture.and_then(|path| opened.handle(path));
    let (blob, inflated_bytes) = handle.map_or((JsValue::NULL, None), |(blob, bytes)| {
        (JsValue::from(blob), bytes)
    });
    let info = FrameInfo {
        name,
        eye: camera.position(),
        corners: corners(camera),
        inflated_bytes,
    };
    (info, blob)
}

/// A recording with what the page shows of it.
pub fn scanned(
    opened: &Opened,
    recording: Recording,
    choices: Choices,
    with_images: bool,
) -> Scanned {
    let settled = recording.kind == RecordingKind::Bundle;
    let seen = recording.about.as_ref().map(|about| SeenInfo {
        features: about.content.features,
        objects: about.content.objects as u32,
    });
    let pictures = Array::new();
    let mut frames = Vec::with_capacity(recording.frames.len());
    for RecordedFrame {
        name,
        camera,
        picture,
        ..
    } in recording.frames
    {
        let (info, blob) = frame(opened, name, &camera, picture.as_deref());
        pictures.push(&blob);
        frames.push(info);
    }
    let gaps = recording.gaps;
    let first_gaps = gaps.iter().take(LISTED_GAPS);
    Scanned {
        name: recording.name,
        info: CaptureInfo {
            kind: recording.kind.to_string(),
            used: frames.len() as u32,
            recorded: recording.recorded as u32,
            every: recording.every as u32,
            gaps: gaps.len() as u32,
            first_gaps: first_gaps
                .map(|gap| format!("{}: {}", gap.frame, gap.reason))
                .collect(),
            seen,
            followed: None,
        },
        goes_on: false,
        warnings: recording
            .warnings
            .into_iter()
            .map(|warning| warning.0)
            .collect(),
        frames: Frames { frames, pictures },
        preflight: recording.preflight,
        choices: if settled { Choices::WORLD } else { choices },
        settled,
        images: Images::new(recording.about, with_images),
        scan: recording.scan,
    }
}

/// What the corners of a camera's picture show at a depth of one metre.
fn corners(camera: &Camera) -> [[f32; 3]; 4] {
    let corner = |(x, y)| camera.back_project(Pixel { x, y, depth: 1.0 });
    [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(corner)
}
