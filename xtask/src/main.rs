//! `cargo xtask serve | test | fuzz | bench | gpu | models | sizes | sbom`: installs missing tools, then runs the task.

mod bench;
mod card;
mod fuzz;
mod gpu;
mod gpu_table;
mod instructions;
mod models;
mod sbom;
mod serve;
mod setup;
mod shell;
mod sizes;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, serves and tests Segscape; missing tools are installed first."
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the app in release mode and serve it, with the share server, on http://127.0.0.1:8080.
    Serve(serve::Serve),
    /// Run all checks: format, the built app and its size, and native, GPU and browser tests. Lint
    /// warnings are errors.
    Test(test::Test),
    /// Run the fuzz targets, which read what others may have written, and keep what fails.
    Fuzz(fuzz::Fuzz),
    /// Measure the time of a scan, its stages and their parts on one core.
    Bench(bench::Bench),
    /// Check and measure a graphics adapter into one JSON file; or write such files into
    /// BENCHMARKS.md.
    Gpu(gpu::Gpu),
    /// Fetch the text encoder and convert it into static/models.
    Models,
    /// Print the compressed sizes of the built app and fail if a limit is exceeded.
    Sizes,
    /// Write what the server, the trainer and the app are made of into target/sbom, as CycloneDX.
    Sbom,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Serve(args) => serve::serve(&args),
        Task::Test(args) => test::test(&args),
        Task::Fuzz(args) => fuzz::fuzz(&args),
        Task::Bench(args) => bench::bench(&args),
        Task::Gpu(args) => gpu::gpu(&args),
        Task::Models => models::ensure(models::by_the_server),
        Task::Sizes => sizes::check(),
        Task::Sbom => sbom::sbom(),
    }
}
