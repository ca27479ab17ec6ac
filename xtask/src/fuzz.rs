//! `cargo xtask fuzz`: feeds the readers with what a fuzzer makes of the files in `fuzz/corpus`.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    setup,
    shell::{command, output, root, run, target_dir},
};

/// Limits that no input may exceed: memory in all, memory at once (megabytes), and seconds.
const LIMITS: [&str; 3] = ["-rss_limit_mb=1024", "-malloc_limit_mb=512", "-timeout=10"];
/// A file system in memory, for the targets that write files.
const MEMORY: &str = "/dev/shm";

/// The targets to run.
#[derive(clap::Args)]
pub struct Fuzz {
    /// Seconds that each target runs.
    #[arg(long, default_value_t = 600)]
    seconds: u32,
    /// Targets, which are the files in fuzz/fuzz_targets; all if none is named.
    targets: Vec<String>,
}

/// Installs missing tools and runs the targets one after the other. Inputs that reach new code are
/// kept in the folder `fuzz/found` of cargo's output, those that fail in `fuzz/artifacts`.
///
/// # Errors
/// Returns an error that names the targets that failed, after all have run.
pub fn fuzz(args: &Fuzz) -> Result<()> {
    setup::fuzz_tools()?;
    let listed = output(&mut fuzzer("list")).context("the fuzz targets cannot be listed")?;
    let targets = match args.targets.as_slice() {
        [] => listed.lines().map(str::to_owned).collect(),
        named => named.to_vec(),
    };
    let folder = target_dir().join("fuzz");
    let mut failed = Vec::new();
    for target in targets {
        let found = folder.join("found").join(&target);
        fs::create_dir_all(&found)?;
        let mut fuzz = fuzzer("run");
        fuzz.arg("--target-dir")
            .args([folder.as_path(), Path::new(&target), &found])
            .arg(root().join("fuzz/corpus").join(&target))
            .args(["--", &format!("-max_total_time={}", args.seconds)])
            .args(LIMITS);
        if Path::new(MEMORY).is_dir() {
            fuzz.env("TMPDIR", MEMORY);
        }
        if run(&mut fuzz).is_err() {
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("these fuzz targets failed: {}", failed.join(", "));
    }
    Ok(())
}

/// A command of cargo-fuzz, which needs a nightly compiler.
fn fuzzer(task: &str) -> Command {
    command(
        "rustup",
        ["run", setup::FUZZ_TOOLCHAIN, "cargo", "fuzz", task],
    )
}
