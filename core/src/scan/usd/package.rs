//! The files of a USDZ package, which is a ZIP archive whose files are stored as they are; or a
//! layer alone, which is a package of one file.

use std::collections::HashMap;

use super::malformed;
use crate::scan::{ReadError, Scalar};

/// The bytes from which a package is told from other archives.
const HEAD: usize = 4096;

/// The bytes of the entries of a ZIP archive before their names: at the files, in the table of
/// contents, and at the end (PKWARE's APPNOTE 6.3.3).
const LOCAL: usize = 30;
const CENTRAL: usize = 46;
const END: usize = 22;

/// `true` for the first bytes of a USDZ package, at most 4096 of which are looked at: an archive
/// whose first file is a layer.
pub fn is_usdz(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD)];
    let name = head.starts_with(b"PK\x03\x04").then(|| {
        let size = Scalar::U16.read(head.get(26..28)?) as usize;
        head.get(LOCAL..LOCAL + size)
    });
    name.flatten().is_some_and(is_layer_name)
}

fn is_layer_name(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let endings: [&[u8]; 3] = [b".usd", b".usda", b".usdc"];
    endings.iter().any(|ending| name.ends_with(ending))
}

/// A file of a package.
struct File<'a> {
    path: String,
    /// `None` if it is compressed or encrypted.
    data: Option<&'a [u8]>,
}

/// The files of a package.
pub(super) struct Package<'a> {
    files: Vec<File<'a>>,
    by_path: HashMap<String, usize>,
    /// The number of bytes of the package.
    pub(super) size: usize,
    /// The file with the root layer.
    pub(super) root: usize,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let files = if bytes.starts_with(b"PK") {
            files(bytes)?
        } else {
            let (path, data) = (String::new(), Some(bytes));
            vec![File { path, data }]
        };
        let is_layer = |file: &File| file.path.is_empty() || is_layer_name(file.path.as_bytes());
        let root = files.iter().position(is_layer);
        let root = root.ok_or_else(|| malformed("the package has no layer"))?;
        let by_path = (files.iter().enumerate())
            .map(|(number, file)| (file.path.clone(), number))
            .collect();
        Ok(Self {
            files,
            by_path,
            size: bytes.len(),
            root,
        })
    }

    /// The path of a file; empty for a layer that is no package.
    pub(super) fn path(&self, file: usize) -> &str {
        &self.files[file].path
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// It is compressed or encrypted.
    pub(super) fn data(&self, file: usize) -> Result<&'a [u8], String> {
        self.files[file].data.ok_or_else(|| {
            format!(
                "`{}` is compressed or encrypted, and the files of a USDZ package are stored as they are; pack it with usdzip",
                shown(&self.files[file].path)
            )
        })
    }

    /// The file that an asset path in another file means, if the package has it.
    pub(super) fn resolve(&self, from: usize, asset: &str) -> Option<usize> {
        let folder = self.path(from).rsplit_once('/');
        let beside = joined(folder.map_or("", |(folder, _)| folder), asset);
        let found = beside.and_then(|path| self.by_path.get(&path));
        let at_root = || self.by_path.get(&joined("", asset)?);
        found.or_else(at_root).copied()
    }
}

/// At most 80 letters of a name, for messages.
pub(super) fn shown(name: &str) -> String {
    name.chars()
        .take(80)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// A path below a folder; `None` if it leads out of the package.
fn joined(folder: &str, asset: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in asset.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The files of a ZIP archive in the order of its table of contents.
fn files(bytes: &[u8]) -> Result<Vec<File<'_>>, ReadError> {
    let damaged = |problem: &str| malformed(format!("the package {problem}"));
    let half = |bytes: &[u8], at: usize| Scalar::U16.read(&bytes[at..]) as usize;
    let word = |bytes: &[u8], at: usize| Scalar::U32.read(&bytes[at..]) as usize;
    let first = bytes.len().saturating_sub(END + usize::from(u16::MAX));
    let end = bytes[first..]
        .windows(END)
        .rposition(|window| window.starts_with(b"PK\x05\x06"));
    let end = end.ok_or_else(|| damaged("has no table of contents; it may be cut short"))?;
    let end = &bytes[first + end..];
    let (count, at) = (half(end, 10), word(end, 16));
    let mut table = bytes
        .get(at..)
        .ok_or_else(|| damaged("has its table of contents beyond its end"))?;
    let mut files = Vec::new();
    for _ in 0..count {
        let cut_short = || damaged("has a table of contents that is cut short");
        let (entry, rest) = table.split_at_checked(CENTRAL).ok_or_else(cut_short)?;
        if !entry.starts_with(b"PK\x01\x02") {
            return Err(damaged("has a table of contents with other bytes in it"));
        }
        let (name, rest) = rest
            .split_at_checked(half(entry, 28))
            .ok_or_else(cut_short)?;
        table = rest
            .get(half(entry, 30) + half(entry, 32)..)
            .ok_or_else(cut_short)?;
        let path = String::from_utf8_lossy(name).into_owned();
        if path.ends_with('/') {
            continue;
        }
        let is_stored = half(entry, 8) & 1 == 0 && half(entry, 10) == 0;
        let (size, at) = (word(entry, 20), word(entry, 42));
        let data = bytes.get(at..).and_then(|local| {
            let (header, rest) = local.split_at_checked(LOCAL)?;
            let start = half(header, 26) + half(header, 28);
            let data = rest.get(start..start.checked_add(size)?)?;
            header.starts_with(b"PK\x03\x04").then_some(data)
        });
        let data = data.ok_or_else(|| {
            damaged(&format!(
                "does not have the {size} bytes of `{}`",
                shown(&path)
            ))
        })?;
        files.push(File {
            path,
            data: is_stored.then_some(data),
        });
    }
    Ok(files)
}
