//! Writes rooms as binary little-endian PLY.

use super::{SyntheticRoom, classes::CLASSES};

/// The header with the class table in comments, then 23 bytes per point.
pub fn write(room: &SyntheticRoom) -> Vec<u8> {
    let mut header = String::from(
        "ply\nformat binary_little_endian 1.0\ncomment synthetic room, metres, z up\n",
    );
    for class in CLASSES {
        header += &format!("comment class {} {}\n", class.id, class.name);
    }
    header += &format!("element vertex {}\n", room.positions.len());
    for (kind, name) in [
        ("float", "x"),
        ("float", "y"),
        ("float", "z"),
        ("uchar", "red"),
        ("uchar", "green"),
        ("uchar", "blue"),
        ("int", "semantic"),
        ("int", "instance"),
    ] {
        header += &format!("property {kind} {name}\n");
    }
    let mut bytes = (header + "end_header\n").into_bytes();
    bytes.reserve(room.positions.len() * 23);
    for i in 0..room.positions.len() {
        room.positions[i]
            .iter()
            .for_each(|v| bytes.extend(v.to_le_bytes()));
        bytes.extend(room.colors[i]);
        bytes.extend(room.semantic[i].to_le_bytes());
        bytes.extend(room.instance[i].to_le_bytes());
    }
    bytes
}
