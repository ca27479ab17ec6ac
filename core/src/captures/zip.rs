//! The files of a ZIP archive, read one at a time.

use std::{
    cell::RefCell,
    io::{self, Read},
    ops::Range,
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    CaptureError, CaptureFile, Files, MAX_FILES,
    files::{is_inside, sorted},
};
use crate::read_at::{Blocks, ReadAt};

/// Largest number of bytes that the files of an archive may have in all.
const TOTAL: u64 = 64 << 30;
/// A file that is larger than this and packed more than [`RATIO`]-fold is a bomb: images are packed
/// already, and text packs tenfold.
const SMALL: u64 = 16 << 20;
const RATIO: u64 = 200;
/// Largest number of bytes of the table of contents.
const TABLE: u64 = 256 << 20;

/// Where the bytes of a file lie in its archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The bytes of the archive.
    pub range: Range<u64>,
    /// If `true`, they are deflated; otherwise they are the file.
    pub deflated: bool,
    /// Number of bytes of the file.
    pub size: u64,
}

/// The files of a ZIP archive.
pub struct Zip<S: ReadAt> {
    name: String,
    /// Number of bytes of the archive.
    size: u64,
    list: Vec<CaptureFile>,
    /// `(files)`: index in the archive of each file of the list.
    entries: Vec<usize>,
    archive: RefCell<ZipArchive<Blocks<S>>>,
}

impl<S: ReadAt> Zip<S> {
    /// Opens an archive, of which only the table of contents is read. `name` is that of its file.
    ///
    /// # Errors
    /// [`CaptureError::Archive`]: it is damaged or encrypted, a path in it is absolute, leads out of
    /// it or occurs twice, or it would unpack to more than any capture has.
    pub fn open(name: impl Into<String>, source: S) -> Result<Self, CaptureError> {
        let name = name.into();
        let refusal = |message: String| CaptureError::Archive(format!("{name} {message}"));
        let [count, table] = declared(&source).map_err(|error| refusal(damaged(&error)))?;
        if count > MAX_FILES as u64 || table > TABLE {
            return Err(refusal(format!(
                "has a table of {count} entries in {table} bytes, the limits are {MAX_FILES} and {TABLE}"
            )));
        }
        let size = source.size();
        let blocks = Blocks::new(source);
        let archive = ZipArchive::new(blocks).map_err(|error| refusal(damaged(&error)))?;
        let mut zip = Self {
            name: name.clone(),
            size,
            list: Vec::new(),
            entries: Vec::new(),
            archive: RefCell::new(archive),
        };
        let found = zip.entries().map_err(refusal)?;
        let list = found.iter().map(|(file, _)| file.clone()).collect();
        zip.list = sorted(&name, list)?;
        let mut places = found;
        places.sort();
        zip.entries = places.into_iter().map(|(_, entry)| entry).collect();
        Ok(zip)
    }

    /// Where the bytes of a file lie, for those who unpack it themselves.
    ///
    /// # Errors
    /// There is no such file, its place cannot be read, or it is packed in another way.
    pub fn packed(&self, path: &str) -> Result<Packed, CaptureError> {
        let place = self.place(path)?;
        let wrong = |problem: &dyn std::fmt::Display| {
            let message = format!("{}/{path} cannot be unpacked: {problem}", self.name);
            CaptureError::file(path, message)
        };
        let mut archive = self.archive.borrow_mut();
        let entry = archive.by_index_raw(self.entries[place]);
        let entry = entry.map_err(|error| wrong(&error))?;
        let deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(wrong(&format_args!("it is packed as {other}"))),
        };
        let start = entry.data_start().unwrap_or(self.size);
        let end = start.saturating_add(entry.compressed_size());
        if end > self.size {
            return Err(wrong(&"it ends after the archive"));
        }
        Ok(Packed {
            range: start..end,
            deflated,
            size: entry.size(),
        })
    }

    /// Index of a file in the list.
    fn place(&self, path: &str) -> Result<usize, CaptureError> {
        let place = self
            .list
            .binary_search_by(|file| file.path.as_str().cmp(path));
        place.map_err(|_| CaptureError::file(path, format!("there is no {}/{path}", self.name)))
    }

    /// The files with their indices in the archive.
    ///
    /// # Errors
    /// The rule that the archive breaks.
    fn entries(&self) -> Result<Vec<(CaptureFile, usize)>, String> {
        let archive = self.archive.borrow();
        if archive.has_duplicate_names() {
            return Err(
                "has two files of one name, which of them is meant is not known".to_owned(),
            );
        }
        let (mut found, mut total, mut all_packed) = (Vec::new(), 0u64, 0u64);
        for index in 0..archive.len() {
            let entry = archive
                .by_index_data(index)
                .map_err(|error| damaged(&error))?;
            let path = entry.name().map_err(|error| damaged(&error))?.into_owned();
            let shown = || path.escape_debug().to_string();
            if !is_inside(path.strip_suffix('/').unwrap_or(&path)) {
                return Err(format!(
                    "has a file \"{}\", whose path is absolute or leads out of the archive",
                    shown()
                ));
            }
            let (size, packed) = (entry.size(), entry.compressed_size());
            (total, all_packed) = (
                total.saturating_add(size),
                all_packed.saturating_add(packed),
            );
            if path.ends_with('/') {
                continue;
            }
            if entry.encrypted() {
                return Err(format!("is encrypted: \"{}\" needs a password", shown()));
            }
            if size > SMALL && size / RATIO > packed {
                return Err(format!(
                    "would unpack \"{}\" from {packed} to {size} bytes, the limit is {RATIO}-fold",
                    shown()
                ));
            }
            found.push((CaptureFile { path, size }, index));
        }
        if total > TOTAL {
            return Err(format!(
                "would unpack to {total} bytes, the limit is {TOTAL}"
            ));
        }
        if all_packed > self.size {
            return Err(format!(
                "has {} bytes, and files of {all_packed} packed bytes: they overlap",
                self.size
            ));
        }
        Ok(found)
    }
}

/// What is said of an archive that cannot be read.
fn damaged(error: &dyn std::fmt::Display) -> String {
    format!("is not a ZIP archive that can be read: {error}")
}

/// The numbers of entries and bytes of the table of contents, as the end of the archive declares
/// them; zeros if there is no such end.
fn declared(source: &impl ReadAt) -> io::Result<[u64; 2]> {
    // Lengths of the record at the end, of the longest comment after it, and of the two records of
    // large archives before it.
    const END: usize = 22;
    const COMMENT: usize = 65_535;
    const LOCATOR: usize = 20;
    const LARGE: usize = 56;
    let number = |bytes: &[u8], at: usize, length: usize| {
        let bytes = bytes.get(at..at + length).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let size = source.size();
    let tail = source.read_at(size.saturating_sub((END + COMMENT + LOCATOR) as u64)..size)?;
    let Some(end) = tail.windows(4).rposition(|four| four == b"PK\x05\x06") else {
        return Ok([0; 2]);
    };
    let small = [number(&tail, end + 10, 2), number(&tail, end + 12, 4)];
    let locator = end.checked_sub(LOCATOR);
    let Some(at) = locator.filter(|at| tail[*at..].starts_with(b"PK\x06\x07")) else {
        return Ok(small);
    };
    let large = number(&tail, at + 8, 8);
    if large.checked_add(LARGE as u64).is_none_or(|end| end > size) {
        return Ok(small);
    }
    let record = source.read_at(large..large + LARGE as u64)?;
    Ok([number(&record, 32, 8), number(&record, 40, 8)])
}

impl<S: ReadAt> Files for Zip<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> &[CaptureFile] {
        &self.list
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        let wrong = |problem: String| {
            CaptureError::file(
                path,
                format!("{}/{path} cannot be unpacked: {problem}", self.name),
            )
        };
        let place = self.place(path)?;
        let size = self.list[place].size;
        let mut archive = self.archive.borrow_mut();
        let entry = archive.by_index(self.entries[place]);
        let mut entry = entry.map_err(|error| wrong(error.to_string()))?;
        let (start, end) = (range.start.min(size), range.end.min(size));
        let failed = |error: io::Error| wrong(error.to_string());
        io::copy(&mut (&mut entry).take(start), &mut io::sink()).map_err(failed)?;
        let mut bytes = Vec::new();
        let wanted = end.saturating_sub(start);
        (&mut entry)
            .take(wanted)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 != wanted {
            return Err(wrong(format!("it ends before its {size} bytes")));
        }
        // A file that goes on does not match its entry, nor does the check sum that comes last.
        if end == size && entry.read(&mut [0]).map_err(failed)? != 0 {
            return Err(wrong(format!(
                "it has more than the {size} bytes that it declares"
            )));
        }
        Ok(bytes)
    }
}
