//! The latest project with changes, kept in the browser until the user deletes it or changes
//! something else: after a crash, or another day, the start of the page offers to continue. Where the
//! browser has no room or no cache, nothing is kept.

use js_sys::ArrayBuffer;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Cache, CacheStorage, Response};

use super::{
    saving::{self, Project},
    state::State,
};
use crate::{
    browser,
    text::{said, said_with},
};

/// The cache that holds the project and nothing else.
const CACHE: &str = "segscape-project";
/// Keys of the bundle and of what is said of it.
const BUNDLE: &str = "/project/bundle";
const ABOUT: &str = "/project/about";
/// Largest bundle that is kept, bytes.
const LIMIT: u32 = 256 << 20;
/// Time without another change after which the project is kept, milliseconds.
const QUIET_MS: i32 = 2000;

/// What is said of the project that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptProject {
    /// Name of its file.
    pub name: String,
    /// Time of its last change, milliseconds since 1970.
    pub at: f64,
}

impl KeptProject {
    /// How long ago the last change was, in words.
    pub fn age(&self, now: f64) -> String {
        let minutes = ((now - self.at) / 60_000.0).max(0.0) as u64;
        match minutes {
            0 => said("just now").to_owned(),
            1..60 => said_with("{minutes} min ago", &[("minutes", &minutes)]),
            60..1440 => said_with("{hours} h ago", &[("hours", &(minutes / 60))]),
            1440..2880 => said("yesterday").to_owned(),
            _ => said_with("{days} days ago", &[("days", &(minutes / 1440))]),
        }
    }
}

/// Keeps the project whenever something was changed, and finds out what is kept.
pub fn follow(state: State) {
    spawn_local(async move {
        let kept = about().await;
        state.kept.set(kept);
    });
    Effect::watch(
        move || {
            state.edits.track();
            state.unsaved.get()
        },
        move |unsaved, _, _| {
            state.changes.update_value(|count| *count += 1);
            let change = state.changes.get_value();
            if *unsaved {
                browser::after(QUIET_MS, move || {
                    if state.changes.try_get_value() == Some(change) {
                        keep(state);
                    }
                });
            }
        },
        false,
    );
}

/// Keeps the project as it is now.
fn keep(state: State) {
    if !state.unsaved.get_untracked() || !state.preferences.read_untracked().autosave {
        return;
    }
    saving::pack(state, move |project, _| {
        spawn_local(async move {
            if let Some(kept) = put(&project).await {
                state.kept.set(Some(kept));
            }
        });
    });
}

/// Opens the project that is kept.
pub fn open(state: State) {
    spawn_local(async move {
        let kept = state.kept.get_untracked();
        let read = read(BUNDLE).await;
        match kept.zip(read) {
            Some((KeptProject { name, .. }, bundle)) => {
                saving::open(state, &Project { name, bundle })
            }
            None => {
                state.kept.set(None);
                let gone = said("the browser no longer has the project; it was deleted elsewhere");
                state.error.set(Some(gone.to_owned()));
            }
        }
    });
}

/// Deletes the project that is kept.
pub fn forget(state: State) {
    state.kept.set(None);
    spawn_local(async move {
        if let Some(caches) = caches() {
            // What cannot be deleted is not there.
            drop(JsFuture::from(caches.delete(CACHE)).await);
        }
    });
}

/// Keeps projects from now on, or none.
pub fn choose(state: State, autosave: bool) {
    state.preferences.update(|kept| kept.autosave = autosave);
    match autosave {
        true => keep(state),
        false => forget(state),
    }
}

/// Pages from other than safe addresses have no caches.
fn caches() -> Option<CacheStorage> {
    let caches = browser::window().caches().ok()?;
    caches.is_instance_of::<CacheStorage>().then_some(caches)
}

async fn cache() -> Option<Cache> {
    let opened = JsFuture::from(caches()?.open(CACHE)).await;
    opened.ok()?.dyn_into().ok()
}

async fn put(Project { name, bundle }: &Project) -> Option<KeptProject> {
    if bundle.byte_length() > LIMIT {
        return None;
    }
    let cache = cache().await?;
    let kept = KeptProject {
        name: name.clone(),
        at: js_sys::Date::now(),
    };
    let text = serde_json::to_string(&kept).ok()?;
    let bundle = Response::new_with_opt_buffer_source(Some(bundle)).ok()?;
    let text = Response::new_with_opt_str(Some(&text)).ok()?;
    for (key, response) in [(BUNDLE, bundle), (ABOUT, text)] {
        let put = cache.put_with_str(key, &response);
        JsFuture::from(put).await.ok()?;
    }
    Some(kept)
}

async fn read(key: &str) -> Option<ArrayBuffer> {
    let found = JsFuture::from(cache().await?.match_with_str(key)).await;
    let response: Response = found.ok()?.dyn_into().ok()?;
    let bytes = JsFuture::from(response.array_buffer().ok()?).await;
    bytes.ok()?.dyn_into().ok()
}

async fn about() -> Option<KeptProject> {
    let bytes = read(ABOUT).await?;
    let bytes = js_sys::Uint8Array::new(&bytes).to_vec();
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn ages_are_in_the_largest_unit() {
        let kept = KeptProject {
            name: String::new(),
            at: 1000.0,
        };
        for (minutes, age) in [
            (-1.0, "just now"),
            (5.5, "5 min ago"),
            (125.0, "2 h ago"),
            (2000.0, "yesterday"),
            (5000.0, "3 days ago"),
        ] {
            assert_eq!(kept.age(1000.0 + minutes * 60_000.0), age);
        }
    }
}
