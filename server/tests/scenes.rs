//! Tests of a real server on a loopback port with its own folder, queried by a real client.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{net::SocketAddr, path::PathBuf};

use reqwest::{Client, Response, StatusCode};
use segscape::{
    bundle::{self, Bundle, Meta, Provenance, SavedView},
    instances::Segmentation,
    scan::{Frame, UpAxis},
    superpoint::Superpoints,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

const MAX_BYTES: usize = 100_000;
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

struct Server {
    address: SocketAddr,
    client: Client,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

impl Server {
    async fn start() -> Self {
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
        std::fs::write(app.join("worker.js"), "onmessage = () => 0; ".repeat(200)).unwrap();
        std::fs::write(folder.path().join("secret.txt"), "not for the world").unwrap();
        let store = server::store::open(folder.path().join("store").to_str().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = server::Config {
            app,
            store,
            max_bytes: MAX_BYTES,
            default_lifetime: "7".parse().unwrap(),
            behind_proxy: false,
        };
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(server::serve(listener, config, async {
            drop(stopped.await)
        }));
        Self {
            address,
            client: Client::new(),
            folder,
            stop: Some(stop),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn upload(&self, query: &str, body: Vec<u8>) -> Response {
        self.client
            .post(self.url(&format!("/api/scenes{query}")))
            .body(body)
            .send()
            .await
            .unwrap()
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

    /// The names of the files in the store, sorted.
    fn stored(&self) -> Vec<String> {
        let Ok(entries) = self.folder.path().join("store/scenes").read_dir() else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn record(&self, id: &str) -> PathBuf {
        self.folder.path().join(format!("store/scenes/{id}.json"))
    }
}

fn scene() -> Vec<u8> {
    bundle::encode(&Bundle {
        positions: (0..500).map(|i| [i as f32 * 0.01, 0.0, 1.0]).collect(),
        colors: None,
        superpoints: Superpoints::from_ids(&[0; 500]),
        segmentation: Segmentation::default(),
        meta: Meta {
            names: vec![],
            view: SavedView::default(),
            frame: Frame {
                offset: [0.0; 3],
                metres_per_unit: 1.0,
                up: UpAxis::PlusZ,
            },
            provenance: Provenance::default(),
        },
    })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

#[tokio::test]
async fn a_scene_is_shared_seen_and_deleted_by_its_owner_only() {
    let server = Server::start().await;
    let answer = server.upload("?days=1", scene()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let link: Value = answer.json().await.unwrap();
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    assert_eq!(text(&link, "url"), format!("/s/{id}"));
    assert_eq!(
        text(&link, "manage_url"),
        format!("/s/{id}#manage={secret}")
    );
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(link["expires"].as_u64().unwrap().abs_diff(now + 86_400) < 60);

    let fetched = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(fetched.status(), StatusCode::OK);
    assert_eq!(fetched.headers()["cache-control"], "no-store");
    assert_eq!(fetched.headers()["x-robots-tag"], "noindex");
    assert_eq!(fetched.content_length(), Some(scene().len() as u64));
    assert_eq!(fetched.bytes().await.unwrap(), scene());
    let page = server.get(text(&link, "url")).await;
    assert_eq!(
        (
            page.status(),
            page.headers()["x-robots-tag"].to_str().unwrap()
        ),
        (StatusCode::OK, "noindex")
    );
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("<title>Segscape</title>")
    );

    // The secret is nowhere in the store.
    for name in server.stored() {
        let path = server.folder.path().join("store/scenes").join(&name);
        let content = std::fs::read(path).unwrap();
        assert!(
            !content
                .windows(secret.len())
                .any(|window| window == secret.as_bytes()),
            "{name}"
        );
    }
    let wrong = format!("Bearer {}", secret.chars().rev().collect::<String>());
    for refused in [
        None,
        Some("Bearer "),
        Some("Bearer ../.."),
        Some(secret),
        Some(wrong.as_str()),
    ] {
        assert_eq!(
            server.delete(id, refused).await,
            StatusCode::FORBIDDEN,
            "{refused:?}"
        );
    }
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(UNKNOWN, Some(&right)).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        server.get(&format!("/api/scenes/{id}")).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(server.delete(id, Some(&right)).await, StatusCode::NOT_FOUND);
    assert_eq!(server.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn an_expired_link_says_so() {
    let server = Server::start().await;
    let link: Value = server.upload("", scene()).await.json().await.unwrap();
    let id = text(&link, "id");
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(server.record(id)).unwrap()).unwrap();
    assert_eq!(
        record["expires"].as_u64().unwrap() - record["created"].as_u64().unwrap(),
        7 * 86_400
    );
    record["expires"] = record["created"].as_u64().unwrap().saturating_sub(1).into();
    std::fs::write(server.record(id), record.to_string()).unwrap();
    let answer = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    assert!(answer.text().await.unwrap().contains("expired"));

    // Sweeping deletes the bytes of the expired scene, while its link still reports the expiry. A
    // bundle that may be an upload in progress and a valid scene stay.
    let living: Value = server.upload("", scene()).await.json().await.unwrap();
    std::fs::write(
        server
            .folder
            .path()
            .join(format!("store/scenes/{UNKNOWN}.segscape")),
        "half",
    )
    .unwrap();
    let scenes = server::store::Scenes::new(
        server::store::open(server.folder.path().join("store").to_str().unwrap()).unwrap(),
    );
    // The server sweeps by itself when it starts, and may be the one that deletes them.
    scenes.sweep().await.unwrap();
    assert_eq!(
        server.get(&format!("/api/scenes/{id}")).await.status(),
        StatusCode::GONE
    );
    assert_eq!(
        server
            .get(&format!("/api/scenes/{}", text(&living, "id")))
            .await
            .status(),
        StatusCode::OK
    );
    let living = text(&living, "id");
    let mut left = [
        format!("{id}.json"),
        format!("{UNKNOWN}.segscape"),
        format!("{living}.json"),
        format!("{living}.segscape"),
    ];
    left.sort();
    assert_eq!(server.stored(), left);
}

#[tokio::test]
async fn what_is_no_bundle_or_too_large_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let mut damaged = scene();
    *damaged.last_mut().unwrap() ^= 1;
    for (body, reason) in [
        (b"ply\nformat".to_vec(), "not a .segscape bundle"),
        (vec![], "not a .segscape bundle"),
        (damaged, "checksum"),
    ] {
        let answer = server.upload("", body).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            answer.json::<Value>().await.unwrap()["error"]
                .as_str()
                .unwrap()
                .contains(reason)
        );
    }
    assert_eq!(
        server.upload("?days=8", scene()).await.status(),
        StatusCode::BAD_REQUEST
    );

    let announced = format!(
        "POST /api/scenes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        MAX_BYTES + 1
    );
    let answer = server.raw(announced.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("larger than 100000 bytes"),
        "{answer}"
    );
    let mut chunked = b"POST /api/scenes HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..=MAX_BYTES / 1000 {
        chunked.extend(b"3e8\r\n");
        chunked.extend([b'x'; 1000]);
        chunked.extend(b"\r\n");
    }
    let answer = server.raw(&chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(server.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn repeated_uploads_are_slowed_down_and_reading_is_not() {
    let server = Server::start().await;
    for _ in 0..server::UPLOAD_BURST {
        assert_eq!(
            server.upload("", scene()).await.status(),
            StatusCode::CREATED
        );
    }
    let refused = server.upload("", scene()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=server::UPLOAD_PERIOD.as_secs() + 1).contains(&seconds));
    assert!(
        refused.json::<Value>().await.unwrap()["error"]
            .as_str()
            .unwrap()
            .contains("too many uploads")
    );
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(
        server.get(&format!("/api/scenes/{UNKNOWN}")).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn nothing_outside_the_app_and_the_store_is_read() {
    let server = Server::start().await;
    let link: Value = server.upload("", scene()).await.json().await.unwrap();
    let id = text(&link, "id");
    let paths = [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/s/../../secret.txt",
        "/s/..%2f..%2fsecret.txt",
        "/api/scenes/..%2f..%2fsecret.txt",
        "/api/scenes/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/api/scenes/../../../secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/store/scenes",
        "/api/scenes/",
    ];
    let and_more = [
        format!("/api/scenes/{id}.json"),
        format!("/api/scenes/{id}%00"),
        format!("/api/scenes/{}", id.to_uppercase() + "A"),
        format!("/s/{id}0"),
    ];
    for path in paths.iter().map(ToString::to_string).chain(and_more) {
        for method in ["GET", "DELETE"] {
            let answer = server
                .raw(
                    format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                        .as_bytes(),
                )
                .await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(status.starts_with('4'), "{method} {path}: {answer}");
            assert!(
                !answer.contains("not for the world") && !answer.contains("root:"),
                "{method} {path}: {answer}"
            );
        }
    }
    assert_eq!(server.stored().len(), 2);
}

#[tokio::test]
async fn the_app_is_served_compressed_cached_and_locked_down() {
    let server = Server::start().await;
    let page = server.get("/").await;
    let header = |response: &Response, name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    assert!(header(&page, "content-type").starts_with("text/html"));
    assert_eq!(header(&page, "cache-control"), "no-cache");
    assert_eq!(header(&page, "x-content-type-options"), "nosniff");
    assert_eq!(header(&page, "referrer-policy"), "no-referrer");
    assert!(header(&page, "permissions-policy").contains("camera=()"));
    let policy = header(&page, "content-security-policy");
    assert!(
        policy.contains("'wasm-unsafe-eval'")
            && policy.contains("worker-src 'self' blob:")
            && policy.contains("frame-ancestors 'none'")
    );
    assert!(!policy.contains("script-src 'self' 'unsafe-inline'"));
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .unwrap()
        .to_owned();
    assert_eq!(nonce.len(), 32);
    assert!(
        page.text()
            .await
            .unwrap()
            .contains(&format!("<script nonce=\"{nonce}\" type=\"module\">"))
    );
    assert!(
        !header(&server.get("/").await, "content-security-policy").contains(&nonce),
        "a nonce is used once"
    );

    let get = |path: &str| {
        server
            .client
            .get(server.url(path))
            .header("accept-encoding", "br")
            .send()
    };
    let wasm = get("/app-0123456789abcdef_bg.wasm").await.unwrap();
    assert_eq!(header(&wasm, "content-type"), "application/wasm");
    assert_eq!(header(&wasm, "content-encoding"), "br");
    assert_eq!(
        header(&wasm, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert!(wasm.bytes().await.unwrap().len() < 500);
    let worker = get("/worker.js").await.unwrap();
    assert_eq!(header(&worker, "cache-control"), "no-cache");
    assert!(header(&worker, "content-type").contains("javascript"));
    assert!(
        header(&worker, "content-security-policy").contains("'wasm-unsafe-eval'"),
        "a worker lives by its own policy"
    );
    let missing = server.get("/nothing-0123456789abcdef.js").await;
    assert_eq!(
        (missing.status(), header(&missing, "cache-control")),
        (StatusCode::NOT_FOUND, "no-cache".into())
    );
    assert_eq!(header(&missing, "x-content-type-options"), "nosniff");
}

/// The beginning of a PNG of this size, of which the server looks at no more.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &size].concat()
}

#[tokio::test]
async fn a_link_has_a_preview_with_the_title_and_the_picture_of_its_owner() {
    let server = Server::start().await;
    let title = "?title=Flat%20%3Cb%3E%22no.%201%22";
    let link: Value = server.upload(title, scene()).await.json().await.unwrap();
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let path = format!("/api/scenes/{id}/picture");
    let page = async |path: &str| server.get(path).await.text().await.unwrap();
    let put = async |secret: &str, body: Vec<u8>| {
        let request = server.client.put(server.url(&path)).body(body);
        let request = request.header("authorization", format!("Bearer {secret}"));
        request.send().await.unwrap().status()
    };
    let bare = page(&format!("/s/{id}")).await;
    assert!(bare.contains("property=\"og:title\" content=\"Flat &lt;b&gt;&quot;no. 1&quot;\""));
    assert!(!bare.contains("og:image"), "there is no picture so far");

    for (secret, body, status) in [
        (UNKNOWN, picture(1200, 630), StatusCode::FORBIDDEN),
        (secret, picture(1, 1), StatusCode::UNPROCESSABLE_ENTITY),
        (secret, b"<svg/>".to_vec(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(put(secret, body).await, status);
    }
    let large = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\ncontent-length: 1048577\r\n\r\n"
    );
    assert!(
        server
            .raw(large.as_bytes())
            .await
            .starts_with("HTTP/1.1 413")
    );
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    let sent = picture(1200, 630);
    assert_eq!(put(secret, sent.clone()).await, StatusCode::NO_CONTENT);

    let fetched = server.get(&path).await;
    assert_eq!(fetched.headers()["content-type"], "image/png");
    assert_eq!(
        fetched.headers()["cross-origin-resource-policy"],
        "cross-origin"
    );
    assert_eq!(fetched.bytes().await.unwrap(), sent);
    let shown = page(&format!("/s/{id}")).await;
    let image = format!("property=\"og:image\" content=\"{}\"", server.url(&path));
    assert!(
        shown.contains(&image) && shown.contains("summary_large_image"),
        "{shown}"
    );

    let nameless: Value = server.upload("", scene()).await.json().await.unwrap();
    let nameless = page(text(&nameless, "url")).await;
    assert!(nameless.contains("content=\"A scan of a room\""));
    for without in [
        "/".to_owned(),
        format!("/s/{UNKNOWN}"),
        format!("/embed/{id}"),
    ] {
        assert!(!page(&without).await.contains("og:"), "{without}");
    }
    let right = format!("Bearer {secret}");
    assert_eq!(
        server.delete(id, Some(&right)).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(server.get(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(!server.stored().iter().any(|name| name.starts_with(id)));
}

#[tokio::test]
async fn only_pages_for_embedding_may_be_framed() {
    let server = Server::start().await;
    let policy = async |path: &str| {
        let page = server.get(path).await;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert_eq!(page.headers()["cache-control"], "no-cache", "{path}");
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let embedded = policy(&format!("/embed/{UNKNOWN}")).await;
    assert!(embedded.contains("frame-ancestors *;"), "{embedded}");
    assert!(embedded.contains("'nonce-") && embedded.contains("object-src 'none'"));
    for closed in [
        "/".to_owned(),
        "/index.html".to_owned(),
        format!("/s/{UNKNOWN}"),
    ] {
        assert!(
            policy(&closed).await.contains("frame-ancestors 'none'"),
            "{closed}"
        );
    }
    for none in ["/embed/", "/embed/x", "/embed/..%2f..%2fsecret.txt"] {
        assert_eq!(
            server.get(none).await.status(),
            StatusCode::NOT_FOUND,
            "{none}"
        );
    }
}

#[tokio::test]
async fn it_stops_when_asked() {
    let mut server = Server::start().await;
    assert_eq!(server.get("/healthz").await.text().await.unwrap(), "ok");
    server.stop.take().unwrap().send(()).unwrap();
    let refused = async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), refused)
        .await
        .unwrap();
}
