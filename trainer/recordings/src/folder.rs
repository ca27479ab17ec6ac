//! The files of a capture in a folder or an archive on a disk.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
};

use anyhow::Context;
use segscape::{
    captures::{CaptureError, CaptureFile, Files, MAX_FILES, Names, ReadAt, Zip, sorted},
    scan::is_usdz,
};

/// Depth of the folders of a capture below its own, and of captures below the folder that a user
/// names.
const DEPTH: usize = 5;

/// The files of a folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    name: String,
    list: Vec<CaptureFile>,
}

impl Folder {
    /// Lists the files of a folder. Links are followed, names that are not text are left out, and
    /// so are folders deeper than those of any capture.
    ///
    /// # Errors
    /// A folder cannot be listed, or there are too many files.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut list = Vec::new();
        walk(path, "", DEPTH, &mut list)?;
        let name = path.display().to_string();
        Ok(Self {
            list: sorted(&name, list)?,
            name,
            path: path.to_owned(),
        })
    }
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    list: &mut Vec<CaptureFile>,
) -> anyhow::Result<()> {
    let listed = || format!("cannot list {}", folder.display());
    for entry in fs::read_dir(folder).with_context(listed)? {
        let entry = entry.with_context(listed)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        // a backslash separates names in other systems, so no capture has one in a name
        if name.contains('\\') || list.len() > MAX_FILES {
            continue;
        }
        // a link that leads nowhere is no file
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        let path = format!("{prefix}{name}");
        if metadata.is_file() {
            list.push(CaptureFile {
                path,
                size: metadata.len(),
            });
        } else if metadata.is_dir() && depth > 0 {
            walk(&entry.path(), &format!("{path}/"), depth - 1, list)?;
        }
    }
    Ok(())
}

impl Files for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn list(&self) -> &[CaptureFile] {
        &self.list
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, CaptureError> {
        let file = self.path.join(path);
        let wrong = |error: io::Error| {
            CaptureError::file(path, format!("cannot read {}: {error}", file.display()))
        };
        let mut bytes = Vec::new();
        let mut open = File::open(&file).map_err(wrong)?;
        open.seek(SeekFrom::Start(range.start)).map_err(wrong)?;
        let wanted = range.end.saturating_sub(range.start);
        open.take(wanted).read_to_end(&mut bytes).map_err(wrong)?;
        Ok(bytes)
    }
}

/// The names in a folder, looked up when they are asked for: a data set may have millions of files.
pub struct FolderNames<'a>(pub &'a Path);

impl Names for FolderNames<'_> {
    fn has_file(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }

    fn has_folder(&self, path: &str) -> bool {
        self.0.join(path).is_dir()
    }

    fn files_in(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.collect()
    }
}

/// A file of a disk, read at any place.
pub struct Disk {
    path: PathBuf,
    size: u64,
}

impl Disk {
    /// The file at a path.
    ///
    /// # Errors
    /// There is none, or nothing can be found out about it.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let metadata =
            fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            size: metadata.len(),
        })
    }
}

impl ReadAt for Disk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        file.take(range.end.saturating_sub(range.start))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Opens a ZIP archive.
///
/// # Errors
/// It cannot be read, or see [`Zip::open`].
pub fn open_zip(path: &Path) -> anyhow::Result<Zip<Disk>> {
    Ok(Zip::open(path.display().to_string(), Disk::open(path)?)?)
}

/// `true` if the file begins as a ZIP archive does, unless it is a USDZ package, which is a scan.
///
/// # Errors
/// It cannot be read.
pub fn is_zip(path: &Path) -> anyhow::Result<bool> {
    /// The number of bytes by which the one is told from the other.
    const HEAD: u64 = 4096;
    let mut start = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(HEAD)
        .read_to_end(&mut start)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let is_archive = start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06");
    Ok(is_archive && !is_usdz(&start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;

    use segscape::{
        captures::{Capture, CaptureOptions, Kind, Points},
        progress::Monitor,
    };

    use super::*;

    const SEQUENCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

    fn points(files: &dyn Files, every: Option<usize>) -> (Kind, Points) {
        let options = CaptureOptions {
            every,
            ..CaptureOptions::default()
        };
        let capture = Capture::open(files, &options).unwrap();
        let points = capture.points(files, &options, &Monitor::silent(), &mut |_| ());
        (capture.kind, points.unwrap())
    }

    #[test]
    fn a_folder_lists_what_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("b/c")).unwrap();
        fs::write(folder.path().join("b/c/d.txt"), "12345").unwrap();
        fs::write(folder.path().join("a.txt"), "").unwrap();
        let files = Folder::open(folder.path()).unwrap();
        let names: Vec<&str> = files.list().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["a.txt", "b/c/d.txt"]);
        assert_eq!(files.read("b/c/d.txt", 5).unwrap(), b"12345");
        assert_eq!(files.read_range("b/c/d.txt", 1..3).unwrap(), b"23");
        let error = files.read("b/c/d.txt", 4).unwrap_err().to_string();
        assert!(
            error.contains("b/c/d.txt has 5 bytes, the limit is 4"),
            "{error}"
        );
        fs::remove_file(folder.path().join("b/c/d.txt")).unwrap();
        let error = files.read("b/c/d.txt", 5).unwrap_err().to_string();
        assert!(error.contains("cannot read"), "{error}");
        assert!(Folder::open(&folder.path().join("nothing")).is_err());
    }

    #[test]
    #[ignore = "needs the real recordings, whose terms keep them out of the project"]
    fn real_recordings_become_level_rooms() {
        let sequences = [
            ("seq-7scenes", Kind::SevenScenes),
            ("seq-livingroom1", Kind::Open3d),
            ("seq-redwood5", Kind::Open3d),
        ];
        for (name, kind) in sequences {
            let files = Folder::open(&Path::new(SEQUENCES).join(name)).unwrap();
            let (found, points) = points(&files, None);
            assert_eq!(found, kind, "{name}");
            assert!(points.gaps.is_empty(), "{name}: {:?}", points.gaps);
            let mut heights: Vec<f32> = points.scan.positions.iter().map(|p| p[2]).collect();
            heights.sort_by(f32::total_cmp);
            let at = |share: f64| heights[(share * heights.len() as f64) as usize];
            let height = at(0.99) - at(0.01);
            assert!((0.5..4.5).contains(&height), "{name}: {height} m high");
            let eyes = points.views.iter().map(|view| view.camera.position()[2]);
            assert!(
                eyes.into_iter().all(|eye| eye > at(0.05)),
                "{name}: cameras are held above the floor"
            );
        }
    }

    #[test]
    #[ignore = "needs the real recordings, whose terms keep them out of the project"]
    fn a_real_recording_is_the_same_in_an_archive() {
        let folder = Folder::open(&Path::new(SEQUENCES).join("seq-livingroom1")).unwrap();
        let path = tempfile::tempdir().unwrap();
        let path = path.path().join("room.zip");
        let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
        for file in folder.list() {
            let options = zip::write::SimpleFileOptions::default();
            writer
                .start_file(format!("room/{}", file.path), options)
                .unwrap();
            writer
                .write_all(&folder.read(&file.path, file.size).unwrap())
                .unwrap();
        }
        writer.finish().unwrap();
        assert!(is_zip(&path).unwrap());
        let zip = open_zip(&path).unwrap();
        let (of_folder, of_zip) = (points(&folder, Some(3)).1, points(&zip, Some(3)).1);
        assert_eq!(of_folder.scan.positions, of_zip.scan.positions);
    }
}
