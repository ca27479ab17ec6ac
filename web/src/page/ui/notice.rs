//! Says for a while what was done, and what can be done about it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::{
    page::{
        editing::{self, Offer},
        saving,
        state::State,
    },
    text::tr,
};

/// The notice at the top middle of the page. Screen readers hear it.
#[component]
pub fn NoticeLine() -> impl IntoView {
    let state = State::expect();
    let words = move || {
        let notice = state.notice.read();
        notice.as_ref().map(|notice| notice.words.clone())
    };
    let offer = Memo::new(move |_| state.notice.with(|notice| notice.as_ref()?.offer));
    let is = move |wanted: Offer| offer.get() == Some(wanted);
    view! {
        <div class="notice" class:card=move || words().is_some() data-testid="notice">
            <p role="status">{words}</p>
            <Show when=move || is(Offer::Undo)>
                <button class="button small" data-testid="notice-undo" on:click=move |_| editing::undo(state)>
                    {tr("Undo")}
                </button>
            </Show>
            <Show when=move || is(Offer::BringBack)>
                <button class="button small" data-testid="bring-back" on:click=move |_| saving::bring_back(state)>
                    {tr("Bring it back")}
                </button>
                <button class="button quiet small square" aria-label=tr("Dismiss") on:click=move |_| state.notice.set(None)>
                    <Glyph icon=Icon::Close />
                </button>
            </Show>
        </div>
    }
}
