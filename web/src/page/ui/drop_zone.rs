//! Opening a scan: by dropping a file anywhere on the page, by choosing a file, or by giving its
//! URL. The drop zone fills the page while no scan is open and appears while a file is dragged over
//! the page.

use leptos::{ev, html, prelude::*};
use wasm_bindgen::JsCast;

use super::icon::{Glyph, Icon};
use crate::{
    page::{actions, state::State},
    protocol::Source,
};

/// The drop zone, and the listeners for files dragged anywhere over the page.
#[component]
pub fn DropZone() -> impl IntoView {
    let state = State::expect();
    listen(state);
    let input = NodeRef::<html::Input>::new();
    let on_pick = move |_| {
        if let Some(input) = input.get_untracked() {
            actions::open_files(state, input.files());
            input.set_value(""); // so that the same file can be chosen again
        }
    };
    let url = RwSignal::new(String::new());
    let on_url = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let url = url.get_untracked().trim().to_owned();
        if !url.is_empty() {
            actions::open(state, Source::Url(url));
        }
    };
    let empty = move || state.scan.with(Option::is_none) && state.opening.with(Option::is_none);
    view! {
        <input
            node_ref=input
            id="file-input"
            class="visually-hidden"
            type="file"
            accept=".ply,.pcd,.segscape"
            data-testid="file-input"
            aria-label="Choose a scan"
            on:change=on_pick
        />
        <section
            class="drop-zone"
            class:empty=empty
            class:dragging=move || state.dragging.get()
            data-testid="drop-zone"
            aria-label="Open a scan"
            inert=move || !empty()
        >
            <div class="invitation">
                <div class="target">
                    <Glyph icon=Icon::Cube />
                    <h2>"Drop a scan of a room"</h2>
                    <p>"PLY or PCD, a point cloud or a mesh. You get every object in it as a separate, named instance."</p>
                    <label class="button primary" for="file-input">
                        "Choose a file"
                    </label>
                </div>
                <form class="address" on:submit=on_url>
                    <input
                        type="url"
                        class="field"
                        placeholder="or paste its address: https://…"
                        aria-label="Address of a scan"
                        prop:value=url
                        on:input=move |event| url.set(event_target_value(&event))
                    />
                    <button class="button" type="submit">
                        "Open"
                    </button>
                </form>
                <p class="privacy">"Everything runs in this tab. Nothing leaves your machine until you press Share."</p>
            </div>
        </section>
    }
}

/// Listens for drag events on the window, so that files can be dropped anywhere on the page.
fn listen(state: State) {
    let has_files = |event: &ev::DragEvent| {
        event
            .data_transfer()
            .is_some_and(|data| data.types().includes(&"Files".into(), 0))
    };
    let over = window_event_listener(ev::dragover, move |event| {
        if has_files(&event) {
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
        event.prevent_default();
        state.dragging.set(false);
        let event: &web_sys::DragEvent = event.unchecked_ref();
        actions::open_files(state, event.data_transfer().and_then(|data| data.files()));
    });
    on_cleanup(move || {
        over.remove();
        leave.remove();
        drop.remove();
    });
}
