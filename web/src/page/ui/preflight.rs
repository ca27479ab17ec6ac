//! Shows the properties found in the scan and those assumed, and lets the user change them.

use leptos::prelude::*;
use segscape::{
    preflight::{Certainty, Choices},
    scan::UpAxis,
};

use super::unit::UnitChoice;
use crate::{
    numbers::grouped,
    page::{
        actions, caution,
        state::{State, Work},
    },
    protocol::{CaptureInfo, MOST_SHARED_POINTS, Processor, ScanInfo, SeenInfo},
    text::{counted, said, said_with, tr},
};

/// The section of the panel that describes the file.
#[component]
pub fn Preflight() -> impl IntoView {
    let state = State::expect();
    move || state.scan.get().map(|scan| view! { <Found scan /> })
}

/// What was found out about a capture: its kind, which of its frames are in the scan, and what is
/// seen in them.
#[component]
fn Capture(capture: CaptureInfo) -> impl IntoView {
    let CaptureInfo {
        kind,
        used,
        recorded,
        every,
        gaps,
        first_gaps,
        seen,
        followed: _,
    } = capture;
    let state = State::expect();
    let frames = move || {
        let used = match state.following.with(Option::is_some) {
            true => state.frames.with(Vec::len),
            false => used as usize,
        };
        match every {
            1 => said_with(
                "{used} of {recorded} used",
                &[("used", &used), ("recorded", &recorded)],
            ),
            _ => said_with(
                "{used} of {recorded} used, every {every}th looked at",
                &[("used", &used), ("recorded", &recorded), ("every", &every)],
            ),
        }
    };
    let more = (gaps as usize).saturating_sub(first_gaps.len());
    let left_out_words = move || {
        let gaps = gaps as usize;
        counted(gaps, "1 frame was left out", "{n} frames were left out")
    };
    let left_out = (gaps > 0).then(|| {
        view! {
            <details class="gaps" data-testid="gaps">
                <summary class="warning">{left_out_words}</summary>
                <ul>
                    {first_gaps.into_iter().map(|gap| view! { <li>{gap}</li> }).collect_view()}
                    {(more > 0).then(|| view! { <li>{move || said_with("and {count} more", &[("count", &more)])}</li> })}
                </ul>
            </details>
        }
    });
    view! {
        <dl data-testid="capture">
            <dt>{tr("Capture")}</dt>
            <dd>{kind}</dd>
            <dt>{tr("Frames")}</dt>
            <dd>{frames}</dd>
            {seen.map(|seen| view! {
                <dt>{tr("Images")}</dt>
                <dd data-testid="seen">{move || seen_words(&seen)}</dd>
            })}
        </dl>
        {left_out}
        <WithImages />
    }
}

/// What the images of a bundle have, in words.
fn seen_words(SeenInfo { features, objects }: &SeenInfo) -> String {
    let features = match features {
        true => said("image features"),
        false => said("no image features"),
    };
    let objects = match *objects as usize {
        0 => said("no objects").to_owned(),
        1 => said("1 object").to_owned(),
        count => said_with("{count} objects", &[("count", &grouped(count))]),
    };
    format!("{features}, {objects}")
}

/// The choice whether the network gets what the images say, where there is one, and what is missing
/// or not read.
#[component]
fn WithImages() -> impl IntoView {
    let state = State::expect();
    let choice = move || state.images.with(|images| images.choice);
    let remarks = move || {
        let remarks = state.images.with(|images| images.remarks.clone());
        let remarks = remarks.into_iter();
        remarks
            .map(|remark| view! { <li>{remark}</li> })
            .collect_view()
    };
    view! {
        <Show when=choice>
            <label class="with-images">
                <input
                    type="checkbox"
                    data-testid="with-images"
                    prop:checked=move || state.with_images.get()
                    disabled=move || state.work.get() == Work::Running
                    on:change=move |event| actions::use_images(state, event_target_checked(&event))
                />
                {tr("Use what the images say")}
            </label>
        </Show>
        <ul class="remarks" data-testid="image-remarks" hidden=move || state.images.with(|images| images.remarks.is_empty())>
            {remarks}
        </ul>
    }
}

/// Memory that finding the things takes, bytes: of the page and the worker before any point, and for
/// each point. Measured with up to a million points, see "How the cost grows" in BENCHMARKS.md.
const MEMORY: [f64; 2] = [3.6e8, 520.0];
/// The same where the worker has an assistant, see "Two workers" there.
const SHARED_MEMORY: [f64; 2] = [4.2e8, 840.0];
/// Memory that a worker can have.
const MOST_MEMORY: f64 = 4e9;

/// The memory that finding the things takes, in words, and whether that is too much.
pub fn memory_in_words(state: State, points: u32) -> (String, bool) {
    let on_cpu = state
        .backend
        .with(|backend| matches!(backend, Some(backend) if backend.processor == Processor::Cpu));
    let shared = on_cpu && points <= MOST_SHARED_POINTS && caution::may_share_work(state);
    let [fixed, per_point] = if shared { SHARED_MEMORY } else { MEMORY };
    let bytes = fixed + per_point * f64::from(points);
    let too_much = bytes > MOST_MEMORY;
    let size = format!("{:.1}", bytes / 1e9);
    let words = match too_much {
        true => said_with(
            "about {size} GB; a tab has 4 GB, so thin the scan out first",
            &[("size", &size)],
        ),
        false => said_with("about {size} GB", &[("size", &size)]),
    };
    (words, too_much)
}

#[component]
fn Found(scan: ScanInfo) -> impl IntoView {
    let state = State::expect();
    let ScanInfo {
        preflight, choices, ..
    } = scan;
    let (up, unit) = (preflight.up.value, preflight.unit.value);
    let [width, depth, height] = preflight.extent;
    let on_axis = move |event| {
        let up = UpAxis::ALL
            .into_iter()
            .find(|axis| axis.to_string() == event_target_value(&event));
        actions::reopen(state, Choices { up, ..choices });
    };
    let of_capture = scan.capture.is_some();
    let settled = scan.settled;
    let busy = move || settled || state.work.get() == Work::Running;
    // A capture is shown with z up; what can be chosen is the axis of its own that points up.
    let is_up = move |axis: UpAxis| match of_capture {
        true => choices.up == Some(axis),
        false => axis == up,
    };
    let has_gaps = scan
        .capture
        .as_ref()
        .is_some_and(|capture| capture.gaps > 0);
    let is_uncertain = preflight.has_assumptions() || has_gaps;
    // What the images say is known later.
    let open = move || {
        is_uncertain
            || state
                .images
                .with(|images| images.choice || !images.remarks.is_empty())
    };
    let points = move || {
        let so_far = state
            .following
            .with(|following| Some(following.as_ref()?.points));
        let points = grouped(so_far.unwrap_or(scan.points) as usize);
        match scan.of_points {
            Some(all) => said_with(
                "{count} of {all} points",
                &[("count", &points), ("all", &grouped(all as usize))],
            ),
            None => said_with("{count} points", &[("count", &points)]),
        }
    };
    // What is known of the first points says nothing of those that are still to come.
    let growing = move || state.following.with(Option::is_some);
    let size = move || match growing() {
        true => said("still growing").to_owned(),
        false => {
            let [width, depth, height] = [width, depth, height].map(|edge| format!("{edge:.1}"));
            said_with(
                "{width} × {depth} m, {height} m high",
                &[("width", &width), ("depth", &depth), ("height", &height)],
            )
        }
    };
    let memory = move || memory_in_words(state, scan.points);
    let note = |words: String, certainty: Certainty| view! { <li class:warning=certainty == Certainty::Assumed>{words}</li> };
    view! {
        <details class="preflight" data-testid="preflight" open=open>
            <summary>
                <span>{tr("Scan")}</span>
                <span class="muted">{points}</span>
            </summary>
            <dl>
                <dt>{tr("Size")}</dt>
                <dd>{size}</dd>
                <dt hidden=settled>{tr("Memory")}</dt>
                <dd hidden=settled class:warning=move || memory().1 data-testid="memory">{move || memory().0}</dd>
                <dt>{tr("Up")}</dt>
                <dd>
                    <select class="field" aria-label=tr("Up axis") disabled=busy on:change=on_axis>
                        {of_capture.then(|| view! { <option selected=choices.up.is_none()>{tr("as found")}</option> })}
                        {UpAxis::ALL.map(|axis| view! { <option value=axis.to_string() selected=is_up(axis)>{axis.to_string()}</option> }).collect_view()}
                    </select>
                </dd>
                <dt>{tr("Unit")}</dt>
                <dd>
                    <UnitChoice unit choices settled=settled || of_capture />
                </dd>
            </dl>
            {scan.capture.map(|capture| view! { <Capture capture /> })}
            <ul class="notes" hidden=growing>
                {note(preflight.up.words, preflight.up.certainty)}
                {note(preflight.unit.words, preflight.unit.certainty)}
                {note(preflight.spacing.words, preflight.spacing.certainty)}
                {note(preflight.color.words, preflight.color.certainty)}
                {scan.warnings.into_iter().map(|warning| note(warning, Certainty::Assumed)).collect_view()}
            </ul>
        </details>
    }
}
