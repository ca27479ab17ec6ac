//! `cargo xtask test`: runs all checks.

use std::{fs, ops::Add as _, panic::resume_unwind, path::Path, process::Command, thread};

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    gpu::on_software_gpu,
    instructions, models, serve, setup,
    shell::{NATIVE, Tally, command, in_lane, root, run, run_tests, say, target_dir},
    sizes,
};

/// Cargo arguments for the end-to-end tests, which do not run by default.
const STORIES: [&str; 2] = ["--test", "app"];
const WASM: [&str; 4] = ["--target", "wasm32-unknown-unknown", "--profile", "web"];

/// One check. The stories (end-to-end tests) need the built app; all other checks are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Check {
    Format,
    Lints,
    Browser,
    App,
    Native,
    Stories,
}

/// Rounds of lanes of checks. The lanes of a round run in parallel because compilers and tests use
/// only one core for long stretches; lanes share no build. The stories run alone: the timing of a
/// page that competes with other programs says nothing about the page.
const ROUNDS: [&[(&str, &[Check])]; 3] = [
    &[("format", &[Check::Format])],
    &[
        ("wasm", &[Check::Lints, Check::Browser, Check::App]),
        ("native", &[Check::Native]),
    ],
    &[("stories", &[Check::Stories])],
];

/// The checks to run.
#[derive(clap::Args)]
pub struct Test {
    /// Run only these checks.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Check>,
}

/// Installs missing tools and runs the checks.
///
/// # Errors
/// Returns an error after the first round in which a check fails. The lane of the failed check ends
/// there.
pub fn test(args: &Test) -> Result<()> {
    let wanted = |check: &Check| args.only.is_empty() || args.only.contains(check);
    let mut all = Tally::default();
    for lanes in ROUNDS {
        let lanes: Vec<_> = lanes
            .iter()
            .filter(|(_, checks)| checks.iter().any(wanted))
            .collect();
        let walk = |checks: &[Check]| {
            checks
                .iter()
                .copied()
                .filter(wanted)
                .try_fold(Tally::default(), |tally, check| Ok(tally + check.run()?))
        };
        if let [(_, checks)] = lanes[..] {
            all = all + walk(checks)?;
            continue;
        }
        let tallies = thread::scope(|scope| {
            let lanes: Vec<_> = lanes
                .iter()
                .map(|(name, checks)| scope.spawn(|| in_lane(name, || walk(checks))))
                .collect();
            let ends: Vec<_> = lanes
                .into_iter()
                .map(|lane| lane.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect();
            ends.into_iter().collect::<Result<Vec<Tally>>>()
        })?;
        all = tallies.into_iter().fold(all, Tally::add);
    }
    let Tally { passed, ignored } = all;
    say(&format!(
        "all checks passed: {passed} tests ran, {ignored} did not{}",
        if ignored > 0 {
            " (each says why where it stands: #[ignore])"
        } else {
            ""
        }
    ));
    Ok(())
}

impl Check {
    fn run(self) -> Result<Tally> {
        say(&format!("=== {}", format!("{self:?}").to_lowercase()));
        let without_tests = |()| Tally::default();
        match self {
            Self::Format => format().map(without_tests),
            Self::Lints => lints().map(without_tests),
            Self::Browser => browser(),
            Self::App => app().map(without_tests),
            Self::Native => native(),
            Self::Stories => stories(),
        }
    }
}

fn format() -> Result<()> {
    run(&mut command("cargo", ["fmt", "--all", "--check"]))?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    run(&mut command("cargo", fuzz))
}

/// Lints the code that runs in the browser; native builds are linted where they are needed. Clippy
/// compiles without the MIR optimizations, which reduce the backbone's time in wasm by a third, and
/// the tests should run the code that ships.
fn lints() -> Result<()> {
    setup::build_tools()?;
    let quick =
        ["segscape", "web"].map(|package| format!("profile.web.package.{package}.opt-level=0"));
    let quick = quick
        .iter()
        .flat_map(|setting| ["--config", setting.as_str()]);
    let build = ["build"]
        .into_iter()
        .chain(WASM)
        .chain(["--package", "web", "--all-targets"])
        .chain(quick);
    run(&mut linted(command("cargo", build)))
}

/// Runs Clippy in place of the compiler, in builds that share their dependencies with all other
/// builds; `cargo clippy` would check all dependencies of the project.
fn linted(mut build: Command) -> Command {
    // `cargo clippy` passes the arguments on in this form, with this separator.
    build.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env(
        "CLIPPY_ARGS",
        "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__",
    );
    build
}

fn app() -> Result<()> {
    setup::build_tools()?;
    models::ensure(by_the_tests)?;
    serve::build_app()?;
    instructions::check()?;
    sizes::check()
}

/// Converts the text encoder with a program that the native tests build.
fn by_the_tests(source: &str, out: &str) -> Result<()> {
    let build = [&["build"], &NATIVE[..], &["--bin", "import-text"]].concat();
    run(&mut linted(command("cargo", build)))?;
    let program = target_dir().join("debug/import-text");
    run(&mut command(
        &program.to_string_lossy(),
        [&[source, "--out", out][..], &models::IMPORTED_AS].concat(),
    ))
}

/// Runs the native tests on the CPU and on a software Vulkan device. The stories are compiled here,
/// too.
fn native() -> Result<Tally> {
    setup::test_tools()?;
    models::ensure(by_the_tests)?;
    run(&mut linted(command(
        "cargo",
        [&["build"], &NATIVE[..], &["--bins"], &STORIES].concat(),
    )))?;
    let mut tests = linted(command(
        "cargo",
        [&["test"], &NATIVE[..], real_scans()].concat(),
    ));
    on_software_gpu(&mut tests);
    run_tests(&mut tests)
}

/// Tests the built app in a real browser, in the way that people use it.
fn stories() -> Result<Tally> {
    setup::test_tools()?;
    run(&mut linted(command(
        "cargo",
        [&["build"], &NATIVE[..], &["--bins"]].concat(),
    )))?;
    run_tests(&mut linted(command(
        "cargo",
        [&["test"], &NATIVE[..], &STORIES, real_scans()].concat(),
    )))
}

/// Tests the operations, the network and the page's own parts in a browser, where the product runs
/// them.
fn browser() -> Result<Tally> {
    setup::build_tools()?;
    setup::test_tools()?;
    lay_out_golden_values()?;
    let mut test = command(
        "cargo",
        [&["test"], &WASM[..], &["--package", "web"]].concat(),
    );
    test.env("CHROMEDRIVER", "chromedriver")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    run_tests(&mut test)
}

/// Test arguments that include the tests of real scans. The scans' terms keep them out of the
/// project, so these tests run only if the scans are next to it.
fn real_scans() -> &'static [&'static str] {
    if root().join("../shared/data").is_dir() {
        &["--", "--include-ignored"]
    } else {
        &[]
    }
}

/// Copies the golden values to the package's own folder, which the browser tests' server serves.
fn lay_out_golden_values() -> Result<()> {
    let (golden, to) = (root().join("tests/golden"), root().join("web/golden"));
    let of_networks = |name: &str| {
        ["backbone_", "decoder_"]
            .iter()
            .any(|k| name.starts_with(k))
    };
    lay_out(
        &golden.join("segdino3d"),
        &to.join("segdino3d"),
        of_networks,
    )?;
    ["clip", "onnx"]
        .iter()
        .try_for_each(|folder| lay_out(&golden.join(folder), &to.join(folder), |_| true))
}

/// Copies the files whose names are wanted.
fn lay_out(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let name = file.file_name();
        if wanted(&name.to_string_lossy()) {
            fs::copy(file.path(), to.join(name))?;
        }
    }
    Ok(())
}
