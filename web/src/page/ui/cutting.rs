//! The bar of the cut: the axis and the place of the plane, and what it takes off.

use leptos::prelude::*;

use super::{
    icon::Icon,
    segments::Segments,
    tool_button::{Form, ToolButton},
};
use crate::{
    numbers::grouped,
    page::{
        cutting::{self, Cutting},
        state::State,
        tool::{self, Tool},
    },
    text::{Text, counted, said_with, tr},
};

/// The axes, each with what a plane square to it is for.
const AXES: [(usize, Text); 3] = [(0, tr("X")), (1, tr("Y")), (2, tr("Z"))];
/// Step of the slider, as a part of the thing.
const STEP: f32 = 0.005;

/// What the plane takes off, in words.
fn words(state: State) -> String {
    if let Some(obstacle) = cutting::obstacle(state) {
        return obstacle;
    }
    let Some(parts) = of_plane(state, |cutting| cutting.splitting.parts.clone()) else {
        return String::new();
    };
    let ids: Vec<u32> = parts.into_iter().collect();
    let points = state
        .extents
        .with_value(|extents| extents.shape(&ids).points);
    said_with(
        "Cuts off {parts}, {points}",
        &[
            (
                "parts",
                &counted(ids.len(), "1 superpoint", "{n} superpoints"),
            ),
            (
                "points",
                &said_with("{n} points", &[("n", &grouped(points as usize))]),
            ),
        ],
    )
}

/// Something of the plane, while there is one.
fn of_plane<T>(state: State, of: impl Fn(&Cutting) -> T) -> Option<T> {
    match &*state.tool.read() {
        Some(Tool::Cut(cutting)) => Some(of(cutting)),
        _ => None,
    }
}

/// Where the plane is, and what can be made of it.
#[component]
pub fn CutBar() -> impl IntoView {
    let state = State::expect();
    let obstacle = Signal::derive(move || cutting::obstacle(state));
    view! {
        <span
            class="words"
            role="status"
            title=tr("Superpoints stay whole: each goes where most of its points are. The side with fewer points becomes another thing.")
            data-testid="cut-words"
        >
            {move || words(state)}
        </span>
        <Plane />
        <ToolButton
            form=Form::Primary
            icon=Icon::Cut
            name=tr("Cut off")
            title=tr("Make what is cut off a thing of its own")
            shortcut="Enter"
            obstacle=obstacle
            testid="cut-off"
            act=move || cutting::finish(state)
        />
        <ToolButton
            form=Form::Small
            icon=Icon::Close
            name=tr("Cut nothing")
            title=tr("Leave it as it is")
            shortcut="Esc"
            testid="cut-nothing"
            act=move || tool::take(state, None)
        />
    }
}

/// The axis that the plane is square to, and a slider that moves it along its direction.
#[component]
fn Plane() -> impl IntoView {
    let state = State::expect();
    let axis = Signal::derive(move || of_plane(state, |cutting| cutting.axis).flatten());
    let place = move || {
        let place = of_plane(state, |cutting| (cutting.at, cutting.reach));
        place.unwrap_or((0.0, [0.0; 2]))
    };
    // The slider is 0 where the thing begins, and 1 where it ends.
    let part = move || {
        let (at, [low, high]) = place();
        ((at - low) / (high - low).max(f32::MIN_POSITIVE)).clamp(0.0, 1.0)
    };
    let metres = move || {
        let (at, [low, _]) = place();
        format!("{:.2} m", at - low)
    };
    let on_input = move |event| {
        if let Ok(part) = event_target_value(&event).parse::<f32>() {
            let (_, [low, high]) = untrack(place);
            cutting::move_to(state, low + part.clamp(0.0, 1.0) * (high - low));
        }
    };
    let on_choose = move |axis: Option<usize>| {
        let axis = axis.into_iter();
        axis.for_each(|axis| cutting::cut_across(state, axis));
    };
    view! {
        <div class="plane" title=tr("Or draw a line across it in the picture; the right mouse button turns, two fingers move the view")>
            <Segments
                legend=tr("Cut square to")
                group="cut-axis"
                options=AXES.map(|(axis, name)| (Some(axis), name)).to_vec()
                chosen=axis
                on_choose=on_choose
            />
            <input
                type="range"
                min="0"
                max="1"
                step=STEP
                aria-label=tr("Place of the cut")
                title=tr("Where it is cut, from where it begins")
                aria-valuetext=metres
                data-testid="cut-place"
                prop:value=move || part().to_string()
                on:input=on_input
            />
            <output data-testid="cut-metres">{metres}</output>
            <span class="muted" hidden=move || axis.get().is_some() data-testid="cut-drawn">{tr("along your line")}</span>
        </div>
    }
}
