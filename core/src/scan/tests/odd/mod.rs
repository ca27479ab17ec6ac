//! What people bring: files that are legal or nearly so, and that readers get wrong. Every case is
//! one that somebody reported of some program.

use super::*;

mod colors;
mod numbers;
mod places;
mod surfaces;

const XYZ: &str = "property float x\nproperty float y\nproperty float z\n";
const RGB: &str = "property uchar red\nproperty uchar green\nproperty uchar blue\n";

fn ply_of(format: &str, elements: &str, body: &[u8]) -> Vec<u8> {
    file(
        &format!("ply\nformat {format} 1.0\n{elements}end_header\n"),
        body,
    )
}

fn ascii_ply(elements: &str, body: &str) -> Vec<u8> {
    ply_of("ascii", elements, body.as_bytes())
}

fn little_ply(elements: &str, body: &[u8]) -> Vec<u8> {
    ply_of("binary_little_endian", elements, body)
}

fn pcd_of(fields: &str, sizes: &str, kinds: &str, points: usize, data: &str) -> String {
    format!(
        "VERSION .7\nFIELDS {fields}\nSIZE {sizes}\nTYPE {kinds}\nWIDTH {points}\nHEIGHT 1\nDATA {data}\n"
    )
}

/// The first warning.
fn warning(scan: &Scan) -> &str {
    scan.warnings.first().map_or("", |warning| &warning.0)
}

/// A floor and two walls of 4 x 3 m, 2.5 m high, as points about 4 cm apart, and a table; z up.
/// Deterministic noise of a millimetre.
fn room() -> Vec<[f32; 3]> {
    let mut noise = 7u32;
    let mut points = Vec::new();
    let mut add = |from: [f32; 3], [a, b]: [[f32; 3]; 2]| {
        let steps = [a, b].map(|edge| (glam::Vec3::from(edge).length() / 0.04) as usize);
        for i in 0..=steps[0] {
            for k in 0..=steps[1] {
                points.push(std::array::from_fn(|axis| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    from[axis]
                        + a[axis] * i as f32 / steps[0] as f32
                        + b[axis] * k as f32 / steps[1] as f32
                        + (noise >> 16) as f32 * 2e-8
                }));
            }
        }
    };
    let [x, y, z] = [[4.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 2.5]];
    add([0.0; 3], [x, y]);
    add([0.0; 3], [x, z]);
    add([0.0; 3], [y, z]);
    add([1.5, 1.0, 0.72], [[1.4, 0.0, 0.0], [0.0, 0.8, 0.0]]);
    points
}

fn little_xyz(points: &[[f32; 3]]) -> Vec<u8> {
    little_ply(
        &format!("element vertex {}\n{XYZ}", points.len()),
        &floats(points.as_flattened()),
    )
}
