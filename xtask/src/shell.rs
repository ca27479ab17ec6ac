//! Running other programs: every command is printed before it runs, and its failure names it.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// One selection of packages for every native build: another one would change the features of shared dependencies and build them again.
pub const NATIVE: [&str; 3] = ["--workspace", "--exclude", "web"];

/// What a build is compiled with: [`plain`], or with lints.
pub type Compiler = fn(Command) -> Command;

/// Rust's compiler as it is.
pub fn plain(build: Command) -> Command {
    build
}

/// The project's root: the folder above this crate.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where cargo builds to: `CARGO_TARGET_DIR` or `target`.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where this project's own copies of build tools live.
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// A command in the project's root with the project's tools first on the path.
pub fn command(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut path = vec![tools_dir().join("bin")];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(program);
    command.current_dir(root()).args(args);
    if let Ok(path) = env::join_paths(path) {
        command.env("PATH", path);
    }
    command
}

/// Prints and runs `command`.
///
/// # Errors
/// When it cannot start or does not exit with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|w| w.to_string_lossy().into_owned()).collect();
    let line = words.join(" ");
    eprintln!("\n$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Whether `program` exists on the path.
pub fn exists(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|dir| dir.join(program).is_file())
}

/// What `command` prints, trimmed; `None` when it cannot run.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
