//! `server`: the app and its share links in one process.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::Parser;
use server::{Config, Lifetime, uploads::Limits};
use tokio::{net::TcpListener, signal};

/// Serves the app and keeps shared scenes behind unlisted links.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on. Other machines should connect through a proxy with TLS, because
    /// browsers offer WebGPU only to secure pages.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder with the built app.
    #[arg(long, default_value = "dist")]
    app: PathBuf,
    /// Store for the scenes: a folder, or `s3://bucket/prefix` with the usual AWS_* variables.
    #[arg(long, default_value = "scenes")]
    store: String,
    /// Maximum size of a scene, in bytes. Up to four scenes are in memory at once while they are
    /// checked.
    #[arg(long, default_value_t = 64 << 20)]
    max_bytes: u64,
    /// Size of the parts in which scenes arrive, in bytes. A proxy must let requests of this size
    /// through.
    #[arg(long, default_value_t = 2 << 20, value_parser = clap::value_parser!(u64).range(1..))]
    part_bytes: u64,
    /// Maximum size of all unfinished uploads together, in bytes.
    #[arg(long, default_value_t = 4 << 30)]
    max_unfinished_bytes: u64,
    /// Number of days for which a scene is kept if its owner does not choose: 1, 7 or 90.
    #[arg(long, default_value = "7")]
    ttl: Lifetime,
    /// Trust `x-forwarded-for`: the server is behind a reverse proxy that appends to it.
    #[arg(long)]
    behind_proxy: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    ensure!(
        arguments.app.join("index.html").is_file(),
        "there is no index.html in {}: build the app first",
        arguments.app.display()
    );
    let store = server::store::open(&arguments.store)
        .with_context(|| format!("the store {} cannot be opened", arguments.store))?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    tracing::info!("serving on http://{}", listener.local_addr()?);
    let config = Config {
        app: arguments.app,
        store,
        limits: Limits {
            max_bytes: arguments.max_bytes,
            part_bytes: arguments.part_bytes,
            max_unfinished_bytes: arguments.max_unfinished_bytes,
        },
        default_lifetime: arguments.ttl,
        behind_proxy: arguments.behind_proxy,
    };
    server::serve(listener, config, asked_to_stop()).await?;
    Ok(())
}

/// Completes on an interrupt or, on Unix, a termination signal.
async fn asked_to_stop() {
    let interrupt = async { drop(signal::ctrl_c().await) };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = interrupt => {}, () = terminate => {} }
}
