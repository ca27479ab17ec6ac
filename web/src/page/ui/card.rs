//! The model card: what the network learned from, how good it is, and what it fails at.

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;

use crate::{
    page::{own_files::fetched, state::State},
    text::{said, said_with, tr},
};

/// The card as a piece of HTML, which the build of the app makes of `MODEL_CARD.md`.
const CARD: &str = "/model-card.html";
/// What the card begins with. Servers may answer with the page where a file is missing.
const BEGINNING: &str = "<h3>";
/// The list of the models in use.
const INDEX: &str = "/models/index.json";

/// What the page reads of the list of models.
#[derive(Deserialize)]
struct Shipped {
    network: String,
}

/// The name of the network, and its card, which is fetched when it is unfolded.
#[component]
pub fn ModelCard() -> impl IntoView {
    let state = State::expect();
    let shipped = RwSignal::new(None::<String>);
    spawn_local(async move {
        // Without an answer, nothing is said of it; the card names it, too.
        let list = fetched(INDEX).await.ok();
        let list = list.and_then(|file| serde_json::from_slice::<Shipped>(&file).ok());
        shipped.try_set(list.map(|list| list.network));
    });
    let names = move || {
        let shipped = shipped.get();
        let used = Some(state.model.get());
        let used = used.filter(|used| !used.is_empty() && shipped.as_ref() != Some(used));
        let shipped =
            shipped.map(|name| said_with("New scans are searched by {name}.", &[("name", &name)]));
        let used = used.map(|name| {
            said_with(
                "The things on screen were found by {name}.",
                &[("name", &name)],
            )
        });
        let said = [shipped, used].into_iter().flatten();
        said.collect::<Vec<_>>().join(" ")
    };
    let card = RwSignal::new(None::<Result<String, String>>);
    let load = move || {
        card.set(None);
        spawn_local(async move {
            // The dialog may be closed by now.
            card.try_set(Some(read().await));
        });
    };
    let on_toggle = move |event| {
        let is_open = event_target::<Element>(&event).has_attribute("open");
        if is_open && !card.with_untracked(|card| matches!(card, Some(Ok(_)))) {
            load();
        }
    };
    let content = move || {
        match card.get() {
        None => view! { <p class="muted" role="status">{tr("The model card is loading …")}</p> }.into_any(),
        // It is of the app's own making.
        Some(Ok(html)) => view! { <article class="model-card" lang="en" data-testid="model-card-text" inner_html=html></article> }.into_any(),
        Some(Err(problem)) => view! {
            <p class="refusal" role="alert" data-testid="model-card-problem">{problem}</p>
            <button class="button small" type="button" data-testid="model-card-again" on:click=move |_| load()>
                {tr("Try again")}
            </button>
        }
        .into_any(),
    }
    };
    view! {
        <p data-testid="model-names">{names}</p>
        <details data-testid="model-card" on:toggle=on_toggle>
            <summary>{tr("Model card: what the network learned from, how good it is, and what it fails at")}</summary>
            {content}
        </details>
    }
}

/// The card, or why it is not there, in words.
async fn read() -> Result<String, String> {
    let file = fetched(CARD).await.and_then(|file| {
        let card = String::from_utf8(file).ok();
        let card = card.filter(|card| card.starts_with(BEGINNING));
        card.ok_or_else(|| said("the server has something else in its place").to_owned())
    });
    file.map_err(|problem| {
        said_with(
            "The model card could not be loaded: {problem}",
            &[("problem", &problem)],
        )
    })
}
