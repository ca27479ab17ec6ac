//! Parser for the prompt that a user types, a list of terms: `chair . table, sofa; "power strip"`.

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
/// Words that stand for terms that nobody wrote down.
const AND_SO_ON: [&str; 2] = ["etc", "etc."];
/// Quotation marks that [`join`] tries, for terms that contain the ones before.
const QUOTES: [[char; 2]; 3] = [['"', '"'], ['«', '»'], ['「', '」']];

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
/// ```
/// use segscape::text::prompt;
///
/// let terms = prompt::parse("chair, Chairs; office   desk.\"salt, pepper\"")?;
/// assert_eq!(terms, ["chair", "office desk", "salt, pepper"]);
/// # Ok::<(), prompt::PromptError>(())
/// ```
///
/// # Errors
/// See [`PromptError`].
pub fn parse(prompt: &str) -> Result<Vec<String>, PromptError> {
    let mut terms = Vec::new();
    let mut seen = HashSet::new();
    for term in spelled_out(prompt, listed_apart)? {
        let found = term.chars().count();
        if found > MAX_TERM_CHARS {
            return Err(PromptError::TermTooLong {
                start: start_of(&term),
                found,
            });
        }
        if seen.insert(identity(&term)) {
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
/// use segscape::text::prompt;
///
/// let terms = ["chair", "salt, pepper"];
/// assert_eq!(prompt::join(&terms), "chair, \"salt, pepper\"");
/// ```
pub fn join<S: AsRef<str>>(terms: &[S]) -> String {
    let prompt = |quote: fn(&str) -> String| -> String {
        let terms: Vec<String> = terms.iter().map(|term| quote(term.as_ref())).collect();
        terms.join(", ")
    };
    let plain = prompt(|term| {
        // A term stands behind others, where a conjunction in front of it is dropped.
        let whole = spelled_out(&format!("x, {term}"), always_apart);
        if whole.is_ok_and(|whole| whole == ["x", term]) {
            term.to_owned()
        } else {
            quoted(term)
        }
    });
    let kept = |prompt: &str| {
        spelled_out(prompt, always_apart)
            .is_ok_and(|all| all.iter().eq(terms.iter().map(AsRef::as_ref)))
    };
    // A quotation may end at the mark of another term.
    if kept(&plain) { plain } else { prompt(quoted) }
}

fn quoted(term: &str) -> String {
    let quotations = QUOTES.map(|[open, close]| format!("{open}{term}{close}"));
    let whole = |quotation: &&String| {
        spelled_out(quotation, always_apart).is_ok_and(|whole| whole == [term])
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
) -> Result<Vec<String>, PromptError> {
    if prompt.len() > MAX_PROMPT_BYTES {
        return Err(PromptError::TooLong {
            found: prompt.len(),
        });
    }
    let mut terms = Vec::new();
    for Part { text, quoted } in split::parts(prompt)? {
        let term = clean(&text);
        if quoted {
            terms.extend((!term.is_empty()).then_some(term));
            continue;
        }
        let words: Vec<&str> = term.split(' ').collect();
        let words = without_conjunctions(&words, !terms.is_empty());
        if !words.iter().all(|word| is_punctuation(word)) && !is_and_so_on(words) {
            terms.extend(apart(words));
        }
    }
    Ok(terms)
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
        && is_conjunction(first)
    {
        words = rest;
    }
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && is_conjunction(last)
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
