//! Requests that no page of the server makes.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{PART, Server, UNKNOWN, digest, picture, refusal, scene, text};

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    let (id, secret) = (text(&link, "id"), text(&link, "secret"));
    let own = server.url("");
    let host = server.address.to_string();
    let foreign: [&[(&str, &str)]; 6] = [
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
        ],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", &own), ("host", "evil.example")],
    ];
    let with = |request: RequestBuilder, headers: &[(&str, &str)]| {
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    };
    for headers in foreign {
        for (method, path) in [
            (Method::POST, "/api/uploads".to_owned()),
            (Method::PUT, format!("/api/uploads/{UNKNOWN}/parts/0")),
            (Method::PUT, format!("/api/uploads/{UNKNOWN}/picture")),
            (Method::POST, format!("/api/uploads/{UNKNOWN}/complete")),
            (Method::DELETE, format!("/api/uploads/{UNKNOWN}")),
            (Method::DELETE, format!("/api/scenes/{id}")),
        ] {
            let request = server.client.request(method.clone(), server.url(&path));
            let request = with(request.bearer_auth(secret), headers);
            let answer = request.json(&json!({ "bytes": 9 })).send().await.unwrap();
            let words = refusal(answer, StatusCode::FORBIDDEN).await;
            assert!(
                words.contains("another site"),
                "{method} {path} {headers:?}: {words}"
            );
        }
    }
    assert_eq!(server.files("uploads").len(), 1, "only what was shared");
    let scene = format!("/api/scenes/{id}");
    let read = with(server.client.get(server.url(&scene)), foreign[0])
        .send()
        .await;
    assert_eq!(
        read.unwrap().status(),
        StatusCode::OK,
        "links may stand anywhere"
    );
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin"), ("origin", &own)],
        &[("sec-fetch-site", "none")],
        &[("origin", &own), ("host", &host)],
    ] {
        let request = with(server.client.post(server.url("/api/uploads")), headers);
        let answer = request.json(&json!({ "bytes": 9 })).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED, "{headers:?}");
    }
}

#[tokio::test]
async fn bodies_say_what_they_are() {
    let server = Server::start().await;
    let begun = server.begin(json!({ "bytes": scene().len() })).await;
    let begun: Value = begun.json().await.unwrap();
    let upload = text(&begun, "upload");
    let part = scene()[..PART].to_vec();
    let said = b"{\"bytes\":9}".to_vec();
    let picture = picture(1200, 630);
    for (method, path, body, right) in [
        (
            Method::POST,
            "/api/uploads".to_owned(),
            said,
            "application/json; charset=utf-8",
        ),
        (
            Method::PUT,
            format!("/api/uploads/{upload}/parts/0"),
            part,
            "Application/Octet-Stream",
        ),
        (
            Method::PUT,
            format!("/api/uploads/{upload}/picture"),
            picture,
            "image/png",
        ),
    ] {
        let send = async |kind: Option<&str>| {
            let request = server.client.request(method.clone(), server.url(&path));
            let request = request.header("content-digest", digest(&scene()[..PART]));
            let request = kind.iter().fold(request, |request, kind| {
                request.header("content-type", *kind)
            });
            request.body(body.clone()).send().await.unwrap()
        };
        for wrong in [
            None,
            Some("text/plain"),
            Some("multipart/form-data; boundary=x"),
            Some("application/x-www-form-urlencoded"),
            Some(""),
        ] {
            let words = refusal(send(wrong).await, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
            assert!(words.contains("content-type"), "{path} {wrong:?}: {words}");
        }
        let answer = send(Some(right)).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }
}

#[tokio::test]
async fn every_refusal_is_json_with_the_headers_of_all_answers() {
    let server = Server::start().await;
    let (name, long) = ("a".repeat(300), "a".repeat(9000));
    for (request, status) in [
        ("GET /nothing.js".to_owned(), 404),
        ("GET /../secret.txt".to_owned(), 404),
        ("GET /s/none".to_owned(), 404),
        ("GET /s/%ff".to_owned(), 400),
        ("GET /embed/none".to_owned(), 404),
        ("GET /api/other".to_owned(), 404),
        ("GET /api/scenes/%ff".to_owned(), 400),
        ("GET /api/uploads/%ff".to_owned(), 400),
        ("PUT /api/uploads/%ff/parts/%ff".to_owned(), 400),
        ("POST /".to_owned(), 405),
        ("DELETE /worker.js".to_owned(), 405),
        ("PUT /s/none".to_owned(), 405),
        ("POST /healthz".to_owned(), 405),
        ("OPTIONS /api/uploads".to_owned(), 405),
        ("PATCH /api/scenes/none".to_owned(), 405),
        (format!("GET /{name}"), 414),
        (format!("GET /s/{name}"), 414),
        (format!("GET /?scene={long}"), 414),
        (format!("GET /api/scenes/{UNKNOWN}?{long}"), 414),
    ] {
        let sent = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = server.raw(sent.as_bytes()).await;
        let request = request.get(..40).unwrap_or(&request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for header in [
            "content-type: application/json",
            "x-content-type-options: nosniff",
            "content-security-policy: ",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(header), "{request}: {header} in {head}");
        }
        assert_eq!(
            head.contains("\r\nallow: "),
            status == 405,
            "{request}: {head}"
        );
        let refusal: Value = serde_json::from_str(body).unwrap();
        assert!(!text(&refusal, "error").is_empty(), "{request}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_like_every_other() {
    let server = Server::start().await;
    let (long, many) = ("a".repeat(200_000), "a: b\r\n".repeat(200));
    let get = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n");
    // What a file says is no answer.
    let fake = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    std::fs::write(server.folder.path().join("dist/fake.txt"), fake).unwrap();
    let before = ["/healthz", "/fake.txt", "/nothing"].map(|path| get(path, ""));
    let answers = ["ok", fake, "no such address"];
    for (head, status) in [
        (get("/", "no header\r\n"), 400),
        (get("/", "content-length: 1\r\ncontent-length: 2\r\n"), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        ("\0\0\0\0\r\n\r\n".to_owned(), 400),
        // As TLS begins.
        ("\x16\x03\x01\x02\0\x01\0\x01\r\n\r\n".to_owned(), 400),
        (get("/", &format!("a: {long}\r\n")), 431),
        (get("/", &format!("a: {}\r\n", long.repeat(10))), 431),
        (get(&format!("/{long}"), ""), 431),
        (get("/", &many), 431),
    ] {
        // Alone, and after others on the same connection that come at once.
        for count in 0..=before.len() {
            let sent = before[..count].concat() + &head;
            let answer = server.raw(sent.as_bytes()).await;
            let mut rest = answer.as_str();
            for body in &answers[..count] {
                let found = rest.split_once(body);
                rest = found.unwrap_or_else(|| panic!("{body} in {answer}")).1;
            }
            let start = rest.find(&format!("HTTP/1.1 {status} "));
            let start = start.unwrap_or_else(|| panic!("{status} after {count} in {answer}"));
            is_refusal(&rest[start..], status);
        }
    }
    let counted = server.get("/metrics").await.text().await.unwrap();
    for line in [
        "segscape_refusals_total{reason=\"head\"} 20",
        "segscape_refusals_total{reason=\"long_head\"} 16",
    ] {
        assert!(counted.contains(line), "{line} in {counted}");
    }
}

/// Checks the answer to a head that is none, or too long.
fn is_refusal(answer: &str, status: u16) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    for header in [
        "connection: close",
        "content-type: application/json",
        "x-content-type-options: nosniff",
        "content-security-policy: ",
        "referrer-policy: no-referrer",
        &format!("content-length: {}", body.len()),
    ] {
        assert_eq!(head.matches(header).count(), 1, "{header} in {head}");
    }
    let refusal: Value = serde_json::from_str(body).unwrap();
    let words = if status == 400 {
        "HTTP/1.1"
    } else {
        "65536 bytes or too many"
    };
    assert!(text(&refusal, "error").contains(words), "{body}");
}

#[tokio::test]
async fn a_refusal_is_heard_while_what_is_refused_is_still_coming() {
    const SIZE: usize = 6 << 20;
    let server = Server::start().await;
    let begun = server.begin(json!({ "bytes": scene().len() })).await;
    let begun: Value = begun.json().await.unwrap();
    let part = format!(
        "PUT /api/uploads/{}/parts/0 HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-digest: {}\r\ncontent-length: {SIZE}\r\n\r\n",
        text(&begun, "upload"),
        digest(b""),
    );
    let sent = [part.as_bytes(), &vec![7; SIZE]].concat();
    for turn in 0..20 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // Proxies give up where they cannot send, and never look at the answer.
        stream.write_all(&sent).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{turn}: {answer}");
        assert!(answer.ends_with("the limit here\"}"), "{turn}: {answer}");
    }
}

#[tokio::test]
async fn the_address_of_a_page_may_contain_another_one() {
    let server = Server::start().await;
    let page = server
        .get(&format!("/?scene=https://a.example/{}", "a".repeat(5000)))
        .await;
    assert_eq!(page.status(), StatusCode::OK);
}

#[tokio::test]
async fn only_beginnings_count_as_uploads() {
    let server = Server::start().await;
    for method in [Method::GET, Method::OPTIONS, Method::HEAD] {
        for _ in 0..server::UPLOAD_BURST {
            let request = server
                .client
                .request(method.clone(), server.url("/api/uploads"));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        }
    }
    assert_eq!(
        server.begin(json!({ "bytes": 9 })).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_all_and_for_one_address() {
    let sent = scene();
    let size = sent.len() as u64;
    let server = Server::start_with(|config| config.limits.max_store_bytes = 2 * size + 10).await;
    let first = server.share(json!({}), &sent).await;
    server.share(json!({}), &sent).await;
    let begin = async || server.begin(json!({ "bytes": size })).await;
    let words = refusal(begin().await, StatusCode::INSUFFICIENT_STORAGE).await;
    assert!(
        words.contains(&format!("keeps {} bytes", 2 * size + 10)),
        "{words}"
    );

    // What is there counts after a restart, too, and what is deleted does not.
    server.stop.send(()).await.unwrap();
    let server = Server::start_in(server.folder, |config| {
        config.limits.max_store_bytes = 2 * size + 10;
    })
    .await;
    let begin = async || server.begin(json!({ "bytes": size })).await;
    refusal(begin().await, StatusCode::INSUFFICIENT_STORAGE).await;
    let right = format!("Bearer {}", text(&first, "secret"));
    server.delete(text(&first, "id"), Some(&right)).await;
    assert_eq!(begin().await.status(), StatusCode::CREATED);
    // So does what is announced.
    refusal(begin().await, StatusCode::INSUFFICIENT_STORAGE).await;

    let server = Server::start_with(|config| {
        config.limits.max_bytes = 3000;
        config.max_bytes_per_day = 6 << 10;
    })
    .await;
    for _ in 0..2 {
        let begun = server.begin(json!({ "bytes": 2500 })).await;
        assert_eq!(begun.status(), StatusCode::CREATED);
    }
    let refused = server.begin(json!({ "bytes": 2500 })).await;
    let wait = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!((1..86_400).contains(&wait.parse().unwrap()), "{wait}");
    let words = refusal(refused, StatusCode::TOO_MANY_REQUESTS).await;
    assert!(words.contains("6144 bytes in a day"), "{words}");
}
