//! Wrappers of browser calls that the page makes repeatedly, without the failures that cannot
//! occur.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Document, Element, HtmlAnchorElement, HtmlElement, Storage, Url,
    UrlSearchParams, Window,
};

/// The window of the page. Must not be called in a worker.
pub fn window() -> Window {
    web_sys::window().expect("the page runs in a window")
}

/// The document of the page.
pub fn document() -> Document {
    window().document().expect("a window has a document")
}

/// Milliseconds since some fixed moment. Works on the page and in the worker.
pub fn now() -> f64 {
    js_sys::Reflect::get(&js_sys::global(), &"performance".into())
        .ok()
        .and_then(|performance| performance.dyn_into::<web_sys::Performance>().ok())
        .map_or_else(js_sys::Date::now, |performance| performance.now())
}

/// The date where the user is, as in 2026-11-30.
pub fn date() -> String {
    written(&js_sys::Date::new_0())
}

/// The date where the user is at a time in seconds since 1970.
pub fn day(seconds: u64) -> String {
    written(&js_sys::Date::new(&(seconds as f64 * 1000.0).into()))
}

fn written(date: &js_sys::Date) -> String {
    let (year, month, day) = (date.get_full_year(), date.get_month() + 1, date.get_date());
    format!("{year:04}-{month:02}-{day:02}")
}

/// The bytes of a data URL in base64.
pub fn bytes_of_data_url(url: &str) -> Option<Vec<u8>> {
    let (_, base64) = url.split_once(";base64,")?;
    // `atob` returns a text with a character for every byte.
    let text = window().atob(base64).ok()?;
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

/// Calls `callback` before the next frame is shown.
pub fn next_frame(callback: impl FnOnce() + 'static) {
    let callback = Closure::once_into_js(callback);
    // A window always has animation frames; a page that is being closed may skip one.
    let _ = window().request_animation_frame(callback.unchecked_ref());
}

/// Calls `callback` after `ms` milliseconds.
pub fn after(ms: i32, callback: impl FnOnce() + 'static) {
    let callback = Closure::once_into_js(callback);
    let _ = window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(callback.unchecked_ref(), ms);
}

/// Returns `true` if a media query matches.
pub fn matches_media(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Returns `true` if the user prefers reduced motion.
pub fn prefers_reduced_motion() -> bool {
    matches_media("(prefers-reduced-motion: reduce)")
}

/// Returns `true` if the page is shown in dark colors.
pub fn prefers_dark() -> bool {
    !matches_media("(prefers-color-scheme: light)")
}

/// Returns `true` on a screen as narrow as a phone's, on which the panel is a sheet at the bottom;
/// `static/style.css` has the same limit.
pub fn is_narrow() -> bool {
    matches_media("(max-width: 720px)")
}

/// Returns `true` if the page is mainly used with fingers.
pub fn has_fingers() -> bool {
    matches_media("(pointer: coarse)")
}

/// Width and height of the page in CSS pixels, each at least 1.
pub fn window_size() -> (f32, f32) {
    let root = document().document_element();
    root.map_or((1.0, 1.0), |root| {
        (
            root.client_width().max(1) as f32,
            root.client_height().max(1) as f32,
        )
    })
}

/// Device pixels per CSS pixel.
pub fn device_pixel_ratio() -> f32 {
    window().device_pixel_ratio() as f32
}

/// Scheme, host and port of the page's address.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The value of a query parameter in the address of the page; `None` if it is missing or empty.
pub fn query_parameter(name: &str) -> Option<String> {
    query(name).filter(|value| !value.is_empty())
}

/// All that follows a name in the query of the page's address, in order; each may be nothing.
pub fn query_parameters(name: &str) -> Vec<String> {
    let search = window().location().search().unwrap_or_default();
    let query = UrlSearchParams::new_with_str(&search).ok();
    let values = query.map(|query| query.get_all(name)).unwrap_or_default();
    values
        .iter()
        .filter_map(|value| value.as_string())
        .collect()
}

/// What follows a name in the query of the page's address, which may be nothing; `None` if the name
/// is missing.
pub fn query(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// What the browser keeps for this page between visits, if it does.
pub fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// What the browser keeps for this page until its tab is closed, if it does.
pub fn tab_storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

/// Copies text to the clipboard. Returns `false` if the browser refuses, as it does on pages without
/// https.
pub async fn copy(text: &str) -> bool {
    let clipboard = window().navigator().clipboard();
    !clipboard.is_undefined() && JsFuture::from(clipboard.write_text(text)).await.is_ok()
}

/// The function with which the browser hands links to other programs, where it has one.
fn sharer() -> Option<js_sys::Function> {
    js_sys::Reflect::get(&window().navigator(), &"share".into())
        .ok()?
        .dyn_into()
        .ok()
}

/// `true` if the browser can hand a link to other programs.
pub fn can_share() -> bool {
    sharer().is_some()
}

/// Lets the user choose a program that gets a link.
pub fn share(title: &str, url: &str) {
    let data = js_sys::Object::new();
    for (name, value) in [("title", title), ("url", url)] {
        // An object of our own takes every property.
        let _ = js_sys::Reflect::set(&data, &name.into(), &value.into());
    }
    if let Some(sharer) = sharer()
        && let Ok(shared) = sharer.call1(&window().navigator(), &data)
    {
        // Who closes the choice makes the promise fail; nothing follows from it.
        let ended = JsFuture::from(js_sys::Promise::resolve(&shared));
        wasm_bindgen_futures::spawn_local(async move { drop(ended.await) });
    }
}

/// Bytes as a file of this kind.
pub fn file(mime: &str, bytes: &js_sys::ArrayBuffer) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    Blob::new_with_u8_array_sequence_and_options(&Array::of1(&Uint8Array::new(bytes)), &options)
}

/// Offers a file as a download.
pub fn download(name: &str, file: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(file)?;
    let anchor: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    // The download soon holds its own reference; a minute is ample.
    after(60_000, move || drop(Url::revoke_object_url(&url)));
    Ok(())
}

/// Returns `true` if a dialog or a menu covers the page.
pub fn dialog_is_open() -> bool {
    // Browsers without popovers refuse the second selector, and show no popover.
    ["dialog[open]", "[popover]:popover-open"]
        .iter()
        .any(|open| matches!(document().query_selector(open), Ok(Some(_))))
}

/// `true` if the user types text into this element.
pub fn takes_text(element: &Element) -> bool {
    let is_line = element.tag_name() == "INPUT"
        && !matches!(
            element.get_attribute("type").as_deref(),
            Some("range" | "radio" | "checkbox" | "file")
        );
    let is_editable = element
        .dyn_ref::<HtmlElement>()
        .is_some_and(HtmlElement::is_content_editable);
    is_line || is_editable || element.tag_name() == "TEXTAREA"
}

/// Clicks the element with this id.
pub fn click(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|e| e.dyn_into::<HtmlElement>().ok())
    {
        element.click();
    }
}

/// Moves the keyboard focus to the element with this id.
pub fn focus(id: &str) {
    if let Some(element) = document()
        .get_element_by_id(id)
        .and_then(|e| e.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}
