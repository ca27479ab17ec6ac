//! Uploads in parts: what arrives, what goes on, and what is refused.

use reqwest::StatusCode;
use serde_json::{Value, json};
use server::uploads::{KEPT_FOR, MOST_PER_ADDRESS};

use crate::{LIMITS, PART, Server, UNKNOWN, digest, refusal, scene, store_in, text};

#[tokio::test]
async fn an_upload_goes_on_at_the_first_missing_part_also_after_a_restart() {
    let server = Server::start().await;
    let bundle = scene();
    let parts: Vec<&[u8]> = bundle.chunks(PART).collect();
    assert!(parts.len() > 3, "{} parts", parts.len());
    let begun = server.begin(json!({ "bytes": bundle.len() })).await;
    let begun: Value = begun.json().await.unwrap();
    assert_eq!(begun["parts"], parts.len());
    assert_eq!(begun["part_bytes"], PART);
    let upload = text(&begun, "upload");
    let path = format!("/api/uploads/{upload}");
    for number in [0, 2] {
        server.put_part(upload, number, parts[number]).await;
    }
    let words = refusal(server.complete(upload).await, StatusCode::CONFLICT).await;
    assert!(
        words.contains(&format!("part 1 of {}", parts.len())),
        "{words}"
    );

    server.stop.send(()).await.unwrap();
    let server = Server::start_in(server.folder, |_| ()).await;
    let arrived: Value = server.get(&path).await.json().await.unwrap();
    assert_eq!(arrived["arrived"], json!([0, 2]));
    for (number, part) in parts.iter().enumerate().skip(1) {
        // A part may come twice, because its sender did not hear that it arrived.
        let answer = server.put_part(upload, number, part).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(server.complete(upload).await.status(), StatusCode::OK);
    let id = text(&begun, "id");
    let fetched = server.get(&format!("/api/scenes/{id}")).await;
    assert_eq!(fetched.bytes().await.unwrap(), bundle);
    // Nothing but the note that it is done is left.
    assert_eq!(server.files(&format!("uploads/{upload}")), ["upload.json"]);
    let over = server.put_part(upload, 0, parts[0]).await;
    assert_eq!(over.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn parts_that_are_not_what_was_announced_are_refused() {
    let server = Server::start().await;
    let bundle = scene();
    let begun = server.begin(json!({ "bytes": bundle.len() })).await;
    let begun: Value = begun.json().await.unwrap();
    let (upload, parts) = (text(&begun, "upload"), bundle.chunks(PART).len());
    let bad = StatusCode::BAD_REQUEST;
    let words = refusal(server.put_part(upload, parts, b"x").await, bad).await;
    assert!(
        words.contains(&format!("no part {parts}: the upload has {parts}")),
        "{words}"
    );
    let words = refusal(server.put_part(upload, 1, &bundle[..PART - 1]).await, bad).await;
    assert!(
        words.contains("part 1 has 49 bytes in place of 50"),
        "{words}"
    );
    let large = server.put_part(upload, 1, &bundle[..PART + 1]).await;
    let words = refusal(large, StatusCode::PAYLOAD_TOO_LARGE).await;
    assert!(words.contains("larger than 50 bytes"), "{words}");
    let large = server.put_part(upload, parts - 1, &bundle[..PART]).await;
    assert_eq!(
        large.status(),
        StatusCode::PAYLOAD_TOO_LARGE,
        "the last is smaller"
    );

    let put = |header: String| {
        let path = format!("/api/uploads/{upload}/parts/0");
        let request = server.client.put(server.url(&path));
        request
            .header("content-digest", header)
            .header("content-type", "application/octet-stream")
            .body(bundle[..PART].to_vec())
            .send()
    };
    let damaged = put(digest(b"something else")).await.unwrap();
    let words = refusal(damaged, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert!(words.contains("part 0 arrived damaged"), "{words}");
    let words = refusal(put("md5=:x:".to_owned()).await.unwrap(), bad).await;
    assert!(words.contains("content-digest"), "{words}");
    let both = format!("sha-512=:x:, {}", digest(&bundle[..PART]));
    assert_eq!(put(both).await.unwrap().status(), StatusCode::NO_CONTENT);

    let chunked = format!(
        "PUT /api/uploads/{upload}/parts/0 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/octet-stream\r\ncontent-digest: {}\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n{}\r\n0\r\n\r\n",
        digest(b""),
        "x".repeat(1000)
    );
    let answer = server.raw(chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let unknown = server.put_part(UNKNOWN, 0, &bundle[..PART]).await;
    let words = refusal(unknown, StatusCode::NOT_FOUND).await;
    assert!(words.contains("no such upload"), "{words}");
}

/// A bundle with other bytes at a place, and the right checksum.
fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut bundle = scene();
    bundle[at..at + bytes.len()].copy_from_slice(bytes);
    sealed(bundle)
}

fn sealed(mut bundle: Vec<u8>) -> Vec<u8> {
    let [head, rest] = [&bundle[..28], &bundle[60..]];
    let sum = *blake3::Hasher::new()
        .update(head)
        .update(rest)
        .finalize()
        .as_bytes();
    bundle[28..60].copy_from_slice(&sum);
    bundle
}

#[tokio::test]
async fn what_no_page_could_open_is_refused() {
    let server = Server::start().await;
    let [points, first, inflated] = [16, 60 + 5 * 12, 68];
    let mut empty = scene()[..60].to_vec();
    empty[12] = 0;
    for (body, reason) in [
        (sealed(empty), "section `meta` is malformed: it is missing"),
        (with(first, &[0xff; 20]), "section `meta` is malformed"),
        (
            with(inflated, &[0xff; 4]),
            "has 4294967295 bytes, but at most 8388608",
        ),
        (
            with(points, &12_000_000_u32.to_le_bytes()),
            "section `supr` is malformed",
        ),
    ] {
        let (_, answer) = server.send(json!({}), &body).await;
        let words = refusal(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(words.contains(reason), "{words}");
    }
    assert_eq!(server.stored(), [] as [&str; 0]);
}

#[tokio::test]
async fn what_is_no_bundle_or_too_large_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let mut damaged = scene();
    *damaged.last_mut().unwrap() ^= 1;
    for (body, reason) in [
        (b"ply\nformat".to_vec(), "not a .segscape bundle"),
        (damaged, "checksum"),
    ] {
        let (_, answer) = server.send(json!({}), &body).await;
        let words = refusal(answer, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(words.contains(reason), "{words}");
    }
    for (said, status, reason) in [
        (json!({ "bytes": 9, "days": 8 }), 400, "not for `8`"),
        (json!({ "bytes": 0 }), 400, "0 bytes"),
        (json!({ "bytes": 100_001 }), 413, "from 1 to 100000"),
        (json!({ "bytes": -1 }), 422, "bytes"),
        (json!({ "bytes": 9, "day": 7 }), 422, "unknown field `day`"),
        (json!({ "bytes": 9, "replaces": "../.." }), 422, "replaces"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let words = refusal(server.begin(said).await, status).await;
        assert!(words.contains(reason), "{words}");
    }
    // Pages of other servers can send text without being asked for their permission, and no JSON.
    let request = server.client.post(server.url("/api/uploads"));
    let simple = request
        .header("content-type", "text/plain")
        .body("{\"bytes\":9}");
    let refused = simple.send().await.unwrap();
    refusal(refused, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
    assert_eq!(server.stored(), Vec::<String>::new());
    assert_eq!(server.files("uploads"), Vec::<String>::new());
}

#[tokio::test]
async fn unfinished_uploads_are_bounded_and_go_when_they_are_cancelled_or_old() {
    let server = Server::start().await;
    let begin = async |bytes: u64| server.begin(json!({ "bytes": bytes })).await;
    let first: Value = begin(LIMITS.max_bytes).await.json().await.unwrap();
    let first = text(&first, "upload");
    let full = begin(50_001).await;
    assert_eq!(full.headers()["retry-after"], "600");
    let words = refusal(full, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(words.contains("150000 bytes together"), "{words}");
    server.put_part(first, 0, &[7; PART]).await;
    let path = format!("/api/uploads/{first}");
    let cancel = || server.client.delete(server.url(&path)).send();
    assert_eq!(cancel().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(cancel().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(server.files("uploads"), Vec::<String>::new());

    let mut last = String::new();
    for _ in 0..MOST_PER_ADDRESS {
        let begun: Value = begin(300).await.json().await.unwrap();
        last = text(&begun, "upload").to_owned();
    }
    let refused = begin(300).await;
    assert!(refused.headers().contains_key("retry-after"));
    let words = refusal(refused, StatusCode::TOO_MANY_REQUESTS).await;
    assert!(words.contains("6 uploads from this address"), "{words}");

    // One of them becomes old, and another one damaged.
    let folder = server.folder.path().join("store/uploads");
    let record = folder.join(&last).join("upload.json");
    let mut upload: Value = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    upload["created"] = (upload["created"].as_u64().unwrap() - KEPT_FOR).into();
    std::fs::write(&record, upload.to_string()).unwrap();
    std::fs::create_dir(folder.join(UNKNOWN)).unwrap();
    std::fs::write(folder.join(UNKNOWN).join("upload.json"), "{").unwrap();
    let store = store_in(&server.folder);
    let scenes = server::store::Scenes::new(store.clone());
    let uploads = server::uploads::Uploads::new(store, scenes, LIMITS);
    assert_eq!(uploads.sweep().await.unwrap(), 2);
    assert_eq!(server.files("uploads").len(), MOST_PER_ADDRESS - 1);
    let gone = server.get(&format!("/api/uploads/{last}")).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn repeated_uploads_are_slowed_down_and_reading_is_not() {
    let server = Server::start().await;
    for _ in 0..server::UPLOAD_BURST {
        server.share(json!({}), &scene()).await;
    }
    let refused = server.begin(json!({ "bytes": 9 })).await;
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=server::UPLOAD_PERIOD.as_secs() + 1).contains(&seconds));
    let words = refusal(refused, StatusCode::TOO_MANY_REQUESTS).await;
    assert!(words.contains("too many uploads"), "{words}");
    assert_eq!(server.get("/healthz").await.status(), StatusCode::OK);
    assert_eq!(
        server.get(&format!("/api/scenes/{UNKNOWN}")).await.status(),
        StatusCode::NOT_FOUND
    );
    let words = refusal(server.get("/api/other").await, StatusCode::NOT_FOUND).await;
    assert!(words.contains("no such address"), "{words}");
    let other = server.get("/api/uploads").await;
    refusal(other, StatusCode::METHOD_NOT_ALLOWED).await;
}
