//! USD: packages and layers as Pixar's library writes them, and files that lie.

use std::collections::BTreeMap;

use super::*;
use crate::golden;

mod answers;
mod binary;
mod files;

/// The points of a scan and their colors by the path of the prim that shows them.
type Shown = BTreeMap<String, (Vec<[f64; 3]>, Vec<[u8; 3]>)>;

fn shown(scan: &Scan) -> Shown {
    let paths: Vec<String> = (scan.table.comments.iter())
        .map(|remark| {
            let text = remark.text();
            let path = text.strip_prefix("comment prim ").unwrap();
            path.split_once(' ').unwrap().1.to_owned()
        })
        .collect();
    let [x, y, z] = ["x", "y", "z"].map(|name| values(scan, name));
    let colors = scan.colors.as_deref().unwrap_or_default();
    let mut shown = Shown::new();
    for (row, prim) in values(scan, "prim").into_iter().enumerate() {
        let (points, own) = shown.entry(paths[prim as usize].clone()).or_default();
        points.push([x[row], y[row], z[row]]);
        own.extend(colors.get(row));
    }
    shown
}

#[test]
fn files_of_pixars_library_are_read_as_it_reads_them() {
    let answers = golden::json("usd/answers.json");
    for (name, answer) in answers.as_object().unwrap() {
        let scan = read_silently(&golden::bytes(&format!("usd/{name}")));
        let scan = scan.unwrap_or_else(|error| panic!("{name}: {error}"));
        let up = if answer["up"] == "Z" {
            UpAxis::PlusZ
        } else {
            UpAxis::PlusY
        };
        assert_eq!(scan.up, Some(up), "{name}");
        assert_eq!(scan.unit, answer["unit"].as_f64(), "{name}");
        let prims = answer["prims"].as_object().unwrap();
        let triangles = prims
            .values()
            .map(|prim| prim["triangles"].as_u64().unwrap());
        assert_eq!(
            scan.triangles.len() as u64,
            triangles.sum::<u64>(),
            "{name}"
        );
        let shown = shown(&scan);
        assert_eq!(
            shown.keys().collect::<Vec<_>>(),
            sorted(prims.keys()),
            "{name}"
        );
        for (path, (points, colors)) in &shown {
            let wanted: Vec<[f64; 3]> =
                serde_json::from_value(prims[path]["points"].clone()).unwrap();
            assert_eq!(points.len(), wanted.len(), "{name} {path}");
            for (point, wanted) in points.iter().zip(&wanted) {
                let is_near = (0..3).all(|k| (point[k] - wanted[k]).abs() < 2e-4);
                assert!(is_near, "{name} {path}: {point:?}, {wanted:?}");
            }
            let wanted: Option<Vec<[u8; 3]>> =
                serde_json::from_value(prims[path]["colors"].clone()).unwrap();
            let is_pictured = path == "/Root/Shape" && !cfg!(feature = "captures");
            for (color, wanted) in colors.iter().zip(wanted.iter().flatten()) {
                let is_near = (0..3).all(|k| color[k].abs_diff(wanted[k]) <= 1);
                assert!(
                    is_near || is_pictured,
                    "{name} {path}: {color:?}, {wanted:?}"
                );
            }
            let is_colored = wanted.is_some() && !colors.is_empty();
            assert_eq!(is_colored, wanted.is_some(), "{name} {path}");
        }
        assert_written_back(&scan);
    }
}

fn sorted<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

#[test]
fn what_is_left_out_is_said() {
    let said = |name: &str| -> Vec<String> {
        let scan = read_silently(&golden::bytes(&format!("usd/{name}"))).unwrap();
        scan.warnings.into_iter().map(|warning| warning.0).collect()
    };
    let has = |warnings: &[String], words: &str| {
        assert!(
            warnings.iter().any(|w| w.contains(words)),
            "{words}: {warnings:?}"
        );
    };
    for name in ["meshes.usdc", "meshes.usda"] {
        let warnings = said(name);
        has(&warnings, "1 inactive prims were left out");
        has(&warnings, "1 prims that are invisible");
        has(&warnings, "1 values change over time");
    }
    has(&said("room.usdz"), "24 of 51 points have no known colour");
    let pictured = said("pictured.usdz");
    match cfg!(feature = "captures") {
        true => assert_eq!(pictured, [""; 0]),
        false => has(&pictured, "1 textures could not be read"),
    }
}

#[test]
fn a_package_is_told_from_other_archives() {
    let layer = golden::bytes("usd/meshes.usdc");
    for (name, is_package) in [
        ("room.usdc", true),
        ("0/Room.USDA", true),
        ("room.usd", true),
        ("room.usdz", false),
        ("frames/0.jpg", false),
        ("room.usda.txt", false),
    ] {
        let bytes = files::zip(&[(name, &layer)]);
        assert_eq!(is_usdz(&bytes), is_package, "{name}");
        assert_eq!(read_silently(&bytes).is_ok(), is_package, "{name}");
    }
    let long = "a".repeat(5000) + ".usda";
    assert!(!is_usdz(&files::zip(&[(&long, &layer)])));
    assert!(!is_usdz(b"PK\x03\x04"));
    assert!(!is_usdz(&layer));
}

#[test]
fn changed_bytes_do_no_harm() {
    for name in ["meshes.usdc", "meshes.usda", "references.usdz", "room.usdz"] {
        assert_changed_bytes_do_no_harm(&golden::bytes(&format!("usd/{name}")), 1500);
    }
    assert_changed_bytes_do_no_harm(&files::Model::default().bytes(), 4000);
}

#[test]
fn cut_anywhere_is_an_error() {
    for name in ["meshes.usdc", "references.usdz"] {
        let bytes = golden::bytes(&format!("usd/{name}"));
        for end in (8..bytes.len() - 1).step_by(7) {
            let found = read_silently(&bytes[..end]);
            assert!(found.is_err(), "{name} cut at {end}");
        }
    }
}
