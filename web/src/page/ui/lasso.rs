//! The bar of the lasso: what was drawn around, and what can be made of it.

use leptos::prelude::*;

use super::{
    icon::Icon,
    tool_button::{Form, ToolButton},
};
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
        let (form, shortcut) = match deed {
            Deed::New => (Form::Primary, "Enter"),
            _ => (Form::Named, ""),
        };
        view! {
            <ToolButton
                form=form
                name=name
                title=title
                shortcut=shortcut
                obstacle=obstacle.into()
                testid=testid
                act=move || lasso::act(state, deed)
            />
        }
    };
    let nothing = Signal::derive(move || {
        let is_empty = match &*state.tool.read() {
            Some(Tool::Lasso(lasso)) => lasso.parts.is_empty(),
            _ => true,
        };
        is_empty.then(|| said("Draw around something first").to_owned())
    });
    view! {
        <span class="words" role="status" data-testid="lasso-words">{move || words(state)}</span>
        {button(Deed::New, tr("New thing"), tr("Make it a thing of its own, whatever it belongs to"), "lasso-new")}
        {button(Deed::SplitOff, tr("Split off"), tr("Make what belongs to the selected thing a thing of its own"), "lasso-split")}
        {button(Deed::Add, tr("Add"), tr("Make it part of the selected thing"), "lasso-add")}
        {button(Deed::Remove, tr("Remove"), tr("Take it from the selected thing; it belongs to none then"), "lasso-remove")}
        <ToolButton
            form=Form::Named
            name=tr("Clear")
            title=tr("Forget what was drawn around")
            obstacle=nothing
            testid="lasso-clear"
            act=move || lasso::clear(state)
        />
        <ToolButton
            form=Form::Small
            icon=Icon::Close
            name=tr("Put the lasso away")
            title=tr("Put the lasso away")
            shortcut="Esc"
            testid="lasso-close"
            act=move || tool::take(state, None)
        />
    }
}
