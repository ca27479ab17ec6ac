//! What can be done with the selected things, or with a tool: a bar over the picture.

use leptos::prelude::*;

use super::{
    cutting::CutBar,
    icon::Icon,
    lasso::LassoBar,
    measuring::MeasureBar,
    pointing::PointingBar,
    tool_button::{Form, ToolButton},
};
use crate::{
    page::{
        cutting,
        editing::{self, only},
        names, pointing,
        selection::Selection,
        state::State,
        tool::{self, Kind, Tool},
    },
    text::{Text, counted, said, said_with, tr},
};

/// The bar, as long as there is a tool, or something is selected that can be changed.
#[component]
pub fn SelectedBar() -> impl IntoView {
    let state = State::expect();
    let has_any = Memo::new(move |_| state.is_segmented() && !editing::listed(state).is_empty());
    let kind = Memo::new(move |_| tool::kind(state));
    let label = move || match kind.get() {
        Some(Kind::Lasso) => said("Lasso"),
        Some(Kind::Point) => said("Point out"),
        Some(Kind::Fill) => said("Fill"),
        Some(Kind::Measure) => said("Measure"),
        Some(Kind::Cut) => said("Cut"),
        Some(Kind::Split) | None => said("Selected things"),
    };
    let bar = move || match kind.get() {
        Some(Kind::Split) => view! { <Split /> }.into_any(),
        Some(Kind::Cut) => view! { <CutBar /> }.into_any(),
        Some(Kind::Lasso) => view! { <LassoBar /> }.into_any(),
        Some(Kind::Point | Kind::Fill) => view! { <PointingBar /> }.into_any(),
        Some(Kind::Measure) => view! { <MeasureBar /> }.into_any(),
        None => view! { <Changes /> }.into_any(),
    };
    view! {
        <Show when=move || has_any.get() || kind.get().is_some()>
            <div class="selected-bar card" role="toolbar" aria-label=label data-testid="selected-bar">
                {bar}
            </div>
        </Show>
    }
}

/// What is selected, in words.
fn words(state: State) -> String {
    match &*editing::listed(state) {
        [instance] => {
            let rows = state.rows.read();
            let row = rows.iter().find(|row| row.id == *instance);
            let is_doubtful = row.is_some_and(|row| names::is_doubtful(state, row));
            let called = editing::called(state, *instance);
            match is_doubtful {
                true => format!("{} {called}", said("maybe")),
                false => called,
            }
        }
        selected => said_with("{count} selected", &[("count", &selected.len())]),
    }
}

/// What can be done with the selected things.
#[component]
fn Changes() -> impl IntoView {
    let state = State::expect();
    let are_locked = Signal::derive(move || {
        let selected = editing::listed(state);
        selected.iter().all(|id| editing::is_locked(state, *id))
    });
    view! {
        <span class="words" data-testid="selected-words">{move || words(state)}</span>
        <Company />
        <Reshapings />
        <ToolButton
            form=Form::Named
            icon=Icon::Lock
            name=tr("Lock")
            title=tr("Lock: merging, splitting, deleting and the lasso leave it as it is")
            shortcut="K"
            pressed=are_locked
            testid="lock"
            act=move || editing::lock_selected(state)
        />
        <ToolButton
            form=Form::Named
            icon=Icon::Trash
            name=tr("Delete")
            title=tr("Delete from the list; the points stay")
            shortcut="Delete"
            testid="delete"
            act=move || editing::delete_selected(state)
        />
        <ToolButton
            form=Form::Small
            icon=Icon::Close
            name=tr("Select nothing")
            title=tr("Select nothing")
            shortcut="Esc"
            testid="select-nothing"
            act=move || state.selection.set(Selection::default())
        />
    }
}

/// What brings the selected thing together with others: more that are selected, those that are like
/// it, and one thing of all.
#[component]
fn Company() -> impl IntoView {
    let state = State::expect();
    let is_compared = Signal::derive(move || state.like().is_some() && state.like() == only(state));
    let similar = move || {
        let title = match is_compared.get() {
            true => said("Show all things again"),
            false => said("Show the things that are most like this one"),
        };
        title.to_owned()
    };
    let merge = move || {
        let first = editing::listed(state).first().copied();
        let first = first.map(|first| editing::called(state, first));
        said_with(
            "Merge into {thing}",
            &[("thing", &first.unwrap_or_default())],
        )
    };
    let alone = Signal::derive(move || {
        let is_alone = editing::listed(state).len() < 2;
        is_alone.then(|| said("Merge: select another thing first").to_owned())
    });
    view! {
        <ToolButton
            form=Form::Named
            icon=Icon::Plus
            name=tr("More")
            title=tr("Select more: a click adds a thing, as with Ctrl or Shift")
            pressed=Signal::derive(move || state.adding.get())
            testid="select-more"
            act=move || state.adding.update(|adding| *adding = !*adding)
        />
        <ToolButton
            form=Form::Named
            icon=Icon::Similar
            name=tr("Similar")
            title=similar
            shortcut="Y"
            pressed=is_compared
            obstacle=not_one(state)
            testid="similar"
            act=move || editing::toggle_like(state)
        />
        <ToolButton
            form=Form::Named
            icon=Icon::Merge
            name=tr("Merge")
            title=merge
            shortcut="M"
            obstacle=alone
            testid="merge"
            act=move || editing::merge(state)
        />
    }
}

/// What makes the selected thing smaller or larger.
#[component]
fn Reshapings() -> impl IntoView {
    let state = State::expect();
    let button = move |(icon, name, title, shortcut, testid, act): Reshape| {
        view! {
            <ToolButton
                form=Form::Named
                icon=icon
                name=name
                title=title
                shortcut=shortcut
                obstacle=not_one(state)
                testid=testid
                act=move || act(state)
            />
        }
    };
    RESHAPINGS.map(button).collect_view()
}

/// A button that changes the shape of the selected thing: icon, name, title, key, name for tests, and
/// what it does.
type Reshape = (Icon, Text, Text, &'static str, &'static str, fn(State));

const RESHAPINGS: [Reshape; 4] = [
    (
        Icon::Split,
        tr("Split"),
        tr("Split: click parts that are another thing"),
        "S",
        "split",
        editing::toggle_splitting,
    ),
    (
        Icon::Cut,
        tr("Cut"),
        tr("Cut: in two, with a plane along an axis or along a line that you draw"),
        "D",
        "cut",
        cutting::toggle,
    ),
    (
        Icon::Shrink,
        tr("Shrink"),
        tr("Shrink: take off the part at its border that fits it worst"),
        "<",
        "shrink",
        |state| pointing::resize(state, false),
    ),
    (
        Icon::Grow,
        tr("Grow"),
        tr("Grow: add the part beside it that fits it best"),
        ">",
        "grow",
        |state| pointing::resize(state, true),
    ),
];

/// Why nothing can be done that is for one thing alone, in words.
fn not_one(state: State) -> Signal<Option<String>> {
    Signal::derive(move || {
        let is_one = only(state).is_some();
        (!is_one).then(|| said("Select one thing first").to_owned())
    })
}

/// How a thing is split.
#[component]
fn Split() -> impl IntoView {
    let state = State::expect();
    let parts = move || match &*state.tool.read() {
        Some(Tool::Split(splitting)) => splitting.parts.len(),
        _ => 0,
    };
    let nothing = Signal::derive(move || {
        (parts() == 0).then(|| said("Click the parts that are another thing").to_owned())
    });
    view! {
        <span class="words" role="status" data-testid="split-words">{move || parts_in_words(parts())}</span>
        <ToolButton
            form=Form::Primary
            icon=Icon::Split
            name=tr("Split off")
            title=tr("Make the parts a thing of their own")
            shortcut="Enter"
            obstacle=nothing
            testid="finish-split"
            act=move || editing::finish_splitting(state)
        />
        <ToolButton
            form=Form::Named
            name=tr("Cancel")
            title=tr("Leave it as it is")
            shortcut="Esc"
            testid="cancel-split"
            act=move || editing::toggle_splitting(state)
        />
    }
}

/// How many parts become another thing, in words.
fn parts_in_words(parts: usize) -> String {
    match parts {
        0 => said("Click the parts that are another thing").to_owned(),
        parts => counted(
            parts,
            "1 part becomes another thing",
            "{n} parts become another thing",
        ),
    }
}
