//! Headless Chromium, controlled through its driver.

use std::{path::Path, process::Command};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::{
    START,
    process::{Process, free_port},
};

/// The flags with which Chromium runs headless and offers WebGPU on a software device. The browser
/// tests of the operations use the same flags.
const FLAGS: &str = include_str!("../../../web/webdriver.json");
/// The flags in [`FLAGS`] that enable WebGPU.
const WEBGPU_FLAGS: [&str; 2] = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
/// The flags with which Chromium also composes the page on the software device. Otherwise a canvas
/// cannot show what WebGPU draws, and Chromium loses the device.
const COMPOSING_FLAGS: [&str; 3] = [
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
    "--use-angle=swiftshader",
];

/// The screen on which the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 1440 x 900.
    Desktop,
    /// A window of 960 x 600.
    Window,
    /// 820 x 1180, with touch input.
    Tablet,
    /// 390 x 844, with touch input.
    Phone,
}

/// The settings of a visit to the page.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// The screen.
    pub screen: Screen,
    /// If `true`, the browser offers WebGPU.
    pub webgpu: bool,
    /// If `true`, the browser can show a canvas of WebGPU.
    pub composes: bool,
    /// JavaScript that runs in each worker before its own code, to inject faults that no machine
    /// produces on demand.
    pub before_worker: &'static str,
}

impl Screen {
    /// Width and height in CSS pixels.
    pub(super) fn size(self) -> (u32, u32) {
        match self {
            Self::Desktop => (1440, 900),
            Self::Window => (960, 600),
            Self::Tablet => (820, 1180),
            Self::Phone => (390, 844),
        }
    }

    /// Returns `true` if it is used with fingers.
    pub(super) fn touch(self) -> bool {
        matches!(self, Self::Tablet | Self::Phone)
    }
}

impl Visit {
    /// A desktop with WebGPU.
    pub const DESKTOP: Self = Self {
        screen: Screen::Desktop,
        webgpu: true,
        composes: false,
        before_worker: "",
    };
    /// A phone with WebGPU.
    pub const PHONE: Self = Self {
        screen: Screen::Phone,
        ..Self::DESKTOP
    };
    /// A tablet with WebGPU.
    pub const TABLET: Self = Self {
        screen: Screen::Tablet,
        ..Self::DESKTOP
    };
    /// A small window that can show a canvas of WebGPU: a software device takes long for each
    /// pixel.
    pub const COMPOSING: Self = Self {
        screen: Screen::Window,
        composes: true,
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

    /// Starts a browser with a new profile in `folder`. Its downloads go to `folder/downloads`.
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
        if visit.composes {
            flags.extend(COMPOSING_FLAGS.map(String::from));
        }
        flags.extend([
            format!("--user-data-dir={}", profile.display()),
            "--hide-scrollbars".into(),
            "--window-size=1440,900".into(),
        ]);
        let mut options = json!({ "args": flags, "prefs": { "download.default_directory": folder.join("downloads") } });
        if visit.screen.touch() {
            let (width, height) = visit.screen.size();
            options["mobileEmulation"] = json!({ "deviceMetrics": { "width": width, "height": height, "pixelRatio": 2.0, "touch": true } });
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

/// A command of Chromium's driver that is not part of the standard.
#[derive(Debug)]
pub struct Vendor {
    /// Path after the session.
    pub path: &'static str,
    /// Parameters of the command.
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
