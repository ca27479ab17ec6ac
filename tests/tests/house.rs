//! Checks the form of the project: a public type has its name to itself in its crate, and no file
//! is longer than one can read in one sitting.
#![cfg(not(target_family = "wasm"))]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The folders of the crates.
const CRATES: [&str; 9] = [
    "core",
    "web",
    "server",
    "trainer",
    "trainer/rooms",
    "trainer/recordings",
    "trainer/learning",
    "tests",
    "xtask",
];
/// The first words of a line that declares a public type.
const TYPES: [&str; 4] = ["pub struct ", "pub enum ", "pub trait ", "pub type "];
/// Maximum number of lines of a file.
const LONGEST: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files in a folder, and their text.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("the project can be read") {
        let path = entry.expect("the project can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).expect("the project can be read");
            found.push((path, text));
        }
    }
}

/// The public type that a line declares outside of functions and test modules.
fn declared(line: &str) -> Option<&str> {
    let rest = TYPES.iter().find_map(|words| line.strip_prefix(words))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

#[test]
fn a_public_type_has_its_name_to_itself_in_its_crate() {
    let mut complaints = Vec::new();
    for folder in CRATES {
        let mut files = Vec::new();
        sources(&root().join(folder).join("src"), &mut files);
        let mut places = BTreeMap::<&str, Vec<String>>::new();
        for (path, text) in &files {
            let path = path.strip_prefix(root().join(folder)).unwrap_or(path);
            // Types of tests are seen by their test alone.
            if path
                .iter()
                .any(|part| part == "tests" || part == "tests.rs")
            {
                continue;
            }
            for name in text.lines().filter_map(declared) {
                places
                    .entry(name)
                    .or_default()
                    .push(path.display().to_string());
            }
        }
        assert!(!places.is_empty(), "{folder} has no public type");
        let twice = places.iter().filter(|(_, places)| places.len() > 1);
        complaints.extend(
            twice.map(|(name, places)| format!("{name} of {folder}: {}", places.join(", "))),
        );
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let mut files = Vec::new();
    for folder in CRATES {
        let folder = root().join(folder);
        sources(&folder.join("src"), &mut files);
        if folder.join("tests").is_dir() {
            sources(&folder.join("tests"), &mut files);
        }
    }
    assert!(files.len() > 100, "the project's files were not found");
    let complaints: Vec<String> = files
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{}: {lines} lines, the limit is {LONGEST}", path.display()))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
