//! Several files that become one scan.

use super::*;

/// An ascii PLY file with these properties of points, and faces if there are any.
fn ascii(properties: &[&str], rows: &str, faces: &[&str]) -> Scan {
    let properties: String = (properties.iter())
        .map(|property| format!("property {property}\n"))
        .collect();
    let of_faces = match faces.len() {
        0 => String::new(),
        count => {
            format!("element face {count}\nproperty list uchar int vertex_indices\n")
        }
    };
    let count = rows.lines().count();
    let header = format!(
        "ply\nformat ascii 1.0\nelement vertex {count}\n{properties}{of_faces}end_header\n"
    );
    read_silently(format!("{header}{rows}{}\n", faces.join("\n")).as_bytes()).unwrap()
}

const XYZ: [&str; 3] = ["double x", "double y", "double z"];

fn with_colors<'a>(scalar: &'a str, names: [&'a str; 3]) -> Vec<String> {
    let colors = names.map(|name| format!("{scalar} {name}"));
    XYZ.map(str::to_owned).into_iter().chain(colors).collect()
}

fn strs(properties: &[String]) -> Vec<&str> {
    properties.iter().map(String::as_str).collect()
}

fn joined(scans: Vec<(&str, Scan)>) -> Scan {
    let mut join = Join::default();
    for (name, scan) in scans {
        join.add(name, scan).unwrap();
    }
    join.finish().unwrap()
}

fn warns(scan: &Scan, words: &[&str]) -> bool {
    let has = |warning: &Warning| words.iter().all(|words| warning.0.contains(words));
    scan.warnings.iter().any(has)
}

#[test]
fn one_offset_keeps_large_coordinates_together() {
    let tile = |x: f64| {
        let rows: String = (0..60)
            .map(|i| format!("{} 5400000.125 {}\n", x + f64::from(i) * 0.1, i % 7))
            .collect();
        ascii(&XYZ, &rows, &[])
    };
    let scan = joined(vec![
        ("a.ply", tile(500_000.25)),
        ("b.ply", tile(500_006.5)),
    ]);
    assert_eq!(scan.len(), 120);
    assert_eq!(values(&scan, "file")[59..61], [0.0, 1.0]);
    for (point, position) in scan.positions.iter().enumerate() {
        let file = scan.frame.file_from_world(position.map(f64::from));
        let x = if point < 60 { 500_000.25 } else { 500_006.5 };
        let wanted = [
            x + (point % 60) as f64 * 0.1,
            5_400_000.125,
            (point % 60 % 7) as f64,
        ];
        for axis in 0..3 {
            assert!((file[axis] - wanted[axis]).abs() < 1e-4, "{file:?}");
        }
    }
    assert!(scan.warnings.is_empty(), "{:?}", scan.warnings);
    let comments = &scan.table.comments;
    assert!(comments.iter().any(|c| *c == "comment file 1 b.ply"));
    assert_written_back(&scan);
}

#[test]
fn properties_of_all_are_kept_in_a_type_that_holds_them() {
    let a = ascii(
        &["float x", "float y", "float z", "uchar intensity", "int id"],
        "0 0 0 255 -7\n1 0 0 1 2\n",
        &[],
    );
    let b = ascii(
        &[
            "uint Id",
            "float x",
            "float y",
            "float z",
            "float time",
            "short intensity",
        ],
        "4000000000 5 0 0 0.5 -3\n",
        &[],
    );
    let scan = joined(vec![("a.ply", a), ("b.ply", b)]);
    // the coordinates of text are doubles
    assert_eq!(names(&scan), ["x", "y", "z", "intensity", "id", "file"]);
    assert_eq!(values(&scan, "x"), [0.0, 1.0, 5.0]);
    assert_eq!(values(&scan, "intensity"), [255.0, 1.0, -3.0]);
    assert_eq!(values(&scan, "id"), [-7.0, 2.0, 4e9]);
    let scalar = |name: &str| scan.table.point_rows().column(name).unwrap().scalar;
    assert_eq!(
        [scalar("intensity"), scalar("id")],
        [Scalar::I16, Scalar::I64]
    );
    assert!(warns(&scan, &["not all files have", "time"]));
    assert!(!warns(&scan, &["intensity"]));
}

#[test]
fn colors_of_any_type_become_bytes_and_missing_ones_gray() {
    let floats = with_colors("float", ["r", "g", "b"]);
    let bytes = with_colors("uchar", ["red", "green", "blue"]);
    let scan = joined(vec![
        ("a.ply", ascii(&strs(&floats), "0 0 0 1 0.5 0\n", &[])),
        ("b.ply", ascii(&strs(&bytes), "1 0 0 9 8 7\n", &[])),
        ("c.ply", ascii(&XYZ, "2 0 0\n", &[])),
    ]);
    let gray = colors::UNKNOWN;
    assert_eq!(
        scan.colors.as_deref(),
        Some(&[[255, 128, 0], [9, 8, 7], gray][..])
    );
    assert_eq!(
        values(&scan, "green"),
        [128.0, 8.0, f64::from(gray[1])],
        "exports have the same"
    );
    assert!(warns(&scan, &["c.ply", "without colours"]));
    assert!(
        !warns(&scan, &["not all files have"]),
        "{:?}",
        scan.warnings
    );
    assert_written_back(&scan);
}

#[test]
fn rows_that_are_no_points_stay_rows() {
    let a = ascii(&XYZ, "0 0 0\nnan 0 0\n1 0 0\n", &[]);
    let b = ascii(&XYZ, "2 0 0\n3 0 0\n", &[]);
    let scan = joined(vec![("a.ply", a), ("b.ply", b)]);
    assert_eq!(scan.row_of_point.as_deref(), Some(&[0, 2, 3, 4][..]));
    assert_eq!(scan.len(), 4);
    assert_eq!(scan.table.point_rows().count, 5);
    assert!(warns(&scan, &["a.ply: 1 of 3 points have no finite"]));
}

#[test]
fn meshes_stay_meshes_and_lose_their_faces_beside_points() {
    let corners = |x: u32| format!("{x} 0 0\n{x} 1 0\n{x} 0 1\n");
    let mesh = |x: u32| ascii(&XYZ, &corners(x), &["3 0 1 2"]);
    let scan = joined(vec![("a.ply", mesh(0)), ("b.ply", mesh(3))]);
    assert_eq!(scan.triangles, [[0, 1, 2], [3, 4, 5]]);
    assert_written_back(&scan);

    let scan = joined(vec![
        ("a.ply", mesh(0)),
        ("b.ply", ascii(&XYZ, &corners(3), &[])),
    ]);
    assert!(scan.triangles.is_empty());
    assert!(warns(&scan, &["a.ply: the faces are left out"]));
}

#[test]
fn files_that_do_not_fit_are_named() {
    let room = |x: f64, scale: f64| {
        let at = |i: usize| ((i % 41) as f64 * 0.1, (i / 41) as f64 * 0.1);
        let rows: String = (0..41 * 26)
            .map(|i| {
                let (u, v) = at(i);
                let [floor, wall] = [[u, v, 0.0], [u, 0.0, v]]
                    .map(|[a, b, c]| format!("{} {} {}\n", x + a * scale, b * scale, c * scale));
                floor + &wall
            })
            .collect();
        ascii(&XYZ, &rows, &[])
    };
    let scan = joined(vec![
        ("a.ply", room(0.0, 1.0)),
        ("b.ply", room(0.0, 1000.0)),
    ]);
    assert!(
        warns(&scan, &["unit", "metres in a.ply", "millimetres in b.ply"]),
        "{:?}",
        scan.warnings
    );
    let scan = joined(vec![
        ("a.ply", room(0.0, 1.0)),
        ("b.ply", room(0.0, 1.0)),
        ("c.ply", room(5000.0, 1.0)),
    ]);
    assert!(warns(&scan, &["a.ply and b.ply fill the same space"]));
    assert!(warns(&scan, &["c.ply: more than 100 times"]));
    assert!(!warns(&scan, &["unit seems"]));
    let scan = joined(vec![("a.ply", room(0.0, 1.0)), ("b.ply", room(4.5, 1.0))]);
    assert!(scan.warnings.is_empty(), "{:?}", scan.warnings);
}

#[test]
fn damaged_files_are_left_out_and_limits_name_the_file() {
    let point = || ascii(&XYZ, "0 0 0\n", &[]);
    let mut join = Join::default();
    join.refuse("a.ply", ReadError::Empty);
    join.add("b.ply", point()).unwrap();
    let scan = join.finish().unwrap();
    assert_eq!(
        names(&scan),
        ["x", "y", "z"],
        "a single scan stays as it is"
    );
    assert!(warns(&scan, &["a.ply was left out: the file is empty"]));

    let mut join = Join::default();
    join.refuse("a.ply", ReadError::Empty);
    join.refuse("b.ply", ReadError::NoPoints);
    assert_eq!(
        join.finish().unwrap_err().to_string(),
        "a.ply: the file is empty"
    );

    let mut join = Join::default();
    for _ in 0..MAX_JOINED {
        join.add("a.ply", point()).unwrap();
    }
    let error = join.add("b.ply", point()).unwrap_err().to_string();
    assert!(error.contains("257 scans, the limit is 256"), "{error}");

    let mut many = point();
    many.table.elements[0].count = MAX_POINTS;
    let mut join = Join::default();
    join.add("a.ply", point()).unwrap();
    let error = join.add("b.ply", many).unwrap_err().to_string();
    assert!(
        error.contains("with b.ply, the files have 12000001 points"),
        "{error}"
    );
}

#[test]
fn the_first_bytes_tell_scans_from_other_files() {
    let long = "1.5 2.5 3.5 10 20 30\n".repeat(10_000);
    let mut stl = vec![0; 84 + 50 * 2000];
    stl[80..84].copy_from_slice(&2000u32.to_le_bytes());
    for (bytes, wanted) in [
        (b"ply\nformat ascii 1.0\n".to_vec(), true),
        (long.into_bytes(), true),
        (stl, true),
        (b"LASF".to_vec(), true),
        (b"\x89PNG\r\n\x1a\n".to_vec(), false),
        (b"newmtl wood\nKd 1 1 1\n".to_vec(), false),
        (b"PK\x03\x04".to_vec(), false),
        (b"Dear diary".to_vec(), false),
        (Vec::new(), false),
    ] {
        let head = &bytes[..bytes.len().min(HEAD)];
        assert_eq!(is_scan(head, bytes.len() as u64), wanted, "{head:.20?}");
    }
}
