//! Parser for the prompt that a user types, a list of terms: `chair . table, sofa; "power strip"`.
//! A minus or `not` before a term leaves out what it names: `chair, -stool, not office chair`.

mod relations;
mod split;

use std::collections::HashSet;

use super::{Vocabulary, spelling};
use split::Part;

pub use relations::{
    Condition, MAX_QUESTION_CHARS, Measure, Order, PURPOSES, Quantity, Relation, Request,
    RequestError, SizeWord, Sought,
};

/// The maximum number of different terms in a prompt.
pub const MAX_TERMS: usize = 200;
/// The maximum number of characters in a term.
pub const MAX_TERM_CHARS: usize = 100;
/// The maximum number of bytes in a prompt.
pub const MAX_PROMPT_BYTES: usize = 32 * 1024;

/// Words that join the last two terms of a list.
const CONJUNCTIONS: [&str; 4] = ["and", "or", "&", "+"];
/// The word before a term that is left out, in place of a minus.
const NOT: &str = "not";
/// A word that joins such a term to the one before, beside [`CONJUNCTIONS`].
const BUT: &str = "but";
/// Words that stand for terms that nobody wrote down.
const AND_SO_ON: [&str; 2] = ["etc", "etc."];
/// Quotation marks that [`join`] tries, for terms that contain the ones before.
const QUOTES: [[char; 2]; 3] = [['"', '"'], ['«', '»'], ['「', '」']];

/// A term of a prompt as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTerm {
    /// The term, without what says that it is left out.
    pub name: String,
    /// If `true`, things that fit this term better than the others are left out.
    pub negative: bool,
}

impl ListedTerm {
    /// A term that is looked for.
    pub fn wanted(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            negative: false,
        }
    }

    /// A term that is left out.
    pub fn left_out(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            negative: true,
        }
    }
}

/// The reason why a prompt could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The prompt has too many bytes.
    #[error("the prompt has {found} bytes, the limit is {MAX_PROMPT_BYTES}")]
    TooLong {
        /// Length of the prompt.
        found: usize,
    },
    /// The prompt has too many different terms.
    #[error("the prompt has more than {MAX_TERMS} different terms")]
    TooManyTerms,
    /// A term has too many characters.
    #[error(
        "the term starting with `{start}` has {found} characters, the limit is {MAX_TERM_CHARS}; separate terms with a comma"
    )]
    TermTooLong {
        /// The first words of the term.
        start: String,
        /// Length of the term.
        found: usize,
    },
    /// A quotation has no closing quote.
    #[error("the quotation starting with `{start}` has no closing quote")]
    OpenQuote {
        /// The first words of the quotation.
        start: String,
    },
}

/// Splits a prompt into terms, in order. Terms are trimmed and inner white space becomes a single
/// space. Spellings that the vocabulary takes for one noun, or that differ only in case, accents,
/// hyphens and the like, are one term, and the first spelling is kept.
///
/// Terms end at commas, semicolons, full stops, line ends, tabs, bars, slashes and the like, in any
/// script, but not at those inside numbers (`2.5 m`), abbreviations (`no. 5`, `T.V. stand`) and
/// units (`24" monitor`). `chair, table and desk` are three terms, because the vocabulary has
/// their nouns. Inside quotation marks nothing separates terms. An
/// empty prompt has no terms.
///
/// A minus right before a word or a quotation, or the word `not`, makes a term one that is left out:
/// `chair -stool`, `chair, not stool`, `chair but not stool`.
///
/// ```
/// use segscape::text::prompt::{self, ListedTerm};
///
/// let terms = prompt::parse("chair, Chairs; office   desk.\"salt, pepper\" -stool")?;
/// let names: Vec<&str> = terms.iter().map(|term| term.name.as_str()).collect();
/// assert_eq!(names, ["chair", "office desk", "salt, pepper", "stool"]);
/// assert_eq!(terms[3], ListedTerm::left_out("stool"));
/// # Ok::<(), prompt::PromptError>(())
/// ```
///
/// # Errors
/// See [`PromptError`].
pub fn parse(prompt: &str) -> Result<Vec<ListedTerm>, PromptError> {
    let mut terms = Vec::new();
    let mut seen = HashSet::new();
    for term in spelled_out(prompt, listed_apart)? {
        let found = term.name.chars().count();
        if found > MAX_TERM_CHARS {
            return Err(PromptError::TermTooLong {
                start: start_of(&term.name),
                found,
            });
        }
        if seen.insert((identity(&term.name), term.negative)) {
            if terms.len() == MAX_TERMS {
                return Err(PromptError::TooManyTerms);
            }
            terms.push(term);
        }
    }
    Ok(terms)
}

/// A prompt that [`parse`] splits into these terms.
///
/// ```
/// use segscape::text::prompt::{self, ListedTerm};
///
/// let terms = [ListedTerm::wanted("chair"), ListedTerm::left_out("salt, pepper")];
/// assert_eq!(prompt::join(&terms), "chair, -\"salt, pepper\"");
/// ```
pub fn join(terms: &[ListedTerm]) -> String {
    let prompt = |spell: fn(&ListedTerm) -> String| -> String {
        let terms: Vec<String> = terms.iter().map(spell).collect();
        terms.join(", ")
    };
    let plain = prompt(|term| {
        let plain = format!("{}{}", sign(term), term.name);
        // A term stands behind others, where a conjunction in front of it is dropped.
        let whole = spelled_out(&format!("x, {plain}"), always_apart);
        match whole.is_ok_and(|whole| whole.get(1..) == Some(std::slice::from_ref(term))) {
            true => plain,
            false => quoted(term),
        }
    });
    let kept = |prompt: &str| spelled_out(prompt, always_apart).is_ok_and(|all| all == terms);
    // A quotation may end at the mark of another term.
    if kept(&plain) { plain } else { prompt(quoted) }
}

fn sign(term: &ListedTerm) -> &'static str {
    if term.negative { "-" } else { "" }
}

fn quoted(term: &ListedTerm) -> String {
    let (sign, name) = (sign(term), &term.name);
    let quotations = QUOTES.map(|[open, close]| format!("{sign}{open}{name}{close}"));
    let whole = |quotation: &&String| {
        spelled_out(quotation, always_apart).is_ok_and(|whole| whole == [term.clone()])
    };
    quotations
        .iter()
        .find(whole)
        .unwrap_or(&quotations[0])
        .clone()
}

/// The terms as they are spelled, with repetitions; `apart` splits the words of a term at
/// conjunctions.
fn spelled_out(
    prompt: &str,
    apart: fn(&[&str]) -> Vec<String>,
) -> Result<Vec<ListedTerm>, PromptError> {
    if prompt.len() > MAX_PROMPT_BYTES {
        return Err(PromptError::TooLong {
            found: prompt.len(),
        });
    }
    let mut terms = Vec::new();
    for Part {
        text,
        quoted,
        negative,
    } in split::parts(prompt)?
    {
        let listed = |negative| move |name| ListedTerm { name, negative };
        let term = clean(&text);
        if quoted {
            terms.extend((!term.is_empty()).then_some(term).map(listed(negative)));
            continue;
        }
        let words: Vec<&str> = term.split(' ').collect();
        let words = without_conjunctions(&words, !terms.is_empty());
        for (words, is_left_out) in between_negations(words) {
            if !words.iter().all(|word| is_punctuation(word)) && !is_and_so_on(words) {
                let negative = negative || is_left_out;
                terms.extend(apart(words).into_iter().map(listed(negative)));
            }
        }
    }
    Ok(terms)
}

/// The words before, between and behind `not`, with `true` where `not` is before them. Behind other
/// words it counts only where a conjunction joins it to them, so that `do not disturb sign` is whole.
fn between_negations<'a, 'b>(words: &'a [&'b str]) -> Vec<(&'a [&'b str], bool)> {
    let is_not = |at: usize| {
        let not = words
            .get(at)
            .is_some_and(|word| word.eq_ignore_ascii_case(NOT));
        not && at + 1 < words.len()
    };
    let (mut parts, mut start, mut negative) = (Vec::new(), 0, false);
    if is_not(0) {
        (start, negative) = (1, true);
    }
    for at in start + 1..words.len() {
        if is_link(words[at]) && is_not(at + 1) {
            parts.push((&words[start..at], negative));
            (start, negative) = (at + 2, true);
        }
    }
    parts.push((words.get(start..).unwrap_or_default(), negative));
    parts
}

/// Single blanks between words, and nothing that cannot be seen.
fn clean(text: &str) -> String {
    let visible: String = text
        .chars()
        .filter(|c| !spelling::is_invisible(*c))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words without those that join them to the terms before and behind them.
fn without_conjunctions<'a, 'b>(words: &'a [&'b str], behind_others: bool) -> &'a [&'b str] {
    let mut words = words;
    while let [first, rest @ ..] = words
        && behind_others
        && !rest.is_empty()
        && is_link(first)
    {
        words = rest;
    }
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && is_link(last)
    {
        words = rest;
    }
    words
}

/// `chair and table` are two terms if the vocabulary has both nouns and not the whole.
fn listed_apart(words: &[&str]) -> Vec<String> {
    let whole = words.join(" ");
    let listed = |phrase: &str| Vocabulary::shipped().find(phrase).is_some();
    if !words.iter().any(|word| is_conjunction(word)) || listed(&whole) {
        return vec![whole];
    }
    let parts = always_apart(words);
    if parts.iter().all(|part| listed(part)) {
        parts
    } else {
        vec![whole]
    }
}

/// Splits at every conjunction. What this leaves whole is whole whatever the vocabulary has, so that
/// the page, which does without its megabyte, can join terms.
fn always_apart(words: &[&str]) -> Vec<String> {
    words
        .split(|word| is_conjunction(word))
        .map(|part| part.join(" "))
        .collect()
}

fn is_conjunction(word: &str) -> bool {
    CONJUNCTIONS
        .iter()
        .any(|conjunction| word.eq_ignore_ascii_case(conjunction))
}

/// `true` for a word that joins a term, or one that is left out, to the one before.
fn is_link(word: &str) -> bool {
    is_conjunction(word) || word.eq_ignore_ascii_case(BUT)
}

fn is_and_so_on(words: &[&str]) -> bool {
    matches!(words, [word] if AND_SO_ON.iter().any(|etc| word.eq_ignore_ascii_case(etc)))
}

fn is_punctuation(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_punctuation() || spelling::is_dash(c))
}

/// Equal for spellings of one term: those that the vocabulary finds the same noun for, and those
/// with the same key, wherever there are blanks in it.
fn identity(term: &str) -> String {
    let vocabulary = Vocabulary::shipped();
    let noun = vocabulary.find(term).map(|index| vocabulary.names()[index]);
    let key = spelling::key(noun.unwrap_or(term)).replace(' ', "");
    if key.is_empty() { term.to_owned() } else { key }
}

fn start_of(text: &str) -> String {
    text.chars().take(24).collect()
}

#[cfg(test)]
mod tests;
