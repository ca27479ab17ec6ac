//! Sharing: the offer to send the scene, the scene on its way, and its links; links that send nothing;
//! and the links of earlier visits.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;

use super::{
    dialog::Dialog,
    icon::{Glyph, Icon},
    link::{Copy, Link},
    offer::Offer,
    sending::SendingLine,
};
use crate::{
    browser,
    page::{
        address,
        share::{self, Shared},
        state::State,
    },
    protocol::{Source, UNNAMED},
    text::{said, said_with, tr},
};

/// The button that opens the dialog.
#[component]
pub fn ShareButton() -> impl IntoView {
    let state = State::expect();
    let words = move || match state.uploading.sending.get() {
        None => said("Share").to_owned(),
        Some(sending) if sending.pause.is_some() => said("Sharing waits").to_owned(),
        Some(sending) => said_with("Sharing {percent} %", &[("percent", &sending.percent())]),
    };
    view! {
        <button
            class="button primary"
            title=tr("A link to this scene. You see what is sent before it is.")
            aria-haspopup="dialog"
            data-testid="share-button"
            disabled=move || !state.is_segmented()
            on:click=move |_| state.sharing.set(true)
        >
            <Glyph icon=Icon::Share />
            {words}
        </button>
    }
}

/// The dialog. Its content is made anew whenever it opens, because the scene may have changed.
#[component]
pub fn SharingDialog() -> impl IntoView {
    let state = State::expect();
    let content = move || {
        // The link that the scene on screen shall take over, of those that are kept.
        let taken_over = RwSignal::new(None);
        view! {
            <Scene taken_over />
            <ByUrl />
            <Kept taken_over />
        }
    };
    view! {
        <Dialog class="sharing" title=tr("Share") open=state.sharing on_close=move || state.sharing.set(false)>
            <Show when=move || state.sharing.get()>{content()}</Show>
        </Dialog>
    }
}

/// The scene on screen: the offer to share it, what is on its way, or its links.
#[component]
fn Scene(taken_over: RwSignal<Option<Shared>>) -> impl IntoView {
    let state = State::expect();
    let deleted = RwSignal::new(false);
    let is_sent = Memo::new(move |_| state.uploading.sending.with(Option::is_some));
    Effect::new(move |_| {
        if is_sent.get() {
            taken_over.set(None);
        }
    });
    let content = move || match (taken_over.get(), state.shared.get()) {
        _ if is_sent.get() => view! { <SendingLine /> }.into_any(),
        (Some(link), _) => view! { <Offer own=Some(link) /> }.into_any(),
        (None, Some(shared)) => {
            let is_new = state.sent.with_untracked(|sent| {
                let edits = state.edits.read_untracked();
                !edits.present().are_as(sent)
            });
            let again = shared.clone();
            let again = move || view! { <Again shared=again.clone() is_new /> };
            let (before, after) = match is_new {
                true => (Some(again()), None),
                false => (None, Some(again())),
            };
            view! { {before} <Links shared deleted /> {after} }.into_any()
        }
        (None, None) if state.is_segmented() => view! { <Offer own=None /> }.into_any(),
        (None, None) => ().into_any(),
    };
    view! {
        <p role="status" data-testid="share">
            {move || deleted.get().then(|| said("Deleted. The link no longer works."))}
        </p>
        {content}
    }
}

/// The offer to send the scene once more, unfolded if it is no longer what its link shows.
#[component]
fn Again(shared: Shared, is_new: bool) -> impl IntoView {
    let open = RwSignal::new(is_new);
    let summary = match is_new {
        true => tr("The link shows the scene without your latest changes"),
        false => tr("Send the scene once more, as it looks now"),
    };
    let on_toggle = move |event| open.set(event_target::<Element>(&event).has_attribute("open"));
    view! {
        <details class="again" data-testid="again" open=is_new on:toggle=on_toggle>
            <summary>{summary}</summary>
            <Show when=move || open.get()>
                <Offer own=Some(shared.clone()) />
            </Show>
        </details>
    }
}

/// The links of the scene on screen, which is on the server.
#[component]
fn Links(shared: Shared, deleted: RwSignal<bool>) -> impl IntoView {
    let state = State::expect();
    let problem = RwSignal::new(None::<String>);
    let expires = shared.expires;
    let (link, manage, frame) = (shared.link(), shared.manage_link(), shared.frame());
    let is_kept = state
        .links
        .with_untracked(|links| links.iter().any(|link| link.id == shared.id));
    let secret = match is_kept {
        true => tr(
            "Secret link: whoever has it can replace and delete the scene. This browser keeps it, too.",
        ),
        false => tr(
            "Secret link: whoever has it can replace and delete the scene. It is no longer in the address of this page; copy it, because it is forgotten when this tab is closed.",
        ),
    };
    let copied = frame.clone();
    let delete = move |_| {
        delete(state, shared.clone(), problem, move || {
            deleted.try_set(true);
        });
    };
    view! {
        <div class="links">
            <Link label=tr("Link to send") link testid="share-link" />
            {expires.map(|expires| view! { <p class="muted">{move || until(expires)}</p> })}
            <details class="frame" data-testid="embed">
                <summary>{tr("Embed in another page")}</summary>
                <pre data-testid="embed-code">{frame}</pre>
                <Copy text=move || copied.clone() words=tr("Copy") testid="copy-embed" />
            </details>
            <Link label=secret link=manage testid="delete-link" secret=true />
            <Show when=move || problem.with(Option::is_some)>
                <p class="refusal" role="alert">{move || problem.get()}</p>
            </Show>
            <button class="button small" data-testid="delete-button" on:click=delete>
                <Glyph icon=Icon::Trash />
                {tr("Delete the shared scene")}
            </button>
        </div>
    }
}

/// How long a link works, in words.
pub fn until(expires: u64) -> String {
    said_with(
        "The link works until {day}.",
        &[("day", &browser::day(expires))],
    )
}

/// Deletes a scene on the server and forgets its link. A scene that is gone already is deleted, too.
fn delete(
    state: State,
    shared: Shared,
    problem: RwSignal<Option<String>>,
    then: impl FnOnce() + 'static,
) {
    spawn_local(async move {
        match share::delete(&shared).await {
            Ok(()) => {
                share::forget(state, &shared.id);
                if state
                    .shared
                    .with_untracked(|now| now.as_ref().is_some_and(|now| now.id == shared.id))
                {
                    state.shared.set(None);
                }
                then();
            }
            Err(error) => drop(problem.try_set(Some(error.to_string()))),
        }
    });
}

/// A link to the scan where it is, for scans that came from there.
#[component]
fn ByUrl() -> impl IntoView {
    let state = State::expect();
    let link = move || {
        let is_elsewhere = matches!(state.source.get(), Some(Source::Urls(_)));
        let link = address::link(state).filter(|_| is_elsewhere)?;
        Some(view! {
            <section class="by-url">
                <h3>{tr("A link by address alone")}</h3>
                <p class="muted">{tr("Nothing is sent: whoever opens it gets the scan from where you got it, and finds the things anew, in this view. Names and other changes of yours are not in it.")}</p>
                <Link label=tr("Link to send") link testid="url-link" />
            </section>
        })
    };
    view! { {link} }
}

/// The links that this browser keeps.
#[component]
fn Kept(taken_over: RwSignal<Option<Shared>>) -> impl IntoView {
    let state = State::expect();
    let problem = RwSignal::new(None::<String>);
    let row = move |shared: Shared| {
        let link = shared.link();
        let name = match shared.name.as_str() {
            "" => UNNAMED.to_owned(),
            name => name.to_owned(),
        };
        let expires = shared.expires;
        let copied = link.clone();
        let named = StoredValue::new(name.clone());
        let label = move || named.with_value(|name| said_with("Delete {name}", &[("name", name)]));
        let update = move || {
            named.with_value(|name| {
                said_with(
                    "Let the link to {name} show the scene on screen",
                    &[("name", name)],
                )
            })
        };
        let (id, other) = (shared.id.clone(), shared.clone());
        let can_take_over = move || {
            let is_own = state
                .shared
                .with(|own| own.as_ref().is_some_and(|own| own.id == id));
            state.is_segmented() && !is_own && state.uploading.sending.with(Option::is_none)
        };
        view! {
            <li data-testid="kept-link">
                <span class="name">
                    <a href=link target="_blank" rel="noopener noreferrer">{name}</a>
                    <span class="muted">{move || expires.map(until)}</span>
                </span>
                <Show when=can_take_over>
                    <button
                        class="button small"
                        type="button"
                        aria-label=update
                        title=update
                        data-testid="update-kept"
                        on:click={
                            let other = other.clone();
                            move |_| taken_over.set(Some(other.clone()))
                        }
                    >
                        {tr("Update …")}
                    </button>
                </Show>
                <Copy text=move || copied.clone() words=tr("Copy") testid="copy-kept" />
                <button class="button small square" aria-label=label title=label data-testid="delete-kept" on:click=move |_| delete(state, shared.clone(), problem, || ())>
                    <Glyph icon=Icon::Trash />
                </button>
            </li>
        }
    };
    view! {
        <Show when=move || state.links.with(|links| !links.is_empty())>
            <section class="kept">
                <h3>{tr("Links that you shared")}</h3>
                <p class="muted">{tr("This browser keeps them, with the secrets that replace and delete what they show.")}</p>
                <Show when=move || problem.with(Option::is_some)>
                    <p class="refusal" role="alert">{move || problem.get()}</p>
                </Show>
                <ul>
                    <For each=move || state.links.get().into_iter().rev() key=|shared| shared.id.clone() let:shared>
                        {row(shared)}
                    </For>
                </ul>
            </section>
        </Show>
    }
}
