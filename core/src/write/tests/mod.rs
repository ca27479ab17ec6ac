#![allow(clippy::unwrap_used)]

#[cfg(feature = "exports")]
mod archives;
#[cfg(feature = "exports")]
mod formats;
#[cfg(feature = "exports")]
mod inventory;
#[cfg(feature = "exports")]
mod models;
#[cfg(feature = "exports")]
mod sliced;
#[cfg(feature = "exports")]
mod surveys;
#[cfg(feature = "exports")]
mod viewer;

use super::*;
use crate::{
    instances::NO_INSTANCE,
    progress::Monitor,
    scan::{self, Element, Scan, UpAxis},
};

fn read(bytes: &[u8]) -> Scan {
    scan::read(bytes, &Monitor::silent()).unwrap()
}

/// Four rows, of which the second is not a point; a face; and columns that already have the names
/// we add.
const INPUT: &[u8] = b"ply\nformat ascii 1.0\ncomment by hand\ncomment label 3 old chair\nelement vertex 4\nproperty double x\nproperty double y\nproperty double z\n\
    property uchar quality\nproperty short Label\nproperty int instance\nproperty list uchar int views\nelement face 1\nproperty list uchar int vertex_indices\n\
    property float area\nend_header\n0 0 0 10 3 7 0\nnan 0 0 11 3 7 2 5 6\n1000 0 0 12 3 8 1 9\n0 2000 500 13 3 8 0\n3 0 2 3 0.5\n";

fn labels() -> PointLabels {
    PointLabels {
        instance_of_point: vec![1, NO_INSTANCE, 0],
        instances: vec![
            LabeledInstance {
                id: 4,
                label: Some(1),
                score: 0.75,
            },
            LabeledInstance {
                id: 9,
                label: None,
                score: 0.5,
            },
            LabeledInstance {
                id: 11,
                label: Some(0),
                score: 0.25,
            },
        ],
        labels: vec!["office chair".to_owned(), "sofa\nend_header".to_owned()],
    }
}

fn values(points: &Element, name: &str) -> Vec<f64> {
    points
        .column(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .values()
        .collect()
}

#[test]
fn a_labeled_file_has_everything_of_its_input_and_the_labels() {
    let scan = read(INPUT);
    let out = read(&labeled_ply(&scan, &labels(), false));
    let points = out.table.point_rows();
    assert_eq!(values(points, "instance"), [9.0, -1.0, -1.0, 4.0]);
    assert_eq!(values(points, "label"), [-1.0, -1.0, -1.0, 1.0]);
    assert_eq!(values(points, "score"), [0.5, 0.0, 0.0, 0.75]);
    assert_eq!(values(points, "instance_input"), [7.0, 7.0, 8.0, 8.0]);
    assert_eq!(values(points, "label_input"), [3.0; 4]);
    assert_eq!(values(points, "quality"), [10.0, 11.0, 12.0, 13.0]);
    assert_eq!(values(points, "z"), [0.0, 0.0, 0.0, 500.0]);
    assert_eq!(points.lists, scan.table.point_rows().lists);
    assert_eq!(out.table.elements[1], scan.table.elements[1]);
    let comments = [
        "comment by hand",
        "comment label_input 3 old chair",
        "comment label 0 office chair",
        "comment label 1 sofa end_header",
    ];
    assert_eq!(out.table.comments, comments);
    assert_eq!(out.positions, scan.positions);
}

#[test]
fn labeling_twice_keeps_both_answers() {
    let once = read(&labeled_ply(&read(INPUT), &labels(), false));
    let twice = read(&labeled_ply(&once, &PointLabels::default(), false));
    let points = twice.table.point_rows();
    assert_eq!(values(points, "instance"), [-1.0; 4]);
    assert_eq!(
        values(points, "instance_input_input"),
        [9.0, -1.0, -1.0, 4.0]
    );
    assert_eq!(values(points, "instance_input"), [7.0, 7.0, 8.0, 8.0]);
    assert_eq!(
        twice
            .table
            .comments
            .iter()
            .filter(|c| c.text().starts_with("comment label "))
            .count(),
        0
    );
}

#[test]
fn instances_become_truth_again() {
    let points = [[0.0; 3], [1.0; 3], [2.0; 3]];
    let labeled = labeled_ply(&Scan::from_points(&points, None).unwrap(), &labels(), false);
    let truth = read(&labeled).truth.unwrap();
    assert_eq!(
        (truth.semantic, truth.instance),
        (vec![-1, -1, 1], vec![10, 0, 5])
    );
}

#[test]
fn boxes_are_in_the_files_units_and_in_metres() {
    let mut scan = read(INPUT);
    scan.set_frame(UpAxis::PlusY, 0.001).unwrap();
    let labels = PointLabels {
        instance_of_point: vec![0, 0, 0],
        ..labels()
    };
    let json: serde_json::Value =
        serde_json::from_str(&instances_json(&scan, &labels, &Context::default())).unwrap();
    assert_eq!(json["points"], 3);
    assert_eq!(
        json["frame"],
        serde_json::json!({"offset": [0.0, 0.0, 0.0], "metres_per_unit": 0.001, "up": "plus_y"})
    );
    let chair = &json["instances"][0];
    assert_eq!(
        (
            &chair["id"],
            &chair["label"],
            &chair["points"],
            &chair["score"]
        ),
        (
            &4.into(),
            &"sofa\nend_header".into(),
            &3.into(),
            &0.75.into()
        )
    );
    let near = |found: &serde_json::Value, wanted: [f64; 3], tolerance: f64| {
        let found: Vec<f64> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        assert!(
            found
                .iter()
                .zip(wanted)
                .all(|(a, b)| (a - b).abs() < tolerance),
            "{found:?} is not {wanted:?}"
        );
    };
    near(&chair["box"]["min"], [0.0, 0.0, 0.0], 1e-3);
    near(&chair["box"]["max"], [1000.0, 2000.0, 500.0], 1e-3);
    near(&chair["box"]["centre"], [500.0, 1000.0, 250.0], 1e-3);
    near(&chair["box"]["size"], [1000.0, 2000.0, 500.0], 1e-3);
    // y up: file (x, y, z) is world (x, -z, y)
    near(&chair["world_box"]["min"], [0.0, -0.5, 0.0], 1e-6);
    near(&chair["world_box"]["max"], [1.0, 0.0, 2.0], 1e-6);
    assert_eq!(json["instances"][1]["box"], serde_json::Value::Null);
    assert_eq!(json["instances"][1]["label"], serde_json::Value::Null);
}

#[test]
fn owners_that_do_not_exist_are_no_instance() {
    let scan = Scan::from_points(&[[0.0; 3]; 3], None).unwrap();
    let wrong = PointLabels {
        instance_of_point: vec![77],
        ..labels()
    };
    assert_eq!(
        values(
            read(&labeled_ply(&scan, &wrong, false)).table.point_rows(),
            "instance"
        ),
        [-1.0; 3]
    );
    assert!(
        instance_records(&scan, &wrong)
            .iter()
            .all(|record| record.points == 0)
    );
}

#[test]
#[ignore = "needs the real scans, whose terms keep them out of the project"]
fn real_files_come_back_whole() {
    let data = scan::tests::real::data();
    for file in [
        "scannet-gt/scene0007_00.ply",
        "scannet-mesh-0470/scene0470_00_vh_clean_2.ply",
        "osd-labelled/learn0.pcd",
        "open3d-fragments/fragment.pcd",
    ] {
        let scan = read(&std::fs::read(data.join(file)).unwrap());
        let back = read(&ply(&scan.table));
        assert_eq!(back.table, scan.table, "{file}");
        assert_eq!(
            (back.positions, back.colors, back.triangles),
            (scan.positions, scan.colors, scan.triangles),
            "{file}"
        );
    }
}
