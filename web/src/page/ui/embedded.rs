//! A shared scene in a frame of another page: the picture, and a link to the whole page.

use leptos::prelude::*;

use super::{ErrorBanner, Progress, ViewerCanvas, WantedDialog};
use crate::{
    page::{embedding::Embedding, state::State},
    text::tr,
};

/// The page in a frame.
#[component]
pub fn Embedded(embedding: Embedding) -> impl IntoView {
    let state = State::expect();
    let whole = state.wishes.with_value(|wishes| wishes.shared.clone());
    let whole = whole.filter(|_| !embedding.bare).map(|id| {
        view! {
            <a class="whole card" href=format!("/s/{id}") target="_blank" rel="noopener" data-testid="whole-page">
                {tr("Open in Segscape")}
            </a>
        }
    });
    view! {
        <main class="app embedded" class:has-scan=move || state.scan.with(Option::is_some)>
            <ViewerCanvas />
            <Progress />
            <ErrorBanner />
            <WantedDialog />
            {whole}
        </main>
    }
}
