//! Two programs on one object store behind nginx and Caddy, with the configurations of
//! `docs/operate`: the files themselves, of which only addresses and the certificate are others here.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use segscape::{
    bundle::{self, Bundle},
    instances::Segmentation,
    superpoint::Superpoints,
};
use serde_json::{Value, json};
use server::{Patience, UPLOAD_BURST};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{Program, SOON, Store};
use crate::{digest, meta, picture, refusal, text};

/// The host that the configurations are for.
const HOST: &str = "segscape.example";
/// Size of a part, bytes: that of a server without other settings.
const PART: usize = 2 << 20;
/// What the configurations let through, bytes.
const LARGEST: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nginx,
    Caddy,
}

const KINDS: [Kind; 2] = [Kind::Nginx, Kind::Caddy];

/// A reverse proxy with TLS, which ends when this is dropped.
struct Front {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Front {
    /// Starts a proxy in front of servers.
    async fn start(kind: Kind, servers: &[SocketAddr]) -> Self {
        let folder = TempDir::new().unwrap();
        let [secure, plain] = [(); 2].map(|()| free_port());
        let child = match kind {
            Kind::Nginx => nginx(folder.path(), (secure, plain), servers),
            Kind::Caddy => caddy(folder.path(), (secure, plain), servers),
        };
        let front = Self {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, secure)),
            folder,
        };
        let (began, client) = (Instant::now(), front.client(1));
        while let Err(error) = front.ask(&client, Method::GET, "/healthz").send().await {
            let log = fs::read_to_string(front.folder.path().join("log")).unwrap();
            assert!(
                began.elapsed() < SOON,
                "{kind:?} does not answer: {error:?}\n{log}"
            );
            sleep(std::time::Duration::from_millis(50)).await;
        }
        front
    }

    /// A visitor with the address 127.0.0.`last`.
    fn client(&self, last: u8) -> Client {
        Client::builder()
            .resolve(HOST, self.address)
            .resolve("evil.example", self.address)
            .local_address(Some([127, 0, 0, last].into()))
            .tls_danger_accept_invalid_certs(true)
            .no_proxy()
            .build()
            .unwrap()
    }

    fn ask(&self, client: &Client, method: Method, path: &str) -> RequestBuilder {
        let port = self.address.port();
        client.request(method, format!("https://{HOST}:{port}{path}"))
    }

    async fn get(&self, path: &str) -> Response {
        let get = self.ask(&self.client(2), Method::GET, path);
        get.send().await.unwrap()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // nginx has workers, which end with it if it is told.
        let told = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        drop(told.or_else(|_| self.child.kill().map(|()| Default::default())));
        drop(self.child.wait());
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A text of `docs/operate` in which every one of these places, which are in it, has another text.
fn configured(name: &str, places: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate");
    let mut configuration = fs::read_to_string(path.join(name)).unwrap();
    for (place, other) in places {
        assert!(configuration.contains(place), "`{place}` is not in {name}");
        configuration = configuration.replace(place, other);
    }
    configuration
}

/// Starts a program that is installed on the system, in a folder, with its log there.
fn started(program: &str, folder: &Path, arguments: &[&str]) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    // nginx is where not every user looks for programs.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    child.unwrap_or_else(|error| {
        panic!("{program}: {error}; `cargo xtask test --only native` installs it")
    })
}

fn nginx(folder: &Path, (secure, plain): (u16, u16), servers: &[SocketAddr]) -> Child {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", &format!("/CN={HOST}")])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let servers = servers.iter().map(|server| format!("server {server};"));
    let certificates = format!("/etc/letsencrypt/live/{HOST}");
    let site = configured(
        "nginx.conf",
        &[
            ("server 127.0.0.1:8080;", servers.collect()),
            ("listen 80;", format!("listen 127.0.0.1:{plain};")),
            ("listen [::]:80;", String::new()),
            ("listen 443 ", format!("listen 127.0.0.1:{secure} ")),
            ("listen [::]:443 ssl http2;", String::new()),
            (
                &format!("{certificates}/fullchain.pem"),
                "certificate.pem".into(),
            ),
            (&format!("{certificates}/privkey.pem"), "key.pem".into()),
        ],
    );
    fs::write(folder.join("site.conf"), site).unwrap();
    let kept: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind};"))
        .concat();
    let main = format!(
        "daemon off; pid pid; error_log stderr; events {{}} http {{ {kept} include site.conf; }}"
    );
    fs::write(folder.join("nginx.conf"), main).unwrap();
    let here = format!("{}/", folder.display());
    started(
        "nginx",
        folder,
        &["-e", "stderr", "-p", &here, "-c", "nginx.conf"],
    )
}

fn caddy(folder: &Path, (secure, plain): (u16, u16), servers: &[SocketAddr]) -> Child {
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    let servers = servers.join(" ");
    let own = format!(
        "{{\n admin off\n local_certs\n skip_install_trust\n default_bind 127.0.0.1\n \
         https_port {secure}\n http_port {plain}\n servers {{"
    );
    let all = format!("reverse_proxy {servers} {{\n lb_policy round_robin\n");
    let site = configured(
        "Caddyfile",
        &[
            ("{\n\tservers {", own),
            ("reverse_proxy 127.0.0.1:8080 {", all),
        ],
    );
    fs::write(folder.join("Caddyfile"), site).unwrap();
    started(
        "caddy",
        folder,
        &["run", "--adapter", "caddyfile", "--config", "Caddyfile"],
    )
}

/// Two programs that trust a proxy on this machine, on one store.
async fn two(store: &Store, more: &[&str]) -> [Program; 2] {
    let more = [&["--host", HOST, "--trust-proxy", "127.0.0.1"], more].concat();
    [
        Program::start_with(store.address, PART, &more).await,
        Program::start_with(store.address, PART, &more).await,
    ]
}

/// A bundle of several parts: points in no order, of which deflate makes little smaller.
fn large() -> Vec<u8> {
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let points = 400_000;
    let positions = (0..points).map(|_| [(); 3].map(|()| random() as f32 * 1e-3));
    let scene = Bundle {
        positions: positions.collect(),
        colors: Some(
            (0..points)
                .map(|_| [(); 3].map(|()| random() as u8))
                .collect(),
        ),
        superpoints: Superpoints::from_ids(&vec![0; points]),
        segmentation: Segmentation::default(),
        meta: meta(),
    };
    let bundle = bundle::encode(&scene).unwrap();
    assert!(bundle.len() > PART, "{} bytes", bundle.len());
    bundle
}

/// Shares a bundle through a proxy. Returns its link.
async fn share(front: &Front, bundle: &[u8]) -> Value {
    let client = front.client(2);
    let begin = front.ask(&client, Method::POST, "/api/uploads");
    let begun = begin
        .json(&json!({ "bytes": bundle.len() }))
        .send()
        .await
        .unwrap();
    assert_eq!(begun.status(), StatusCode::CREATED);
    let link: Value = begun.json().await.unwrap();
    let upload = format!("/api/uploads/{}", text(&link, "upload"));
    for (number, part) in bundle.chunks(PART).enumerate() {
        let put = front.ask(&client, Method::PUT, &format!("{upload}/parts/{number}"));
        let put = put.header("content-type", "application/octet-stream");
        let put = put.header("content-digest", digest(part));
        let answer = put.body(part.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "part {number}");
    }
    let put = front.ask(&client, Method::PUT, &format!("{upload}/picture"));
    let put = put
        .header("content-type", "image/png")
        .body(picture(1200, 630));
    let status = put.send().await.unwrap().status();
    assert_eq!(status, StatusCode::NO_CONTENT);
    let complete = front.ask(&client, Method::POST, &format!("{upload}/complete"));
    assert_eq!(complete.send().await.unwrap().status(), StatusCode::OK);
    link
}

#[tokio::test]
async fn a_scene_goes_through_proxies_to_two_servers_and_back() {
    let store = Store::start().await;
    let bundle = large();
    for kind in KINDS {
        let programs = two(&store, &[]).await;
        let addresses = [0, 1].map(|one| programs[one].server.address);
        let front = Front::start(kind, &addresses).await;
        let link = share(&front, &bundle).await;
        let path = format!("/api/scenes/{}", text(&link, "id"));
        for _ in 0..2 {
            let read = front.get(&path).await;
            assert_eq!(read.status(), StatusCode::OK, "{kind:?}");
            assert_eq!(read.headers()["content-length"], bundle.len().to_string());
            assert!(read.bytes().await.unwrap() == bundle, "{kind:?}");
        }
        let client = front.client(2);
        let rest = front.ask(&client, Method::GET, &path);
        let from = bundle.len() - 9;
        let rest = rest
            .header("range", format!("bytes={from}-"))
            .send()
            .await
            .unwrap();
        assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT, "{kind:?}");
        assert_eq!(rest.bytes().await.unwrap(), bundle[from..], "{kind:?}");
        for program in &programs {
            for (route, status) in [
                ("/api/uploads/{id}/parts/{number}", 2),
                ("/api/scenes/{id}", 2),
            ] {
                let name =
                    format!("segscape_requests_total{{route=\"{route}\",status=\"{status}xx\"}} ");
                assert!(program.counts(&name).await > 0, "{kind:?}: {route}");
            }
        }
        let delete = front.ask(&client, Method::DELETE, &path);
        let deleted = delete
            .bearer_auth(text(&link, "secret"))
            .send()
            .await
            .unwrap();
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT, "{kind:?}");
        for _ in 0..2 {
            assert_eq!(front.get(&path).await.status(), StatusCode::NOT_FOUND);
        }
        // The page of a link knows the address that its visitors know.
        let link = share(&front, &super::scene()).await;
        let page = front.get(text(&link, "url")).await.text().await.unwrap();
        let own = format!("https://{HOST}:{}/api/scenes/", front.address.port());
        assert!(page.contains(&own), "{kind:?}: {own} in {page}");
    }
}

#[tokio::test]
async fn proxies_do_not_keep_what_nobody_reads() {
    const SIZE: usize = 64 << 20;
    let store = Store::start().await;
    for kind in KINDS {
        let [program, _other] = two(&store, &[]).await;
        let app = program.server.folder.path().join("dist");
        fs::write(app.join("large.bin"), vec![7; SIZE]).unwrap();
        let front = Front::start(kind, &[program.server.address]).await;
        let mut read = front.get("/large.bin").await;
        let mut came = read.chunk().await.unwrap().unwrap().len();
        sleep(std::time::Duration::from_secs(2)).await;
        let sent = program.counts("segscape_sent_bytes_total ").await;
        assert!(sent < SIZE as u64 / 2, "{kind:?} took {sent} bytes");
        while let Some(more) = read.chunk().await.unwrap() {
            came += more.len();
        }
        assert_eq!(came, SIZE, "{kind:?}");
    }
}

/// What a visitor may write into headers, of whom the server should think that it is somebody else.
fn forged(number: u32) -> [Vec<(&'static str, String)>; 5] {
    let (one, other) = (
        format!("9.9.{number}.9"),
        format!("for=9.8.{number}.9;proto=https"),
    );
    [
        vec![("x-forwarded-for", one.clone())],
        vec![("forwarded", other.clone())],
        vec![("x-real-ip", one.clone())],
        vec![("X-Forwarded-For", format!("{one}, 127.0.0.1"))],
        vec![
            ("x-forwarded-for", one.clone()),
            ("forwarded", other),
            ("x-real-ip", one),
        ],
    ]
}

#[tokio::test]
async fn visitors_are_who_the_proxy_says_and_not_who_they_say() {
    let store = Store::start().await;
    for kind in KINDS {
        // One server counts alone here.
        let [program, _other] = two(&store, &[]).await;
        let front = Front::start(kind, &[program.server.address]).await;
        let begins = async |visitor: u8, headers: &[(&'static str, String)]| {
            let client = front.client(visitor);
            let begin = front.ask(&client, Method::POST, "/api/uploads");
            let begin = headers
                .iter()
                .fold(begin, |begin, (name, value)| begin.header(*name, value));
            let answer = begin.json(&json!({ "bytes": 1 })).send().await.unwrap();
            let status = answer.status();
            if status == StatusCode::CREATED {
                let begun: Value = answer.json().await.unwrap();
                let path = format!("/api/uploads/{}", text(&begun, "upload"));
                front
                    .ask(&client, Method::DELETE, &path)
                    .send()
                    .await
                    .unwrap();
            }
            status
        };
        for (visitor, number) in (2..).zip(0..5) {
            let mut begun = 0;
            for turn in 0..UPLOAD_BURST + 5 {
                let status = begins(visitor, &forged(turn)[number]).await;
                begun += u32::from(status == StatusCode::CREATED);
            }
            assert_eq!(begun, UPLOAD_BURST, "{kind:?}: {:?}", forged(7)[number]);
        }
        assert_eq!(
            begins(100, &[]).await,
            StatusCode::CREATED,
            "{kind:?}: another visitor"
        );
    }
}

#[tokio::test]
async fn proxies_refuse_what_the_server_would() {
    let store = Store::start().await;
    for kind in KINDS {
        let programs = two(&store, &[]).await;
        let front = Front::start(kind, &[programs[0].server.address]).await;
        let client = front.client(2);
        let begin = front.ask(&client, Method::POST, "/api/uploads");
        let begun = begin
            .json(&json!({ "bytes": 2 * PART }))
            .send()
            .await
            .unwrap();
        let begun: Value = begun.json().await.unwrap();
        let path = format!("/api/uploads/{}/parts/0", text(&begun, "upload"));
        let put = front.ask(&client, Method::PUT, &path);
        let put = put.header("content-type", "application/octet-stream");
        let put = put.header("content-digest", digest(b""));
        let large = put.body(vec![7; LARGEST + 1]).send().await.unwrap();
        refusal(large, StatusCode::PAYLOAD_TOO_LARGE).await;

        assert_eq!(front.get("/metrics").await.status(), StatusCode::FORBIDDEN);
        // A page's address may contain another one.
        let page = front
            .get(&format!("/?scene=https://a.example/{}", "a".repeat(7000)))
            .await;
        assert_eq!(page.status(), StatusCode::OK, "{kind:?}");
        if kind == Kind::Nginx {
            // It asks the server, whoever is asked for; Caddy knows its sites.
            let other = format!("https://evil.example:{}/", front.address.port());
            let other = client.get(other).send().await.unwrap();
            refusal(other, StatusCode::MISDIRECTED_REQUEST).await;
        }

        drop(programs);
        let later = front.get("/").await;
        assert_eq!(later.headers()["retry-after"], "5", "{kind:?}");
        let words = refusal(later, StatusCode::SERVICE_UNAVAILABLE).await;
        assert!(words.contains("try again"), "{kind:?}: {words}");
    }
}

#[test]
fn limits_of_proxies_are_those_of_the_server() {
    let Patience {
        head, body, reader, ..
    } = Patience::default();
    let (head, body, reader) = (head.as_secs(), body.as_secs(), reader.as_secs());
    for (name, line) in [
        (
            "nginx.conf",
            format!("client_max_body_size {}m;", LARGEST >> 20),
        ),
        ("nginx.conf", format!("client_header_timeout {head}s;")),
        ("nginx.conf", format!("client_body_timeout {body}s;")),
        ("nginx.conf", format!("send_timeout {reader}s;")),
        ("Caddyfile", format!("max_size {}MiB", LARGEST >> 20)),
        ("Caddyfile", format!("read_header {head}s")),
        // A connection that waits for the next request has to end here first.
        ("nginx.conf", format!("keepalive_timeout {}s;", head / 2)),
        ("Caddyfile", format!("keepalive {}s", head / 2)),
    ] {
        configured(name, &[(&line, String::new())]);
    }
}

#[tokio::test]
async fn the_unit_starts_the_program() {
    let store = Store::start().await;
    let unit = configured("segscape.service", &[]);
    let mut lines = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart="));
    let command: Vec<_> = lines.next().unwrap().split(' ').collect();
    let [program, arguments @ ..] = &command[..] else {
        panic!("{command:?}");
    };
    assert_eq!(*program, "/opt/segscape/bin/server");
    let places = ["--listen", "--app", "--store"];
    let pairs = arguments
        .chunks(2)
        .filter(|pair| !places.contains(&pair[0]));
    let more: Vec<_> = pairs.flatten().copied().collect();
    assert_eq!(
        arguments.len(),
        more.len() + 2 * places.len(),
        "{arguments:?}"
    );
    let program = Program::start(store.address, &more).await;
    let get = |host: &str| {
        let get = program.server.client.get(program.server.url("/"));
        get.header("host", host).send()
    };
    assert_eq!(get(HOST).await.unwrap().status(), StatusCode::OK);
    let other = get("evil.example").await.unwrap();
    assert_eq!(other.status(), StatusCode::MISDIRECTED_REQUEST);
}
