//! `cargo xtask test`: every check there is, cheapest first.

use std::process::Command;

use anyhow::Result;

use crate::{
    models, serve, setup,
    shell::{command, run},
    sizes,
};

const WASM: [&str; 4] = ["--target", "wasm32-unknown-unknown", "--profile", "web"];
/// One selection of packages for every native command: another one would change the features of shared dependencies and build them again.
pub const NATIVE: [&str; 3] = ["--workspace", "--exclude", "web"];

type Check = fn() -> Result<()>;

/// Which checks to run.
#[derive(clap::Args)]
pub struct Args {
    /// Only these: format, lints, app, native, browser.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// Installs what is missing and runs the checks.
///
/// # Errors
/// At the first check that fails.
pub fn test(args: &Args) -> Result<()> {
    let checks: [(&str, Check); 5] = [("format", format), ("lints", lints), ("app", app), ("native", native), ("browser", browser)];
    for (name, check) in checks {
        if args.only.iter().any(|only| only == name) || args.only.is_empty() {
            eprintln!("\n=== {name}");
            check()?;
        }
    }
    println!("all checks passed");
    Ok(())
}

fn format() -> Result<()> {
    run(&mut command("cargo", ["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    setup::build_tools()?;
    clippy("dev", &[&NATIVE[..], &["--all-targets"]].concat())?;
    clippy("web", &[&WASM[..], &["--package", "web", "--all-targets"]].concat())
}

/// Clippy in the compiler's place: `cargo clippy` would check everything the project depends on, and the build compile it all over again.
fn clippy(profile: &str, selection: &[&str]) -> Result<()> {
    let quick = ["segscape", "trainer", "web"].map(|package| format!("profile.{profile}.package.{package}.opt-level=0"));
    let quick = quick.iter().flat_map(|setting| ["--config", setting.as_str()]);
    let mut build = command("cargo", ["build"].into_iter().chain(selection.iter().copied()).chain(quick));
    // The arguments and their separator are how `cargo clippy` hands them on.
    run(build.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"))
}

fn app() -> Result<()> {
    setup::build_tools()?;
    models::ensure()?;
    serve::build_app()?;
    sizes::check()
}

/// Native tests: the CPU, a software Vulkan device, and the built app in a real browser.
fn native() -> Result<()> {
    setup::test_tools()?;
    models::ensure()?;
    run(&mut command("cargo", [&["build"], &NATIVE[..], &["--bins"]].concat()))?;
    run(&mut on_software_gpu(command("cargo", [&["test"], &NATIVE[..]].concat())))
}

/// The operations, the network and the page's own parts in the browser, where the product runs them.
fn browser() -> Result<()> {
    setup::build_tools()?;
    setup::test_tools()?;
    let mut test = command("cargo", [&["test"], &WASM[..], &["--package", "web"]].concat());
    test.env("CHROMEDRIVER", "chromedriver").env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    run(&mut test)
}

fn on_software_gpu(mut test: Command) -> Command {
    if let Some(driver) = setup::lavapipe() {
        test.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", driver);
    }
    test.env("CUBECL_WGPU_DEFAULT_DEVICE", "Cpu");
    test
}
