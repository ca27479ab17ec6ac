//! What only Chromium's own commands can do to a page.

use std::path::Path;

use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};

use super::{Page, Visit, gpu_calls};

impl Page {
    /// Gives the page its size and watches its workers' calls of WebGPU.
    pub(super) async fn prepare(&self, visit: Visit) {
        if !visit.screen.touch() {
            // The size of the window would include the browser's borders.
            let (width, height) = visit.screen.size();
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            self.protocol("Emulation.setDeviceMetricsOverride", size)
                .await;
        }
        let before_worker = json!(visit.before_worker);
        let script = format!(
            "window.beforeWorker = {before_worker}; {}",
            gpu_calls::COUNT
        );
        self.run_first(&script).await;
    }

    /// Opens an address while files that match `patterns` cannot be had, and does not wait for the
    /// page to run.
    pub async fn go_without(&self, address: &str, patterns: &[&str]) {
        self.forget_files().await;
        self.protocol("Network.setBlockedURLs", json!({ "urls": patterns }))
            .await;
        self.load(address).await;
    }

    /// Opens an address of which a megabyte takes five seconds, after `script` has run in its empty
    /// page.
    pub async fn go_slowly(&self, address: &str, script: &str) {
        let slowly = json!({ "offline": false, "latency": 0, "downloadThroughput": 200_000, "uploadThroughput": -1 });
        self.forget_files().await;
        self.protocol("Network.emulateNetworkConditions", slowly)
            .await;
        self.go_after(address, script).await;
    }

    /// Opens an address after `script` has run in its empty page, and does not wait for the page
    /// to run.
    pub async fn go_after(&self, address: &str, script: &str) {
        self.run_first(script).await;
        self.load(address).await;
    }

    /// Lets so many bytes a second reach servers; `None` if none can be reached.
    pub async fn upload_at(&self, bytes_per_second: Option<u32>) {
        let limits = json!({
            "offline": bytes_per_second.is_none(),
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_per_second.unwrap_or(0),
        });
        self.protocol("Network.enable", json!({})).await;
        self.protocol("Network.emulateNetworkConditions", limits)
            .await;
    }

    /// Drops files and folders onto the middle of the page.
    pub async fn drop_files(&self, paths: &[&Path]) {
        self.drop_from_outside(json!({ "items": [], "files": paths, "dragOperationsMask": 1 }))
            .await;
    }

    /// Drags something from another window onto the middle of the page and drops it there.
    pub(super) async fn drop_from_outside(&self, data: Value) {
        for step in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": step, "x": 500, "y": 400, "data": data });
            self.protocol("Input.dispatchDragEvent", event).await;
        }
    }

    /// Makes the page believe that the user prefers a dark or a light page, and no motion.
    pub async fn prefer(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.protocol(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Errors on the browser's console since the last call.
    pub async fn errors(&self) -> Vec<String> {
        let log = self.vendor("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        severe
            .map(|entry| entry["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Crashes the browser's GPU process, as a failing driver would.
    pub async fn crash_gpu(&self) {
        self.protocol("Browser.crashGpuProcess", json!({})).await;
    }

    async fn run_first(&self, script: &str) {
        let script = json!({ "source": script });
        self.protocol("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    async fn forget_files(&self) {
        self.protocol("Network.enable", json!({})).await;
        self.protocol("Network.setCacheDisabled", json!({ "cacheDisabled": true }))
            .await;
        self.protocol("Network.setBypassServiceWorker", json!({ "bypass": true }))
            .await;
    }

    /// A command of Chromium's protocol for developer tools.
    async fn protocol(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.vendor("goog/cdp/execute", body).await;
    }

    async fn vendor(&self, path: &'static str, body: Value) -> Value {
        self.client
            .issue_cmd(Vendor { path, body })
            .await
            .unwrap_or_else(|error| panic!("the driver does not do {path}: {error}"))
    }
}

/// A command of Chromium's driver that is not part of the standard.
#[derive(Debug)]
struct Vendor {
    /// Path after the session.
    path: &'static str,
    /// Parameters of the command.
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
