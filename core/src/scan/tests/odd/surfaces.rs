//! Meshes.

use super::*;
use crate::write;

// 30: a mesh of few large triangles
#[test]
fn the_faces_of_a_coarse_mesh_are_sampled() {
    // a floor and a wall of 4 x 3 m, in centimetres and y up, red at one corner
    let elements = format!(
        "element vertex 6\n{XYZ}{RGB}property int label\nproperty int instance\nelement face 2\nproperty list uchar int vertex_indices\n"
    );
    let rows = "0 0 0 200 0 0 1 1\n400 0 0 0 0 0 1 1\n400 0 300 0 0 0 1 1\n0 0 300 0 0 0 1 1\n0 300 0 0 0 0 2 2\n400 300 0 0 0 0 2 2\n\
        4 0 1 2 3\n4 0 1 5 4\n";
    let mut scan = read_silently(&ascii_ply(&elements, rows)).unwrap();
    assert_eq!((scan.len(), scan.measured()), (6, 6));
    scan.set_frame(UpAxis::PlusY, 0.01).unwrap();
    scan.sample_surface();
    // 24 square metres, a point every 3 cm
    assert!((26_000..27_500).contains(&scan.len()), "{}", scan.len());
    assert_eq!(scan.measured(), 6);
    assert!(
        warning(&scan).contains("few large triangles"),
        "{:?}",
        scan.warnings
    );
    let truth = scan.truth.as_ref().unwrap();
    let lengths = [
        scan.colors.as_ref().unwrap().len(),
        truth.semantic.len(),
        truth.instance.len(),
    ];
    assert_eq!(lengths, [scan.len(); 3]);
    // every square of 20 cm has points, all on the surface and between the corners' colors
    let mut squares = std::collections::BTreeSet::new();
    for (point, color) in scan.positions.iter().zip(scan.colors.as_ref().unwrap()) {
        assert!(point[2].abs() < 1e-5 || point[1].abs() < 1e-5, "{point:?}");
        assert!(color[0] <= 200 && color[1..] == [0, 0]);
        squares.insert(point.map(|v| (v / 0.2).floor() as i32));
    }
    assert!(squares.len() >= 600, "{}", squares.len());
    assert!(truth.instance.contains(&1) && truth.instance.contains(&0));

    // once more is the same again, and the samples follow the frame
    let once = (scan.positions.clone(), scan.colors.clone());
    scan.sample_surface();
    assert_eq!(
        (&scan.positions, &scan.colors, scan.warnings.len()),
        (&once.0, &once.1, 1)
    );
    scan.set_frame(UpAxis::PlusY, 0.02).unwrap();
    let doubled: Vec<_> = once.0.iter().map(|p| p.map(|v| v * 2.0)).collect();
    for (a, b) in scan.positions.iter().zip(&doubled) {
        assert!(glam::Vec3::from(*a).distance((*b).into()) < 1e-5);
    }
    // results go to the rows of the file
    let labels = write::PointLabels {
        instance_of_point: vec![0; scan.len()],
        instances: vec![write::LabeledInstance {
            id: 4,
            label: None,
            score: 1.0,
        }],
        labels: Vec::new(),
    };
    let back = read_silently(&write::labeled_ply(&scan, &labels, false)).unwrap();
    let ids: Vec<f64> = back
        .table
        .point_rows()
        .column("instance")
        .unwrap()
        .values()
        .collect();
    assert_eq!(ids, [4.0; 6]);
}

#[test]
fn dense_meshes_and_huge_ones_are_bounded() {
    // a square of 2 x 2 m in 20 x 20 squares is dense enough
    let mesh = |edge: f32, cells: u32| {
        let at = |i: u32| i as f32 * edge / cells as f32;
        let side = cells + 1;
        let points = (0..side * side).flat_map(|i| [at(i % side), at(i / side), 0.0]);
        let points = floats(&points.collect::<Vec<_>>());
        let faces = (0..cells * cells).flat_map(|i| {
            let corner = i / cells * side + i % cells;
            [4, corner, corner + 1, corner + side + 1, corner + side]
        });
        let faces: Vec<u8> = faces.flat_map(u32::to_le_bytes).collect();
        let elements = format!(
            "element vertex {}\n{XYZ}element face {}\nproperty list uint uint vertex_index\n",
            side * side,
            cells * cells
        );
        read_silently(&little_ply(&elements, &[points, faces].concat())).unwrap()
    };
    let mut dense = mesh(2.0, 20);
    dense.sample_surface();
    assert_eq!(dense.len(), dense.measured());
    let mut huge = mesh(1e6, 1);
    huge.sample_surface();
    assert!((299_000..=300_004).contains(&huge.len()), "{}", huge.len());
    let mut degenerate = mesh(0.0, 1);
    degenerate.sample_surface();
    assert_eq!(degenerate.len(), 4);
}
