//! Interpretation of columns in the dialects that exist.

use super::*;

/// Reads an ascii PLY file with one element.
fn ascii(properties: &[&str], rows: &str) -> Scan {
    let properties: String = properties
        .iter()
        .map(|p| format!("property {p}\n"))
        .collect();
    let count = rows.lines().count();
    read_silently(
        format!("ply\nformat ascii 1.0\nelement vertex {count}\n{properties}end_header\n{rows}")
            .as_bytes(),
    )
    .unwrap()
}

#[test]
fn color_comes_in_many_types() {
    let cases: &[(&str, [&str; 3], &str, [u8; 3])] = &[
        (
            "uchar",
            ["red", "green", "blue"],
            "255 128 0",
            [255, 128, 0],
        ),
        (
            "uchar",
            ["diffuse_red", "diffuse_green", "diffuse_blue"],
            "255 128 0",
            [255, 128, 0],
        ),
        ("uchar", ["R", "G", "B"], "1 1 0", [1, 1, 0]),
        ("float", ["red", "green", "blue"], "1 0.5 0", [255, 128, 0]),
        (
            "float",
            ["red", "green", "blue"],
            "255 128 nan",
            [255, 128, 0],
        ),
        (
            "ushort",
            ["red", "green", "blue"],
            "65535 32896 0",
            [255, 128, 0],
        ),
        (
            "ushort",
            ["red", "green", "blue"],
            "255 128 0",
            [255, 128, 0],
        ),
        ("int", ["red", "green", "blue"], "255 128 -4", [255, 128, 0]),
    ];
    for (scalar, [r, g, b], row, wanted) in cases {
        let properties = [r, g, b].map(|name| format!("{scalar} {name}"));
        let scan = ascii(
            &[
                "float x",
                "float y",
                "float z",
                &properties[0],
                &properties[1],
                &properties[2],
            ],
            &format!("0 0 0 {row}\n"),
        );
        assert_eq!(scan.colors, Some(vec![*wanted]), "{scalar} {r}: {row}");
    }
    assert_eq!(
        ascii(&["float x", "float y", "float z", "uchar red"], "0 0 0 1\n").colors,
        None
    );
}

#[test]
fn packed_color_of_pcd_is_bits_of_any_type() {
    let header = |kind: &str, name: &str, data: &str| {
        format!(
            "VERSION .7\nFIELDS x y z {name}\nSIZE 4 4 4 4\nTYPE F F F {kind}\nWIDTH 1\nHEIGHT 1\nDATA {data}\n"
        )
    };
    let bits = 0x00ff_8001u32;
    let binary = [floats(&[1.0, 2.0, 3.0]), bits.to_le_bytes().to_vec()].concat();
    let files = [
        file(&header("F", "rgb", "binary"), &binary),
        file(&header("U", "rgba", "binary"), &binary),
        file(
            &header("U", "rgb", "ascii"),
            format!("1 2 3 {bits}\n").as_bytes(),
        ),
        file(
            &header("F", "rgb", "ascii"),
            format!("1 2 3 {}\n", f32::from_bits(bits)).as_bytes(),
        ),
        file(
            &header("F", "rgb", "ascii"),
            format!("1 2 3 {bits}\n").as_bytes(),
        ),
    ];
    for bytes in files {
        assert_eq!(
            read_silently(&bytes).unwrap().colors,
            Some(vec![[0xff, 0x80, 0x01]]),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn labels_need_class_and_instance_as_whole_numbers() {
    // class -1 is no class, instance 0 no instance
    let cases: &[(&[&str], &str, Option<(i32, i32)>)] = &[
        (&["uchar semantic", "ushort instance"], "5 7", Some((5, 7))),
        (&["int label", "int instance"], "5 7", Some((5, 7))),
        (&["int label", "int instance"], "-1 -1", Some((-1, 0))),
        (&["uchar label"], "5", None),
        (&["float label", "float instance"], "5 7", Some((5, 7))),
        (&["float label", "float instance"], "5.5 7", None),
        (
            &["float scalar_Label", "double scalar_instance"],
            "5 7",
            Some((5, 7)),
        ),
        (&["int class_id", "int instance_id"], "5 7", Some((5, 7))),
        (&["float semantic", "float instance"], "5 nan", Some((5, 0))),
        (
            &["uchar semantic", "uchar instance"],
            "255 255",
            Some((-1, 0)),
        ),
        (
            &["ushort semantic", "uint instance"],
            "65535 4294967295",
            Some((-1, 0)),
        ),
        (
            &["uint64 semantic", "uint64 instance"],
            "18446744073709551615 4294967295",
            Some((-1, 0)),
        ),
        (
            &["float semantic", "double instance"],
            "4294967295 4294967295",
            Some((-1, 0)),
        ),
        (
            &["uint semantic", "uint instance"],
            "3000000000 3000000001",
            Some((1, 1)),
        ),
    ];
    for (extra, values, wanted) in cases {
        let scan = ascii(
            &[&["float x", "float y", "float z"], *extra].concat(),
            &format!("0 0 0 {values}\n"),
        );
        assert_eq!(
            scan.truth.map(|t| (t.semantic[0], t.instance[0])),
            *wanted,
            "{extra:?}"
        );
    }
}

#[test]
fn ids_beyond_32_bits_get_numbers_that_are_free() {
    let scan = ascii(
        &[
            "float x",
            "float y",
            "float z",
            "int label",
            "uint instance",
        ],
        "0 0 0 1 3000000000\n0 0 0 1 2\n0 0 0 1 3000000001\n0 0 0 1 1\n0 0 0 1 3000000000\n",
    );
    assert_eq!(scan.truth.unwrap().instance, [3, 2, 4, 1, 3]);
    assert!(
        scan.warnings[0].0.contains("2 ids of `instance`"),
        "{:?}",
        scan.warnings
    );
}

#[test]
fn labels_that_are_no_whole_numbers_are_named() {
    let scan = ascii(
        &[
            "float x",
            "float y",
            "float z",
            "float label",
            "int instance",
        ],
        "0 0 0 1 1\n0 0 0 0.25 1\n",
    );
    assert_eq!(scan.truth, None);
    assert!(scan.warnings[0].0.contains("`label`") && scan.warnings[0].0.contains("0.25"));
}

#[test]
fn all_ones_make_zero_an_instance() {
    let scan = ascii(
        &[
            "float x",
            "float y",
            "float z",
            "int label",
            "ushort instance",
        ],
        "0 0 0 1 65535\n0 0 0 1 0\n0 0 0 1 4\n",
    );
    assert_eq!(scan.truth.unwrap().instance, [0, 1, 5]);
}

#[test]
fn negative_instances_make_zero_an_instance() {
    let scan = ascii(
        &["float x", "float y", "float z", "int label", "int instance"],
        "0 0 0 1 -1\n0 0 0 1 0\n0 0 0 1 4\n",
    );
    assert_eq!(scan.truth.unwrap().instance, [0, 1, 5]);
}

#[test]
fn polygons_are_fanned_and_bad_corners_dropped_with_a_warning() {
    let scan = read_silently(
        b"ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\nelement face 6\n\
          property list uchar int vertex_index\nend_header\n0 0 0\nnan 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 2 3 4\n3 0 1 2\n3 0 2 9\n3 0 2 -1\n2 0 2\n0\n",
    )
    .unwrap();
    // rows 0, 2, 3 and 4 became points 0, 1, 2 and 3
    assert_eq!(scan.triangles, [[0, 1, 2], [0, 2, 3]]);
    assert_eq!(scan.row_of_point, Some(vec![0, 2, 3, 4]));
    let warnings: Vec<_> = scan.warnings.iter().map(|w| w.0.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "1 of 5 points have no finite coordinates and were left out",
            "3 of 6 faces have a corner that is not a point and were left out"
        ]
    );
}

#[test]
fn a_header_may_end_its_lines_in_any_way() {
    let header = "ply\nformat binary_little_endian 1.0\nobj_info scanner 7\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    // A first coordinate whose lowest byte is LF: it must not be mistaken for a part of the line
    // end.
    let x = f32::from_le_bytes([b'\n', 0, 0x80, 0x3f]);
    for line_end in ["\n", "\r\n", "\r"] {
        let scan = read_silently(&file(
            &header.replace('\n', line_end),
            &floats(&[x, 2.0, 3.0]),
        ))
        .unwrap();
        assert_eq!(scan.positions, [[x, 2.0, 3.0]], "{line_end:?}");
        assert_eq!(scan.table.comments, ["obj_info scanner 7"]);
        assert_eq!(scan.warnings, []);
    }
}

#[test]
fn far_scans_keep_their_precision_in_text_and_in_doubles() {
    let rows =
        "400000.25 5500000.375 300.5\n400001.125 5500001.625 301.5\nnan 1 1\n400002 5500002 302\n";
    for scalar in ["float", "double"] {
        let scan = ascii(
            &[
                &format!("{scalar} x"),
                &format!("{scalar} y"),
                &format!("{scalar} z"),
            ],
            rows,
        );
        assert_eq!(scan.frame.offset, [400_001.0, 5_500_002.0, 302.0]);
        for (point, file) in [
            (0, [400_000.25, 5_500_000.375, 300.5]),
            (1, [400_001.125, 5_500_001.625, 301.5]),
        ] {
            let back = scan
                .frame
                .file_from_world(scan.positions[point].map(f64::from));
            (0..3).for_each(|axis| assert!((back[axis] - file[axis]).abs() < 1e-6, "{back:?}"));
        }
    }
}

#[test]
fn one_stray_point_costs_the_others_nothing() {
    let scan = ascii(
        &["double x", "double y", "double z"],
        "0.1234 2 3\n0.1234 2 3\n0.1234 2 3\n5e9 0 0\n",
    );
    assert_eq!(scan.frame.offset, [0.0, 2.0, 3.0]);
    assert_eq!(scan.positions[0], [0.1234, 0.0, 0.0]);
}

#[test]
fn a_frame_is_the_same_however_it_was_reached() {
    let mut scan = ascii(
        &["double x", "double y", "double z"],
        "1000 2500 -4000\n3000.5 0 12000\n",
    );
    let read = scan.positions.clone();
    assert_ne!(scan.frame.offset, [0.0; 3]);
    scan.set_frame(UpAxis::MinusY, 0.001).unwrap();
    assert_eq!(scan.positions, [[1.0, -4.0, -2.5], [3.0005, 12.0, 0.0]]);
    assert_eq!(
        scan.frame,
        Frame {
            offset: [0.0; 3],
            metres_per_unit: 0.001,
            up: UpAxis::MinusY
        }
    );
    scan.set_frame(UpAxis::PlusZ, 1.0).unwrap();
    assert_eq!(scan.positions, read);
    for unit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(scan.set_frame(UpAxis::PlusX, unit).is_err());
    }
    assert_eq!(scan.positions, read);
}

#[test]
fn more_values_than_the_header_names_are_a_warning() {
    let ply = b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3 4\n5 6 7 8\n";
    let pcd =
        b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 2\nHEIGHT 1\nDATA ascii\n1 2 3 4\n5 6 7 8\n";
    for bytes in [ply.as_slice(), pcd] {
        let scan = read_silently(bytes).unwrap();
        assert_eq!(scan.positions, [[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]);
        assert_eq!(scan.warnings.len(), 1);
    }
}

#[test]
fn a_scan_of_points_has_all_of_them_or_is_none() {
    let at = |x: f32| Scan::from_points(&[[0.0; 3], [1.0, x, 2.0]], None);
    assert_eq!(at(-1e10).unwrap().len(), 2);
    for x in [1.1e10, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let words = at(x).unwrap_err().to_string();
        let said = format!(
            "point 1 lies at [1.0, {x:?}, 2.0]; its coordinates must be numbers from -1e10 to 1e10"
        );
        assert_eq!(words, said);
    }
    let none = Scan::from_points(&[], None).unwrap_err();
    assert_eq!(none, ReadError::NoPoints);
}

#[test]
fn a_scan_of_points_in_the_world_has_the_coordinates_of_its_file() {
    let frame = Frame {
        offset: [512_345.0, -4_200_000.0, 120.0],
        metres_per_unit: 0.001,
        up: UpAxis::PlusY,
    };
    let world = [[0.0, 1.0, 2.0], [0.25, -0.5, 3.0], [1.0, 0.0, 0.125]];
    let mut scan = Scan::from_world(&world, None, &frame).unwrap();
    scan.set_frame(frame.up, frame.metres_per_unit).unwrap();
    assert_ne!(scan.frame.offset, [0.0; 3], "it is far away");
    for (position, now) in world.iter().zip(&scan.positions) {
        let file = scan.frame.file_from_world(now.map(f64::from));
        let expected = frame.file_from_world(position.map(f64::from));
        let near = file.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1.0);
        assert!(near, "{file:?} is not {expected:?}");
    }
    // Without an offset, what the points say is enough.
    let near = Frame {
        offset: [0.0; 3],
        ..frame
    };
    let mut scan = Scan::from_world(&world, None, &near).unwrap();
    scan.set_frame(frame.up, frame.metres_per_unit).unwrap();
    assert_eq!(scan.positions, world);
    assert_eq!(scan.frame, near);

    // Within the limits of bundles, a frame can still lead nowhere.
    let tiny = Frame {
        metres_per_unit: 1e-6,
        ..near
    };
    let far = Scan::from_world(&[[0.0, 0.0, 1e5]], None, &tiny).unwrap_err();
    assert!(matches!(far, ReadError::Nowhere { point: 0, .. }), "{far}");
}
