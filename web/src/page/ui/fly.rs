//! Flying by keys: while the mode is on or the right mouse button is held over the picture.

use leptos::{ev, prelude::*};

use super::shortcuts::is_typing;
use crate::{
    browser,
    page::state::State,
    text::{said_around, tr},
};

/// Listens for the keys of a flight for the lifetime of the page. Keys that are typed into a text
/// field, or while a dialog is open, stay there.
pub fn listen(state: State) {
    let down = window_event_listener(ev::keydown, move |event| {
        let is_on = state.flying.get_untracked() || state.holds_to_fly.get_value();
        if !is_on
            || event.ctrl_key()
            || event.meta_key()
            || is_typing(&event)
            || browser::dialog_is_open()
        {
            return;
        }
        let viewer = state.viewer();
        viewer.set_pace(event.shift_key(), event.alt_key());
        if viewer.press_to_fly(&event.code()) {
            event.prevent_default();
            event.stop_immediate_propagation();
        }
    });
    let up = window_event_listener(ev::keyup, move |event| {
        let viewer = state.viewer();
        viewer.set_pace(event.shift_key(), event.alt_key());
        viewer.release_to_fly(&event.code());
    });
    // The key that goes up in another window is not seen here.
    let blur = window_event_listener(ev::blur, move |_| state.viewer().hover_in_place());
    Effect::new(move |_| {
        if !state.flying.get() {
            state.viewer().hover_in_place();
        }
    });
    on_cleanup(move || {
        down.remove();
        up.remove();
        blur.remove();
    });
}

/// Says how to fly, as long as the mode is on.
#[component]
pub fn FlyHint() -> impl IntoView {
    let state = State::expect();
    view! {
        <Show when=move || state.flying.get() && state.scan.with(Option::is_some)>
            <div class="fly-hint card" role="status" data-testid="fly-hint">
                <p>
                    {move || said_around(
                        "{W A S D} fly, {Q E} down and up, drag looks around, {Shift} faster, {Alt} slower",
                        |key| view! { <kbd>{key}</kbd> }.into_any(),
                    )}
                </p>
                <button class="button small" on:click=move |_| state.flying.set(false)>{tr("Leave (Esc)")}</button>
            </div>
        </Show>
    }
}
