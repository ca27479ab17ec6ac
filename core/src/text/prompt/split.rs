//! Where the terms of a prompt end, and what is a quotation.

use super::{PromptError, start_of};
use crate::text::spelling::{is_dash, narrow};

/// What stands between two ends of terms.
#[derive(Default)]
pub(super) struct Part {
    pub text: String,
    /// If `true`, the part was between quotation marks.
    pub quoted: bool,
    /// If `true`, a minus was before it.
    pub negative: bool,
}

/// Quotation marks that may close each other. Which of them opens and which closes depends on the
/// language: „so“, “so”, ”so”; «so», »so«.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Single,
    Double,
    Angle,
    Corner,
}

impl Quote {
    fn of(character: char) -> Option<Self> {
        match character {
            '\'' | '\u{2018}'..='\u{201b}' => Some(Self::Single),
            '"' | '\u{201c}'..='\u{201f}' | '\u{301d}'..='\u{301f}' => Some(Self::Double),
            '«' | '»' | '‹' | '›' => Some(Self::Angle),
            '「' | '」' | '『' | '』' | '\u{ff62}' | '\u{ff63}' | '《' | '》' => {
                Some(Self::Corner)
            }
            _ => None,
        }
    }
}

/// Words whose full stop ends no term if a number follows.
const BEFORE_NUMBERS: [&str; 7] = ["no", "nr", "nos", "num", "vol", "fig", "pt"];
/// Words whose full stop ends no term if a word or number follows.
const BEFORE_WORDS: [&str; 14] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "approx", "ca", "incl", "max", "min", "dia",
    "diam",
];
/// Units whose full stop ends no term behind a number if a word or number follows.
const UNITS: [&str; 9] = ["in", "ft", "lb", "lbs", "oz", "gal", "qt", "pt", "yd"];
/// The longest word of these lists.
const LONGEST: usize = 6;

/// Splits a prompt at the ends of its terms. O(characters), apart from blanks before a quote.
///
/// # Errors
/// A quotation is not closed.
pub(super) fn parts(prompt: &str) -> Result<Vec<Part>, PromptError> {
    let text = Text::new(prompt);
    let mut parts = vec![Part::default()];
    let mut open: Option<(Quote, usize)> = None;
    let mut at = 0;
    while let Some(&character) = text.characters.get(at) {
        match open {
            Some((quote, _)) if text.closes(at, quote) => {
                open = None;
                parts.push(Part::default());
            }
            Some(_) => push(&mut parts, character),
            None => {
                if text.negates(at) {
                    parts.push(Part {
                        negative: true,
                        ..Part::default()
                    });
                } else if let Some(quote) = text.opens(at) {
                    open = Some((quote, at));
                    let before = parts.last().filter(|part| part.text.is_empty());
                    parts.push(Part {
                        quoted: true,
                        negative: before.is_some_and(|part| part.negative),
                        ..Part::default()
                    });
                } else if let Some(end) = text.end_of_list_number(at) {
                    at = end;
                } else if text.separates(at) {
                    parts.push(Part::default());
                } else {
                    push(&mut parts, character);
                }
            }
        }
        at += 1;
    }
    match open {
        Some((_, at)) => Err(PromptError::OpenQuote {
            start: start_of(&text.characters[at..].iter().collect::<String>()),
        }),
        None => Ok(parts),
    }
}

fn push(parts: &mut [Part], character: char) {
    if let Some(part) = parts.last_mut() {
        part.text.push(character);
    }
}

/// A prompt, with what decides about its quotation marks.
struct Text {
    characters: Vec<char>,
    /// For each character, the next double quotation mark behind it.
    next_double: Vec<Option<usize>>,
    /// The last single quotation mark that could close a quotation.
    last_single: Option<usize>,
}

impl Text {
    fn new(prompt: &str) -> Self {
        let characters: Vec<char> = prompt.chars().collect();
        let mut next_double = vec![None; characters.len()];
        let mut next = None;
        for at in (0..characters.len()).rev() {
            next_double[at] = next;
            if Quote::of(narrow(characters[at])) == Some(Quote::Double) {
                next = Some(at);
            }
        }
        let mut text = Self {
            characters,
            next_double,
            last_single: None,
        };
        text.last_single = (0..text.characters.len())
            .rev()
            .find(|&at| text.closes(at, Quote::Single));
        text
    }

    /// The character at a place, in its narrow form; a line end outside the text.
    fn at(&self, place: Option<usize>) -> char {
        let character = place.and_then(|place| self.characters.get(place));
        character.map_or('\n', |c| narrow(*c))
    }

    fn before(&self, at: usize) -> char {
        self.at(at.checked_sub(1))
    }

    fn after(&self, at: usize) -> char {
        self.at(Some(at + 1))
    }

    /// The next character behind `at` that is no blank; a line end at the end of a line.
    fn behind_blanks(&self, at: usize) -> char {
        let mut behind = self.characters.iter().skip(at + 1);
        let next = behind.find(|c| !c.is_whitespace() || is_line_end(**c));
        next.map_or('\n', |c| narrow(*c))
    }

    /// The last character of a list's number that begins here, as in `1. chair` and `2) table`.
    fn end_of_list_number(&self, at: usize) -> Option<usize> {
        let digits = (at..at + 3).take_while(|place| self.at(Some(*place)).is_ascii_digit());
        let end = at + digits.count();
        let is_number = end > at
            && matches!(self.at(Some(end)), '.' | ')')
            && matches!(self.after(end), ' ' | '\t');
        let mut before = (0..at).rev().map(|place| self.at(Some(place)));
        let mut begins_line = || before.find(|c| *c != ' ').is_none_or(is_line_end);
        (is_number && begins_line()).then_some(end)
    }

    /// If `true`, a term that is left out begins behind the dash here: `chair -stool`, but not
    /// `t-shirt` and `chair - stool`.
    fn negates(&self, at: usize) -> bool {
        let before = self.before(at);
        let begins = before.is_whitespace()
            || always_separates(before)
            || matches!(before, ',' | '.')
            || Quote::of(before).is_some();
        is_dash(self.at(Some(at)))
            && begins
            && (self.after(at).is_alphabetic() || self.opens(at + 1).is_some())
    }

    /// The kind of quotation that begins here.
    fn opens(&self, at: usize) -> Option<Quote> {
        let (before, after) = (self.before(at), self.after(at));
        let quote = Quote::of(self.at(Some(at)))?;
        let opens = match quote {
            Quote::Single => {
                // not the apostrophe of `kid's`, `kids'`, `'60s` or `rock 'n' roll`
                !before.is_alphanumeric()
                    && after.is_alphabetic()
                    && self.last_single.is_some_and(|last| last > at)
            }
            Quote::Double => !self.is_inch(at),
            Quote::Angle => true,
            Quote::Corner => matches!(self.characters[at], '「' | '『' | '\u{ff62}' | '《'),
        };
        opens.then_some(quote)
    }

    /// If `true`, an open quotation ends here.
    fn closes(&self, at: usize, open: Quote) -> bool {
        if Quote::of(self.at(Some(at))) != Some(open) {
            return false;
        }
        match open {
            Quote::Single => {
                let before = self.before(at);
                let next = self.behind_blanks(at);
                !before.is_whitespace()
                    && (is_line_end(next) || always_separates(next) || matches!(next, ',' | '.'))
            }
            // An inch leaves a mark for the end of the quotation.
            Quote::Double => {
                let is_end = |next: usize| {
                    let before = self.before(next);
                    !before.is_whitespace() && !always_separates(before) && before != ','
                };
                !(self.is_inch(at) && self.next_double[at].is_some_and(is_end))
            }
            Quote::Angle => true,
            Quote::Corner => !matches!(self.characters[at], '「' | '『' | '\u{ff62}' | '《'),
        }
    }

    /// If `true`, the mark stands for inches: `24" monitor`.
    fn is_inch(&self, at: usize) -> bool {
        let before = self.before(at);
        before.is_numeric()
            || before == ' '
                && self.after(at).is_whitespace()
                && at >= 2
                && self.at(Some(at - 2)).is_numeric()
    }

    /// If `true`, a term ends here, outside quotations.
    fn separates(&self, at: usize) -> bool {
        let (before, after) = (self.before(at), self.after(at));
        let between_digits = before.is_numeric() && after.is_numeric();
        match self.at(Some(at)) {
            '.' => self.full_stop(at),
            ',' => !between_digits,
            '/' => self.slash(at),
            // not the one of Catalan words
            '\u{b7}' => !(matches!(before, 'l' | 'L') && matches!(after, 'l' | 'L')),
            // between words of scripts that have no blanks
            '\u{3000}' => !(is_latin(before) && is_latin(after)),
            // `chair - table`, or the bullets of a list
            dash if is_dash(dash) || dash == '*' => {
                (before.is_whitespace() || always_separates(before)) && after.is_whitespace()
            }
            other => always_separates(other),
        }
    }

    /// If `true`, the full stop ends a term, and is no part of a number or an abbreviation.
    fn full_stop(&self, at: usize) -> bool {
        let (before, after) = (self.before(at), self.after(at));
        if before == '.' || after == '.' {
            return true;
        }
        if after.is_numeric() && (before.is_numeric() || before.is_whitespace()) {
            return false;
        }
        let letters = (0..at).rev().take(LONGEST + 1);
        let length = letters
            .take_while(|&place| self.at(Some(place)).is_alphabetic())
            .count();
        let first = at - length;
        let next = self.behind_blanks(at);
        match length {
            0 => true,
            1 => {
                let begins = after.is_alphabetic() && !self.after(at + 1).is_alphabetic();
                let continues = self.before(first) == '.'
                    && first >= 2
                    && self.at(Some(first - 2)).is_alphabetic();
                !(begins || continues && (next.is_alphanumeric() || is_line_end(next)))
            }
            _ if length > LONGEST || !next.is_alphanumeric() => true,
            _ => {
                let word: String = self.characters[first..at]
                    .iter()
                    .flat_map(|c| narrow(*c).to_lowercase())
                    .collect();
                let is_in = |list: &[&str]| list.contains(&word.as_str());
                let number_before = (0..first)
                    .rev()
                    .map(|place| self.at(Some(place)))
                    .find(|c| *c != ' ')
                    .is_some_and(char::is_numeric);
                let abbreviates = is_in(&BEFORE_NUMBERS) && next.is_numeric()
                    || after.is_whitespace()
                        && (is_in(&BEFORE_WORDS) || is_in(&UNITS) && number_before);
                !abbreviates
            }
        }
    }

    /// If `true`, the slash stands between terms, as in `TV/monitor`, and not in a fraction or an
    /// abbreviation (`1/2 inch`, `w/ lid`, `A/C`, `AC/DC`).
    fn slash(&self, at: usize) -> bool {
        let is_letter = |place: &usize| self.at(Some(*place)).is_alphanumeric();
        let left = (0..at).rev().take(3).take_while(is_letter).count();
        let right = (at + 1..at + 4).take_while(is_letter).count();
        let fraction = self.before(at).is_numeric() && self.after(at).is_numeric();
        let short = left == 1
            || left > 0 && right == 1
            || (1..=2).contains(&left) && (1..=2).contains(&right);
        let abbreviation = short && is_latin(self.before(at));
        !(fraction || abbreviation)
    }
}

fn is_line_end(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

fn is_latin(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '\u{c0}'..='\u{24f}')
}

/// If `true`, the character ends terms wherever it stands outside a quotation.
fn always_separates(character: char) -> bool {
    is_line_end(character)
        || matches!(
            character,
            '\t' | ';' | '|' | '¦' | '│' | '!' | '?' | '¡' | '¿' | '…' | '[' | ']' | '{' | '}'
        )
        // bullets
        || matches!(character, '•' | '‣' | '◦' | '●' | '○' | '▪' | '■' | '\u{2043}')
        // East Asian: 、。・ and their halfwidth, small and vertical forms
        || matches!(
            character,
            '、' | '。' | '・' | '\u{ff61}' | '\u{ff64}' | '\u{ff65}' | '\u{fe10}'..='\u{fe12}' | '\u{fe14}'
                | '\u{fe50}'..='\u{fe52}' | '\u{fe54}'
        )
        // Greek, Armenian, Hebrew, Arabic, Devanagari, Myanmar, Ethiopic, Khmer, Mongolian
        || matches!(
            character,
            '\u{37e}' | '\u{387}' | '\u{55d}' | '\u{589}' | '\u{5c3}' | '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{6d4}'
                | '\u{964}' | '\u{965}' | '\u{104a}' | '\u{104b}' | '\u{1362}'..='\u{1367}'
                | '\u{17d4}' | '\u{17d5}' | '\u{1802}' | '\u{1803}' | '\u{1808}' | '\u{1809}'
        )
}
