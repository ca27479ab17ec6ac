//! Stands between the program and its object store, and fails as networks and object stores do.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Response, StatusCode, header, request::Parts},
};
use futures_util::{StreamExt as _, stream};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use reqwest::Client;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// What the object store is asked.
pub struct Asked {
    pub method: Method,
    /// The object, with the bucket.
    pub path: String,
    /// How many requests came before.
    pub number: usize,
}

/// What becomes of a request.
pub enum Fault {
    None,
    /// It takes this long until the store does what was asked, whether or not anybody still waits.
    Late(Duration),
    /// The store answers with this status and does nothing.
    Answer(StatusCode),
    /// The connection is cut when half of what is to be stored is there.
    CutRequest,
    /// The connection is cut when half of the answer is there.
    CutAnswer,
}

type Rule = Box<dyn Fn(&Asked) -> Fault + Send>;

/// The proxy, for as long as the test's runtime.
#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    store: SocketAddr,
    client: Client,
    rule: Arc<Mutex<Rule>>,
    asked: Arc<AtomicUsize>,
    is_old: Arc<AtomicBool>,
}

impl Proxy {
    pub async fn start(store: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            store,
            client: Client::new(),
            rule: Arc::new(Mutex::new(Box::new(|_| Fault::None))),
            asked: Arc::default(),
            is_old: Arc::default(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let proxy = accepting.clone();
                let answer = service_fn(move |request| {
                    let proxy = proxy.clone();
                    async move { proxy.answer(request).await }
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        proxy
    }

    /// From now on, requests end as this says.
    pub fn tell(&self, rule: impl Fn(&Asked) -> Fault + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// From now on, no request fails.
    pub fn calm(&self) {
        self.tell(|_| Fault::None);
    }

    /// From now on, everything in the store is listed as if it had been there for long.
    pub fn age(&self) {
        self.is_old.store(true, Relaxed);
    }

    /// Number of requests so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let asked = Asked {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            number: self.asked.fetch_add(1, Relaxed),
        };
        let fault = (self.rule.lock().unwrap())(&asked);
        let body = to_bytes(Body::new(body), usize::MAX)
            .await
            .map_err(io::Error::other)?;
        match fault {
            Fault::None => {}
            Fault::Late(time) => {
                let proxy = self.clone();
                let late = tokio::spawn(async move {
                    sleep(time).await;
                    proxy.forward(head, body).await
                });
                return Ok(whole(late.await.unwrap()));
            }
            Fault::Answer(status) => {
                let mut answer = Response::new(Body::from(
                    "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>",
                ));
                *answer.status_mut() = status;
                return Ok(answer);
            }
            Fault::CutRequest => {
                self.send_half(&head, &body).await?;
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Fault::CutAnswer => {
                let (status, headers, bytes) = self.forward(head, body).await;
                let half = bytes.slice(..bytes.len() / 2);
                let cut = Err(io::Error::from(io::ErrorKind::ConnectionReset));
                let pieces = stream::iter([Ok(half), cut]).then(|piece| async {
                    if piece.is_err() {
                        // Half of it has left by then.
                        sleep(Duration::from_millis(100)).await;
                    }
                    piece
                });
                let mut answer = Response::new(Body::from_stream(pieces));
                *answer.status_mut() = status;
                *answer.headers_mut() = headers;
                return Ok(answer);
            }
        }
        Ok(whole(self.forward(head, body).await))
    }

    async fn forward(&self, head: Parts, body: Bytes) -> (StatusCode, HeaderMap, Bytes) {
        let url = format!("http://{}{}", self.store, head.uri);
        let mut headers = head.headers;
        headers.remove(header::HOST);
        let request = self.client.request(head.method, url).headers(headers);
        let answer = request.body(body).send().await.unwrap();
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove(header::TRANSFER_ENCODING);
        headers.remove(header::CONNECTION);
        let bytes = answer.bytes().await.unwrap();
        match self.is_old.load(Relaxed) {
            true => (status, headers, aged(bytes)),
            false => (status, headers, bytes),
        }
    }

    /// Sends the head of a request with half of its body, and ends the connection.
    async fn send_half(&self, head: &Parts, body: &[u8]) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.store).await?;
        let mut text = format!("{} {} HTTP/1.1\r\n", head.method, head.uri).into_bytes();
        for (name, value) in &head.headers {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        text.extend(&body[..body.len() / 2]);
        stream.write_all(&text).await
    }
}

fn whole((status, headers, bytes): (StatusCode, HeaderMap, Bytes)) -> Response<Body> {
    let mut answer = Response::new(Body::from(bytes));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
}

/// A listing in which everything is old; other answers as they are.
fn aged(answer: Bytes) -> Bytes {
    let Ok(text) = std::str::from_utf8(&answer) else {
        return answer;
    };
    let mut aged = String::new();
    for (at, piece) in text.split("<LastModified>").enumerate() {
        let rest = match at {
            0 => piece,
            _ => {
                let (time, rest) = piece.split_once('<').unwrap();
                aged += "<LastModified>2020";
                aged += &time[4..];
                aged += "<";
                rest
            }
        };
        aged += rest;
    }
    aged.into()
}
