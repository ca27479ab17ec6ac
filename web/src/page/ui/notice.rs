//! Says for a while what was done, and offers to undo it.

use leptos::prelude::*;

use crate::page::{editing, state::State};

/// The notice at the top middle of the page. Screen readers hear it.
#[component]
pub fn NoticeLine() -> impl IntoView {
    let state = State::expect();
    let words = move || {
        let notice = state.notice.read();
        notice.as_ref().map(|notice| notice.words.clone())
    };
    let can_undo = move || {
        let notice = state.notice.read();
        notice.as_ref().is_some_and(|notice| notice.can_undo)
    };
    view! {
        <div class="notice" class:card=move || words().is_some() data-testid="notice">
            <p role="status">{words}</p>
            <Show when=can_undo>
                <button class="button small" data-testid="notice-undo" on:click=move |_| editing::undo(state)>
                    "Undo"
                </button>
            </Show>
        </div>
    }
}
