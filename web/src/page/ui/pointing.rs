//! The bar of the tools that point out and fill: what the clicks mean, and what can be made of it.

use leptos::prelude::*;

use super::{
    icon::Icon,
    tool_button::{Form, ToolButton},
};
use crate::{
    page::{
        pointing,
        state::State,
        tool::{self, Kind, Tool},
    },
    text::{Text, said, said_with, tr},
};

/// What the clicks mean, and what can be made of it.
#[component]
pub fn PointingBar() -> impl IntoView {
    let state = State::expect();
    let fills = Memo::new(move |_| tool::kind(state) == Some(Kind::Fill));
    let beside = Signal::derive(move || {
        let tool = state.tool.read();
        matches!(&*tool, Some(Tool::Point(pointing)) if pointing.beside)
    });
    view! {
        <span class="words" role="status" title=move || pointing::ground(state) data-testid="pointing-words">
            {move || pointing::words(state)}
        </span>
        <span class="muted origin" data-testid="pointing-origin" hidden=move || pointing::origin(state).is_empty()>
            {move || pointing::origin(state)}
        </span>
        <Show when=move || fills.get()>
            <Reach />
        </Show>
        <ToolButton
            form=Form::Named
            icon=Icon::Minus
            name=tr("Not part")
            title=tr("Clicks are on what is not part of it, as with Alt")
            pressed=beside
            testid="pointing-beside"
            act=move || pointing::toggle_beside(state)
        />
        <Show when=move || !fills.get()>
            <Candidates />
        </Show>
        <Steps />
        <ToolButton
            form=Form::Primary
            name=tr("New thing")
            title=tr("Make it a thing of its own, whatever it belongs to")
            shortcut="Enter"
            obstacle=obstacle(state)
            testid="pointing-new"
            act=move || pointing::make(state)
        />
        <ToolButton
            form=Form::Small
            icon=Icon::Close
            name=tr("Point nothing out")
            title=tr("Put the tool away")
            shortcut="Esc"
            testid="pointing-close"
            act=move || tool::take(state, None)
        />
    }
}

/// Why nothing can be made of the clicks, in words.
fn obstacle(state: State) -> Signal<Option<String>> {
    Signal::derive(move || pointing::obstacle(state).map(str::to_owned))
}

/// The next smaller and the next larger candidate.
#[component]
fn Candidates() -> impl IntoView {
    let state = State::expect();
    let button = move |larger: bool, name: Text, title: Text, testid: &'static str| {
        let none = Signal::derive(move || {
            let none = !pointing::can_show(state, larger);
            none.then(|| said("There is no other candidate").to_owned())
        });
        view! {
            <ToolButton
                form=Form::Named
                name=name
                title=title
                obstacle=none
                testid=testid
                act=move || {
                    pointing::show(state, larger);
                }
            />
        }
    };
    view! {
        {button(false, tr("Smaller"), tr("The next smaller candidate (Shift Tab over the picture)"), "pointing-smaller")}
        {button(true, tr("Larger"), tr("The next larger candidate (Tab over the picture)"), "pointing-larger")}
    }
}

/// How far a fill reaches, as a slider from the place that was clicked to all that touches it.
#[component]
fn Reach() -> impl IntoView {
    let state = State::expect();
    let reach = Memo::new(move |_| pointing::reach(state));
    let last = move || {
        reach
            .get()
            .map_or(1, |(_, count)| count.saturating_sub(1).max(1))
    };
    let shown = move || reach.get().map_or(0, |(shown, _)| shown);
    let in_words = move || {
        reach.get().map_or_else(String::new, |(shown, count)| {
            said_with(
                "{number} of {count}",
                &[("number", &(shown + 1)), ("count", &count)],
            )
        })
    };
    let on_input = move |event| {
        if let Ok(index) = event_target_value(&event).parse() {
            pointing::show_at(state, index);
        }
    };
    view! {
        <label class="reach">
            {tr("Reach")}
            <input
                type="range"
                min="0"
                max=last
                step="1"
                title=tr("How far it is filled: to the next edge, or further, up to what other things have (Tab, Shift Tab over the picture)")
                aria-valuetext=in_words
                disabled=move || reach.get().is_none_or(|(_, count)| count < 2)
                data-testid="fill-reach"
                prop:value=move || {
                    // The slider has its length first.
                    last();
                    shown().to_string()
                }
                on:input=on_input
            />
        </label>
    }
}

/// What is pointed out becomes smaller or larger by a part.
#[component]
fn Steps() -> impl IntoView {
    let state = State::expect();
    let button = move |(icon, name, title, shortcut): (Icon, Text, Text, &'static str),
                       grows: bool,
                       testid: &'static str| {
        view! {
            <ToolButton
                form=Form::Named
                icon=icon
                name=name
                title=title
                shortcut=shortcut
                obstacle=obstacle(state)
                testid=testid
                act=move || pointing::resize(state, grows)
            />
        }
    };
    let shrink = tr("Take off the part at its border that fits it worst");
    let grow = tr("Add the part beside it that fits it best");
    view! {
        {button((Icon::Shrink, tr("Shrink"), shrink, "<"), false, "pointing-shrink")}
        {button((Icon::Grow, tr("Grow"), grow, ">"), true, "pointing-grow")}
    }
}
