//! Checks the form of the project: a public type has its name to itself in its crate, no file is
//! longer than one can read in one sitting, and packages come from where everybody gets them: no file
//! names another registry, or has a key.
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

/// Largest size of a file that is looked through, bytes; what is larger is data.
const LARGEST_TEXT: u64 = 1 << 20;
/// The only place that packages in a lock file come from.
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// What tells a package manager to look elsewhere, put together here so that this file has none of it.
fn other_registries() -> Vec<String> {
    [
        ["index", "-url"],
        ["index", "_url"],
        ["find", "-links"],
        ["trusted", "-host"],
        ["replace", "-with"],
        ["[regis", "tries"],
        ["[source.", "crates"],
        ["npm_config", "_registry"],
        ["registry", "=http"],
        ["--reg", "istry"],
        ["GOPRO", "XY"],
    ]
    .map(|parts| parts.concat())
    .to_vec()
}

/// `true` if a line has a key or a token of a kind that can be told by its form.
fn has_secret(line: &str) -> bool {
    /// How such keys begin, and the number of letters and digits that follow.
    const TOKENS: [(&str, usize); 7] = [
        ("AKIA", 16),
        ("ghp_", 30),
        ("gho_", 30),
        ("ghu_", 30),
        ("ghs_", 30),
        ("ghr_", 30),
        ("glpat-", 20),
    ];
    let is_token = |(start, length): (&str, usize)| {
        line.match_indices(start).any(|(at, _)| {
            let rest = &line.as_bytes()[at + start.len()..];
            rest.len() >= length && rest[..length].iter().all(u8::is_ascii_alphanumeric)
        })
    };
    let is_private = line.contains("-----BEGIN ") && line.contains(&["PRIVATE", " KEY"].concat());
    is_private || TOKENS.into_iter().any(is_token)
}

/// The texts of the project, without what is built, fetched or made in its folder.
fn texts(folder: &Path, ignored: &[String], found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("the project can be read") {
        let path = entry.expect("the project can be read").path();
        let relative = path.strip_prefix(root()).unwrap_or(&path);
        let name = format!("/{}", relative.display());
        let is_ignored = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern || path.ends_with(pattern.trim_start_matches('/')),
        };
        if name == "/.git" || ignored.iter().any(is_ignored) {
            continue;
        }
        if path.is_dir() {
            texts(&path, ignored, found);
        } else if path.metadata().is_ok_and(|of| of.len() <= LARGEST_TEXT)
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push((relative.to_owned(), text));
        }
    }
}

#[test]
fn packages_come_from_the_registries_of_everybody_and_no_file_has_a_key() {
    let ignored = fs::read_to_string(root().join(".gitignore")).expect("there is a .gitignore");
    let ignored: Vec<String> = ignored.lines().map(str::to_owned).collect();
    let mut files = Vec::new();
    texts(&root(), &ignored, &mut files);
    let names = other_registries();
    let mut complaints = Vec::new();
    for (path, text) in &files {
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{}:{number}", path.display());
            if let Some(name) = names.iter().find(|name| line.contains(*name)) {
                complaints.push(format!("{place} has \"{name}\""));
            }
            if has_secret(line) {
                complaints.push(format!("{place} has what looks like a key"));
            }
        }
    }
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = fs::read_to_string(root().join(lock)).expect("the lock file is there");
        let mut sources = text.lines().filter(|line| line.starts_with("source = "));
        if let Some(other) = sources.find(|line| *line != CRATES_IO) {
            complaints.push(format!("{lock}: {other}"));
        }
        assert!(text.contains(CRATES_IO), "{lock} has no packages");
    }
    assert!(files.len() > 300, "only {} texts were found", files.len());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let key = ["AKIA", "ABCDEFGHIJKLMNOP"].concat();
    assert!(has_secret(&key) && !has_secret(&key[..19]));
}
