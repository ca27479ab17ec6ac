//! Several scans that become one: the files of a folder or an archive that are no capture, and files
//! on other servers. They are told apart by content, and read one after the other.

use segscape::{
    captures::{CaptureFile, Files as _},
    progress::{Cancel, Monitor, Progress, Stage},
    scan::{self, HEAD, Join, JoinError, Scan, Warning, is_scan},
};

use super::{
    capture::Opened,
    fetch::{self, MAX_BYTES, Part},
    file, post,
};
use crate::protocol::{Address, NO_FOLDER, Reply};

/// Maximum number of files of a folder that are looked into.
const MAX_FILES: usize = 10_000;
/// Maximum number of files that are named as no scans.
const NAMED: usize = 3;
/// The part of reading a file from another server that is over once it is there.
const DOWNLOAD: f32 = 0.9;

/// The scans that a user opens at once.
pub struct Scans {
    /// Name of the folder that they are in, if they are in one.
    folder: Option<String>,
    places: Places,
    /// What else is there, and is not read.
    left_out: Option<Warning>,
}

enum Places {
    /// Paths among files.
    Files(Opened, Vec<String>),
    /// Files on other servers.
    Urls(Vec<Address>),
}

/// What lies among files that are no capture.
pub enum Among {
    /// Scans, at least one.
    Scans(Scans),
    /// A bundle alone: its path.
    Bundle(Opened, String),
    /// Neither.
    Nothing,
}

impl Scans {
    /// Looks for scans among files.
    ///
    /// # Errors
    /// There are too many of them.
    pub fn among(opened: Opened) -> Result<Among, JoinError> {
        let is_hidden = |part: &str| part.starts_with('.') || part == "__MACOSX";
        let is_seen = |file: &&CaptureFile| !file.path.split('/').any(is_hidden);
        let seen: Vec<&CaptureFile> = opened.list().iter().filter(is_seen).collect();
        if seen.len() > MAX_FILES {
            return Ok(Among::Nothing);
        }
        let (mut scans, mut bundles, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for CaptureFile { path, size } in seen {
            // What cannot be looked into is said once it is read.
            let head = opened.read_range(path, 0..*size.min(&(HEAD as u64)));
            let list = match head {
                Ok(head) if file::is_bundle(&head) => &mut bundles,
                Ok(head) if !is_scan(&head, *size) => &mut others,
                _ => &mut scans,
            };
            list.push(path.clone());
        }
        match (&scans[..], &mut bundles[..]) {
            ([], [bundle]) => {
                let path = std::mem::take(bundle);
                return Ok(Among::Bundle(opened, path));
            }
            ([], _) => return Ok(Among::Nothing),
            _ => {}
        }
        Join::check(scans.len())?;
        others.append(&mut bundles);
        let left_out = (!others.is_empty()).then(|| {
            let named = others[..others.len().min(NAMED)].join(", ");
            let more = match others.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Warning(format!(
                "files beside the scans were not read: {named}{more}"
            ))
        });
        let folder = Some(opened.name().to_owned()).filter(|name| name != NO_FOLDER);
        Ok(Among::Scans(Self {
            folder: folder.filter(|_| scans.len() > 1),
            places: Places::Files(opened, scans),
            left_out,
        }))
    }

    /// The scans at addresses.
    ///
    /// # Errors
    /// There are too many of them.
    pub fn at(addresses: &[Address]) -> Result<Self, JoinError> {
        Join::check(addresses.len())?;
        Ok(Self {
            folder: None,
            places: Places::Urls(addresses.to_vec()),
            left_out: None,
        })
    }

    /// Reads the scans and makes one of them, whose name it returns as well. A file that cannot be read
    /// is left out with a warning. `reports` says whether the page is told of the progress.
    ///
    /// # Errors
    /// No file can be read, or they are too large together; in words for the user.
    pub async fn read(self, reports: bool) -> Result<(String, Scan), String> {
        let mut join = Join::default();
        let count = match &self.places {
            Places::Files(_, paths) => paths.len(),
            Places::Urls(addresses) => addresses.len(),
        };
        for place in 0..count {
            let done = |part: f32| (place as f32 + part) / count as f32;
            let (name, bytes, downloaded) = match &self.places {
                Places::Files(opened, paths) => {
                    let path = &paths[place];
                    let bytes = opened.read(path, MAX_BYTES);
                    (path.clone(), bytes.map_err(|e| e.to_string()), 0.0)
                }
                Places::Urls(addresses) => {
                    let part = reports.then(|| Part {
                        stage: Stage::Read,
                        from: done(0.0),
                        to: done(DOWNLOAD),
                        before: 0,
                        total: None,
                    });
                    let address = &addresses[place];
                    let bytes = fetch::from_url(address, part).await;
                    let name = fetch::name_of(address);
                    (name, bytes.map_err(|e| e.to_string()), DOWNLOAD)
                }
            };
            let report = |progress: Progress| {
                if reports {
                    let part = downloaded + (1.0 - downloaded) * progress.done;
                    post(&Reply::Progress(Progress {
                        stage: Stage::Read,
                        done: done(part),
                    }));
                }
            };
            let cancel = Cancel::default();
            let monitor = Monitor::new(&report, &cancel);
            match bytes.and_then(|bytes| read(&bytes, &monitor)) {
                Ok(scan) => join.add(&name, scan).map_err(|e| e.to_string())?,
                Err(reason) => join.refuse(&name, reason),
            }
        }
        let name = self.folder.unwrap_or_else(|| called(join.names()));
        let mut scan = join.finish().map_err(|error| error.to_string())?;
        scan.warnings.extend(self.left_out);
        Ok((name, scan))
    }
}

fn read(bytes: &[u8], monitor: &Monitor) -> Result<Scan, String> {
    if file::is_bundle(bytes) {
        return Err("it is a project or a shared scene, which is opened alone".to_owned());
    }
    scan::read(bytes, monitor).map_err(|error| error.to_string())
}

/// The name of the first scan, and how many more there are.
fn called<'a>(mut names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let path = names.next().unwrap_or_default();
    let first = path.rsplit('/').next().unwrap_or(path);
    match names.len() {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use js_sys::{Array, Uint8Array};
    use wasm_bindgen_test::wasm_bindgen_test;
    use web_sys::Blob;

    use super::*;

    fn opened(files: &[(&str, &str)]) -> Opened {
        let blob = |(_, text): &(&str, &str)| {
            let bytes = Uint8Array::from(text.as_bytes());
            Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).unwrap()
        };
        let paths: Vec<String> = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        Opened::folder(NO_FOLDER, &paths, &files.iter().map(blob).collect()).unwrap()
    }

    const PLY: &str = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n";

    #[wasm_bindgen_test]
    async fn scans_among_files_become_one_and_the_others_are_named() {
        let files = opened(&[
            ("a.ply", PLY),
            ("north/b.ply", PLY),
            ("c.ply", "ply\nformat ascii 1.0\nend_header\n"),
            ("notes.txt", "Dear diary, today I scanned my room."),
            (".hidden/d.ply", PLY),
        ]);
        let Among::Scans(scans) = Scans::among(files).unwrap() else {
            panic!("there are scans");
        };
        let (name, scan) = scans.read(false).await.unwrap();
        assert_eq!((name.as_str(), scan.len()), ("a.ply and 1 more", 2));
        let said = format!("{:?}", scan.warnings);
        assert!(said.contains("c.ply was left out"), "{said}");
        assert!(said.contains("not read: notes.txt"), "{said}");

        let notes = opened(&[("notes.txt", "Dear diary"), ("more.txt", "rain")]);
        assert!(matches!(Scans::among(notes).unwrap(), Among::Nothing));
    }
}
