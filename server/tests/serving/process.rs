//! The program as operators run it: its files, its log, its limits and its end.
#![cfg(unix)]

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::sleep};

use crate::{PART, UNKNOWN, app_folder, digest, refusal, scene, text};

/// Time limit for what takes a moment.
const SOON: Duration = Duration::from_secs(5);

/// A program that is killed when this is dropped.
struct Program {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Program {
    /// Starts the program in a folder, with more arguments, where no more files may be open.
    async fn start(folder: TempDir, more: &[&str], files: u32) -> Self {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let listen = match more.contains(&"--listen") {
            true => &[][..],
            false => &["--listen", "127.0.0.1:0"],
        };
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("umask 022; ulimit -n {files}; exec \"$0\" \"$@\""))
            .arg(env!("CARGO_BIN_EXE_server"))
            .args(["--app", "dist", "--store", "store"])
            .args(["--part-bytes", &PART.to_string()])
            // What is stored here is small, however little is free on this disk.
            .args(["--min-free", "0"])
            .args(listen)
            .args(more)
            .current_dir(folder.path())
            .env("RUST_LOG", "trace")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut program = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder,
        };
        let line = program.logs("serving on http://").await;
        let (_, address) = line.split_once("http://").unwrap();
        program.address = address.trim().parse().unwrap();
        program
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The line of the log with these words, which is there soon.
    async fn logs(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(began.elapsed() < SOON, "`{words}` is not in {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until the program ends. Returns how, and after which time.
    async fn ended(&mut self, limit: Duration) -> (ExitStatus, Duration) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            assert!(began.elapsed() < limit, "it goes on");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Shares a scene and returns its link; also the upload, half of which is there.
    async fn share(&self) -> (Value, Value) {
        let client = Client::new();
        let bundle = scene();
        let begin = async || {
            let request = client.post(self.url("/api/uploads"));
            let request = request.json(&json!({ "bytes": bundle.len() }));
            let answer = request.send().await.unwrap();
            let (status, begun) = (answer.status(), answer.json::<Value>().await.unwrap());
            assert_eq!(status, StatusCode::CREATED, "{begun}");
            begun
        };
        let put = async |begun: &Value, number: usize, part: &[u8]| {
            let path = format!("/api/uploads/{}/parts/{number}", text(begun, "upload"));
            let request = client.put(self.url(&path)).body(part.to_vec());
            let request = request.header("content-type", "application/octet-stream");
            let answer = request.header("content-digest", digest(part)).send().await;
            assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
        };
        let (link, half) = (begin().await, begin().await);
        for (number, part) in bundle.chunks(PART).enumerate() {
            put(&link, number, part).await;
        }
        put(&half, 0, &bundle[..PART]).await;
        let path = format!("/api/uploads/{}/complete", text(&link, "upload"));
        let answer = client.post(self.url(&path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        (link, half)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The permissions of everything in a folder, and their paths.
fn modes(folder: &Path) -> Vec<(bool, u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        found.push((metadata.is_dir(), mode, path.display().to_string()));
        if metadata.is_dir() {
            found.extend(modes(&path));
        }
    }
    found
}

#[tokio::test]
async fn what_is_stored_is_for_the_server_alone() {
    let folder = app_folder();
    // A folder of an earlier server is open to others.
    let scenes = folder.path().join("store/scenes");
    fs::create_dir_all(&scenes).unwrap();
    fs::set_permissions(&scenes, fs::Permissions::from_mode(0o755)).unwrap();
    let program = Program::start(folder, &[], 1024).await;
    program.share().await;
    let found = modes(&program.folder.path().join("store"));
    assert!(found.len() > 5, "{found:?}");
    for (is_folder, mode, path) in found {
        let right = if is_folder { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{path} has {mode:o}");
    }
}

#[tokio::test]
async fn no_id_is_in_the_log_and_what_goes_wrong_is() {
    let program = Program::start(app_folder(), &[], 1024).await;
    let (link, half) = program.share().await;
    let (id, client) = (text(&link, "id"), Client::new());
    let scenes = program.folder.path().join("store/scenes");
    let record = fs::read_to_string(scenes.join(format!("{id}.json"))).unwrap();
    let version = serde_json::from_str::<Value>(&record).unwrap()["version"].clone();
    // A link to itself can neither be opened nor looked at.
    let bundle = scenes.join(format!("{id}.{}.segscape", version.as_str().unwrap()));
    fs::remove_file(&bundle).unwrap();
    std::os::unix::fs::symlink(&bundle, &bundle).unwrap();
    let get = client.get(program.url(&format!("/api/scenes/{id}")));
    let answer = get
        .header("x-forwarded-for", "1.2.3.4")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let delete = client.delete(program.url(&format!("/api/scenes/{id}")));
    let deleted = delete
        .bearer_auth(text(&link, "secret"))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    program.logs("the store failed").await;
    program.logs("--trust-proxy 127.0.0.1").await;
    let log = program.log();
    for secret in [
        text(&link, "id"),
        text(&link, "secret"),
        text(&half, "upload"),
    ] {
        assert!(
            !log.contains(secret),
            "{}",
            log.lines().find(|l| l.contains(secret)).unwrap()
        );
    }
}

#[tokio::test]
async fn halves_of_files_are_deleted_when_they_are_old() {
    let folder = app_folder();
    let upload = folder.path().join("store/uploads").join(UNKNOWN);
    let scenes = folder.path().join("store/scenes");
    for folder in [&upload, &scenes] {
        fs::create_dir_all(folder).unwrap();
    }
    let (old, young) = (Duration::from_secs(7200), Duration::ZERO);
    let files = [
        (scenes.join(format!("{UNKNOWN}.segscape#1")), old, false),
        (scenes.join(format!("{UNKNOWN}.json#12")), old, false),
        (upload.join("7#1"), old, false),
        (scenes.join(format!("{UNKNOWN}.picture#2")), young, true),
        (scenes.join("notes #1.txt"), old, true),
    ];
    for (path, age, _) in &files {
        fs::write(path, "half").unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - *age).unwrap();
    }
    let program = Program::start(folder, &[], 1024).await;
    program.logs("half files deleted").await;
    for (path, _, stays) in files {
        assert_eq!(path.exists(), stays, "{}", path.display());
    }
    assert!(!upload.exists(), "it would be listed for ever");
}

#[tokio::test]
async fn few_descriptors_are_enough_for_others() {
    let more = ["--max-connections-per-address", "40"];
    let program = Program::start(app_folder(), &more, 256).await;
    program.logs("256 open files allow 96 connections").await;
    let mut held = Vec::new();
    for _ in 0..300 {
        if let Ok(mut stream) = TcpStream::connect(program.address).await {
            drop(stream.write_all(b"GET / HTTP/1.1\r\n").await);
            held.push(stream);
        }
    }
    let other = Client::builder().local_address(Some([127, 0, 0, 2].into()));
    let other = other.timeout(SOON).build().unwrap();
    let answer = other.get(program.url("/healthz")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!program.log().contains("no connection can be accepted"));
}

#[tokio::test]
async fn it_ends_within_ten_seconds_and_at_once_when_it_is_told_twice() {
    let started = async || {
        let folder = app_folder();
        fs::write(folder.path().join("dist/large.bin"), vec![7; 40 << 20]).unwrap();
        let program = Program::start(folder, &[], 1024).await;
        let mut reader = TcpStream::connect(program.address).await.unwrap();
        let ask = b"GET /large.bin HTTP/1.1\r\nhost: localhost\r\n\r\n";
        reader.write_all(ask).await.unwrap();
        sleep(Duration::from_millis(300)).await;
        (program, reader)
    };
    let (mut program, _reader) = started().await;
    program.signal(Signal::TERM);
    let (status, took) = program.ended(Duration::from_secs(14)).await;
    assert!(status.success() && took > SOON, "{status} after {took:?}");

    let (mut program, _reader) = started().await;
    program.signal(Signal::TERM);
    program.logs("stopping").await;
    program.signal(Signal::INT);
    let (status, _) = program.ended(SOON).await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_page_elsewhere_does_not_become_one_of_this_server() {
    let own = ["--host", "scenes.example", "--host", "Other.Example"];
    for (more, hosts) in [
        (&[][..], &["localhost", "127.0.0.1:80", "[::1]"][..]),
        (&own, &["scenes.example:8443", "other.example", "localhost"]),
    ] {
        let program = Program::start(app_folder(), more, 1024).await;
        let get = async |path: &str, host: &str| {
            let get = Client::new().get(program.url(path));
            get.header("host", host).send().await.unwrap()
        };
        for host in hosts {
            assert_eq!(get("/", host).await.status(), StatusCode::OK, "{host}");
        }
        for path in [
            "/",
            "/worker.js",
            "/healthz",
            "/metrics",
            "/api/uploads/x",
            "/s/x",
        ] {
            let other = get(path, "evil.example").await;
            assert!(other.headers().contains_key("content-security-policy"));
            let words = refusal(other, StatusCode::MISDIRECTED_REQUEST).await;
            assert!(words.contains("--host"), "{path}: {words}");
        }
    }
    // Who listens for others has to say who it is.
    let all = Program::start(app_folder(), &["--listen", "0.0.0.0:0"], 1024).await;
    all.logs("with `--host`").await;
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    for (option, value) in [
        ("--trust-proxy", "everybody"),
        ("--trust-proxy", "10.0.0.0/33"),
        ("--host", "https://scenes.example"),
        ("--host", "scenes.example:8080"),
        ("--max-connections", "0"),
        ("--part-bytes", "0"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_server"))
            .args([option, value])
            .output();
        let output = output.unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && words.contains(value),
            "{option}: {words}"
        );
    }
}
