//! Writes corners as PLY and PCD, in the ways that odd files need.

use super::room::{Corner, Room};

/// Properties of a position.
pub const XYZ: &str = "property float x\nproperty float y\nproperty float z\n";
/// Properties of a color.
pub const RGB: &str = "property uchar red\nproperty uchar green\nproperty uchar blue\n";
/// The viewpoint of points in the world's own frame.
pub const UPRIGHT: &str = "0 0 0 1 0 0 0";

/// The position of a corner in a survey with this origin.
pub fn at(corner: &Corner, origin: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| origin[axis] + f64::from(corner.at[axis]))
}

pub fn xyz(values: [f32; 3]) -> Vec<u8> {
    values.map(f32::to_le_bytes).concat()
}

pub fn packed([r, g, b]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, r, g, b])
}

pub fn corners_of(triangle: &[u32; 3]) -> Vec<u8> {
    [&[3][..], &triangle.map(u32::to_le_bytes).concat()].concat()
}

/// The corners as points with colors.
pub fn colored(corners: &[Corner]) -> Vec<u8> {
    let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color].concat();
    little(
        &format!("element vertex {}\n{XYZ}{RGB}", corners.len()),
        &corners.iter().flat_map(row).collect::<Vec<u8>>(),
    )
}

/// The corners with colors, and the triangles.
pub fn mesh(room: &Room) -> Vec<u8> {
    let row = |corner: &Corner| [&xyz(corner.at)[..], &corner.color].concat();
    let corners: Vec<u8> = room.corners.iter().flat_map(row).collect();
    let faces: Vec<u8> = room.triangles.iter().flat_map(corners_of).collect();
    let elements = format!(
        "element vertex {}\n{XYZ}{RGB}element face {}\nproperty list uchar int vertex_indices\n",
        room.corners.len(),
        room.triangles.len()
    );
    little(&elements, &[corners, faces].concat())
}

pub fn little(elements: &str, body: &[u8]) -> Vec<u8> {
    ply("binary_little_endian", elements, body)
}

pub fn ply(format: &str, elements: &str, body: &[u8]) -> Vec<u8> {
    let header = format!("ply\nformat {format} 1.0\n{elements}end_header\n");
    [header.as_bytes(), body].concat()
}

pub fn pcd(fields: &str, types: &str, points: usize, viewpoint: &str, data: &str) -> String {
    format!(
        "VERSION 0.7\nFIELDS {fields}\nSIZE 4 4 4 4\nTYPE {types}\nCOUNT 1 1 1 1\nWIDTH {points}\nHEIGHT 1\n\
         VIEWPOINT {viewpoint}\nPOINTS {points}\nDATA {data}\n"
    )
}
