//! Writes corners as PLY, PCD and USDZ, in the ways that odd files need.

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

/// The mesh as a package of USD whose only layer is text, in centimetres.
pub fn usdz(room: &Room) -> Vec<u8> {
    let linear = |v: u8| match f64::from(v) / 255.0 {
        dark if dark <= 0.040_45 => dark / 12.92,
        v => ((v + 0.055) / 1.055).powf(2.4),
    };
    let list = |items: Vec<String>| items.join(", ");
    let three = |[x, y, z]: [f64; 3]| format!("({x:.6}, {y:.6}, {z:.6})");
    let points = |corner: &Corner| three(corner.at.map(|v| 100.0 * f64::from(v)));
    let colors = |corner: &Corner| three(corner.color.map(linear));
    let corners = room.triangles.as_flattened().iter().map(u32::to_string);
    let layer = format!(
        "#usda 1.0\n(\n metersPerUnit = 0.01\n upAxis = \"Z\"\n)\ndef Mesh \"Room\"\n{{\n int[] faceVertexCounts = [{}]\n int[] faceVertexIndices = [{}]\n point3f[] points = [{}]\n color3f[] primvars:displayColor = [{}] (\n  interpolation = \"vertex\"\n )\n}}\n",
        list(vec!["3".to_owned(); room.triangles.len()]),
        list(corners.collect()),
        list(room.corners.iter().map(points).collect()),
        list(room.corners.iter().map(colors).collect()),
    );
    stored("room.usda", layer.as_bytes())
}

/// An archive with one file, which is not compressed.
fn stored(name: &str, data: &[u8]) -> Vec<u8> {
    let half = |v: usize| (v as u16).to_le_bytes();
    let word = |v: usize| (v as u32).to_le_bytes();
    // version, flags, method, time, date, checksum, sizes
    let common = [
        &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
        &word(0),
        &word(data.len()),
        &word(data.len()),
        &half(name.len()),
        &half(0),
    ]
    .concat();
    let file = [b"PK\x03\x04", &common[..], name.as_bytes(), data].concat();
    let table = [b"PK\x01\x02\x0a\0", &common[..], &[0; 14], name.as_bytes()].concat();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &word(table.len())[..],
        &word(file.len()),
        &[0; 2],
    ];
    [file, table, end.concat()].concat()
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
