//! Every format, read back.

use super::*;
use crate::palette;

/// Names that break what is not quoted.
pub(super) const HOSTILE: [&str; 6] = [
    "=HYPERLINK(\"http://x\",\"y\")",
    "a, \"b\"\r\nc\0d",
    "<script>alert('x')</script> & more",
    "-1+1",
    "</style>é漢",
    "@tab\there",
];

/// Four rows of a file in millimetres with y up and far from its origin, of which the second is not
/// a point; with colors and an intensity.
pub(super) fn scan() -> Scan {
    let mut scan = read(ROOM);
    scan.set_frame(UpAxis::PlusY, 0.001).unwrap();
    assert_eq!(scan.row_of_point.as_deref(), Some(&[0, 2, 3][..]));
    assert_ne!(scan.frame.offset, [0.0; 3]);
    scan
}

const ROOM: &[u8] = b"ply\nformat ascii 1.0\nelement vertex 4\nproperty double x\nproperty double y\nproperty double z\n\
    property uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort intensity\nend_header\n\
    2000000 -3000000 100 10 20 30 7\nnan 0 0 11 21 31 8\n2001000 -3000000 100 12 22 32 9\n2000000 -2998000 600 13 23 33 65535\n";

/// Labels of [`scan`]: the first and the last row are of instance 4, the third has no owner.
/// Instance 9 has no points.
pub(super) fn labels_of_scan(name: &str) -> PointLabels {
    let instance = |id, label, score| LabeledInstance { id, label, score };
    PointLabels {
        instance_of_point: vec![0, NO_INSTANCE, 0],
        instances: vec![instance(4, Some(1), 0.75), instance(9, None, 0.5)],
        labels: vec!["never".to_owned(), name.to_owned()],
    }
}

pub(super) fn context() -> Context<'static> {
    Context {
        scan: "room",
        prompt: "chair, <b>table</b>",
        model: "nano",
        date: "2026-11-30",
        ..Context::default()
    }
}

pub(super) fn written(export: Export, scan: &Scan, labels: &PointLabels) -> Vec<u8> {
    export.write(scan, labels, &context()).unwrap()
}

pub(super) fn near(found: &[f64], wanted: &[f64], tolerance: f64) {
    let close = found
        .iter()
        .zip(wanted)
        .all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(
        found.len() == wanted.len() && close,
        "{found:?} is not {wanted:?}"
    );
}

/// The cells of a file of RFC 4180, which must be one.
fn parse(csv: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut rest) = (Vec::new(), Vec::new(), csv);
    while !rest.is_empty() {
        let cell = if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut cell = String::new();
            loop {
                let (part, after) = quoted.split_once('"').expect("a closing quote");
                cell += part;
                match after.strip_prefix('"') {
                    Some(more) => (cell, quoted) = (cell + "\"", more),
                    None => break rest = after,
                }
            }
            cell
        } else {
            let end = rest
                .find([',', '\r', '\n', '"'])
                .expect("an end of the cell");
            let (cell, after) = rest.split_at(end);
            rest = after;
            cell.to_owned()
        };
        line.push(cell);
        if let Some(after) = rest.strip_prefix("\r\n") {
            lines.push(std::mem::take(&mut line));
            rest = after;
        } else {
            rest = rest.strip_prefix(',').expect("a comma between cells");
        }
    }
    assert!(line.is_empty(), "the last line has an end");
    lines
}

fn table(labels: &PointLabels) -> Vec<Vec<String>> {
    parse(&String::from_utf8(written(Export::Csv, &scan(), labels)).unwrap())
}

#[test]
fn a_table_has_a_line_for_every_instance_in_the_files_frame() {
    let lines = table(&labels_of_scan("office chair"));
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    assert_eq!(lines[1][..4], ["4", "office chair", "0.75", "2"]);
    assert_eq!(lines[2][..4], ["9", "", "0.5", "0"]);
    assert!(lines[2][4..17].iter().all(String::is_empty));
    assert_eq!(lines[1].last().unwrap(), "millimetres");
    let numbers: Vec<f64> = lines[1][4..17]
        .iter()
        .map(|cell| cell.parse().unwrap())
        .collect();
    let center = [2_000_000.0, -2_999_000.0, 350.0];
    near(&numbers[..3], &center, 0.1);
    near(&numbers[3..6], &[0.0, 2000.0, 500.0], 0.1);
    near(&numbers[6..9], &center, 0.1);
    // along z of the file, which is -y of the world
    near(&numbers[9..], &[500.0, 0.0, 2000.0, 90.0], 0.1);
}

#[test]
fn cells_of_a_table_are_text_and_no_formulas() {
    for name in HOSTILE {
        let cell = table(&labels_of_scan(name))[1][1].clone();
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        let wanted = name.replace('\0', "\u{fffd}");
        assert_eq!(cell.strip_prefix('\'').unwrap_or(&cell), wanted);
    }
    let long = "x".repeat(1 << 20);
    assert_eq!(table(&labels_of_scan(&long))[1][1], long);
    assert_eq!(table(&PointLabels::default()).len(), 1);
}

#[test]
fn json_says_where_what_how_and_by_which_points() {
    let json: serde_json::Value =
        serde_json::from_slice(&written(Export::Json, &scan(), &labels_of_scan("chair"))).unwrap();
    assert_eq!(json["prompt"], "chair, <b>table</b>");
    assert_eq!(
        (&json["model"], &json["unit"], &json["up"]),
        (&"nano".into(), &"millimetres".into(), &"+y".into())
    );
    let chair = &json["instances"][0];
    assert_eq!(
        chair["color"],
        palette::css(palette::instance_color("chair", 4))
    );
    // rows of the file, of which the second is not a point
    assert_eq!(chair["point_runs"], "0 1 3 1");
    let numbers =
        |value: &serde_json::Value| -> Vec<f64> { serde_json::from_value(value.clone()).unwrap() };
    near(
        &numbers(&chair["centroid"]),
        &[2_000_000.0, -2_999_000.0, 350.0],
        0.1,
    );
    let oriented = &chair["oriented_box"];
    near(&numbers(&oriented["size"]), &[500.0, 0.0, 2000.0], 0.1);
    near(&numbers(&oriented["axes"][0]), &[0.0, 0.0, -1.0], 1e-9);
    near(&numbers(&oriented["axes"][2]), &[0.0, 1.0, 0.0], 1e-9);
    let empty = &json["instances"][1];
    assert_eq!(
        empty["color"],
        palette::css(palette::instance_color(UNNAMED, 9))
    );
    assert_eq!(
        (&empty["point_runs"], &empty["centroid"]),
        (&"".into(), &serde_json::Value::Null)
    );
}

#[test]
fn a_painted_file_has_the_colors_of_its_instances_and_keeps_its_own() {
    let painted = Context {
        painted: true,
        ..context()
    };
    let bytes = Export::Ply
        .write(&scan(), &labels_of_scan("chair"), &painted)
        .unwrap();
    let back = read(&bytes);
    let color = palette::instance_color("chair", 4);
    assert_eq!(back.colors.unwrap(), [color, palette::UNOWNED, color]);
    let points = back.table.point_rows();
    assert_eq!(values(points, "red_input"), [10.0, 11.0, 12.0, 13.0]);
    assert_eq!(values(points, "x")[2], 2_001_000.0);
}

#[test]
fn splats_keep_every_property() {
    let properties = [
        "x", "y", "z", "nx", "f_dc_0", "f_dc_1", "f_dc_2", "f_rest_0", "opacity", "scale_0",
        "rot_3",
    ];
    let header = properties
        .map(|name| format!("property float {name}\n"))
        .concat();
    let rows: String = (0..3)
        .map(|row| {
            (0..properties.len())
                .map(|i| format!("{} ", row as f32 + i as f32 * 0.125))
                .collect::<String>()
                + "\n"
        })
        .collect();
    let scan = read(
        format!("ply\nformat ascii 1.0\nelement vertex 3\n{header}end_header\n{rows}").as_bytes(),
    );
    let back = read(&written(Export::Ply, &scan, &labels()));
    let (before, after) = (scan.table.point_rows(), back.table.point_rows());
    assert_eq!(after.columns[..properties.len()], before.columns);
    for name in properties {
        assert_eq!(values(after, name), values(before, name), "{name}");
    }
    assert_eq!(values(after, "instance").len(), 3);
    assert_eq!(
        back.colors, scan.colors,
        "the base colors are read as before"
    );
}

#[test]
fn the_list_of_formats_is_complete_and_the_same_input_gives_the_same_bytes() {
    let unique = |of: fn(Export) -> &'static str| {
        let all: std::collections::BTreeSet<_> = Export::ALL.into_iter().map(of).collect();
        assert_eq!(all.len(), Export::ALL.len());
    };
    [Export::key, Export::name, Export::ending, Export::purpose]
        .into_iter()
        .for_each(unique);
    let empty = PointLabels::default();
    let ownerless = PointLabels {
        instance_of_point: Vec::new(),
        ..labels_of_scan("chair")
    };
    for export in Export::ALL {
        assert_eq!(export.key().parse(), Ok(export));
        for labels in [&labels_of_scan(HOSTILE[1]), &empty, &ownerless] {
            let bytes = written(export, &scan(), labels);
            assert!(!bytes.is_empty());
            assert!(bytes == written(export, &scan(), labels), "{export:?}");
        }
    }
    assert!("doc".parse::<Export>().is_err());
}
