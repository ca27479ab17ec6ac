//! Shows the last error in plain words until the user dismisses it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::{page::state::State, text::tr};

/// The error banner at the top middle of the page.
#[component]
pub fn ErrorBanner() -> impl IntoView {
    let state = State::expect();
    view! {
        <Show when=move || state.error.with(Option::is_some)>
            <div class="error card" role="alert" data-testid="error">
                <p>{move || state.error.get()}</p>
                <button class="button quiet square" aria-label=tr("Dismiss") on:click=move |_| state.error.set(None)>
                    <Glyph icon=Icon::Close />
                </button>
            </div>
        </Show>
    }
}
