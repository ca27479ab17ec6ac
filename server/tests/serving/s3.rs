//! The program on an object store: alone, with a second one beside it, and through a proxy that fails
//! as networks and object stores do. The store is the S3 of moto, from its package.

mod behind;
mod faults;
mod proxy;

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{
    Client, StatusCode,
    header::{self, HeaderValue},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::sleep};

use crate::{Server, app_folder, refusal, scene, scene_of, text};
use proxy::{Fault, Proxy};

/// Size of a part, bytes.
const PIECE: usize = 150;
/// Time limit for the start of a program and for what takes a moment, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// What moto takes for a signature: without one, it lets nobody change what others stored.
const SIGNED: HeaderValue = HeaderValue::from_static(
    "AWS4-HMAC-SHA256 Credential=anybody/20260101/us-east-1/s3/aws4_request, \
     SignedHeaders=host, Signature=0",
);

/// An object store with an empty bucket, which ends when this is dropped.
struct Store {
    child: Child,
    address: SocketAddr,
    client: Client,
    _log: TempDir,
}

impl Store {
    async fn start() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let program = target.join("tools/moto/bin/moto_server");
        assert!(
            program.is_file(),
            "{} is not there: `cargo xtask test --only native` installs it",
            program.display()
        );
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut store = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            client: Client::builder()
                .default_headers([(header::AUTHORIZATION, SIGNED)].into_iter().collect())
                .build()
                .unwrap(),
            _log: folder,
        };
        store.address = address_in(&log, "Running on http://").await;
        let made = store.client.put(store.url("")).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::OK);
        store
    }

    fn url(&self, key: &str) -> String {
        format!("http://{}/bucket/{key}", self.address)
    }

    /// The names of all objects, sorted.
    async fn keys(&self) -> Vec<String> {
        let listing = self.client.get(self.url("?list-type=2")).send();
        let listing = listing.await.unwrap().text().await.unwrap();
        let keys = listing.split("<Key>").skip(1);
        keys.map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    }

    /// The one object whose name contains this.
    async fn key(&self, part: &str) -> String {
        let keys = self.keys().await;
        let mut found = keys.iter().filter(|key| key.contains(part));
        let key = found.next().cloned();
        assert!(found.next().is_none(), "{part} in {keys:?}");
        key.unwrap_or_else(|| panic!("no {part} in {keys:?}"))
    }

    async fn read(&self, key: &str) -> Vec<u8> {
        let answer = self.client.get(self.url(key)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{key}");
        answer.bytes().await.unwrap().to_vec()
    }

    async fn write(&self, key: &str, bytes: Vec<u8>) {
        let put = self.client.put(self.url(key)).body(bytes);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::OK, "{key}");
    }

    /// Changes a value in the record of a scene or an upload.
    async fn set(&self, record: &str, name: &str, value: Value) {
        let mut read: Value = serde_json::from_slice(&self.read(record).await).unwrap();
        read[name] = value;
        self.write(record, read.to_string().into_bytes()).await;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program with its app in a folder and its scenes in an object store. It ends when this is
/// dropped.
struct Program {
    child: Child,
    server: Server,
}

impl Program {
    /// Starts the program on the store at an address, with more arguments.
    async fn start(store: SocketAddr, more: &[&str]) -> Self {
        Self::start_with(store, PIECE, more).await
    }

    /// Starts the program with parts of so many bytes.
    async fn start_with(store: SocketAddr, part_bytes: usize, more: &[&str]) -> Self {
        let folder = app_folder();
        let log = folder.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_server"))
            .args(["--listen", "127.0.0.1:0", "--app", "dist"])
            .args(["--store", "s3://bucket/shared"])
            .args(["--part-bytes", &part_bytes.to_string()])
            .args(more)
            .current_dir(folder.path())
            .env("AWS_ENDPOINT", format!("http://{store}"))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "anybody")
            .env("AWS_SECRET_ACCESS_KEY", "anything")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut program = Self {
            child,
            server: Server {
                address: SocketAddr::from(([127, 0, 0, 1], 0)),
                client: Client::new(),
                folder,
                stop: mpsc::channel(1).0,
            },
        };
        program.server.address = address_in(&log, "serving on http://").await;
        // It answers once it has read the store.
        let health = program.server.get("/healthz").await;
        assert_eq!(health.status(), StatusCode::OK);
        program
    }

    /// Announces a bundle and sends its parts. Returns what the server said of the link.
    async fn sent(&self, mut said: Value, bundle: &[u8]) -> Value {
        said["bytes"] = bundle.len().into();
        let begun = self.server.begin(said).await;
        assert_eq!(begun.status(), StatusCode::CREATED);
        let begun: Value = begun.json().await.unwrap();
        for (number, part) in bundle.chunks(PIECE).enumerate() {
            let upload = text(&begun, "upload");
            let answer = self.server.put_part(upload, number, part).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT, "part {number}");
        }
        begun
    }

    async fn complete(&self, begun: &Value) -> StatusCode {
        let answer = self.server.complete(text(begun, "upload")).await;
        answer.status()
    }

    async fn share(&self, said: Value, bundle: &[u8]) -> Value {
        let begun = self.sent(said, bundle).await;
        assert_eq!(self.complete(&begun).await, StatusCode::OK);
        begun
    }

    /// Deletes the scene of a link.
    async fn delete(&self, link: &Value) -> StatusCode {
        let secret = format!("Bearer {}", text(link, "secret"));
        self.server.delete(text(link, "id"), Some(&secret)).await
    }

    /// The bytes of a scene, or the status that is not 200.
    async fn read(&self, link: &Value) -> Result<Vec<u8>, StatusCode> {
        let path = format!("/api/scenes/{}", text(link, "id"));
        let answer = self.server.get(&path).await;
        match answer.status() {
            StatusCode::OK => Ok(answer.bytes().await.unwrap().to_vec()),
            status => Err(status),
        }
    }

    /// A value of `/metrics`.
    async fn counts(&self, name: &str) -> u64 {
        let metrics = self.server.get("/metrics").await.text().await.unwrap();
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.next().unwrap_or_else(|| panic!("{name}: {metrics}"));
        value.trim().parse().unwrap()
    }

    /// Waits until a value of `/metrics` is this.
    async fn comes_to_count(&self, name: &str, value: u64) {
        let began = Instant::now();
        loop {
            let now = self.counts(name).await;
            if now == value {
                return;
            }
            assert!(began.elapsed() < SOON, "{name} is {now}, not {value}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for two more sweeps, of which the second began after this.
    async fn sweeps(&self) {
        let before = self.counts("segscape_sweeps_total ").await;
        let began = Instant::now();
        while self.counts("segscape_sweeps_total ").await < before + 6 {
            assert!(began.elapsed() < SOON, "nothing is swept");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The address that a program writes into its log after these words.
async fn address_in(log: &Path, words: &str) -> SocketAddr {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        if let Some((_, address)) = lines.iter().find_map(|line| line.split_once(words)) {
            return address.trim().parse().unwrap();
        }
        assert!(began.elapsed() < SOON, "`{words}` is not in {text}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_scene_lives_in_an_object_store() {
    let store = Store::start().await;
    let program = Program::start(store.address, &[]).await;
    let link = program.share(json!({ "title": "room" }), &scene()).await;
    assert_eq!(program.read(&link).await.unwrap(), scene());
    let id = text(&link, "id");
    let url = program.server.url(&format!("/api/scenes/{id}"));
    let client = &program.server.client;
    let etag = client.get(&url).send().await.unwrap().headers()["etag"].clone();
    let again = client.get(&url).header("if-none-match", &etag).send().await;
    assert_eq!(again.unwrap().status(), StatusCode::NOT_MODIFIED);
    let part = client.get(&url).header("range", "bytes=10-19").send().await;
    let part = part.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), scene()[10..20]);

    let said = json!({ "replaces": id, "secret": link["secret"] });
    program.share(said, &scene_of(900)).await;
    let changed = client.get(&url).header("if-none-match", &etag).send().await;
    let changed = changed.unwrap();
    assert!(changed.headers()["etag"] != etag);
    assert_eq!(changed.bytes().await.unwrap(), scene_of(900));
    store.key(".segscape").await;

    // Another run of the program finds it, and what was half there.
    let half = program.sent(json!({}), &scene()).await;
    drop(program);
    let program = Program::start(store.address, &[]).await;
    assert_eq!(program.read(&link).await.unwrap(), scene_of(900));
    assert_eq!(program.complete(&half).await, StatusCode::OK);
    assert_eq!(program.read(&half).await.unwrap(), scene());

    assert_eq!(program.delete(&link).await, StatusCode::NO_CONTENT);
    assert_eq!(program.read(&link).await, Err(StatusCode::NOT_FOUND));
    let keys = store.keys().await;
    let is_left = |key: &&String| key.contains(id);
    assert_eq!(keys.iter().find(is_left), None);
}

#[tokio::test]
async fn what_expired_is_swept_from_an_object_store() {
    let store = Store::start().await;
    let program = Program::start(store.address, &["--sweep-period", "1"]).await;
    let (kept, over) = (
        program.share(json!({}), &scene()).await,
        program.share(json!({}), &scene()).await,
    );
    let half = program.sent(json!({}), &scene()).await;
    let record = format!("shared/scenes/{}.json", text(&over, "id"));
    store.set(&record, "expires", 1.into()).await;
    let upload = format!("shared/uploads/{}/upload.json", text(&half, "upload"));
    store.set(&upload, "created", 1.into()).await;
    program.sweeps().await;
    assert_eq!(program.read(&over).await, Err(StatusCode::NOT_FOUND));
    assert_eq!(program.read(&kept).await.unwrap(), scene());
    let keys = store.keys().await;
    let over = [text(&over, "id"), text(&half, "upload")];
    let is_left = |key: &&String| over.iter().any(|id| key.contains(id));
    assert_eq!(keys.iter().find(is_left), None);
    let bytes = scene().len() as u64;
    assert_eq!(program.counts("segscape_store_bytes ").await, bytes);
    assert_eq!(program.counts("segscape_unfinished_bytes ").await, 0);
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_said() {
    let store = Store::start().await;
    let output = Command::new(env!("CARGO_BIN_EXE_server"))
        .args(["--listen", "127.0.0.1:0", "--store", "s3://no-such-bucket"])
        .args(["--app", app_folder().path().join("dist").to_str().unwrap()])
        .env("AWS_ENDPOINT", format!("http://{}", store.address))
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "anybody")
        .env("AWS_SECRET_ACCESS_KEY", "anything")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && words.contains("NoSuchBucket"),
        "{words}"
    );
}

#[tokio::test]
async fn two_servers_share_a_store() {
    let store = Store::start().await;
    let limit = (3 * scene().len()).to_string();
    let more = ["--sweep-period", "1", "--max-store", &limit];
    let first = Program::start(store.address, &more).await;
    let second = Program::start(store.address, &more).await;

    // One takes one half of an upload, and the other one the rest.
    let bundle = scene();
    let parts: Vec<_> = bundle.chunks(PIECE).collect();
    assert!(parts.len() > 1, "{} bytes", bundle.len());
    let begun = first.server.begin(json!({ "bytes": bundle.len() })).await;
    let link: Value = begun.json().await.unwrap();
    second
        .comes_to_count("segscape_unfinished_bytes ", bundle.len() as u64)
        .await;
    for (number, part) in parts.into_iter().enumerate() {
        let program = [&first, &second][number % 2];
        let answer = program.server.put_part(text(&link, "upload"), number, part);
        assert_eq!(answer.await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(second.complete(&link).await, StatusCode::OK);
    assert_eq!(first.complete(&link).await, StatusCode::OK, "asked again");
    for program in [&first, &second] {
        assert_eq!(program.read(&link).await.unwrap(), bundle);
        program
            .comes_to_count("segscape_unfinished_bytes ", 0)
            .await;
        program
            .comes_to_count("segscape_store_bytes ", bundle.len() as u64)
            .await;
    }

    // What is in the store counts for both.
    let more = [
        first.share(json!({}), &bundle).await,
        first.share(json!({}), &bundle).await,
    ];
    second
        .comes_to_count("segscape_store_bytes ", 3 * bundle.len() as u64)
        .await;
    let begun = second.server.begin(json!({ "bytes": bundle.len() })).await;
    refusal(begun, StatusCode::INSUFFICIENT_STORAGE).await;
    for link in &more {
        assert_eq!(first.delete(link).await, StatusCode::NO_CONTENT);
        assert_eq!(second.read(link).await, Err(StatusCode::NOT_FOUND));
    }
    second
        .comes_to_count("segscape_store_bytes ", bundle.len() as u64)
        .await;

    // Each changes and deletes what the other one published.
    let said = json!({ "replaces": link["id"], "secret": link["secret"] });
    let smaller = scene_of(300);
    first.share(said, &smaller).await;
    assert_eq!(second.read(&link).await.unwrap(), smaller);
    assert_eq!(second.delete(&link).await, StatusCode::NO_CONTENT);
    assert_eq!(first.read(&link).await, Err(StatusCode::NOT_FOUND));
    first.comes_to_count("segscape_store_bytes ", 0).await;

    // Each counts its own senders: who is too often at one may still come to the other.
    let mut asked = 0;
    while first.server.begin(json!({ "bytes": 1 })).await.status() == StatusCode::CREATED {
        asked += 1;
        assert!(asked < 100, "nobody is refused");
    }
    let begun = second.server.begin(json!({ "bytes": 1 })).await;
    assert_eq!(begun.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_scene_deleted_at_one_server_does_not_come_back_at_another() {
    let store = Store::start().await;
    let proxy = Proxy::start(store.address).await;
    let near = Program::start(store.address, &[]).await;
    let far = Program::start(proxy.address, &[]).await;
    let link = near.share(json!({}), &scene()).await;
    let said = json!({ "replaces": link["id"], "secret": link["secret"] });
    let update = far.sent(said, &scene_of(900)).await;
    let record = format!("{}.json", text(&link, "id"));
    proxy.tell(move |asked| match asked.method.as_str() {
        "PUT" if asked.path.ends_with(&record) => Fault::Late(Duration::from_secs(3)),
        _ => Fault::None,
    });
    // The record is deleted while its change is on its way.
    let deleted = async {
        sleep(Duration::from_secs(1)).await;
        near.delete(&link).await
    };
    let (completed, deleted) = tokio::join!(far.complete(&update), deleted);
    assert_eq!(deleted, StatusCode::NO_CONTENT);
    assert_eq!(completed, StatusCode::SERVICE_UNAVAILABLE);
    proxy.calm();
    assert_eq!(far.complete(&update).await, StatusCode::NOT_FOUND);
    for program in [&near, &far] {
        assert_eq!(program.read(&link).await, Err(StatusCode::NOT_FOUND));
    }
}
