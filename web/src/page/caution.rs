//! When a scan is only shown until the user wants more: on phones, whose memory and data are scarce,
//! and after the browser ended this page while it worked, perhaps because of that work. A worker has
//! no assistant then either.

use js_sys::Reflect;
use leptos::{ev, prelude::*};

use crate::{
    browser,
    page::state::{State, Work},
    text::said,
};

/// Key in the storage of this tab that is there while the worker works. A page that ends in the usual
/// ways deletes it.
const KEY: &str = "segscape.working";
/// Memory of a device, GiB, up to which nothing is kept twice.
const SCARCE: f64 = 2.0;

/// Why nothing is searched before the user says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// It is a phone.
    Phone,
    /// The browser ended this page while it worked.
    Ended,
}

impl Caution {
    /// The reason, for the user.
    pub fn words(self) -> &'static str {
        match self {
            Self::Phone => said("Phones have little memory, so nothing is searched unasked."),
            Self::Ended => said(
                "This page ended while it worked on a scan, so nothing is searched unasked now.",
            ),
        }
    }
}

/// What the storage says when the page starts.
pub fn ended_at_work() -> bool {
    browser::tab_storage().is_some_and(|storage| matches!(storage.get_item(KEY), Ok(Some(_))))
}

/// The reason for caution, if there is one.
pub fn reason(state: State) -> Option<Caution> {
    if state.ended_at_work.get_value() {
        return Some(Caution::Ended);
    }
    (browser::is_narrow() && browser::has_fingers()).then_some(Caution::Phone)
}

/// `true` if the worker may share its work with an assistant, a second program with a network of its
/// own: where there are two cores, memory enough for both, and no reason for caution. Only some
/// browsers say how much memory there is.
pub fn may_share_work(state: State) -> bool {
    let navigator = browser::window().navigator();
    let memory = Reflect::get(&navigator, &"deviceMemory".into());
    let gibibytes = memory.ok().and_then(|memory| memory.as_f64());
    let alone = state.wishes.with_value(|wishes| wishes.alone);
    !alone
        && navigator.hardware_concurrency() >= 2.0
        && gibibytes.is_none_or(|gibibytes| gibibytes > SCARCE)
        && reason(state).is_none()
}

/// Keeps in the storage of this tab whether the worker works. Where there is no storage, nothing is
/// remembered.
pub fn follow(state: State) {
    Effect::new(move |_| match state.work.get() {
        Work::Running => {
            if let Some(storage) = browser::tab_storage() {
                drop(storage.set_item(KEY, "1"));
            }
        }
        Work::Done => {
            // What was too much once was done now.
            state.ended_at_work.set_value(false);
            forget();
        }
        _ => forget(),
    });
    let listener = window_event_listener(ev::pagehide, |_| forget());
    on_cleanup(move || listener.remove());
}

fn forget() {
    if let Some(storage) = browser::tab_storage() {
        drop(storage.remove_item(KEY));
    }
}
