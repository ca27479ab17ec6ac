//! `trainer track` has the instances of a recording after each of its frames.
#![allow(clippy::unwrap_used)]

mod program;
mod wall;

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use program::{lines, refusal};
use wall::{scene, write};

/// The names of the instances in a line, and in how many frames each was seen.
fn instances(line: &Value) -> Vec<(&str, u64)> {
    let instances = line["instances"].as_array().unwrap().iter();
    instances
        .map(|one| {
            let seen = one["observations"].as_u64().unwrap();
            (one["label"].as_str().unwrap(), seen)
        })
        .collect()
}

#[test]
fn instances_grow_with_every_frame_and_answer_questions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut scene = scene();
    // A frame that sees nothing at all.
    let mut blind = scene.images[1].clone();
    blind.name = "c".to_owned();
    blind.depth = Some(segscape::views::Map::new(vec![0.0; 48 * 64], [48, 64, 1]).unwrap());
    scene.images.push(blind);
    write(&scene, folder);
    let track = ["track", "scene", "--json", "--out", "results"];
    let question = ["--ask", "the door next to the picture"];
    let all = lines(folder, &[&track[..], &question].concat());
    let [a, b, c, last] = all.try_into().unwrap();
    assert_eq!(instances(&a), [("picture", 1), ("door", 1)]);
    assert_eq!(instances(&b), [("picture", 2), ("door", 2)]);
    assert_eq!(b["matched"], 2);
    // What cannot be used is said, and what was found so far stays.
    assert_eq!(c["placeless"], 2, "{c}");
    assert_eq!(instances(&c), instances(&b));
    let named = last["instances"].as_array().unwrap().iter();
    let named: Vec<_> = named.map(|one| one["label"].as_str().unwrap()).collect();
    assert_eq!(named, ["picture", "door"]);
    let answer = last["answer"].to_string();
    assert!(answer.contains("door"), "{answer}");
    assert!(folder.join("results/scene.labelled.ply").exists());

    let said = refusal(folder, &["track", "scene", "--voxel", "0"]);
    assert!(said.contains("voxel"), "{said}");
}

#[test]
fn frames_are_tracked_as_they_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&scene(), folder);
    let index: Value =
        serde_json::from_slice(&fs::read(folder.join("scene/foundation.json")).unwrap()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_trainer"))
        .args(["track", "-", "--folder", "scene", "--json"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut frames = program.stdin.take().unwrap();
    let images = index["images"].as_array().unwrap().clone();
    let missing = json!({"name": "lost", "size": [48, 64], "focal": [50, 50], "center": [31.5, 23.5], "world_from_camera": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]});
    for line in [&images[0], &missing, &images[1]] {
        writeln!(frames, "{line}").unwrap();
    }
    drop(frames);
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("lost"),
        "a frame without depth is named: {said}"
    );
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [a, lost, b, last] = lines.try_into().unwrap();
    assert_eq!(instances(&a), [("picture", 1), ("door", 1)]);
    assert!(
        lost["error"].is_string() && instances(&lost) == instances(&a),
        "{lost}"
    );
    assert_eq!(instances(&b), [("picture", 2), ("door", 2)]);
    assert_eq!((&last["used"], &last["refused"]), (&2.into(), &1.into()));
}
