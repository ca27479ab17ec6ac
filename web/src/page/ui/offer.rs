//! The offer to send the scene: what would be sent, to which link, for how long, and the button that
//! sends it.

use leptos::{ev, prelude::*};
use segscape::preflight::Color;
use wasm_bindgen_futures::spawn_local;

use super::{segments::Segments, share::until};
use crate::{
    edits::Edits,
    numbers::{grouped, megabytes},
    page::{
        actions, preview,
        share::{Expiry, Shared},
        state::State,
        upload::{self, UploadOrder},
    },
    protocol::{Bulk, InstanceInfo, UNNAMED},
};

/// What becomes of a link that there is.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It leads to the scene from now on.
    Update,
    /// It stays as it is, and the scene gets another one.
    New,
}

/// What would be sent, and the button that sends it.
#[component]
pub fn Offer(
    /// A link that may lead to the scene from now on.
    own: Option<Shared>,
) -> impl IntoView {
    let state = State::expect();
    let can_update = own.is_some();
    let way = RwSignal::new(if can_update { Way::Update } else { Way::New });
    let named = RwSignal::new(own.as_ref().is_some_and(|own| own.named));
    let expiry = RwSignal::new(None);
    let own = StoredValue::new(own);
    let packed = packed(state, named);
    let sending = RwSignal::new(false);
    let send = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Some((bundle, edits)) = packed.get_untracked() else {
            return;
        };
        sending.set(true);
        let is_update = way.get_untracked() == Way::Update;
        let chosen = expiry.get_untracked();
        let order = UploadOrder {
            bundle: bundle.0,
            edits,
            picture: None,
            replaces: own.get_value().filter(|_| is_update),
            expiry: chosen.or_else(|| (!is_update).then(Expiry::default)),
            name: name_of_scan(state),
            named: named.get_untracked(),
        };
        spawn_local(async move {
            let picture = preview::picture(state).await;
            upload::start(state, UploadOrder { picture, ..order });
        });
    };
    let size = move || match packed
        .with(|packed| packed.as_ref().map(|(bundle, _)| bundle.0.byte_length()))
    {
        Some(bytes) => megabytes(u64::from(bytes)),
        None => "…".to_owned(),
    };
    let words = move || match (packed.with(Option::is_some), way.get()) {
        (false, _) => "Packing …",
        (true, Way::Update) => "Update the link",
        (true, Way::New) => "Send and get a link",
    };
    let effect = move || match way.get() {
        Way::Update => {
            "Whoever has the link sees this in place of what it shows now, once all of it is there. It takes "
        }
        Way::New => {
            "Whoever has the link sees the scene and can ask for other things in it. The link is listed nowhere. It takes "
        }
    };
    view! {
        <form class="offer" on:submit=send>
            <Show when=move || can_update>
                <Segments
                    legend="Which link"
                    group="which-link"
                    options=vec![(Way::Update, "Update the link"), (Way::New, "New link")]
                    chosen=way
                    on_choose=move |chosen| {
                        expiry.set(None);
                        way.set(chosen);
                    }
                />
            </Show>
            <p>
                {effect} <b data-testid="share-size">{size}</b> " and a small picture, sent to the server of this page:"
            </p>
            <ul class="sent" data-testid="sent">{move || sent(state, named.get()).into_iter().map(|part| view! { <li>{part}</li> }).collect_view()}</ul>
            <p class="muted" data-testid="not-sent">{not_sent(state)}</p>
            <Show when=move || name_of_scan(state) != UNNAMED>
                <label class="choice">
                    <input type="checkbox" data-testid="share-name" prop:checked=named on:change=move |event| named.set(event_target_checked(&event)) />
                    <span>"Send the name of the file, too: " <b>{name_of_scan(state)}</b></span>
                </label>
            </Show>
            {move || {
                let own = own.get_value().filter(|_| way.get() == Way::Update);
                view! { <Lifetime expiry own /> }
            }}
            <button class="button primary" type="submit" data-testid="send-button" disabled=move || sending.get() || packed.with(Option::is_none)>
                {words}
            </button>
        </form>
    }
}

/// The scene as it would be sent, packed anew whenever the name shall come along or not.
fn packed(state: State, named: RwSignal<bool>) -> RwSignal<Option<(Bulk, Edits)>, LocalStorage> {
    let packed = RwSignal::new_local(None);
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
    packed
}

/// The choice of the time for which a link works; a link that there is may keep its own.
#[component]
fn Lifetime(expiry: RwSignal<Option<Expiry>>, own: Option<Shared>) -> impl IntoView {
    /// What a link that there is does unless something else is chosen.
    const AS_BEFORE: &str = "as long as before";
    let on_change = move |event| {
        let name = event_target_value(&event);
        let chosen = Expiry::ALL.iter().find(|(_, known)| *known == name);
        expiry.set(chosen.map(|(chosen, _)| *chosen));
    };
    let is_own = own.is_some();
    let option = move |(value, name)| {
        let selected = !is_own && value == Expiry::default();
        view! { <option selected=selected>{name}</option> }
    };
    let before = own.and_then(|own| own.expires).map(until);
    let note = move || before.clone().filter(|_| expiry.get().is_none());
    view! {
        <label class="choice">
            <span>"The link works for"</span>
            <select class="field" data-testid="lifetime" on:change=on_change>
                {is_own.then(|| view! { <option selected=true>{AS_BEFORE}</option> })}
                {Expiry::ALL.map(option).collect_view()}
            </select>
        </label>
        {move || note().map(|note| view! { <p class="muted">{note}</p> })}
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
    let is_there = |thing: &&InstanceInfo| !thing.superpoints.is_empty();
    let mut parts = vec![
        format!("{} points{colors}", grouped(scan.points as usize)),
        format!(
            "{} things with their names, also those that are hidden now, and what tells them apart",
            state.instances.read().iter().filter(is_there).count()
        ),
        "this view, the prompt and the threshold".to_owned(),
        "where the scan lies in its own coordinates, and its unit".to_owned(),
        "the number of points of the file, and of frames if it was a capture, the name of the network and the version of Segscape".to_owned(),
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
