//! `server`: the app and its share links in one process.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use ipnet::IpNet;
use server::{Config, Host, Hosts, Lifetime, Patience, Proxies, Storage, log, uploads::Limits};
use tokio::{net::TcpListener, runtime::Runtime, signal, sync::mpsc};

/// Descriptors that are not for connections: the log, the store, the listener and the runtime.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

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
    /// Store for the scenes: a folder, or `s3://bucket/prefix` with AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_REGION and, for stores other than Amazon's, AWS_ENDPOINT; one
    /// without TLS needs AWS_ALLOW_HTTP=true. Several servers may use one bucket.
    #[arg(long, default_value = "scenes")]
    store: String,
    /// Time that a call of the store may take, in seconds. An object store has to take a scene of the
    /// largest size within it.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    store_timeout: u64,
    /// Time between two searches for what has expired, and for what other servers on the same object
    /// store have added, in seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    sweep_period: u64,
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
    /// Maximum size of all scenes and unfinished uploads together, in bytes. What other servers on the
    /// same object store add counts after the next sweep.
    #[arg(long, default_value_t = 64 << 30)]
    max_store: u64,
    /// What has to stay free on the disk of a local store, in bytes.
    #[arg(long, default_value_t = 1 << 30)]
    min_free: u64,
    /// Maximum size of all uploads from one address in a day, in bytes.
    #[arg(long, default_value_t = 2 << 30)]
    max_bytes_per_day: u64,
    /// Maximum number of connections. It is less where the system allows fewer open files.
    #[arg(long, default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
    /// Maximum number of connections from one address.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections_per_address: u32,
    /// Number of days for which a scene is kept if its owner does not choose: 1, 7 or 90.
    #[arg(long, default_value = "7")]
    ttl: Lifetime,
    /// Name or address of a host that the server answers for, without a port. May be given several
    /// times. This machine's own names, such as localhost, are always among them. Without this, a
    /// server that listens on this machine alone answers for these, and another one for all hosts.
    #[arg(long, value_name = "NAME")]
    host: Vec<Host>,
    /// Address or network (CIDR) of a reverse proxy, whose `x-forwarded-for`, `forwarded` or
    /// `x-real-ip` says where requests come from. May be given several times.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    trust_proxy: Vec<IpNet>,
    /// Let everybody see `/metrics`, not only this machine and trusted addresses.
    #[arg(long)]
    public_metrics: bool,
}

fn main() -> anyhow::Result<()> {
    log::init();
    let arguments = Arguments::parse();
    ensure!(
        arguments.app.join("index.html").is_file(),
        "there is no index.html in {}: build the app first",
        arguments.app.display()
    );
    warn_of_uncompressed(&arguments.app);
    // What is stored is for this user alone: the names of the files are links.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let runtime = Runtime::new().context("the runtime cannot start")?;
    let result = runtime.block_on(serve(arguments));
    // What still runs is cut off.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let stops = asked_to_stop()?;
    let store = Storage::open(&arguments.store, arguments.min_free)
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
            max_store_bytes: arguments.max_store,
        },
        max_bytes_per_day: arguments.max_bytes_per_day,
        max_connections: (
            connections(arguments.max_connections),
            arguments.max_connections_per_address as usize,
        ),
        default_lifetime: arguments.ttl,
        hosts: hosts(arguments.listen.ip(), arguments.host),
        proxies: Proxies::new(&arguments.trust_proxy),
        public_metrics: arguments.public_metrics,
        patience: Patience {
            store: Duration::from_secs(arguments.store_timeout),
            ..Patience::default()
        },
        sweep_period: Duration::from_secs(arguments.sweep_period),
    };
    server::serve(listener, config, stops)
        .await
        .context("the store cannot be read")
}

/// The hosts that a server answers for that listens on an address and was told these names.
fn hosts(listen: IpAddr, names: Vec<Host>) -> Hosts {
    if names.is_empty() && !listen.is_loopback() {
        tracing::warn!(
            "pages of any site can give their names this server's address and then read what its              visitors can: name the hosts that it is to answer for, with `--host`"
        );
        return Hosts::all();
    }
    Hosts::only(names)
}

/// Parses a network, or an address, which is one of its own.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse().ok().or_else(address).ok_or_else(|| {
        format!("`{text}` is neither an address nor a network such as 10.0.0.0/8 or fd00::/8")
    })
}

/// Number of connections that the system has descriptors for, of those wanted. Each may have a file
/// open as well.
fn connections(wanted: u32) -> usize {
    let wanted = wanted as usize;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let all = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, all) {
            tracing::warn!("the limit on open files stays as it is: {error}");
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = (files.saturating_sub(OTHER_FILES) / 2).max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if most < wanted {
            tracing::warn!("{files} open files allow {most} connections, not {wanted}");
        }
        most.min(wanted)
    }
    #[cfg(not(unix))]
    wanted
}

/// Says so if visitors have to fetch programs as they are, because the app was built without
/// compressing them.
fn warn_of_uncompressed(app: &Path) {
    let files = app.read_dir().into_iter().flatten().flatten();
    let programs = files
        .map(|file| file.path())
        .filter(|file| file.extension().is_some_and(|kind| kind == "wasm"));
    let mut without = programs.filter(|file| !file.with_extension("wasm.br").is_file());
    if let Some(file) = without.next() {
        tracing::warn!(
            "{} has no compressed version beside it: `cargo xtask serve` makes them",
            file.display()
        );
    }
}

/// What an interrupt or, on Unix, a termination signal is told to, each time.
fn asked_to_stop() -> anyhow::Result<mpsc::Receiver<()>> {
    let (stop, stops) = mpsc::channel(2);
    #[cfg(unix)]
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())
        .context("termination cannot be waited for")?;
    tokio::spawn(async move {
        loop {
            #[cfg(unix)]
            tokio::select! { _ = signal::ctrl_c() => {}, _ = terminate.recv() => {} }
            #[cfg(not(unix))]
            drop(signal::ctrl_c().await);
            if stop.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(stops)
}
