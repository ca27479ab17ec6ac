//! A link to give to somebody: as text, by copying it, through the browser's own ways to share, and
//! as a QR code.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen_futures::spawn_local;

use super::icon::{Glyph, Icon};
use crate::{
    browser,
    text::{Text, tr},
};

/// Time for which a button says that it copied, milliseconds.
const SAID_MS: i32 = 2500;
/// Width of the white edge that readers of QR codes need, modules.
const QUIET: i32 = 4;

/// A button that copies a text.
#[component]
pub fn Copy(
    /// What it copies, when it is pressed.
    text: impl Fn() -> String + 'static,
    /// Its words.
    words: Text,
    testid: &'static str,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<Text>);
    let copy = move |_| {
        let text = text();
        spawn_local(async move {
            let words = match browser::copy(&text).await {
                true => tr("Copied"),
                false => tr("The browser refused"),
            };
            // The button may be gone by now.
            outcome.try_set(Some(words));
            browser::after(SAID_MS, move || {
                outcome.try_set(None);
            });
        });
    };
    view! {
        <button class="button small" type="button" data-testid=testid on:click=copy>
            <Glyph icon=Icon::Copy />
            <span role="status">{move || outcome.get().unwrap_or(words).said()}</span>
        </button>
    }
}

/// A link with all the ways to hand it on.
#[component]
pub fn Link(
    /// What it is for.
    label: Text,
    /// The link.
    link: String,
    testid: &'static str,
    /// If `true`, only who is here needs it: it is neither handed to other programs nor shown as a
    /// QR code.
    #[prop(optional)]
    secret: bool,
) -> impl IntoView {
    let [copied, handed] = [link.clone(), link.clone()];
    let code = (!secret).then(|| qr_code(&link)).flatten();
    let hand_on = (!secret && browser::can_share()).then(|| {
        view! {
            <button class="button small" type="button" on:click=move |_| browser::share("Segscape", &handed)>
                <Glyph icon=Icon::Share />
                {tr("Send …")}
            </button>
        }
    });
    view! {
        <div class="link">
            <span class="muted">{label}</span>
            <a href=link.clone() target="_blank" rel="noopener noreferrer" data-testid=testid>
                {link.clone()}
            </a>
            <div class="actions">
                <Copy text=move || copied.clone() words=tr("Copy") testid="copy-link" />
                {hand_on}
            </div>
            {code.map(|code| view! {
                <details class="qr" data-testid="qr">
                    <summary>{tr("QR code")}</summary>
                    {code}
                </details>
            })}
        </div>
    }
}

/// The QR code of a link; `None` for links that are longer than any QR code.
fn qr_code(link: &str) -> Option<impl IntoView + use<>> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).ok()?;
    let side = code.size() + 2 * QUIET;
    Some(view! {
        <svg
            role="img"
            aria-label=tr("The link as a QR code")
            viewBox=format!("{} {} {side} {side}", -QUIET, -QUIET)
            shape-rendering="crispEdges"
        >
            <rect x=-QUIET y=-QUIET width=side height=side fill="#fff" />
            <path d=squares(&code) fill="#000" />
        </svg>
    })
}

/// The black modules as a path.
fn squares(code: &QrCode) -> String {
    let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    all.filter(|(x, y)| code.get_module(*x, *y))
        .map(|(x, y)| format!("M{x} {y}h1v1h-1z"))
        .collect()
}
