//! Headless Chromium through its driver.

use std::{path::Path, process::Command};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{
    START,
    process::{Process, free_port},
};

/// The flags with which Chromium runs headless and offers WebGPU on a software device; the
/// operations' browser tests have the same.
const FLAGS: &str = include_str!("../../../web/webdriver.json");
/// Those of them that offer WebGPU.
const WEBGPU_FLAGS: [&str; 2] = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/// What the page is looked at with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 1440 x 900.
    Desktop,
    /// 390 x 844, touched.
    Phone,
}

/// How the page is visited.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// What with.
    pub screen: Screen,
    /// Whether the browser offers WebGPU.
    pub webgpu: bool,
    /// What runs in each worker before its own code: faults that no machine has on demand.
    pub before_worker: &'static str,
}

impl Visit {
    /// A desktop with WebGPU.
    pub const DESKTOP: Self = Self {
        screen: Screen::Desktop,
        webgpu: true,
        before_worker: "",
    };
    /// A phone with WebGPU.
    pub const PHONE: Self = Self {
        screen: Screen::Phone,
        ..Self::DESKTOP
    };
    /// A desktop without WebGPU.
    pub const WITHOUT_WEBGPU: Self = Self {
        webgpu: false,
        ..Self::DESKTOP
    };
}

/// The running driver.
pub struct Driver {
    address: String,
    _process: Process,
}

impl Driver {
    /// Starts `chromedriver` on a free port.
    pub async fn start(folder: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let mut process = Process::start(command, &folder.join("chromedriver.log"));
        process.listens(port, START).await;
        Self {
            address: format!("http://127.0.0.1:{port}"),
            _process: process,
        }
    }

    /// A browser with a fresh profile in `folder`; its downloads go to `folder/downloads`.
    pub async fn browser(&self, folder: &Path, visit: Visit) -> Client {
        let profile = tempfile::Builder::new()
            .prefix("profile")
            .tempdir_in(folder)
            .expect("a folder for a profile")
            .keep();
        let given: Value = serde_json::from_str(FLAGS).expect("web/webdriver.json is JSON");
        let mut flags: Vec<String> =
            serde_json::from_value(given["goog:chromeOptions"]["args"].clone())
                .expect("with a list of flags");
        flags.retain(|flag| visit.webgpu || !WEBGPU_FLAGS.contains(&flag.as_str()));
        flags.extend([
            format!("--user-data-dir={}", profile.display()),
            "--hide-scrollbars".into(),
            "--window-size=1440,900".into(),
        ]);
        let mut options = json!({ "args": flags, "prefs": { "download.default_directory": folder.join("downloads") } });
        if visit.screen == Screen::Phone {
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0, "touch": true } });
        }
        let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await;
        client.unwrap_or_else(|error| {
            panic!(
                "Chromium does not start, `cargo xtask test --only stories` installs it: {error}"
            )
        })
    }
}

/// A command of Chromium's driver that is not in the standard.
#[derive(Debug)]
pub struct Vendor {
    /// After the session.
    pub path: &'static str,
    /// Its parameters.
    pub body: Value,
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
