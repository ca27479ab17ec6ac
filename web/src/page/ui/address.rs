//! Opening a scan by its address: the field, and the button in the header that asks for it while
//! another scan is open.

use leptos::{ev, prelude::*};

use super::{
    dialog::Dialog,
    icon::{Glyph, Icon},
};
use crate::{
    page::{incoming, state::State},
    text::tr,
};

/// The field for an address and the button that opens it. Several addresses that are pasted together
/// are opened at once.
#[component]
pub fn AddressForm(
    /// What is done when something is opened.
    #[prop(optional, into)]
    on_open: Option<Callback<()>>,
) -> impl IntoView {
    let state = State::expect();
    let url = RwSignal::new(String::new());
    let opened = move || {
        url.set(String::new());
        on_open.into_iter().for_each(|on_open| on_open.run(()));
    };
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let text = url.get_untracked();
        if !text.trim().is_empty() {
            incoming::open_typed(state, &text);
            opened();
        }
    };
    // A line has room for one address, and would lose the ends of lines between several.
    let on_paste = move |event: ev::ClipboardEvent| {
        let text = event
            .clipboard_data()
            .and_then(|data| data.get_data("text").ok());
        let all = text.and_then(|text| incoming::addresses(&text));
        if let Some(all) = all.filter(|all| all.len() > 1) {
            event.prevent_default();
            incoming::open(state, all);
            opened();
        }
    };
    view! {
        <form class="address" on:submit=on_submit>
            <input
                type="url"
                class="field"
                autofocus=on_open.is_some()
                placeholder=tr("or paste its address: https://…")
                aria-label=tr("Address of a scan")
                data-testid="address-field"
                prop:value=url
                on:input=move |event| url.set(event_target_value(&event))
                on:paste=on_paste
            />
            <button class="button" type="submit" data-testid="open-address">
                {tr("Open")}
            </button>
        </form>
    }
}

/// The button in the header that asks for an address.
#[component]
pub fn FromAddress() -> impl IntoView {
    let asked = RwSignal::new(false);
    view! {
        <button class="button quiet square" aria-label=tr("From an address …") title=tr("From an address …") data-testid="from-address" on:click=move |_| asked.set(true)>
            <Glyph icon=Icon::Link />
        </button>
        <Dialog class="from-address" title=tr("Open a scan by its address") open=asked on_close=move || asked.set(false)>
            <AddressForm on_open=move |()| asked.set(false) />
            <p class="muted">{tr("A link to this app works as well. With no field in use, addresses that are pasted anywhere on the page, and links that are dropped on it, are opened at once; several together become one scene.")}</p>
        </Dialog>
    }
}
