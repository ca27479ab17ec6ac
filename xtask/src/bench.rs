//! `cargo xtask bench`: what a scan, its stages and their parts cost on one core (BENCHMARKS.md has
//! figures).

use anyhow::Result;

use crate::shell::{command, exists, run, target_dir};

/// What is measured.
#[derive(clap::Args)]
pub struct Args {
    /// Passed on to `trainer bench`: `stages`, `curve`, `superpoints`, `backbone`, `sparse_conv` or
    /// `attention`, --scan, --runs, --json.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the trainer and measures with it, pinned to one core where that is possible.
///
/// # Errors
/// When it cannot be built or does not succeed.
pub fn bench(args: &Args) -> Result<()> {
    run(&mut command(
        "cargo",
        ["build", "--release", "--package", "trainer"],
    ))?;
    let trainer = target_dir().join("release/trainer");
    let trainer = trainer.to_string_lossy();
    let words = std::iter::once("bench").chain(args.args.iter().map(String::as_str));
    let mut bench = if exists("taskset") {
        command("taskset", ["-c", "0", &*trainer].into_iter().chain(words))
    } else {
        command(&trainer, words)
    };
    run(bench.env("RAYON_NUM_THREADS", "1"))
}
