//! Controls for the display: coloring, a button that shows the whole scan, one for the cameras of a
//! capture, and the menu of the view.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    view_menu::ViewMenuButton,
};
use crate::page::{
    actions, preferences,
    state::{Coloring, State},
    viewing,
};

/// The toolbar at the bottom left of the page.
#[component]
pub fn Toolbar() -> impl IntoView {
    let state = State::expect();
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <div class="toolbar card" role="toolbar" aria-label="View">
                <ColorBy />
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

/// What the colors of the points mean.
#[component]
fn ColorBy() -> impl IntoView {
    let state = State::expect();
    let option = move |coloring: Coloring| {
        view! {
            <option value=coloring.name() prop:selected=move || state.coloring.get() == coloring>
                {coloring.name()}
            </option>
        }
    };
    let on_change = move |event| {
        let chosen = event_target_value(&event);
        let coloring = Coloring::ALL
            .into_iter()
            .find(|coloring| coloring.name() == chosen);
        coloring
            .into_iter()
            .for_each(|coloring| preferences::color_by(state, coloring));
    };
    let legend = move || {
        let coloring = state.coloring.get();
        if coloring == Coloring::Similarity && state.heat().is_none() {
            return Some(
                view! { <span class="muted legend">"Type what to look for"</span> }.into_any(),
            );
        }
        // The heights are those of the scan on screen.
        state.scan.track();
        let [low, high] = coloring.ends(viewing::heights(state))?;
        Some(
            view! {
                <span class="legend" data-testid="color-legend">
                    {low} <span class="ramp"></span> {high}
                </span>
            }
            .into_any(),
        )
    };
    view! {
        <select class="field" aria-label="Colour by" title="What the colours of the points mean (1 … 7)" data-testid="color-by" on:change=on_change>
            {Coloring::ALL.map(option).collect_view()}
        </select>
        {legend}
    }
}
