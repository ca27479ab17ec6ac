//! The files that a user drops or chooses: one file, many files, or folders with everything in them.

use js_sys::{Array, Function, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileList};

use crate::{
    protocol::{NO_FOLDER, Source},
    text::said_with,
};

/// Maximum number of files; captures have no more.
const MAX_FILES: usize = 1_000_000;
/// Maximum depth of folders.
const MAX_DEPTH: usize = 32;

#[wasm_bindgen]
extern "C" {
    /// `DataTransferItem`.
    type Item;

    #[wasm_bindgen(method, js_name = webkitGetAsEntry)]
    fn entry(this: &Item) -> Option<Entry>;

    /// `FileSystemEntry`: a file or a folder that was dropped.
    pub type Entry;

    #[wasm_bindgen(method, getter, js_name = isDirectory)]
    fn is_folder(this: &Entry) -> bool;

    #[wasm_bindgen(method, getter, js_name = fullPath)]
    fn path(this: &Entry) -> String;

    #[wasm_bindgen(method)]
    fn file(this: &Entry, found: &Function, failed: &Function);

    #[wasm_bindgen(method, js_name = createReader)]
    fn reader(this: &Entry) -> Reader;

    /// `FileSystemDirectoryReader`: gives the entries of a folder, a hundred or so at a time.
    type Reader;

    #[wasm_bindgen(method, js_name = readEntries)]
    fn next(this: &Reader, found: &Function, failed: &Function);
}

/// What was dropped.
pub enum Dropped {
    /// Files, which can be opened at once.
    Files(Option<Source>),
    /// Folders, and files beside them, which have to be listed first.
    Entries(Vec<Entry>),
}

/// What a drop brings. Must be called while the event is handled: afterwards the browser no longer
/// tells.
pub fn dropped(data: &DataTransfer) -> Dropped {
    let items = data.items();
    let items = (0..items.length()).filter_map(|index| items.get(index));
    let entries: Vec<Entry> = items
        .filter(|item| item.kind() == "file")
        .filter_map(|item| item.unchecked_into::<Item>().entry())
        .collect();
    if entries.iter().any(Entry::is_folder) {
        Dropped::Entries(entries)
    } else {
        Dropped::Files(data.files().and_then(|files| chosen(&files)))
    }
}

/// What a list of files is: a file, or files that may be a capture's or several scans. `None` if there
/// are no files.
pub fn chosen(files: &FileList) -> Option<Source> {
    given((0..files.length()).filter_map(|index| files.get(index)))
}

/// What files are: a file, or files that may be a capture's. `None` if there are no files.
pub fn given(files: impl Iterator<Item = File>) -> Option<Source> {
    let path = |file: &File| {
        let path = Reflect::get(file, &"webkitRelativePath".into()).ok();
        let path = path.and_then(|path| path.as_string());
        path.filter(|path| !path.is_empty())
            .unwrap_or_else(|| file.name())
    };
    source(files.map(|file| (path(&file), file)).collect())
}

/// Lists the folders with everything in them, and calls `counted` with the number of files so far.
///
/// # Errors
/// A folder or file cannot be read, or there are too many; in words for the user.
pub async fn listed(
    entries: Vec<Entry>,
    counted: impl Fn(usize),
) -> Result<Option<Source>, String> {
    let (mut found, mut waiting) = (Vec::new(), entries);
    while let Some(entry) = waiting.pop() {
        let path = entry.path();
        let path = path.trim_start_matches('/');
        let unreadable = |_| said_with("the browser could not read {name}", &[("name", &path)]);
        if entry.is_folder() {
            if path.matches('/').count() >= MAX_DEPTH {
                return Err(said_with(
                    "{path} lies too deep, the limit is {limit} folders",
                    &[("path", &path), ("limit", &MAX_DEPTH)],
                ));
            }
            let reader = entry.reader();
            loop {
                let some = promised(|found, failed| reader.next(found, failed)).await;
                let some: Array = some.map_err(unreadable)?.unchecked_into();
                if some.length() == 0 {
                    break;
                }
                waiting.extend(some.iter().map(JsCast::unchecked_into::<Entry>));
                if found.len() + waiting.len() > MAX_FILES {
                    return Err(said_with(
                        "there are too many files, the limit is {limit}",
                        &[("limit", &MAX_FILES)],
                    ));
                }
            }
        } else {
            let file = promised(|found, failed| entry.file(found, failed)).await;
            found.push((
                path.to_owned(),
                file.map_err(unreadable)?.unchecked_into::<File>(),
            ));
            counted(found.len());
        }
    }
    Ok(source(found))
}

/// The result of a call that takes two callbacks.
fn promised(mut call: impl FnMut(&Function, &Function)) -> JsFuture {
    JsFuture::from(Promise::new(&mut |found, failed| call(&found, &failed)))
}

/// A single file is opened as such; the paths of several are relative to the folder that all are in.
fn source(files: Vec<(String, File)>) -> Option<Source> {
    if let [(path, file)] = &files[..] {
        return Some(Source::File {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            blob: file.clone().unchecked_into(),
        });
    }
    let (mut paths, files): (Vec<String>, Vec<File>) = files.into_iter().unzip();
    let folder = paths.first()?.split_once('/').map(|(folder, _)| folder);
    let prefix = format!("{}/", folder.unwrap_or_default());
    let name = match folder {
        Some(folder) if paths.iter().all(|path| path.starts_with(&prefix)) => folder.to_owned(),
        _ => NO_FOLDER.to_owned(),
    };
    if name != NO_FOLDER {
        for path in &mut paths {
            path.replace_range(..prefix.len(), "");
        }
    }
    Some(Source::Folder {
        name,
        paths,
        files: files.iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn opened(paths: &[&str]) -> Option<Source> {
        let file = |path: &&str| {
            let file = File::new_with_str_sequence(&Array::new(), path).unwrap();
            ((*path).to_owned(), file)
        };
        source(paths.iter().map(file).collect())
    }

    #[wasm_bindgen_test]
    fn paths_are_relative_to_the_folder_that_all_files_are_in() {
        let folder = |paths: &[&str]| match opened(paths).unwrap() {
            Source::Folder { name, paths, files } => {
                assert_eq!(files.length() as usize, paths.len());
                (name, paths)
            }
            other => panic!("{other:?}"),
        };
        let (name, paths) = folder(&["desk/rgb/1.png", "desk/rgb.txt"]);
        assert_eq!(
            (&name[..], &paths[..]),
            ("desk", &["rgb/1.png".to_owned(), "rgb.txt".to_owned()][..])
        );
        let (name, paths) = folder(&["desk/1.png", "desk2/1.png"]);
        assert_eq!((&name[..], &paths[0][..]), (NO_FOLDER, "desk/1.png"));
        let (name, paths) = folder(&["1.png", "2.png"]);
        assert_eq!((&name[..], &paths[1][..]), (NO_FOLDER, "2.png"));
    }

    #[wasm_bindgen_test]
    fn one_file_is_a_file_even_in_a_folder() {
        let source = opened(&["scans/room.ply"]).unwrap();
        assert!(matches!(source, Source::File { name, .. } if name == "room.ply"));
        assert!(opened(&[]).is_none());
    }
}
