//! Files in one input: `TITLE`, then for each file a line `@@@ NAME` and its content.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write as _},
    path::{Component, Path},
};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const MARK: &[u8] = b"\n@@@ ";
/// The maximum number of files; readers list folders, which takes time.
const FILES: usize = 64;
/// Endings of the names of zip archives. A name such as `a.pth/b` is the file `b` in `a.pth`.
const ZIPPED: [&str; 2] = [".pth", ".npz"];

/// The words of the first line, and the files by name.
pub struct Archive<'a> {
    pub title: Vec<&'a str>,
    pub files: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> Archive<'a> {
    /// `None` if a name is not that of a file inside a folder.
    pub fn split(input: &'a [u8]) -> Option<Self> {
        let (title, mut rest) = at(input, MARK);
        let title = std::str::from_utf8(title).ok()?;
        let mut files = BTreeMap::new();
        while let Some(part) = rest {
            let (file, next) = at(part, MARK);
            let (name, content) = at(file, b"\n");
            let name = std::str::from_utf8(name).ok()?;
            if !is_inside(name) || files.len() == FILES {
                return None;
            }
            files.insert(name, content.unwrap_or_default());
            rest = next;
        }
        Some(Self {
            title: title.split_ascii_whitespace().collect(),
            files,
        })
    }

    /// Writes the files to a folder; `None` if names contradict each other.
    pub fn unpack(&self, folder: &Path) -> Option<()> {
        let mut zipped: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
        for (name, content) in &self.files {
            let inside = ZIPPED.iter().find_map(|ending| {
                let end = name.find(&format!("{ending}/"))? + ending.len();
                Some((&name[..end], &name[end + 1..]))
            });
            match inside {
                Some((outer, inner)) => zipped.entry(outer).or_default().push((inner, content)),
                None => write(folder, name, content)?,
            }
        }
        for (name, files) in zipped {
            write(folder, name, &zip(&files)?)?;
        }
        Some(())
    }
}

/// What is before and behind the first `mark`.
fn at<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match bytes.windows(mark.len()).position(|window| window == mark) {
        Some(place) => (&bytes[..place], Some(&bytes[place + mark.len()..])),
        None => (bytes, None),
    }
}

/// `true` for names that lead into a folder and not out of it again.
pub fn is_inside(name: &str) -> bool {
    let plain = |part: Component| matches!(part, Component::Normal(_));
    !name.is_empty()
        && name.len() <= 100
        && !name.contains('\0')
        && Path::new(name).components().all(plain)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Option<()> {
    let path = folder.join(name);
    fs::create_dir_all(path.parent()?).ok()?;
    fs::write(path, content).ok()
}

fn zip(files: &[(&str, &[u8])]) -> Option<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in files {
        zip.start_file(*name, stored).ok()?;
        zip.write_all(content).ok()?;
    }
    Some(zip.finish().ok()?.into_inner())
}
