//! The connections of the server: accepted within limits, served over HTTP/1, and ended in time,
//! whatever their peers do.

use std::{
    convert::Infallible,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use axum::{Router, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::sleep,
};
use tower::ServiceExt as _;

use crate::{
    client::{Peer, Proxies},
    error::{ApiError, LONGEST_HEAD},
    limits::{Crowd, Place, Places},
    metrics::Metrics,
    requests::{Answer, Requests},
    stream::Stream,
};

/// Time after which connections are accepted again when that failed, because descriptors ran out.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the server waits.
#[derive(Clone, Copy)]
pub struct Patience {
    /// For the head of a request; this is also the time for which a connection may be idle.
    pub head: Duration,
    /// For the first bytes of a body; after them, the body has to come at a least rate.
    pub body: Duration,
    /// For a peer to read some of what it asked for.
    pub reader: Duration,
    /// For requests in progress, once the server is to stop.
    pub end: Duration,
    /// For the store.
    pub store: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(20),
            reader: Duration::from_secs(30),
            end: Duration::from_secs(10),
            store: Duration::from_secs(30),
        }
    }
}

/// Everything that connections have in common.
pub struct Connections {
    /// What answers.
    pub app: Router,
    /// Proxies, whose connections are those of many.
    pub proxies: Proxies,
    /// Their number.
    pub places: Places,
    /// How long the server waits.
    pub patience: Patience,
    /// Where they are counted.
    pub metrics: Arc<Metrics>,
}

impl Connections {
    /// Serves until it is told to stop, and then finishes the requests in progress, for a limited
    /// time or until it is told a second time.
    pub async fn serve(self, listener: TcpListener, mut stops: mpsc::Receiver<()>) {
        let graceful = GracefulShutdown::new();
        let mut tasks = JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => (stream, Peer(peer.ip())),
                    // The peer has gone already.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                    Err(error) => {
                        tracing::error!("no connection can be accepted: {error}");
                        sleep(PAUSE).await;
                        continue;
                    }
                },
                Some(_) = tasks.join_next() => continue,
                _ = stops.recv() => break,
            };
            match self.admit(peer) {
                Ok(place) => {
                    let watcher = graceful.watcher();
                    let connection = self.connection(stream, peer);
                    tasks.spawn(async move {
                        let _place = place;
                        // What breaks a connection is its peer's business.
                        drop(watcher.watch(connection).await);
                    });
                }
                Err(crowd) => {
                    self.metrics.refused(match crowd {
                        Crowd::Everybody => "connections",
                        Crowd::Sender => "connections_of_address",
                    });
                    refuse(stream);
                }
            }
        }
        drop(listener);
        tracing::info!("stopping; {} connections are open", tasks.len());
        tokio::select! {
            () = graceful.shutdown() => {}
            () = sleep(self.patience.end) => {
                tracing::warn!("{} connections are cut off", self.places.count());
            }
            // Nobody is left who could tell it a second time.
            Some(()) = stops.recv() => tracing::warn!("stopped at once"),
        }
        tasks.shutdown().await;
    }

    fn admit(&self, peer: Peer) -> Result<Place, Crowd> {
        match self.proxies.trust(peer.0) {
            true => self.places.take_for_proxy(),
            false => self.places.take(peer.0),
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: Peer,
    ) -> impl hyper_util::server::graceful::GracefulConnection + Send + 'static {
        // An answer goes out as it is written.
        drop(stream.set_nodelay(true));
        let requests = Requests::default();
        let metrics = Arc::clone(&self.metrics);
        let stream = Stream::new(stream, self.patience.reader, metrics, requests.clone());
        let app = self.app.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let (asked, answer) = (requests.ask(), app.clone().oneshot(request));
            async move {
                let answer: Response = answer.await?;
                if answer.status().is_client_error() || answer.status().is_server_error() {
                    asked.refuse();
                }
                Ok::<_, Infallible>(answer.map(|body| Answer::new(body, asked)))
            }
        });
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            // As much waits in memory to be sent.
            .max_buf_size(LONGEST_HEAD)
            .serve_connection(TokioIo::new(stream), service)
    }
}

/// Says why and closes. A peer that is sending may not hear it.
fn refuse(stream: TcpStream) {
    let told = stream
        .into_std()
        .and_then(|mut stream| stream.write(&ApiError::Crowded.written()));
    if let Err(error) = told {
        tracing::debug!("a refused peer was not told: {error}");
    }
}
