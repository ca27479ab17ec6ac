//! Everything about the open scan: a panel on the right, or a sheet at the bottom on phones.

use leptos::prelude::*;

use super::{
    export::Export,
    icon::{Glyph, Icon},
    instances::Instances,
    preflight::Preflight,
    prompt::Prompt,
    ways::Ways,
};
use crate::{page::state::State, text::tr};

/// The panel, at the right of the page.
#[component]
pub fn Panel() -> impl IntoView {
    let state = State::expect();
    let of_capture = move || {
        let scan = state.scan.read();
        scan.as_ref().is_some_and(|scan| scan.capture.is_some())
    };
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <aside class="panel card" class:folded=move || state.folded.get() aria-label=tr("The open scan")>
                <button
                    class="fold"
                    aria-label=tr("Fold the panel")
                    aria-expanded=move || (!state.folded.get()).to_string()
                    on:click=move |_| state.folded.update(|folded| *folded = !*folded)
                >
                    <Glyph icon=Icon::Chevron />
                </button>
                <Prompt />
                <Show when=of_capture>
                    <Ways group="way-of-scan" />
                </Show>
                <Instances />
                <Export />
                <Preflight />
            </aside>
        </Show>
    }
}
