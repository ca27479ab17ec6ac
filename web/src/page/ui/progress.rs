//! Progress: one status line that is always shown and, while the worker runs, its stages with their
//! times and a button that cancels them.

use leptos::prelude::*;
use segscape::preflight::Choices;

use super::preflight::memory_in_words;
use crate::{
    page::{
        actions,
        caution::{self, Caution},
        following,
        state::{StageState, State, Work},
        status::stage_name,
    },
    text::{said_with, tr},
};

/// The progress card at the bottom middle of the page.
#[component]
pub fn Progress() -> impl IntoView {
    let state = State::expect();
    let running = move || state.work.get() == Work::Running;
    let unfinished = move || {
        matches!(state.work.get(), Work::Cancelled | Work::Failed)
            && state.scan.with(Option::is_some)
            && state.instances.with(Vec::is_empty)
    };
    // Things are made by hand in what no network was asked about, until it is.
    let unsearched = move || {
        state.work.get() == Work::Done
            && state.model.with(String::is_empty)
            && state.found.with(Vec::is_empty)
            && state
                .edits
                .with(|edits| edits.present().reshaping.iter().next().is_none())
            && state.scan.with(Option::is_some)
    };
    // Who stops must not cancel with a second press: the button stays where it is to the end.
    let following = move || running() && state.following.with(Option::is_some);
    let stopping = move || {
        let following = state.following.read();
        following
            .as_ref()
            .is_some_and(|following| following.stopping)
    };
    let goes_on = move || following() && !stopping();
    let skipped = move || {
        let following = state.following.read();
        let skipped = following.as_ref()?.skipped.clone();
        skipped.map(|frame| {
            view! { <p class="skipped warning" data-testid="skipped">{said_with("Skipped {frame}", &[("frame", &frame)])}</p> }
        })
    };
    // The card then holds a button, which must not move away under the pointer.
    let waiting = move || state.work.get() == Work::Waiting;
    let open = move || running() || unfinished() || waiting();
    let again = move |_| {
        actions::reopen(
            state,
            state.scan.with_untracked(|scan| {
                scan.as_ref()
                    .map_or_else(Choices::default, |scan| scan.choices)
            }),
        )
    };
    view! {
        <section class="progress card" class:open=open aria-label=tr("Progress")>
            <div class="status-line">
                <p
                    class="status"
                    role="status"
                    // Nobody could listen to what changes with every frame.
                    aria-live=move || if goes_on() { "off" } else { "polite" }
                    data-testid="status"
                >
                    {move || state.status()}
                </p>
                <Show when=following>
                    <button
                        class="button small"
                        data-testid="stop"
                        title=tr("Stop here; what was found so far stays")
                        disabled=stopping
                        on:click=move |_| following::stop(state)
                    >
                        {tr("Stop")}
                    </button>
                </Show>
                <Show when=move || running() && !following()>
                    <button class="button small" data-testid="cancel" on:click=move |_| actions::cancel(state)>
                        {tr("Cancel")}
                    </button>
                </Show>
                <Show when=waiting>
                    <button
                        class="button primary small"
                        data-testid="find"
                        on:click=move |_| actions::find(state)
                    >
                        {tr("Find the things")}
                    </button>
                </Show>
                <Show when=unsearched>
                    <button class="button small" data-testid="search" on:click=again>
                        {tr("Find the things")}
                    </button>
                </Show>
                <Show when=unfinished>
                    <button class="button small" on:click=again>
                        {tr("Start again")}
                    </button>
                </Show>
            </div>
            {skipped}
            <Show when=waiting>
                <p class="muted hint" data-testid="why-waiting">{move || why_waiting(state)}</p>
            </Show>
            <Show when=goes_on>
                <p class="muted hint">{tr("Stop whenever you have seen enough: what was found so far stays.")}</p>
            </Show>
            <ol class="stages" data-testid="stage-progress" hidden=move || state.stages.with(Vec::is_empty)>
                {move || state.stages.get().into_iter().map(|stage| view! { <StageRow stage /> }).collect_view()}
            </ol>
        </section>
    }
}

/// Why a scan is only shown, and what finding its things takes.
fn why_waiting(state: State) -> String {
    let points = state
        .scan
        .with(|scan| scan.as_ref().map_or(0, |scan| scan.points));
    let (memory, _) = memory_in_words(state, points);
    let why = caution::reason(state).map_or("", Caution::words);
    said_with(
        "{why} Finding the things takes {memory} of memory, and downloads a model of 7 MB unless this browser has kept it.",
        &[("why", &why), ("memory", &memory)],
    )
}

#[component]
fn StageRow(stage: StageState) -> impl IntoView {
    let state = State::expect();
    let began = stage.began;
    let over = stage.ms;
    let elapsed = move || duration(over.unwrap_or_else(|| (state.clock.get() - began).max(0.0)));
    view! {
        <li class:over=over.is_some()>
            <span class="name">{stage_name(stage.stage)}</span>
            <progress max="1" value=stage.done aria-label=stage_name(stage.stage) />
            <span class="outcome">{stage.outcome}</span>
            <span class="time">{elapsed}</span>
        </li>
    }
}

/// Formats a duration in milliseconds as `85 ms`, `2.4 s` or `1 min 12 s`.
fn duration(ms: f64) -> String {
    match ms {
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1000.0),
        ms => format!(
            "{:.0} min {:.0} s",
            (ms / 60_000.0).floor(),
            (ms % 60_000.0) / 1000.0
        ),
    }
}
