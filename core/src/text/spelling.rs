//! What is the same word in two spellings: a key that ignores case, accents, punctuation inside
//! words, and whether the parts of a compound are apart.
//!
//! The vocabulary finds its nouns by this key, and a prompt asks for equal keys once.

/// The key of a phrase: lower case, without accents, apostrophes and the full stops of
/// abbreviations; hyphens and underscores are blanks, blanks are single, and there is no article in
/// front. Empty for a phrase of nothing but these.
pub(super) fn key(phrase: &str) -> String {
    let phrase = without_article(phrase.trim());
    let mut key = String::with_capacity(phrase.len());
    let mut letters = phrase.chars().filter(|c| !is_invisible(*c)).map(narrow);
    let (mut before, mut current) = (' ', letters.next());
    while let Some(character) = current {
        let after = letters.next();
        push(&mut key, before, character, after);
        (before, current) = (character, after);
    }
    key.truncate(key.trim_end().len());
    key
}

/// The phrase without the article in front of a noun, which says nothing about it.
fn without_article(phrase: &str) -> &str {
    match phrase.split_once(char::is_whitespace) {
        Some((first, noun))
            if ["a", "an", "the"]
                .iter()
                .any(|article| first.eq_ignore_ascii_case(article)) =>
        {
            noun.trim_start()
        }
        _ => phrase,
    }
}

/// Appends what a character contributes to the key.
fn push(key: &mut String, before: char, character: char, after: Option<char>) {
    match character {
        _ if character.is_whitespace() || character == '_' || is_dash(character) => {
            if !key.is_empty() && !key.ends_with(' ') {
                key.push(' ');
            }
        }
        // accents that are separate characters, as in file names on a Mac
        '\u{300}'..='\u{36f}' => {}
        '\'' | '\u{2018}' | '\u{2019}' | '\u{2bc}' if before.is_alphabetic() => {}
        '.' if before.is_alphabetic() && !after.is_some_and(|c| c.is_numeric()) => {}
        _ => {
            for lower in character.to_lowercase() {
                if !('\u{300}'..='\u{36f}').contains(&lower) {
                    key.push(unaccented(lower));
                }
            }
        }
    }
}

/// Other keys of the same noun, the best first: its singular, if it may be a plural, and the
/// compound that its words form if they are written apart.
pub(super) fn variants(key: &str) -> Vec<String> {
    let mut variants = singulars(key);
    if key.contains(' ') {
        let compound = key.replace(' ', "");
        variants.extend(singulars(&compound));
        variants.push(compound);
    }
    variants
}

fn singulars(key: &str) -> Vec<String> {
    let ending = |plural: &str, singular: &str| {
        let stem = key.strip_suffix(plural).filter(|stem| stem.len() > 2)?;
        Some(format!("{stem}{singular}"))
    };
    [
        ("s", ""),
        ("es", ""),
        ("ies", "y"),
        ("ves", "f"),
        ("ves", "fe"),
    ]
    .into_iter()
    .filter_map(|(plural, singular)| ending(plural, singular))
    .collect()
}

/// If `true`, the character is a dash or a hyphen.
pub(super) fn is_dash(character: char) -> bool {
    matches!(
        character,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}'
    )
}

/// If `true`, the character is a mark for layout that no reader sees, such as the soft hyphen or a
/// direction of writing.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// The usual form of a character that East Asian keyboards also write in a wide form.
pub(super) fn narrow(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character)
        }
        _ => character,
    }
}

/// The letter without its accent, if it is one of the Latin letters whose accent the text encoder
/// drops as well.
fn unaccented(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ĥ' => 'h',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' => 'i',
        'ĵ' => 'j',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' => 's',
        'ţ' | 'ť' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ŵ' => 'w',
        'ý' | 'ÿ' | 'ŷ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_word_have_one_key() {
        for (spellings, expected) in [
            (
                &[
                    "office chair",
                    " Office  Chair ",
                    "office_chair",
                    "OFFICE-CHAIR",
                    "office\u{2011}chair",
                    "the office chair",
                    "ｏｆｆｉｃｅ　ｃｈａｉｒ",
                    "of\u{ad}fice chair",
                ][..],
                "office chair",
            ),
            (
                &["children's bed", "children\u{2019}s bed", "Childrens Bed"],
                "childrens bed",
            ),
            (
                &["café table", "CAFE\u{301} TABLE", "Cafe Table"],
                "cafe table",
            ),
            (&["T.V. stand", "t.v stand", "TV stand"], "tv stand"),
            (&["no. 5", "No. 5", "no 5"], "no 5"),
            (&["2.5 m shelf"], "2.5 m shelf"),
            (&["24\" monitor"], "24\" monitor"),
            (&["5' pole"], "5' pole"),
            (&["stół"], "stoł"),
            (&["が"], "が"),
            (&["the"], "the"),
            (&["A-frame ladder"], "a frame ladder"),
            (&["", "-", " _ ", "\u{301}"], ""),
        ] {
            for spelling in spellings {
                assert_eq!(key(spelling), expected, "{spelling}");
            }
        }
    }

    #[test]
    fn plurals_and_compounds_are_tried() {
        for (plural, singular) in [
            ("chairs", "chair"),
            ("boxes", "box"),
            ("batteries", "battery"),
            ("shelves", "shelf"),
            ("knives", "knife"),
            ("book shelves", "bookshelf"),
            ("white board", "whiteboard"),
        ] {
            let variants = variants(plural);
            assert!(variants.iter().any(|v| v == singular), "{variants:?}");
        }
        assert!(variants("tv").is_empty());
        assert!(variants("es").is_empty());
    }
}
