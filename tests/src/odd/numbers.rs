//! Streams of numbers, types, digits and damage.

use super::{
    Expected, Odd, all_of, bounds,
    room::{Corner, Room},
    with_color,
    writing::{RGB, UPRIGHT, XYZ, at, colored, little, packed, pcd, ply, xyz},
};

/// Where the survey's origin is.
const SURVEY: [f64; 3] = [289_814.0, 4_320_978.0, 170.0];

pub fn files(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    let half = &corners[..corners.len() / 2];
    let vertices = |count: usize| format!("element vertex {count}\n{XYZ}{RGB}");
    let row = |corner: &Corner, between: char| {
        let ([x, y, z], [r, g, b]) = (corner.at, corner.color);
        format!("{x:.5} {y:.5} {z:.5}{between}{r} {g} {b}\n")
    };
    let rows = |between| corners.iter().map(|c| row(c, between)).collect::<String>();
    let survey = corners.iter().map(|corner| at(corner, SURVEY));
    let survey: Vec<[f64; 3]> = survey
        .map(|p| p.map(|x| (x * 1000.0).round() / 1000.0))
        .collect();
    let survey_rows = survey
        .iter()
        .zip(corners)
        .map(|([x, y, z], corner)| format!("{x:.3} {y:.3} {z:.3} {}\n", packed(corner.color)));
    let header = pcd("X Y Z rgb", "F F F U", corners.len(), UPRIGHT, "ascii");
    let bools = corners.iter().flat_map(|corner| {
        [
            &xyz(corner.at)[..],
            &corner.color,
            &[u8::from(corner.label[0] == 2)],
        ]
        .concat()
    });
    let base = colored(corners);
    let converted = base.iter().flat_map(|byte| match byte {
        b'\n' => vec![b'\r', b'\n'],
        byte => vec![*byte],
    });
    vec![
        Odd {
            name: "01-vertex-over-two-lines.ply",
            bytes: ply("ascii", &vertices(corners.len()), rows('\n').as_bytes()),
            expected: with_color(room),
        },
        Odd {
            name: "04a-uppercase-survey.pcd",
            bytes: [header, survey_rows.collect()].concat().into_bytes(),
            expected: Expected {
                bounds: Some(bounds(survey.iter().copied())),
                ..all_of(room)
            },
        },
        Odd {
            name: "06b-bool.ply",
            bytes: little(
                &format!("{}property bool is_ground\n", vertices(corners.len())),
                &bools.collect::<Vec<u8>>(),
            ),
            expected: Expected {
                points_or_error: Some("names `bool`".to_owned()),
                ..Expected::default()
            },
        },
        Odd {
            name: "31-more-rows-than-counted.ply",
            bytes: ply("ascii", &vertices(half.len()), rows(' ').as_bytes()),
            expected: Expected {
                points: Some(half.len()),
                warning: Some(format!("{} rows more", corners.len() - half.len())),
                ..Expected::default()
            },
        },
        Odd {
            name: "32-line-ends-converted.ply",
            bytes: converted.collect(),
            expected: Expected {
                error: Some("damaged, or warned; coordinates are garbage".to_owned()),
                ..Expected::default()
            },
        },
    ]
}
