//! Object stores that are slow, throttle or lose connections: what was confirmed is there, what can be
//! read is whole, and who waits hears when to ask again.

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};

use super::{
    Program, Store,
    proxy::{Fault, Proxy},
};
use crate::{scene, scene_of, text};

/// What is late takes longer than the server waits.
const LATE: Duration = Duration::from_secs(15);

/// The program behind a proxy, with its store.
async fn behind_proxy(more: &[&str]) -> (Store, Proxy, Program) {
    let store = Store::start().await;
    let proxy = Proxy::start(store.address).await;
    let program = Program::start(proxy.address, more).await;
    (store, proxy, program)
}

/// Checks that an answer says that the store cannot be asked now, and when to ask again.
fn is_for_later(answer: &Response) {
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let wait = answer.headers()["retry-after"].to_str().unwrap();
    assert!((1..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
}

async fn asked(program: &Program, link: &Value) -> Response {
    let path = format!("/api/scenes/{}", text(link, "id"));
    program.server.get(&path).await
}

/// Checks that everything in the store belongs to these scenes after a sweep that finds it old, and
/// that the sums are right.
async fn nothing_is_left_over(store: &Store, proxy: &Proxy, scenes: &[&Value]) {
    proxy.calm();
    proxy.age();
    for key in store.keys().await {
        if key.ends_with("/upload.json") {
            store.set(&key, "created", 1.into()).await;
        }
    }
    let program = Program::start(proxy.address, &["--sweep-period", "1"]).await;
    program.sweeps().await;
    let keys = store.keys().await;
    assert_eq!(keys.len(), 2 * scenes.len(), "{keys:?}");
    for scene in scenes {
        let id = text(scene, "id");
        let own = keys.iter().filter(|key| key.contains(id));
        assert_eq!(own.count(), 2, "{keys:?}");
        assert!(program.read(scene).await.is_ok());
    }
}

#[tokio::test]
async fn a_slow_store_is_said_in_time_and_what_it_does_late_is_whole() {
    let (store, proxy, program) = behind_proxy(&["--store-timeout", "5"]).await;
    let link = program.share(json!({}), &scene()).await;
    let other = program.sent(json!({}), &scene_of(900)).await;
    let said = json!({ "replaces": link["id"], "secret": link["secret"] });
    let update = program.sent(said, &scene_of(700)).await;
    proxy.tell(|asked| match asked.path.ends_with(".json") {
        true => Fault::Late(LATE),
        false => Fault::None,
    });
    let began = Instant::now();
    is_for_later(&asked(&program, &link).await);
    assert!(began.elapsed() < LATE, "{:?}", began.elapsed());

    // The records are written when nobody waits for them any more.
    proxy.tell(|asked| {
        let is_record = asked.path.ends_with(".json") && asked.path.contains("/scenes/");
        match is_record && asked.method == "PUT" {
            true => Fault::Late(LATE),
            false => Fault::None,
        }
    });
    for begun in [&other, &update] {
        is_for_later(&program.server.complete(text(begun, "upload")).await);
    }
    assert_eq!(program.read(&link).await.unwrap(), scene());
    sleep(LATE).await;
    assert_eq!(program.read(&link).await.unwrap(), scene_of(700));
    assert_eq!(program.read(&other).await.unwrap(), scene_of(900));
    proxy.calm();
    for begun in [&other, &update] {
        assert_eq!(program.complete(begun).await, StatusCode::OK);
    }
    nothing_is_left_over(&store, &proxy, &[&link, &other]).await;
}

#[tokio::test]
async fn a_store_that_throttles_is_asked_again() {
    let (store, proxy, program) = behind_proxy(&[]).await;
    for status in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::INTERNAL_SERVER_ERROR,
    ] {
        proxy.tell(move |asked| match asked.number % 3 {
            0 => Fault::Answer(status),
            _ => Fault::None,
        });
        let before = proxy.asked();
        let link = program.share(json!({}), &scene()).await;
        assert!(proxy.asked() > before + 10);
        assert_eq!(program.read(&link).await.unwrap(), scene());
        let said = json!({ "replaces": link["id"], "secret": link["secret"] });
        program.share(said, &scene_of(900)).await;
        assert_eq!(program.read(&link).await.unwrap(), scene_of(900));
        assert_eq!(program.delete(&link).await, StatusCode::NO_CONTENT);
        assert_eq!(program.read(&link).await, Err(StatusCode::NOT_FOUND));
    }

    // One that does nothing else is said to be for later, and nothing is lost.
    proxy.calm();
    let link = program.share(json!({}), &scene()).await;
    let half = program.sent(json!({}), &scene_of(900)).await;
    proxy.tell(|_| Fault::Answer(StatusCode::SERVICE_UNAVAILABLE));
    is_for_later(&asked(&program, &link).await);
    is_for_later(&program.server.complete(text(&half, "upload")).await);
    is_for_later(&program.server.begin(json!({ "bytes": 9 })).await);
    let upload = text(&half, "upload");
    is_for_later(
        &program
            .server
            .put_part(upload, 0, &scene_of(900)[..super::PIECE])
            .await,
    );
    assert_eq!(program.delete(&link).await, StatusCode::SERVICE_UNAVAILABLE);
    proxy.calm();
    assert_eq!(program.read(&link).await.unwrap(), scene());
    assert_eq!(program.complete(&half).await, StatusCode::OK);
    nothing_is_left_over(&store, &proxy, &[&link, &half]).await;
}

#[tokio::test]
async fn a_cut_connection_leaves_nothing_half() {
    let (store, proxy, program) = behind_proxy(&[]).await;
    let kept = program.share(json!({}), &scene()).await;
    // Once in a while, it does not matter for what is stored and for scenes that are read.
    proxy.tell(|asked| match (asked.method.as_str(), asked.number % 3) {
        ("PUT", 0) if !asked.path.ends_with(".json") => Fault::CutRequest,
        ("GET", 0) if asked.path.ends_with(".segscape") => Fault::CutAnswer,
        _ => Fault::None,
    });
    let link = program.share(json!({}), &scene_of(900)).await;
    for _ in 0..6 {
        assert_eq!(program.read(&link).await.unwrap(), scene_of(900));
    }

    // A part that never arrives whole has not arrived, and a scene neither.
    for end in ["/0", ".segscape", ".json"] {
        proxy.calm();
        let bundle = scene_of(700);
        let said = json!({ "replaces": kept["id"], "secret": kept["secret"] });
        let (new, update) = (
            program.sent(json!({}), &bundle).await,
            program.sent(said, &bundle).await,
        );
        proxy.tell(
            move |asked| match asked.method == "PUT" && asked.path.ends_with(end) {
                true => Fault::CutRequest,
                false => Fault::None,
            },
        );
        for begun in [&new, &update] {
            let upload = text(begun, "upload");
            let answer = match end {
                "/0" => {
                    program
                        .server
                        .put_part(upload, 0, &bundle[..super::PIECE])
                        .await
                }
                _ => program.server.complete(upload).await,
            };
            is_for_later(&answer);
        }
        assert_eq!(program.read(&new).await, Err(StatusCode::NOT_FOUND));
        assert_eq!(program.read(&kept).await.unwrap(), scene(), "{end}");
    }
    let given_up = program.server.get("/metrics").await.text().await.unwrap();
    assert!(
        given_up.contains("{reason=\"store_unavailable\"}"),
        "{given_up}"
    );
    nothing_is_left_over(&store, &proxy, &[&kept, &link]).await;
}

#[tokio::test]
async fn a_cut_answer_is_never_taken_for_a_whole_scene() {
    let (_store, proxy, program) = behind_proxy(&[]).await;
    let link = program.share(json!({}), &scene_of(900)).await;
    proxy.tell(|asked| match asked.path.ends_with(".segscape") {
        true => Fault::CutAnswer,
        false => Fault::None,
    });
    let answer = asked(&program, &link).await;
    assert_eq!(answer.status(), StatusCode::OK);
    // Each attempt goes on where the last one ended, with half of the rest.
    let bytes = answer.bytes().await;
    assert!(bytes.is_err(), "{:?} bytes", bytes.map(|bytes| bytes.len()));
    proxy.calm();
    assert_eq!(program.read(&link).await.unwrap(), scene_of(900));
}

#[tokio::test]
async fn a_slow_reader_gets_a_scene_whole() {
    let store = Store::start().await;
    let program = Program::start(store.address, &[]).await;
    let link = program.share(json!({}), &scene()).await;
    // More than connections hold by themselves.
    let bundle: Vec<u8> = (0..32 << 20).map(|i: u32| (i / 7) as u8).collect();
    let key = store.key(".segscape").await;
    store.write(&key, bundle.clone()).await;
    let mut stream = TcpStream::connect(program.server.address).await.unwrap();
    let ask = format!(
        "GET /api/scenes/{} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        text(&link, "id")
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let (began, mut answer) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs(35) {
        let mut piece = vec![0; 50_000];
        let read = stream.read(&mut piece).await.unwrap();
        answer.extend(&piece[..read]);
        sleep(Duration::from_millis(500)).await;
    }
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    assert!(answer.ends_with(&bundle), "{} bytes", answer.len());
}
