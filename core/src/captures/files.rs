//! The files of a capture, wherever they lie: in a folder, in an archive, in a browser.

use std::ops::Range;

use super::CaptureError;

/// Maximum number of files of a capture: ten hours of video have fewer.
pub const MAX_FILES: usize = 1_000_000;

/// A byte order mark.
const MARK: char = '\u{feff}';

/// A file of a capture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaptureFile {
    /// Path in the capture: parts without `.` and `..`, separated by `/`.
    pub path: String,
    /// Number of bytes.
    pub size: u64,
}

/// The files of a capture. Reading is synchronous: in a browser, captures are read by the worker.
///
/// ```
/// use segscape::captures::{Files, InMemory};
///
/// let files = InMemory::new("desk", [("rgb/1.jpg", &b"..."[..]), ("rgb/0.jpg", b"")])?;
/// assert_eq!(files.list()[0].path, "rgb/0.jpg");
/// assert_eq!(files.read("rgb/1.jpg", 10)?, b"...");
/// let error = files.read("rgb/1.jpg", 2).unwrap_err();
/// assert_eq!(error.to_string(), "desk/rgb/1.jpg has 3 bytes, the limit is 2");
/// # Ok::<(), segscape::captures::CaptureError>(())
/// ```
pub trait Files {
    /// The name of the folder or archive, for messages; it may be a path.
    fn name(&self) -> &str;

    /// The files, sorted by path, each path once; [`sorted`] makes such a list.
    fn list(&self) -> &[CaptureFile];

    /// The bytes of a part of a file, which is as long as the range unless the file ends before.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError>;

    /// The bytes of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// There is no such file, it is larger, or it cannot be read.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, CaptureError> {
        let shown = || format!("{}/{path}", self.name());
        let Some(CaptureFile { size, .. }) = find(self.list(), path) else {
            return Err(CaptureError::file(path, format!("there is no {}", shown())));
        };
        if *size > limit {
            let message = format!("{} has {size} bytes, the limit is {limit}", shown());
            return Err(CaptureError::file(path, message));
        }
        let bytes = self.read_range(path, 0..*size)?;
        if bytes.len() as u64 != *size {
            let message = format!("{} ends after {} of {size} bytes", shown(), bytes.len());
            return Err(CaptureError::file(path, message));
        }
        Ok(bytes)
    }
}

fn find<'a>(list: &'a [CaptureFile], path: &str) -> Option<&'a CaptureFile> {
    let place = list.binary_search_by(|file| file.path.as_str().cmp(path));
    place.ok().map(|place| &list[place])
}

/// Sorts the list of a capture's files and checks it.
///
/// # Errors
/// A path is absolute, leads out of the capture or occurs twice, or there are too many files. `name`
/// is that of the capture.
pub fn sorted(name: &str, mut list: Vec<CaptureFile>) -> Result<Vec<CaptureFile>, CaptureError> {
    let refusal = |message: String| Err(CaptureError::Archive(format!("{name} {message}")));
    if list.len() > MAX_FILES {
        return refusal(format!(
            "has {} files, the limit is {MAX_FILES}",
            list.len()
        ));
    }
    list.sort();
    for file in &list {
        if !is_inside(&file.path) {
            return refusal(format!(
                "has a file \"{}\", whose path is absolute or leads out of the folder",
                file.path.escape_debug()
            ));
        }
    }
    if let Some(pair) = list.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return refusal(format!(
            "has two files \"{}\", which of them is meant is not known",
            pair[0].path.escape_debug()
        ));
    }
    Ok(list)
}

/// `true` if the path consists of names alone, which lead nowhere but into a folder.
pub(super) fn is_inside(path: &str) -> bool {
    let is_name = |part: &str| !part.is_empty() && part != "." && part != "..";
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    path.split('/').all(is_name) && !path.contains(['\\', '\0']) && !has_drive
}

/// Files in memory.
#[derive(Clone, Debug)]
pub struct InMemory {
    name: String,
    list: Vec<CaptureFile>,
    /// `(files)`: the content of each file of the list.
    contents: Vec<Vec<u8>>,
}

impl InMemory {
    /// A capture from paths and contents.
    ///
    /// # Errors
    /// See [`sorted`].
    pub fn new<P: Into<String>, B: Into<Vec<u8>>>(
        name: impl Into<String>,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Result<Self, CaptureError> {
        let name = name.into();
        let files = files
            .into_iter()
            .map(|(path, bytes)| (path.into(), bytes.into()));
        let mut files: Vec<(String, Vec<u8>)> = files.collect();
        files.sort();
        let file = |(path, bytes): &(String, Vec<u8>)| CaptureFile {
            path: path.clone(),
            size: bytes.len() as u64,
        };
        Ok(Self {
            list: sorted(&name, files.iter().map(file).collect())?,
            contents: files.into_iter().map(|(_, bytes)| bytes).collect(),
            name,
        })
    }
}

impl Files for InMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> &[CaptureFile] {
        &self.list
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        let place = self
            .list
            .binary_search_by(|file| file.path.as_str().cmp(path));
        let place = place
            .map_err(|_| CaptureError::file(path, format!("there is no {}/{path}", self.name)))?;
        let bytes = &self.contents[place];
        let at = |end: u64| usize::try_from(end).map_or(bytes.len(), |end| end.min(bytes.len()));
        Ok(bytes[at(range.start).min(at(range.end))..at(range.end)].to_vec())
    }
}

/// The names in a capture, which are all that it takes to recognize its kind.
pub trait Names {
    /// `true` if there is a file at the path.
    fn has_file(&self, path: &str) -> bool;

    /// `true` if there is a folder at the path.
    fn has_folder(&self, path: &str) -> bool;

    /// The names of the files directly in the folder, where `""` is the capture itself; none if
    /// there is no such folder.
    fn files_in(&self, folder: &str) -> Vec<String>;
}

/// A folder among the files of a capture; paths are relative to it.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub files: &'a dyn Files,
    /// Path of the folder with a `/` at its end; empty for the capture itself.
    pub root: &'a str,
}

impl<'a> Tree<'a> {
    /// The path in the capture.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// A path in the capture as the user knows it.
    pub fn shown(&self, path: &str) -> String {
        format!("{}/{}{path}", self.files.name(), self.root)
    }

    /// The name of the folder itself, without those it lies in.
    pub fn name(&self) -> &'a str {
        let inner = self.root.trim_end_matches('/').rsplit('/').next();
        inner
            .filter(|name| !name.is_empty())
            .unwrap_or(self.files.name())
    }

    /// The folder as the user knows it.
    pub fn shown_root(&self) -> String {
        self.shown("").trim_end_matches('/').to_owned()
    }

    /// An error of the file at the path: `message` with the file's name in place of `{}`.
    pub fn wrong(&self, path: &str, message: impl FnOnce(&str) -> String) -> CaptureError {
        CaptureError::file(self.path(path), message(&self.shown(path)))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// See [`Files::read`].
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, CaptureError> {
        self.files.read(&self.path(path), limit)
    }

    /// The text of a file, without the byte order mark that some editors put before it.
    ///
    /// # Errors
    /// See [`Files::read`]; or it is not text.
    pub fn text(&self, path: &str, limit: u64) -> Result<String, CaptureError> {
        let mut text = String::from_utf8(self.read(path, limit)?)
            .map_err(|_| self.wrong(path, |file| format!("{file} is not text in UTF-8")))?;
        if text.starts_with(MARK) {
            text.drain(..MARK.len_utf8());
        }
        Ok(text)
    }

    /// The folder one up, if the capture has it.
    pub fn parent(&self) -> Option<Tree<'a>> {
        let inner = self.root.strip_suffix('/')?;
        let end = inner.rfind('/').map_or(0, |slash| slash + 1);
        Some(Tree {
            files: self.files,
            root: &self.root[..end],
        })
    }

    /// The files whose paths begin with `path`.
    fn below(&self, path: &str) -> &'a [CaptureFile] {
        let list = self.files.list();
        let prefix = self.path(path);
        let start = list.partition_point(|file| file.path.as_str() < prefix.as_str());
        let length = list[start..].partition_point(|file| file.path.starts_with(&prefix));
        &list[start..start + length]
    }
}

impl Names for Tree<'_> {
    fn has_file(&self, path: &str) -> bool {
        find(self.files.list(), &self.path(path)).is_some()
    }

    fn has_folder(&self, path: &str) -> bool {
        !self.below(&format!("{path}/")).is_empty()
    }

    fn files_in(&self, folder: &str) -> Vec<String> {
        let folder = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let start = self.root.len() + folder.len();
        let names = self.below(&folder).iter().map(|file| &file.path[start..]);
        names
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }
}
