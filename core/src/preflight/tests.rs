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
