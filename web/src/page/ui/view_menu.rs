//! The menu of the view: where it looks from, what is drawn over the points, what is cut away, and
//! what can be done with it.

use leptos::prelude::*;
use segscape::geometry::Aabb;

use super::{
    icon::{Glyph, Icon},
    link::Copy,
    segments::Segments,
};
use crate::{
    page::{
        address,
        preferences::{POINT_SIZES, Preferences},
        state::State,
        viewing,
    },
    text::{Text, tr},
    view::{camera::Side, overlay::Boxes},
};

/// The button that opens the menu.
#[component]
pub fn ViewMenuButton() -> impl IntoView {
    let state = State::expect();
    view! {
        <button
            class="button quiet square toggle"
            aria-label=tr("View")
            title=tr("View: sides, boxes, names, ceiling, clip box, picture")
            aria-haspopup="true"
            aria-controls="view-menu"
            aria-expanded=move || state.view_menu.get().to_string()
            aria-pressed=move || state.view_menu.get().to_string()
            data-testid="view-menu-button"
            on:click=move |_| state.view_menu.update(|open| *open = !*open)
        >
            <Glyph icon=Icon::Sliders />
        </button>
    }
}

/// The menu, over the picture.
#[component]
pub fn ViewMenu() -> impl IntoView {
    let state = State::expect();
    let open = move || state.view_menu.get() && state.scan.with(Option::is_some);
    view! {
        <Show when=open>
            <section class="view-menu card" id="view-menu" aria-label=tr("View") data-testid="view-menu">
                <Sides />
                <Drawn />
                <Ceiling />
                <ClipBox />
                <Points />
                <Doings />
            </section>
        </Show>
    }
}

/// A button that switches a preference on and off.
#[component]
fn Switch(
    /// Its words.
    words: Text,
    /// What it is for, with its key.
    title: Text,
    testid: &'static str,
    #[prop(into)] on: Signal<bool>,
    act: impl Fn() + 'static,
) -> impl IntoView {
    view! {
        <button class="button small toggle" title=title aria-pressed=move || on.get().to_string() data-testid=testid on:click=move |_| act()>
            {words}
        </button>
    }
}

#[component]
fn Sides() -> impl IntoView {
    let state = State::expect();
    let side = move |(side, name): (Side, Text)| {
        view! {
            <button class="button small" data-testid=format!("side-{}", name.english().to_lowercase()) on:click=move |_| viewing::look_from(state, side)>
                {name}
            </button>
        }
    };
    view! {
        <h2>{tr("Look from")}</h2>
        <div class="choices">
            {Side::ALL.map(side).collect_view()}
            <Switch
                words=tr("Orthographic")
                title=tr("Without perspective (Shift O)")
                testid="orthographic"
                on=Signal::derive(move || state.preferences.with(|kept| kept.orthographic))
                act=move || state.preferences.update(|kept| kept.orthographic = !kept.orthographic)
            />
        </div>
    }
}

#[component]
fn Drawn() -> impl IntoView {
    let state = State::expect();
    let is = move |of: fn(&Preferences) -> bool| Signal::derive(move || state.preferences.with(of));
    view! {
        <h2>{tr("Boxes with sizes")}</h2>
        <Segments
            legend=tr("Boxes")
            group="boxes"
            options=vec![(Boxes::Off, tr("None")), (Boxes::Selected, tr("Selected")), (Boxes::All, tr("All"))]
            chosen=Signal::derive(move || state.preferences.with(|kept| kept.boxes))
            on_choose=move |boxes| state.preferences.update(|kept| kept.boxes = boxes)
        />
        <h2>{tr("Show")}</h2>
        <div class="choices">
            <Switch words=tr("Names") title=tr("Names at the things (Shift L)") testid="names" on=is(|kept| kept.names) act=move || state.preferences.update(|kept| kept.names = !kept.names) />
            <Switch
                words=tr("X-ray")
                title=tr("The others fade when something is selected (Shift X)")
                testid="xray"
                on=is(|kept| kept.xray)
                act=move || state.preferences.update(|kept| kept.xray = !kept.xray)
            />
            <Switch
                words=tr("Grid, axes, scale")
                title=tr("Floor grid, axes and scale bar (G)")
                testid="guides-toggle"
                on=is(|kept| kept.guides)
                act=move || state.preferences.update(|kept| kept.guides = !kept.guides)
            />
        </div>
    }
}

#[component]
fn Ceiling() -> impl IntoView {
    let state = State::expect();
    let is_off = move || state.ceiling.get().is_some();
    let above_floor = move || {
        let [low, _] = viewing::heights(state);
        state.ceiling.get().map_or(0.0, |height| height - low)
    };
    let range = move || {
        let [low, high] = viewing::heights(state);
        high - low
    };
    let on_input = move |event| {
        if let Ok(height) = event_target_value(&event).parse::<f32>() {
            let [low, _] = viewing::heights(state);
            state.ceiling.set(Some(low + height));
        }
    };
    view! {
        <h2>{tr("Ceiling")}</h2>
        <div class="choices">
            <Switch
                words=tr("Ceiling off")
                title=tr("Hide what is above a height (Shift C)")
                testid="ceiling"
                on=Signal::derive(is_off)
                act=move || viewing::toggle_ceiling(state)
            />
            <Show when=is_off>
                <label class="size">
                    <input
                        type="range"
                        min="0"
                        max=range
                        step="0.01"
                        aria-label=tr("Height above the floor that is shown")
                        aria-valuetext=move || format!("{:.2} m", above_floor())
                        data-testid="ceiling-height"
                        prop:value=move || above_floor().to_string()
                        on:input=on_input
                    />
                    <output>{move || format!("{:.2} m", above_floor())}</output>
                </label>
            </Show>
        </div>
    }
}

/// The axes with the names of the sides of a box.
const SIDES: [(&str, Text, Text); 3] = [
    ("X", tr("Left side"), tr("Right side")),
    ("Y", tr("Front"), tr("Back")),
    ("Z", tr("Bottom"), tr("Top")),
];

/// The box outside of which points are hidden.
#[component]
fn ClipBox() -> impl IntoView {
    let state = State::expect();
    let is_on = move || state.clip.with(Option::is_some);
    let has_selected = move || {
        state
            .selection
            .with(|selection| selection.first().is_some())
    };
    view! {
        <h2>{tr("Clip box")}</h2>
        <div class="choices">
            <Switch
                words=tr("Clip box")
                title=tr("Show only what is in a box: around the selected things, or of any size (B)")
                testid="clip"
                on=Signal::derive(is_on)
                act=move || viewing::toggle_clip(state)
            />
            <Show when=move || is_on() && has_selected()>
                <button class="button small" title=tr("Show only what is around the selected things") data-testid="clip-selected" on:click=move |_| viewing::clip_around_selected(state)>
                    {tr("Around the selected")}
                </button>
            </Show>
        </div>
        <Show when=is_on>
            <div class="clip">
                {[0, 1, 2].map(|axis| view! { <ClipSides axis /> }).collect_view()}
            </div>
        </Show>
    }
}

/// The two sides of the box along an axis.
#[component]
fn ClipSides(axis: usize) -> impl IntoView {
    let state = State::expect();
    let (name, low, high) = SIDES[axis];
    let side = move |upper: bool| {
        let of = move |clip: &Aabb| {
            if upper {
                clip.max[axis]
            } else {
                clip.min[axis]
            }
        };
        let at = move || state.clip.with(|clip| clip.as_ref().map_or(0.0, of));
        // The sliders reach a little beyond the scan, and at least as far as the box.
        let end = move |last: bool| {
            let bounds = state.viewer().bounds().unwrap_or(Aabb::EMPTY);
            let reach = state
                .clip
                .with(|clip| clip.map_or(bounds, |clip| bounds.union(&clip)));
            match last {
                true => reach.max[axis],
                false => reach.min[axis],
            }
        };
        let on_input = move |event| {
            if let Ok(to) = event_target_value(&event).parse::<f32>() {
                state.clip.update(|clip| {
                    clip.iter_mut()
                        .for_each(|clip| viewing::move_side(clip, axis, upper, to));
                });
            }
        };
        view! {
            <input
                type="range"
                min=move || end(false)
                max=move || end(true)
                step="0.01"
                aria-label=if upper { high } else { low }
                title=if upper { high } else { low }
                aria-valuetext=move || format!("{:.2} m", at())
                data-testid=format!("clip-{}-{}", name.to_lowercase(), if upper { "max" } else { "min" })
                prop:value=move || at().to_string()
                on:input=on_input
            />
        }
    };
    let length = move || {
        let length = state
            .clip
            .with(|clip| clip.as_ref().map_or(0.0, |clip| clip.size()[axis]));
        format!("{length:.2} m")
    };
    view! {
        <div class="size">
            <span>{name}</span>
            {side(false)}
            {side(true)}
            <output>{length}</output>
        </div>
    }
}

/// Numbers of points that a picture may have, millions, with their names.
const BUDGETS: [(u32, Text); 5] = [
    (0, tr("All")),
    (1, tr("1 M")),
    (3, tr("3 M")),
    (5, tr("5 M")),
    (10, tr("10 M")),
];

#[component]
fn Points() -> impl IntoView {
    let state = State::expect();
    let size = move || state.preferences.with(|kept| kept.point_size);
    let blend = move || state.preferences.with(|kept| kept.blend);
    view! {
        <h2>{tr("Points")}</h2>
        <label class="size">
            <span>{tr("Size")}</span>
            <input
                type="range"
                min=POINT_SIZES[0]
                max=POINT_SIZES[1]
                step="0.1"
                title=tr("Smaller or larger points ([ ])")
                data-testid="point-size"
                prop:value=move || size().to_string()
                on:input=move |event| {
                    if let Ok(size) = event_target_value(&event).parse() {
                        state.preferences.update(|kept| kept.point_size = size);
                    }
                }
            />
        </label>
        <label class="size">
            <span>{tr("Scan colour")}</span>
            <input
                type="range"
                min="0"
                max="1"
                step="0.05"
                title=tr("How much of the scan's own colour is mixed into other colours")
                aria-valuetext=move || format!("{:.0} %", blend() * 100.0)
                data-testid="blend"
                prop:value=move || blend().to_string()
                on:input=move |event| {
                    if let Ok(blend) = event_target_value(&event).parse() {
                        state.preferences.update(|kept| kept.blend = blend);
                    }
                }
            />
            <output>{move || format!("{:.0} %", blend() * 100.0)}</output>
        </label>
        <div class="size" title=tr("Draws fewer points of a large scan, for slow machines")>
            <span>{tr("At most")}</span>
            <Segments
                legend=tr("Points drawn at most")
                group="budget"
                options=BUDGETS.to_vec()
                chosen=Signal::derive(move || state.preferences.with(|kept| kept.budget))
                on_choose=move |budget| state.preferences.update(|kept| kept.budget = budget)
            />
        </div>
    }
}

#[component]
fn Doings() -> impl IntoView {
    let state = State::expect();
    view! {
        <div class="choices">
            <Switch
                words=tr("Fly")
                title=tr("Fly with W A S D, Q and E (V)")
                testid="fly"
                on=state.flying
                act=move || state.flying.update(|flying| *flying = !*flying)
            />
            <button class="button small" title=tr("Save the picture as PNG (Shift P)") data-testid="picture-button" on:click=move |_| viewing::take_picture(state)>
                <Glyph icon=Icon::Download />
                {tr("Picture")}
            </button>
            <Show
                when=move || address::link(state).is_some()
                fallback=move || view! {
                    <button class="button small" title=tr("The scan is on this machine alone: share it first") data-testid="link-button" on:click=move |_| state.sharing.set(true)>
                        <Glyph icon=Icon::Copy />
                        {tr("Link …")}
                    </button>
                }
            >
                <Copy text=move || address::link(state).unwrap_or_default() words=tr("Copy link to this view") testid="copy-view" />
            </Show>
        </div>
    }
}
