//! Labelled points: LAS, LAZ and PCD.

use std::io::Cursor;

use ::las::{Point, Reader};

use super::{
    formats::{HOSTILE, context, labels_of_scan, near, scan, written},
    *,
};
use crate::palette;

fn points(bytes: Vec<u8>) -> (::las::Header, Vec<Point>) {
    let mut reader = Reader::new(Cursor::new(bytes)).unwrap();

    let points = reader
        .read_all()
        .unwrap()
        .points()
        .map(Result::unwrap)
        .collect();
    (reader.header().clone(), points)
}

/// The extra bytes of a point: instance, label, score.
fn extra(point: &Point) -> (i32, i32, f32) {
    let word = |at: usize| -> [u8; 4] { point.extra_bytes[at..at + 4].try_into().unwrap() };
    (
        i32::from_le_bytes(word(0)),
        i32::from_le_bytes(word(4)),
        f32::from_le_bytes(word(8)),
    )
}

#[test]
fn surveys_have_the_points_in_the_files_frame_with_their_labels() {
    for export in [Export::Las, Export::Laz] {
        let (header, points) = points(written(export, &scan(), &labels_of_scan("chair")));
        assert_eq!((header.version().major, header.version().minor), (1, 4));
        assert_eq!(header.date(), None, "no clock");
        let at: Vec<f64> = points
            .iter()
            .flat_map(|point| [point.x, point.y, point.z])
            .collect();
        let wanted = [
            2_000_000.0,
            -3_000_000.0,
            100.0,
            2_001_000.0,
            -3_000_000.0,
            100.0,
            2_000_000.0,
            -2_998_000.0,
            600.0,
        ];
        near(&at, &wanted, 0.051);
        assert_eq!(
            points.iter().map(extra).collect::<Vec<_>>(),
            [(4, 1, 0.75), (-1, -1, 0.0), (4, 1, 0.75)]
        );
        let classes: Vec<u8> = points
            .iter()
            .map(|point| point.classification.into())
            .collect();
        assert_eq!(classes, [65, 1, 65]);
        let intensities: Vec<u16> = points.iter().map(|point| point.intensity).collect();
        assert_eq!(intensities, [7, 9, 65535]);
        let color = points[0].color.unwrap();
        assert_eq!([color.red, color.green, color.blue], [2570, 5140, 7710]);
    }
}

#[test]
fn extra_bytes_are_declared_and_labels_have_names() {
    let long = "x".repeat(100_000);
    for name in HOSTILE.into_iter().chain([long.as_str()]) {
        let (header, _) = points(written(Export::Las, &scan(), &labels_of_scan(name)));
        let record = |id| {
            let of_id = |vlr: &&::las::Vlr| vlr.record_id == id && vlr.user_id == "LASF_Spec";
            header.vlrs().iter().find(of_id).unwrap().data.clone()
        };
        let entries = record(4);
        let named = |entry: &[u8]| {
            (
                entry[2],
                String::from_utf8(entry[4..36].to_vec())
                    .unwrap()
                    .trim_end_matches('\0')
                    .to_owned(),
            )
        };
        let declared: Vec<_> = entries.chunks(192).map(named).collect();
        assert_eq!(
            declared,
            [
                (6, "instance".into()),
                (6, "label".into()),
                (9, "score".into())
            ]
        );
        let text = String::from_utf8(record(3)).unwrap();
        assert!(
            text.starts_with("label 0 never\n") && text.ends_with('\0'),
            "{text}"
        );
        assert_eq!(text.lines().count(), if name == long { 2 } else { 3 });
    }
}

#[test]
fn surveys_can_be_painted_and_may_have_no_things() {
    let painted = Context {
        painted: true,
        ..context()
    };
    let bytes = Export::Laz
        .write(&scan(), &labels_of_scan("chair"), &painted)
        .unwrap();
    let channels = |point: &Point| {
        point
            .color
            .map(|c| [c.red, c.green, c.blue].map(|v| (v / 257) as u8))
    };
    let colors: Vec<_> = points(bytes).1.iter().filter_map(channels).collect();
    let chair = palette::instance_color("chair", 4);
    assert_eq!(colors, [chair, palette::UNOWNED, chair]);
    let (_, empty) = points(written(Export::Las, &scan(), &PointLabels::default()));
    assert!(empty.iter().all(|point| extra(point) == (-1, -1, 0.0)));
}

#[test]
fn a_scan_of_any_extent_fits_the_integers_of_las() {
    for extent in [0.0, 1e-3, 5.0, 8e9] {
        let scan = Scan::from_points(&[[0.0; 3], [extent, -extent, extent]], None).unwrap();
        let (_, points) = points(written(Export::Las, &scan, &PointLabels::default()));
        let tolerance = f64::from(extent) * 1e-9 + 5.1e-5;
        near(
            &[points[1].x, points[1].y],
            &[extent.into(), (-extent).into()],
            tolerance,
        );
    }
}

#[test]
fn point_clouds_keep_their_properties() {
    let input = read(b"# .PCD v0.7 - Point Cloud Data file format\n# by hand\nVERSION 0.7\nFIELDS x y z rgb normal instance\n\
        SIZE 4 4 8 4 4 2\nTYPE F F F U F I\nCOUNT 1 1 1 1 2 1\nWIDTH 2\nHEIGHT 2\nVIEWPOINT 1 2 3 1 0 0 0\nPOINTS 4\nDATA ascii\n\
        0 0 0 657930 1 2 3\nnan 0 0 657931 1 2 4\n1 0 2 657932 3 4 5\n1 1 1 657933 5 6 -7\n");
    let labels = labels_of_scan("chair");
    let bytes = written(Export::Pcd, &input, &labels);
    let back = read(&bytes);
    let (before, after) = (input.table.point_rows(), back.table.point_rows());
    for name in ["x", "z", "red", "green", "blue", "normal_0", "normal_1"] {
        assert!(
            before
                .column(name)
                .unwrap()
                .values()
                .zip(values(after, name))
                .all(|(a, b)| a == b || a.is_nan() && b.is_nan()),
            "{name}"
        );
    }
    assert_eq!(values(after, "instance_input"), [3.0, 4.0, 5.0, -7.0]);
    assert_eq!(values(after, "instance"), [4.0, -1.0, -1.0, 4.0]);
    assert_eq!(values(after, "label"), [1.0, -1.0, -1.0, 1.0]);
    assert_eq!(values(after, "score"), [0.75, 0.0, 0.0, 0.75]);
    let has = |remark: &str| back.table.comments.iter().any(|comment| *comment == remark);
    for remark in [
        "comment by hand",
        "comment label 1 chair",
        "comment VIEWPOINT 1 2 3 1 0 0 0",
        "comment organised as WIDTH 2 HEIGHT 2",
    ] {
        assert!(has(remark), "{remark}: {:?}", back.table.comments);
    }
    assert_eq!(back.colors, input.colors);
    let again = written(Export::Pcd, &back, &labels);
    assert_eq!(
        again.windows(7).filter(|text| *text == b"# .PCD ").count(),
        1
    );
}

#[test]
fn a_mesh_as_points_keeps_its_colors_and_its_frame() {
    for name in HOSTILE {
        let back = read(&written(Export::Pcd, &scan(), &labels_of_scan(name)));
        let points = back.table.point_rows();
        assert_eq!(
            values(points, "y"),
            [-3_000_000.0, 0.0, -3_000_000.0, -2_998_000.0]
        );
        assert_eq!(values(points, "intensity")[3], 65535.0);
        assert_eq!(values(points, "red"), [10.0, 11.0, 12.0, 13.0]);
        assert_eq!(values(points, "instance"), [4.0, -1.0, -1.0, 4.0]);
    }
    let painted = Context {
        painted: true,
        ..context()
    };
    let back = read(
        &Export::Pcd
            .write(&scan(), &labels_of_scan("chair"), &painted)
            .unwrap(),
    );
    assert_eq!(back.colors.unwrap()[0], palette::instance_color("chair", 4));
    assert_eq!(
        values(back.table.point_rows(), "red_input"),
        [10.0, 11.0, 12.0, 13.0]
    );
}
