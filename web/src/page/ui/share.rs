//! A link to the segmented scene. The page creates it only on request; whoever has the second link
//! can delete the scene.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::icon::{Glyph, Icon};
use crate::{
    browser,
    page::{
        actions,
        share::{self, Expiry, Shared},
        state::State,
    },
};

/// The stage that sharing has reached.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Idle,
    Uploading,
    Shared(Shared),
    Deleted,
}

/// The data that the share button sends.
const SENDS: &str = "Sends the points with their colours, the instances, your names for them and this view to the server of this page. \
                     Whoever has the link can see the scene; the link is listed nowhere.";
/// What is said of the frames of a capture.
const WITHOUT_FRAMES: &str =
    "The frames of the capture are not sent: the link shows the points and the instances.";

/// The share button, the choice of how long the link works, and the result of sharing.
#[component]
pub fn Share() -> impl IntoView {
    let state = State::expect();
    // A visitor with the manage link sees the same links as the owner.
    let managed = state.wishes.with_value(|w| {
        Some(Shared {
            id: w.shared.clone()?,
            secret: w.secret.clone()?,
        })
    });
    let stage = RwSignal::new(managed.map_or(Stage::Idle, Stage::Shared));
    // The links do not lead to a scan that is opened later.
    Effect::watch(
        move || state.scan.track(),
        move |(), _, _| stage.set(Stage::Idle),
        false,
    );
    let expiry = RwSignal::new(Expiry::default());
    let upload = move |_| {
        stage.set(Stage::Uploading);
        let edits = state.edits.read_untracked().present().clone();
        actions::pack(state, edits.clone(), move |bundle| {
            spawn_local(async move {
                match share::upload(&bundle, expiry.get_untracked()).await {
                    Ok(shared) => {
                        state.saved.set(Some(edits));
                        stage.set(Stage::Shared(shared));
                    }
                    Err(error) => failed(state, stage, Stage::Idle, &error),
                }
            });
        });
    };
    let delete = move |shared: Shared| {
        spawn_local(async move {
            match share::delete(&shared).await {
                Ok(()) => stage.set(Stage::Deleted),
                Err(error) => failed(state, stage, Stage::Shared(shared), &error),
            }
        });
    };
    let on_expiry = move |event| {
        if let Some((chosen, _)) = Expiry::ALL
            .iter()
            .find(|(_, name)| *name == event_target_value(&event))
        {
            expiry.set(*chosen);
        }
    };
    let nothing_yet = move || !state.is_segmented();
    let options = Expiry::ALL.map(
        |(value, name)| view! { <option selected=value == expiry.get_untracked()>{name}</option> },
    );
    let body = move || {
        match stage.get() {
        Stage::Idle => ().into_any(),
        Stage::Uploading => view! { <p class="share" role="status" data-testid="share">"Packing and sending …"</p> }.into_any(),
        Stage::Shared(shared) => view! { <Links shared delete /> }.into_any(),
        Stage::Deleted => view! { <p class="share" role="status" data-testid="share">"Deleted. The link no longer works."</p> }.into_any(),
    }
    };
    view! {
        <select class="field" aria-label="Lifetime of the link" title="Lifetime of the link" disabled=nothing_yet on:change=on_expiry>
            {options.collect_view()}
        </select>
        <button
            class="button primary"
            title=move || match state.frames.with(Vec::is_empty) {
                true => SENDS.to_owned(),
                false => format!("{SENDS} {WITHOUT_FRAMES}"),
            }
            data-testid="share-button"
            disabled=move || nothing_yet() || stage.get() == Stage::Uploading
            on:click=upload
        >
            <Glyph icon=Icon::Share />
            "Share"
        </button>
        {body}
    }
}

fn failed(state: State, stage: RwSignal<Stage>, back: Stage, error: &share::ShareError) {
    state.error.set(Some(error.to_string()));
    stage.set(back);
}

#[component]
fn Links(shared: Shared, delete: impl Fn(Shared) + Copy + 'static) -> impl IntoView {
    let (link, manage) = (shared.link(), shared.manage_link());
    // On a phone the links lie below the visible part of the panel.
    let links = NodeRef::<leptos::html::Div>::new();
    links.on_load(|links| links.scroll_into_view());
    let state = State::expect();
    let without_frames = move || {
        let has_frames = state.frames.with(|frames| !frames.is_empty());
        has_frames
            .then(|| view! { <p class="muted" data-testid="without-frames">{WITHOUT_FRAMES}</p> })
    };
    view! {
        <div class="share" node_ref=links>
            {without_frames}
            <Link label="Link to send" link testid="share-link" />
            <Link label="Secret link: whoever has it can delete the scene" link=manage testid="delete-link" />
            <button class="button small" data-testid="delete-button" on:click=move |_| delete(shared.clone())>
                <Glyph icon=Icon::Trash />
                "Delete the shared scene"
            </button>
        </div>
    }
}

#[component]
fn Link(label: &'static str, link: String, testid: &'static str) -> impl IntoView {
    let copied = RwSignal::new(false);
    let text = link.clone();
    let copy = move |_| {
        // Browsers refuse this on pages without https; the user can still copy the link by hand.
        drop(browser::window().navigator().clipboard().write_text(&text));
        copied.set(true);
    };
    view! {
        <div>
            <span class="muted">{label}</span>
            <span class="link">
                <a href=link.clone() target="_blank" rel="noopener noreferrer" data-testid=testid>
                    {link.clone()}
                </a>
                <button class="button small square" aria-label="Copy" title="Copy" on:click=copy>
                    <Glyph icon=Icon::Copy />
                </button>
            </span>
            <span class="muted" role="status">
                {move || copied.get().then_some("Copied")}
            </span>
        </div>
    }
}
