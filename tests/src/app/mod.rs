//! The built app as users have it: the real server, a real browser, and the page as a user sees it.
//!
//! [`story`] runs one end-to-end test: it starts its own server and drivers, runs the test, keeps a
//! picture of the browser if the test fails, and ends everything it started. If something is
//! missing, the test fails with the command that creates it, because a test that did not run must
//! not look as if it passed.
#![allow(clippy::print_stdout, reason = "only tests use this")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::OnceCell;

mod browser;
pub mod captures;
mod chromium;
pub mod elsewhere;
mod gpu_calls;
mod incoming;
pub mod language_model;
mod looking;
mod models;
mod mouse;
mod offline;
mod page;
mod pixels;
mod process;
pub mod rooms;
mod script;
mod sharing;
mod worker;

pub use browser::{Browser, Screen, Visit};
pub use gpu_calls::GpuCalls;
pub use models::ModelsKept;
pub use page::{Chip, Page, Row, STEP};
pub use pixels::Pixels;
pub use process::program;
pub use script::{Cancelled, Picture, StageShown, Watched};
pub use sharing::Sent;
pub use worker::{InstancesSaid, PointsSaid, ScanSaid, WorkerSaid};

use browser::Driver;
use process::{Process, built, free_port};

/// Time limit for the start of a server, a driver or a browser.
const START: Duration = Duration::from_secs(60);

/// Everything that one story needs.
pub struct Stand {
    /// Folder for the files of the story. Downloads arrive in `downloads`.
    pub folder: TempDir,
    /// `http://127.0.0.1:port` of the server.
    pub origin: String,
    pages: Mutex<Vec<Page>>,
    drivers: [OnceCell<Driver>; 2],
    /// The folder of the app, and the port that it is served at.
    served: (PathBuf, u16),
    /// `None` while nothing answers there.
    server: Mutex<Option<Process>>,
}

/// Runs a story with the built app.
pub fn story(tell: impl AsyncFnOnce(&Stand)) {
    story_with(|_| built_app(), tell);
}

/// Runs a story with the app that `app` makes in the story's folder.
pub fn story_with(app: impl FnOnce(&Path) -> PathBuf, tell: impl AsyncFnOnce(&Stand)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let stand = runtime.block_on(Stand::start(app));
    let began = Instant::now();
    let told = catch_unwind(AssertUnwindSafe(|| runtime.block_on(tell(&stand))));
    println!("the story took {:.1} s", began.elapsed().as_secs_f64());
    runtime.block_on(stand.end(told.is_err()));
    told.unwrap_or_else(|panic| resume_unwind(panic));
}

/// The folder of the built app.
pub fn built_app() -> PathBuf {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    assert!(
        dist.join("index.html").is_file(),
        "{} has no app: build it with `cargo xtask test --only app`",
        dist.display()
    );
    dist
}

/// Folder for pictures of the page: `target/tmp/pages`.
pub fn pictures() -> PathBuf {
    let folder = built().with_file_name("tmp").join("pages");
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

impl Stand {
    async fn start(app: impl FnOnce(&Path) -> PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let app = app(folder.path());
        let port = free_port();
        let stand = Self {
            origin: format!("http://127.0.0.1:{port}"),
            pages: Mutex::default(),
            drivers: Default::default(),
            served: (app, port),
            server: Mutex::default(),
            folder,
        };
        stand.start_server().await;
        stand
    }

    /// Starts the server, which has the same address and store each time.
    pub async fn start_server(&self) {
        let (app, port) = &self.served;
        let mut command = program("server");
        command
            .args(["--listen", &format!("127.0.0.1:{port}"), "--app"])
            .arg(app)
            .arg("--store")
            .arg(self.folder.path().join("store"))
            // Small scenes come in several parts, too.
            .args(["--part-bytes", "10000"]);
        let mut server = Process::start(command, &self.folder.path().join("server.log"));
        server.listens(*port, START).await;
        *self.server.lock().expect("one thread") = Some(server);
    }

    /// Ends the server: nothing answers at its address until it is started again.
    pub fn stop_server(&self) {
        drop(self.server.lock().expect("one thread").take());
    }

    /// Opens `path` of the app in a browser with its own profile.
    pub async fn visit(&self, path: &str, visit: Visit) -> Page {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.origin)
        };
        let driver = self.drivers[visit.browser as usize]
            .get_or_init(|| Driver::start(visit.browser, self.folder.path()))
            .await;
        let page = Page::open(driver, self.folder.path(), &address, visit).await;
        self.pages.lock().expect("one thread").push(page.clone());
        page
    }

    /// The shared scenes that the server stores.
    pub fn stored(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.folder.path().join("store/scenes"))
            .map(|files| files.flatten().map(|file| file.path()).collect());
        let mut files: Vec<_> = files.unwrap_or_default();
        files.retain(|file: &PathBuf| {
            file.extension()
                .is_some_and(|extension| extension == "segscape")
        });
        files
    }

    /// Numbers of the parts of an unfinished upload that the server has, ascending.
    pub fn parts(&self) -> Vec<u32> {
        let folder = self.folder.path().join("store/uploads");
        let uploads = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = uploads.flat_map(|upload| std::fs::read_dir(upload.path()));
        let names = files.flatten().flatten().map(|file| file.file_name());
        let mut numbers: Vec<u32> = names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// Closes the browsers. If the story failed, keeps pictures of the pages and prints the
    /// server's log.
    async fn end(self, failed: bool) {
        let pages = self
            .pages
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (index, page) in pages.into_iter().enumerate() {
            if failed {
                page.keep_picture(&format!("failed-{index}")).await;
                println!("page {index}: {}", page.account().await);
            }
            page.close().await;
        }
        let server = self.server.into_inner();
        if let Some(server) = server.unwrap_or_else(PoisonError::into_inner)
            && failed
        {
            println!("the server's log:\n{}", server.log());
        }
    }
}
