//! What the browser keeps of the app.

use serde_json::{Value, json};

use super::page::{Page, STEP};

impl Page {
    /// Waits until the browser keeps the whole app.
    pub async fn until_kept(&self) {
        self.until("the app to be kept", STEP * 2, async || {
            let noted: Option<String> = self
                .run(
                    "return document.documentElement.dataset.offline ?? null",
                    &[],
                )
                .await;
            let noted = noted.unwrap_or_default();
            assert!(!noted.starts_with("not "), "{noted}");
            noted == "kept"
        })
        .await;
    }

    /// Names of the caches with versions of the app that are complete, the oldest first.
    pub async fn versions_kept(&self) -> Vec<String> {
        const NAMES: &str = "const answer = arguments[0];
            (async () => {
                const complete = [];
                for (const name of (await caches.keys()).filter(name => name.startsWith('segscape-app-')).sort())
                    if (await (await caches.open(name)).match('/')) complete.push(name);
                answer(complete);
            })()";
        let names = self.client.execute_async(NAMES, vec![]).await;
        let names = names.unwrap_or_else(|error| panic!("the caches are not told: {error}"));
        serde_json::from_value(names).unwrap_or_default()
    }

    /// Paths of all that these caches hold, sorted.
    pub async fn files_kept(&self) -> Vec<String> {
        const PATHS: &str = "const answer = arguments[0];
            (async () => {
                const paths = [];
                for (const name of (await caches.keys()).filter(name => name.startsWith('segscape-app-')))
                    for (const { url } of await (await caches.open(name)).keys()) paths.push(new URL(url).pathname);
                answer(paths.sort());
            })()";
        let paths = self.client.execute_async(PATHS, vec![]).await;
        let paths = paths.unwrap_or_else(|error| panic!("the caches are not told: {error}"));
        serde_json::from_value(paths).unwrap_or_default()
    }

    /// Opens an address and does not wait for the page to run.
    pub async fn load_alone(&self, address: &str) {
        self.load(address).await;
    }

    /// What a meta tag of the page says.
    pub async fn meta(&self, name: &str) -> Option<String> {
        const META: &str =
            "return document.querySelector(`meta[name='${arguments[0]}']`)?.content ?? null";
        let content: Value = self.run(META, &[json!(name)]).await;
        content.as_str().map(str::to_owned)
    }
}
