//! Meshes.

use super::{
    Expected, Odd, all_of,
    room::{Room, coarse},
    writing::{RGB, XYZ, corners_of, little, mesh, usdz, xyz},
};

/// The file whose colors are in a texture.
pub const TEXTURED: &str = "23b-texture.ply";

pub fn files(room: &Room) -> Vec<Odd> {
    let coarse = coarse();
    let corner = |&v: &u32| room.corners[v as usize];
    let apart = Room {
        corners: room.triangles.as_flattened().iter().map(corner).collect(),
        triangles: (0..room.triangles.len() as u32)
            .map(|t| [3 * t, 3 * t + 1, 3 * t + 2])
            .collect(),
    };
    let face = |triangle: &[u32; 3]| {
        // the mean of its corners
        let colors = triangle.map(|v| room.corners[v as usize].color);
        let mean = |i: usize| (colors.iter().map(|c| u32::from(c[i])).sum::<u32>() / 3) as u8;
        [&corners_of(triangle)[..], &[mean(0), mean(1), mean(2)]].concat()
    };
    let painted = [
        room.corners
            .iter()
            .flat_map(|corner| xyz(corner.at))
            .collect::<Vec<u8>>(),
        room.triangles.iter().flat_map(face).collect(),
    ];
    let elements = format!(
        "element vertex {}\n{XYZ}element face {}\nproperty list uchar int vertex_indices\n{RGB}",
        room.corners.len(),
        room.triangles.len()
    );
    let textured = [
        room.corners
            .iter()
            .flat_map(|corner| xyz(corner.at))
            .collect::<Vec<u8>>(),
        room.triangles.iter().flat_map(corners_of).collect(),
    ];
    vec![
        Odd {
            name: TEXTURED,
            bytes: little(
                &format!(
                    "comment TextureFile room.png\n{}",
                    elements.replace(RGB, "")
                ),
                &textured.concat(),
            ),
            expected: Expected {
                warning: Some("the texture `room.png`".to_owned()),
                ..all_of(room)
            },
        },
        Odd {
            name: "23-face-colours.ply",
            bytes: little(&elements, &painted.concat()),
            expected: Expected {
                color0_about: Some(room.corners[0].color),
                ..all_of(room)
            },
        },
        Odd {
            name: "30-few-large-triangles.ply",
            expected: Expected {
                vertices: Some(coarse.corners.len()),
                expected: Some("surface sampled, or told that the mesh is too coarse".to_owned()),
                ..Expected::default()
            },
            bytes: mesh(&coarse),
        },
        Odd {
            name: "44-triangle-soup.ply",
            expected: Expected {
                same_instances_as: Some("00-base.ply".to_owned()),
                ..all_of(&apart)
            },
            bytes: mesh(&apart),
        },
        Odd {
            name: "45-package.usdz",
            bytes: usdz(room),
            expected: Expected {
                color0_about: Some(room.corners[0].color),
                ..all_of(room)
            },
        },
    ]
}
