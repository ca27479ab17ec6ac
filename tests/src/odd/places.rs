//! Points that were not measured, frames and units.

use super::{
    Expected, Odd, all_of, bounds,
    room::{Corner, Room, building},
    writing::{RGB, UPRIGHT, XYZ, at, colored, little, packed, pcd, xyz},
};

const FAR_SURVEY: [f64; 3] = [412_300.0, 5_512_700.0, 120.0];
/// Degrees of longitude and latitude of the room's corner, and metres in one of each.
const PLACE: [f64; 2] = [7.05, 50.73];
const DEGREE: [f64; 2] = [70_500.0, 111_320.0];
/// Rows without a measurement.
const UNMEASURED: usize = 6000;
/// Points far away, as reflections make them.
const STRAYS: [[f32; 3]; 5] = [
    [310.0, 40.0, 12.0],
    [290.0, -15.0, 3.0],
    [280.0, 60.0, 8.0],
    [-120.0, 220.0, 5.0],
    [305.0, 41.0, 11.0],
];

pub fn files(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    let stray = |at| Corner {
        at,
        color: [128; 3],
        label: [0; 2],
    };
    let with_strays = [&corners[..], &STRAYS.map(stray)].concat();
    let building = building();
    vec![
        viewpoint(room),
        organised(room),
        degrees(room),
        ruined(room),
        Odd {
            name: "20a-three-storeys-metres.ply",
            bytes: colored(&building.corners),
            expected: Expected {
                metres_per_unit: Some(1.0),
                ..all_of(&building)
            },
        },
        Odd {
            name: "43a-five-strays-at-300-m.ply",
            bytes: colored(&with_strays),
            expected: Expected {
                points: Some(with_strays.len()),
                same_instances_as: Some("00-base.ply".to_owned()),
                ..Expected::default()
            },
        },
    ]
}

/// A point of a binary PCD.
fn binary(place: [f32; 3], color: [u8; 3]) -> Vec<u8> {
    [xyz(place), packed(color).to_le_bytes().to_vec()].concat()
}

/// In the frame of a camera that is turned by a quarter about x, and moved.
fn viewpoint(room: &Room) -> Odd {
    let corners = &room.corners;
    let viewpoint = "0.5 -1 1.4 0.707107 -0.707107 0 0";
    let seen = |corner: &Corner| [corner.at[0] - 0.5, 1.4 - corner.at[2], corner.at[1] + 1.0];
    let header = pcd("x y z rgb", "F F F U", corners.len(), viewpoint, "binary");
    let rows = corners.iter().flat_map(|c| binary(seen(c), c.color));
    Odd {
        name: "07-viewpoint.pcd",
        bytes: [header.into_bytes(), rows.collect()].concat(),
        expected: Expected {
            box_as_stored: Some(bounds(corners.iter().map(|c| seen(c).map(f64::from)))),
            box_with_viewpoint: Some(bounds(corners.iter().map(|c| c.at.map(f64::from)))),
            ..all_of(room)
        },
    }
}

/// A missing measurement after every few points, and the rest of them at the end.
fn organised(room: &Room) -> Odd {
    let corners = &room.corners;
    let size = corners.len() + UNMEASURED;
    let mut bytes = pcd("x y z rgb", "F F F U", size, UPRIGHT, "binary").into_bytes();
    let every = corners.len() / UNMEASURED + 1;
    let mut missing = UNMEASURED;
    for (point, corner) in corners.iter().enumerate() {
        bytes.extend(binary(corner.at, corner.color));
        if point % every == 0 && missing > 0 {
            missing -= 1;
            bytes.extend(binary([0.0; 3], [0; 3]));
        }
    }
    (0..missing).for_each(|_| bytes.extend(binary([0.0; 3], [0; 3])));
    Odd {
        name: "08-organised-zeros.pcd",
        bytes,
        expected: Expected {
            invalid: Some(UNMEASURED),
            instances_must_not_own_the_origin: Some(true),
            ..all_of(room)
        },
    }
}

fn degrees(room: &Room) -> Odd {
    let row = |corner: &Corner| {
        let [x, y, z] = corner.at.map(f64::from);
        let degrees = [PLACE[0] + x / DEGREE[0], PLACE[1] + y / DEGREE[1], z];
        [&degrees.map(f64::to_le_bytes).concat()[..], &corner.color].concat()
    };
    let doubles = XYZ.replace("float", "double");
    let elements = format!("element vertex {}\n{doubles}{RGB}", room.corners.len());
    Odd {
        name: "09-degrees.ply",
        bytes: little(
            &elements,
            &room.corners.iter().flat_map(row).collect::<Vec<u8>>(),
        ),
        expected: Expected {
            expected: Some("refused or warned: x and y are no lengths".to_owned()),
            ..Expected::default()
        },
    }
}

/// A survey in floats of 4 bytes.
fn ruined(room: &Room) -> Odd {
    let ruined = |corner: &Corner| Corner {
        at: at(corner, FAR_SURVEY).map(|x| x as f32),
        ..*corner
    };
    let corners: Vec<Corner> = room.corners.iter().map(ruined).collect();
    let mut ys: Vec<f32> = corners.iter().map(|corner| corner.at[1]).collect();
    ys.sort_unstable_by(f32::total_cmp);
    ys.dedup();
    Odd {
        name: "10-float32-survey.ply",
        bytes: colored(&corners),
        expected: Expected {
            distinct_y: Some(ys.len()),
            expected: Some("warning: coordinates are 0.5 m apart".to_owned()),
            ..all_of(room)
        },
    }
}
