//! What operators see of a server.

use reqwest::StatusCode;
use serde_json::json;

use crate::{Server, UNKNOWN, scene, text};

#[tokio::test]
async fn the_server_counts_its_work_and_says_nothing_of_its_links() {
    let server = Server::start().await;
    let link = server.share(json!({}), &scene()).await;
    server.begin(json!({ "bytes": 77 })).await;
    server.get(text(&link, "url")).await;
    server.get(&format!("/api/scenes/{UNKNOWN}")).await;
    server.get("/worker.js").await;
    let large = server.begin(json!({ "bytes": 1 << 30 })).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let answer = server.get("/metrics").await;
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let metrics = answer.text().await.unwrap();
    for line in [
        "# TYPE segscape_requests_total counter".to_owned(),
        "segscape_requests_total{route=\"/s/{id}\",status=\"2xx\"} 1".to_owned(),
        "segscape_requests_total{route=\"/api/scenes/{id}\",status=\"4xx\"} 1".to_owned(),
        "segscape_requests_total{route=\"file\",status=\"2xx\"} 1".to_owned(),
        "segscape_requests_total{route=\"/api/uploads\",status=\"2xx\"} 2".to_owned(),
        "segscape_refusals_total{reason=\"size\"} 1".to_owned(),
        "# TYPE segscape_connections gauge".to_owned(),
        "segscape_bodies 0".to_owned(),
        "segscape_unfinished_uploads 1".to_owned(),
        "segscape_unfinished_bytes 77".to_owned(),
        format!("segscape_store_bytes {}", scene().len()),
        "segscape_sweeps_failed_total 0".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} in {metrics}"
        );
    }
    let value = |name: &str| {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().parse::<u64>().unwrap()
    };
    assert!(value("segscape_received_bytes_total ") > scene().len() as u64);
    assert!(value("segscape_sent_bytes_total ") > 4000);
    assert!(value("segscape_connections ") >= 1);
    assert!(value("segscape_sweeps_total ") >= 3);
    assert!(!metrics.contains(text(&link, "id")) && !metrics.contains(UNKNOWN));
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.split('{').next().unwrap();
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{line}"
        );
        assert!(value.parse::<u64>().is_ok(), "{line}");
        assert!(metrics.contains(&format!("# HELP {name} ")), "{line}");
    }
    assert_eq!(server.get("/healthz").await.text().await.unwrap(), "ok");
}
