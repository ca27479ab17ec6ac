//! What is on the screen after the page's own program has stopped: plain elements, because nothing
//! else of the program can be trusted to run.

use std::panic::PanicHookInfo;

use wasm_bindgen::{JsCast as _, JsValue, prelude::Closure};
use web_sys::{Document, Element, HtmlElement};

use crate::{browser, text::said_untracked};

/// Shows the report of a panic over everything else, with a way to start again.
pub fn report(info: &PanicHookInfo) {
    console_error_panic_hook::hook(info);
    // A second panic while this one is shown would hide the first.
    if let Err(error) = show(&browser::document(), &info.to_string()) {
        web_sys::console::error_2(&"the report could not be shown:".into(), &error);
    }
}

fn show(document: &Document, panic: &str) -> Result<(), JsValue> {
    if document.query_selector(".crash")?.is_some() {
        return Ok(());
    }
    let crash = element(document, "section", "crash")?;
    crash.set_attribute("role", "alert")?;
    let words = [
        ("h2", said_untracked("Segscape has stopped")),
        (
            "p",
            said_untracked(
                "An internal error stopped the page. Your files are as they were. Changes that were not downloaded or shared are lost.",
            ),
        ),
    ];
    for (name, text) in words {
        let part = element(document, name, "")?;
        part.set_text_content(Some(text));
        crash.append_child(&part)?;
    }
    // The address without its fragment, which may hold a secret.
    let location = browser::window().location();
    let (origin, path) = (location.origin()?, location.pathname()?);
    let agent = browser::window().navigator().user_agent()?;
    let version = env!("CARGO_PKG_VERSION");
    let text = element(document, "textarea", "field")?;
    text.set_attribute("readonly", "")?;
    text.set_attribute("rows", "8")?;
    text.set_attribute("aria-label", said_untracked("Report"))?;
    text.set_text_content(Some(&format!(
        "Segscape {version} at {origin}{path}\n{agent}\n{panic}"
    )));
    crash.append_child(&text)?;
    let again = element(document, "button", "button primary")?;
    again.set_text_content(Some(said_untracked("Reload the page")));
    let reload = Closure::once_into_js(|| browser::window().location().reload());
    again.add_event_listener_with_callback("click", reload.unchecked_ref())?;
    crash.append_child(&again)?;
    let page = document.document_element().ok_or("no page")?;
    page.append_child(&crash)?;
    again
        .dyn_into::<HtmlElement>()
        .map_err(JsValue::from)?
        .focus()
}

fn element(document: &Document, name: &str, class: &str) -> Result<Element, JsValue> {
    let element = document.create_element(name)?;
    element.set_class_name(class);
    Ok(element)
}
