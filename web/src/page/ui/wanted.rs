//! Asks for the file with the points of labels that came without.

use leptos::{html, prelude::*};

use super::dialog::Dialog;
use crate::{
    page::{actions, overlay, state::State},
    text::tr,
};

/// The dialog, which is open as long as labels wait for their points. Files that are dropped anywhere
/// on the page count as well.
#[component]
pub fn WantedDialog() -> impl IntoView {
    let state = State::expect();
    let input = NodeRef::<html::Input>::new();
    let is_open = move || state.wanted.with(Option::is_some);
    let words = move || state.wanted.with(|wanted| Some(wanted.as_ref()?.words()));
    let problem = move || state.wanted.with(|wanted| wanted.as_ref()?.problem());
    let on_pick = move |_| {
        if let Some(input) = input.get_untracked() {
            let files = input.files();
            actions::open_files(state, files);
            input.set_value(""); // so that the same file can be chosen again
        }
    };
    view! {
        <Dialog class="wanted" title=tr("Labels without their scan") open=Signal::derive(is_open) on_close=move || overlay::give_up(state)>
            <p data-testid="wanted">{words}</p>
            <p>{tr("Drop this file here, or choose it. It stays on this machine: only its content is compared with what the labels say.")}</p>
            <Show when=move || problem().is_some()>
                <p class="refusal" role="alert" data-testid="wanted-problem">{problem}</p>
            </Show>
            <input
                node_ref=input
                id="wanted-file"
                class="visually-hidden"
                type="file"
                data-testid="wanted-file"
                aria-label=tr("Choose the file of the scan")
                on:change=on_pick
            />
            <label class="button primary" for="wanted-file">
                {tr("Choose the file")}
            </label>
        </Dialog>
    }
}
