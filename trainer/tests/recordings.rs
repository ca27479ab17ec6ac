//! Tests the documented way from an RGB-D recording to a model that segments a scan
//! (docs/train-on-recordings.md) on a small example.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, path::Path};

use image::{ImageBuffer, Luma, Rgb};

use program::{done, run};

const SIZE: [u32; 2] = [64, 48];
const FOCAL: f32 = 40.0;
/// The room of the recording, metres: x is right, y down and z ahead; the floor is one metre below
/// the cameras and the wall three metres ahead.
const FLOOR: f32 = 1.0;
const WALL: f32 = 3.0;
/// A box on the floor: its lowest and its highest corner.
const BOX: [[f32; 3]; 2] = [[-0.4, 0.4, 1.8], [0.4, FLOOR, 2.4]];

/// The distance along `ray` from `eye` to the nearest surface, and `true` if that is the box.
fn seen(eye: [f32; 3], ray: [f32; 3]) -> (f32, bool) {
    let room = [(FLOOR - eye[1]) / ray[1], (WALL - eye[2]) / ray[2]]
        .into_iter()
        .filter(|t| *t > 0.0)
        .fold(f32::INFINITY, f32::min);
    let along = |axis: usize| {
        let (a, b) = (
            (BOX[0][axis] - eye[axis]) / ray[axis],
            (BOX[1][axis] - eye[axis]) / ray[axis],
        );
        (a.min(b), a.max(b))
    };
    let (near, far) = (0..3)
        .map(along)
        .fold((0.0f32, f32::INFINITY), |(near, far), (a, b)| {
            (near.max(a), far.min(b))
        });
    if near < far && near > 0.0 {
        (near.min(room), near < room)
    } else {
        (room, false)
    }
}

/// Writes three frames as SensReader exports them, and returns the masks of the box, frame by
/// frame.
fn record(folder: &Path) -> Vec<Vec<u16>> {
    for sub in ["color", "depth", "pose", "intrinsic"] {
        fs::create_dir_all(folder.join(sub)).unwrap();
    }
    let [width, height] = SIZE;
    let center = [width as f32 / 2.0 - 0.5, height as f32 / 2.0 - 0.5];
    fs::write(
        folder.join("intrinsic/intrinsic_depth.txt"),
        format!(
            "{FOCAL} 0 {} 0 0 {FOCAL} {} 0 0 0 1 0 0 0 0 1",
            center[0], center[1]
        ),
    )
    .unwrap();
    let frame = |(number, x): (usize, f32)| {
        let pixel = |u: u32, v: u32| {
            seen(
                [x, 0.0, 0.0],
                [
                    (u as f32 - center[0]) / FOCAL,
                    (v as f32 - center[1]) / FOCAL + 1e-6,
                    1.0,
                ],
            )
        };
        ImageBuffer::<Luma<u16>, _>::from_fn(width, height, |u, v| {
            Luma([(pixel(u, v).0 * 1000.0).min(60_000.0) as u16])
        })
        .save(folder.join(format!("depth/{number}.png")))
        .unwrap();
        let color = |u, v| {
            if pixel(u, v).1 {
                Rgb([200u8, 60, 40])
            } else {
                Rgb([150, 150, 140])
            }
        };
        ImageBuffer::from_fn(width, height, color)
            .save(folder.join(format!("color/{number}.png")))
            .unwrap();
        fs::write(
            folder.join(format!("pose/{number}.txt")),
            format!("1 0 0 {x} 0 1 0 0 0 0 1 0 0 0 0 1"),
        )
        .unwrap();
        (0..height)
            .flat_map(|v| (0..width).map(move |u| (u, v)))
            .map(|(u, v)| u16::from(pixel(u, v).1))
            .collect()
    };
    [-0.3, 0.0, 0.3]
        .into_iter()
        .enumerate()
        .map(frame)
        .collect()
}

/// Writes masks into a bundle, as a 2D model does.
fn write_masks(bundle: &Path, masks: &[Vec<u16>]) {
    let path = bundle.join("foundation.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (number, mask) in masks.iter().enumerate() {
        ImageBuffer::<Luma<u16>, _>::from_raw(SIZE[0], SIZE[1], mask.clone())
            .unwrap()
            .save(bundle.join(format!("{number}.masks.png")))
            .unwrap();
        assert_eq!(index["images"][number]["name"], number.to_string());
        index["images"][number]["instances"] = serde_json::json!([{ "name": "box", "score": 0.9 }]);
    }
    fs::write(path, index.to_string()).unwrap();
}

/// Steps that would destroy the network leave it unchanged, and leave a trace.
fn broken_steps_leave_a_trace(folder: &Path, model: &str) {
    fs::write(
        folder.join("broken.toml"),
        format!("[data]\nfoundations = [\"bundles\"]\n{model}[optimiser]\nlearning_rate = 1e30\nclip = 1e30\nwarmup = 1\n[run]\nsteps = 8\n"),
    )
    .unwrap();
    let said = String::from_utf8(done(folder, &["train", "broken.toml", "--out", "broken"]).stderr)
        .unwrap();
    let traces = fs::read_dir(folder.join("broken"))
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("broken-")
        });
    assert!(
        said.contains("are not finite") && (1..=3).contains(&traces.count()),
        "{said}"
    );
}

#[test]
fn a_recording_becomes_a_model_that_segments() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let masks = record(&folder.join("recordings/office"));
    assert!(
        masks.iter().all(|mask| mask.contains(&1)),
        "the box is in every picture"
    );
    fs::create_dir_all(folder.join("recordings/broken/depth")).unwrap();
    fs::create_dir_all(folder.join("recordings/broken/pose")).unwrap();
    let prepare = [
        "prepare",
        "frames",
        "recordings",
        "bundles",
        "--up",
        "-y",
        "--every",
        "1",
    ];
    let said = String::from_utf8(done(folder, &prepare).stderr).unwrap();
    assert!(
        said.contains("left out broken") && said.contains("1 scenes prepared"),
        "{said}"
    );
    let said = String::from_utf8(done(folder, &prepare).stderr).unwrap();
    assert!(said.contains("1 were there already"), "{said}");
    write_masks(&folder.join("bundles/office"), &masks);

    let model = "[model]\nvoxel_size = 0.08\nbackbone = { kind = \"sparse_unet\", planes = [8, 16] }\nd_model = 32\nheads = 2\nffn = 32\nlayers = 1\nmax_queries = 100\n";
    fs::write(
        folder.join("run.toml"),
        format!("[data]\nfoundations = [\"bundles\"]\n{model}[run]\nsteps = 3\n"),
    )
    .unwrap();
    done(folder, &["train", "run.toml", "--out", "run"]);
    let steps = fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
    let losses: Vec<f64> = steps
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"]
                .as_f64()
                .unwrap()
        })
        .collect();
    assert!(
        losses.len() == 3 && losses.iter().all(|loss| loss.is_finite()),
        "{losses:?}"
    );

    broken_steps_leave_a_trace(folder, model);

    let exported =
        String::from_utf8(done(folder, &["export", "run", "--out", "models"]).stdout).unwrap();
    done(
        folder,
        &["synth", "--count", "1", "--seed", "5", "--out", "scans"],
    );
    let found = done(
        folder,
        &[
            "segment",
            "scans/room_5_00000.ply",
            "--weights",
            exported.trim(),
            "--json",
        ],
    );
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert!(found["superpoints"].as_u64().unwrap() > 10, "{found}");
    scans_of_stores_are_evaluated(folder);
}

/// Every command that evaluates takes scans of a store, through a cache.
fn scans_of_stores_are_evaluated(folder: &Path) {
    let address = format!("file://{}/scans", folder.display());
    let cache = ["--cache", "cache", "--cache-gib", "0.1"];
    let with = |words: &[&str]| done(folder, &[words, &cache[..]].concat());
    let eval = ["eval", &address, "--weights", "run", "--json", "--protocol"];
    for protocol in ["class-agnostic", "scannet"] {
        let figures = with(&[&eval[..], &[protocol]].concat());
        let figures: serde_json::Value = serde_json::from_slice(&figures.stdout).unwrap();
        assert_eq!(figures["scans"], 1, "{figures}");
    }
    with(&["report", "run", "--eval", &address]);
    let page = fs::read_to_string(folder.join("run/report.html")).unwrap();
    assert!(page.contains("1 scans; percent"));
    with(&["rank", "run", &address, "--epochs", "1", "--members", "1"]);
    assert!(folder.join("run/ranker.json").is_file());
    // the scene was loaded once, and with it lie its superpoints
    let scenes: Vec<_> = fs::read_dir(folder.join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    let [scene] = &scenes[..] else {
        panic!("{scenes:?}")
    };
    assert!(scene.join(".superpoints").is_dir());
    let refused = run(
        folder,
        &[
            "eval",
            &address,
            "--protocol",
            "class-agnostic",
            "--cache-gib",
            "0",
        ],
    );
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("0 GiB"), "{said}");
}

#[test]
fn scenes_go_from_store_to_store_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    record(&folder.join("scans/kitchen"));
    fs::create_dir(folder.join("scans/notes")).unwrap();
    let address = |name: &str| format!("file://{}/{name}", folder.display());
    let [scans, bundles] = ["scans", "bundles"].map(address);
    let prepare = ["prepare", "frames", &scans, &bundles, "--every", "1"];
    done(folder, &prepare);
    let bundle = folder.join("bundles/kitchen");
    let index = fs::read(bundle.join("foundation.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["images"].as_array().unwrap().len(), 3);
    assert!(!folder.join("bundles/notes").exists());
    // an existing bundle is left alone until its index is deleted or --again is given
    let written = |file: &str| fs::metadata(bundle.join(file)).unwrap().modified().unwrap();
    let before = written("tensors.safetensors");
    done(folder, &prepare);
    assert_eq!(written("tensors.safetensors"), before);
    fs::remove_file(bundle.join("foundation.json")).unwrap();
    done(folder, &prepare);
    assert!(written("tensors.safetensors") > before && bundle.join("foundation.json").is_file());
    let refused = run(folder, &["prepare", "stray", &scans, &address("others")]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("no scene of this kind"),
        "{said}"
    );
}
