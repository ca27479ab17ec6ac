//! Controls for the display: coloring, the menu of the view, a button that shows the whole scan, the
//! lasso, the tools that point out and fill, the measure, and a button for the cameras of a capture.

use leptos::prelude::*;

use super::{
    icon::Icon,
    tool_button::{Form, ToolButton},
    view_menu::ViewMenuButton,
};
use crate::{
    page::{
        actions, by_hand,
        coloring::Coloring,
        lasso, measuring, pointing, preferences,
        state::State,
        tool::{self, Kind},
        viewing,
    },
    text::tr,
};

/// The toolbar at the bottom left of the page.
#[component]
pub fn Toolbar() -> impl IntoView {
    let state = State::expect();
    let is = move |kind: Kind| Signal::derive(move || tool::kind(state) == Some(kind));
    let no_parts = Signal::derive(move || by_hand::obstacle(state));
    view! {
        <Show when=move || state.scan.with(Option::is_some)>
            <div class="toolbar card" role="toolbar" aria-label=tr("View")>
                <ColorBy />
                <ViewMenuButton />
                <ToolButton
                    form=Form::Square
                    icon=Icon::Fit
                    name=tr("Fit the view")
                    title=tr("Fit the view to the selected instance or the whole scan")
                    shortcut="F"
                    testid="fit"
                    act=move || actions::focus(state)
                />
                <ToolButton
                    form=Form::Square
                    icon=Icon::Lasso
                    name=tr("Lasso")
                    title=tr("Lasso: draw around what becomes a thing, or a part of one")
                    shortcut="L"
                    pressed=is(Kind::Lasso)
                    obstacle=no_parts
                    testid="lasso"
                    act=move || lasso::toggle(state)
                />
                <ToolButton
                    form=Form::Square
                    icon=Icon::Point
                    name=tr("Point out")
                    title=tr("Point out: click on a thing, and with Alt beside it")
                    shortcut="P"
                    pressed=is(Kind::Point)
                    obstacle=no_parts
                    testid="point-out"
                    act=move || pointing::toggle(state, false)
                />
                <ToolButton
                    form=Form::Square
                    icon=Icon::Fill
                    name=tr("Fill")
                    title=tr("Fill: click where a thing begins, up to what other things have")
                    shortcut="I"
                    pressed=is(Kind::Fill)
                    obstacle=no_parts
                    testid="fill"
                    act=move || pointing::toggle(state, true)
                />
                <ToolButton
                    form=Form::Square
                    icon=Icon::Ruler
                    name=tr("Measure")
                    title=tr("Measure the distance between two points, and set the scale")
                    shortcut="R"
                    pressed=is(Kind::Measure)
                    testid="measure"
                    act=move || measuring::toggle(state)
                />
                <Show when=move || state.frames.with(|frames| !frames.is_empty())>
                    <ToolButton
                        form=Form::Square
                        icon=Icon::Camera
                        name=tr("Cameras and frames of the capture")
                        title=tr("Cameras and frames of the capture")
                        shortcut="C"
                        pressed=Signal::derive(move || state.cameras.get())
                        testid="cameras-toggle"
                        act=move || state.cameras.update(|shown| *shown = !*shown)
                    />
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
