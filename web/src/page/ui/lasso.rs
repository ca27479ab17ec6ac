//! The bar of the lasso: what was drawn around, and what can be made of it.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::{
    page::{
        editing::called,
        lasso::{self, Deed},
        state::State,
        tool::{self, Tool},
    },
    text::{Text, counted, said, said_with, tr},
};

/// What was drawn around, in words.
fn words(state: State) -> String {
    let (parts, locked) = match &*state.tool.read() {
        Some(Tool::Lasso(lasso)) => (lasso.parts.len(), lasso.locked),
        _ => (0, 0),
    };
    let mut words = match parts {
        0 if locked > 0 => said("Nothing").to_owned(),
        0 => return said("Draw around what belongs together").to_owned(),
        parts => counted(parts, "1 part", "{n} parts"),
    };
    if let (Some(target), true) = (lasso::target(state), parts > 0) {
        let called = called(state, target);
        words = said_with(
            "{parts}, and {thing}",
            &[("parts", &words), ("thing", &called)],
        );
    }
    if locked > 0 {
        words = said_with(
            "{parts}; {locked} of locked things left out",
            &[("parts", &words), ("locked", &locked)],
        );
    }
    words
}

/// What was drawn around, and what can be made of it.
#[component]
pub fn LassoBar() -> impl IntoView {
    let state = State::expect();
    let button = move |deed: Deed, name: Text, title: Text, testid: &'static str| {
        let obstacle = Memo::new(move |_| lasso::obstacle(state, deed));
        view! {
            <button
                class="button small"
                class:primary=deed == Deed::New
                class:quiet=deed != Deed::New
                title=move || obstacle.get().unwrap_or_else(|| title.said().to_owned())
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
        {button(Deed::New, tr("New thing"), tr("Make it a thing of its own, whatever it belongs to (Enter)"), "lasso-new")}
        {button(Deed::SplitOff, tr("Split off"), tr("Make what belongs to the selected thing a thing of its own"), "lasso-split")}
        {button(Deed::Add, tr("Add"), tr("Make it part of the selected thing"), "lasso-add")}
        {button(Deed::Remove, tr("Remove"), tr("Take it from the selected thing; it belongs to none then"), "lasso-remove")}
        <button class="button small quiet" title=tr("Forget what was drawn around") disabled=nothing data-testid="lasso-clear" on:click=move |_| lasso::clear(state)>
            {tr("Clear")}
        </button>
        <button
            class="button small quiet square"
            aria-label=tr("Put the lasso away")
            title=tr("Put the lasso away (Esc)")
            on:click=move |_| tool::take(state, None)
        >
            <Glyph icon=Icon::Close />
        </button>
    }
}
