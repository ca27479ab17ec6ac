//! The words of the page in the user's language. The English text is the key of its translations,
//! so that the source reads as the page does; what has no translation, or none so far, is said in
//! English. `static/text` has the other languages, a file each.
//!
//! A text that is shown as it is stands in the view as [`tr`]; what is made of parts or said once,
//! such as a notice, comes from [`said`], [`said_with`] and [`counted`]. All of them follow a change
//! of the language where something reactive calls them. `tests/tests/languages.rs` reads these
//! calls, so that their texts are written where they are called.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt::{Display, Write as _},
    sync::Arc,
};

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    /// English, which needs no file.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The code of the language in addresses and in HTML (BCP 47).
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// The name of the language in itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
        }
    }

    /// The language of a tag such as `de`, `de-AT` or `DE_at`, if the page speaks it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let code = tag.split(['-', '_']).next()?;
        let is_meant = |language: &Self| language.code().eq_ignore_ascii_case(code);
        Self::ALL.into_iter().find(is_meant)
    }
}

/// The translations into one language, by the English text.
type Table = BTreeMap<String, String>;

/// What is spoken now. It belongs to the page as a whole, as the words on it do.
struct Spoken {
    /// The language on screen.
    language: ArcRwSignal<Language>,
    /// Its translations; `None` for English.
    table: Cell<Option<&'static Table>>,
    /// The languages that were loaded.
    loaded: RefCell<Vec<(Language, &'static Table)>>,
}

thread_local! {
    static SPOKEN: Spoken = Spoken {
        language: ArcRwSignal::new(Language::English),
        table: Cell::new(None),
        loaded: RefCell::default(),
    };
}

/// The language on screen, which is English until the texts of another one are there.
pub fn spoken() -> Language {
    SPOKEN.with(|spoken| spoken.language.get())
}

/// The language on screen now.
pub fn spoken_untracked() -> Language {
    SPOKEN.with(|spoken| spoken.language.get_untracked())
}

/// Speaks a language from now on. Returns `false`, and goes on in the one before, if its texts are
/// not loaded.
pub fn speak(language: Language) -> bool {
    SPOKEN.with(|spoken| {
        let loaded = spoken.loaded.borrow();
        let table = loaded.iter().find(|(known, _)| *known == language);
        let table = table.map(|(_, table)| *table);
        if table.is_none() && language != Language::English {
            return false;
        }
        drop(loaded);
        spoken.table.set(table);
        if spoken.language.get_untracked() != language {
            spoken.language.set(language);
        }
        true
    })
}

/// Takes the texts of a language from its file, a JSON object with a translation for every English
/// text.
///
/// # Errors
/// The file is something else.
pub fn learn(language: Language, file: &[u8]) -> Result<(), serde_json::Error> {
    let table: Table = serde_json::from_slice(file)?;
    // The page speaks it to the end, or may do so again, and there are few languages.
    let table: &'static Table = Box::leak(Box::new(table));
    SPOKEN.with(|spoken| {
        let mut loaded = spoken.loaded.borrow_mut();
        loaded.retain(|(known, _)| *known != language);
        loaded.push((language, table));
    });
    Ok(())
}

/// A text that is shown in the user's language, in views as a child or as an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(&'static str);

/// A text of the page, in English.
pub const fn tr(english: &'static str) -> Text {
    Text(english)
}

/// A text that the core has in English. `tests/tests/languages.rs` lists them.
pub const fn of_core(english: &'static str) -> Text {
    Text(english)
}

impl Text {
    /// The text in English, as a name for programs.
    pub const fn english(self) -> &'static str {
        self.0
    }

    /// The text in the user's language.
    pub fn said(self) -> &'static str {
        SPOKEN.with(|spoken| spoken.language.track());
        self.said_untracked()
    }

    fn said_untracked(self) -> &'static str {
        let table = SPOKEN.with(|spoken| spoken.table.get());
        let translated = table.and_then(|table| table.get(self.0));
        translated.map_or(self.0, String::as_str)
    }
}

/// What Leptos makes of a text.
type Shown = Arc<dyn Fn() -> &'static str + Send + Sync>;

impl IntoRender for Text {
    type Output = Shown;

    fn into_render(self) -> Shown {
        Arc::new(move || self.said())
    }
}

impl IntoAttributeValue for Text {
    type Output = Shown;

    fn into_attribute_value(self) -> Shown {
        Arc::new(move || self.said())
    }
}

/// A text in the user's language.
pub fn said(english: &'static str) -> &'static str {
    tr(english).said()
}

/// A text in the user's language, for what is shown after the program has stopped: it asks nothing
/// of what may have stopped in the middle.
pub fn said_untracked(english: &'static str) -> &'static str {
    tr(english).said_untracked()
}

/// A text in the user's language, with values in its `{places}`.
pub fn said_with(english: &'static str, places: &[(&str, &dyn Display)]) -> String {
    let mut whole = String::new();
    for part in parts(said(english)) {
        let value = |name: &str| places.iter().find(|(known, _)| *known == name);
        match part {
            Part::Words(words) => whole.push_str(words),
            Part::Place(name) => match value(name) {
                // A String takes everything.
                Some((_, value)) => {
                    let _ = write!(whole, "{value}");
                }
                None => {
                    let _ = write!(whole, "{{{name}}}");
                }
            },
        }
    }
    whole
}

/// A text in the user's language, with what `shown` makes of the names of its `{places}`.
pub fn said_around(english: &'static str, shown: impl Fn(&'static str) -> AnyView) -> Vec<AnyView> {
    let part = |part: Part<'static>| match part {
        Part::Words(words) => words.into_any(),
        Part::Place(name) => shown(name),
    };
    parts(said(english)).into_iter().map(part).collect()
}

/// So many of something: `one` of a single one, `many`, with the number in the place `{n}`, of any
/// other number.
pub fn counted(count: usize, one: &'static str, many: &'static str) -> String {
    match count {
        1 => said(one).to_owned(),
        _ => said_with(many, &[("n", &count)]),
    }
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Words.
    Words(&'a str),
    /// The name of a place in braces.
    Place(&'a str),
}

/// The words and the places of a text, in their order.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        if !before.is_empty() {
            parts.push(Part::Words(before));
        }
        parts.push(Part::Place(name));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest));
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn tags_of_browsers_mean_languages() {
        for (tag, language) in [
            ("de", Some(Language::German)),
            ("de-AT", Some(Language::German)),
            ("FR_ca", Some(Language::French)),
            ("es-419", Some(Language::Spanish)),
            ("en-US", Some(Language::English)),
            ("den", None),
            ("xx", None),
            ("", None),
        ] {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }

    #[wasm_bindgen_test]
    fn texts_have_places_and_values_none() {
        assert_eq!(
            parts("{a} of {b}, {"),
            [
                Part::Place("a"),
                Part::Words(" of "),
                Part::Place("b"),
                Part::Words(", {"),
            ]
        );
        let said = said_with("{a} and {b} and {c}", &[("b", &1), ("a", &"{b}")]);
        assert_eq!(said, "{b} and 1 and {c}");
        assert_eq!(counted(1, "one", "{n} of them"), "one");
        assert_eq!(counted(0, "one", "{n} of them"), "0 of them");
    }

    #[wasm_bindgen_test]
    fn what_is_not_translated_is_said_in_english() {
        assert!(!speak(Language::Spanish), "nothing is loaded");
        assert!(learn(Language::Spanish, b"[]").is_err());
        learn(Language::Spanish, br#"{ "{n} of them": "{n} de ellos" }"#).unwrap();
        assert!(speak(Language::Spanish));
        assert_eq!(counted(2, "one", "{n} of them"), "2 de ellos");
        assert_eq!(said("one"), "one");
        assert!(speak(Language::English));
        assert_eq!(counted(2, "one", "{n} of them"), "2 of them");
    }
}
