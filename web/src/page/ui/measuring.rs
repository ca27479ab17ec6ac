//! The bar of the measure: the distance, and the scale of the scan from a distance that is known.

use leptos::{ev, html, prelude::*};

use super::{
    icon::Icon,
    tool_button::{Form, ToolButton},
};
use crate::{
    page::{
        measuring::{self, length_in_words, set_scale},
        state::State,
        tool::{self, Tool},
    },
    text::{said, tr},
};

/// The distance measured, and a box for the one that is known.
#[component]
pub fn MeasureBar() -> impl IntoView {
    let state = State::expect();
    let ends = Memo::new(move |_| match &*state.tool.read() {
        Some(Tool::Measure(measuring)) => measuring.ends.len(),
        _ => 0,
    });
    let words = move || match (ends.get(), measuring::metres(state)) {
        (_, Some(metres)) => length_in_words(metres, measuring::unit(state)),
        (0, _) => said("Click where the distance begins").to_owned(),
        _ => said("Click where it ends").to_owned(),
    };
    view! {
        <span class="words" role="status" data-testid="distance">{words}</span>
        <Show when=move || ends.get() == 2>
            <Known />
        </Show>
        <ToolButton
            form=Form::Small
            icon=Icon::Close
            name=tr("Put the measure away")
            title=tr("Put the measure away")
            shortcut="Esc"
            testid="measure-close"
            act=move || tool::take(state, None)
        />
    }
}

/// A box for the distance that is known, which sets the scale of the scan.
#[component]
fn Known() -> impl IntoView {
    let state = State::expect();
    let input = NodeRef::<html::Input>::new();
    let problem = RwSignal::new(None::<String>);
    let obstacle = Memo::new(move |_| measuring::obstacle(state));
    let set = move || {
        let text = input.get_untracked().map(|input| input.value());
        let done = set_scale(state, &text.unwrap_or_default());
        problem.set(done.err());
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
            set();
        }
        if event.key() == "Escape" {
            tool::take(state, None);
        }
    };
    view! {
        <label class="known">
            {tr("Known to be")}
            <input
                node_ref=input
                class="field"
                type="text"
                inputmode="decimal"
                autocomplete="off"
                size="8"
                placeholder="2.1 m"
                aria-describedby="scale-problem"
                aria-invalid=move || problem.with(Option::is_some).to_string()
                title=move || obstacle.get().unwrap_or(tr("A length such as 2.1, 80 cm or 6 ft")).said()
                disabled=move || obstacle.get().is_some()
                data-testid="known-length"
                on:input=move |_| problem.set(None)
                on:keydown=on_key
            />
        </label>
        <button
            class="button small primary"
            title=move || obstacle.get().unwrap_or(tr("Opens the scan again in this scale (Enter)")).said()
            disabled=move || obstacle.get().is_some()
            data-testid="set-scale"
            on:click=move |_| set()
        >
            {tr("Set scale")}
        </button>
        <p id="scale-problem" class="problem" role="alert" data-testid="scale-problem" hidden=move || problem.with(Option::is_none)>
            {problem}
        </p>
    }
}
