//! The settings of the user's own language model, and what is sent to it before it is sent.

use leptos::{ev, prelude::*};

use super::dialog::Dialog;
use crate::{
    page::{
        endpoint::{Inquiry, Settings},
        state::State,
    },
    text::{Text, said, said_around, said_with, tr},
};

/// The dialogs of the endpoint.
#[component]
pub fn EndpointDialogs() -> impl IntoView {
    view! {
        <SettingsDialog />
        <ConsentDialog />
    }
}

#[component]
fn SettingsDialog() -> impl IntoView {
    let endpoint = State::expect().endpoint;
    let problem = RwSignal::new(None::<String>);
    let [url, model, key] = [(); 3].map(|()| RwSignal::new(String::new()));
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let settings = Settings {
            url: url.get_untracked().trim().to_owned(),
            model: model.get_untracked().trim().to_owned(),
            key: key.get_untracked().trim().to_owned(),
        };
        match settings.address() {
            Ok(_) => {
                problem.set(None);
                endpoint.set(Some(settings));
                endpoint.open.set(false);
            }
            Err(error) => problem.set(Some(error.to_string())),
        }
    };
    let forget = move |_| {
        for text in [url, model, key] {
            text.set(String::new());
        }
        endpoint.set(None);
        endpoint.open.set(false);
    };
    let field = move |text: RwSignal<String>,
                      label: Text,
                      kind: &'static str,
                      example: Option<Text>,
                      testid: &'static str| {
        view! {
            <label>
                <span>{label}</span>
                <input
                    class="field"
                    type=kind
                    placeholder=move || example.map_or("http://localhost:11434/v1", Text::said)
                    autocomplete="off"
                    spellcheck="false"
                    required=kind != "password"
                    data-testid=testid
                    prop:value=text
                    on:input=move |event| text.set(event_target_value(&event))
                />
            </label>
        }
    };
    view! {
        <Dialog
            class="endpoint"
            title=tr("A language model of your own")
            open=endpoint.open
            on_close=move || endpoint.open.set(false)
        >
            <p class="muted">
                {tr("Questions that Segscape does not understand can go to a language model with OpenAI's interface, on your machine or elsewhere. Nothing is sent until you have seen it and agreed: it is the question and a list of the things with names, sizes and places. Points and pictures are never sent.")}
            </p>
            <form on:submit=save>
                {field(url, tr("Address"), "url", None, "endpoint-url")}
                {field(model, tr("Model"), "text", Some(tr("name of the model")), "endpoint-model")}
                {field(key, tr("Key"), "password", Some(tr("if it needs one")), "endpoint-key")}
                <p class="muted">
                    {tr("The key stays in the memory of this page: it is not stored, and gone when you reload or close the page.")}
                </p>
                <Show when=move || problem.with(Option::is_some)>
                    <p class="refusal" role="alert" data-testid="endpoint-problem">{move || problem.get()}</p>
                </Show>
                <div class="actions">
                    <button class="button primary" type="submit" data-testid="endpoint-save">{tr("Use it")}</button>
                    <Show when=move || endpoint.settings.with(Option::is_some)>
                        <button class="button" type="button" data-testid="endpoint-forget" on:click=forget>{tr("Forget it")}</button>
                    </Show>
                </div>
            </form>
        </Dialog>
    }
}

/// Shows what would be sent, and where.
#[component]
fn ConsentDialog() -> impl IntoView {
    let state = State::expect();
    let endpoint = state.endpoint;
    let is_open = move || endpoint.waiting.with(Option::is_some);
    let refuse = move || endpoint.waiting.set(None);
    let address = move || {
        let settings = endpoint.settings.get();
        settings.and_then(|settings| settings.address().ok())
    };
    let key = move || match endpoint
        .settings
        .with(|s| s.as_ref().is_some_and(|s| !s.key.is_empty()))
    {
        true => format!(" {}", said("Your key goes along, in a header.")),
        false => String::new(),
    };
    let body = move || {
        let waiting = endpoint.waiting.read();
        waiting.as_ref().map(Inquiry::said)
    };
    view! {
        <Dialog class="endpoint" title=tr("Send this?") open=is_open on_close=refuse>
            <p>
                {move || said_around(
                    "This, with the name of the model, goes to {address}, and nothing else: no points and no pictures.",
                    |_| view! { <b data-testid="consent-address">{address}</b> }.into_any(),
                )}
                {key}
            </p>
            <pre tabindex="0" data-testid="consent-body">{body}</pre>
            <p class="muted">{tr("Later questions to this address are sent at once, with the things that are listed then, until you reload the page or change the address.")}</p>
            <div class="actions">
                <button class="button primary" data-testid="consent-send" on:click=move |_| endpoint.agree(state)>{tr("Send")}</button>
                <button class="button" data-testid="consent-refuse" on:click=move |_| refuse()>{tr("Do not send")}</button>
            </div>
        </Dialog>
    }
}

/// What can be done about a question that is not understood.
#[component]
pub fn AskModel() -> impl IntoView {
    let state = State::expect();
    let endpoint = state.endpoint;
    let model = move || {
        endpoint
            .settings
            .with(|s| s.as_ref().map(|s| s.model.clone()))
    };
    let words = move || match model() {
        Some(model) => said_with("Ask {model}", &[("model", &model)]),
        None => said("Ask a language model of your own …").to_owned(),
    };
    view! {
        <span class="ask-model">
            <Show
                when=move || endpoint.is_due()
                fallback=move || view! {
                    <button data-testid="ask-model" on:click=move |_| endpoint.ask(state)>{words}</button>
                    <Show when=move || endpoint.settings.with(Option::is_some)>
                        <button data-testid="endpoint-settings" on:click=move |_| endpoint.open.set(true)>{tr("Settings")}</button>
                    </Show>
                }
            >
                <span role="status">{move || said_with("Waiting for {model} …", &[("model", &model().unwrap_or_default())])}</span>
                <button data-testid="endpoint-stop" on:click=move |_| endpoint.stop()>{tr("Stop waiting")}</button>
            </Show>
        </span>
        <Show when=move || endpoint.error.with(Option::is_some)>
            <span class="refusal" role="alert" data-testid="endpoint-error">{move || endpoint.error.get()}</span>
        </Show>
    }
}
