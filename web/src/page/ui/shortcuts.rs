//! Keyboard shortcuts that work anywhere on the page except while the user types text, or a dialog
//! is open.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::{
    browser,
    page::{
        actions,
        state::{Coloring, State},
    },
};

/// Listens for keys for the lifetime of the page.
pub fn listen(state: State) {
    let listener = window_event_listener(ev::keydown, move |event| {
        if !is_typing(&event) && !browser::dialog_is_open() && press(state, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Handles a key. Returns `true` if the key is a shortcut.
fn press(state: State, event: &ev::KeyboardEvent) -> bool {
    if event.alt_key() {
        return false;
    }
    if state.open_frame.get_untracked().is_some() && press_in_frame(state, &event.key()) {
        return true;
    }
    let selected = state.selected.get_untracked();
    let on_selected = |act: fn(State, u32)| selected.into_iter().for_each(|id| act(state, id));
    match (event.key().as_str(), event.ctrl_key() || event.meta_key()) {
        ("z", true) => actions::undo(state),
        ("Z", true) => actions::redo(state),
        (_, true) => return false,
        ("?", _) => state.help.set(true),
        ("/", _) => browser::focus("prompt"),
        ("c" | "C", _) if !state.frames.with_untracked(Vec::is_empty) => {
            state.cameras.update(|shown| *shown = !*shown);
        }
        ("f" | "F", _) => actions::focus(state),
        ("h", _) => on_selected(|state, id| actions::edit(state, |edits| edits.toggle_hidden(id))),
        ("H", _) => actions::edit(state, |edits| edits.show_all()),
        ("x" | "X", _) => {
            on_selected(|state, id| actions::edit(state, |edits| edits.toggle_isolated(id)))
        }
        ("Enter", _) if selected.is_some() => state.renaming.set(selected),
        ("[", _) => state
            .point_size
            .update(|size| *size = (*size - 0.2).max(0.6)),
        ("]", _) => state
            .point_size
            .update(|size| *size = (*size + 0.2).min(5.0)),
        (",", _) => state
            .threshold
            .update(|threshold| *threshold = (*threshold - 0.02).max(0.0)),
        (".", _) => state
            .threshold
            .update(|threshold| *threshold = (*threshold + 0.02).min(1.0)),
        ("Escape", _) => {
            state.selected.set(None);
            state.error.set(None);
        }
        (key, _) => match key
            .parse::<usize>()
            .ok()
            .and_then(|n| Coloring::ALL.get(n.wrapping_sub(1)))
        {
            Some(coloring) => state.coloring.set(*coloring),
            None => return false,
        },
    }
    true
}

/// Handles a key while a frame is shown large. Returns `true` if the key does something there.
fn press_in_frame(state: State, key: &str) -> bool {
    match key {
        "ArrowLeft" | "ArrowUp" => actions::step_frame(state, -1),
        "ArrowRight" | "ArrowDown" => actions::step_frame(state, 1),
        "Escape" => actions::show_frame(state, None),
        _ => return false,
    }
    true
}

fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let Some(element) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return false;
    };
    let is_text_input = element.tag_name() == "INPUT"
        && !matches!(
            element.get_attribute("type").as_deref(),
            Some("range" | "radio" | "checkbox" | "file")
        );
    // On a button or a link, Enter activates it and does not rename an instance.
    let is_pressed = event.key() == "Enter"
        && matches!(
            element.tag_name().as_str(),
            "BUTTON" | "A" | "SUMMARY" | "LABEL"
        );
    let editable = element
        .dyn_ref::<HtmlElement>()
        .is_some_and(HtmlElement::is_content_editable);
    is_pressed
        || is_text_input
        || editable
        || matches!(element.tag_name().as_str(), "TEXTAREA" | "SELECT")
}
