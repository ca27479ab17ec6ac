//! Export of the results: files to download and a link to share.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    share::Share,
};
use crate::{
    page::{actions, state::State},
    protocol::Format,
};

/// The download buttons and the share button.
#[component]
pub fn Export() -> impl IntoView {
    let state = State::expect();
    let nothing_yet = move || state.visible.with(Vec::is_empty) || !state.is_segmented();
    view! {
        <section class="out" aria-label="Download and share">
            <button
                class="button"
                title="The file you opened, with an instance, a label and a score for every point"
                data-testid="download-ply"
                disabled=nothing_yet
                on:click=move |_| actions::export(state, Format::Ply)
            >
                <Glyph icon=Icon::Download />
                "PLY"
            </button>
            <button
                class="button"
                title="Every visible instance with its label, score, number of points and box"
                data-testid="download-json"
                disabled=nothing_yet
                on:click=move |_| actions::export(state, Format::Json)
            >
                <Glyph icon=Icon::Download />
                "JSON"
            </button>
            <Share />
        </section>
    }
}
