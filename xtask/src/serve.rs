//! `cargo xtask serve`: the app in release mode behind the share server.

use anyhow::Result;

use crate::{
    models, setup,
    shell::{command, run},
};

/// How the app is served.
#[derive(clap::Args)]
pub struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where shared scenes are kept: a folder or s3://bucket/prefix.
    #[arg(long, default_value = "shared-scenes")]
    store: String,
}

/// Installs what is missing, builds and serves until interrupted.
///
/// # Errors
/// When a step fails.
pub fn serve(args: &Args) -> Result<()> {
    setup::build_tools()?;
    if let Err(error) = models::ensure(models::by_the_server) {
        eprintln!(
            "warning: prompts outside the shipped vocabulary will not be understood: {error:#}"
        );
    }
    build_app()?;
    let options = [
        "--app",
        "dist",
        "--listen",
        &args.listen,
        "--store",
        &args.store,
    ];
    run(&mut command(
        "cargo",
        [
            &[
                "run",
                "--release",
                "--package",
                "server",
                "--bin",
                "server",
                "--",
            ],
            &options[..],
        ]
        .concat(),
    ))
}

/// The optimised page and worker in `dist`.
///
/// # Errors
/// When Trunk fails.
pub fn build_app() -> Result<()> {
    // Trunk stays offline, so that it fetches no tools of its own; the crates come before.
    run(&mut command("cargo", ["fetch", "--locked"]))?;
    run(&mut command("trunk", ["build", "--release", "--offline"]))
}
