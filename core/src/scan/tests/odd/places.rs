//! Points where nobody measured one, and coordinates that are none.

use super::*;
use crate::preflight::{Certainty, Choices, preflight};

// 08: points that nobody measured
#[test]
fn heaps_at_the_origin_and_elsewhere_are_left_out() {
    let room = room();
    let header = pcd_of("x y z", "4 4 4", "F F F", room.len() + 1500, "binary");
    for place in [[0.0; 3], [-0.0; 3], [1.25, -3.0, 0.5]] {
        let mut points = room.clone();
        points.splice(100..100, vec![place; 1500]);
        let ply = little_xyz(&points);
        let pcd = file(&header, &floats(points.as_flattened()));
        for bytes in [ply, pcd] {
            let scan = read_silently(&bytes).unwrap();
            assert_eq!(scan.positions, room, "{place:?}");
            assert!(warning(&scan).contains("1500 of "), "{:?}", scan.warnings);
            assert_eq!(scan.row_of_point.unwrap()[100], 1600);
        }
    }
    // a few are enough at the origin
    let scan = read_silently(&little_xyz(&[vec![[0.0; 3]; 20], room.clone()].concat())).unwrap();
    assert_eq!(scan.len(), room.len());
}

#[test]
fn no_heap_is_left_out_where_all_places_are_crowded() {
    let room = room();
    let lone = [vec![[0.0; 3]], room.clone()].concat();
    // an accumulated scan
    let crowded = room[..1000].repeat(40);
    let crowded = [vec![[0.0; 3]; 40], crowded].concat();
    for points in [lone, crowded, vec![[0.0; 3]; 500]] {
        assert_eq!(
            read_silently(&little_xyz(&points)).unwrap().len(),
            points.len()
        );
    }
    // the pole of a ball whose triangles have corners of their own
    let mut points = Vec::new();
    for i in 0..200 {
        let at = |i: usize| (i as f32 * std::f32::consts::TAU / 200.0).sin_cos();
        points.extend([
            [0.0; 3],
            [at(i).0, at(i).1, 1.0],
            [at(i + 1).0, at(i + 1).1, 1.0],
        ]);
    }
    let corners =
        (0..200).flat_map(|i| [[3u32].as_slice(), &[3 * i, 3 * i + 1, 3 * i + 2]].concat());
    let corners: Vec<u8> = corners.flat_map(u32::to_le_bytes).collect();
    let elements = format!(
        "element vertex 600\n{XYZ}element face 200\nproperty list uint uint vertex_indices\n"
    );
    let ball = little_ply(
        &elements,
        &[floats(points.as_flattened()), corners].concat(),
    );
    let scan = read_silently(&ball).unwrap();
    assert_eq!((scan.len(), scan.triangles.len()), (600, 200));
}

// 07: how the sensor was turned settles which way is up
#[test]
fn a_viewpoint_says_which_way_is_up() {
    let cases = [
        ("0 0 0 1 0 0 0", None),
        ("0.5 -1 1.4 0.707107 -0.707107 0 0", Some(UpAxis::MinusY)),
        ("0.5 -1 1.4 0.707107 0.707107 0 0", Some(UpAxis::PlusY)),
        ("0 0 0 0.707107 0 0.707107 0", Some(UpAxis::MinusX)),
        // as drivers of depth cameras for PCL's viewer, where y is up
        ("0 0 0 0 1 0 0", Some(UpAxis::MinusY)),
        // turned about the upright axis
        ("0 0 0 0.707107 0 0 0.707107", Some(UpAxis::PlusZ)),
        // 20 degrees of tilt still show the axis; 45 do not
        ("0 0 0 0.819152 -0.573576 0 0", Some(UpAxis::MinusY)),
        ("0 0 0 0.92388 -0.382683 0 0", None),
        ("0 0 0 0 0 0 0", None),
        ("0 0 0 nan 0 0 1", None),
        ("0 0 0", None),
    ];
    for (viewpoint, up) in cases {
        let header = pcd_of("x y z", "4 4 4", "F F F", 1, "ascii");
        let header = header.replace("DATA", &format!("VIEWPOINT {viewpoint}\nDATA"));
        let scan = read_silently(&file(&header, b"1 2 3\n")).unwrap();
        assert_eq!(scan.up, up, "{viewpoint}");
        // the positions stay as they are stored
        assert_eq!(scan.positions, [[1.0, 2.0, 3.0]]);
        let found = preflight(&scan, Choices::default()).up;
        if let Some(up) = up {
            assert_eq!(
                (found.value, found.certainty),
                (up, Certainty::Found),
                "{viewpoint}"
            );
        }
    }
}

// 43a: few points far away rule nothing
#[test]
fn strays_are_said_and_do_not_rule_the_extent() {
    let room = room();
    let strays = [[310.0, 0.0, 0.0], [-120.0, 220.0, 12.0], [4.0, -15.0, 9.0]];
    let wanted = preflight(
        &read_silently(&little_xyz(&room)).unwrap(),
        Choices::default(),
    );
    for copies in [1, 30] {
        let points = [strays.repeat(copies), room.clone()].concat();
        let scan = read_silently(&little_xyz(&points)).unwrap();
        assert_eq!(scan.len(), points.len());
        let said = format!(
            "{} of {} points lie far away",
            strays.len() * copies,
            points.len()
        );
        assert!(warning(&scan).contains(&said), "{:?}", scan.warnings);
        let found = preflight(&scan, Choices::default());
        let near = |a: [f64; 3], b: [f64; 3]| (0..3).all(|axis| (a[axis] - b[axis]).abs() < 0.05);
        assert!(near(found.extent, wanted.extent), "{:?}", found.extent);
        assert_eq!(
            (found.up.value, found.unit.value),
            (wanted.up.value, wanted.unit.value)
        );
    }
}

// 10: digits that are lost already
#[test]
fn lost_digits_are_said() {
    let far = [412_300.0, 5_512_700.0, 120.0];
    let room = room();
    type Round<'a> = &'a dyn Fn(f64, usize) -> f64;
    let moved = |round: Round| -> Vec<u8> {
        let coordinate = |p: &[f32; 3], axis| round(f64::from(p[axis]) + far[axis], axis);
        let rows = room.iter().flat_map(|p| {
            let [x, y, z] = [0, 1, 2].map(|axis| coordinate(p, axis));
            [x, y, z].map(f64::to_le_bytes).concat()
        });
        let elements = format!(
            "element vertex {}\n{}",
            room.len(),
            XYZ.replace("float", "double")
        );
        little_ply(&elements, &rows.collect::<Vec<u8>>())
    };
    let step = |value: f64, step: f64| (value / step).round() * step;
    let cases: [(&str, Round); 3] = [
        ("y in steps of 0.5", &|v, _| f64::from(v as f32)),
        // six digits of text
        ("x in steps of 1", &|v, axis| {
            step(v, [1.0, 10.0, 0.001][axis])
        }),
        ("all y are 5512700", &|v, axis| {
            step(v, [0.001, 100.0, 0.001][axis])
        }),
    ];
    for (wanted, round) in cases {
        let scan = read_silently(&moved(round)).unwrap();
        assert!(
            warning(&scan).contains(wanted),
            "{wanted}: {:?}",
            scan.warnings
        );
    }
    // what was thinned to a grid and what has all its digits
    let fine: [Round; 3] = [&|v, _| v, &|v, _| step(v, 0.05), &|v, _| step(v, 0.001)];
    for round in fine {
        assert_eq!(read_silently(&moved(round)).unwrap().warnings, []);
    }
    // moved near after the loss
    let near = room
        .iter()
        .map(|p| [p[0], (p[1] * 2.0).round() / 2.0, p[2]]);
    let scan = read_silently(&little_xyz(&near.collect::<Vec<_>>())).unwrap();
    assert!(
        warning(&scan).contains("y in steps of 0.5"),
        "{:?}",
        scan.warnings
    );
}

// 09: angles are no lengths
#[test]
fn degrees_are_refused() {
    for (origin, heights) in [
        ([7.05, 50.73], 1.0),
        ([-122.4, 37.8], 1.0),
        ([151.2, -33.9], 3.28),
    ] {
        let rows = room().into_iter().flat_map(|p| {
            let [x, y, z] = p.map(f64::from);
            [
                origin[0] + x / 70_000.0,
                origin[1] + y / 111_320.0,
                z * heights,
            ]
            .map(f64::to_le_bytes)
            .concat()
        });
        let rows: Vec<u8> = rows.collect();
        let elements = format!(
            "element vertex {}\n{}",
            rows.len() / 24,
            XYZ.replace("float", "double")
        );
        let error = read_silently(&little_ply(&elements, &rows)).unwrap_err();
        assert!(error.to_string().contains("degrees"), "{error}");
    }
}

// 32: damaged on the way; the reason says what was noticed
#[test]
fn damage_is_called_damage() {
    let room = room();
    let bytes = [b"\nproperty".as_slice(), &little_xyz(&room)].concat();
    let bytes = &bytes[9..];
    let converted: Vec<u8> = bytes
        .iter()
        .flat_map(|b| {
            if *b == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![*b]
            }
        })
        .collect();
    let error = read_silently(&converted).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(error.to_string().contains("line ends"), "{error}");

    // shifted by a byte: no line ends show it, and what was noticed is part of the message
    let header = bytes
        .windows(11)
        .position(|w| w == b"end_header\n")
        .unwrap()
        + 11;
    let shifted = [&bytes[..header], b"\x01", &bytes[header..]].concat();
    let error = read_silently(&shifted).unwrap_err();
    assert!(
        matches!(error.reason(), ReadError::Damaged { format: "PLY", .. }),
        "{error}"
    );
    assert!(
        error
            .warnings()
            .iter()
            .any(|w| w.0.contains("1 bytes after the last row")),
        "{error}"
    );
    assert!(
        error.to_string().contains("1 bytes after the last row"),
        "{error}"
    );

    // marks for what was not measured are no damage
    let marked = [vec![[-1e9; 3]; 600], room.clone()].concat();
    assert_eq!(
        read_silently(&little_xyz(&marked)).unwrap().len(),
        room.len()
    );
}
