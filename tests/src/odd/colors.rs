//! Colors.

use std::f64::consts::PI;

use super::{
    Expected, Odd, all_of,
    room::{Corner, Room},
    with_color,
    writing::{UPRIGHT, XYZ, little, packed, pcd, xyz},
};

/// The bits of a packed color with full alpha.
const OPAQUE: u32 = 0xff00_0000;

pub fn files(room: &Room) -> Vec<Odd> {
    let corners = &room.corners;
    let floats = |scale: &dyn Fn(usize, u8) -> f32| -> Vec<u8> {
        let channels = |(point, corner): (usize, &Corner)| {
            let color = corner.color.map(|c| scale(point, c));
            [xyz(corner.at), xyz(color)].concat()
        };
        corners.iter().enumerate().flat_map(channels).collect()
    };
    let elements = |names: [&str; 3]| {
        let channels = names.map(|name| format!("property float {name}\n"));
        format!(
            "element vertex {}\n{XYZ}{}",
            corners.len(),
            channels.concat()
        )
    };
    // a few of the last points are just too bright
    let above = floats(&|point, c| {
        if point + 6 < corners.len() {
            f32::from(c) / 255.0
        } else {
            1.02
        }
    });
    let harmonic = 0.5 / PI.sqrt();
    let splats = floats(&|_, c| ((f64::from(c) / 255.0 - 0.5) / harmonic) as f32);
    // red from 128 on fills the exponent of the float
    let is_lost = |corner: &Corner| corner.color[0] >= 128;
    let first = corners
        .iter()
        .position(|corner| !is_lost(corner))
        .unwrap_or_default();
    let rows = corners.iter().map(|corner| {
        let [x, y, z] = corner.at;
        let color = f32::from_bits(OPAQUE | packed(corner.color));
        let color = if is_lost(corner) {
            "nan".to_owned()
        } else {
            format!("{color:e}")
        };
        format!("{x:.5} {y:.5} {z:.5} {color}\n")
    });
    let header = pcd("x y z rgb", "F F F F", corners.len(), UPRIGHT, "ascii");
    vec![
        Odd {
            name: "02-float-colour-above-one.ply",
            bytes: little(&elements(["red", "green", "blue"]), &above),
            expected: with_color(room),
        },
        Odd {
            name: "22-gaussian-splats.ply",
            bytes: little(&elements(["f_dc_0", "f_dc_1", "f_dc_2"]), &splats),
            expected: with_color(room),
        },
        Odd {
            name: "05-ascii-rgb-nan.pcd",
            bytes: [header, rows.collect()].concat().into_bytes(),
            expected: Expected {
                nan_colors: Some(corners.iter().filter(|corner| is_lost(corner)).count()),
                first_exact_point: Some(first),
                its_color: Some(corners[first].color),
                nan_color_must_not_be: Some([192, 0, 0]),
                ..all_of(room)
            },
        },
    ]
}
