//! Clients that take what all share: connections, memory and time.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use server::Patience;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{PART, Server, digest, refusal, scene, text};

/// A server's patience, shortened.
const SHORT: Patience = Patience {
    head: Duration::from_millis(400),
    body: Duration::from_millis(400),
    reader: Duration::from_millis(400),
    end: Duration::from_millis(600),
    store: Duration::from_secs(5),
};
/// Longer than any of that, and less than what would be waited for without it.
const ENDED: Duration = Duration::from_secs(4);

async fn impatient() -> Server {
    Server::start_with(|config| config.patience = SHORT).await
}

/// Connects and sends this.
async fn send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// What a connection answers until the server ends it, which it does in time.
async fn until_ended(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // The server may end it while something is on the way.
    let end = timeout(ENDED, stream.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "it is still open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn half_a_head_an_idle_connection_and_silence_are_ended() {
    let server = impatient().await;
    let silent = send(&server, b"").await;
    let idle = send(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut trickling = send(&server, b"GET / HTTP/1.1\r\nhost: x\r\nx-a: ").await;
    let trickle = async {
        while trickling.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(ENDED, trickle).await.is_ok(), "it may go on");
    assert!(until_ended(idle).await.ends_with("ok"));
    assert_eq!(until_ended(silent).await, "");
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_ended_and_a_slow_one_is_not() {
    let server = impatient().await;
    let large = server.folder.path().join("dist/large.bin");
    const SIZE: usize = 40 << 20;
    std::fs::write(large, vec![7; SIZE]).unwrap();
    let ask = b"GET /large.bin HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let reads = async |pause: Duration| {
        let mut stream = send(&server, ask).await;
        sleep(pause).await;
        let (mut total, mut piece) = (0, vec![0; 1 << 20]);
        while let Ok(read @ 1..) = stream.read(&mut piece).await {
            total += read;
            sleep(Duration::from_millis(10)).await;
        }
        total
    };
    let (late, slow) = tokio::join!(reads(Duration::from_secs(2)), reads(Duration::ZERO));
    assert!(late < SIZE, "{late} bytes");
    assert!(slow > SIZE, "{slow} bytes");
}

#[tokio::test]
async fn a_body_has_to_come_at_a_least_rate() {
    let server = impatient().await;
    let begun: Value = server
        .begin(json!({ "bytes": scene().len() }))
        .await
        .json()
        .await
        .unwrap();
    let part = format!(
        "PUT /api/uploads/{}/parts/0 HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-digest: {}\r\ncontent-length: {PART}\r\n\r\n",
        text(&begun, "upload"),
        digest(b""),
    );
    let said = "POST /api/uploads HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    for head in [part.as_str(), said] {
        let mut stream = send(&server, head.as_bytes()).await;
        let began = Instant::now();
        let mut answer = vec![0; 2000];
        let trickle = async {
            loop {
                drop(stream.write_all(b" ").await);
                if let Ok(Ok(read)) =
                    timeout(Duration::from_millis(50), stream.read(&mut answer)).await
                {
                    return String::from_utf8_lossy(&answer[..read]).into_owned();
                }
            }
        };
        let answer = timeout(ENDED, trickle).await.expect("it may go on");
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("came too slowly"), "{answer}");
        assert!(began.elapsed() >= SHORT.body);
    }
}

#[tokio::test]
async fn one_address_does_not_take_all_places_of_bodies() {
    let server = Server::start_with(|config| config.patience.body = ENDED).await;
    let begun: Value = server
        .begin(json!({ "bytes": scene().len() }))
        .await
        .json()
        .await
        .unwrap();
    let upload = text(&begun, "upload");
    let head = format!(
        "PUT /api/uploads/{upload}/parts/0 HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-digest: {}\r\ncontent-length: {PART}\r\n\r\n",
        digest(b""),
    );
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(send(&server, head.as_bytes()).await);
    }
    sleep(Duration::from_millis(200)).await;
    let part = &scene()[..PART];
    let refused = server.put_part(upload, 0, part).await;
    assert_eq!(refused.headers()["retry-after"], "5");
    let words = refusal(refused, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(words.contains("busy"), "{words}");
    drop(held);
    let again = async {
        while server.put_part(upload, 0, part).await.status() != StatusCode::NO_CONTENT {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(ENDED, again).await.unwrap();
}

#[tokio::test]
async fn connections_are_counted_by_address_and_in_all() {
    for (most, reason) in [
        ((50, 3), "connections_of_address"),
        ((3, 50), "connections"),
    ] {
        let server = Server::start_with(|config| config.max_connections = most).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(send(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await);
            let mut answer = [0; 10];
            held.last_mut()
                .unwrap()
                .read_exact(&mut answer)
                .await
                .unwrap();
        }
        let refused = until_ended(TcpStream::connect(server.address).await.unwrap()).await;
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        assert!(refused.contains("retry-after: 5") && refused.contains("{\"error\":"));
        drop(held);
        let counted = async {
            loop {
                let answer = server.client.get(server.url("/metrics")).send().await;
                if let Ok(answer) = answer {
                    return answer.text().await.unwrap();
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let counted = timeout(ENDED, counted).await.unwrap();
        let line = format!("segscape_refusals_total{{reason=\"{reason}\"}}");
        assert!(counted.contains(&line), "{counted}");
    }
}

#[tokio::test]
async fn only_http_1_is_spoken() {
    let server = Server::start().await;
    let answer = server
        .raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_server_ends_in_time_whatever_clients_do() {
    let clients = async |server: &Server| {
        let begun: Value = server
            .begin(json!({ "bytes": scene().len() }))
            .await
            .json()
            .await
            .unwrap();
        let part = format!(
            "PUT /api/uploads/{}/parts/0 HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-digest: {}\r\ncontent-length: {PART}\r\n\r\n",
            text(&begun, "upload"),
            digest(b""),
        );
        std::fs::write(
            server.folder.path().join("dist/large.bin"),
            vec![7; 40 << 20],
        )
        .unwrap();
        let requests = [
            "",
            "GET / HTTP/1.1\r\nhost:",
            "GET /large.bin HTTP/1.1\r\nhost: x\r\n\r\n",
            &part,
        ];
        let mut streams = Vec::new();
        for request in requests {
            streams.push(send(server, request.as_bytes()).await);
        }
        sleep(Duration::from_millis(100)).await;
        streams
    };
    let ended = async |server: &Server| {
        let began = Instant::now();
        timeout(ENDED, server.stop.closed())
            .await
            .expect("it goes on");
        began.elapsed()
    };
    let with_end = async |end| {
        Server::start_with(|config| config.patience.end = Duration::from_millis(end)).await
    };
    let server = with_end(600).await;
    let _streams = clients(&server).await;
    server.stop.send(()).await.unwrap();
    let took = ended(&server).await;
    assert!(
        took >= Duration::from_millis(500),
        "requests may end: {took:?}"
    );
    assert!(TcpStream::connect(server.address).await.is_err());

    // At once, when it is told a second time.
    let server = with_end(60_000).await;
    let _streams = clients(&server).await;
    for _ in 0..2 {
        server.stop.send(()).await.unwrap();
    }
    ended(&server).await;

    // At once, when nobody asks for anything.
    let server = with_end(60_000).await;
    let idle = send(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    sleep(Duration::from_millis(100)).await;
    server.stop.send(()).await.unwrap();
    ended(&server).await;
    assert!(until_ended(idle).await.ends_with("ok"));
}
