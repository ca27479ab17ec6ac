//! Projects: the scene with the user's changes in one file, what is not saved so far, and the scene
//! that another one took the place of.

use js_sys::ArrayBuffer;
use leptos::{ev, prelude::*};

use super::{
    actions,
    editing::{self, Offer},
    state::State,
};
use crate::{
    browser,
    edits::Edits,
    protocol::{Contents, Source, stem},
    text::said_with,
};

/// Ending of a project's name.
const ENDING: &str = "segscape";

/// A project that is not in any file.
#[derive(Clone, Debug)]
pub struct Project {
    /// Name of its file.
    pub name: String,
    /// The bundle.
    pub bundle: ArrayBuffer,
}

/// The name of a project of the scan on screen.
fn file_name(state: State) -> Option<String> {
    state.scan.with_untracked(|scan| {
        let name = &scan.as_ref()?.name;
        Some(format!("{}.{ENDING}", stem(name)))
    })
}

/// Packs the scene on screen with the changes in effect, and passes these on with it.
pub fn pack(state: State, packed: impl FnOnce(Project, Edits) + 'static) {
    let Some(name) = file_name(state).filter(|_| untrack(|| state.is_segmented())) else {
        return;
    };
    let edits = state.edits.read_untracked().present().clone();
    actions::pack(state, edits.clone(), Contents::ALL, move |bundle| {
        let bundle = bundle.0;
        packed(Project { name, bundle }, edits);
    });
}

/// Saves the scene with the user's changes as a file, which opens as it is now.
pub fn save(state: State) {
    pack(state, move |Project { name, bundle }, edits| {
        let file = browser::file("application/octet-stream", &bundle);
        match file.and_then(|file| browser::download(&name, &file)) {
            Ok(()) => {
                state.saved.set(Some(edits));
                editing::tell(state, said_with("Saved {name}", &[("name", &name)]), None);
            }
            Err(_) => {
                let refused = said_with("the browser refused to save {name}", &[("name", &name)]);
                state.error.set(Some(refused));
            }
        }
    });
}

/// Remembers that the changes in effect are in a file or behind a link.
pub fn is_saved(state: State) {
    let edits = state.edits.read_untracked().present().clone();
    state.saved.set(Some(edits));
}

/// Lets the browser ask before the page is left with changes that are not saved, or with a scene that is
/// being sent.
pub fn guard(state: State) {
    let listener = window_event_listener(ev::beforeunload, move |event| {
        if state.unsaved.get_untracked() || state.uploading.is_under_way() {
            event.prevent_default();
            // Older browsers ask only if there are words, which none of them shows.
            event.set_return_value("unsaved");
        }
    });
    on_cleanup(move || listener.remove());
}

/// Keeps the scene on screen, whose place another one is about to take, if it has changes that are
/// not saved.
pub fn keep_replaced(state: State) {
    state.replaced.set_value(None);
    if state.unsaved.get_untracked() {
        pack(state, move |project, _| {
            state.replaced.set_value(Some(project));
        });
    }
}

/// Offers to bring back what was replaced, if there is something.
pub fn offer_replaced(state: State) {
    let name = state
        .replaced
        .with_value(|replaced| Some(replaced.as_ref()?.name.clone()));
    match name {
        Some(name) => {
            let words = said_with("The changes in {name} are not saved", &[("name", &name)]);
            editing::tell(state, words, Some(Offer::BringBack));
        }
        None => state.notice.set(None),
    }
}

/// Opens what was replaced again.
pub fn bring_back(state: State) {
    if let Some(project) = state.replaced.get_value() {
        open(state, &project);
    }
}

/// Opens a project that is in no file.
pub fn open(state: State, Project { name, bundle }: &Project) {
    if let Ok(blob) = browser::file("application/octet-stream", bundle) {
        let name = name.clone();
        actions::open_unsaved(state, Source::File { name, blob });
    }
}
