//! The offer to send the scene: what would be sent, all of it or its labels alone, to which link, for
//! how long, and the button that sends it.

use leptos::{ev, prelude::*};
use segscape::{
    bundle::{ContentHash, ScanFile},
    preflight::Color,
};
use wasm_bindgen_futures::spawn_local;

use super::{link::Copy, segments::Segments, share::until};
use crate::{
    edits::Edits,
    numbers::{grouped, megabytes},
    page::{
        actions, preview,
        share::{Expiry, Shared},
        state::State,
        upload::{self, UploadOrder},
    },
    protocol::{Bulk, Contents, InstanceInfo, Source, UNNAMED},
    text::{Text, counted, said, said_around, said_with, tr},
};

/// What becomes of a link that there is.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// It leads to the scene from now on.
    Update,
    /// It stays as it is, and the scene gets another one.
    New,
}

impl Way {
    /// What the button does.
    fn action(self) -> &'static str {
        match self {
            Self::Update => said("Update the link"),
            Self::New => said("Send and get a link"),
        }
    }

    /// What whoever has the link gets.
    fn effect(self) -> &'static str {
        match self {
            Self::Update => said(
                "Whoever has the link sees this in place of what it shows now, once all of it is there.",
            ),
            Self::New => said(
                "Whoever has the link sees the scene and can ask for other things in it. The link is listed nowhere.",
            ),
        }
    }
}

/// What is sent of the scene.
#[derive(Clone, Copy, PartialEq)]
enum What {
    /// All that the page shows.
    Everything,
    /// What is said of the points, for those who have them.
    Labels,
}

/// A scene as it would be sent.
#[derive(Clone)]
struct PackedScene {
    bundle: Bulk,
    edits: Edits,
    hash: ContentHash,
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
    let located = RwSignal::new(own.as_ref().is_some_and(|own| own.located));
    let expiry = RwSignal::new(None);
    let own = StoredValue::new(own);
    let what = RwSignal::new(first_choice(state, own.with_value(Option::clone).as_ref()));
    let contents = move |what| Contents {
        named: named.get(),
        located: located.get() && is_far(state) && what == What::Everything,
        labels_only: what == What::Labels,
    };
    let everything = packed(state, Memo::new(move |_| contents(What::Everything)));
    let labels =
        file_of_scan(state).map(|_| packed(state, Memo::new(move |_| contents(What::Labels))));
    let packed = move || match (what.get(), labels) {
        (What::Labels, Some(labels)) => labels,
        _ => everything,
    };
    let sending = RwSignal::new(false);
    let send = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let Some(PackedScene { bundle, edits, .. }) = untrack(packed).get_untracked() else {
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
            contents: untrack(|| contents(what.get())),
        };
        spawn_local(async move {
            let picture = preview::picture(state).await;
            upload::start(state, UploadOrder { picture, ..order });
        });
    };
    let words = move || match packed().with(Option::is_some) {
        false => said("Packing …"),
        true => way.get().action(),
    };
    let effect = move || way.get().effect();
    view! {
        <form class="offer" on:submit=send>
            <Show when=move || can_update>
                <Segments
                    legend=tr("Which link")
                    group="which-link"
                    options=vec![(Way::Update, tr("Update the link")), (Way::New, tr("New link"))]
                    chosen=way
                    on_choose=move |chosen| {
                        expiry.set(None);
                        way.set(chosen);
                    }
                />
            </Show>
            <Extent what sizes=move || [Some(everything), labels].map(|packed| packed.map(size)) />
            <p>
                {effect}
                " "
                {move || said_around(
                    "It takes {size} and a small picture, sent to the server of this page:",
                    |_| view! { <b data-testid="share-size">{move || size(packed())}</b> }.into_any(),
                )}
            </p>
            <ul class="sent" data-testid="sent">{move || sent(state, contents(what.get())).into_iter().map(|part| view! { <li>{part}</li> }).collect_view()}</ul>
            <p class="muted" data-testid="not-sent">{move || not_sent(state, contents(what.get()))}</p>
            {move || packed().with(|packed| packed.as_ref().map(|packed| view! { <Hash hash=packed.hash /> }))}
            <Personal named located what />
            {move || {
                let own = own.get_value().filter(|_| way.get() == Way::Update);
                view! { <Lifetime expiry own /> }
            }}
            <button class="button primary" type="submit" data-testid="send-button" disabled=move || sending.get() || packed().with(Option::is_none)>
                {words}
            </button>
        </form>
    }
}

/// The choice of what is sent only if its owner says so: the name of the file, and where the scan lies.
#[component]
fn Personal(
    /// If `true`, the name is sent.
    named: RwSignal<bool>,
    /// If `true`, the place is sent.
    located: RwSignal<bool>,
    /// What is sent of the scene.
    what: RwSignal<What>,
) -> impl IntoView {
    let state = State::expect();
    view! {
        <Show when=move || name_of_scan(state) != UNNAMED>
            <label class="choice">
                <input type="checkbox" data-testid="share-name" prop:checked=named on:change=move |event| named.set(event_target_checked(&event)) />
                <span>{move || said_around(
                    "Send the name of the file, too: {name}",
                    |_| view! { <b>{name_of_scan(state)}</b> }.into_any(),
                )}</span>
            </label>
        </Show>
        <Show when=move || is_far(state) && what.get() == What::Everything>
            <label class="choice">
                <input type="checkbox" data-testid="share-place" prop:checked=located on:change=move |event| located.set(event_target_checked(&event)) />
                <span>{move || said_around(
                    "Send where the scan lies in its own coordinates, too: {place}",
                    |_| view! { <b>{place(state)}</b> }.into_any(),
                )}</span>
            </label>
        </Show>
    }
}

/// The choice between all of the scene and its labels alone, with the sizes of both, and what whoever
/// opens the link needs; or why there is no choice.
#[component]
fn Extent(
    /// The choice.
    what: RwSignal<What>,
    /// How large everything is, and the labels alone if they can be sent.
    sizes: impl Fn() -> [Option<String>; 2] + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let state = State::expect();
    let Some(file) = file_of_scan(state) else {
        let why = why_whole(state);
        return view! { <p class="muted" data-testid="no-labels-only">{why}</p> }.into_any();
    };
    let words = move || {
        let [everything, labels] = sizes().map(Option::unwrap_or_default);
        said_with(
            "Everything takes {everything}, the labels alone {labels}.",
            &[("everything", &everything), ("labels", &labels)],
        )
    };
    let needed = move || match what.get() {
        What::Everything => said("Whoever opens the link needs nothing else.").to_owned(),
        What::Labels => needed(state, &file),
    };
    view! {
        <Segments
            legend=tr("What is sent")
            group="what-is-sent"
            options=vec![(What::Everything, tr("Everything")), (What::Labels, tr("Labels only"))]
            chosen=what
            on_choose=move |chosen| what.set(chosen)
        />
        <p class="muted" data-testid="sizes">{words}</p>
        <p data-testid="needed">{needed}</p>
    }
    .into_any()
}

/// The hash of what is sent.
#[component]
fn Hash(hash: ContentHash) -> impl IntoView {
    let digits = hash.to_string();
    let copied = digits.clone();
    view! {
        <div class="hash">
            <span class="muted" title=tr("The same scan, model, version and view give the same bytes, which have the same hash")>{tr("BLAKE3 of what is sent:")}</span>" "
            <code title=digits data-testid="share-hash">{hash.short()}</code>
            <Copy text=move || copied.clone() words=tr("Copy") testid="copy-hash" />
        </div>
    }
}

/// How large something is that may still be packed.
fn size(packed: RwSignal<Option<PackedScene>, LocalStorage>) -> String {
    let bytes = packed.with(|packed| Some(packed.as_ref()?.bundle.0.byte_length()));
    bytes.map_or_else(|| "…".to_owned(), |bytes| megabytes(u64::from(bytes)))
}

/// The file of the scan on screen, if its labels can be sent alone.
fn file_of_scan(state: State) -> Option<ScanFile> {
    state
        .scan
        .with_untracked(|scan| scan.as_ref().and_then(|scan| scan.file.clone()))
}

/// What is chosen at first: what the link has so far. A scene that came as labels alone knows its file,
/// which no other shared scene does.
fn first_choice(state: State, own: Option<&Shared>) -> What {
    let came_alone = || {
        let source = state.source.read_untracked();
        matches!(source.as_ref().map(Source::opened), Some(Source::Shared(_)))
    };
    match own {
        Some(own) if file_of_scan(state).is_some() && (own.labels_only || came_alone()) => {
            What::Labels
        }
        _ => What::Everything,
    }
}

/// Why the labels cannot be sent alone.
fn why_whole(state: State) -> &'static str {
    match state.frames.with_untracked(Vec::is_empty) {
        true => said(
            "The labels cannot be sent without the points: the scene does not come from the file of one scan.",
        ),
        false => said(
            "The labels cannot be sent without the points: these are made from the frames of a capture.",
        ),
    }
}

/// What whoever opens a link to labels alone needs.
fn needed(state: State, file: &ScanFile) -> String {
    let local = || {
        let name = match name_of_scan(state) {
            name if name == UNNAMED => said("the scan").to_owned(),
            name => name,
        };
        said_with(
            "Whoever opens the link needs the same file, {name} of {size}, and drops it there: the page asks for it and compares its content.",
            &[("name", &name), ("size", &megabytes(file.bytes))],
        )
    };
    match &file.url {
        Some(url) => said_with(
            "Whoever opens the link needs nothing else: the page gets the scan from {url}, unless it is another one by then.",
            &[("url", url)],
        ),
        None => local(),
    }
}

/// The scene or its labels as they would be sent, packed anew whenever something else shall come
/// along.
fn packed(state: State, contents: Memo<Contents>) -> RwSignal<Option<PackedScene>, LocalStorage> {
    let packed = RwSignal::new_local(None);
    Effect::new(move |_| {
        let asked = contents.get();
        packed.set(None);
        let edits = state.edits.read_untracked().present().clone();
        let changes = edits.clone();
        let ready = move |bundle: Bulk| {
            // A box may have been ticked again meanwhile, or the dialog closed.
            if contents.try_get_untracked() == Some(asked) {
                let hash = ContentHash::of(&bundle.to_vec::<u8>());
                packed.set(Some(PackedScene {
                    bundle,
                    edits,
                    hash,
                }));
            }
        };
        actions::pack(state, changes, asked, ready);
    });
    packed
}

/// The choice of the time for which a link works; a link that there is may keep its own.
#[component]
fn Lifetime(expiry: RwSignal<Option<Expiry>>, own: Option<Shared>) -> impl IntoView {
    /// What a link that there is does unless something else is chosen.
    const AS_BEFORE: Text = tr("as long as before");
    let on_change = move |event| {
        let name = event_target_value(&event);
        let chosen = Expiry::ALL
            .iter()
            .find(|(_, known)| known.english() == name);
        expiry.set(chosen.map(|(chosen, _)| *chosen));
    };
    let is_own = own.is_some();
    let option = move |(value, name): (Expiry, Text)| {
        let selected = !is_own && value == Expiry::default();
        view! { <option value=name.english() selected=selected>{name}</option> }
    };
    let before = own.and_then(|own| own.expires);
    let note = move || before.filter(|_| expiry.get().is_none()).map(until);
    view! {
        <label class="choice">
            <span>{tr("The link works for")}</span>
            <select class="field" data-testid="lifetime" on:change=on_change>
                {is_own.then(|| view! { <option value="" selected=true>{AS_BEFORE}</option> })}
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
fn sent(state: State, contents: Contents) -> Vec<String> {
    let scan = state.scan.read();
    let Some(scan) = scan.as_ref() else {
        return Vec::new();
    };
    let count = grouped(scan.points as usize);
    let points = match scan.preflight.color.value {
        Color::Present => said_with("{count} points with their colours", &[("count", &count)]),
        _ => said_with("{count} points", &[("count", &count)]),
    };
    let is_there = |thing: &&InstanceInfo| !thing.superpoints.is_empty();
    let mut parts = vec![
        match contents.labels_only {
            false => points,
            true => said_with(
                "to which part each of {points} belongs, without its place",
                &[("points", &said_with("{count} points", &[("count", &count)]))],
            ),
        },
        counted(
            state.instances.read().iter().filter(is_there).count(),
            "1 thing with its name, and what tells it apart",
            "{n} things with their names, also those that are hidden now, and what tells them apart",
        ),
        said("this view, the prompt and the threshold").to_owned(),
        said("the up axis and the unit of the scan").to_owned(),
        said("the number of points of the file, and of frames if it was a capture, the name of the network and the version of Segscape").to_owned(),
        said("a picture of this view, which programs show beside the link").to_owned(),
    ];
    if let (true, Some(file)) = (contents.labels_only, &scan.file) {
        parts
            .push(said("the size and the hash of the file, by which it is known again").to_owned());
        let url = file.url.as_ref();
        parts.extend(url.map(|url| said_with("the address of the scan, {url}", &[("url", url)])));
    }
    if contents.located {
        parts.push(said_with(
            "where the scan lies in its own coordinates: {place}",
            &[("place", &place(state))],
        ));
    }
    if contents.named {
        parts.push(said_with("the name {name}", &[("name", &scan.name)]));
    }
    parts
}

/// What stays on this machine, in words.
fn not_sent(state: State, contents: Contents) -> String {
    let stays = match state.frames.with_untracked(Vec::is_empty) {
        _ if contents.labels_only => {
            said("Not sent: the points, their colours and the file itself.")
        }
        true => said("Not sent: the file itself and what else it holds."),
        false => said("Not sent: the frames of the capture and its files."),
    };
    match is_far(state) && !contents.located {
        true => {
            let place = said(
                "Nor where the scan lies in its own coordinates: what is sent begins at an origin of its own.",
            );
            format!("{stays} {place}")
        }
        false => stays.to_owned(),
    }
}

/// Where the scan on screen lies in its file's coordinates.
fn offset(state: State) -> [f64; 3] {
    state
        .scan
        .with(|scan| scan.as_ref().map_or([0.0; 3], |scan| scan.offset))
}

/// `true` if the points on screen do not say by themselves where the scan lies.
fn is_far(state: State) -> bool {
    offset(state) != [0.0; 3]
}

/// Where the scan on screen lies, in words.
fn place(state: State) -> String {
    offset(state).map(|v| format!("{v:.0}")).join(", ")
}
