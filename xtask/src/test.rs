//! `cargo xtask test`: every check there is, cheapest first.

use std::{fs, process::Command};

use anyhow::Result;

use crate::{
    models, serve, setup,
    shell::{NATIVE, command, root, run},
    sizes,
};

const WASM: [&str; 4] = ["--target", "wasm32-unknown-unknown", "--profile", "web"];

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

/// Of what runs in the browser; the native builds are linted where they are needed. Clippy compiles without the optimisations before LLVM's, which
/// take a third off the backbone's time in wasm, and what is tested there should be what ships.
fn lints() -> Result<()> {
    setup::build_tools()?;
    let quick = ["segscape", "web"].map(|package| format!("profile.web.package.{package}.opt-level=0"));
    let quick = quick.iter().flat_map(|setting| ["--config", setting.as_str()]);
    let build = ["build"].into_iter().chain(WASM).chain(["--package", "web", "--all-targets"]).chain(quick);
    run(&mut linted(command("cargo", build)))
}

/// Clippy in the compiler's place, in builds that share what they depend on with all others: `cargo clippy` would check everything the project
/// depends on.
fn linted(mut build: Command) -> Command {
    // The arguments and their separator are how `cargo clippy` hands them on.
    build.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    build
}

fn app() -> Result<()> {
    setup::build_tools()?;
    models::ensure(linted)?;
    serve::build_app()?;
    sizes::check()
}

/// Native tests: the CPU, a software Vulkan device, and the built app in a real browser.
fn native() -> Result<()> {
    setup::test_tools()?;
    models::ensure(linted)?;
    run(&mut linted(command("cargo", [&["build"], &NATIVE[..], &["--bins"]].concat())))?;
    run(&mut on_software_gpu(linted(command("cargo", [&["test"], &NATIVE[..]].concat()))))
}

/// The operations, the network and the page's own parts in the browser, where the product runs them.
fn browser() -> Result<()> {
    setup::build_tools()?;
    setup::test_tools()?;
    lay_out_golden_values()?;
    let mut test = command("cargo", [&["test"], &WASM[..], &["--package", "web"]].concat());
    test.env("CHROMEDRIVER", "chromedriver").env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    run(&mut test)
}

/// Where the browser tests' server finds them: it serves the package's own folder. Without them the tests say so.
fn lay_out_golden_values() -> Result<()> {
    let (from, to) = (root().join("../shared/golden/setA"), root().join("web/golden"));
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let name = file.file_name();
        if ["backbone_", "decoder_"].iter().any(|kind| name.to_string_lossy().starts_with(kind)) {
            fs::copy(file.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn on_software_gpu(mut test: Command) -> Command {
    if let Some(driver) = setup::lavapipe() {
        test.env("VK_DRIVER_FILES", &driver).env("VK_ICD_FILENAMES", driver);
    }
    test.env("CUBECL_WGPU_DEFAULT_DEVICE", "Cpu");
    test
}
