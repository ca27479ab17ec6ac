//! Controls for the display: coloring, the menu of the view, a button that shows the whole scan, the
//! lasso, the tool that points out, the measure, and a button for the cameras of a capture.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    view_menu::ViewMenuButton,
};
use crate::{
    page::{
        actions, coloring::Coloring, lasso, measuring, pointing, preferences, state::State, tool,
        viewing,
    },
    text::tr,
};

/// The toolbar at the bottom left of the page.
#[component]
pub fn Toolbar() -> impl IntoView {
    let state = State::expect();
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <div class="toolbar card" role="toolbar" aria-label=tr("View")>
                <ColorBy />
                <ViewMenuButton />
                <button class="button quiet square" aria-label=tr("Fit the view") title=tr("Fit the view to the selected instance or the whole scan (F)") on:click=move |_| actions::focus(state)>
                    <Glyph icon=Icon::Fit />
                </button>
                <button
                    class="button quiet square toggle"
                    aria-label=tr("Lasso")
                    title=tr("Lasso: draw around what becomes a thing, or a part of one (L)")
                    aria-pressed=move || tool::lassoes(state).to_string()
                    disabled=move || !state.is_segmented()
                    data-testid="lasso"
                    on:click=move |_| lasso::toggle(state)
                >
                    <Glyph icon=Icon::Lasso />
                </button>
                <button
                    class="button quiet square toggle"
                    aria-label=tr("Point out")
                    title=tr("Point out: click on a thing, and with Alt beside it (P)")
                    aria-pressed=move || tool::points(state).to_string()
                    disabled=move || !state.is_segmented()
                    data-testid="point-out"
                    on:click=move |_| pointing::toggle(state)
                >
                    <Glyph icon=Icon::Point />
                </button>
                <button
                    class="button quiet square toggle"
                    aria-label=tr("Measure")
                    title=tr("Measure the distance between two points, and set the scale (R)")
                    aria-pressed=move || tool::measures(state).to_string()
                    data-testid="measure"
                    on:click=move |_| measuring::toggle(state)
                >
                    <Glyph icon=Icon::Ruler />
                </button>
                <Show when=move || state.frames.with(|frames| !frames.is_empty())>
                    <button
                        class="button quiet square toggle"
                        aria-label=tr("Cameras and frames of the capture")
                        title=tr("Cameras and frames of the capture (C)")
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
            <option value=coloring.name().english() prop:selected=move || state.coloring.get() == coloring>
                {coloring.name()}
            </option>
        }
    };
    let on_change = move |event| {
        let chosen = event_target_value(&event);
        let coloring = Coloring::ALL
            .into_iter()
            .find(|coloring| coloring.name().english() == chosen);
        coloring
            .into_iter()
            .for_each(|coloring| preferences::color_by(state, coloring));
    };
    let legend = move || {
        let coloring = state.coloring.get();
        if coloring == Coloring::Similarity && state.heat().is_none() {
            return Some(
                view! { <span class="muted legend">{tr("Type what to look for")}</span> }
                    .into_any(),
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
        <select class="field" aria-label=tr("Colour by") title=tr("What the colours of the points mean (1 … 7)") data-testid="color-by" on:change=on_change>
            {Coloring::ALL.map(option).collect_view()}
        </select>
        {legend}
    }
}
