//! Runs other programs. Every command is printed before it runs, and its error message names it.

use std::{
    cell::Cell,
    env,
    ffi::OsStr,
    io::{self, BufRead as _, BufReader},
    ops::Add,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// The package selection for every native build. A different selection would change the features of
/// shared dependencies and rebuild them.
pub const NATIVE: [&str; 3] = ["--workspace", "--exclude", "web"];

/// The project's root: the folder above this crate; the current one where this program was built on
/// another machine.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .filter(|folder| folder.is_dir())
        .unwrap_or(Path::new("."))
}

/// Cargo's output folder: `CARGO_TARGET_DIR` or `target`.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Folder of the project's own copies of build tools.
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// A command that runs in the project's root, with the project's tools first on the path.
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

thread_local! {
    static LANE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs `work`. From then on, every line that this thread's commands print begins with `lane`.
pub fn in_lane<T>(lane: &'static str, work: impl FnOnce() -> T) -> T {
    LANE.set(Some(lane));
    work()
}

/// Prints a line, after the name of the thread's lane if it has one.
pub fn say(line: &str) {
    match LANE.get() {
        None => eprintln!("{line}"),
        Some(lane) => eprintln!("{lane:7}| {line}"),
    }
}

/// Prints and runs `command`.
///
/// # Errors
/// Returns an error if it cannot start or does not exit with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let line = announced(command);
    let status = if LANE.get().is_some() {
        relayed(command, |_| ())
    } else {
        command.status()
    };
    succeeded(status, &line)
}

/// Prints and runs a command that runs tests, and counts the tests.
///
/// # Errors
/// The same as for [`run`].
pub fn run_tests(command: &mut Command) -> Result<Tally> {
    let line = announced(command);
    let mut tally = Tally::default();
    let status = relayed(command, |line| tally = tally + Tally::of(line));
    succeeded(status, &line)?;
    Ok(tally)
}

/// Number of tests, by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of tests that ran and passed.
    pub passed: usize,
    /// Number of tests that were not run.
    pub ignored: usize,
}

impl Tally {
    /// The counts in one line of a test program's output:
    /// `test result: ok. 12 passed; 0 failed; 3 ignored; ...`.
    fn of(line: &str) -> Self {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return Self::default();
        };
        let words: Vec<&str> = counts.split([' ', ';']).collect();
        let before = |word: &str| {
            words
                .windows(2)
                .find(|pair| pair[1] == word)
                .and_then(|pair| pair[0].parse().ok())
                .unwrap_or(0)
        };
        Self {
            passed: before("passed"),
            ignored: before("ignored"),
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            ignored: self.ignored + other.ignored,
        }
    }
}

/// Prints the command line and returns it.
fn announced(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let line = words.join(" ");
    say(&format!("$ {line}"));
    line
}

fn succeeded(status: io::Result<ExitStatus>, line: &str) -> Result<()> {
    let status = status.with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and [prints](say) each line of its output, after passing the line to `heard`.
fn relayed(command: &mut Command, mut heard: impl FnMut(&str)) -> io::Result<ExitStatus> {
    let (printed, pipe) = io::pipe()?;
    let child = command.stdout(pipe.try_clone()?).stderr(pipe).spawn();
    // close the command's own ends of the pipe, which would keep it open
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut child = child?;
    for line in BufReader::new(printed).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        heard(&line);
        say(&line);
    }
    child.wait()
}

/// Returns `true` if `program` exists on the path.
pub fn exists(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(program).is_file())
}

/// The output of `command`, trimmed; `None` if it cannot run or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        assert_eq!(
            Tally::of(
                "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 2 filtered out"
            ),
            Tally {
                passed: 12,
                ignored: 3
            }
        );
        assert_eq!(Tally::of("test a_test ... ok"), Tally::default());
    }
}
