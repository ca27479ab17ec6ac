//! The list of the instances found: a table of the scene that screen readers can read too.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::icon::{Glyph, Icon};
use crate::{
    numbers::grouped,
    page::{
        actions, editing,
        history::History,
        listing::{Group, Order, Row, groups},
        names, pointing,
        selection::Selection,
        state::{State, Work},
        tool::{self, Kind},
    },
    protocol::Answer,
    text::{Text, said, said_with, tr},
    view::{overlay::size_in_words, palette::css},
};

/// Maximum number of rows in the list. A user could not read more; the search narrows them down.
const MAX_ROWS: usize = 400;

/// One line of the list.
#[derive(Clone, PartialEq)]
enum Line {
    Group(Group),
    Row(Row),
}

impl Line {
    /// A key that changes whenever the line has to be redrawn.
    fn key(&self) -> String {
        match self {
            Self::Group(group) => format!("{} {}", group.name, group.rows.len()),
            Self::Row(row) => format!(
                "{} {} {:.3} {} {} {}",
                row.id, row.name, row.confidence, row.points, row.shown, row.locked
            ),
        }
    }
}

/// The search box, the choice of order, the undo buttons and the rows.
#[component]
pub fn Instances() -> impl IntoView {
    let state = State::expect();
    let search = RwSignal::new(String::new());
    let order = RwSignal::new(Order::Score);
    let grouped = Memo::new(move |_| {
        state
            .rows
            .with(|rows| groups(rows, &search.read(), order.get()))
    });
    let lines = move || {
        let lines = |group: Group| {
            let rows = group.rows.clone();
            std::iter::once(Line::Group(group)).chain(rows.into_iter().map(Line::Row))
        };
        grouped
            .get()
            .into_iter()
            .flat_map(lines)
            .take(MAX_ROWS)
            .collect::<Vec<_>>()
    };
    let trust = Memo::new(move |_| names::trust(state));
    // A grid without rows is none.
    let has_rows = Memo::new(move |_| state.rows.with(|rows| !rows.is_empty()));
    // Of all rows, one is a stop of the Tab key: the one that had the focus last, or the first.
    let focused = RwSignal::new(None::<u32>);
    let stop = Memo::new(move |_| {
        let groups = grouped.read();
        let mut ids = groups
            .iter()
            .flat_map(|group| &group.rows)
            .map(|row| row.id);
        let first = ids.clone().next();
        focused
            .get()
            .filter(|focused| ids.any(|id| id == *focused))
            .or(first)
    });
    let on_order = move |event| {
        if let Some((chosen, _)) = Order::ALL
            .iter()
            .find(|(_, name)| name.english() == event_target_value(&event))
        {
            order.set(*chosen);
        }
    };
    view! {
        <section class="instances" aria-label=tr("Found instances")>
            <div class="bar">
                <input
                    class="field"
                    type="search"
                    placeholder=move || said_with("{count} found", &[("count", &state.rows.with(Vec::len))])
                    aria-label=tr("Search the instances by name")
                    prop:value=search
                    on:input=move |event| search.set(event_target_value(&event))
                />
                <select class="field" aria-label=tr("Order") on:change=on_order>
                    {Order::ALL.map(|(_, name)| view! { <option value=name.english()>{name}</option> }).collect_view()}
                </select>
                <Undo />
            </div>
            <p class="trust muted" data-testid="trust" hidden=move || trust.get().is_none()>{trust}</p>
            <div class="scroll" role=move || if has_rows.get() { "grid" } else { "region" } aria-label=tr("Instances") aria-multiselectable=move || has_rows.get().then_some("true")>
                <Show when=move || has_rows.get()>
                    <div class="visually-hidden" role="row">
                        {[tr("Color"), tr("Name"), tr("Score"), tr("Points"), tr("Actions")]
                            .map(|name| view! { <span role="columnheader">{name}</span> })
                            .collect_view()}
                    </div>
                </Show>
                <For each=lines key=Line::key let(line)>
                    {match line {
                        Line::Group(group) => view! { <GroupLine group /> }.into_any(),
                        Line::Row(row) => view! { <InstanceRow row stop focused /> }.into_any(),
                    }}
                </For>
                <Empty />
            </div>
        </section>
    }
}

#[component]
fn Undo() -> impl IntoView {
    let state = State::expect();
    let title = move |verb: Text, keys: &'static str, what: fn(&History) -> Option<&str>| {
        move || {
            state.edits.with(|edits| match what(edits) {
                Some(what) => format!("{}: {what} ({keys})", verb.said()),
                None => format!("{} ({keys})", verb.said()),
            })
        }
    };
    view! {
        <button
            class="button quiet small square"
            aria-label=tr("Undo")
            title=title(tr("Undo"), "Ctrl Z", History::last)
            disabled=move || state.edits.with(|edits| edits.last().is_none()) && !pointing::can_undo(state, false)
            on:click=move |_| editing::undo(state)
        >
            <Glyph icon=Icon::Undo />
        </button>
        <button
            class="button quiet small square"
            aria-label=tr("Redo")
            title=title(tr("Redo"), "Ctrl Shift Z", History::next)
            disabled=move || state.edits.with(|edits| edits.next().is_none()) && !pointing::can_undo(state, true)
            on:click=move |_| editing::redo(state)
        >
            <Glyph icon=Icon::Redo />
        </button>
        <button
            class="button quiet small square"
            aria-label=tr("Show all instances")
            title=tr("Show all instances (Shift H)")
            disabled=move || state.edits.with(|edits| edits.present().hidden.is_empty() && edits.present().isolated.is_none())
            on:click=move |_| editing::show_all(state)
        >
            <Glyph icon=Icon::Eye />
        </button>
    }
}

#[component]
fn GroupLine(group: Group) -> impl IntoView {
    let count =
        (group.rows.len() > 1).then(|| view! { <span class="muted">{group.rows.len()}</span> });
    view! {
        <div class="group" role="row">
            <span class="dot" style:--color=css(group.color)></span>
            <span role="rowheader">{group.name}</span>
            {count}
        </div>
    }
}

#[component]
fn InstanceRow(
    row: Row,
    /// The row that is a stop of the Tab key.
    stop: Memo<Option<u32>>,
    /// The row that had the focus last.
    focused: RwSignal<Option<u32>>,
) -> impl IntoView {
    let state = State::expect();
    let id = row.id;
    let reach = move || if stop.get() == Some(id) { "0" } else { "-1" };
    let is = move |signal: RwSignal<Option<u32>>| signal.get() == Some(id);
    let is_selected = move || state.selection.with(|selection| selection.contains(id));
    let size = size_in_words(row.size);
    let title = {
        let (name, locked) = (row.name.clone(), row.locked);
        move || match locked {
            true => format!("{name} {}, {size}, {}", id + 1, said("locked")),
            false => format!("{name} {}, {size}", id + 1),
        }
    };
    let is_doubtful = Memo::new({
        let row = row.clone();
        move |_| names::is_doubtful(state, &row)
    });
    let name = StoredValue::new(row.name);
    let hide_label = if row.shown { tr("Hide") } else { tr("Show") };
    let hide_icon = if row.shown { Icon::Eye } else { Icon::EyeOff };
    let (lock_label, lock_icon) = match row.locked {
        true => (tr("Unlock"), Icon::Unlock),
        false => (tr("Lock"), Icon::Lock),
    };
    let tool = move |icon, label: Text, act: fn(State, u32)| {
        let act = move |event: ev::MouseEvent| {
            event.stop_propagation();
            act(state, id);
        };
        view! {
            <button class="button quiet small square" aria-label=label title=label tabindex=reach on:click=act>
                <Glyph icon />
            </button>
        }
    };
    view! {
        <div
            class="row"
            class:selected=is_selected
            class:hovered=move || is(state.hovered)
            class:hidden=!row.shown
            role="row"
            tabindex=reach
            on:focus=move |_| focused.set(Some(id))
            data-testid="instance-row"
            data-instance=id
            title=title
            aria-selected=move || is_selected().to_string()
            on:click=move |event| choose(state, id, event.ctrl_key() || event.meta_key() || event.shift_key())
            on:mousedown=move |event| {
                // Shift would select the words between two rows.
                if event.shift_key() {
                    event.prevent_default();
                }
            }
            on:dblclick=move |_| {
                if state.is_segmented() {
                    state.renaming.set(Some(id));
                }
            }
            on:pointerenter=move |_| state.hovered.set(Some(id))
            on:pointerleave=move |_| state.hovered.set(None)
            on:keydown=move |event| on_key(state, id, &event)
        >
            <span class="dot" role="gridcell" style:--color=css(row.color)></span>
            <Show
                when=move || is(state.renaming)
                fallback=move || {
                    view! {
                        <span class="label" role="gridcell" class:doubtful=is_doubtful>
                            {row.locked.then(|| view! { <span role="img" aria-label=tr("Locked")><Glyph icon=Icon::Lock /></span> })}
                            {move || is_doubtful.get().then(|| format!("{} ", said("maybe")))}
                            <span class="name">{name.get_value()}</span>
                            " " <span class="muted">{id + 1}</span></span>
                        <span class="number" role="gridcell">{format!("{:.2}", row.confidence)}</span>
                        <span class="number" role="gridcell">{grouped(row.points as usize)}</span>
                    }
                }
            >
                <Rename id name=name.get_value() />
            </Show>
            <span class="tools" role="gridcell" hidden=move || !state.is_segmented()>
                {tool(Icon::Rename, tr("Rename"), |state, id| state.renaming.set(Some(id)))}
                {tool(Icon::Isolate, tr("Show alone"), editing::toggle_isolated)}
                {tool(hide_icon, hide_label, editing::toggle_hidden)}
                {tool(lock_icon, lock_label, |state, id| editing::toggle_locked(state, &[id]))}
                {tool(Icon::Trash, tr("Delete"), |state, id| editing::delete(state, &[id]))}
            </span>
        </div>
    }
}

/// A text box that replaces the name while the user edits it.
#[component]
fn Rename(id: u32, name: String) -> impl IntoView {
    let state = State::expect();
    let input = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            // Focus fails only if the box has already been removed, and then it is not needed.
            let _ = input.focus();
            input.select();
        }
    });
    let finish = move || {
        if state.renaming.get_untracked() == Some(id) {
            let name = input
                .get_untracked()
                .map(|input| input.value())
                .unwrap_or_default();
            state.renaming.set(None);
            editing::rename(state, id, &name);
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        event.stop_propagation();
        match event.key().as_str() {
            "Enter" => finish(),
            "Escape" => state.renaming.set(None),
            _ => {}
        }
    };
    view! {
        <input
            node_ref=input
            class="field rename"
            aria-label=tr("New name; leave empty for the original name")
            maxlength="100"
            value=name
            on:keydown=on_key
            on:blur=move |_| finish()
            on:click=|event| event.stop_propagation()
        />
    }
}

#[component]
fn Empty() -> impl IntoView {
    let state = State::expect();
    let nothing_answers = move || {
        state.answer.with(|answer| {
            let found = answer.as_ref().and_then(Answer::found);
            found.is_some_and(<[u32]>::is_empty)
        })
    };
    let words = move || match (state.work.get(), state.instances.with(Vec::is_empty)) {
        (_, false) if nothing_answers() => said("Nothing answers the question."),
        (Work::Waiting, true) => said("The list appears once the things are found."),
        (Work::Running, true) => said("The list appears when the scan is segmented."),
        (Work::Cancelled | Work::Failed, true) => said(
            "The scan was not segmented to the end, so there is no list. Press Start again to repeat it.",
        ),
        (Work::Done, true) if state.model.with(String::is_empty) => {
            said("Nothing was searched so far: Fill, Point out and the lasso make things by hand.")
        }
        (_, true) => said("No instances were found in this scan."),
        (_, false) => said(
            "No instance is above the threshold: lower the threshold, or enter another prompt.",
        ),
    };
    view! {
        <p class="empty-list" hidden=move || state.rows.with(|rows| !rows.is_empty())>
            {words}
        </p>
    }
}

/// Selects an instance, or, `beside` others, selects it or no longer.
fn choose(state: State, id: u32, beside: bool) {
    match beside || state.adding.get_untracked() {
        true => editing::toggle_selected(state, id),
        false => actions::select(state, id),
    }
}

fn on_key(state: State, id: u32, event: &ev::KeyboardEvent) {
    let row = event
        .current_target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let next_row = |step: fn(&web_sys::Element) -> Option<web_sys::Element>| {
        let mut element = row.as_ref().and_then(|row| step(row));
        while let Some(candidate) = element {
            if candidate.has_attribute("data-instance") {
                return candidate.dyn_into::<HtmlElement>().ok();
            }
            element = step(&candidate);
        }
        None
    };
    match event.key().as_str() {
        "Enter" | " " if event.ctrl_key() || event.meta_key() || event.shift_key() => {
            choose(state, id, true);
        }
        "Enter" if untrack(|| tool::kind(state)).is_some_and(|kind| kind != Kind::Measure) => {
            return;
        }
        "Enter"
            if state
                .selection
                .with_untracked(|selection| selection.first())
                == Some(id) =>
        {
            state.renaming.set(Some(id));
        }
        "Enter" | " " => choose(state, id, false),
        "Delete" | "Backspace" if state.selection.with_untracked(Selection::is_empty) => {
            editing::delete(state, &[id]);
        }
        "Home" | "End" => {
            let rows = row.as_ref().and_then(|row| row.parent_element());
            let rows = rows.and_then(|rows| rows.query_selector_all("[data-instance]").ok());
            let at = |rows: &web_sys::NodeList| match event.key() == "Home" {
                true => rows.get(0),
                false => rows.get(rows.length().saturating_sub(1)),
            };
            let row = rows.as_ref().and_then(at);
            row.and_then(|row| row.dyn_into::<HtmlElement>().ok())
                .into_iter()
                .for_each(|row| drop(row.focus()));
        }
        "ArrowDown" => next_row(web_sys::Element::next_element_sibling)
            .into_iter()
            .for_each(|row| drop(row.focus())),
        "ArrowUp" => next_row(web_sys::Element::previous_element_sibling)
            .into_iter()
            .for_each(|row| drop(row.focus())),
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}
