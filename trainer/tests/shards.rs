//! Parts of the scans on several machines (`--shard`) give what one process gives, joined (`--join`).
#![allow(clippy::unwrap_used)]

mod program;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use program::{done, lines, refusal};

/// The scans, two of which have the same name, in the order of the list.
const SCANS: [&str; 5] = [
    "a/room.ply",
    "b/room.ply",
    "c/hall.ply",
    "c/long.ply",
    "d.ply",
];
/// The names of their results.
const NAMES: [&str; 5] = ["room", "room-2", "hall", "long", "d"];

/// Four chairs and tables of 1200 points, `apart` metres from each other.
fn room(apart: f32) -> String {
    let mut rows = Vec::new();
    for number in 0..4 {
        let corner = [apart * (number % 2) as f32, apart * (number / 2) as f32];
        let height = [0.45, 0.75][number / 2];
        for i in 0..1200 {
            let (a, b) = ((i % 20) as f32 * 0.025, (i / 20 % 20) as f32 * 0.025);
            let [x, y, z] = match i / 400 {
                0 => [a, b, height],
                1 => [a, 0.0, b.min(height)],
                _ => [0.0, a, b.min(height)],
            };
            let class = [5, 7][number / 2];
            let at = [corner[0] + x, corner[1] + y, z];
            rows.push(format!(
                "{} {} {} {class} {}\n",
                at[0],
                at[1],
                at[2],
                number + 1
            ));
        }
    }
    format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property int semantic\nproperty int instance\nend_header\n{}",
        rows.len(),
        rows.concat()
    )
}

/// The network that ships.
fn network() -> String {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../static/models");
    let index = fs::read(Path::new(models).join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    format!("{models}/{}", index["network"].as_str().unwrap())
}

/// A folder with the scans.
fn scans() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, scan) in SCANS.iter().enumerate() {
        let path = folder.path().join(scan);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, room(0.8 + 0.1 * number as f32)).unwrap();
    }
    folder
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .map(|path| (name(&path), fs::read(&path).unwrap()))
        .collect()
}

/// Checks that folders have the same files.
fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected));
    for (name, bytes) in found {
        assert!(*bytes == expected[name], "{name} is another file");
    }
}

/// The command with more words at its end.
fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, more].concat()
}

#[test]
fn parts_of_an_evaluation_have_the_figures_of_one() {
    let (folder, network) = (scans(), network());
    let folder = folder.path();
    for (protocol, options) in [
        ("scannet", vec!["--weights", &network]),
        (
            "class-agnostic",
            vec!["--weights", &network, "--spacing", "0.04"],
        ),
        ("segment3d", vec!["--baseline", "felzenszwalb:0.1"]),
    ] {
        let common = with(&["eval", "--protocol", protocol, "--json"], &options);
        let command = with(&common, &SCANS);
        let expected = done(folder, &command).stdout;
        let parts = format!("parts-{protocol}");
        for shard in ["0/2", "1/2"] {
            let joined = with(&command, &["--join", &parts]);
            let missing = refusal(folder, &joined);
            assert!(
                missing.contains("of 5 scans were not looked at"),
                "{missing}"
            );
            let part = done(
                folder,
                &with(&command, &["--shard", shard, "--out", &parts]),
            );
            assert!(part.stdout.is_empty(), "figures of a part say little");
        }
        assert_eq!(
            files(&folder.join(&parts)).into_keys().collect::<Vec<_>>(),
            ["d", "hall", "long", "room-2", "room"].map(|name| format!("{name}.found.safetensors"))
        );
        let joined = done(folder, &with(&command, &["--join", &parts])).stdout;
        assert_eq!(
            String::from_utf8_lossy(&joined),
            String::from_utf8_lossy(&expected),
            "{protocol}"
        );
        let figures: Value = serde_json::from_slice(&joined).unwrap();
        assert_eq!(figures["scans"], 5);
    }
}

#[test]
fn what_other_options_found_or_what_is_damaged_is_not_counted() {
    let folder = scans();
    let folder = folder.path();
    let baseline = |threshold| ["--baseline", threshold];
    let common = with(&["eval", "--protocol", "class-agnostic"], &SCANS);
    let fine = with(&common, &baseline("felzenszwalb:0.1"));
    let coarse = with(&common, &baseline("felzenszwalb:0.2"));
    let skipping = ["--shard", "0/1", "--out", "parts", "--skip-done"];
    done(folder, &with(&fine, &skipping));
    let first = files(&folder.join("parts"));
    let said = refusal(folder, &with(&coarse, &["--join", "parts"]));
    assert!(said.contains("was made with other options"), "{said}");

    // What is there is left alone, unless it is damaged or of other options.
    let damaged = folder.join("parts/room-2.found.safetensors");
    let kept = folder.join("parts/hall.found.safetensors");
    let written = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let before = written(&kept);
    fs::write(&damaged, &first["room-2.found.safetensors"][..100]).unwrap();
    let said = refusal(folder, &with(&fine, &["--join", "parts"]));
    assert!(said.contains("room-2.found.safetensors"), "{said}");
    done(folder, &with(&fine, &skipping));
    assert_same(&files(&folder.join("parts")), &first);
    assert_eq!(written(&kept), before);
    done(folder, &with(&coarse, &skipping));
    done(folder, &with(&coarse, &["--join", "parts"]));

    // The scan is another one since.
    let fewer = room(1.0).replace("vertex 4800", "vertex 4799");
    let last = fewer.trim_end().rfind('\n').unwrap();
    fs::write(folder.join("d.ply"), &fewer[..=last]).unwrap();
    let said = refusal(folder, &with(&coarse, &["--join", "parts"]));
    assert!(
        said.contains("is of a scan of 4800 points, this one has 4799"),
        "{said}"
    );

    let alone = refusal(folder, &with(&fine, &["--shard", "0/2"]));
    assert!(
        alone.contains("the figures of a part say little"),
        "{alone}"
    );
    let wrong = refusal(folder, &with(&fine, &["--shard", "2/2", "--out", "parts"]));
    assert!(
        wrong.contains("\"2/2\" is not I/N with I below N"),
        "{wrong}"
    );
}

/// What `segment` printed, but for how long it took.
fn without_time(mut lines: Vec<Value>) -> Vec<Value> {
    lines.iter_mut().for_each(|line| {
        assert!(line["ms"].take().is_object());
    });
    lines
}

#[test]
fn parts_of_a_segmentation_are_that_of_one_process() {
    let (folder, network) = (scans(), network());
    let folder = folder.path();
    let common = [
        "segment",
        "--weights",
        &network,
        "--json",
        "--format",
        "csv,json",
    ];
    let command = with(&common, &SCANS);
    let expected = without_time(lines(folder, &with(&command, &["--out", "one"])));
    let listed = lines(folder, &with(&command, &["--out", "one", "--list"]));
    let listed = |key: &str| -> Vec<String> {
        let said = |line: &Value| line[key].as_str().unwrap().to_owned();
        listed.iter().map(said).collect()
    };
    assert_eq!(
        (listed("scan"), listed("name")),
        (
            SCANS.map(str::to_owned).to_vec(),
            NAMES.map(str::to_owned).to_vec()
        )
    );

    for (shard, scans) in [("1/3", 2), ("0/3", 2), ("2/3", 1)] {
        let part = ["--shard", shard, "--out", "parts"];
        assert_eq!(lines(folder, &with(&command, &part)).len(), scans);
    }
    let mut found = files(&folder.join("parts"));
    found.retain(|name, _| !name.ends_with(".summary.json"));
    assert_same(&found, &files(&folder.join("one")));
    let join = with(&command, &["--out", "parts", "--join", "parts"]);
    assert_eq!(without_time(lines(folder, &join)), expected);

    // A part that was stopped: the file that is written last is not there, another one is half.
    let summary = folder.join("parts/room-2.summary.json");
    fs::remove_file(&summary).unwrap();
    fs::write(folder.join("parts/room-2.csv"), "half").unwrap();
    let kept = folder.join("parts/d.csv");
    fs::write(&kept, "not touched").unwrap();
    let said = refusal(folder, &join);
    assert!(
        said.contains("room-2.summary.json") && said.contains("1 of 5"),
        "{said}"
    );
    let again = with(
        &command,
        &["--shard", "1/3", "--out", "parts", "--skip-done"],
    );
    assert_eq!(
        lines(folder, &again).len(),
        2,
        "what was done is told again"
    );
    assert_eq!(fs::read(&kept).unwrap(), b"not touched");
    assert_eq!(
        files(&folder.join("parts"))["room-2.csv"],
        found["room-2.csv"]
    );
    assert_eq!(without_time(lines(folder, &join)), expected);

    // Another prompt is another result.
    let other = refusal(folder, &with(&join, &["--prompt", "chair"]));
    assert!(other.contains("other options made it"), "{other}");
}

#[test]
fn parts_of_pseudo_labels_are_those_of_one_process() {
    let (folder, network) = (scans(), network());
    let folder = folder.path();
    let command = with(&["pseudo", &network], &SCANS);
    done(folder, &with(&command, &["--out", "one"]));
    let half = ["--out", "parts", "--skip-done", "--shard"];
    done(folder, &with(&command, &with(&half, &["0/2"])));
    let kept = folder.join("parts/room.pseudo.safetensors");
    let written = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let before = written(&kept);
    done(folder, &with(&command, &with(&half, &["1/2"])));
    assert_same(&files(&folder.join("parts")), &files(&folder.join("one")));
    done(folder, &with(&command, &["--out", "parts", "--skip-done"]));
    assert_eq!(written(&kept), before);
}
