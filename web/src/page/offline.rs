//! The page as an installed app: the workers of its own version, which the service worker keeps
//! (`static/service-worker.js`), and the files that the system opens with it.

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::File;

use super::{actions, gather, state::State};
use crate::{browser, text::said};

#[wasm_bindgen]
extern "C" {
    /// `LaunchQueue`: where the system leaves the files that it opens with an installed app.
    type LaunchQueue;

    #[wasm_bindgen(method, js_name = setConsumer)]
    fn set_consumer(this: &LaunchQueue, consumer: &Function);

    /// `LaunchParams`.
    type Launch;

    #[wasm_bindgen(method, getter)]
    fn files(this: &Launch) -> Option<Array>;

    /// `FileSystemFileHandle`.
    type FileHandle;

    #[wasm_bindgen(method, js_name = getFile)]
    fn file(this: &FileHandle) -> Promise;
}

/// The address of a file with which a worker starts. Where the service worker is between the page and
/// the server, it is that of the page's own version, whatever the server has by now.
pub fn of_this_version(file: &str) -> String {
    match version().filter(|_| is_kept()) {
        Some(version) => format!("/of/{version}/{file}"),
        None => format!("/{file}"),
    }
}

/// How it stands with visits without a network, in words.
pub fn standing() -> String {
    let root = browser::document().document_element();
    let noted = root.and_then(|root| root.get_attribute("data-offline"));
    match version().filter(|_| is_kept()) {
        Some(version) => format!("the app is kept, version {version}"),
        None => noted.unwrap_or_else(|| "nothing is kept so far".to_owned()),
    }
}

/// `true` if what the page asks the server for passes through the service worker.
fn is_kept() -> bool {
    let navigator = browser::window().navigator();
    let container = Reflect::get(&navigator, &"serviceWorker".into());
    let controller = container
        .ok()
        .filter(JsValue::is_object)
        .and_then(|container| Reflect::get(&container, &"controller".into()).ok());
    controller.is_some_and(|controller| controller.is_object())
}

/// The version of the page: the hash in the name of its program.
fn version() -> Option<String> {
    let program = browser::document()
        .query_selector("link[rel=modulepreload][href^='/app-']")
        .ok()??
        .get_attribute("href")?;
    let hash = program.strip_prefix("/app-")?.strip_suffix(".js")?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| hash.to_owned())
}

/// Opens the files that the system opens with the installed app. Other browsers have no such thing.
pub fn take_files(state: State) {
    let queue = Reflect::get(&browser::window(), &"launchQueue".into());
    let Some(queue) = queue.ok().filter(JsValue::is_object) else {
        return;
    };
    let consumer = Closure::<dyn Fn(Launch)>::new(move |launch: Launch| {
        let handles = launch.files().unwrap_or_default();
        if handles.length() > 0 {
            spawn_local(open(state, handles));
        }
    });
    let queue: LaunchQueue = queue.unchecked_into();
    queue.set_consumer(consumer.as_ref().unchecked_ref());
    consumer.forget(); // lives as long as the page
}

async fn open(state: State, handles: Array) {
    let mut files = Vec::new();
    for handle in handles.iter() {
        let handle: FileHandle = handle.unchecked_into();
        match JsFuture::from(handle.file()).await {
            Ok(file) => files.push(file.unchecked_into::<File>()),
            Err(_) => {
                let words = said("the browser could not read the file that it was given to open");
                state.error.set(Some(words.to_owned()));
                return;
            }
        }
    }
    if let Some(source) = gather::given(files.into_iter()) {
        actions::open(state, source);
    }
}
