//! Runs the program `trainer` in a folder.
#![allow(dead_code, reason = "every test needs some of these")]

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs a command.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs a command that must succeed.
pub fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "trainer {arguments:?}: {said}");
    output
}

/// The JSON lines that a command prints, which must succeed.
pub fn lines(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = done(folder, arguments).stdout;
    let lines = output.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// What a command says that must fail.
pub fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "trainer {arguments:?}: {said}");
    said
}
