//! Keyboard shortcuts that work anywhere on the page except while the user types text, or a dialog
//! is open.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::{
    browser,
    page::{
        actions,
        coloring::Coloring,
        cutting, editing, lasso, measuring, pointing,
        preferences::{self, Preferences},
        saving,
        selection::Selection,
        state::State,
        tool::{self, Kind},
        viewing,
    },
    view::camera::Side,
};

/// Listens for keys for the lifetime of the page.
pub fn listen(state: State) {
    let listener = window_event_listener(ev::keydown, move |event| {
        let saves = (event.ctrl_key() || event.meta_key()) && event.key() == "s";
        if saves && !state.is_embedded() && !browser::dialog_is_open() {
            // Also while the user types: the browser would save the page.
            event.prevent_default();
            saving::save(state);
        } else if !is_typing(&event) && !browser::dialog_is_open() && press(state, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Handles a key. Returns `true` if the key is a shortcut.
fn press(state: State, event: &ev::KeyboardEvent) -> bool {
    let is_typed = event.key().chars().count() == 1 && !event.ctrl_key() && !event.meta_key();
    let single_keys = state.preferences.with_untracked(|kept| kept.single_keys);
    if event.alt_key() || is_typed && !single_keys {
        return false;
    }
    if state.open_frame.get_untracked().is_some() && press_in_frame(state, &event.key()) {
        return true;
    }
    if press_for_view(state, event) {
        return true;
    }
    if press_to_edit(state, event) {
        return true;
    }
    match (event.key().as_str(), event.ctrl_key() || event.meta_key()) {
        (_, true) => return false,
        ("?", _) => state.help.set(true),
        ("/", _) => browser::focus("prompt"),
        ("c" | "C", _) if !state.frames.with_untracked(Vec::is_empty) => {
            state.cameras.update(|shown| *shown = !*shown);
        }
        ("f" | "F", _) => actions::focus(state),
        ("[", _) => state.preferences.update(|kept| kept.enlarge_points(-0.2)),
        ("]", _) => state.preferences.update(|kept| kept.enlarge_points(0.2)),
        (",", _) => state
            .threshold
            .update(|threshold| *threshold = (*threshold - 0.02).max(0.0)),
        (".", _) => state
            .threshold
            .update(|threshold| *threshold = (*threshold + 0.02).min(1.0)),
        ("Escape", _) if state.view_menu.get_untracked() => state.view_menu.set(false),
        ("Escape", _) if state.flying.get_untracked() => state.flying.set(false),
        ("Escape", _) => {
            state.selection.set(Selection::default());
            state.adding.set(false);
            state.error.set(None);
        }
        (key, _) => match key
            .parse::<usize>()
            .ok()
            .and_then(|n| Coloring::ALL.get(n.wrapping_sub(1)))
        {
            Some(coloring) => preferences::color_by(state, *coloring),
            None => return false,
        },
    }
    true
}

/// Handles a key that changes the things or what is selected. Returns `true` if it does: never in a
/// frame of another page, which shows a scene and leaves it as it is.
fn press_to_edit(state: State, event: &ev::KeyboardEvent) -> bool {
    if state.is_embedded() {
        return false;
    }
    let kind = untrack(|| tool::kind(state));
    let points = matches!(kind, Some(Kind::Point | Kind::Fill));
    let selected = state.selection.with_untracked(Selection::first);
    let on_selected = |act: fn(State, u32)| selected.into_iter().for_each(|id| act(state, id));
    match (event.key().as_str(), event.ctrl_key() || event.meta_key()) {
        ("z", true) => editing::undo(state),
        ("Z", true) | ("y", true) => editing::redo(state),
        ("a", true) if state.is_segmented() => editing::select_all(state),
        (_, true) => return false,
        ("Enter", _) if kind == Some(Kind::Split) => editing::finish_splitting(state),
        ("Enter", _) if kind == Some(Kind::Cut) => cutting::finish(state),
        ("Enter", _) if kind == Some(Kind::Lasso) => lasso::act(state, lasso::Deed::New),
        ("Enter", _) if points => pointing::make(state),
        // After the largest and before the smallest suggestion, the key goes on to the page.
        ("Tab", _) if points && is_over_picture(event) => {
            return pointing::show(state, !event.shift_key());
        }
        ("Escape", _) if kind.is_some() && !state.flying.get_untracked() => tool::take(state, None),
        ("s", _) => editing::toggle_splitting(state),
        ("y", _) => editing::toggle_like(state),
        ("l", _) => lasso::toggle(state),
        ("d", _) => cutting::toggle(state),
        ("p", _) => pointing::toggle(state, false),
        ("i", _) => pointing::toggle(state, true),
        ("<", _) => pointing::resize(state, false),
        (">", _) => pointing::resize(state, true),
        ("k", _) => editing::lock_selected(state),
        ("m", _) => editing::merge(state),
        ("Delete" | "Backspace", _) => editing::delete_selected(state),
        ("h", _) => on_selected(editing::toggle_hidden),
        ("H", _) => editing::show_all(state),
        ("x", _) => on_selected(editing::toggle_isolated),
        ("Enter", _) if selected.is_some() => state.renaming.set(selected),
        _ => return false,
    }
    true
}

/// Handles a key that changes how the scan is looked at. Returns `true` if it does.
fn press_for_view(state: State, event: &ev::KeyboardEvent) -> bool {
    if event.ctrl_key() || event.meta_key() || state.scan.with_untracked(Option::is_none) {
        return false;
    }
    let change = |change: fn(&mut Preferences)| state.preferences.update(change);
    // By its place: with Shift, a digit is another character on every keyboard.
    let digit = event.code().strip_prefix("Digit").map(str::parse::<usize>);
    let side = digit.and_then(|digit| Side::ALL.get(digit.ok()?.wrapping_sub(1)));
    match (event.key().to_lowercase().as_str(), event.shift_key()) {
        ("v", false) => state.flying.update(|flying| *flying = !*flying),
        ("g", false) => change(|kept| kept.guides = !kept.guides),
        ("r", false) => measuring::toggle(state),
        ("b", false) => viewing::toggle_clip(state),
        ("b", true) => change(viewing::next_boxes),
        ("l", true) => change(|kept| kept.names = !kept.names),
        ("x", true) => change(|kept| kept.xray = !kept.xray),
        ("o", true) => change(|kept| kept.orthographic = !kept.orthographic),
        ("c", true) => viewing::toggle_ceiling(state),
        ("p", true) => viewing::take_picture(state),
        (_, true) => match side {
            Some((side, _)) => viewing::look_from(state, *side),
            None => return false,
        },
        _ => return false,
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

/// `true` if the picture has the focus.
fn is_over_picture(event: &ev::KeyboardEvent) -> bool {
    let element = event.target().and_then(|target| target.dyn_into().ok());
    element.is_some_and(|element: Element| element.tag_name() == "CANVAS")
}

/// `true` if the key belongs to the element that has the focus.
pub fn is_typing(event: &ev::KeyboardEvent) -> bool {
    let Some(element) = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
    else {
        return false;
    };
    // On a button or a link, Enter activates it and does not rename an instance.
    let is_pressed = event.key() == "Enter"
        && matches!(
            element.tag_name().as_str(),
            "BUTTON" | "A" | "SUMMARY" | "LABEL"
        );
    is_pressed || browser::takes_text(&element) || element.tag_name() == "SELECT"
}
