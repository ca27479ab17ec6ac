//! Both stages of Segment3D: `train` on frames, `pseudo`, `train` on what it wrote, and `eval` by the
//! protocol.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, path::Path};

use recordings::pseudo_label_file::PseudoLabels;
use serde_json::Value;

use program::{done, lines, refusal};

/// A tiny network, and what both stages have in common.
const BASE: &str = r#"
[model]
voxel_size = 0.08
backbone = { kind = "sparse_unet", planes = [8, 8] }
d_model = 12
heads = 2
ffn = 8
layers = 1
max_queries = 40
classes = { kind = "fixed", instances = 1, semantics = 1 }
class_names = ["object"]
[loss]
supervision = "dense"
max_queries = 40
bce = 0.5
dice = 5.0
dice_factor = 1.0
center = 0.0
size = 0.0
[optimizer]
learning_rate = 1e-2
power = 0.0
warmup = 1
[run]
makers = 1
threads = 1
"#;

/// The labels of the points of [`room`]: three boxes of 2000 points each.
const BOX: usize = 2000;

/// Three boxes in the air, half a metre apart, with a point every 2.5 cm.
fn room(turned: bool) -> String {
    let mut rows = Vec::new();
    for number in 0..3 {
        let mut corner = [0.0, 0.3 * number as f32, 1.0];
        corner[usize::from(turned)] += number as f32;
        for face in 0..5 {
            for i in 0..400 {
                let (a, b) = ((i % 20) as f32 * 0.025, (i / 20) as f32 * 0.025);
                let [x, y, z] = match face {
                    0 => [a, b, 0.5],
                    1 => [a, 0.0, b],
                    2 => [a, 0.5, b],
                    3 => [0.0, a, b],
                    _ => [0.5, a, b],
                };
                let at = [corner[0] + x, corner[1] + y, corner[2] + z];
                rows.push(format!("{} {} {} 5 {}\n", at[0], at[1], at[2], number + 1));
            }
        }
    }
    format!(
        "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\n\
         property int semantic\nproperty int instance\nend_header\n{}",
        rows.len(),
        rows.concat()
    )
}

/// A term of the loss of a run, in the order of its steps.
fn terms(run: &Path, term: &str) -> Vec<f64> {
    let log = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()[term].as_f64();
    log.lines().map(|line| of(line).unwrap()).collect()
}

/// Checks that a term is lower at the end of a run than at its beginning.
fn falls(terms: &[f64]) {
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    let few = terms.len() / 4;
    let (first, last) = (mean(&terms[..few]), mean(&terms[terms.len() - few..]));
    assert!(last < 0.9 * first, "{terms:?}");
}

/// Writes the configurations `first.toml` and `second.toml`, and two rooms.
fn prepare(folder: &Path) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("base.toml", BASE);
    write(
        "first.toml",
        "extends = 'base.toml'\n[data.generated]\nseed = 5\n[data.frames]\nper_room = 100",
    );
    write(
        "second.toml",
        "extends = 'base.toml'\n[data.pseudo]\nfiles = ['labels']\nconfidence = 0.0\n[loss]\nclass = 0.0",
    );
    fs::create_dir(folder.join("rooms")).unwrap();
    write("rooms/a.ply", &room(false));
    write("rooms/b.ply", &room(true));
}

/// The greatest intersection over union of a mask with one of the boxes.
fn overlap(masks: &[Vec<u32>]) -> f64 {
    let iou = |mask: &Vec<u32>, number: usize| {
        let is_inside = |point: &&u32| **point as usize / BOX == number;
        let shared = mask.iter().filter(is_inside).count();
        shared as f64 / (mask.len() + BOX - shared) as f64
    };
    let all = masks
        .iter()
        .flat_map(|mask| (0..3).map(move |number| iou(mask, number)));
    all.fold(0.0, f64::max)
}

#[test]
fn both_stages_learn_and_what_is_between_them_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    done(
        folder,
        &["train", "first.toml", "--out", "first", "--steps", "16"],
    );
    // masks of frames are more or less hard; that there are objects is learned in a few steps
    falls(&terms(&folder.join("first"), "class"));

    done(folder, &["pseudo", "first", "rooms", "--out", "labels"]);
    let paths = PseudoLabels::files(&[folder.join("labels")]).unwrap();
    assert_eq!(paths.len(), 2);
    for path in &paths {
        let labels = PseudoLabels::read(path).unwrap();
        let again = folder.join("again.pseudo.safetensors");
        fs::write(&again, labels.to_bytes().unwrap()).unwrap();
        assert!(PseudoLabels::read(&again).unwrap() == labels);
        assert_eq!(
            (labels.positions.len(), &labels.network[..]),
            (3 * BOX, "first")
        );
        // what lies apart is separated, however little the network has learned
        assert!(overlap(&labels.masks) > 0.7, "{}", overlap(&labels.masks));
    }

    let second = ["train", "second.toml", "--out", "second", "--steps", "16"];
    done(folder, &[&second[..], &["--start", "first"]].concat());
    falls(&terms(&folder.join("second"), "loss"));

    let eval = ["eval", "rooms", "--weights", "second", "--json"];
    let protocol = ["--protocol", "segment3d", "--decoding", "segment3d"];
    let [figures] = lines(folder, &[&eval[..], &protocol].concat())
        .try_into()
        .unwrap();
    let recall = figures["confidence_one"]["recall25"].as_f64().unwrap();
    assert!(recall > 0.6, "{figures}");
    let by_class = ["--protocol", "scannet", "--decoding", "queries"];
    let refused = refusal(folder, &[&eval[..], &by_class].concat());
    assert!(refused.contains("no classes"), "{refused}");
}

#[test]
fn labels_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepare(folder);
    let labels = PseudoLabels {
        network: "none".to_owned(),
        positions: (0..400)
            .map(|i| [(i % 20) as f32 * 0.03, (i / 20) as f32 * 0.03, 1.0])
            .collect(),
        colors: None,
        masks: vec![(0..200).collect()],
        scores: vec![0.5],
    };
    fs::create_dir(folder.join("labels")).unwrap();
    let path = folder.join("labels").join(PseudoLabels::file_name("a"));
    let train = ["train", "second.toml", "--out", "second", "--steps", "1"];
    let refused = |bytes: &[u8], words: &[&str]| {
        fs::write(&path, bytes).unwrap();
        let said = refusal(folder, &train);
        let all = words.iter().chain(&["a.pseudo.safetensors"]);
        all.for_each(|word| assert!(said.contains(word), "{word}: {said}"));
    };
    let bytes = labels.to_bytes().unwrap();
    refused(
        &bytes[..bytes.len() - 9],
        &["cannot read the pseudo-labels"],
    );
    let empty = PseudoLabels {
        masks: vec![],
        scores: vec![],
        ..labels.clone()
    };
    refused(
        &empty.to_bytes().unwrap(),
        &["none of the 0 masks has a confidence above 0"],
    );
    fs::write(
        folder.join("second.toml"),
        "extends = 'base.toml'\n[data.pseudo]\nfiles = ['labels']\nconfidence = 0.75",
    )
    .unwrap();
    refused(
        &bytes,
        &["none of the 1 masks has a confidence above 0.75, the highest is 0.5"],
    );
}
