//! Tests of a real server on a loopback port with its own folder, queried by a real client.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod app;
mod faults;
mod hostile;
mod monitoring;
mod process;
mod refusals;
#[cfg(unix)]
mod s3;
mod scenes;
mod senders;
mod uploads;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use segscape::{
    bundle::{self, Bundle, Meta, Overlay, Provenance, SavedView, ScanFile},
    instances::Segmentation,
    scan::{Frame, UpAxis},
    superpoint::Superpoints,
};
use serde_json::Value;
use server::{Config, Hosts, Patience, Proxies, Storage, uploads::Limits};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// Size of a part, of which small bundles have several, bytes.
const PART: usize = 50;
/// Limits that small bundles reach.
const LIMITS: Limits = Limits {
    max_bytes: 100_000,
    part_bytes: PART as u64,
    max_unfinished_bytes: 150_000,
    max_store_bytes: 1_000_000,
};
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

struct Server {
    address: SocketAddr,
    client: Client,
    folder: TempDir,
    stop: mpsc::Sender<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// Starts a server with other settings.
    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(app_folder(), change).await
    }

    /// Starts a server on another store.
    async fn start_on(
        store: impl FnOnce(&TempDir) -> Storage,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = app_folder();
        let store = store(&folder);
        Self::start_in(folder, |config| {
            config.store = store;
            change(config);
        })
        .await
    }

    /// Starts a server with the app and the store of a folder.
    async fn start_in(folder: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            app: folder.path().join("dist"),
            store: store_in(&folder),
            limits: LIMITS,
            max_bytes_per_day: 10_000_000,
            max_connections: (1000, 500),
            default_lifetime: "7".parse().unwrap(),
            hosts: Hosts::all(),
            proxies: Proxies::default(),
            public_metrics: false,
            patience: Patience::default(),
            sweep_period: Duration::from_secs(600),
        };
        change(&mut config);
        let (stop, stops) = mpsc::channel(2);
        tokio::spawn(server::serve(listener, config, stops));
        Self {
            address,
            client: Client::new(),
            folder,
            stop,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Asks for an upload. `said` is the request, in which `secret` becomes the header.
    async fn begin(&self, mut said: Value) -> Response {
        let request = self.client.post(self.url("/api/uploads"));
        let secret = said.as_object_mut().unwrap().remove("secret");
        let secret = secret.iter().filter_map(Value::as_str);
        let request = secret.fold(request, RequestBuilder::bearer_auth);
        request.json(&said).send().await.unwrap()
    }

    /// Sends one part.
    async fn put_part(&self, upload: &str, number: usize, part: &[u8]) -> Response {
        let path = format!("/api/uploads/{upload}/parts/{number}");
        let request = self.client.put(self.url(&path)).body(part.to_vec());
        let request = request.header("content-digest", digest(part));
        let request = request.header("content-type", "application/octet-stream");
        request.send().await.unwrap()
    }

    async fn complete(&self, upload: &str) -> Response {
        let path = format!("/api/uploads/{upload}/complete");
        self.client.post(self.url(&path)).send().await.unwrap()
    }

    /// Sends a bundle in parts, as `said` says, and completes it. Returns what the server said of the
    /// link, and its answer in the end.
    async fn send(&self, mut said: Value, bundle: &[u8]) -> (Value, Response) {
        said["bytes"] = bundle.len().into();
        let begun = self.begin(said).await;
        assert_eq!(begun.status(), StatusCode::CREATED);
        let begun: Value = begun.json().await.unwrap();
        let upload = text(&begun, "upload");
        let parts = bundle.chunks(PART);
        for (number, part) in parts.enumerate() {
            let answer = self.put_part(upload, number, part).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        }
        let answer = self.complete(upload).await;
        (begun, answer)
    }

    /// Shares a bundle. Returns its link with its expiry.
    async fn share(&self, said: Value, bundle: &[u8]) -> Value {
        let (mut link, answer) = self.send(said, bundle).await;
        assert_eq!(answer.status(), StatusCode::OK);
        link["expires"] = answer.json::<Value>().await.unwrap()["expires"].clone();
        link
    }

    async fn delete(&self, id: &str, authorization: Option<&str>) -> StatusCode {
        let request = self.client.delete(self.url(&format!("/api/scenes/{id}")));
        let request = authorization.iter().fold(request, |request, value| {
            request.header("authorization", *value)
        });
        request.send().await.unwrap().status()
    }

    /// Sends bytes unchanged, for requests that a well-behaved client would not send. Returns the
    /// whole answer.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close the connection before it has read everything.
        drop(stream.write_all(request).await);
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The names of the files in a folder of the store, sorted.
    fn files(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = self.folder.path().join("store").join(folder).read_dir() else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The names of the files of scenes.
    fn stored(&self) -> Vec<String> {
        self.files("scenes")
    }

    fn record(&self, id: &str) -> PathBuf {
        self.folder.path().join(format!("store/scenes/{id}.json"))
    }
}

/// A folder with an app.
fn app_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("dist");
    std::fs::create_dir(&app).unwrap();
    std::fs::write(
        app.join("index.html"),
        "<!doctype html><title>Segscape</title><script type=\"module\">start()</script>",
    )
    .unwrap();
    std::fs::write(
        app.join("app-0123456789abcdef_bg.wasm"),
        [b"\0asm".as_slice(), &[7; 5000]].concat(),
    )
    .unwrap();
    std::fs::write(
        app.join("app-0123456789abcdef_bg.wasm.br"),
        "compressed before",
    )
    .unwrap();
    std::fs::write(app.join("worker.js"), "onmessage = () => 0;".repeat(200)).unwrap();
    std::fs::write(folder.path().join("secret.txt"), "not for the world").unwrap();
    folder
}

/// The store of a server in this folder.
fn store_in(folder: &TempDir) -> Storage {
    Storage::open(folder.path().join("store").to_str().unwrap(), 0).unwrap()
}

/// The header that says the SHA-256 of a part.
fn digest(part: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(part)))
}

fn scene() -> Vec<u8> {
    scene_of(500)
}

/// A bundle with so many points.
fn scene_of(points: usize) -> Vec<u8> {
    let scene = Bundle {
        positions: (0..points).map(|i| [i as f32 * 0.01, 0.0, 1.0]).collect(),
        colors: None,
        superpoints: Superpoints::from_ids(&vec![0; points]),
        segmentation: Segmentation::default(),
        meta: meta(),
    };
    bundle::encode(&scene).unwrap()
}

/// The labels of a scan that is elsewhere.
fn labels() -> Vec<u8> {
    let url = "https://example.org/room.ply".to_owned();
    let labels = Overlay {
        superpoints: Superpoints::from_ids(&[0, 0, 1, 1, 0]),
        segmentation: Segmentation::default(),
        meta: meta(),
        scan: ScanFile::of(b"ply", Some(url)).unwrap(),
    };
    bundle::encode_overlay(&labels).unwrap()
}

fn meta() -> Meta {
    Meta {
        names: vec![],
        view: SavedView::default(),
        frame: Frame {
            offset: [0.0; 3],
            metres_per_unit: 1.0,
            up: UpAxis::PlusZ,
        },
        provenance: Provenance::default(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// The sentence of a refusal with this status.
async fn refusal(answer: Response, status: StatusCode) -> String {
    assert_eq!(answer.status(), status);
    text(&answer.json::<Value>().await.unwrap(), "error").to_owned()
}

/// The beginning of a PNG of this size, of which the server looks at no more.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &size].concat()
}
