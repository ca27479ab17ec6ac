//! How a phrase is understood: as a noun of the vocabulary, as what the text encoder makes of it, or
//! not at all.
//!
//! The encoder has read English. Of letters of other scripts it knows hardly more than that they
//! exist. Words of Latin letters that it does not know it puts together from pieces of words, and
//! what they mean to it is then a matter of chance: `Bürostuhl` is nearest to `pasta`. English words
//! come from pieces, too, but are near to something in a room.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Vocabulary;

/// Cosine with the nearest noun of the vocabulary, in the space of all-MiniLM-L6-v2, below which a
/// phrase that was put together from pieces counts as unknown; in other spaces it is the
/// [equivalent](Vocabulary::equivalent) cosine. Of 285 common words for furniture in other languages
/// that are written in Latin letters 204 are then unknown, and of 126 English things that the
/// vocabulary lacks 33, among them `sextant` and `glucometer`; those that are whole words to the
/// encoder never are. The value was chosen on these very words, which are in
/// `tests/golden/meanings.json`. Of 29 other things that the vocabulary lacks one was then
/// unknown (`loom`), and of 19 other words that are not English 15.
const NEAR: f32 = 0.55;

/// How a phrase is understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Meaning {
    /// The vocabulary has it.
    Listed,
    /// The encoder has read it.
    Encoded(Likeness),
    /// It cannot be understood, or should not be relied on.
    Unknown(Unknown),
}

/// What a phrase means to the encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// The nearest noun of the vocabulary.
    pub noun: String,
    /// Cosine with that noun.
    pub cosine: f32,
}

/// The reason why a phrase is not understood.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Unknown {
    /// Its letters are not Latin.
    #[error("it is written in {0}, and only English is understood")]
    Script(Script),
    /// It has no letters.
    #[error("it has no letters")]
    NoLetters,
    /// It was put together from pieces of words and is near to no noun.
    #[error(
        "it is no English word that the text encoder knows; to the encoder it is most like \"{}\" ({:.2})",
        .0.noun, .0.cosine
    )]
    Pieces(Likeness),
}

/// Letters that are not Latin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Script {
    /// Chinese characters, without Japanese ones beside them.
    Chinese,
    /// Kana, also with Chinese characters.
    Japanese,
    /// Hangul.
    Korean,
    /// Cyrillic letters.
    Cyrillic,
    /// Greek letters.
    Greek,
    /// Arabic letters.
    Arabic,
    /// Hebrew letters.
    Hebrew,
    /// Devanagari letters.
    Devanagari,
    /// Thai letters.
    Thai,
    /// Letters of any other script.
    Other,
}

impl Script {
    /// The script of a letter that is not Latin.
    fn of(letter: char) -> Option<Self> {
        match letter {
            _ if !letter.is_alphabetic() => None,
            '\0'..='\u{2af}'
            | '\u{1d00}'..='\u{1dbf}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2071}'..='\u{214f}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{a722}'..='\u{a7ff}'
            | '\u{ab30}'..='\u{ab64}'
            | '\u{fb00}'..='\u{fb06}'
            | '\u{ff21}'..='\u{ff5a}'
            // letters that modify others, such as apostrophes
            | '\u{2b0}'..='\u{36f}' => None,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Self::Greek),
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{2de0}'..='\u{2dff}' => {
                Some(Self::Cyrillic)
            }
            '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}' => Some(Self::Hebrew),
            '\u{600}'..='\u{6ff}'
            | '\u{750}'..='\u{77f}'
            | '\u{8a0}'..='\u{8ff}'
            | '\u{fb50}'..='\u{fdff}'
            | '\u{fe70}'..='\u{feff}' => Some(Self::Arabic),
            '\u{900}'..='\u{97f}' => Some(Self::Devanagari),
            '\u{e00}'..='\u{e7f}' => Some(Self::Thai),
            '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7ff}' => {
                Some(Self::Korean)
            }
            '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => {
                Some(Self::Japanese)
            }
            '\u{3005}'..='\u{3007}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}' => Some(Self::Chinese),
            _ => Some(Self::Other),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Chinese => "Chinese characters",
            Self::Japanese => "Japanese characters",
            Self::Korean => "Korean letters",
            Self::Cyrillic => "Cyrillic letters",
            Self::Greek => "Greek letters",
            Self::Arabic => "Arabic letters",
            Self::Hebrew => "Hebrew letters",
            Self::Devanagari => "Devanagari letters",
            Self::Thai => "Thai letters",
            Self::Other => "letters that are not Latin",
        })
    }
}

/// The reason why the encoder need not be asked for a phrase, which its text alone tells.
pub fn unreadable(phrase: &str) -> Option<Unknown> {
    let scripts = || phrase.chars().filter_map(Script::of);
    match scripts().next() {
        Some(Script::Chinese) if scripts().any(|script| script == Script::Japanese) => {
            Some(Unknown::Script(Script::Japanese))
        }
        Some(script) => Some(Unknown::Script(script)),
        None if !phrase.chars().any(char::is_alphabetic) => Some(Unknown::NoLetters),
        None => None,
    }
}

/// How the tokens of an encoder show which of them make up one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordMarks {
    /// `##` before a token that continues a word, and `[UNK]` for what has no token (WordPiece).
    Continued,
    /// `</w>` after a token that ends a word (CLIP's byte-pair encoding).
    Ended,
}

/// `true` if one of the words that the tokens make up is none that the encoder knows as a whole.
pub fn in_pieces<S: AsRef<str>>(tokens: &[S], marks: WordMarks) -> bool {
    tokens.iter().map(AsRef::as_ref).any(|token| match marks {
        WordMarks::Continued => token.starts_with("##") || token == "[UNK]",
        WordMarks::Ended => !token.ends_with("</w>"),
    })
}

/// Judges a phrase that the encoder has read, by its unit embedding in the space of `vocabulary` and
/// by whether it was put together [from pieces](in_pieces) of words.
pub fn of_encoded(in_pieces: bool, embedding: &[f32], vocabulary: &Vocabulary) -> Meaning {
    let (noun, cosine) = vocabulary.nearest(embedding);
    let noun = noun.to_owned();
    let near = vocabulary.equivalent(NEAR);
    of_likeness(in_pieces, Likeness { noun, cosine }, near)
}

fn of_likeness(in_pieces: bool, likeness: Likeness, near: f32) -> Meaning {
    // also false for a cosine that is not a number
    let is_near = likeness.cosine >= near;
    if in_pieces && !is_near {
        Meaning::Unknown(Unknown::Pieces(likeness))
    } else {
        Meaning::Encoded(likeness)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;
    use crate::golden;

    fn is_in_pieces(word: &Value) -> bool {
        let pieces = word["pieces"].as_array().unwrap();
        let pieces: Vec<&str> = pieces.iter().map(|piece| piece.as_str().unwrap()).collect();
        in_pieces(&pieces, WordMarks::Continued)
    }

    #[test]
    fn other_scripts_are_told_by_their_letters() {
        for (phrase, script) in [
            ("办公椅", Script::Chinese),
            ("显示器", Script::Chinese),
            ("LED灯", Script::Chinese),
            ("椅子とテーブル", Script::Japanese),
            ("キーボード", Script::Japanese),
            ("ｷｰﾎﾞｰﾄﾞ", Script::Japanese),
            ("의자", Script::Korean),
            ("стул", Script::Cyrillic),
            ("καρέκλα", Script::Greek),
            ("كرسي", Script::Arabic),
            ("כיסא", Script::Hebrew),
            ("कुर्सी", Script::Devanagari),
            ("เก้าอี้", Script::Thai),
            ("աթոռ", Script::Other),
            ("ምንጣፍ", Script::Other),
        ] {
            assert_eq!(
                unreadable(phrase),
                Some(Unknown::Script(script)),
                "{phrase}"
            );
        }
        for phrase in ["24", "🪑", "-", "5'", ""] {
            assert_eq!(unreadable(phrase), Some(Unknown::NoLetters), "{phrase}");
        }
        for phrase in [
            "office chair",
            "Bürostuhl",
            "krzesło",
            "ghế",
            "24\" monitor",
            "10 µm filter",
            "ｃｈａｉｒ",
            "kid\u{2bc}s bike",
        ] {
            assert_eq!(unreadable(phrase), None, "{phrase}");
        }
    }

    #[test]
    fn words_of_other_languages_are_unknown_and_english_ones_are_not() {
        let golden = golden::json("meanings.json");
        for word in golden["embedded"].as_array().unwrap() {
            let embedding: Vec<f32> = serde_json::from_value(word["embedding"].clone()).unwrap();
            let meaning = of_encoded(is_in_pieces(word), &embedding, Vocabulary::shipped());
            let unknown = matches!(meaning, Meaning::Unknown(Unknown::Pieces(_)));
            let text = word["text"].as_str().unwrap();
            assert_eq!(
                unknown,
                ["Bürostuhl", "Bildschirm"].contains(&text),
                "{text}: {meaning:?}"
            );
        }
        let (mut foreign, mut english) = ((0, 0), (0, 0));
        for word in golden["words"].as_array().unwrap() {
            if Vocabulary::shipped()
                .find(word["text"].as_str().unwrap())
                .is_some()
            {
                continue;
            }
            let likeness = Likeness {
                noun: word["noun"].as_str().unwrap().to_owned(),
                cosine: word["cosine"].as_f64().unwrap() as f32,
            };
            let unknown = matches!(
                of_likeness(is_in_pieces(word), likeness, NEAR),
                Meaning::Unknown(_)
            );
            let (all, unknowns) = if word["language"] == "en" {
                &mut english
            } else {
                &mut foreign
            };
            *all += 1;
            *unknowns += usize::from(unknown);
        }
        // those that the documentation of `NEAR` states
        assert_eq!((foreign, english), ((285, 204), (126, 33)));
    }

    #[test]
    fn reasons_are_sentences() {
        let pasta = Likeness {
            noun: "pasta".into(),
            cosine: 0.451,
        };
        for (unknown, reason) in [
            (
                Unknown::Script(Script::Cyrillic),
                "it is written in Cyrillic letters, and only English is understood",
            ),
            (Unknown::NoLetters, "it has no letters"),
            (
                Unknown::Pieces(pasta),
                "it is no English word that the text encoder knows; to the encoder it is most like \"pasta\" (0.45)",
            ),
        ] {
            assert_eq!(unknown.to_string(), reason);
        }
    }

    #[test]
    fn a_broken_embedding_is_unknown() {
        let vocabulary = Vocabulary::shipped();
        let broken = vec![f32::NAN; vocabulary.space().width];
        let meaning = of_encoded(true, &broken, vocabulary);
        assert!(matches!(meaning, Meaning::Unknown(_)));
    }

    #[test]
    fn pieces_are_told_by_the_marks_of_the_encoder() {
        for (tokens, marks, expected) in [
            (&["office", "chair"][..], WordMarks::Continued, false),
            (&["gr", "##on"], WordMarks::Continued, true),
            (&["[UNK]"], WordMarks::Continued, true),
            (&["office</w>", "chair</w>"], WordMarks::Ended, false),
            (&["gr", "on</w>"], WordMarks::Ended, true),
            (&[], WordMarks::Ended, false),
        ] {
            assert_eq!(in_pieces(tokens, marks), expected, "{tokens:?}");
        }
    }
}
