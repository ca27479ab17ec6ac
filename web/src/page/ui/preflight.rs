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
        actions,
        state::{State, Work},
    },
    protocol::ScanInfo,
};

/// The section of the panel that describes the file.
#[component]
pub fn Preflight() -> impl IntoView {
    let state = State::expect();
    move || state.scan.get().map(|scan| view! { <Found scan /> })
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
        if let Some(up) = UpAxis::ALL
            .into_iter()
            .find(|axis| axis.to_string() == event_target_value(&event))
        {
            actions::reopen(
                state,
                Choices {
                    up: Some(up),
                    ..choices
                },
            );
        }
    };
    let settled = scan.settled;
    let busy = move || settled || state.work.get() == Work::Running;
    let assumed = preflight.has_assumptions();
    let note = |words: String, certainty: Certainty| view! { <li class:warning=certainty == Certainty::Assumed>{words}</li> };
    view! {
        <details class="preflight" data-testid="preflight" open=assumed>
            <summary>
                <span>"Scan"</span>
                <span class="muted">{format!("{} points", grouped(scan.points as usize))}</span>
            </summary>
            <dl>
                <dt>"Size"</dt>
                <dd>{format!("{width:.1} × {depth:.1} m, {height:.1} m high")}</dd>
                <dt>"Up"</dt>
                <dd>
                    <select class="field" aria-label="Up axis" disabled=busy on:change=on_axis>
                        {UpAxis::ALL.map(|axis| view! { <option value=axis.to_string() selected=axis == up>{axis.to_string()}</option> }).collect_view()}
                    </select>
                </dd>
                <dt>"Unit"</dt>
                <dd>
                    <UnitChoice unit choices settled />
                </dd>
            </dl>
            <ul class="notes">
                {note(preflight.up.words, preflight.up.certainty)}
                {note(preflight.unit.words, preflight.unit.certainty)}
                {note(preflight.spacing.words, preflight.spacing.certainty)}
                {note(preflight.color.words, preflight.color.certainty)}
                {scan.warnings.into_iter().map(|warning| note(warning, Certainty::Assumed)).collect_view()}
            </ul>
        </details>
    }
}
