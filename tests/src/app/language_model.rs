//! A language model on this machine, as far as a page can tell: it has OpenAI's interface, keeps what
//! it was asked, and answers what it was told to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// Maximum length of a request, bytes.
const MAX_REQUEST: usize = 1 << 20;

/// What the model does with the next question.
#[derive(Clone, Debug)]
pub enum Does {
    /// It writes this.
    Writes(String),
    /// It refuses with this status and message.
    Refuses(u16, String),
    /// It does not answer for a long time.
    Waits,
}

/// A question as it came.
#[derive(Clone, Debug)]
pub struct AskedModel {
    /// The `authorization` header; empty without.
    pub authorization: String,
    /// All headers, in lower case.
    pub headers: String,
    /// The body.
    pub body: Value,
}

/// A model that runs until it is dropped.
pub struct LanguageModel {
    /// Address of its interface: `http://127.0.0.1:port/v1`.
    pub address: String,
    state: Arc<Mutex<(Does, Vec<AskedModel>)>>,
    task: JoinHandle<()>,
}

impl LanguageModel {
    /// A model that does this.
    pub async fn start(does: Does) -> Self {
        let state = Arc::new(Mutex::new((does, Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // A browser that closes the connection loses only its own answer.
                tokio::spawn(async move { drop(answer(stream, &state).await) });
            }
        });
        Self {
            address: format!("http://127.0.0.1:{port}/v1"),
            state,
            task,
        }
    }

    /// Does this from now on.
    pub fn will(&self, does: Does) {
        self.state.lock().expect("one thread").0 = does;
    }

    /// The questions so far.
    pub fn asked(&self) -> Vec<AskedModel> {
        self.state.lock().expect("one thread").1.clone()
    }
}

impl Drop for LanguageModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    mut stream: TcpStream,
    state: &Mutex<(Does, Vec<AskedModel>)>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if request.len() > MAX_REQUEST || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let headers = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let header = |name: &str| {
        let lines = headers.lines().filter_map(|line| line.split_once(": "));
        let mut lines = lines.filter(|(own, _)| *own == name);
        lines.next().map_or("", |(_, value)| value).to_owned()
    };
    let length: usize = header("content-length").parse().unwrap_or(0);
    while request.len() < head + length && request.len() < MAX_REQUEST {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = if headers.starts_with("options") {
        (204, String::new())
    } else if !headers.starts_with("post /v1/chat/completions ") {
        (404, String::new())
    } else {
        let body = serde_json::from_slice(&request[head..]).unwrap_or(Value::Null);
        let does = {
            let mut state = state.lock().expect("one thread");
            state.1.push(AskedModel {
                authorization: header("authorization"),
                headers: headers.clone(),
                body,
            });
            state.0.clone()
        };
        match does {
            Does::Writes(words) => {
                let message = json!({ "role": "assistant", "content": words });
                (
                    200,
                    json!({ "choices": [{ "message": message }] }).to_string(),
                )
            }
            Does::Refuses(status, words) => {
                (status, json!({ "error": { "message": words } }).to_string())
            }
            Does::Waits => {
                sleep(Duration::from_secs(600)).await;
                return Ok(());
            }
        }
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\nconnection: close\r\naccess-control-allow-origin: *\r\naccess-control-allow-headers: content-type, authorization\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
