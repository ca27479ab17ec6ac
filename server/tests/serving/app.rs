//! The app's files, and what is served beside them.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::{Server, UNKNOWN, scene, text};

#[tokio::test]
async fn nothing_outside_the_app_and_the_store_is_read() {
    let server = Server::start().await;
    let link: Value = server.share(json!({}), &scene()).await;
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
        "/api/uploads/..%2f..%2fsecret.txt",
        "/api/uploads/%2e%2e/parts/0",
        "/api/uploads/..%2fscenes/picture",
        "/api/other",
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
    // What the build compressed is sent so, and nothing is compressed for a request.
    let wasm = get("/app-0123456789abcdef_bg.wasm").await.unwrap();
    assert_eq!(header(&wasm, "content-type"), "application/wasm");
    assert_eq!(header(&wasm, "content-encoding"), "br");
    assert_eq!(
        header(&wasm, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(wasm.bytes().await.unwrap(), "compressed before");
    let worker = get("/worker.js").await.unwrap();
    assert_eq!(header(&worker, "content-encoding"), "");
    assert_eq!(worker.content_length(), Some(4000));
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
