//! The prompts that were asked before, in this browser. The arrows go through them in the box of the
//! prompt, and a menu asks one of them again.

use leptos::prelude::*;

use super::{actions, state::State};
use crate::browser;

/// Key of the prompts in the browser's storage.
const KEY: &str = "segscape.prompts";
/// Maximum number of prompts that are remembered.
const COUNT: usize = 20;
/// Longer prompts, in bytes, are not remembered.
const LONGEST: usize = 500;

/// The prompts that were asked before, each once, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts(Vec<String>);

impl Prompts {
    /// The prompts of earlier visits.
    pub fn kept() -> Self {
        let text = browser::storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
        text.map_or_else(Self::default, |text| Self::read(&text))
    }

    /// Reads what [`Self::keep`] wrote. Text that is something else gives no prompts.
    fn read(text: &str) -> Self {
        let mut read = Self::default();
        let asked: Vec<String> = serde_json::from_str(text).unwrap_or_default();
        asked.iter().rev().for_each(|prompt| read.add(prompt));
        read
    }

    /// Keeps the prompts, if the browser has room for them, or takes those out that are kept.
    fn keep(&self, wanted: bool) {
        let text = serde_json::to_string(&self.0).ok();
        let text = text.filter(|_| wanted && !self.0.is_empty());
        if let Some(storage) = browser::storage() {
            // A full or forbidden storage costs the user the list on the next visit, no more.
            let _ = match text {
                Some(text) => storage.set_item(KEY, &text),
                None => storage.remove_item(KEY),
            };
        }
    }

    /// Puts a prompt before all others.
    fn add(&mut self, prompt: &str) {
        let prompt = prompt.trim();
        if !prompt.is_empty() && prompt.len() <= LONGEST {
            self.0.retain(|asked| asked != prompt);
            self.0.insert(0, prompt.to_owned());
            self.0.truncate(COUNT);
        }
    }

    /// The prompts, the latest first.
    pub fn all(&self) -> &[String] {
        &self.0
    }

    /// What the box with `shown` has after a step to older prompts, or to newer ones and the empty
    /// box. `None` where there is none, or if the user is writing another prompt.
    fn beside(&self, shown: &str, older: bool) -> Option<&str> {
        let shown = shown.trim();
        let place = self.0.iter().position(|asked| asked == shown);
        match (place, older) {
            (None, true) if shown.is_empty() => self.0.first().map(String::as_str),
            (None, _) => None,
            (Some(0), false) => Some(""),
            (Some(place), true) => self.0.get(place + 1).map(String::as_str),
            (Some(place), false) => self.0.get(place - 1).map(String::as_str),
        }
    }
}

/// Keeps the prompts in the browser whenever they change, as long as the user wants that.
pub fn follow(state: State) {
    let wanted = move || state.preferences.with(|kept| kept.keep_prompts);
    Effect::watch(
        move || (state.prompts.get(), wanted()),
        |(prompts, wanted), before, _| {
            if before.is_none_or(|before| before != &(prompts.clone(), *wanted)) {
                prompts.keep(*wanted);
            }
        },
        false,
    );
}

/// Remembers a prompt.
pub fn remember(state: State, prompt: &str) {
    state.prompts.update(|prompts| prompts.add(prompt));
}

/// Forgets all prompts.
pub fn forget(state: State) {
    state.prompts.set(Prompts::default());
}

/// Shows the prompt before or after the one in the box. Returns `false` if there is none.
pub fn step(state: State, older: bool) -> bool {
    let prompts = state.prompts.get_untracked();
    let shown = state.prompt.get_untracked();
    let beside = prompts.beside(&shown, older);
    beside
        .inspect(|prompt| actions::ask_while_typing(state, prompt))
        .is_some()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn prompts(asked: &[&str]) -> Prompts {
        let mut prompts = Prompts::default();
        asked.iter().for_each(|prompt| prompts.add(prompt));
        prompts
    }

    #[wasm_bindgen_test]
    fn prompts_are_kept_once_and_the_oldest_are_forgotten() {
        let asked = prompts(&["chair", " table ", "", "chair", &"x".repeat(LONGEST + 1)]);
        assert_eq!(asked.all(), ["chair", "table"]);
        let mut many = Prompts::default();
        (0..2 * COUNT).for_each(|count| many.add(&count.to_string()));
        assert_eq!((many.all().len(), many.all()[0].as_str()), (COUNT, "39"));
        let text = serde_json::to_string(&asked.0).expect("plain text");
        assert_eq!(Prompts::read(&text), asked);
        for damaged in ["", "null", "{}", "[1]", "[\"\"]"] {
            assert_eq!(Prompts::read(damaged), Prompts::default());
        }
    }

    #[wasm_bindgen_test]
    fn arrows_go_through_prompts_until_the_user_writes_another_one() {
        let asked = prompts(&["lamp", "table", "chair"]);
        let older = |shown| asked.beside(shown, true);
        let newer = |shown| asked.beside(shown, false);
        assert_eq!((older(""), newer("")), (Some("chair"), None));
        assert_eq!((older("chair"), newer("chair")), (Some("table"), Some("")));
        assert_eq!((older("lamp"), newer("lamp")), (None, Some("table")));
        assert_eq!((older("chai"), newer("chai")), (None, None));
    }
}
