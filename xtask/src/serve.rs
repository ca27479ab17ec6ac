//! `cargo xtask serve`: serves the app in release mode with the share server.

use anyhow::Result;

use crate::{
    card, models, setup,
    shell::{command, run},
    sizes,
};

/// Options for serving the app.
#[derive(clap::Args)]
pub struct Serve {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Store for shared scenes: a folder or s3://bucket/prefix.
    #[arg(long, default_value = "shared-scenes")]
    store: String,
}

/// Installs missing tools, builds the app and serves it until interrupted.
///
/// # Errors
/// Returns an error if a step fails.
pub fn serve(args: &Serve) -> Result<()> {
    setup::build_tools()?;
    if let Err(error) = models::ensure(models::by_the_server) {
        eprintln!(
            "warning: prompts with words outside the built-in vocabulary will not be answered: {error:#}"
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

/// Builds the optimized page and worker into `dist`, with their compressed versions.
///
/// # Errors
/// Returns an error if Trunk fails or a file cannot be written.
pub fn build_app() -> Result<()> {
    // Trunk stays offline so that it downloads no tools of its own. The crates are therefore
    // fetched first.
    run(&mut command("cargo", ["fetch", "--locked"]))?;
    run(&mut command("trunk", ["build", "--release", "--offline"]))?;
    card::write()?;
    sizes::compress()
}
