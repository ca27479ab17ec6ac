//! The bar of the lasso: what was drawn around, and what can be made of it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::page::{
    editing::called,
    lasso::{self, Deed},
    state::State,
    tool::{self, Tool},
};

/// What was drawn around, in words.
fn words(state: State) -> String {
    let (parts, locked) = match &*state.tool.read() {
        Some(Tool::Lasso(lasso)) => (lasso.parts.len(), lasso.locked),
        _ => (0, 0),
    };
    let mut words = match parts {
        0 if locked > 0 => "Nothing".to_owned(),
        0 => return "Draw around what belongs together".to_owned(),
        1 => "1 part".to_owned(),
        parts => format!("{parts} parts"),
    };
    if let (Some(target), true) = (lasso::target(state), parts > 0) {
        words.push_str(&format!(", and {}", called(state, target)));
    }
    if locked > 0 {
        words.push_str(&format!("; {locked} of locked things left out"));
    }
    words
}

/// What was drawn around, and what can be made of it.
#[component]
pub fn LassoBar() -> impl IntoView {
    let state = State::expect();
    let button =
        move |deed: Deed, name: &'static str, title: &'static str, testid: &'static str| {
            let obstacle = Memo::new(move |_| lasso::obstacle(state, deed));
            view! {
                <button
                    class="button small"
                    class:primary=deed == Deed::New
                    class:quiet=deed != Deed::New
                    title=move || obstacle.get().unwrap_or_else(|| title.to_owned())
                    disabled=move || obstacle.with(Option::is_some)
                    data-testid=testid
                    on:click=move |_| lasso::act(state, deed)
                >
                    {name}
                </button>
            }
        };
    let nothing = move || match &*state.tool.read() {
        Some(Tool::Lasso(lasso)) => lasso.parts.is_empty(),
        _ => true,
    };
    view! {
        <span class="words" role="status" data-testid="lasso-words">{move || words(state)}</span>
        {button(Deed::New, "New thing", "Make it a thing of its own, whatever it belongs to (Enter)", "lasso-new")}
        {button(Deed::SplitOff, "Split off", "Make what belongs to the selected thing a thing of its own", "lasso-split")}
        {button(Deed::Add, "Add", "Make it part of the selected thing", "lasso-add")}
        {button(Deed::Remove, "Remove", "Take it from the selected thing; it belongs to none then", "lasso-remove")}
        <button class="button small quiet" title="Forget what was drawn around" disabled=nothing data-testid="lasso-clear" on:click=move |_| lasso::clear(state)>
            "Clear"
        </button>
        <button
            class="button small quiet square"
            aria-label="Put the lasso away"
            title="Put the lasso away (Esc)"
            on:click=move |_| tool::take(state, None)
        >
            <Glyph icon=Icon::Close />
        </button>
    }
}
