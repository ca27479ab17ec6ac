//! `cargo xtask bench`: measures the time of a scan, its stages and their parts on one core
//! (figures in BENCHMARKS.md).

use anyhow::Result;

use crate::shell::{command, exists, run, target_dir};

/// The measurement to run.
#[derive(clap::Args)]
pub struct Bench {
    /// Arguments for `trainer bench`: the benchmark (`stages`, `curve`, `superpoints`, `backbone`,
    /// `sparse_conv`, `attention` or `step`) and its options, such as --scan, --runs and --json.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds the trainer and runs its benchmarks, pinned to one core if possible.
///
/// # Errors
/// Returns an error if the trainer cannot be built or does not succeed.
pub fn bench(args: &Bench) -> Result<()> {
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
