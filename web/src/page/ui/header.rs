//! The product name, the name of the scan and the button that opens another scan.

use leptos::prelude::*;

use super::{
    address::FromAddress,
    icon::{Glyph, Icon},
};
use crate::{
    browser,
    page::{
        image_models::ImageModels,
        preferences::{self, Theme},
        saving,
        state::State,
    },
    text::{said_with, tr},
};

/// The header at the top left of the page.
#[component]
pub fn Header() -> impl IntoView {
    let state = State::expect();
    let models = ImageModels::expect();
    let title = move || {
        state
            .scan
            .with(|scan| scan.as_ref().map(|scan| scan.name.clone()))
    };
    Effect::new(move |_| {
        let mark = if state.unsaved.get() { "• " } else { "" };
        let name = title().map_or_else(
            || "Segscape".into(),
            |name| format!("{mark}{name} · Segscape"),
        );
        browser::document().set_title(&name);
    });
    view! {
        <header class="header card">
            <span class="brand">
                <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
                    <path class="a" d="M16 3l11 6.300v6.400L16 9.500 5 15.700V9.300z" />
                    <path class="b" d="M5 17.700l10 5.700v5.800L5 23.500z" />
                    <path class="c" d="M27 17.700l-10 5.700v5.800l10-5.700z" />
                </svg>
                <h1>"Segscape"</h1>
            </span>
            <span class="scan-name" title=title data-testid="scan-name">{title}</span>
            <Show when=move || state.unsaved.get()>
                <button
                    class="button quiet small square unsaved"
                    aria-label=tr("Save the changes as a project")
                    title=tr("There are changes that are in no file: save the project (Ctrl S)")
                    data-testid="unsaved"
                    on:click=move |_| saving::save(state)
                >
                    <Glyph icon=Icon::Save />
                </button>
            </Show>
            <Show when=move || state.scan.with(Option::is_some)>
                <button class="button quiet open" data-testid="open" on:click=move |_| browser::click("file-input")>
                    <Glyph icon=Icon::Open />
                    <span>{tr("Open")}</span>
                </button>
                <button class="button quiet square folder" aria-label=tr("Open the folder of a capture") title=tr("Open the folder of a capture") on:click=move |_| browser::click("folder-input")>
                    <Glyph icon=Icon::Folder />
                </button>
                <FromAddress />
            </Show>
            <ThemeButton />
            <button class="button quiet square" aria-label=tr("2D models") title=tr("2D models") data-testid="image-models" on:click=move |_| models.show()>
                <Glyph icon=Icon::Picture />
            </button>
            <button class="button quiet square" aria-label=tr("Help and shortcuts") title=tr("Help (?)") on:click=move |_| state.help.set(true)>
                <Glyph icon=Icon::Help />
            </button>
        </header>
    }
}

/// The button that goes from one theme to the next.
#[component]
fn ThemeButton() -> impl IntoView {
    let state = State::expect();
    let words = move || {
        said_with(
            "Theme: {name}",
            &[("name", &state.theme.get().title().said())],
        )
    };
    let icon = move || match state.theme.get() {
        Theme::System => Icon::HalfDark,
        Theme::Light => Icon::Sun,
        Theme::Dark => Icon::Moon,
    };
    let next = move |_| preferences::choose_theme(state, state.theme.get_untracked().next());
    view! {
        <button class="button quiet square" aria-label=words title=words data-testid="theme" on:click=next>
            {move || view! { <Glyph icon=icon() /> }}
        </button>
    }
}
