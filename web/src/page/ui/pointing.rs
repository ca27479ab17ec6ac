//! The bar of the tool that points out: what the clicks mean, and what can be made of it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::{
    page::{
        pointing,
        state::State,
        tool::{self, Tool},
    },
    text::{Text, said, tr},
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
    let other = move |larger: bool, name: Text, title: Text, testid: &'static str| {
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
    let step = move |grows: bool, icon: Icon, name: Text, title: Text, testid: &'static str| {
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
            title=tr("Clicks are on what is not part of it, as with Alt")
            aria-pressed=move || beside().to_string()
            data-testid="pointing-beside"
            on:click=move |_| pointing::toggle_beside(state)
        >
            <Glyph icon=Icon::Minus />
            <span>{tr("Not part")}</span>
        </button>
        {other(false, tr("Smaller"), tr("The next smaller candidate (Shift Tab over the picture)"), "pointing-smaller")}
        {other(true, tr("Larger"), tr("The next larger candidate (Tab over the picture)"), "pointing-larger")}
        {step(false, Icon::Shrink, tr("Shrink"), tr("Take off the part at its border that fits it worst (<)"), "pointing-shrink")}
        {step(true, Icon::Grow, tr("Grow"), tr("Add the part beside it that fits it best (>)"), "pointing-grow")}
        <button
            class="button small primary"
            title=move || obstacle.get().unwrap_or_else(|| said("Make it a thing of its own, whatever it belongs to (Enter)"))
            disabled=move || obstacle.with(Option::is_some)
            data-testid="pointing-new"
            on:click=move |_| pointing::make(state)
        >
            {tr("New thing")}
        </button>
        <button
            class="button small quiet square"
            aria-label=tr("Point nothing out")
            title=tr("Put the tool away (Esc)")
            on:click=move |_| tool::take(state, None)
        >
            <Glyph icon=Icon::Close />
        </button>
    }
}
