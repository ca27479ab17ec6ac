//! Controls for the display: coloring, a button that shows the whole scan, one for the cameras of a
//! capture, and the menu of the view.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    segments::Segments,
    view_menu::ViewMenuButton,
};
use crate::page::{
    actions, preferences,
    state::{Coloring, State},
};

/// The toolbar at the bottom left of the page.
#[component]
pub fn Toolbar() -> impl IntoView {
    let state = State::expect();
    let colorings = Coloring::ALL.map(|coloring| (coloring, coloring.name()));
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <div class="toolbar card" role="toolbar" aria-label="View">
                <Segments
                    legend="Colour by"
                    group="coloring"
                    options=colorings.to_vec()
                    chosen=state.coloring
                    on_choose=move |coloring| preferences::color_by(state, coloring)
                />
                <ViewMenuButton />
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
