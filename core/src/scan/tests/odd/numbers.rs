//! Streams of numbers, types and remarks.

use super::*;
use crate::write;

// 01: line ends are blanks
#[test]
fn text_is_a_stream_of_values() {
    let elements = format!(
        "element vertex 3\n{XYZ}{RGB}element face 1\nproperty list uchar int vertex_indices\n"
    );
    for body in [
        "0 0 0 1 2 3\n1 0 0 4 5 6\n0 1 0 7 8 9\n3 0 1 2\n",
        "0 0 0\n1 2 3\n1 0 0\n4 5 6\n0 1 0\n7 8 9\n3 0 1 2\n",
        "0 0 0\r\n1 2 3\r\n\r\n1 0 0\r\n4 5 6\r\n0 1 0\r\n7 8 9\r\n3\r\n0 1 2",
        "0 0 0 1 2 3 1 0 0 4 5 6 0 1 0 7 8 9 3 0 1 2",
        "0 0 0 1 2 3 1 0\n0 4 5 6 0 1 0 7\n8 9 3 0 1 2\n",
    ] {
        let scan = read_silently(&ascii_ply(&elements, body)).unwrap();
        assert_eq!(
            scan.positions,
            [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            "{body:?}"
        );
        assert_eq!(scan.colors.unwrap()[1], [4, 5, 6], "{body:?}");
        assert_eq!(scan.triangles, [[0, 1, 2]], "{body:?}");
        assert_eq!(scan.warnings, [], "{body:?}");
    }
    let pcd = file(
        &pcd_of("x y z", "4 4 4", "F F F", 2, "ascii"),
        b"1 2\n3\n4 5\n6\n",
    );
    assert_eq!(
        read_silently(&pcd).unwrap().positions,
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    );
}

#[test]
fn a_missing_value_is_named_and_not_taken_from_the_next_row() {
    for (body, place) in [
        ("1.5 2 3\n4 5\n7 8 9\n1 2 3\n", "row 1"),
        // over two lines
        ("1.5 2.5\n3\n4 5\n6\n7 8\n1 2\n3\n", "row 3"),
    ] {
        let error = read_silently(&ascii_ply(&format!("element vertex 4\n{XYZ}"), body));
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains(place) && message.contains("missing"),
            "{message}"
        );
    }
}

// 31: more rows than the header counts are a warning with their number
#[test]
fn rows_that_the_header_does_not_count_are_a_warning() {
    let points = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let pcd = |data| pcd_of("x y z", "4 4 4", "F F F", 1, data);
    let text = "1 2 3\n4 5 6\n7 8 9\n";
    for (bytes, wanted) in [
        (
            ascii_ply(&format!("element vertex 1\n{XYZ}"), text),
            "2 rows more",
        ),
        (
            ascii_ply(
                &format!("element vertex 1\n{XYZ}"),
                "1 2\n3\n4 5\n6\n7 8\n9",
            ),
            "2 rows more",
        ),
        (file(&pcd("ascii"), text.as_bytes()), "2 rows more"),
        (
            little_ply(&format!("element vertex 1\n{XYZ}"), &points),
            "24 bytes",
        ),
        (file(&pcd("binary"), &points), "24 bytes"),
    ] {
        let scan = read_silently(&bytes).unwrap();
        assert_eq!(scan.positions, [[1.0, 2.0, 3.0]]);
        assert!(
            warning(&scan).contains(wanted),
            "{wanted}: {:?}",
            scan.warnings
        );
    }
    // PCL fills the last page of memory
    let padded = [floats(&[1.0, 2.0, 3.0]), vec![0; 100]].concat();
    let scan = read_silently(&file(&pcd("binary"), &padded)).unwrap();
    assert_eq!(scan.warnings, []);
}

// 26: a byte order mark anywhere between words
#[test]
fn byte_order_marks_are_blanks() {
    let elements = format!("element vertex 2\n{XYZ}");
    let pcd = pcd_of("x y z", "4 4 4", "F F F", 2, "ascii");
    for bytes in [
        ascii_ply(&elements, "\u{feff}1 2 3\n4 5 6\n"),
        ascii_ply(&elements, "1 2 3\n\u{feff}4 5 6\n"),
        [
            b"\xef\xbb\xbf",
            ascii_ply(&elements, "1 2 3\n4 5 6\n").as_slice(),
        ]
        .concat(),
        file(&pcd, "\u{feff}1 2 3\n4 5 6\n".as_bytes()),
        file(&format!("\u{feff}{pcd}"), b"1 2 3\n4 5 6\n"),
    ] {
        let scan = read_silently(&bytes).unwrap();
        assert_eq!(scan.positions, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    }
}

// 04a: keywords, types and names in any case; digits beyond a 4-byte float
#[test]
fn case_does_not_matter() {
    let y = 4_320_978.001;
    let rows = format!("289814.000 {y} 169.999 9135430\n289814.5 {y} 170 1\n");
    let upper = pcd_of("X Y Z RGB", "4 4 4 4", "F F F U", 2, "ascii");
    let lower = upper.to_lowercase();
    for header in [&upper, &lower, &lower.replace("ascii", "ASCII")] {
        let scan = read_silently(&file(header, rows.as_bytes())).unwrap();
        let point = scan.frame.file_from_world(scan.positions[0].map(f64::from));
        assert!((point[1] - y).abs() < 1e-5, "{header}: {point:?}");
        assert_eq!(scan.colors.unwrap()[0], [139, 101, 70], "{header}");
    }
    let shouting = "PLY\nFORMAT ASCII 1.0\nCOMMENT Class 7 Chair\nELEMENT VERTEX 2\nPROPERTY FLOAT X\nPROPERTY Float32 Y\n\
        PROPERTY DOUBLE Z\nELEMENT FACE 0\nPROPERTY LIST UCHAR INT VERTEX_INDICES\nEND_HEADER\n";
    let rows = format!("289814.000 {y} 169.999\n289814.5 {y} 170\n");
    let scan = read_silently(&file(shouting, rows.as_bytes())).unwrap();
    let point = scan.frame.file_from_world(scan.positions[0].map(f64::from));
    assert!((point[1] - y).abs() < 1e-5, "{point:?}");
    assert_eq!(scan.table.comments, ["comment Class 7 Chair"]);
}

// 35: tabs, exponents and remarks in any encoding
#[test]
fn remarks_are_kept_byte_for_byte() {
    let remark = b"comment\tB\xfcro,  2.\tStock ";
    let header = [
        b"ply\nformat ascii 1.0\n".as_slice(),
        remark,
        b"\nobj_info caf\xe9\nelement vertex 1\nproperty\tfloat x\nproperty float y\nproperty float z\nproperty int red\n\
          property int green\nproperty int blue\nend_header\n1e-3\t-2.5E+0 +3. 255\t1 2 \n",
    ]
    .concat();
    let scan = read_silently(&header).unwrap();
    assert_eq!(scan.positions, [[0.001, -2.5, 3.0]]);
    assert_eq!(scan.colors, Some(vec![[255, 1, 2]]));
    assert_eq!(scan.table.comments[0].text(), "comment\tBüro,  2.\tStock ");
    for bytes in [
        write::ply(&scan.table),
        write::labeled_ply(&scan, &write::PointLabels::default(), false),
    ] {
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        assert!(
            lines.contains(&remark.as_slice()) && lines.contains(&b"obj_info caf\xe9".as_slice())
        );
    }
    let header = pcd_of("x y z", "4 4 4", "F F F", 1, "ascii");
    let pcd = [b"# B\xfcro\r\n".as_slice(), header.as_bytes(), b"1 2 3\n"].concat();
    let scan = read_silently(&pcd).unwrap();
    assert_eq!(scan.table.comments[0].bytes(), b"comment B\xfcro");
}

// 06: types whose sizes are known
#[test]
fn integers_of_64_bits_and_truth_values_are_read() {
    let elements = format!(
        "element vertex 2\n{XYZ}property int64 stamp\nproperty uint64 id\nproperty bool is_ground\n"
    );
    let text = "1 2 3 -9007199254740993 18446744073709551615 true\n4 5 6 7 8 0\n";
    let from_text = read_silently(&ascii_ply(&elements, text)).unwrap();
    let mut swapped = Vec::new();
    let mut little = Vec::new();
    for ([x, y, z], stamp, id, flag) in [
        ([1f32, 2.0, 3.0], -9_007_199_254_740_993i64, u64::MAX, 1u8),
        ([4.0, 5.0, 6.0], 7, 8, 0),
    ] {
        little.extend(floats(&[x, y, z]));
        little.extend([stamp.to_le_bytes(), id.to_le_bytes()].concat());
        little.push(flag);
        [x, y, z]
            .iter()
            .for_each(|v| swapped.extend(v.to_be_bytes()));
        swapped.extend([stamp.to_be_bytes(), id.to_be_bytes()].concat());
        swapped.push(flag);
    }
    let files = [
        little_ply(&elements, &little),
        ply_of("binary_big_endian", &elements, &swapped),
    ];
    for scan in files
        .iter()
        .map(|bytes| read_silently(bytes).unwrap())
        .chain([from_text])
    {
        let points = scan.table.point_rows();
        let at = |name: &str, row| points.column(name).unwrap().integer_at(row);
        assert_eq!(at("stamp", 0), Some(-9_007_199_254_740_993));
        assert_eq!(at("id", 0), Some(u64::MAX.into()));
        assert_eq!((at("is_ground", 0), at("is_ground", 1)), (Some(1), Some(0)));
        let back = read_silently(&write::ply(&scan.table)).unwrap();
        assert_eq!(back.table, scan.table);
    }
    // a type whose size nobody knows is named
    let error = read_silently(&ascii_ply("element vertex 1\nproperty long x\n", "1\n"));
    assert!(error.unwrap_err().to_string().contains("property long x"));
}
