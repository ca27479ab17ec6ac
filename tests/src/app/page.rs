//! The page as a user sees and uses it. Elements are found by their `data-testid`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use fantoccini::{Client, Locator, elements::Element, wd::TimeoutConfiguration};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    Visit,
    browser::{Browser, Driver},
    gpu_calls::GpuCalls,
    pictures,
    script::{self, Cancelled, Picture, StageShown, Watched},
    worker::WorkerSaid,
};

/// Time limit for an action of the page that needs no stage of the pipeline.
pub const STEP: Duration = Duration::from_secs(30);
/// Time limit until the page's wasm runs and the worker has measured the machine.
const PAGE: Duration = Duration::from_secs(90);
/// Time limit for a whole room to pass through every stage, on two busy cores.
const ROOM: Duration = Duration::from_secs(300);
/// Time between two checks of a condition.
const LOOK: Duration = Duration::from_millis(100);
/// A page that asks for no frame for this time is at rest.
const REST: Duration = Duration::from_millis(500);

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Row {
    /// Id of the instance.
    pub id: u32,
    /// Name of the instance.
    pub name: String,
    /// Score, with two decimal places.
    pub score: f64,
    /// Number of points.
    pub points: u32,
    /// If `true`, the instance is selected.
    pub selected: bool,
    /// If `true`, the pointer is over the instance, in the list or in the picture.
    pub hovered: bool,
    /// If `true`, the points of the instance are hidden.
    pub hidden: bool,
}

/// A term that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Chip {
    /// The term as typed.
    pub name: String,
    /// Number of matches.
    pub count: usize,
}

/// One open page.
#[derive(Clone)]
pub struct Page {
    pub(super) client: Client,
}

impl Page {
    /// Opens the page and waits until it runs.
    pub(super) async fn open(driver: &Driver, folder: &Path, address: &str, visit: Visit) -> Self {
        let client = driver.browser(folder, visit).await;
        client
            .update_timeouts(TimeoutConfiguration::new(Some(PAGE), Some(PAGE), None))
            .await
            .expect("time-outs");
        let page = Self { client };
        if visit.browser == Browser::Chromium {
            page.prepare(visit).await;
        }
        page.go(address).await;
        page
    }

    /// Opens an address in the same browser.
    pub async fn go(&self, address: &str) {
        // An address that differs only in the fragment would not be loaded.
        self.client
            .goto("about:blank")
            .await
            .expect("an empty page");
        self.load(address).await;
        self.until("the page", PAGE, async || self.exists("file-input").await)
            .await;
        self.run::<Value>(script::WATCH, &[]).await;
        let measured = async || self.text("backend").await.contains('·');
        self.until("the choice of a backend", PAGE, measured).await;
    }

    pub(super) async fn load(&self, address: &str) {
        self.client
            .goto(address)
            .await
            .unwrap_or_else(|error| panic!("{address} does not open: {error}"));
    }

    /// Polls until `holds` returns `true`. Panics with the page's own messages if that takes longer
    /// than `within`.
    pub async fn until(&self, what: &str, within: Duration, holds: impl AsyncFn() -> bool) {
        let start = Instant::now();
        while !holds().await {
            if start.elapsed() > within {
                panic!(
                    "waited {within:?} for {what}; the page says {}",
                    self.account().await
                );
            }
            sleep(LOOK).await;
        }
    }

    /// Gives the page a file as if the user had chosen it.
    pub async fn choose(&self, file: &Path) {
        let path = file.to_str().expect("a path in UTF-8");
        self.keys("file-input", path).await;
    }

    /// Gives the page a folder as if the user had chosen it.
    pub async fn choose_folder(&self, folder: &Path) {
        let path = folder.to_str().expect("a path in UTF-8");
        self.keys("folder-input", path).await;
    }

    /// Number of cameras of a capture that are drawn.
    pub async fn cameras(&self) -> usize {
        let count = self.attribute("cameras", "data-count").await;
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// An attribute of an element, if there are both.
    pub async fn attribute(&self, testid: &str, name: &str) -> Option<String> {
        self.run(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null",
            &[json!(css(testid)), json!(name)],
        )
        .await
    }

    /// Width and height in pixels of what an image shows, once it is decoded.
    pub async fn picture_size(&self, testid: &str) -> Value {
        const SIZE: &str = "const image = document.querySelector(arguments[0]);
            return image?.complete ? [image.naturalWidth, image.naturalHeight] : null";
        self.run(SIZE, &[json!(css(testid))]).await
    }

    /// Text of all elements that match a CSS selector.
    pub async fn words(&self, css: &str) -> String {
        const WORDS: &str =
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent).join(' ')";
        self.run(WORDS, &[json!(css)]).await
    }

    /// Finds the things in a scan that is only shown at first, as scans are on phones.
    pub async fn find_things(&self) {
        self.until("the points", STEP * 4, async || self.exists("find").await)
            .await;
        self.press("find").await;
    }

    /// Waits until all stages are finished. An error on the page ends the wait and panics.
    pub async fn until_done(&self) {
        let over =
            async || self.text("status").await.starts_with("Done") || self.exists("error").await;
        self.until("all stages", ROOM, over).await;
        assert!(
            !self.exists("error").await,
            "the page says {}",
            self.account().await
        );
    }

    /// Returns `true` if there is an element with this `data-testid`.
    pub async fn exists(&self, testid: &str) -> bool {
        self.client.find(Locator::Css(&css(testid))).await.is_ok()
    }

    /// `true` if there is an element with this `data-testid` and it takes room on the page.
    pub async fn is_shown(&self, testid: &str) -> bool {
        const SHOWN: &str =
            "return document.querySelector(arguments[0])?.checkVisibility() ?? false";
        self.run(SHOWN, &[json!(css(testid))]).await
    }

    async fn find(&self, css: &str) -> Element {
        self.client
            .find(Locator::Css(css))
            .await
            .unwrap_or_else(|error| panic!("there is no {css}: {error}"))
    }

    /// `true` if what is in an element is wider than it; `None` if nothing matches the CSS selector.
    pub async fn scrolls_sideways(&self, css: &str) -> Option<bool> {
        const SCROLLS: &str = "const element = document.querySelector(arguments[0]);
            return element ? element.scrollWidth > element.clientWidth + 1 : null";
        self.run(SCROLLS, &[json!(css)]).await
    }

    /// The text of an element, visible or not; empty if there is no such element.
    pub async fn text(&self, testid: &str) -> String {
        self.run(
            "return document.querySelector(arguments[0])?.textContent ?? ''",
            &[json!(css(testid))],
        )
        .await
    }

    /// The value of a text box or a slider.
    pub async fn value(&self, testid: &str) -> String {
        self.run(
            "return document.querySelector(arguments[0]).value",
            &[json!(css(testid))],
        )
        .await
    }

    /// Clicks the element with this `data-testid`.
    pub async fn press(&self, testid: &str) {
        self.press_css(&css(testid)).await;
    }

    /// Clicks the element that matches a CSS selector.
    pub async fn press_css(&self, css: &str) {
        self.find(css)
            .await
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css} cannot be pressed: {error}"));
    }

    /// Sends keys to the element with this `data-testid`.
    pub async fn keys(&self, testid: &str, keys: &str) {
        self.type_into(&css(testid), keys).await;
    }

    /// Sends keys to the element that matches a CSS selector.
    pub async fn type_into(&self, css: &str, keys: &str) {
        self.find(css)
            .await
            .send_keys(keys)
            .await
            .unwrap_or_else(|error| panic!("nothing can be typed into {css}: {error}"));
    }

    /// The rows of the list.
    pub async fn rows(&self) -> Vec<Row> {
        self.run(script::ROWS, &[]).await
    }

    /// The terms that are looked for, with their counts.
    pub async fn chips(&self) -> Vec<Chip> {
        self.run(script::CHIPS, &[]).await
    }

    /// The id of the selected row.
    pub async fn selected(&self) -> Option<u32> {
        self.rows()
            .await
            .into_iter()
            .find(|row| row.selected)
            .map(|row| row.id)
    }

    /// Clicks the row of an instance.
    pub async fn press_row(&self, id: u32) {
        self.press_css(&format!("[data-instance='{id}']")).await;
    }

    /// Clicks a tool in the row of an instance, which must be selected.
    pub async fn press_tool(&self, id: u32, tool: &str) {
        self.press_css(&format!("[data-instance='{id}'] [aria-label='{tool}']"))
            .await;
    }

    /// The stages as displayed.
    pub async fn stages(&self) -> Vec<StageShown> {
        self.run(script::STAGES, &[]).await
    }

    /// The events recorded since the page was opened.
    pub async fn watched(&self) -> Watched {
        self.run("return window.watched", &[]).await
    }

    /// Clicks cancel as soon as this stage is displayed. [`Self::cancelled`] then returns the time
    /// of the click and the time until the page reported the cancellation.
    pub async fn will_cancel_in(&self, stage: &str) {
        self.run::<Value>(script::CANCEL, &[json!(stage)]).await;
    }

    /// The click on cancel that [`Self::will_cancel_in`] scheduled, once the page has reacted.
    pub async fn cancelled(&self) -> Option<Cancelled> {
        self.run("return window.cancelled", &[]).await
    }

    /// The workers' calls of WebGPU since the page was opened, one entry per message.
    pub async fn gpu_calls(&self) -> Vec<GpuCalls> {
        self.run("return window.gpuCalls", &[]).await
    }

    /// Opens the file `name` of the server at `origin` in a worker of its own, through the messages
    /// that the page and its worker exchange, and returns what the worker says until the points are
    /// there, or, if `to_the_end`, until all is done.
    pub async fn ask_worker(&self, origin: &str, name: &str, to_the_end: bool) -> WorkerSaid {
        let limit = TimeoutConfiguration::new(Some(ROOM), Some(PAGE), None);
        self.client.update_timeouts(limit).await.expect("time-outs");
        let arguments = vec![
            json!(format!("{origin}/{name}")),
            json!(name),
            json!(to_the_end),
        ];
        let said = self
            .client
            .execute_async(script::ASK_WORKER, arguments)
            .await;
        let said =
            said.unwrap_or_else(|error| panic!("{name}: the worker does not answer: {error}"));
        serde_json::from_value(said).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Unfolds the details with this `data-testid`, as a click on their summary does.
    pub async fn unfold(&self, testid: &str) {
        const UNFOLD: &str = "const details = document.querySelector(arguments[0]);
            if (!details.open) details.querySelector('summary').click()";
        self.run::<Value>(UNFOLD, &[json!(css(testid))]).await;
    }

    /// `true` if the element with this `data-testid` has the keyboard focus.
    pub async fn has_focus(&self, testid: &str) -> bool {
        self.run(
            "return document.activeElement?.matches(arguments[0]) ?? false",
            &[json!(css(testid))],
        )
        .await
    }

    /// The page's clock, milliseconds.
    pub async fn now(&self) -> f64 {
        self.run("return performance.now()", &[]).await
    }

    /// Types a whole prompt. Returns the time until the list has changed, milliseconds.
    pub async fn ask(&self, prompt: &str) -> f64 {
        let answer = self
            .client
            .execute_async(script::ASK, vec![json!(prompt)])
            .await;
        answer
            .ok()
            .and_then(|ms| ms.as_f64())
            .unwrap_or_else(|| panic!("the list did not change after `{prompt}` was typed"))
    }

    /// Types a whole prompt, whatever comes of it.
    pub async fn type_prompt(&self, prompt: &str) {
        self.fill("prompt-input", prompt).await;
    }

    /// Replaces the text in a text box.
    pub async fn fill(&self, testid: &str, text: &str) {
        const FILL: &str = "const input = document.querySelector(arguments[0]);
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, arguments[1]);
            input.dispatchEvent(new InputEvent('input', { bubbles: true }))";
        let arguments = [json!(css(testid)), json!(text)];
        self.run::<Value>(FILL, &arguments).await;
    }

    /// All that the page keeps in the browser beyond its own life, apart from models.
    pub async fn kept(&self) -> String {
        const KEPT: &str =
            "return JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie";
        self.run(KEPT, &[]).await
    }

    /// `true` if the browser would ask before the page is left.
    pub async fn asks_before_it_is_left(&self) -> bool {
        const LEAVE: &str = "const event = new Event('beforeunload', { cancelable: true });
            window.dispatchEvent(event);
            return event.defaultPrevented";
        self.run(LEAVE, &[]).await
    }

    /// `true` if the browser keeps a project.
    pub async fn keeps_a_project(&self) -> bool {
        const KEPT: &str = "const answer = arguments[0];
            caches.match('/project/about').then(kept => answer(kept !== undefined))";
        let kept = self.client.execute_async(KEPT, vec![]).await;
        kept.is_ok_and(|kept| kept == json!(true))
    }

    /// Number of files of networks and text encoders that the browser keeps.
    pub async fn cached_files(&self) -> usize {
        let kept = self.models_kept().await;
        kept.in_files + kept.in_cache
    }

    /// Types a phrase outside the vocabulary into the empty prompt, presses Enter when the page
    /// offers to look for it, and waits for the answer.
    pub async fn ask_in_own_words(&self, phrase: &str) {
        self.keys("prompt-input", phrase).await;
        self.until("the offer to look for it", STEP, async || {
            self.text("unfinished").await.contains(phrase)
        })
        .await;
        self.keys("prompt-input", "\u{e007}").await; // Enter
        let understood = async || {
            self.chips()
                .await
                .iter()
                .map(|chip| chip.name.clone())
                .collect::<Vec<_>>()
                == [phrase]
        };
        self.until("the text encoder's answer; `cargo xtask models` fetches the encoder before the app is built", STEP * 3, understood).await;
    }

    /// Moves the slider of the threshold, in `0..=1`.
    pub async fn set_threshold(&self, threshold: f64) {
        const SLIDE: &str = "const slider = document.querySelector('[data-testid=threshold]'); slider.value = arguments[0];
            slider.dispatchEvent(new InputEvent('input', { bubbles: true }))";
        self.run::<Value>(SLIDE, &[json!(threshold)]).await;
    }

    /// A picture of the window, as PNG.
    pub(super) async fn screenshot(&self) -> Vec<u8> {
        self.client
            .screenshot()
            .await
            .unwrap_or_else(|error| panic!("no picture of the window: {error}"))
    }

    /// Waits until the page asks for no more frames.
    pub(super) async fn until_at_rest(&self) {
        let [rest, limit] = [REST, STEP].map(|time| json!(time.as_millis() as u64));
        let rests = self
            .client
            .execute_async(script::REST, vec![rest, limit])
            .await;
        let rests = rests.unwrap_or_else(|error| panic!("the page is gone: {error}"));
        assert_eq!(rests, json!(true), "the picture does not come to rest");
    }

    /// The contents of the canvas once it is at rest.
    pub async fn picture(&self) -> Picture {
        self.until_at_rest().await;
        self.picture_now().await
    }

    /// The contents of the canvas at the moment, whether or not it is at rest.
    pub async fn picture_now(&self) -> Picture {
        self.run(script::PICTURE, &[]).await
    }

    /// Fraction of the canvas that is not background at the moment, whether or not it is at rest.
    pub async fn picture_covers(&self) -> f64 {
        self.picture_now().await.coverage()
    }

    /// Returns `true` if the help is open.
    pub async fn help_is_open(&self) -> bool {
        self.run("return document.querySelector('.help').open", &[])
            .await
    }

    /// Elements that overlap, extend beyond the window or are cut off.
    pub async fn flaws(&self) -> Vec<String> {
        self.run(script::FLAWS, &[]).await
    }

    /// Saves a picture of the page as `target/tmp/pages/NAME.png`.
    pub async fn keep_picture(&self, name: &str) {
        match self.client.screenshot().await {
            Ok(png) => fs::write(pictures().join(format!("{name}.png")), png)
                .expect("the target folder can be written"),
            Err(error) => println!("no picture of {name}: {error}"),
        }
    }

    /// The state of the page, for the message of a failure.
    pub async fn account(&self) -> String {
        const WORDS: &str = "return ['status', 'stage-progress', 'backend', 'error', 'model-busy', 'model-error'].map(id =>
            id + ': ' + (document.querySelector(`[data-testid=${id}]`)?.textContent ?? '-')).join('; ')";
        let words: Value = self
            .client
            .execute(WORDS, vec![])
            .await
            .unwrap_or_else(|error| json!(error.to_string()));
        words.as_str().unwrap_or_default().to_owned()
    }

    /// Closes the browser.
    pub(super) async fn close(self) {
        // A browser that has crashed is already closed.
        drop(self.client.close().await);
    }

    pub(super) async fn run<T: DeserializeOwned>(&self, script: &str, arguments: &[Value]) -> T {
        let value = self
            .client
            .execute(script, arguments.to_vec())
            .await
            .unwrap_or_else(|error| panic!("a script failed: {error}"));
        serde_json::from_value(value)
            .unwrap_or_else(|error| panic!("a script gave back something else: {error}"))
    }
}

pub(super) fn css(testid: &str) -> String {
    format!("[data-testid='{testid}']")
}
