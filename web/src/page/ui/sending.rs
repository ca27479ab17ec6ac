//! The scene on its way to the server: how much of it is there, what it waits for, and the buttons that
//! go on or give up.

use leptos::prelude::*;

use crate::{
    numbers::megabytes,
    page::{state::State, upload},
    text::{said, said_with, tr},
};

/// The progress of the upload.
#[component]
pub fn SendingLine() -> impl IntoView {
    let state = State::expect();
    let sending = state.uploading.sending;
    let counts = move || {
        let sending = sending.get()?;
        Some((sending.sent, sending.of))
    };
    let words = move || {
        let (sent, of) = counts()?;
        Some(match sent == of {
            true => said("All of it is there; the link is being made …").to_owned(),
            false => said_with(
                "{sent} of {all} sent",
                &[("sent", &megabytes(sent)), ("all", &megabytes(of))],
            ),
        })
    };
    let pause = Memo::new(move |_| sending.get().and_then(|sending| sending.pause));
    let is_over = move || pause.with(|pause| pause.as_ref().is_some_and(|p| p.seconds.is_none()));
    let countdown = move || {
        let seconds = pause.get()?.seconds?;
        Some(said_with(
            "Goes on in {seconds} s at what is missing.",
            &[("seconds", &seconds)],
        ))
    };
    view! {
        <div class="sending" data-testid="sending">
            <p data-testid="sent-so-far">{words}</p>
            <progress
                aria-label=tr("Sent")
                max=move || counts().map(|(_, of)| of)
                value=move || counts().map(|(sent, _)| sent)
            ></progress>
            <Show when=move || pause.with(Option::is_some)>
                <p class="refusal" role="alert" data-testid="share-problem">
                    {move || pause.get().map(|pause| pause.problem)}
                </p>
            </Show>
            // Nobody could listen to every second.
            <p class="muted">{countdown}</p>
            <div class="actions">
                <Show when=move || pause.with(Option::is_some)>
                    <button class="button small primary" type="button" data-testid="go-on" on:click=move |_| upload::go_on(state)>
                        {move || if is_over() { said("Try again") } else { said("Go on now") }}
                    </button>
                </Show>
                <button class="button small" type="button" data-testid="cancel-sending" on:click=move |_| upload::cancel(state)>
                    {tr("Cancel")}
                </button>
            </div>
            <p class="muted">{tr("You can close this dialog and go on; this tab has to stay open.")}</p>
        </div>
    }
}
