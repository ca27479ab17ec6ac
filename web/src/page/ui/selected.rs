//! What can be done with the selected things, or with a tool: a bar over the picture.

use leptos::prelude::*;

use super::{
    icon::{Glyph, Icon},
    lasso::LassoBar,
    measuring::MeasureBar,
    pointing::PointingBar,
};
use crate::{
    page::{
        editing::{self, only},
        names, pointing,
        selection::Selection,
        state::State,
        tool::{self, Tool},
    },
    text::{counted, said, said_with, tr},
};

/// The bar, as long as there is a tool, or something is selected that can be changed.
#[component]
pub fn SelectedBar() -> impl IntoView {
    let state = State::expect();
    let has_any = Memo::new(move |_| state.is_segmented() && !editing::listed(state).is_empty());
    let (splits, lassoes) = (
        Memo::new(move |_| tool::splits(state)),
        Memo::new(move |_| tool::lassoes(state)),
    );
    let points = Memo::new(move |_| tool::points(state));
    let measures = Memo::new(move |_| tool::measures(state));
    let label = move || match (lassoes.get(), points.get(), measures.get()) {
        (true, ..) => said("Lasso"),
        (_, true, _) => said("Point out"),
        (_, _, true) => said("Measure"),
        _ => said("Selected things"),
    };
    let bar = move || match (splits.get(), lassoes.get(), points.get(), measures.get()) {
        (true, ..) => view! { <Split /> }.into_any(),
        (_, true, ..) => view! { <LassoBar /> }.into_any(),
        (_, _, true, _) => view! { <PointingBar /> }.into_any(),
        (_, _, _, true) => view! { <MeasureBar /> }.into_any(),
        _ => view! { <Changes /> }.into_any(),
    };
    let has_tool =
        Memo::new(move |_| splits.get() || lassoes.get() || points.get() || measures.get());
    view! {
        <Show when=move || has_any.get() || has_tool.get()>
            <div class="selected-bar card" role="toolbar" aria-label=label data-testid="selected-bar">
                {bar}
            </div>
        </Show>
    }
}

/// What can be done with the selected things.
#[component]
fn Changes() -> impl IntoView {
    let state = State::expect();
    let count = Memo::new(move |_| editing::listed(state).len());
    let words = move || match &*editing::listed(state) {
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
    };
    let is_compared = move || state.like().is_some() && state.like() == only(state);
    let similar = move || match is_compared() {
        true => said("Show all things again (Y)"),
        false => said("Show the things that are most like this one (Y)"),
    };
    let are_locked = move || {
        let selected = editing::listed(state);
        selected.iter().all(|id| editing::is_locked(state, *id))
    };
    let merge = move || match count.get() {
        0 | 1 => said("Merge: select another thing first (M)").to_owned(),
        _ => {
            let first = editing::listed(state).first().copied();
            let first = first.map(|first| editing::called(state, first));
            said_with(
                "Merge into {thing} (M)",
                &[("thing", &first.unwrap_or_default())],
            )
        }
    };
    view! {
        <span class="words" data-testid="selected-words">{words}</span>
        <button
            class="button small quiet toggle"
            title=tr("Select more: a click adds a thing, as with Ctrl or Shift")
            aria-pressed=move || state.adding.get().to_string()
            data-testid="select-more"
            on:click=move |_| state.adding.update(|adding| *adding = !*adding)
        >
            <Glyph icon=Icon::Plus />
            <span>{tr("More")}</span>
        </button>
        <button
            class="button small quiet toggle"
            title=similar
            disabled=move || count.get() != 1
            aria-pressed=move || is_compared().to_string()
            data-testid="similar"
            on:click=move |_| editing::toggle_like(state)
        >
            <Glyph icon=Icon::Similar />
            <span>{tr("Similar")}</span>
        </button>
        <button
            class="button small quiet"
            title=merge
            disabled=move || count.get() < 2
            data-testid="merge"
            on:click=move |_| editing::merge(state)
        >
            <Glyph icon=Icon::Merge />
            <span>{tr("Merge")}</span>
        </button>
        <button
            class="button small quiet"
            title=tr("Split: click parts that are another thing (S)")
            disabled=move || count.get() != 1
            data-testid="split"
            on:click=move |_| editing::toggle_splitting(state)
        >
            <Glyph icon=Icon::Split />
            <span>{tr("Split")}</span>
        </button>
        {[
            (Icon::Shrink, tr("Shrink"), tr("Shrink: take off the part at its border that fits it worst (<)"), "shrink", false),
            (Icon::Grow, tr("Grow"), tr("Grow: add the part beside it that fits it best (>)"), "grow", true),
        ]
        .map(|(icon, name, title, testid, grows)| view! {
            <button
                class="button small quiet"
                title=title
                disabled=move || count.get() != 1
                data-testid=testid
                on:click=move |_| pointing::resize(state, grows)
            >
                <Glyph icon=icon />
                <span>{name}</span>
            </button>
        })
        .collect_view()}
        <button
            class="button small quiet toggle"
            title=tr("Lock: merging, splitting, deleting and the lasso leave it as it is (K)")
            aria-pressed=move || are_locked().to_string()
            data-testid="lock"
            on:click=move |_| editing::lock_selected(state)
        >
            <Glyph icon=Icon::Lock />
            <span>{tr("Lock")}</span>
        </button>
        <button
            class="button small quiet"
            title=tr("Delete from the list; the points stay (Delete)")
            data-testid="delete"
            on:click=move |_| editing::delete_selected(state)
        >
            <Glyph icon=Icon::Trash />
            <span>{tr("Delete")}</span>
        </button>
        <button
            class="button small quiet square"
            aria-label=tr("Select nothing")
            title=tr("Select nothing (Esc)")
            on:click=move |_| state.selection.set(Selection::default())
        >
            <Glyph icon=Icon::Close />
        </button>
    }
}

/// How a thing is split.
#[component]
fn Split() -> impl IntoView {
    let state = State::expect();
    let parts = move || match &*state.tool.read() {
        Some(Tool::Split(splitting)) => splitting.parts.len(),
        _ => 0,
    };
    let words = move || match parts() {
        0 => said("Click the parts that are another thing").to_owned(),
        parts => counted(
            parts,
            "1 part becomes another thing",
            "{n} parts become another thing",
        ),
    };
    view! {
        <span class="words" role="status" data-testid="split-words">{words}</span>
        <button
            class="button small primary"
            title=tr("Make the parts a thing of their own (Enter)")
            disabled=move || parts() == 0
            data-testid="finish-split"
            on:click=move |_| editing::finish_splitting(state)
        >
            <Glyph icon=Icon::Split />
            <span>{tr("Split off")}</span>
        </button>
        <button class="button small quiet" title=tr("Leave it as it is (Esc)") on:click=move |_| editing::toggle_splitting(state)>
            {tr("Cancel")}
        </button>
    }
}
