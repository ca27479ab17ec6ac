//! Another web server on this machine: it serves a few files that pages from any origin may read,
//! and one folder that they may not read.

use std::{collections::HashMap, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Files below this path are sent without permission for other origins.
const FORBIDDEN: &str = "/closed/";
/// Maximum length of a request, bytes. Browsers send no longer ones.
const MAX_REQUEST: usize = 16 << 10;

/// A server that runs until it is dropped.
pub struct Elsewhere {
    /// `http://127.0.0.1:port`.
    pub origin: String,
    task: JoinHandle<()>,
}

impl Elsewhere {
    /// Serves these files by path, such as `/room.ply`.
    pub async fn serve(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files: Arc<HashMap<_, _>> = Arc::new(files.into_iter().collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("it listens"));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let files = Arc::clone(&files);
                // A browser that closes the connection loses only its own answer.
                tokio::spawn(async move { drop(answer(stream, &files).await) });
            }
        });
        Self { origin, task }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, files: &HashMap<String, Vec<u8>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < MAX_REQUEST {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request);
    let path = request.split(' ').nth(1).unwrap_or("/");
    let (status, body) = files.get(path).map_or(("404 Not Found", &[][..]), |file| {
        ("200 OK", file.as_slice())
    });
    let permission = if path.starts_with(FORBIDDEN) {
        ""
    } else {
        "access-control-allow-origin: *\r\n"
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\n{permission}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await
}
