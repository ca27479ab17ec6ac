//! The page: one context, the 3D view and the panels over it.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::{
    browser,
    page::{
        actions,
        image_models::ImageModels,
        language, preferences,
        state::State,
        ui::{
            Backend, DropZone, Embedded, EndpointDialogs, ErrorBanner, FlyHint, Frames, Header,
            Help, ImageModelList, NoticeLine, Panel, Progress, SelectedBar, SharingDialog, Toolbar,
            ViewMenu, ViewerCanvas, WantedDialog, fly, shortcuts,
        },
    },
};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let state = State::new();
    provide_context(state);
    provide_context(ImageModels::new());
    follow_color_scheme(state);
    preferences::follow(state);
    language::follow(state);
    fly::listen(state); // before the shortcuts, which have some of the same keys
    shortcuts::listen(state);
    actions::start(state);
    match state.wishes.with_value(|wishes| wishes.embedding) {
        Some(embedding) => view! { <Embedded embedding /> }.into_any(),
        None => view! { <Whole /> }.into_any(),
    }
}

/// All of the page, outside of frames.
#[component]
fn Whole() -> impl IntoView {
    let state = State::expect();
    let has_strip = move || state.cameras.get() && state.frames.with(|frames| !frames.is_empty());
    view! {
        <main class="app" class:has-scan=move || state.scan.with(Option::is_some) class:has-strip=has_strip>
            <ViewerCanvas />
            <Header />
            <Panel />
            <Toolbar />
            <ViewMenu />
            <SelectedBar />
            <FlyHint />
            <Frames />
            <Progress />
            <Backend />
            <DropZone />
            <NoticeLine />
            <ErrorBanner />
            <Help />
            <ImageModelList />
            <EndpointDialogs />
            <SharingDialog />
            <WantedDialog />
        </main>
    }
}

/// Notices when the system switches between dark and light.
fn follow_color_scheme(state: State) {
    let Ok(Some(list)) = browser::window().match_media("(prefers-color-scheme: light)") else {
        return;
    };
    let changed =
        Closure::<dyn FnMut()>::new(move || state.dark_system.set(browser::prefers_dark()));
    list.set_onchange(Some(changed.as_ref().unchecked_ref()));
    changed.forget(); // lives as long as the page
}
