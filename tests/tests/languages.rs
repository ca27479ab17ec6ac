//! Checks the languages of the page: every text that it shows goes through `web/src/text.rs`, is in
//! the file of every language, with the same places for values, and no file has another one.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use segscape::write::Export;

/// The languages that have a file in `static/text`.
const LANGUAGES: [&str; 3] = ["de", "fr", "es"];
/// The functions that take a text as their first argument.
const SAYING: [&str; 5] = ["tr", "said", "said_with", "said_around", "said_untracked"];
/// The function that takes a text for one and a text for many after the count.
const COUNTING: &str = "counted";
/// Attributes and properties whose values are read by people.
const READ: [&str; 7] = [
    "label",
    "title",
    "placeholder",
    "alt",
    "legend",
    "words",
    "valuetext",
];
/// What stands in views and is the same in all languages: names, abbreviations, keys and units, and
/// what is for programs.
const AS_IT_IS: [&str; 15] = [
    "Segscape",
    "{mark}{name} · Segscape",
    "Segscape {}",
    "SHA-256 {}…",
    "Ctrl S",
    "webgpu · {}",
    "cpu · {}",
    // The report, which is for the authors.
    "{} points, {} triangles",
    "Without a network: {}",
    "the last picture: {} points in {draws} draws, {ms:.0} ms",
    "{:.1} MB",
    "{:.0} min {:.0} s",
    "{:.0} ms",
    "{ms:.0} ms",
    "dialog {class}",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A part of a source.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name, a keyword or a number.
    Word(String),
    /// A string literal, as it is in the program.
    Text(String),
    /// Any other sign.
    Sign(char),
}

/// The parts of a source with their lines, without comments and tests.
fn tokens(source: &str) -> Vec<(usize, Token)> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let signs: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    while let Some(&sign) = signs.get(at) {
        let next = signs.get(at + 1).copied();
        let start = at;
        let begun = line;
        match sign {
            '/' if next == Some('/') => {
                while signs.get(at).is_some_and(|sign| *sign != '\n') {
                    at += 1;
                }
            }
            '"' => {
                let (text, end) = literal(&signs, at);
                found.push((begun, Token::Text(text)));
                at = end;
            }
            // A raw string has no escapes; one with marks ends at the same marks.
            'r' if matches!(next, Some('"' | '#')) && !is_inside_word(&signs, at) => {
                let marks = signs[at + 1..].iter().take_while(|s| **s == '#').count();
                let from = at + marks + 2;
                let end: Vec<char> = std::iter::once('"')
                    .chain(std::iter::repeat_n('#', marks))
                    .collect();
                let length = signs[from..].windows(end.len()).position(|s| *s == end);
                let to = from + length.unwrap_or(signs.len() - from);
                found.push((begun, Token::Text(signs[from..to].iter().collect())));
                at = (to + end.len()).min(signs.len());
            }
            // A character, or else a lifetime.
            '\'' if next == Some('\\') => {
                at += 3;
                while signs.get(at).is_some_and(|sign| *sign != '\'') {
                    at += 1;
                }
                at += 1;
            }
            '\'' if signs.get(at + 2) == Some(&'\'') => at += 3,
            sign if sign.is_alphanumeric() || sign == '_' => {
                while signs
                    .get(at)
                    .is_some_and(|s| s.is_alphanumeric() || *s == '_')
                {
                    at += 1;
                }
                let word = signs[start..at].iter().collect();
                found.push((begun, Token::Word(word)));
            }
            sign => {
                if !sign.is_whitespace() {
                    found.push((begun, Token::Sign(sign)));
                }
                at += 1;
            }
        }
        let end = at.min(signs.len());
        line += signs[start..end]
            .iter()
            .filter(|sign| **sign == '\n')
            .count();
    }
    found
}

fn is_inside_word(signs: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| signs.get(before));
    before.is_some_and(|sign| sign.is_alphanumeric() || *sign == '_')
}

/// The string literal that begins at a quotation mark, and where what follows it begins.
fn literal(signs: &[char], start: usize) -> (String, usize) {
    let (mut text, mut at) = (String::new(), start + 1);
    while let Some(&sign) = signs.get(at) {
        at += 1;
        match (sign, signs.get(at).copied()) {
            ('"', _) => break,
            ('\\', Some('\n')) => {
                while signs.get(at).is_some_and(|sign| sign.is_whitespace()) {
                    at += 1;
                }
            }
            ('\\', Some('u')) => {
                let digits = signs[at + 2..].iter().take_while(|sign| **sign != '}');
                let digits: String = digits.collect();
                at += digits.len() + 3;
                let code = u32::from_str_radix(&digits, 16).expect("digits of a character");
                text.push(char::from_u32(code).expect("a character"));
            }
            ('\\', Some(escaped)) => {
                at += 1;
                text.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
            }
            (sign, _) => text.push(sign),
        }
    }
    (text, at)
}

/// The arguments of the call whose parenthesis opens at `open`.
fn arguments(tokens: &[(usize, Token)], open: usize) -> Vec<Vec<&Token>> {
    let (mut all, mut depth) = (vec![Vec::new()], 0);
    for (_, token) in &tokens[open..] {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth -= 1,
            Token::Sign(',') if depth == 1 => {
                all.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if !(depth == 1 && *token == Token::Sign('(') && all == [Vec::<&Token>::new()]) {
            all.last_mut().expect("at least one").push(token);
        }
    }
    all.retain(|argument| !argument.is_empty());
    all
}

/// The texts that a source says, with their lines. Complains of those that are not written where they
/// are said.
fn texts(tokens: &[(usize, Token)]) -> Result<Vec<(usize, String)>, String> {
    let mut found = Vec::new();
    for (at, (line, token)) in tokens.iter().enumerate() {
        let Token::Word(name) = token else {
            continue;
        };
        let before = at.checked_sub(1).map(|before| &tokens[before].1);
        let is_other = match before {
            Some(Token::Word(word)) => word == "fn",
            Some(Token::Sign(sign)) => *sign == '.',
            _ => false,
        };
        let is_call = matches!(tokens.get(at + 1), Some((_, Token::Sign('('))));
        let wanted = match name.as_str() {
            name if SAYING.contains(&name) => 0..1,
            COUNTING => 1..3,
            _ => continue,
        };
        if is_other || !is_call {
            continue;
        }
        let arguments = arguments(tokens, at + 1);
        if name == COUNTING && arguments.len() == 1 {
            continue; // a closure of the same name
        }
        for index in wanted {
            match arguments.get(index).map(Vec::as_slice) {
                Some([Token::Text(text)]) => found.push((*line, text.clone())),
                other => {
                    return Err(format!(
                        "line {line}: {name} gets {other:?}, write the text there"
                    ));
                }
            }
        }
    }
    Ok(found)
}

/// The sources of the page, with their paths from the project's folder.
fn sources(folder: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root().join(folder)).expect("the project can be read") {
        let entry = entry.expect("the project can be read");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            sources(&path, found);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("sources are text");
            found.insert(path, text);
        }
    }
}

/// All English texts, each with the first place that says it.
fn said() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for folder in ["web/src/page", "web/src/view"] {
        sources(folder, &mut all);
    }
    let mut said = BTreeMap::new();
    for (path, source) in &all {
        let found = texts(&tokens(source));
        let found = found.unwrap_or_else(|complaint| panic!("{path}, {complaint}"));
        for (line, text) in found {
            said.entry(text).or_insert_with(|| format!("{path}:{line}"));
        }
    }
    for format in Export::ALL {
        let place = "core/src/write/export.rs".to_owned();
        said.insert(format.purpose().to_owned(), place);
    }
    said
}

/// The names of the places in a text, in the order of the alphabet.
fn places(text: &str) -> Vec<&str> {
    let parts = text.split('{').skip(1);
    let mut names: Vec<&str> = parts
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
        .collect();
    names.sort_unstable();
    names
}

/// What is wrong with the translations of texts.
fn complaints(said: &BTreeMap<String, String>, file: &BTreeMap<String, String>) -> Vec<String> {
    let missing = said.iter().filter(|(text, _)| !file.contains_key(*text));
    let missing = missing.map(|(text, place)| format!("is missing, said in {place}: {text:?}"));
    let unused = file.keys().filter(|text| !said.contains_key(*text));
    let unused = unused.map(|text| format!("nothing says: {text:?}"));
    let empty = file.iter().filter(|(_, words)| words.trim().is_empty());
    let empty = empty.map(|(text, _)| format!("is empty: {text:?}"));
    let others = file
        .iter()
        .filter(|(text, words)| places(text) != places(words));
    let others = others
        .map(|(text, words)| format!("has other places than the text: {text:?} is {words:?}"));
    missing.chain(unused).chain(empty).chain(others).collect()
}

#[test]
fn every_language_has_every_text() {
    let said = said();
    assert!(said.len() > 400, "{} texts", said.len());
    let mut all = Vec::new();
    for language in LANGUAGES {
        let path = format!("static/text/{language}.json");
        let file = fs::read(root().join(&path)).unwrap_or_else(|_| panic!("there is no {path}"));
        let file: BTreeMap<String, String> =
            serde_json::from_slice(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        let complaints = complaints(&said, &file).into_iter();
        all.extend(complaints.map(|complaint| format!("{path}: {complaint}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// `true` if a text has a word of at least two letters beside its places.
fn has_words(text: &str) -> bool {
    let mut outside = String::new();
    let mut depth = 0;
    for sign in text.chars() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            sign if depth == 0 => outside.push(sign),
            _ => {}
        }
    }
    let mut words = outside.split(|sign: char| !sign.is_alphabetic());
    words.any(|word| word.chars().count() > 1)
}

/// The texts in the views of a source that people read and that are said in English alone, with their
/// lines: attributes, children, and texts with values.
fn english_alone(tokens: &[(usize, Token)]) -> Vec<(usize, String)> {
    let sign = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some((_, Token::Sign(sign))) => *sign,
        _ => ' ',
    };
    let word = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some((_, Token::Word(word))) => word.as_str(),
        _ => "",
    };
    let is_alone = |at: usize, text: &str| {
        let back = |steps: usize| at.checked_sub(steps);
        let is_attribute = sign(back(1)) == '=' && READ.contains(&word(back(2)));
        // The values of attributes for programs come from arms and blocks, too.
        let is_read = text.contains(' ') || text.starts_with(char::is_uppercase);
        let is_child = match (sign(back(1)), sign(Some(at + 1))) {
            ('>', _) => sign(back(2)) != '=' || is_read,
            ('{', '}') => is_read,
            ('{' | '}', '{' | '<') | (_, '<') => true,
            _ => false,
        };
        let is_formatted =
            sign(back(1)) == '(' && sign(back(2)) == '!' && word(back(3)) == "format";
        is_attribute || is_child || is_formatted && text.contains(' ')
    };
    let texts = tokens
        .iter()
        .enumerate()
        .filter_map(|(at, (line, token))| match token {
            Token::Text(text) if has_words(text) && is_alone(at, text) => {
                Some((*line, text.clone()))
            }
            _ => None,
        });
    texts.collect()
}

#[test]
fn no_view_says_anything_in_english_alone() {
    let mut views = BTreeMap::new();
    sources("web/src/page/ui", &mut views);
    // Pictures, and labels of things for programs.
    views.remove("web/src/page/ui/icon.rs");
    assert!(views.len() > 30, "{} views", views.len());
    let (mut alone, mut seen) = (Vec::new(), BTreeSet::new());
    for (path, source) in &views {
        for (line, text) in english_alone(&tokens(source)) {
            if AS_IT_IS.contains(&text.as_str()) {
                seen.insert(text);
            } else {
                alone.push(format!("{path}:{line}: {text:?}"));
            }
        }
    }
    assert!(alone.is_empty(), "without tr:\n{}", alone.join("\n"));
    let unused = AS_IT_IS.iter().filter(|text| !seen.contains(**text));
    let unused: Vec<_> = unused.collect();
    assert!(unused.is_empty(), "no view has {unused:?}");
}

#[test]
fn texts_are_found_where_they_are_said() {
    let source = r#"
        // tr("a comment")
        fn said(text: &str) {}
        let a = tr("A \"quote\" \u{201c}and\u{201d} a \
            break");
        let b = Some(said("B"));
        let c = counted(all.len(), "1 thing", "{n} things");
        let d = said_with("{a} and {b}", &[("b", &f(1, 2)), ("a", &'"')]);
        let e: &'static str = query.said("no call of ours");
        counted(3);
        #[cfg(test)]
        tr("a test");
    "#;
    let texts: Vec<String> = texts(&tokens(source))
        .unwrap()
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let expected = [
        "A \"quote\" “and” a break",
        "B",
        "1 thing",
        "{n} things",
        "{a} and {b}",
    ];
    assert_eq!(texts, expected);
    let elsewhere = texts_of("\nsaid(name)");
    assert!(elsewhere.unwrap_err().starts_with("line 2: said gets"));
}

fn texts_of(source: &str) -> Result<Vec<(usize, String)>, String> {
    texts(&tokens(source))
}

#[test]
fn what_is_wrong_with_a_language_is_found() {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        pairs.collect()
    };
    let said = map(&[
        ("Open", "a.rs:1"),
        ("{n} things", "a.rs:2"),
        ("Close", "a.rs:3"),
    ]);
    let file = map(&[("{n} things", "{m} Dinge"), ("Close", " "), ("Old", "Alt")]);
    let found = complaints(&said, &file);
    let starts = [
        "is missing, said in a.rs:1: \"Open\"",
        "nothing says: \"Old\"",
        "is empty: \"Close\"",
        "has other places than the text: \"{n} things\"",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn views_that_say_something_in_english_alone_are_found() {
    let source = r#"view! {
        <p class="two words" title="A title" aria-label=tr("fine")>"A child" <b>{tr("fine")}</b> " and more"</p>
        <input placeholder="Type" data-testid="type here" />
        {format!("{count} things")} {format!("{a} {b:.2} m")}
        {match a { true => "an arm", false => "off" }}
    }"#;
    let found = english_alone(&tokens(source))
        .into_iter()
        .map(|(_, text)| text);
    let found: Vec<String> = found.collect();
    assert_eq!(
        found,
        [
            "A title",
            "A child",
            " and more",
            "Type",
            "{count} things",
            "an arm"
        ]
    );
}
