//! Checks that the targets of references in comments and documents exist: files, sections of
//! `docs/spec`, targets of links.
#![cfg(not(target_family = "wasm"))]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Folders of third-party files and build output, which are not searched.
const LEFT_OUT: [&str; 5] = [".git", "target", "dist", "models", "golden"];
/// Extensions of the files that are searched for references.
const KINDS: [&str; 5] = ["rs", "md", "toml", "wgsl", "py"];
const SPEC: &str = "docs/spec/";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the project can be read") {
        let path = entry.expect("the project can be read").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|kind| KINDS.iter().any(|known| kind == *known))
        {
            found.push(path);
        }
    }
}

/// The numbers of a specification's sections: "3" and "3.1" for the headings `## 3. Voxelisation`
/// and `### 3.1 Kernel offsets`.
fn sections(specification: &str) -> BTreeSet<String> {
    let heading = |line: &str| {
        Some(
            line.strip_prefix("##")?
                .trim_start_matches('#')
                .split_whitespace()
                .next()?
                .trim_end_matches('.')
                .to_owned(),
        )
    };
    specification.lines().filter_map(heading).collect()
}

/// The numbers at the start of " section 3.1", " sections 3 and 4", " section 8, steps 4 to 6".
fn asked(text: &str) -> Vec<String> {
    let Some(numbers) = text
        .strip_prefix(" sections ")
        .or_else(|| text.strip_prefix(" section "))
    else {
        return Vec::new();
    };
    let of_a_list = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_digit()) || matches!(*word, "and" | "to")
    };
    let words = numbers.split([' ', ',', '-']).take_while(of_a_list);
    let number = |word: &str| {
        word.trim_end_matches(|c: char| !c.is_ascii_digit())
            .to_owned()
    };
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(number)
        .collect()
}

/// Adds a description of every broken reference to the specifications.
fn of_specifications(text: &str, complaints: &mut Vec<String>) {
    for (at, _) in text.match_indices("spec/") {
        let Some(end) = text[at..]
            .find(".md")
            .map(|end| at + end + 3)
            .filter(|end| !text[at..*end].contains(char::is_whitespace))
        else {
            continue;
        };
        let start = (at + "spec/".len()).saturating_sub(SPEC.len());
        let name = &text[at + "spec/".len()..end];
        if !text.is_char_boundary(start) || &text[start..at + "spec/".len()] != SPEC {
            complaints.push(format!(
                "spec/{name} is not where the specifications are: {SPEC}"
            ));
            continue;
        }
        match fs::read_to_string(root().join(SPEC).join(name)) {
            Err(_) => complaints.push(format!("there is no {SPEC}{name}")),
            Ok(specification) => {
                let there = sections(&specification);
                complaints.extend(
                    asked(&text[end..])
                        .into_iter()
                        .filter(|n| !there.contains(n))
                        .map(|n| format!("{SPEC}{name} has no section {n}")),
                );
            }
        }
    }
}

/// Adds a description of every link of a Markdown file to a file that does not exist.
fn of_links(file: &Path, text: &str, complaints: &mut Vec<String>) {
    for (at, _) in text.match_indices("](") {
        let Some(target) = text[at + 2..].split(')').next() else {
            continue;
        };
        let target = target.split('#').next().unwrap_or_default();
        let is_elsewhere =
            target.is_empty() || target.contains("://") || target.contains(char::is_whitespace);
        if !is_elsewhere && !file.with_file_name("").join(target).exists() {
            complaints.push(format!("the link to {target} leads nowhere"));
        }
    }
}

#[test]
fn every_reference_resolves() {
    let mut all = Vec::new();
    files(&root(), &mut all);
    assert!(all.len() > 300, "{} files", all.len());
    let mut complaints = Vec::new();
    for file in all
        .iter()
        .filter(|file| !file.ends_with("tests/references.rs"))
    {
        let text = fs::read_to_string(file).expect("the project's sources are text");
        let mut of_file = Vec::new();
        of_specifications(&text, &mut of_file);
        if file.extension().is_some_and(|kind| kind == "md") {
            of_links(file, &text, &mut of_file);
        }
        complaints.extend(
            of_file
                .into_iter()
                .map(|complaint| format!("{}: {complaint}", file.display())),
        );
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn sections_are_read_from_sentences() {
    assert_eq!(asked(" sections 3.1 and 14)."), ["3.1", "14"]);
    assert_eq!(
        asked(" sections 2-10 and 15 (SegDINO3D and"),
        ["2", "10", "15"]
    );
    assert_eq!(asked(" section 8, steps 4 to 6"), ["8"]);
    assert_eq!(asked(": a sentence"), Vec::<String>::new());
    assert_eq!(
        sections("# A\n## 3. B\n### 3.1 C\n"),
        BTreeSet::from(["3".to_owned(), "3.1".to_owned()])
    );
}
