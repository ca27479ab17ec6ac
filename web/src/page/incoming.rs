//! What users drop or paste anywhere on the page: files and folders, and addresses of scans.

use std::{cell::Cell, rc::Rc};

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{DataTransfer, Element, Event, Url};

use crate::{
    browser,
    page::{actions, state::State},
    protocol::{Address, Source},
};

/// What a drag or the clipboard calls files.
const FILES: &str = "Files";
/// What a drag calls the addresses of links.
const LINKS: &str = "text/uri-list";
/// What a drag or the clipboard calls text.
const TEXT: &str = "text/plain";
/// What programs call formatted text, beside which they may have a picture of it.
const FORMATTED: &str = "text/html";
/// Longest text in which addresses are looked for, bytes.
const LONGEST: usize = 64 << 10;

/// The addresses that a text consists of, with blanks or lines between them; `None` if there is
/// anything else in it.
pub fn addresses(text: &str) -> Option<Vec<String>> {
    if text.len() > LONGEST {
        return None;
    }
    let is_address = |word: &str| {
        let is_web = |url: Url| matches!(url.protocol().as_str(), "http:" | "https:");
        word.contains("://") && Url::new(word).is_ok_and(is_web)
    };
    let words = text.split_whitespace();
    let all: Option<Vec<String>> = words
        .map(|word| is_address(word).then(|| word.to_owned()))
        .collect();
    all.filter(|all| !all.is_empty())
}

/// Opens what is at an address that a user typed. What cannot be an address is refused like one that
/// cannot be read.
pub fn open_typed(state: State, text: &str) {
    match addresses(text) {
        Some(all) => open(state, all),
        None => actions::open(state, Source::at(text.trim().to_owned())),
    }
}

/// Opens what is at these addresses: scans that become one, a scan, or what a link of this app leads
/// to.
pub fn open(state: State, addresses: Vec<String>) {
    if let [link] = &addresses[..]
        && is_of_app(link, &browser::origin())
    {
        // A browser that refuses stays where it is.
        let _ = browser::window().location().set_href(link);
        return;
    }
    let scenes = addresses.into_iter().map(|url| Address { url, name: None });
    actions::open(state, Source::Urls(scenes.collect()));
}

/// `true` for addresses at which the app of this origin opens something by itself.
fn is_of_app(address: &str, origin: &str) -> bool {
    Url::new(address).is_ok_and(|url| {
        let path = url.pathname();
        url.origin() == origin && (path == "/" || path.starts_with("/s/"))
    })
}

/// Listens for what is dragged over the page and dropped on it, and for what is pasted, as long as
/// its owner lives.
pub fn listen(state: State) {
    listen_for_drags(state);
    let paste = window_event_listener(ev::paste, move |event| {
        // A field may have taken it already.
        if let Some(data) = event
            .clipboard_data()
            .filter(|_| !event.default_prevented())
            && pasted(state, &data, is_in_field(&event))
        {
            event.prevent_default();
        }
    });
    on_cleanup(move || paste.remove());
}

fn listen_for_drags(state: State) {
    // What is dragged from one place of the page to another is not to be opened.
    let is_own = Rc::new(Cell::new(false));
    let (begun, ended, own) = (is_own.clone(), is_own.clone(), is_own.clone());
    let start = window_event_listener(ev::dragstart, move |_| begun.set(true));
    let end = window_event_listener(ev::dragend, move |_| ended.set(false));
    let over = window_event_listener(ev::dragover, move |event| {
        let data = event.data_transfer().filter(|_| !own.get());
        if data.is_some_and(|data| has(&data, FILES) || has(&data, LINKS)) {
            event.prevent_default();
            state.dragging.set(true);
        }
    });
    let leave = window_event_listener(ev::dragleave, move |event| {
        // `related_target` is `None` only when the pointer leaves the window, not when it moves
        // between elements.
        if event.related_target().is_none() {
            state.dragging.set(false);
        }
    });
    let drop = window_event_listener(ev::drop, move |event| {
        state.dragging.set(false);
        let Some(data) = event.data_transfer() else {
            return;
        };
        let is_own = is_own.replace(false);
        // The browser puts text into the field where it is dropped.
        if is_own && is_in_field(&event) {
            return;
        }
        event.prevent_default();
        if !is_own {
            dropped(state, &data);
        }
    });
    on_cleanup(move || {
        start.remove();
        end.remove();
        over.remove();
        leave.remove();
        drop.remove();
    });
}

fn dropped(state: State, data: &DataTransfer) {
    if has(data, FILES) {
        actions::open_dropped(state, data);
    } else if let Some(links) = links(data).filter(|_| !browser::dialog_is_open()) {
        open(state, links);
    }
}

/// The addresses of the links that are dragged.
fn links(data: &DataTransfer) -> Option<Vec<String>> {
    let list = data.get_data(LINKS).ok()?;
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    addresses(&lines.collect::<Vec<_>>().join("\n"))
}

/// Opens what was pasted, if it is for the page: files, and addresses outside of fields and dialogs.
/// Returns `true` if it is.
fn pasted(state: State, data: &DataTransfer, in_field: bool) -> bool {
    let is_text = has(data, FORMATTED) || in_field && has(data, TEXT);
    if has(data, FILES) && !is_text {
        actions::open_dropped(state, data);
        return true;
    }
    if in_field || browser::dialog_is_open() {
        return false;
    }
    let all = data.get_data(TEXT).ok().and_then(|text| addresses(&text));
    let is_ours = all.is_some();
    all.into_iter().for_each(|all| open(state, all));
    is_ours
}

fn has(data: &DataTransfer, kind: &str) -> bool {
    data.types().includes(&kind.into(), 0)
}

/// `true` if the event is about an element into which the user types.
fn is_in_field(event: &Event) -> bool {
    let element = event.target().and_then(|target| target.dyn_into().ok());
    element.is_some_and(|element: Element| browser::takes_text(&element))
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn addresses_are_told_from_other_text() {
        for (text, count) in [
            ("https://example.org/room.ply", 1),
            ("  http://127.0.0.1:1/a b\n", 0),
            ("https://a.org/1.ply\nhttps://a.org/2.ply\r\n", 2),
            ("HTTPS://a.org/1.ply https://a.org/2.ply", 2),
            ("look at https://a.org/1.ply", 0),
            ("ftp://a.org/1.ply", 0),
            ("javascript://a.org/%0aalert(1)", 0),
            ("file:///etc/passwd", 0),
            ("https:", 0),
            ("chair, table", 0),
            (" \n", 0),
            ("", 0),
        ] {
            let found = addresses(text).map_or(0, |all| all.len());
            assert_eq!(found, count, "{text}");
        }
        let long = "https://a.org/1.ply ".repeat(LONGEST / 20);
        assert!(addresses(&long).is_some());
        assert!(addresses(&format!("{long} {long}")).is_none());
    }

    #[wasm_bindgen_test]
    fn links_of_the_app_are_told_from_scans_beside_it() {
        let origin = "https://segscape.example.org";
        for (path, own) in [
            ("/", true),
            ("/?scene=https://a.org/1.ply", true),
            ("/s/0123#view=1,2,3,4,5,6", true),
            ("/samples/bedroom.ply", false),
            ("/shared", false),
        ] {
            let address = format!("{origin}{path}");
            assert_eq!(is_of_app(&address, origin), own, "{path}");
        }
        assert!(!is_of_app("https://example.org/s/0123", origin));
        assert!(!is_of_app("no address", origin));
    }
}
