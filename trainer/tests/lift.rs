//! `trainer lift` finds objects by the masks of a bundle alone, and writes them as files, as labels,
//! and as proposals for the network.
#![allow(clippy::unwrap_used)]

mod program;
mod wall;

use std::{fs, path::Path};

use recordings::foundation::{Foundation, InFolder as _};
use serde_json::Value;

use program::{lines, refusal};
use wall::{scene, write};

/// The JSON lines that `lift` prints of the bundle `scene`.
fn lifted(folder: &Path, options: &[&str]) -> Vec<Value> {
    lines(folder, &[&["lift", "scene", "--json"], options].concat())
}

#[test]
fn masks_of_a_bundle_become_files_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(&scene(), folder);
    let options = ["--out", "results", "--bundles", "labeled", "--measure"];
    let [found, figures] = lifted(folder, &options).try_into().unwrap();
    assert_eq!(
        (&found["views"], &found["superpoints"]),
        (&2.into(), &4.into())
    );
    let named = found["instances"].as_array().unwrap().iter();
    let named: Vec<_> = named
        .map(|i| (i["label"].as_str(), i["points"].as_u64()))
        .collect();
    assert_eq!(
        named,
        [(Some("picture"), Some(800)), (Some("door"), Some(800))]
    );
    let left = found["left"].as_object().unwrap();
    assert!(
        left.len() == 4 && left.values().all(|count| *count == 0),
        "{left:?}"
    );
    assert_eq!(figures["scans"], 1);
    for file in ["scene.labelled.ply", "scene.json"] {
        assert!(folder.join("results").join(file).exists(), "{file}");
    }
    let labeled = Foundation::read(&folder.join("labeled/scene")).unwrap();
    let truth = labeled.truth.unwrap();
    assert_eq!(truth.instance[0], truth.instance[19]);
    assert_ne!(truth.instance[19], truth.instance[20]);
    assert!(truth.names.iter().any(|(_, name)| name == "door"));

    // The labels of the bundle in place of its masks give the same.
    let [oracle] = lifted(folder, &["--oracle"]).try_into().unwrap();
    assert_eq!(oracle["instances"].as_array().unwrap().len(), 2);
    let said = refusal(folder, &["lift", "scene", "--oracle", "--missed", "2"]);
    assert!(said.contains("missed is 2"), "{said}");

    proposals_stand_beside_the_network(folder);
}

/// The network that ships.
const WEIGHTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../static/models/nano-cf162d1d"
);

/// What was written to `results` is found again, alone and among what the network proposes.
fn proposals_stand_beside_the_network(folder: &Path) {
    let eval = |options: &[&'static str]| {
        let eval = [
            "eval",
            "scene",
            "--protocol",
            "class-agnostic",
            "--json",
            "--weights",
            WEIGHTS,
        ];
        [&eval, options].concat()
    };
    let given = ["--proposals", "results", "--masks", "given"];
    let [figures] = lines(folder, &eval(&given)).try_into().unwrap();
    assert_eq!(figures["ap50"], 1.0, "{figures}");
    let found = |options: &[&str]| {
        let segment = [
            "segment",
            "scene",
            "--json",
            "--threshold",
            "0",
            "--weights",
            WEIGHTS,
        ];
        let [line] = lines(folder, &[&segment, options].concat())
            .try_into()
            .unwrap();
        let instances = line["instances"].as_array().unwrap().clone();
        let halves = instances.iter().filter(|one| one["points"] == 800);
        halves.count()
    };
    // The wall is even, so that neither geometry nor the network has a reason to divide it.
    assert_eq!((found(&[]), found(&given[..2])), (0, 2));

    let said = refusal(folder, &eval(&["--masks", "given"]));
    assert!(said.contains("--proposals"), "{said}");
    let said = refusal(folder, &eval(&["--proposals", "labeled"]));
    assert!(said.contains("scene.labelled.ply"), "{said}");
    fs::create_dir(folder.join("other")).unwrap();
    let ply = "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nproperty int instance\nend_header\n0 0 0 1\n0 0 1 1\n";
    fs::write(folder.join("other/scene.labelled.ply"), ply).unwrap();
    let said = refusal(folder, &eval(&["--proposals", "other"]));
    assert!(said.contains("of 2 points, the scan has 1600"), "{said}");
}

#[test]
fn depth_alone_does_where_there_are_no_masks() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene();
    for image in &mut scene.images {
        (image.mask, image.instances) = (None, vec![]);
    }
    write(&scene, folder.path());
    let [found] = lifted(folder.path(), &[]).try_into().unwrap();
    let instances = found["instances"].as_array().unwrap();
    assert_eq!(
        instances.len(),
        1,
        "nothing in depth divides an even wall: {found}"
    );
    assert_eq!(instances[0]["points"], 1600);
}
