//! The language of the page: the one that its address names, the one that the user chose, or the
//! first of the browser's that it speaks. The texts of all but English are fetched when they are
//! needed; until then, and where that fails, the page goes on in the language before.

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::Url;

use super::{editing, own_files::fetched, preferences::Preferences, state::State};
use crate::{
    browser,
    text::{self, Language, said_with},
};

/// The parameter of the page's address that names a language.
const PARAMETER: &str = "lang";

/// The language that the page is to speak.
#[derive(Clone, Copy)]
pub struct PageLanguage {
    /// The one that the address of the page names, until the user chooses one.
    asked: RwSignal<Option<Language>>,
    wanted: Memo<Language>,
}

impl PageLanguage {
    /// The language of a new page.
    pub fn new(preferences: RwSignal<Preferences>) -> Self {
        let asked = browser::query_parameter(PARAMETER);
        let asked = RwSignal::new(asked.and_then(|tag| Language::of_tag(&tag)));
        let first = of_browser();
        let wanted = Memo::new(move |_| {
            let kept = preferences.with(|kept| kept.language);
            asked.get().or(kept).unwrap_or(first)
        });
        Self { asked, wanted }
    }

    /// The language.
    pub fn get(self) -> Language {
        self.wanted.get()
    }
}

/// The first of the browser's languages that the page speaks.
fn of_browser() -> Language {
    let languages = browser::window().navigator().languages();
    let tags = languages.iter().filter_map(|tag| tag.as_string());
    let mut known = tags.filter_map(|tag| Language::of_tag(&tag));
    known.next().unwrap_or_default()
}

/// Speaks the language of the page whenever that changes, and says so to the browser.
pub fn follow(state: State) {
    Effect::new(move |_| {
        let language = state.language.get();
        if !text::speak(language) {
            spawn_local(load(state, language));
        }
    });
    Effect::new(move |_| {
        let code = text::spoken().code();
        // The picture has words, too.
        state.viewer().invalidate();
        if let Some(root) = browser::document().document_element() {
            // The name and the value are fixed, and valid.
            let _ = root.set_attribute("lang", code);
        }
    });
}

/// Chooses the language, for this visit and those to come.
pub fn choose(state: State, language: Language) {
    forget_asked();
    state.language.asked.set(None);
    let kept = Some(language);
    state.preferences.update(|all| all.language = kept);
}

/// Takes the language out of the page's address, which would win when the page is loaded again.
fn forget_asked() {
    let window = browser::window();
    let url = window.location().href().and_then(|href| Url::new(&href));
    let (Ok(url), Ok(history)) = (url, window.history()) else {
        return;
    };
    let query = url.search_params();
    if query.get(PARAMETER).is_some() {
        query.delete(PARAMETER);
        // Where the browser refuses, the language comes back with the next load, no more.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url.href()));
    }
}

/// Fetches the texts of a language and speaks it, if it is still the one that is wanted.
async fn load(state: State, language: Language) {
    let path = format!("/text/{}.json", language.code());
    let loaded = fetched(&path).await.and_then(|file| {
        let learned = text::learn(language, &file);
        learned.map_err(|error| error.to_string())
    });
    if state.language.wanted.try_get_untracked() != Some(language) {
        return;
    }
    match loaded {
        Ok(()) => {
            text::speak(language);
        }
        Err(problem) => {
            let words = said_with(
                "The texts in {language} could not be loaded: {problem}",
                &[("language", &language.name()), ("problem", &problem)],
            );
            editing::tell(state, words, None);
        }
    }
}
