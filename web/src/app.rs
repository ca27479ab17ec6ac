//! The page: one context, one picture, the panels over it.

use leptos::{ev, prelude::*};
use wasm_bindgen::prelude::*;

use crate::{
    actions, browser,
    state::State,
    ui::{
        Backend, DropZone, ErrorBanner, Header, Help, Panel, Progress, Toolbar, ViewerCanvas,
        shortcuts,
    },
};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let state = State::new();
    provide_context(state);
    follow_color_scheme(state);
    shortcuts::listen(state);
    follow_address();
    actions::start(state);
    view! {
        <main class="app" class:has-scan=move || state.scan.with(Option::is_some)>
            <ViewerCanvas />
            <Header />
            <Panel />
            <Toolbar />
            <Progress />
            <Backend />
            <DropZone />
            <ErrorBanner />
            <Help />
        </main>
    }
}

/// The manage link of a scene, opened where the scene is open already, differs only in what loads
/// no page.
fn follow_address() {
    // A reload that the browser refuses leaves the page as it is.
    let listener = window_event_listener(ev::hashchange, |_| {
        drop(browser::window().location().reload())
    });
    on_cleanup(move || listener.remove());
}

/// The picture's surroundings change with the system's dark and light.
fn follow_color_scheme(state: State) {
    let Ok(Some(list)) = browser::window().match_media("(prefers-color-scheme: light)") else {
        return;
    };
    let changed = Closure::<dyn FnMut()>::new(move || state.dark.set(browser::prefers_dark()));
    list.set_onchange(Some(changed.as_ref().unchecked_ref()));
    changed.forget(); // as long as the page
}
