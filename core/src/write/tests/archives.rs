//! Archives: arrays for NumPy and submissions to ScanNet.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use super::{
    formats::{HOSTILE, labels_of_scan, near, scan, written},
    *,
};

fn open(bytes: Vec<u8>) -> ZipArchive<Cursor<Vec<u8>>> {
    ZipArchive::new(Cursor::new(bytes)).unwrap()
}

fn file(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = archive
        .by_name(name)
        .unwrap_or_else(|_| panic!("no {name}"));
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn text(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    String::from_utf8(file(archive, name)).unwrap()
}

/// The type, the shape and the values of an array.
fn array(labels: &PointLabels, name: &str) -> (String, Vec<usize>, Vec<u8>) {
    let mut archive = open(written(Export::Npz, &scan(), labels));
    let bytes = file(&mut archive, &format!("{name}.npy"));
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "the values are aligned");
    let header = str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n'));
    let kind = header.split('\'').nth(3).unwrap().to_owned();
    assert!(header.contains("'fortran_order': False"));
    let shape = header.split(['(', ')']).nth(1).unwrap().split(',');
    let shape = shape.map(str::trim).filter(|edge| !edge.is_empty());
    let shape = shape.map(|edge| edge.parse().unwrap()).collect();
    (kind, shape, bytes[10 + length..].to_vec())
}

fn numbers(labels: &PointLabels, name: &str) -> (Vec<usize>, Vec<f64>) {
    let (kind, shape, bytes) = array(labels, name);
    let scalar = match kind.as_str() {
        "<i4" => scan::Scalar::I32,
        "<f4" => scan::Scalar::F32,
        "<f8" => scan::Scalar::F64,
        other => panic!("{other}"),
    };
    let values: Vec<f64> = bytes
        .chunks(scalar.size())
        .map(|value| scalar.read(value))
        .collect();
    assert_eq!(values.len(), shape.iter().product::<usize>());
    (shape, values)
}

#[test]
fn arrays_have_a_value_for_every_row_of_the_file() {
    let labels = labels_of_scan("chair");
    assert_eq!(
        numbers(&labels, "instance"),
        (vec![4], vec![4.0, -1.0, -1.0, 4.0])
    );
    assert_eq!(
        numbers(&labels, "label"),
        (vec![4], vec![1.0, -1.0, -1.0, 1.0])
    );
    assert_eq!(
        numbers(&labels, "score"),
        (vec![4], vec![0.75, 0.0, 0.0, 0.75])
    );
    assert_eq!(numbers(&labels, "instance_ids"), (vec![2], vec![4.0, 9.0]));
    assert_eq!(
        numbers(&labels, "instance_labels"),
        (vec![2], vec![1.0, -1.0])
    );
    assert_eq!(
        numbers(&labels, "instance_scores"),
        (vec![2], vec![0.75, 0.5])
    );
    let (shape, boxes) = numbers(&labels, "boxes");
    assert_eq!(shape, [2, 2, 3]);
    let corners = [
        2_000_000.0,
        -3_000_000.0,
        100.0,
        2_000_000.0,
        -2_998_000.0,
        600.0,
    ];
    near(&boxes[..6], &corners, 0.1);
    assert!(boxes[6..].iter().all(|value| value.is_nan()));
    let (shape, oriented) = numbers(&labels, "oriented_boxes");
    assert_eq!(shape, [2, 7]);
    near(&oriented[3..7], &[500.0, 0.0, 2000.0, 90.0], 0.1);
}

#[test]
fn names_in_arrays_are_texts_of_one_length() {
    let long = "é".repeat(100_000);
    for name in HOSTILE.into_iter().chain([long.as_str()]) {
        let (kind, shape, bytes) = array(&labels_of_scan(name), "labels");
        let width: usize = kind.strip_prefix("<U").unwrap().parse().unwrap();
        assert_eq!((shape, bytes.len()), (vec![2], 2 * 4 * width));
        let chars = bytes[4 * width..].chunks(4);
        let read: String = chars
            .map(|c| char::from_u32(u32::from_le_bytes(c.try_into().unwrap())).unwrap())
            .collect();
        let wanted: String = name.chars().take(256).collect();
        assert_eq!(read.trim_end_matches('\0'), wanted);
    }
    assert_eq!(
        array(&PointLabels::default(), "labels"),
        ("<U1".to_owned(), vec![0], vec![])
    );
    assert_eq!(numbers(&PointLabels::default(), "instance").1, [-1.0; 4]);
}

#[test]
fn a_submission_has_a_mask_for_every_instance_of_a_known_class() {
    let mut labels = labels_of_scan(" Office Chair");
    let of = |id, label, score| LabeledInstance { id, label, score };
    labels
        .instances
        .extend([of(1234, Some(0), 0.25), of(5, Some(2), 1.0)]);
    labels.labels.push("lamp".to_owned());
    labels.instance_of_point = vec![0, 2, 3];
    let bytes = Export::ScanNet
        .write(
            &scan(),
            &labels,
            &Context {
                scan: "my room/1",
                ..Context::default()
            },
        )
        .unwrap();
    let mut archive = open(bytes);
    let office_chair = crate::benchmarks::scannet200()
        .iter()
        .find(|c| c.name == "office chair")
        .unwrap();
    let lamp = crate::benchmarks::scannet200()
        .iter()
        .find(|c| c.name == "lamp")
        .unwrap();
    let wanted = format!(
        "pred_mask/004.txt {} 0.75\npred_mask/005.txt {} 1\n",
        office_chair.id, lamp.id
    );
    assert_eq!(text(&mut archive, "my_room_1.txt"), wanted);
    assert_eq!(text(&mut archive, "pred_mask/004.txt"), "1\n0\n0\n0\n");
    assert_eq!(text(&mut archive, "pred_mask/005.txt"), "0\n0\n0\n1\n");
    assert_eq!(archive.len(), 4);
    let readme = text(&mut archive, "README.md");
    assert!(
        readme.contains("* 9 `unnamed`: it has no points"),
        "{readme}"
    );
    assert!(
        readme.contains("* 1234 `never`: its label is no class of ScanNet200"),
        "{readme}"
    );
}

#[test]
fn a_submission_without_instances_is_an_empty_list() {
    let mut archive = open(written(Export::ScanNet, &scan(), &PointLabels::default()));
    assert_eq!(text(&mut archive, "room.txt"), "");
    assert!(text(&mut archive, "README.md").contains("No instance was left out"));
}
