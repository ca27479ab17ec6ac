//! The choice how things in a recording are found: by the network, or from frame to frame.

use leptos::prelude::*;

use crate::{
    page::{actions, state::State},
    text::{Text, said, tr},
};

/// The choice. It takes effect at once if a recording is open.
#[component]
pub fn Ways(
    /// Name of the group of buttons, unique in the page.
    group: &'static str,
) -> impl IntoView {
    let state = State::expect();
    let way = move |follow: bool, testid: &'static str, words: Text| {
        view! {
            <label class="segment" class:on=move || state.follow.get() == follow data-testid=testid>
                <input
                    type="radio"
                    name=group
                    class="visually-hidden"
                    prop:checked=move || state.follow.get() == follow
                    on:change=move |_| actions::follow_frames(state, follow)
                />
                {words}
            </label>
        }
    };
    let what = move || match state.follow.get() {
        true => said(
            "Follows things while the frames come, without the network. They have names if the recording names them.",
        ),
        false => said("The network looks at the whole scan and names what it finds."),
    };
    view! {
        <div class="ways">
            <fieldset class="segments">
                <legend class="visually-hidden">{tr("How things in a capture are found")}</legend>
                {way(false, "by-network", tr("With the network"))}
                {way(true, "by-frames", tr("Follow the frames"))}
            </fieldset>
            <p class="muted">{what}</p>
        </div>
    }
}
