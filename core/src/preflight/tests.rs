#![allow(clippy::unwrap_used)]

use super::*;
use crate::{progress::Monitor, scan, scan::Frame};

/// A furnished room of 4 x 5 x 2.5 m as points 5 cm apart: floor, walls, table tops, but no
/// ceiling; z up, metres.
fn room() -> Vec<[f32; 3]> {
    let grid = |from: [f32; 2], to: [f32; 2]| {
        let steps = [0, 1].map(|axis| ((to[axis] - from[axis]) / 0.05).round() as usize);
        (0..=steps[0]).flat_map(move |i| {
            (0..=steps[1]).map(move |k| [from[0] + i as f32 * 0.05, from[1] + k as f32 * 0.05])
        })
    };
    let mut points: Vec<[f32; 3]> = grid([-2.0, -2.5], [2.0, 2.5])
        .map(|[x, y]| [x, y, 0.0])
        .collect();
    for x in [-2.0, 2.0] {
        points.extend(grid([-2.5, 0.0], [2.5, 2.5]).map(|[y, z]| [x, y, z]));
    }
    for y in [-2.5, 2.5] {
        points.extend(grid([-2.0, 0.0], [2.0, 2.5]).map(|[x, z]| [x, y, z]));
    }
    points.extend(grid([-1.5, -2.0], [-0.5, 0.0]).map(|[x, y]| [x, y, 0.75]));
    points.extend(grid([0.5, 0.5], [1.5, 2.0]).map(|[x, y]| [x, y, 0.45]));
    points
}

/// The room in another frame.
fn room_in(frame: Frame) -> Scan {
    let points: Vec<[f32; 3]> = room()
        .iter()
        .map(|p| frame.file_from_world(p.map(f64::from)).map(|v| v as f32))
        .collect();
    Scan::from_points(&points, None).unwrap()
}

#[test]
fn a_room_is_found_whichever_way_up_and_in_whichever_unit() {
    let ways = UpAxis::ALL
        .map(|up| (up, Unit::Metres))
        .into_iter()
        .chain(Unit::ALL.map(|unit| (UpAxis::PlusY, unit)));
    for (up, unit) in ways {
        let mut scan = room_in(Frame {
            up,
            metres_per_unit: unit.metres(),
            ..Frame::default()
        });
        let found = preflight(&scan, Choices::default());
        assert_eq!(
            (found.up.value, found.up.certainty),
            (up, Certainty::Found),
            "{up}, {unit}"
        );
        assert_eq!(found.unit.value, unit, "{up}, {unit}: {}", found.unit.words);
        assert!(
            (found.spacing.value.unwrap() - 0.05).abs() < 1e-3,
            "{}",
            found.spacing.words
        );
        let [a, b, height] = found.extent;
        assert!(
            (a.min(b) - 4.0).abs() < 0.1
                && (a.max(b) - 5.0).abs() < 0.1
                && (height - 2.5).abs() < 0.1,
            "{:?}",
            found.extent
        );
        found.apply(&mut scan);
        assert_eq!(
            (scan.frame.up, scan.frame.metres_per_unit),
            (up, unit.metres())
        );
        let bottom = scan
            .positions
            .iter()
            .map(|p| p[2])
            .fold(f32::INFINITY, f32::min);
        assert!(
            bottom.abs() < 1e-3,
            "{up}, {unit}: the floor is at {bottom}"
        );
        assert_eq!(
            preflight(&scan, Choices::default()).up,
            found.up,
            "the present frame must not matter"
        );
    }
}

#[test]
fn only_metres_and_millimetres_are_certain() {
    for (unit, certainty) in [
        (Unit::Metres, Certainty::Found),
        (Unit::Millimetres, Certainty::Found),
        (Unit::Feet, Certainty::Assumed),
    ] {
        let scan = room_in(Frame {
            metres_per_unit: unit.metres(),
            ..Frame::default()
        });
        assert_eq!(
            preflight(&scan, Choices::default()).unit.certainty,
            certainty,
            "{unit}"
        );
    }
}

#[test]
fn a_floor_of_rooms_is_no_room_in_feet() {
    let rooms: Vec<[f32; 3]> = (0..16)
        .flat_map(|i| {
            room()
                .into_iter()
                .map(move |[x, y, z]| [x + 4.5 * i as f32, y, z])
        })
        .collect();
    for unit in [Unit::Metres, Unit::Feet] {
        let frame = Frame {
            metres_per_unit: unit.metres(),
            ..Frame::default()
        };
        let points: Vec<[f32; 3]> = rooms
            .iter()
            .map(|p| frame.file_from_world(p.map(f64::from)).map(|v| v as f32))
            .collect();
        assert_eq!(
            preflight(
                &Scan::from_points(&points, None).unwrap(),
                Choices::default()
            )
            .unit
            .value,
            unit
        );
    }
}

#[test]
fn choices_win() {
    let choices = Choices {
        up: Some(UpAxis::MinusX),
        unit: Some(Unit::Feet),
    };
    let found = preflight(&room_in(Frame::default()), choices);
    assert_eq!(
        (found.up.value, found.unit.value),
        (UpAxis::MinusX, Unit::Feet)
    );
    assert_eq!(
        (found.up.certainty, found.unit.certainty),
        (Certainty::Chosen, Certainty::Chosen)
    );
    assert!(!found.has_assumptions());
}

#[test]
fn clouds_that_say_nothing_are_assumptions() {
    let line: Vec<[f32; 3]> = (0..100).map(|i| [i as f32, 0.0, 0.0]).collect();
    for (name, points) in [
        ("one point", vec![[1.0, 2.0, 3.0]]),
        ("two points", vec![[0.0; 3], [1.0; 3]]),
        ("a heap", vec![[1.0, 2.0, 3.0]; 10_000]),
        ("a line", line),
    ] {
        let found = preflight(
            &Scan::from_points(&points, None).unwrap(),
            Choices::default(),
        );
        assert_eq!(
            (found.up.value, found.up.certainty),
            (UpAxis::PlusZ, Certainty::Assumed),
            "{name}"
        );
        assert_eq!(found.unit.certainty, Certainty::Assumed, "{name}");
        assert!(found.has_assumptions());
        assert_eq!(
            found.spacing.value.is_none(),
            ["one point", "a heap"].contains(&name),
            "{name}: {:?}",
            found.spacing
        );
    }
}

/// This test would not finish if a search visited all points at one place.
#[test]
fn a_million_points_at_two_places_are_no_trap() {
    let points: Vec<[f32; 3]> = (0..1_000_000).map(|i| [(i % 2) as f32, 2.0, 3.0]).collect();
    let choices = Choices {
        unit: Some(Unit::Metres),
        ..Choices::default()
    };
    let found = preflight(&Scan::from_points(&points, None).unwrap(), choices);
    assert_eq!(found.spacing.value, Some(1.0));
}

#[test]
fn a_view_from_a_camera_has_y_down() {
    // a tilted wall 2 m ahead: no axis is perpendicular to it
    let wall = (0..100).flat_map(|i| {
        (0..100).map(move |k| {
            [
                i as f32 * 0.02 - 1.0,
                k as f32 * 0.02 - 1.0,
                2.0 + (i + k) as f32 * 0.01,
            ]
        })
    });
    let points: Vec<[f32; 3]> = wall.collect();
    let up = preflight(
        &Scan::from_points(&points, None).unwrap(),
        Choices::default(),
    )
    .up;
    assert_eq!(
        (up.value, up.certainty),
        (UpAxis::MinusY, Certainty::Assumed)
    );
}

#[test]
fn color_is_present_uniform_or_absent() {
    let points = [[0.0; 3], [1.0; 3]];
    for (colors, wanted) in [
        (None, Color::Absent),
        (Some([[7; 3]; 2]), Color::Uniform),
        (Some([[7, 7, 7], [8, 7, 7]]), Color::Present),
    ] {
        let scan = Scan::from_points(&points, colors.as_ref().map(<[_; 2]>::as_slice)).unwrap();
        assert_eq!(preflight(&scan, Choices::default()).color.value, wanted);
    }
}

#[test]
fn findings_are_plain_json() {
    let json =
        serde_json::to_value(preflight(&room_in(Frame::default()), Choices::default())).unwrap();
    assert_eq!(json["up"]["value"], "plus_z");
    assert_eq!(json["unit"]["certainty"], "found");
}

#[test]
#[ignore = "needs the real scans, whose terms keep them out of the project"]
fn real_scans_stand_upright_in_metres() {
    let data = scan::tests::real::data();
    for (file, up) in [
        ("scannet-gt/scene0000_00.ply", UpAxis::PlusZ),
        ("scannet-gt/scene0007_00.ply", UpAxis::PlusZ),
        (
            "scannet-mesh-0470/scene0470_00_vh_clean_2.ply",
            UpAxis::PlusZ,
        ),
        ("derived/7scenes-kitchen.pcd", UpAxis::MinusY),
        ("derived/slambook-fused.ply", UpAxis::MinusY),
        ("seq-livingroom1/fragment_002.ply", UpAxis::MinusY),
        ("pcl-data/room_scan1.pcd", UpAxis::PlusZ),
        ("pcl-test/office1.pcd", UpAxis::MinusY),
    ] {
        let scan =
            scan::read(&std::fs::read(data.join(file)).unwrap(), &Monitor::silent()).unwrap();
        let found = preflight(&scan, Choices::default());
        assert_eq!(
            (found.up.value, found.unit.value),
            (up, Unit::Metres),
            "{file}"
        );
    }
}

/// A building of `storeys` storeys of this size in metres: floors, walls, and a table and two seats
/// on every floor; points 10 cm apart.
fn building([width, depth, height]: [f32; 3], storeys: usize, furnished: bool) -> Vec<[f32; 3]> {
    let step = 0.1;
    let grid = |a: f32, b: f32| {
        let counts = [a, b].map(|edge| (edge / step).round() as usize);
        (0..=counts[0])
            .flat_map(move |i| (0..=counts[1]).map(move |k| [i as f32 * step, k as f32 * step]))
    };
    let mut points = Vec::new();
    for storey in 0..storeys {
        let bottom = storey as f32 * height / storeys as f32;
        points.extend(grid(width, depth).map(|[x, y]| [x, y, bottom]));
        if furnished {
            for (at, size, top) in [
                ([3.0, 3.0], [1.6, 0.9], 0.74),
                ([2.0, 3.0], [0.5, 0.5], 0.45),
            ] {
                points.extend(
                    grid(size[0], size[1]).map(|[x, y]| [x + at[0], y + at[1], bottom + top]),
                );
            }
        }
    }
    points.extend(grid(width, height).map(|[x, z]| [x, 0.0, z]));
    points.extend(grid(width, height).map(|[x, z]| [x, depth, z]));
    points.extend(grid(depth, height).map(|[y, z]| [0.0, y, z]));
    points.extend(grid(depth, height).map(|[y, z]| [width, y, z]));
    points
}

#[test]
fn buildings_and_halls_in_metres_are_no_rooms_in_feet() {
    for (size, storeys) in [
        ([12.0, 9.0, 8.4], 3),
        ([10.0, 8.0, 5.6], 2),
        ([30.0, 20.0, 8.0], 1),
        ([24.0, 12.0, 11.0], 1),
        ([15.0, 10.0, 6.0], 1),
    ] {
        for furnished in [true, false] {
            let scan = Scan::from_points(&building(size, storeys, furnished), None).unwrap();
            let found = preflight(&scan, Choices::default());
            assert_eq!(found.up.value, UpAxis::PlusZ, "{size:?}");
            assert_eq!(
                (found.unit.value, found.unit.certainty),
                (Unit::Metres, Certainty::Assumed),
                "{size:?}, {furnished}: {}",
                found.unit.words
            );
        }
    }
}

#[test]
fn any_length_can_be_the_unit() {
    let choices = Choices {
        unit: Some(Unit::of_metres(0.00025).unwrap()),
        up: Some(UpAxis::PlusZ),
    };
    let mut scan = Scan::from_points(&[[0.0; 3], [4000.0, 8000.0, 10_000.0]], None).unwrap();
    let found = preflight(&scan, choices);
    assert_eq!(found.unit.certainty, Certainty::Chosen);
    assert!(
        found.unit.words.contains("0.00025 m"),
        "{}",
        found.unit.words
    );
    found.apply(&mut scan);
    assert_eq!(scan.positions[1], [1.0, 2.0, 2.5]);

    let json = serde_json::to_value(choices).unwrap();
    assert_eq!(json["unit"], serde_json::json!({"custom": 0.00025}));
    assert_eq!(serde_json::from_value::<Choices>(json).unwrap(), choices);
    assert_eq!(Unit::of_metres(0.3048), Ok(Unit::Feet));
    for wrong in [0.0, -1.0, f64::NAN, 1e7] {
        assert!(Unit::of_metres(wrong).is_err());
        assert!(serde_json::from_value::<Unit>(serde_json::json!({"custom": wrong})).is_err());
    }
}

#[test]
fn a_coarse_mesh_is_examined_by_its_faces() {
    // floor and two walls of 4 x 3 x 2.5 m and a table in millimetres, y up
    let corners = [
        [0, 0, 0],
        [4000, 0, 0],
        [4000, 0, 3000],
        [0, 0, 3000],
        [0, 2500, 0],
        [4000, 2500, 0],
        [0, 2500, 3000],
        [1000, 720, 1000],
        [2500, 720, 1000],
        [2500, 720, 2000],
        [1000, 720, 2000],
    ];
    let corners: String = corners
        .iter()
        .map(|[x, y, z]| format!("{x} {y} {z}\n"))
        .collect();
    let file = format!(
        "ply\nformat ascii 1.0\nelement vertex 11\nproperty float x\nproperty float y\nproperty float z\nelement face 4\n\
         property list uchar int vertex_indices\nend_header\n{corners}4 0 1 2 3\n4 0 1 5 4\n4 0 3 6 4\n4 7 8 9 10\n"
    );
    let mut scan = scan::read(file.as_bytes(), &Monitor::silent()).unwrap();
    let found = preflight(&scan, Choices::default());
    assert_eq!(
        (found.up.value, found.up.certainty),
        (UpAxis::PlusY, Certainty::Found)
    );
    assert_eq!(found.unit.value, Unit::Millimetres, "{}", found.unit.words);
    found.apply(&mut scan);
    assert!(scan.len() > 20_000 && scan.measured() == 11);
    assert_eq!(preflight(&scan, Choices::default()).up, found.up);
}
