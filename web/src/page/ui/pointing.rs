//! The bar of the tool that points out: what the clicks mean, and what can be made of it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::page::{
    pointing,
    state::State,
    tool::{self, Tool},
};

/// What the clicks mean, and what can be made of it.
#[component]
pub fn PointingBar() -> impl IntoView {
    let state = State::expect();
    let obstacle = Memo::new(move |_| pointing::obstacle(state));
    let beside = move || {
        let tool = state.tool.read();
        matches!(&*tool, Some(Tool::Point(pointing)) if pointing.beside)
    };
    let other =
        move |larger: bool, name: &'static str, title: &'static str, testid: &'static str| {
            view! {
                <button
                    class="button small quiet"
                    title=title
                    disabled=move || !pointing::can_show(state, larger)
                    data-testid=testid
                    on:click=move |_| {
                        pointing::show(state, larger);
                    }
                >
                    {name}
                </button>
            }
        };
    let step = move |grows: bool,
                     icon: Icon,
                     name: &'static str,
                     title: &'static str,
                     testid: &'static str| {
        view! {
            <button
                class="button small quiet"
                title=title
                disabled=move || obstacle.with(Option::is_some)
                data-testid=testid
                on:click=move |_| pointing::resize(state, grows)
            >
                <Glyph icon />
                <span>{name}</span>
            </button>
        }
    };
    view! {
        <span class="words" role="status" title=move || pointing::ground(state) data-testid="pointing-words">
            {move || pointing::words(state)}
        </span>
        <span class="muted origin" data-testid="pointing-origin" hidden=move || pointing::origin(state).is_empty()>
            {move || pointing::origin(state)}
        </span>
        <button
            class="button small quiet toggle"
            title="Clicks are on what is not part of it, as with Alt"
            aria-pressed=move || beside().to_string()
            data-testid="pointing-beside"
            on:click=move |_| pointing::toggle_beside(state)
        >
            <Glyph icon=Icon::Minus />
            <span>"Not part"</span>
        </button>
        {other(false, "Smaller", "The next smaller candidate (Shift Tab over the picture)", "pointing-smaller")}
        {other(true, "Larger", "The next larger candidate (Tab over the picture)", "pointing-larger")}
        {step(false, Icon::Shrink, "Shrink", "Take off the part at its border that fits it worst (<)", "pointing-shrink")}
        {step(true, Icon::Grow, "Grow", "Add the part beside it that fits it best (>)", "pointing-grow")}
        <button
            class="button small primary"
            title=move || obstacle.get().unwrap_or("Make it a thing of its own, whatever it belongs to (Enter)")
            disabled=move || obstacle.with(Option::is_some)
            data-testid="pointing-new"
            on:click=move |_| pointing::make(state)
        >
            "New thing"
        </button>
        <button
            class="button small quiet square"
            aria-label="Point nothing out"
            title="Put the tool away (Esc)"
            on:click=move |_| tool::take(state, None)
        >
            <Glyph icon=Icon::Close />
        </button>
    }
}
