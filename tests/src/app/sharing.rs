//! The dialog for sharing, the address of the page and what it copies, and pages in frames.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::page::{Page, STEP, css};

/// The links of a scene that was shared.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The link to send.
    pub link: String,
    /// The secret link that allows replacement and deletion.
    pub secret_link: String,
}

impl Page {
    /// Opens the dialog and waits until it knows how large the scene is.
    pub async fn offer_to_share(&self) {
        self.press("share-button").await;
        self.until("the scene to be packed", STEP, async || {
            self.text("send-button").await == "Send and get a link"
        })
        .await;
    }

    /// Shares the scene on screen and closes the dialog.
    pub async fn share(&self) -> Sent {
        self.offer_to_share().await;
        self.send().await
    }

    /// Sends the scene that the dialog offers, and closes the dialog.
    pub async fn send(&self) -> Sent {
        self.press("send-button").await;
        self.until_sent().await
    }

    /// Presses the button of an upload that waits, unless the page is trying again by itself.
    pub async fn go_on(&self) {
        const PRESS: &str = "document.querySelector(arguments[0])?.click()";
        self.run::<Value>(PRESS, &[json!(css("go-on"))]).await;
    }

    /// Waits until the scene is sent, and closes the dialog.
    pub async fn until_sent(&self) -> Sent {
        // One look at the page: between two of them it may begin or end to send. While an update is
        // prepared, the dialog shows the link of before beside the offer.
        const LOOK: &str = "const text = id => document.querySelector(`[data-testid='${id}']`)?.textContent.trim();
            return text('sending') === undefined && text('send-button') === undefined
                ? [text('share-link') ?? '', text('delete-link') ?? ''] : null";
        let links = RefCell::new(None);
        self.until("the links", STEP, async || {
            let look: Option<[String; 2]> = self.run(LOOK, &[]).await;
            *links.borrow_mut() = look.filter(|[link, _]| !link.is_empty());
            links.borrow().is_some()
        })
        .await;
        let [link, secret_link] = links.take().expect("there are links");
        self.close_sharing().await;
        Sent { link, secret_link }
    }

    /// Number of requests of the page whose address ends with this.
    pub async fn requests_of(&self, ending: &str) -> usize {
        const REQUESTS: &str = "return performance.getEntriesByType('resource')
            .filter(request => request.name.endsWith(arguments[0])).length";
        self.run(REQUESTS, &[json!(ending)]).await
    }

    /// Closes the dialog.
    pub async fn close_sharing(&self) {
        self.press_css(".sharing [aria-label='Close']").await;
    }

    /// The address of the page.
    pub async fn address(&self) -> String {
        self.run("return location.href", &[]).await
    }

    /// Changes the fragment of the address, as a user does who pastes another one.
    pub async fn set_fragment(&self, fragment: &str) {
        self.run::<Value>("location.hash = arguments[0]", &[json!(fragment)])
            .await;
    }

    /// Keeps what the page copies where [`Self::copied`] finds it: a browser without a screen has no
    /// clipboard.
    pub async fn catch_copies(&self) {
        const CATCH: &str =
            "navigator.clipboard.writeText = async text => { window.copied = text }";
        self.run::<Value>(CATCH, &[]).await;
    }

    /// What the page copied last.
    pub async fn copied(&self) -> Option<String> {
        self.run("return window.copied ?? null", &[]).await
    }

    /// Number of elements with this `data-testid`.
    pub async fn count(&self, testid: &str) -> usize {
        self.run(
            "return document.querySelectorAll(arguments[0]).length",
            &[json!(css(testid))],
        )
        .await
    }

    /// Title and picture that the page has for programs that show links.
    pub async fn preview(&self) -> [Option<String>; 2] {
        const TAGS: &str = "return ['title', 'image'].map(name =>
            document.querySelector(`meta[property='og:${name}']`)?.content ?? null)";
        self.run(TAGS, &[]).await
    }

    /// Looks into the frame of the page: all else is about the page in it from now on.
    pub async fn enter_frame(&self) {
        let frame = self.client.enter_frame(0).await;
        frame.expect("the page has a frame");
    }

    /// Looks at the page itself again.
    pub async fn leave_frame(&self) {
        let page = self.client.enter_parent_frame().await;
        page.expect("a frame is in a page");
    }

    /// What the page in a frame told the page around it, oldest first. The page around keeps it in
    /// `window.told`.
    pub async fn told(&self) -> Vec<Value> {
        self.run("return window.told ?? []", &[]).await
    }

    /// Tells the page in the frame something.
    pub async fn tell(&self, message: Value) {
        const TELL: &str =
            "document.querySelector('iframe').contentWindow.postMessage(arguments[0], '*')";
        self.run::<Value>(TELL, &[message]).await;
    }
}
