//! Questions that one term cannot ask: "the chair next to the window", "the largest box on the
//! floor", "two lamps", "something to sit on". A grammar of English reads them, no model does, and
//! [`relate`](crate::instances::query::relate()) answers them.
//!
//! ```text
//! question   = things { condition }
//! things     = [article | number | "all"] [["second"] superlative] { size } noun
//!            | ("something" | "where can I") "to" purpose
//! condition  = ["that is"] relation things | "between" things "and" things
//!            | comparative "than" (length | things)         joined by "and"
//! ```
//!
//! A condition belongs to the things right before it, unless "and" precedes it: "the box on the
//! table next to the door" asks for a table next to a door, "the box on the table and next to the
//! door" for a box next to it.

use super::{ListedTerm, MAX_TERM_CHARS, identity, join};

mod words;

use words::{
    ARTICLES, COMPARATIVES, FILLERS, FROM_WHERE, NUMBERS, RELATIONS, SIZES, SUPERLATIVES,
    Superlative, VIEWPOINTS, length,
};
pub use words::{Measure, PURPOSES, Relation};

/// Maximum number of characters of a question.
pub const MAX_QUESTION_CHARS: usize = 3 * MAX_TERM_CHARS;
/// Maximum number of things in things.
const DEPTH: usize = 4;
/// Words for a thing of any kind.
const ANYTHING: [&str; 9] = [
    "thing",
    "things",
    "object",
    "objects",
    "something",
    "anything",
    "everything",
    "one",
    "ones",
];

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// How many are wanted.
    pub quantity: Quantity,
    /// By what they are ordered.
    pub order: Option<Order>,
    /// Sizes, compared with things of the same kind.
    pub sizes: Vec<SizeWord>,
    /// What they are.
    pub kind: Sought,
    /// What else holds for them.
    pub conditions: Vec<Condition>,
}

/// How many things are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The one that fits best: "the chair".
    One,
    /// So many, those that fit best: "two chairs".
    Count(u32),
    /// All that fit: "chairs".
    All,
}

/// What things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Things that a noun names, as typed.
    Noun(String),
    /// Things with a purpose, such as "sit on", and the nouns that name such things.
    Purpose(&'static str, &'static [&'static str]),
    /// Things of any kind.
    Anything,
}

/// An order of things, of which one is the first: "the second largest".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub measure: Measure,
    /// `true` if the greatest is the first.
    pub descending: bool,
    /// The place of the first one that is wanted, from 1.
    pub rank: u32,
}

/// A size without a number: "large", "low".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeWord {
    /// The word.
    pub word: &'static str,
    /// What is compared with the mean of the kind.
    pub measure: Measure,
    /// `true` if it must be above the mean.
    pub above: bool,
}

/// What holds for a thing beside its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is somewhere beside other things.
    Related(Relation, Request),
    /// It is between others.
    Between(Request, Request),
    /// It is larger or smaller than a length in metres.
    Longer {
        /// What is compared.
        measure: Measure,
        /// `true` if it must be more.
        more: bool,
        /// The length, metres.
        metres: f32,
    },
    /// It is larger or smaller than another thing.
    Larger {
        /// What is compared.
        measure: Measure,
        /// `true` if it must be more.
        more: bool,
        /// The other thing.
        than: Request,
    },
}

/// The reason why a question is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// It is too long.
    #[error("the question has {found} characters, the limit is {MAX_QUESTION_CHARS}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// It has too many things beside things.
    #[error(
        "the question has more than {DEPTH} things that refer to each other, which is the limit"
    )]
    TooDeep,
    /// Words lead nowhere.
    #[error("nothing follows \"{0}\" in the question")]
    Incomplete(String),
    /// Words are not known.
    #[error("\"{0}\" in the question is not understood")]
    Unknown(String),
    /// The answer depends on where somebody stands.
    #[error(
        "\"{0}\" depends on where one stands, which the scan does not say; ask for what is next to it, on it or under it"
    )]
    Viewpoint(String),
    /// A purpose is not known.
    #[error("it is not known what things are for: \"{0}\"")]
    Purpose(String),
}

impl Request {
    /// Reads a question; `None` if it asks for no more than a term does, which `is_noun` says of
    /// terms of the vocabulary.
    ///
    /// ```
    /// use segscape::text::{Vocabulary, prompt::{Quantity, Request}};
    ///
    /// let is_noun = |term: &str| Vocabulary::shipped().find(term).is_some();
    /// let request = Request::parse("the largest box on the floor", &is_noun)?.ok_or("plain")?;
    /// assert_eq!((request.quantity, request.nouns()), (Quantity::One, vec!["box", "floor"]));
    /// assert_eq!(Request::parse("toilet paper holder", &is_noun)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn parse(
        question: &str,
        is_noun: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Self>, RequestError> {
        let found = question.chars().count();
        if found > MAX_QUESTION_CHARS {
            return Err(RequestError::TooLong { found });
        }
        let words: Vec<String> = question.split_whitespace().filter_map(plain).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.is_empty() || is_noun(&words.join(" ")) {
            return Ok(None);
        }
        let reader = Reader { is_noun };
        let request = match reader.request(&words, 0) {
            // "The thing one sits on" says what a thing is, not where.
            Err(RequestError::Incomplete(last)) if is_preposition(&words, &last) => {
                return Ok(None);
            }
            read => read?,
        };
        let is_term = request.conditions.is_empty()
            && request.sizes.is_empty()
            && request.order.is_none()
            && matches!(request.kind, Sought::Noun(_))
            && !matches!(request.quantity, Quantity::Count(_));
        Ok((!is_term).then_some(request))
    }

    /// The nouns that things have to be named with, each once, in the order of the question.
    pub fn nouns(&self) -> Vec<&str> {
        let mut nouns = Vec::new();
        self.gather(&mut nouns);
        let mut seen = std::collections::HashSet::new();
        nouns.retain(|noun| seen.insert(identity(noun)));
        nouns
    }

    /// The prompt that looks for these nouns.
    pub fn prompt(&self) -> String {
        let nouns: Vec<ListedTerm> = self.nouns().into_iter().map(ListedTerm::wanted).collect();
        join(&nouns)
    }

    fn gather<'a>(&'a self, nouns: &mut Vec<&'a str>) {
        match &self.kind {
            Sought::Noun(noun) => nouns.push(noun),
            Sought::Purpose(_, of) => nouns.extend(of.iter()),
            Sought::Anything => (),
        }
        for condition in &self.conditions {
            match condition {
                Condition::Related(_, things) | Condition::Larger { than: things, .. } => {
                    things.gather(nouns);
                }
                Condition::Between(one, other) => {
                    one.gather(nouns);
                    other.gather(nouns);
                }
                Condition::Longer { .. } => (),
            }
        }
    }
}

/// `true` if the words end in `last`, a relation of one word with something before it.
fn is_preposition(words: &[&str], last: &str) -> bool {
    let end = &words[words.len().saturating_sub(1)..];
    let relation = marker(end).ok().flatten();
    words.len() > 1 && end == [last] && matches!(relation, Some((Marker::Relation(_), 1)))
}

impl Sought {
    /// `true` if a noun of [`Request::nouns`] names such a thing.
    pub fn is_named(&self, noun: &str) -> bool {
        match self {
            Self::Noun(own) => identity(own) == identity(noun),
            Self::Purpose(_, of) => of.iter().any(|own| identity(own) == identity(noun)),
            Self::Anything => true,
        }
    }
}

/// A word in lower case without the punctuation around it.
fn plain(word: &str) -> Option<String> {
    let inner = word.trim_matches(|c: char| matches!(c, '.' | ',' | '?' | '!' | '"' | ';' | ':'));
    (!inner.is_empty()).then(|| inner.to_lowercase())
}

/// What a condition begins with.
enum Marker {
    Relation(Relation),
    Between,
    Comparative(Measure, bool),
}

struct Reader<'a> {
    is_noun: &'a dyn Fn(&str) -> bool,
}

impl Reader<'_> {
    fn request(&self, words: &[&str], depth: usize) -> Result<Request, RequestError> {
        if depth == DEPTH {
            return Err(RequestError::TooDeep);
        }
        if let Some((kind, rest)) = purpose(words)? {
            return Ok(Request {
                quantity: Quantity::All,
                order: None,
                sizes: Vec::new(),
                kind,
                conditions: self.conditions(rest, depth)?,
            });
        }
        let first = words.iter().find(|word| !ARTICLES.contains(word));
        if let Some(near) = first.filter(|word| FROM_WHERE.contains(word)) {
            return Err(RequestError::Viewpoint((*near).to_owned()));
        }
        let mut end = words.len();
        for place in 1..words.len() {
            if begins_condition(&words[place..])? {
                end = place;
                break;
            }
        }
        let mut request = self.things(&words[..end])?;
        request.conditions = self.conditions(&words[end..], depth)?;
        Ok(request)
    }

    /// Reads things without conditions.
    fn things(&self, words: &[&str]) -> Result<Request, RequestError> {
        let (mut rest, mut quantity, mut order) = (words, None, None);
        let (mut sizes, mut rank) = (Vec::new(), None);
        while let Some((word, after)) = rest.split_first() {
            if ARTICLES.contains(word) {
                quantity.get_or_insert(Quantity::One);
                rest = after;
                continue;
            }
            // "large print" may be a noun; the last word is one.
            if after.is_empty() || (self.is_noun)(&rest.join(" ")) {
                break;
            }
            let superlative = SUPERLATIVES.iter().find(|s| s.word == *word);
            if let Some(Superlative {
                measure,
                descending,
                ..
            }) = superlative
            {
                let rank = rank.take().unwrap_or(1);
                order = Some(Order {
                    measure: *measure,
                    descending: *descending,
                    rank,
                });
                quantity.get_or_insert(Quantity::One);
            } else if let Some(place) = ordinal(word)
                && SUPERLATIVES.iter().any(|s| s.word == after[0])
            {
                rank = Some(place);
            } else if let Some(count) = number(word) {
                quantity = Some(Quantity::Count(count));
            } else if matches!(*word, "all" | "every" | "each" | "any" | "some") {
                quantity = Some(Quantity::All);
            } else if let Some(size) = SIZES.iter().find(|size| size.word == *word) {
                sizes.push(*size);
            } else {
                break;
            }
            rest = after;
        }
        let noun = rest.join(" ");
        if noun.is_empty() {
            return Err(RequestError::Incomplete(words.join(" ")));
        }
        // "the chairs" are all of them.
        if quantity == Some(Quantity::One) && order.is_none() && is_plural(&noun) {
            quantity = Some(Quantity::All);
        }
        Ok(Request {
            quantity: quantity.unwrap_or(Quantity::All),
            order,
            sizes,
            kind: match ANYTHING.contains(&noun.as_str()) {
                true => Sought::Anything,
                false => Sought::Noun(noun),
            },
            conditions: Vec::new(),
        })
    }

    fn conditions(&self, words: &[&str], depth: usize) -> Result<Vec<Condition>, RequestError> {
        let (mut rest, mut conditions) = (words, Vec::new());
        loop {
            let skipped = fillers(rest)?;
            rest = &rest[skipped..];
            if rest.is_empty() {
                return match words.is_empty() || skipped == 0 {
                    true => Ok(conditions),
                    false => Err(RequestError::Incomplete(words.join(" "))),
                };
            }
            let Some((marker, length)) = marker(rest)? else {
                return Err(RequestError::Unknown(rest.join(" ")));
            };
            let (phrase, after) = rest.split_at(length);
            let end = self.end_of_things(after)?;
            let (object, next) = after.split_at(end);
            if object.is_empty() {
                return Err(RequestError::Incomplete(phrase.join(" ")));
            }
            conditions.push(self.condition(marker, phrase, object, depth)?);
            rest = next;
        }
    }

    /// Reads what follows a marker.
    fn condition(
        &self,
        marker: Marker,
        phrase: &[&str],
        object: &[&str],
        depth: usize,
    ) -> Result<Condition, RequestError> {
        let things = |words: &[&str]| self.request(words, depth + 1);
        Ok(match marker {
            Marker::Relation(relation) => Condition::Related(relation, things(object)?),
            Marker::Between => {
                let and = object.iter().position(|word| *word == "and");
                let Some(and) = and.filter(|and| *and > 0 && *and + 1 < object.len()) else {
                    let all = [phrase, object].concat();
                    return Err(RequestError::Incomplete(all.join(" ")));
                };
                Condition::Between(things(&object[..and])?, things(&object[and + 1..])?)
            }
            Marker::Comparative(measure, more) => match length(object) {
                Some(metres) => Condition::Longer {
                    measure,
                    more,
                    metres,
                },
                None => Condition::Larger {
                    measure,
                    more,
                    than: things(object)?,
                },
            },
        })
    }

    /// Number of words until an "and" that another condition follows.
    fn end_of_things(&self, words: &[&str]) -> Result<usize, RequestError> {
        for (place, _) in words.iter().enumerate().filter(|(_, word)| **word == "and") {
            if begins_condition(&words[place + 1..])? {
                return Ok(place);
            }
        }
        Ok(words.len())
    }
}

/// `true` if a condition begins here, perhaps with words that say nothing.
fn begins_condition(words: &[&str]) -> Result<bool, RequestError> {
    let skipped = fillers(words)?;
    Ok(marker(&words[skipped..])?.is_some())
}

/// Number of words that say nothing before a condition.
fn fillers(words: &[&str]) -> Result<usize, RequestError> {
    let mut count = 0;
    // "right next to" but not "right of"
    while count < words.len()
        && FILLERS.contains(&words[count])
        && marker(&words[count..])?.is_none()
    {
        count += 1;
    }
    Ok(count)
}

/// The marker at the beginning of words, and the number of its words: the longest that fits.
fn marker(words: &[&str]) -> Result<Option<(Marker, usize)>, RequestError> {
    let starts = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.starts_with(&phrase).then_some(phrase.len())
    };
    if let Some(phrase) = VIEWPOINTS.iter().find(|phrase| starts(phrase).is_some()) {
        return Err(RequestError::Viewpoint((*phrase).to_owned()));
    }
    if let Some(length) = starts("between") {
        return Ok(Some((Marker::Between, length)));
    }
    if let [word, "than", ..] = words
        && let Some((_, measure, more)) = COMPARATIVES.iter().find(|(own, ..)| own == word)
    {
        return Ok(Some((Marker::Comparative(*measure, *more), 2)));
    }
    let fitting = RELATIONS.iter().filter_map(|(phrase, relation)| {
        let length = starts(phrase)?;
        Some((Marker::Relation(*relation), length))
    });
    Ok(fitting.max_by_key(|(_, length)| *length))
}

/// The purpose that a question begins with, and the words behind it.
fn purpose<'w, 'a>(words: &'w [&'a str]) -> Result<Option<(Sought, &'w [&'a str])>, RequestError> {
    let rest = match words {
        [
            "something" | "somewhere" | "anything" | "things" | "furniture",
            "to",
            rest @ ..,
        ]
        | ["a", "place" | "thing", "to", rest @ ..]
        | [
            "where" | "what",
            "can" | "could",
            "i" | "you" | "we" | "one",
            rest @ ..,
        ] => rest,
        _ => return Ok(None),
    };
    let known = PURPOSES.iter().filter_map(|(phrase, nouns)| {
        let phrase_words: Vec<&str> = phrase.split(' ').collect();
        let fits = rest.starts_with(&phrase_words);
        fits.then_some((*phrase, *nouns, phrase_words.len()))
    });
    match known.max_by_key(|(.., length)| *length) {
        Some((phrase, nouns, length)) => {
            Ok(Some((Sought::Purpose(phrase, nouns), &rest[length..])))
        }
        None => Err(RequestError::Purpose(rest.join(" "))),
    }
}

fn number(word: &str) -> Option<u32> {
    let place = NUMBERS.iter().position(|number| *number == word);
    match place {
        Some(place) => Some(place as u32 + 1),
        None => word.parse().ok().filter(|count| (1..=1000).contains(count)),
    }
}

fn ordinal(word: &str) -> Option<u32> {
    let ordinals = ["first", "second", "third", "fourth", "fifth"];
    let place = ordinals.iter().position(|ordinal| *ordinal == word)?;
    Some(place as u32 + 1)
}

fn is_plural(noun: &str) -> bool {
    noun.ends_with('s') && !noun.ends_with("ss") && !noun.ends_with("us")
}

#[cfg(test)]
mod tests;
