//! `cargo xtask gpu`: checks and measures a graphics adapter in one go, within a given time, and
//! leaves one JSON file; `cargo xtask gpu --table FILE...` writes such files into BENCHMARKS.md.
//!
//! Every part is a program of its own, so that one that fails, hangs or loses the device leaves the
//! others alone: its failure is in the file beside their rows. The file is written anew after each.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{
    gpu_table, setup,
    shell::{NATIVE, command, output, root, run, say, target_dir},
};

/// Programs that the parts run: the trainer's benchmarks, and the tests that use a GPU.
const PROGRAMS: [&str; 3] = ["trainer", "parity", "gradients"];
/// Time between two looks at a running part.
const LOOK: Duration = Duration::from_millis(50);
/// Number of last lines of its errors that a failed part keeps.
const KEPT: usize = 12;

/// What to measure, or what to make of it.
#[derive(clap::Args)]
pub struct Gpu {
    /// File to write, as JSON.
    #[arg(long, default_value = "gpu.json")]
    out: PathBuf,
    /// Time for all parts, without the build.
    #[arg(long, default_value_t = 540)]
    seconds: u64,
    /// Measure small sizes once, for adapters that run on a processor.
    #[arg(long)]
    quick: bool,
    /// Use Mesa's software adapter.
    #[arg(long)]
    software: bool,
    /// Folder of programs that are built already (trainer, parity, gradients): those that are
    /// missing are built and put there.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Measure nothing; write what these files contain into BENCHMARKS.md.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    table: Vec<PathBuf>,
}

/// One program and how it is run.
struct Part {
    name: &'static str,
    program: &'static str,
    arguments: Vec<String>,
    /// The most that it may take; what is left of the whole time may be less.
    seconds: u64,
}

/// Builds what is missing, and measures; or writes the tables.
///
/// # Errors
/// Returns an error if a program cannot be built, or a file cannot be read or written. A part that
/// fails is no error: it is in the file.
pub fn gpu(args: &Gpu) -> Result<()> {
    if !args.table.is_empty() {
        return gpu_table::write(&args.table);
    }
    let folder = args
        .programs
        .clone()
        .unwrap_or_else(|| target_dir().join("gpu"));
    build(&folder, args.programs.is_some())?;
    let mut report = json!({
        "commit": output(&mut command("git", ["rev-parse", "HEAD"])),
        "seconds": args.seconds,
        "quick": args.quick,
        "parts": [],
    });
    let began = Instant::now();
    let whole = Duration::from_secs(args.seconds);
    for part in parts(args.quick) {
        let left = whole.saturating_sub(began.elapsed());
        let time = left.min(Duration::from_secs(part.seconds));
        let done = if left < Duration::from_secs(1) {
            say(&format!("{}: no time is left", part.name));
            json!({ "part": part.name, "outcome": "not started: no time was left", "rows": [] })
        } else {
            part.run(&folder, time, args.software)?
        };
        if let Some(parts) = report["parts"].as_array_mut() {
            parts.push(done);
        }
        keep(&args.out, &report)?;
    }
    say(&format!(
        "{} was written in {:.0} s; `cargo xtask gpu --table {0}` puts it into BENCHMARKS.md",
        args.out.display(),
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// The parts in their order: what must hold, then what bounds everything, then the rest.
fn parts(quick: bool) -> Vec<Part> {
    let (voxels, runs, steps) = if quick {
        ("4000", "1", "1")
    } else {
        ("100000", "5", "10")
    };
    let bench = |name, what: &str, more: &[&str], seconds| Part {
        name,
        program: "trainer",
        arguments: [
            "bench", what, "--device", "gpu", "--json", "--voxels", voxels,
        ]
        .iter()
        .chain(&["--runs", runs])
        .chain(more)
        .map(ToString::to_string)
        .collect(),
        seconds,
    };
    let tests = |name, program, filter: &[&str], seconds| Part {
        name,
        program,
        arguments: filter
            .iter()
            .chain(&["--test-threads", "1"])
            .map(ToString::to_string)
            .collect(),
        seconds,
    };
    let small: &[&str] = if quick { &["--quick"] } else { &[] };
    let step = ["--steps", steps, "--scenes", "1", "--prepared"];
    let nano = [&["configs/nano.toml"][..], &step].concat();
    let published = [&["configs/scannet200.toml"][..], &step].concat();
    let mut all = vec![
        bench("adapter", "adapter", &[], 40),
        tests(
            "operations and goldens",
            "parity",
            &["gpu"],
            if quick { 600 } else { 120 },
        ),
        tests("gradients", "gradients", &[], if quick { 300 } else { 60 }),
        bench("peaks", "peaks", small, 60),
        bench("operations", "operations", &[], 60),
        bench(
            "convolutions, registers",
            "sparse_conv",
            &["--tiles", "registers"],
            60,
        ),
        bench(
            "convolutions, shared",
            "sparse_conv",
            &["--tiles", "shared"],
            60,
        ),
        bench("kernel maps", "kernel_maps", &[], 30),
        bench("attention", "attention", &[], 30),
        bench("scan", "stages", &[], 60),
        bench("backbones", "backbone", &[], 60),
        bench("training step, nano", "step", &nano, 60),
        bench("training step, published widths", "step", &published, 120),
    ];
    if quick {
        // A processor takes minutes for a step at the published widths.
        all.pop();
    }
    all
}

impl Part {
    /// Runs the part, for `time` at most, and returns what it printed as rows.
    fn run(&self, folder: &Path, time: Duration, software: bool) -> Result<Value> {
        let path = folder.join(self.program);
        let mut child = command(&path.to_string_lossy(), &self.arguments);
        // Cargo names this folder to a test, and this program stands in for it.
        child.env("CARGO_MANIFEST_DIR", root().join("tests"));
        if software {
            on_software_gpu(&mut child);
        }
        say(&format!("{}: at most {} s", self.name, time.as_secs()));
        let began = Instant::now();
        let ended = finish(&mut child, time)
            .with_context(|| format!("{} cannot be started", path.display()))?;
        let seconds = began.elapsed().as_secs_f64();
        let rows: Vec<Value> = ended.lines.iter().filter_map(|line| row(line)).collect();
        say(&format!(
            "{}: {} rows in {seconds:.1} s, {}",
            self.name,
            rows.len(),
            ended.outcome
        ));
        let line = format!("{} {}", self.program, self.arguments.join(" "));
        let mut done = json!({
            "part": self.name,
            "command": line,
            "seconds": seconds,
            "outcome": ended.outcome,
            "rows": rows,
        });
        if ended.outcome != "ok" {
            let first = ended.said.len().saturating_sub(KEPT);
            done["said"] = json!(ended.said[first..]);
        }
        Ok(done)
    }
}

/// How a program ended.
struct Ended {
    lines: Vec<String>,
    /// Lines of its errors.
    said: Vec<String>,
    /// `ok`, or what went wrong.
    outcome: String,
}

/// Runs a program to its end, or to the end of its time.
fn finish(command: &mut Command, time: Duration) -> Result<Ended> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (lines, said) = (Lines::default(), Lines::default());
    let readers = [
        child.stdout.take().map(|pipe| lines.read(pipe)),
        child.stderr.take().map(|pipe| said.read(pipe)),
    ];
    let end = Instant::now() + time;
    let outcome = loop {
        match child.try_wait()? {
            Some(status) if status.success() => break "ok".to_owned(),
            Some(status) => break format!("failed: {status}"),
            None if Instant::now() >= end => {
                child.kill()?;
                child.wait()?;
                break format!("stopped: its {} s were over", time.as_secs());
            }
            None => thread::sleep(LOOK),
        }
    };
    for reader in readers.into_iter().flatten() {
        if reader.join().is_err() {
            bail!("the output of a program cannot be read");
        }
    }
    Ok(Ended {
        lines: lines.all(),
        said: said.all(),
        outcome,
    })
}

/// Lines that a thread reads from a pipe.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn read(&self, pipe: impl Read + Send + 'static) -> thread::JoinHandle<()> {
        let kept = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                kept.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        })
    }

    fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The row that a line has: an object, or the result of a test.
fn row(line: &str) -> Option<Value> {
    if let Some(result) = line.strip_prefix("test ") {
        let (test, outcome) = result.split_once(" ... ")?;
        return Some(json!({ "test": test, "outcome": outcome.to_lowercase() }));
    }
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// Writes the file in one step, so that it is whole whenever this program ends.
fn keep(out: &Path, report: &Value) -> Result<()> {
    let beside = out.with_extension("part");
    fs::write(&beside, serde_json::to_vec_pretty(report)?)
        .and_then(|()| fs::rename(&beside, out))
        .with_context(|| format!("cannot write {}", out.display()))
}

/// Puts the programs into `folder`. Those that are there already are kept if `kept` says so.
fn build(folder: &Path, kept: bool) -> Result<()> {
    if kept && PROGRAMS.iter().all(|name| folder.join(name).is_file()) {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let locked: &[&str] = if has_all_crates() {
        &["--locked", "--offline"]
    } else {
        say("not all crates of Cargo.lock are on this machine: the build needs the network");
        &["--locked"]
    };
    let trainer = [
        &["build", "--release"],
        locked,
        &NATIVE,
        &["--bin", "trainer"],
    ]
    .concat();
    run(&mut command("cargo", trainer)).context(MISSING)?;
    fs::copy(target_dir().join("release/trainer"), folder.join("trainer"))
        .context("cannot copy the trainer")?;
    let tests = ["--test", "parity", "--test", "gradients"];
    let no_run = ["--no-run", "--message-format", "json"];
    let build = [&["test", "--release"], locked, &NATIVE, &tests, &no_run].concat();
    say(&format!("$ cargo {}", build.join(" ")));
    let built = command("cargo", build)
        .stderr(Stdio::inherit())
        .output()
        .context(MISSING)?;
    if !built.status.success() {
        bail!("the tests cannot be built: {}", built.status);
    }
    for (name, path) in executables(&String::from_utf8_lossy(&built.stdout)) {
        fs::copy(&path, folder.join(&name)).with_context(|| format!("cannot copy {path}"))?;
    }
    match PROGRAMS.iter().find(|name| !folder.join(name).is_file()) {
        Some(name) => bail!("the build left no program {name}"),
        None => Ok(()),
    }
}

const MISSING: &str = "a program cannot be built: this needs the compiler of rust-toolchain.toml, and the crates of Cargo.lock from the network, from Cargo's own copies (`cargo fetch --locked` makes them) or from `cargo vendor`; or name a folder of built programs with --programs";

/// `true` if Cargo has copies of all crates that this system needs.
fn has_all_crates() -> bool {
    let host = output(&mut command("rustc", ["--print", "host-tuple"]));
    let fetch = ["fetch", "--locked", "--offline", "--quiet"];
    let mut fetch = command("cargo", fetch);
    if let Some(host) = host {
        fetch.args(["--target", &host]);
    }
    output(&mut fetch).is_some()
}

/// Names and files of the test programs in Cargo's messages.
fn executables(messages: &str) -> Vec<(String, String)> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let (name, file) = (message["target"]["name"].as_str()?, &message["executable"]);
            Some((name.to_owned(), file.as_str()?.to_owned()))
        })
        .collect()
}

/// Lets a program see Mesa's software adapter alone.
pub fn on_software_gpu(program: &mut Command) {
    if let Some(driver) = setup::lavapipe() {
        program
            .env("VK_DRIVER_FILES", &driver)
            .env("VK_ICD_FILENAMES", driver);
    }
    program.env("CUBECL_WGPU_DEFAULT_DEVICE", "Cpu");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn shell(script: &str, time: Duration) -> Ended {
        finish(Command::new("sh").args(["-c", script]), time).unwrap()
    }

    #[test]
    fn what_a_part_printed_before_it_failed_or_was_stopped_is_kept() {
        let failed = shell(
            "echo '{\"ms\":1}'; echo 'test a ... FAILED'; echo lost >&2; exit 3",
            Duration::from_secs(20),
        );
        assert!(failed.outcome.starts_with("failed: "), "{}", failed.outcome);
        assert_eq!(failed.said, ["lost"]);
        let rows: Vec<Value> = failed.lines.iter().filter_map(|line| row(line)).collect();
        assert_eq!(
            rows,
            [
                json!({ "ms": 1 }),
                json!({ "test": "a", "outcome": "failed" })
            ]
        );
        let stopped = shell(
            "echo '{\"ms\":2}'; exec sleep 60",
            Duration::from_millis(400),
        );
        assert!(
            stopped.outcome.starts_with("stopped: "),
            "{}",
            stopped.outcome
        );
        assert_eq!(stopped.lines, ["{\"ms\":2}"]);
        assert_eq!(shell("exit 0", Duration::from_secs(20)).outcome, "ok");
    }

    #[test]
    fn lines_that_are_no_rows_are_left_out() {
        assert_eq!(row("running 3 tests"), None);
        assert_eq!(row("17"), None);
        assert_eq!(row("test result: ok. 3 passed; 0 failed"), None);
    }

    #[test]
    fn test_programs_are_found_in_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"burn\"},\"executable\":null}\n\
            not json\n{\"target\":{\"name\":\"parity\"},\"executable\":\"/t/parity-1\"}\n";
        assert_eq!(
            executables(messages),
            [("parity".to_owned(), "/t/parity-1".to_owned())]
        );
    }

    #[test]
    fn what_must_hold_comes_first() {
        let names: Vec<_> = parts(false).iter().map(|part| part.name).collect();
        assert_eq!(
            names[..4],
            ["adapter", "operations and goldens", "gradients", "peaks"]
        );
        assert!(names.len() > parts(true).len());
        assert!(
            parts(false)
                .iter()
                .all(|part| PROGRAMS.contains(&part.program))
        );
    }
}
