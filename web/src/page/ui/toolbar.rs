//! Controls for the display: coloring, point size, a button that shows the whole scan, and one for the
//! cameras of a capture.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::page::{
    actions,
    state::{Coloring, State},
};

/// The toolbar at the bottom left of the page.
#[component]
pub fn Toolbar() -> impl IntoView {
    let state = State::expect();
    let choice = move |coloring: Coloring| {
        view! {
            <label class="segment" class:on=move || state.coloring.get() == coloring>
                <input
                    type="radio"
                    name="coloring"
                    class="visually-hidden"
                    prop:checked=move || state.coloring.get() == coloring
                    on:change=move |_| state.coloring.set(coloring)
                />
                {coloring.name()}
            </label>
        }
    };
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <div class="toolbar card" role="toolbar" aria-label="View">
                <fieldset class="segments">
                    <legend class="visually-hidden">"Colour by"</legend>
                    {Coloring::ALL.map(choice).collect_view()}
                </fieldset>
                <label class="size">
                    <span>"Size"</span>
                    <input
                        type="range"
                        min="0.6"
                        max="5"
                        step="0.1"
                        aria-label="Point size"
                        prop:value=move || state.point_size.get().to_string()
                        on:input=move |event| {
                            if let Ok(size) = event_target_value(&event).parse() {
                                state.point_size.set(size);
                            }
                        }
                    />
                </label>
                <button class="button quiet square" aria-label="Fit the view" title="Fit the view to the selected instance or the whole scan (F)" on:click=move |_| actions::focus(state)>
                    <Glyph icon=Icon::Fit />
                </button>
                <Show when=move || state.frames.with(|frames| !frames.is_empty())>
                    <button
                        class="button quiet square toggle"
                        aria-label="Cameras and frames of the capture"
                        title="Cameras and frames of the capture (C)"
                        aria-pressed=move || state.cameras.get().to_string()
                        data-testid="cameras-toggle"
                        on:click=move |_| state.cameras.update(|shown| *shown = !*shown)
                    >
                        <Glyph icon=Icon::Camera />
                    </button>
                </Show>
            </div>
        </Show>
    }
}
