//! Sharing: what a link to the scene would send, before it does; links that send nothing; and the
//! links of earlier visits.

use leptos::{ev, prelude::*};
use segscape::preflight::Color;
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

use super::{
    dialog::Dialog,
    icon::{Glyph, Icon},
    link::{Copy, Link},
};
use crate::{
    browser,
    edits::Edits,
    numbers::{grouped, megabytes},
    page::{
        actions, address, preview,
        share::{self, Expiry, Shared},
        state::State,
    },
    protocol::{Bulk, Source, UNNAMED},
};

/// The button that opens the dialog.
#[component]
pub fn ShareButton() -> impl IntoView {
    let state = State::expect();
    view! {
        <button
            class="button primary"
            title="A link to this scene. You see what is sent before it is."
            aria-haspopup="dialog"
            data-testid="share-button"
            disabled=move || !state.is_segmented()
            on:click=move |_| state.sharing.set(true)
        >
            <Glyph icon=Icon::Share />
            "Share"
        </button>
    }
}

/// The dialog. Its content is made anew whenever it opens, because the scene may have changed.
#[component]
pub fn SharingDialog() -> impl IntoView {
    let state = State::expect();
    view! {
        <Dialog class="sharing" title="Share" open=state.sharing on_close=move || state.sharing.set(false)>
            <Show when=move || state.sharing.get()>
                <Scene />
                <ByUrl />
                <Kept />
            </Show>
        </Dialog>
    }
}

/// The scene on screen: the offer to share it, or its links.
#[component]
fn Scene() -> impl IntoView {
    let state = State::expect();
    let deleted = RwSignal::new(false);
    let content = move || match state.shared.get() {
        Some(shared) => view! { <Links shared deleted /> }.into_any(),
        None if state.is_segmented() => view! { <Offer /> }.into_any(),
        None => ().into_any(),
    };
    view! {
        <p role="status" data-testid="share">
            {move || deleted.get().then_some("Deleted. The link no longer works.")}
        </p>
        {content}
    }
}

/// What would be sent, and the button that sends it.
#[component]
fn Offer() -> impl IntoView {
    let state = State::expect();
    let (named, expiry) = (RwSignal::new(false), RwSignal::new(Expiry::default()));
    let packed = RwSignal::new_local(None::<(Bulk, Edits)>);
    let problem = RwSignal::new(None::<String>);
    let sending = RwSignal::new(false);
    Effect::new(move |_| {
        let with_name = named.get();
        packed.set(None);
        let edits = state.edits.read_untracked().present().clone();
        actions::pack(state, edits.clone(), with_name, move |bundle| {
            // The box may have been ticked again meanwhile, or the dialog closed.
            if named.try_get_untracked() == Some(with_name) {
                packed.set(Some((bundle, edits)));
            }
        });
    });
    let send = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Some((bundle, edits)) = packed.get_untracked() else {
            return;
        };
        sending.set(true);
        problem.set(None);
        let (expiry, named) = (expiry.get_untracked(), named.get_untracked());
        let name = name_of_scan(state);
        spawn_local(async move {
            let picture = preview::picture(state).await;
            match share::upload(&bundle, expiry, name, named).await {
                Ok(shared) => {
                    illustrate(&shared, picture).await;
                    share::keep(state, shared.clone());
                    state.saved.set(Some(edits));
                    state.shared.set(Some(shared));
                }
                Err(error) => drop(problem.try_set(Some(error.to_string()))),
            }
            sending.try_set(false);
        });
    };
    let size = move || match packed
        .with(|packed| packed.as_ref().map(|(bundle, _)| bundle.0.byte_length()))
    {
        Some(bytes) => megabytes(u64::from(bytes)),
        None => "…".to_owned(),
    };
    let words = move || match (sending.get(), packed.with(Option::is_some)) {
        (true, _) => "Sending …",
        (false, false) => "Packing …",
        (false, true) => "Send and get a link",
    };
    view! {
        <form class="offer" on:submit=send>
            <p>
                "Whoever has the link sees the scene and can ask for other things in it. The link is listed nowhere. It takes "
                <b data-testid="share-size">{size}</b> " and a small picture, sent to the server of this page:"
            </p>
            <ul class="sent" data-testid="sent">{move || sent(state, named.get()).into_iter().map(|part| view! { <li>{part}</li> }).collect_view()}</ul>
            <p class="muted" data-testid="not-sent">{not_sent(state)}</p>
            <Show when=move || name_of_scan(state) != UNNAMED>
                <label class="choice">
                    <input type="checkbox" data-testid="share-name" prop:checked=named on:change=move |event| named.set(event_target_checked(&event)) />
                    <span>"Send the name of the file, too: " <b>{name_of_scan(state)}</b></span>
                </label>
            </Show>
            <Lifetime expiry />
            <Show when=move || problem.with(Option::is_some)>
                <p class="refusal" role="alert" data-testid="share-problem">{move || problem.get()}</p>
            </Show>
            <button class="button primary" type="submit" data-testid="send-button" disabled=move || sending.get() || packed.with(Option::is_none)>
                {words}
            </button>
        </form>
    }
}

#[component]
fn Lifetime(expiry: RwSignal<Expiry>) -> impl IntoView {
    let on_change = move |event| {
        let name = event_target_value(&event);
        let chosen = Expiry::ALL.iter().find(|(_, known)| *known == name);
        if let Some((chosen, _)) = chosen {
            expiry.set(*chosen);
        }
    };
    let option = move |(value, name)| view! { <option selected=value == expiry.get_untracked()>{name}</option> };
    view! {
        <label class="choice">
            <span>"The link works for"</span>
            <select class="field" data-testid="lifetime" on:change=on_change>
                {Expiry::ALL.map(option).collect_view()}
            </select>
        </label>
    }
}

/// Uploads the preview picture. The link works without one, too.
async fn illustrate(shared: &Shared, picture: Option<Blob>) {
    let Some(picture) = picture else {
        return;
    };
    if let Err(error) = share::illustrate(shared, &picture).await {
        web_sys::console::warn_1(&format!("the link has no picture: {error}").into());
    }
}

/// The name of the scan on screen.
fn name_of_scan(state: State) -> String {
    state
        .scan
        .with_untracked(|scan| scan.as_ref().map(|scan| scan.name.clone()))
        .unwrap_or_default()
}

/// The parts of what is sent, in words.
fn sent(state: State, named: bool) -> Vec<String> {
    let scan = state.scan.read();
    let Some(scan) = scan.as_ref() else {
        return Vec::new();
    };
    let colors = match scan.preflight.color.value {
        Color::Present => " with their colours",
        _ => "",
    };
    let mut parts = vec![
        format!("{} points{colors}", grouped(scan.points as usize)),
        format!(
            "{} things with their names, also those that are hidden now, and what tells them apart",
            state.instances.with(Vec::len)
        ),
        "this view, the prompt and the threshold".to_owned(),
        "where the scan lies in its own coordinates, and its unit".to_owned(),
        "a picture of this view, which programs show beside the link".to_owned(),
    ];
    if named {
        parts.push(format!("the name {}", scan.name));
    }
    parts
}

/// What stays on this machine, in words.
fn not_sent(state: State) -> &'static str {
    match state.frames.with_untracked(Vec::is_empty) {
        true => "Not sent: the file itself and what else it holds.",
        false => "Not sent: the frames of the capture and its files.",
    }
}

/// The links of the scene on screen, which is on the server.
#[component]
fn Links(shared: Shared, deleted: RwSignal<bool>) -> impl IntoView {
    let state = State::expect();
    let problem = RwSignal::new(None::<String>);
    let until = shared.expires.map(until);
    let (link, manage, frame) = (shared.link(), shared.manage_link(), shared.frame());
    let copied = frame.clone();
    let delete = move |_| {
        delete(state, shared.clone(), problem, move || {
            deleted.try_set(true);
        });
    };
    view! {
        <div class="links">
            <Link label="Link to send" link testid="share-link" />
            {until.map(|until| view! { <p class="muted">{until}</p> })}
            <details class="frame" data-testid="embed">
                <summary>"Embed in another page"</summary>
                <pre data-testid="embed-code">{frame}</pre>
                <Copy text=move || copied.clone() words="Copy" testid="copy-embed" />
            </details>
            <Link label="Secret link: whoever has it can delete the scene. This browser keeps it, too." link=manage testid="delete-link" secret=true />
            <Show when=move || problem.with(Option::is_some)>
                <p class="refusal" role="alert">{move || problem.get()}</p>
            </Show>
            <button class="button small" data-testid="delete-button" on:click=delete>
                <Glyph icon=Icon::Trash />
                "Delete the shared scene"
            </button>
        </div>
    }
}

/// How long a link works, in words.
fn until(expires: u64) -> String {
    format!("The link works until {}.", browser::day(expires))
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
        let is_elsewhere = matches!(state.source.get(), Some(Source::Url { .. }));
        let link = address::link(state).filter(|_| is_elsewhere)?;
        Some(view! {
            <section class="by-url">
                <h3>"A link by address alone"</h3>
                <p class="muted">"Nothing is sent: whoever opens it gets the scan from where you got it, and finds the things anew, in this view. Names and other changes of yours are not in it."</p>
                <Link label="Link to send" link testid="url-link" />
            </section>
        })
    };
    view! { {link} }
}

/// The links that this browser keeps.
#[component]
fn Kept() -> impl IntoView {
    let state = State::expect();
    let problem = RwSignal::new(None::<String>);
    let row = move |shared: Shared| {
        let link = shared.link();
        let name = match shared.name.as_str() {
            "" => "Shared scene".to_owned(),
            name => name.to_owned(),
        };
        let expires = shared.expires.map(until);
        let copied = link.clone();
        let label = format!("Delete {name}");
        view! {
            <li data-testid="kept-link">
                <span class="name">
                    <a href=link target="_blank" rel="noopener noreferrer">{name}</a>
                    <span class="muted">{expires}</span>
                </span>
                <Copy text=move || copied.clone() words="Copy" testid="copy-kept" />
                <button class="button small square" aria-label=label.clone() title=label data-testid="delete-kept" on:click=move |_| delete(state, shared.clone(), problem, || ())>
                    <Glyph icon=Icon::Trash />
                </button>
            </li>
        }
    };
    view! {
        <Show when=move || state.links.with(|links| !links.is_empty())>
            <section class="kept">
                <h3>"Links that you shared"</h3>
                <p class="muted">"This browser keeps them, with the secrets that delete them."</p>
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
