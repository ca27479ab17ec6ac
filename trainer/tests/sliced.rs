//! `trainer segment --budget` reads a scan in slices, and writes all points of the file.
#![allow(clippy::unwrap_used)]

mod program;

use std::{fs, path::Path};

use segscape::{
    progress::Monitor,
    scan::{self, Scan},
    write,
};

use program::{lines, refusal};

/// The network that ships.
const WEIGHTS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../static/models/nano-cf162d1d"
);
/// Number of points of the scan, and the most that are kept.
const POINTS: usize = 60_000;
const BUDGET: &str = "4000";

/// A floor of 3 x 3 m with a box on it.
fn room() -> Vec<u8> {
    let place = |index: usize| {
        let [u, v] = [0.618_034, 0.754_878].map(|step: f64| (index as f64 * step).fract() as f32);
        match index % 6 {
            0..3 => ([3.0 * u, 3.0 * v, 0.0], [150; 3]),
            3 => ([1.0 + u, 1.0 + v, 0.7], [200, 30, 30]),
            4 => ([1.0 + u, 1.0, 0.7 * v], [200, 30, 30]),
            _ => ([1.0, 1.0 + u, 0.7 * v], [200, 30, 30]),
        }
    };
    let (positions, colors): (Vec<_>, Vec<_>) = (0..POINTS).map(place).unzip();
    write::ply(&Scan::from_points(&positions, Some(&colors)).unwrap().table)
}

fn read(path: &Path) -> Scan {
    scan::read(&fs::read(path).unwrap(), &Monitor::silent()).unwrap()
}

#[test]
fn a_scan_above_the_budget_is_segmented_and_written_with_all_its_points() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("room.ply"), room()).unwrap();
    let place = |i: usize| format!("{}.{} {}.{} 0.5\n", i / 100, i / 10 % 10, i % 7, i % 10);
    let text: String = (0..80).map(place).collect();
    fs::write(folder.join("room.xyz"), text).unwrap();
    let segment = |scan: &'static str| {
        [
            "segment",
            scan,
            "--json",
            "--threshold",
            "0",
            "--device",
            "cpu",
            "--weights",
            WEIGHTS,
            "--out",
            "results",
            "--format",
            "ply,las,laz,pcd",
            "--budget",
            BUDGET,
        ]
    };
    let [told] = lines(folder, &segment("room.ply")).try_into().unwrap();
    let kept = told["points"].as_u64().unwrap() as usize;
    assert!((500..=4000).contains(&kept), "{kept}");
    let warnings = told["warnings"].to_string();
    assert!(
        warnings.contains("The file has 60\u{202f}000 points; "),
        "{warnings}"
    );
    let own = read(&folder.join("room.ply"));
    let mut instances = Vec::new();
    for ending in ["ply", "las", "laz"] {
        let all = read(&folder.join(format!("results/room.labelled.{ending}")));
        assert_eq!(all.len(), POINTS, "{ending}");
        let near = all.positions.iter().zip(&own.positions);
        assert!(
            near.into_iter()
                .all(|(a, b)| (0..3).all(|axis| (a[axis] - b[axis]).abs() < 1e-3)),
            "{ending}"
        );
        assert_eq!(all.colors, own.colors, "{ending}");
        let ids = all.table.point_rows().column("instance").unwrap();
        instances.push(ids.values().collect::<Vec<_>>());
    }
    assert!(instances.iter().all(|ids| *ids == instances[0]));
    for instance in told["instances"].as_array().unwrap() {
        let id = instance["id"].as_f64().unwrap();
        let owned = instances[0].iter().filter(|of| **of == id).count() as u64;
        assert!(owned >= instance["points"].as_u64().unwrap(), "{instance}");
    }
    let shown = read(&folder.join("results/room.labelled.pcd"));
    assert_eq!(shown.len(), kept, "other formats have what is kept");

    // Text is read whole, whatever the budget is.
    let [told] = lines(folder, &segment("room.xyz")).try_into().unwrap();
    assert_eq!(told["points"], 80);
    let few = ["segment", "room.ply", "--budget", "999"];
    assert!(refusal(folder, &few).contains("999"));
}
