//! Tests with the real scans in the folder beside the project.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;

/// The folder with the real scans, beside the project.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")
}

/// Every PLY and PCD file below a folder, sorted by path.
pub(crate) fn scans_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(scans_below(&entry));
        } else if entry.extension().is_some_and(|e| e == "ply" || e == "pcd") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "needs the real scans, whose terms keep them out of the project"]
fn real_files_of_other_formats_are_read() {
    let read = |file: &str| {
        let bytes = fs::read(data().join(file)).unwrap();
        read_silently(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    let of_obj = read("derived/scannet-0470.obj");
    let of_ply = read("scannet-mesh-0470/scene0470_00_vh_clean_2.ply");
    assert_eq!(of_obj.len(), of_ply.len());
    assert_eq!(of_obj.triangles, of_ply.triangles);
    let near = |a: &[u8; 3], b: &[u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
    let mut colors = of_obj
        .colors
        .iter()
        .flatten()
        .zip(of_ply.colors.iter().flatten());
    assert!(colors.all(|(a, b)| near(a, b)));
    let of_glb = read("glb-bcalidar/room.glb");
    assert!(of_glb.len() > 1000 && of_glb.triangles.len() > 1000);
    assert_eq!(of_glb.up, Some(UpAxis::PlusY));
}

#[test]
#[ignore = "needs the real scans, whose terms keep them out of the project"]
fn real_files_hold_what_their_headers_say() {
    let paths = scans_below(&data());
    assert!(paths.len() > 20, "{} scans", paths.len());
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).into_owned();
        let promised = |key: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(key)?.trim().parse::<usize>().ok())
        };
        let scan = read_silently(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let rows = promised("element vertex")
            .or_else(|| promised("POINTS"))
            .unwrap();
        assert_eq!(scan.table.point_rows().count, rows, "{}", path.display());
        assert_eq!(
            scan.triangles.len(),
            promised("element face").unwrap_or(0),
            "{}",
            path.display()
        );
        assert_eq!(
            scan.row_of_point.as_ref().map_or(rows, Vec::len),
            scan.len()
        );
        assert_eq!(
            scan.colors.is_some(),
            head.contains("red") || head.contains("rgb"),
            "{}",
            path.display()
        );
        assert_eq!(
            scan.truth.is_some(),
            path.parent().unwrap().ends_with("scannet-gt"),
            "{}",
            path.display()
        );
        assert!(scan.positions.iter().flatten().all(|v| v.is_finite()));
    }
}
