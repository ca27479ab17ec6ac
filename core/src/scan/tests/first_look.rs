//! The part of a large scan that is shown while the whole is read.

use super::*;
use crate::preflight::{Choices, preflight};

const POINTS: usize = 10_000;
const MOST: usize = 3000;

/// The floor and two walls of a room far from the origin of a survey.
fn position(i: usize) -> [f64; 3] {
    let (u, v) = ((i % 100) as f64 * 0.04, (i / 3 % 71) as f64 * 0.035);
    let [x, y, z] = match i % 3 {
        0 => [u, v, 0.0],
        1 => [u, 0.0, v],
        _ => [0.0, u, v],
    };
    [x, y, z]
}

/// A binary PLY file with an element before the points and faces after them.
fn ply() -> Vec<u8> {
    let header = format!(
        "ply\nformat binary_little_endian 1.0\nelement camera 2\nproperty float f\nelement vertex {POINTS}\nproperty double x\nproperty double y\nproperty double z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    );
    let mut body = floats(&[1.0, 2.0]);
    for i in 0..POINTS {
        body.extend(position(i).iter().flat_map(|v| v.to_le_bytes()));
        body.extend([i as u8, 2, 3]);
    }
    body.push(3);
    body.extend([0u32, 3, 6].iter().flat_map(|v| v.to_le_bytes()));
    file(&header, &body)
}

fn pcd() -> Vec<u8> {
    let header = format!(
        "VERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH {POINTS}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {POINTS}\nDATA binary\n"
    );
    let mut body = Vec::new();
    for i in 0..POINTS {
        body.extend(floats(&position(i).map(|v| v as f32)));
        body.extend([i as u8, 2, 3, 255]);
    }
    file(&header, &body)
}

/// LAS 1.2 with point format 2, in millimetres far from the origin.
fn las() -> Vec<u8> {
    let mut header = vec![0; 227];
    header[..4].copy_from_slice(b"LASF");
    header[24..26].copy_from_slice(&[1, 2]);
    header[94..96].copy_from_slice(&227u16.to_le_bytes());
    header[96..100].copy_from_slice(&227u32.to_le_bytes());
    header[104] = 2;
    header[105..107].copy_from_slice(&26u16.to_le_bytes());
    header[107..111].copy_from_slice(&(POINTS as u32).to_le_bytes());
    for axis in 0..3 {
        let at = 131 + 8 * axis;
        header[at..at + 8].copy_from_slice(&0.001f64.to_le_bytes());
        header[at + 24..at + 32].copy_from_slice(&500_000f64.to_le_bytes());
    }
    for i in 0..POINTS {
        let whole = position(i).map(|v| (v * 1000.0).round() as i32);
        header.extend(whole.iter().flat_map(|v| v.to_le_bytes()));
        header.extend([0; 8]);
        header.extend([i as u16, 2, 300].iter().flat_map(|v| v.to_le_bytes()));
    }
    header
}

#[test]
fn a_first_look_has_every_nth_point_in_the_same_frame() {
    for (name, bytes) in [("ply", ply()), ("pcd", pcd()), ("las", las())] {
        let scan = read_silently(&bytes).unwrap();
        let part = first_look(&bytes, MOST).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(scan.len(), POINTS, "{name}");
        assert_eq!(part.len(), POINTS / 4, "{name}: at most {MOST}");
        assert!(part.triangles.is_empty());
        let in_file = |scan: &Scan, point: usize| {
            let world = scan.positions[point].map(f64::from);
            scan.frame.file_from_world(world)
        };
        for point in 0..part.len() {
            let (found, wanted) = (in_file(&part, point), in_file(&scan, 4 * point));
            for axis in 0..3 {
                assert!(
                    (found[axis] - wanted[axis]).abs() < 1e-4,
                    "{name}: {found:?}"
                );
            }
        }
        let every_fourth = scan.colors.map(|colors| {
            let colors = colors.into_iter().step_by(4);
            colors.collect::<Vec<_>>()
        });
        assert_eq!(part.colors, every_fourth, "{name}");
        let scan = read_silently(&bytes).unwrap();
        let [whole, look] = [&scan, &part].map(|scan| preflight(scan, Choices::default()));
        assert_eq!(
            (whole.up.value, whole.unit.value),
            (look.up.value, look.unit.value),
            "{name} is placed alike"
        );
    }
}

#[test]
fn there_is_no_first_look_at_what_has_to_be_parsed_or_is_damaged() {
    let ply = ply();
    let text = b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    for (why, bytes) in [
        ("cut short", las()[..227 + 26 * 100].to_vec()),
        ("text", text.repeat(100)),
        (
            "too many points for its bytes",
            replaced(&ply, "vertex 10000", "vertex 4000000000000000000"),
        ),
        ("no points", replaced(&ply, "vertex 10000", "vertex 0")),
        ("no coordinates", replaced(&ply, "double x", "double a")),
        (
            "points with lists",
            replaced(&ply, "property uchar red", "property list uchar uchar red"),
        ),
        ("no scan", vec![7; 100_000]),
        ("nothing", Vec::new()),
    ] {
        assert!(first_look(&bytes, MOST).is_none(), "{why}");
    }
    let all = first_look(&ply, POINTS).map(|part| part.len());
    assert_eq!(all, Some(POINTS), "all are as few");
    // What comes after the points does not matter yet.
    let cut = &ply[..ply.len() - 5];
    assert!(read_silently(cut).is_err() && first_look(cut, MOST).is_some());
}

#[test]
fn a_frame_that_is_chosen_again_changes_nothing() {
    let mut scan = read_silently(&las()).unwrap();
    let (positions, frame) = (scan.positions.clone(), scan.frame);
    scan.set_frame(UpAxis::PlusY, 0.001).unwrap();
    assert_ne!(scan.positions, positions);
    scan.set_frame(UpAxis::PlusZ, 1.0).unwrap();
    assert_eq!((&scan.positions, scan.frame), (&positions, frame));
    scan.set_frame(UpAxis::PlusZ, 1.0).unwrap();
    assert_eq!((&scan.positions, scan.frame), (&positions, frame));
}
