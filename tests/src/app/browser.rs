//! Browsers without a screen, controlled through their drivers.

use std::{path::Path, process::Command};

use fantoccini::{Client, ClientBuilder};
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

/// The program in which the page is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Chromium.
    Chromium,
    /// Firefox, which has no WebGPU here, in a window of [`Screen::Desktop`], once in a story: its
    /// driver has one browser at a time.
    Firefox,
}

/// The screen on which the page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// 1280 x 800: what is drawn in software takes time for each pixel.
    Desktop,
    /// 1440 x 900.
    LargeDesktop,
    /// A window of 960 x 600.
    Window,
    /// 820 x 1180, with touch input.
    Tablet,
    /// 390 x 844, with touch input.
    Phone,
}

/// The settings of a visit to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The browser.
    pub browser: Browser,
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
            Self::Desktop => (1280, 800),
            Self::LargeDesktop => (1440, 900),
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
    /// A desktop without WebGPU. Where there is WebGPU, the page measures it against the CPU, and on
    /// a software device that takes longer than most stories.
    pub const DESKTOP: Self = Self {
        browser: Browser::Chromium,
        screen: Screen::Desktop,
        webgpu: false,
        composes: false,
        before_worker: "",
    };
    /// A large desktop without WebGPU.
    pub const LARGE_DESKTOP: Self = Self {
        screen: Screen::LargeDesktop,
        ..Self::DESKTOP
    };
    /// A phone without WebGPU.
    pub const PHONE: Self = Self {
        screen: Screen::Phone,
        ..Self::DESKTOP
    };
    /// A tablet without WebGPU.
    pub const TABLET: Self = Self {
        screen: Screen::Tablet,
        ..Self::DESKTOP
    };
    /// A small window that can show a canvas of WebGPU: a software device takes long for each
    /// pixel.
    pub const COMPOSING: Self = Self {
        screen: Screen::Window,
        webgpu: true,
        composes: true,
        ..Self::DESKTOP
    };
    /// A desktop in Firefox.
    pub const FIREFOX: Self = Self {
        browser: Browser::Firefox,
        ..Self::DESKTOP
    };
    /// A desktop with WebGPU.
    pub const WITH_WEBGPU: Self = Self {
        webgpu: true,
        ..Self::DESKTOP
    };
}

/// The running driver.
pub struct Driver {
    address: String,
    _process: Process,
}

impl Driver {
    /// Starts the driver of a browser on a free port.
    pub async fn start(browser: Browser, folder: &Path) -> Self {
        let port = free_port();
        let program = match browser {
            Browser::Chromium => "chromedriver",
            Browser::Firefox => "geckodriver",
        };
        let mut command = Command::new(program);
        command.arg(format!("--port={port}"));
        let mut process = Process::start(command, &folder.join(format!("{program}.log")));
        process.listens(port, START).await;
        Self {
            address: format!("http://127.0.0.1:{port}"),
            _process: process,
        }
    }

    /// Starts a browser with a new profile in `folder`. Its downloads go to `folder/downloads`.
    pub async fn browser(&self, folder: &Path, visit: Visit) -> Client {
        let capabilities = match visit.browser {
            Browser::Chromium => chromium(folder, visit),
            Browser::Firefox => firefox(folder, visit),
        };
        let Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await;
        client.unwrap_or_else(|error| {
            panic!(
                "{:?} does not start, `cargo xtask test --only stories` installs it: {error}",
                visit.browser
            )
        })
    }
}

fn chromium(folder: &Path, visit: Visit) -> Value {
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
    json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } })
}

fn firefox(folder: &Path, visit: Visit) -> Value {
    let (width, height) = visit.screen.size();
    let flags = [
        "-headless".to_owned(),
        format!("--width={width}"),
        format!("--height={height}"),
    ];
    // 2: into the folder of the next line
    let settings = json!({
        "browser.download.folderList": 2,
        "browser.download.dir": folder.join("downloads"),
    });
    json!({ "browserName": "firefox", "moz:firefoxOptions": { "args": flags, "prefs": settings } })
}
