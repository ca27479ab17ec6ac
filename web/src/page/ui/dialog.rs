//! A dialog over the page.

use leptos::{html, prelude::*};

use super::icon::{Glyph, Icon};
use crate::text::{Text, tr};

/// A dialog that is open as long as `open` says so, with a title and a button that closes it.
#[component]
pub fn Dialog(
    /// Class of the dialog, besides that of all dialogs.
    class: &'static str,
    /// Its title.
    title: Text,
    /// If `true`, the dialog is open.
    #[prop(into)]
    open: Signal<bool>,
    /// What is done when the user closes it.
    on_close: impl Fn() + Copy + 'static,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            match open.get() {
                // `show_modal` fails only if the dialog is already open.
                true => drop(dialog.show_modal()),
                false => dialog.close(),
            }
        }
    });
    view! {
        <dialog node_ref=dialog class=format!("dialog {class}") aria-label=title on:close=move |_| on_close()>
            <div class="title">
                <h2>{title}</h2>
                <button class="button quiet square" aria-label=tr("Close") on:click=move |_| on_close()>
                    <Glyph icon=Icon::Close />
                </button>
            </div>
            {children()}
        </dialog>
    }
}
