//! Installs the tools that a build or a test needs, unless they are already present.

use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::{command, exists, output, root, run, tools_dir};

const TRUNK: &str = "0.21.14";
const GECKODRIVER: &str = "0.37.1";
const CARGO_FUZZ: &str = "0.13.2";
/// The compiler of the fuzz targets: sanitizers are not stable.
pub const FUZZ_TOOLCHAIN: &str = "nightly";

/// Installs the wasm target, Trunk, and the wasm-bindgen CLI of the locked version.
///
/// # Errors
/// Returns an error if a tool is missing and cannot be installed.
pub fn build_tools() -> Result<()> {
    let installed =
        output(&mut command("rustup", ["target", "list", "--installed"])).unwrap_or_default();
    if !installed
        .lines()
        .any(|target| target == "wasm32-unknown-unknown")
    {
        run(&mut command(
            "rustup",
            ["target", "add", "wasm32-unknown-unknown"],
        ))?;
    }
    // wasm-bindgen, which rewrites tens of megabytes, needs more optimization than Trunk, which
    // copies files.
    cargo_install(
        "wasm-bindgen-cli",
        "wasm-bindgen",
        &locked_version("wasm-bindgen")?,
        "1",
    )?;
    cargo_install("trunk", "trunk", TRUNK, "0")
}

/// Installs the browsers with their drivers, a software Vulkan device, and what the server's tests put
/// before and behind it: proxies, of which one needs a certificate, and an object store.
///
/// # Errors
/// Returns an error if a package is missing and cannot be installed.
pub fn test_tools() -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut missing = Vec::new();
    if !exists("chromium") {
        missing.push("chromium");
    }
    if !exists("chromedriver") {
        missing.push("chromium-driver");
    }
    if !exists("firefox") && !exists("firefox-esr") {
        missing.push("firefox-esr");
    }
    if lavapipe().is_none() {
        missing.extend(["mesa-vulkan-drivers", "libvulkan1"]);
    }
    // nginx is where not every user looks for programs.
    let is_there =
        |program: &str| exists(program) || Path::new("/usr/sbin").join(program).is_file();
    let proxies = ["nginx", "caddy"].map(|proxy| (!is_there(proxy)).then_some(proxy));
    missing.extend(proxies.into_iter().flatten());
    if !is_there("openssl") {
        missing.push("openssl");
    }
    let has_venv = output(&mut command("python3", ["-c", "import ensurepip"])).is_some();
    if !has_venv {
        missing.push("python3-venv");
    }
    if !missing.is_empty() {
        packages(&missing)?;
    }
    proxies.into_iter().flatten().try_for_each(stop)?;
    object_store()?;
    cargo_install("geckodriver", "geckodriver", GECKODRIVER, "0")
}

/// Installs moto, whose S3 the server's tests use, into an environment of its own, unless exactly these
/// packages are there already.
fn object_store() -> Result<()> {
    let wanted = root().join("server/tests/moto.txt");
    let wanted = fs::read_to_string(&wanted)
        .with_context(|| format!("{} cannot be read", wanted.display()))?;
    let folder = tools_dir().join("moto");
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let path = folder.to_string_lossy();
    run(&mut command("python3", ["-m", "venv", "--clear", &path]))?;
    let pip = folder.join("bin/pip");
    let install = [
        "install",
        "--no-deps",
        "--requirement",
        "server/tests/moto.txt",
    ];
    run(&mut command(&pip.to_string_lossy(), install))?;
    fs::write(&installed, wanted)
        .with_context(|| format!("{} cannot be written", installed.display()))
}

fn packages(missing: &[&str]) -> Result<()> {
    if !exists("apt-get") {
        bail!(
            "this system has no apt-get; install these packages by hand: {}",
            missing.join(", ")
        );
    }
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], missing].concat())
}

/// Stops what the package of a proxy started: the tests start their own, and nobody asked for a server
/// on port 80.
fn stop(service: &str) -> Result<()> {
    // Where systemd does not run, packages start nothing that outlives their installation.
    if Path::new("/run/systemd/system").is_dir() {
        as_root("systemctl", &["disable", "--now", service])?;
    }
    Ok(())
}

/// Installs what builds and runs the fuzz targets.
///
/// # Errors
/// Returns an error if a tool is missing and cannot be installed.
pub fn fuzz_tools() -> Result<()> {
    let installed = output(&mut command("rustup", ["toolchain", "list"])).unwrap_or_default();
    if !installed
        .lines()
        .any(|toolchain| toolchain.starts_with(FUZZ_TOOLCHAIN))
    {
        run(&mut command(
            "rustup",
            [
                "toolchain",
                "install",
                FUZZ_TOOLCHAIN,
                "--profile",
                "minimal",
            ],
        ))?;
    }
    cargo_install("cargo-fuzz", "cargo-fuzz", CARGO_FUZZ, "0")
}

/// Path of the Vulkan driver manifest of Mesa's software device (lavapipe).
pub fn lavapipe() -> Option<String> {
    let folder = fs::read_dir("/usr/share/vulkan/icd.d").ok()?;
    let file = folder
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("lvp_icd"))?;
    Some(file.path().to_string_lossy().into_owned())
}

fn apt(args: &[&str]) -> Result<()> {
    as_root("apt-get", args)
}

fn as_root(program: &str, args: &[&str]) -> Result<()> {
    let sudo = output(&mut command("id", ["-u"])).as_deref() != Some("0");
    let (program, first) = if sudo {
        ("sudo", Some(program))
    } else {
        (program, None)
    };
    run(command(program, first.iter().chain(args)).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Installs exactly `version` of `package` into the project's tools, unless that version is already
/// there or on the path. The build is optimized for speed of compilation and leaves out default
/// features, which serve only to download other programs.
fn cargo_install(package: &str, program: &str, version: &str, opt_level: &str) -> Result<()> {
    let there = output(&mut command(program, ["--version"]));
    if there.is_some_and(|line| line.split_whitespace().nth(1) == Some(version)) {
        return Ok(());
    }
    let root = tools_dir();
    let install = |locked: &[&str]| {
        let args = [
            "install",
            package,
            "--version",
            version,
            "--no-default-features",
            "--force",
            "--root",
        ]
        .map(Path::new)
        .into_iter();
        let mut install = command(
            "cargo",
            args.chain([root.as_path()])
                .chain(locked.iter().map(Path::new)),
        );
        install
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
        run(&mut install)
    };
    // A lock file can name a point release that the registry no longer has or does not have yet.
    install(&["--locked"])
        .or_else(|_| install(&[]))
        .with_context(|| format!("{package} {version} could not be installed"))
}

fn locked_version(package: &str) -> Result<String> {
    let lock =
        fs::read_to_string(root().join("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    let version = entry.and_then(|entry| entry.split("version = \"").nth(1)?.split('"').next());
    version
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock has no {package}"))
}
