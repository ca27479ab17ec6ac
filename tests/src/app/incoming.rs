//! What a story pastes into the page and drags onto it.

use serde_json::json;

use super::page::Page;

impl Page {
    /// Pastes a text where the element that matches a CSS selector has the focus. Returns `true` if the
    /// page takes it, and `false` if it leaves it to the browser.
    pub async fn paste(&self, css: &str, text: &str) -> bool {
        // A browser without a screen has no clipboard.
        const PASTE: &str = "const clipboardData = new DataTransfer();
            clipboardData.setData('text/plain', arguments[1]);
            const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
            document.querySelector(arguments[0]).dispatchEvent(event);
            return event.defaultPrevented";
        self.run(PASTE, &[json!(css), json!(text)]).await
    }

    /// Pastes a file that has the bytes at an address. Returns `true` if the page takes it.
    pub async fn paste_file(&self, name: &str, address: &str) -> bool {
        const PASTE: &str = "const [name, address, answer] = arguments;
            fetch(address).then(file => file.blob()).then(blob => {
                const clipboardData = new DataTransfer();
                clipboardData.items.add(new File([blob], name));
                const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
                document.body.dispatchEvent(event);
                answer(event.defaultPrevented);
            })";
        let arguments = vec![json!(name), json!(address)];
        let taken = self.client.execute_async(PASTE, arguments).await;
        taken.unwrap_or_else(|error| panic!("{address} is not pasted: {error}")) == json!(true)
    }

    /// Drops a link from another window onto the middle of the page.
    pub async fn drop_link(&self, address: &str) {
        let link = json!({ "mimeType": "text/uri-list", "data": address });
        self.drop_from_outside(json!({ "items": [link], "files": [], "dragOperationsMask": 1 }))
            .await;
    }
}
