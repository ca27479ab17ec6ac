//! Objects of no class: anything that stands, lies or hangs somewhere and is not part of its
//! support. Their class name is "object".

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Vec2, Vec3};

use super::Object;
use crate::{material::Material, mesh::Mesh, noise::rough, rng::RoomRng};

/// The class name of objects that have no other name.
pub const NAMELESS: &str = "object";

/// Sizes of the smallest and the largest: the longest side of the bounding box, metres.
const SIZES: [f32; 2] = [0.05, 1.8];

/// A random object of no known class: joined primitives, a blob, a lofted shape or a crumpled
/// sheet.
pub fn nameless(rng: &mut RoomRng) -> Object {
    let size = SIZES[0] * (SIZES[1] / SIZES[0]).powf(rng.within(0.0, 1.0));
    let object = match rng.count(0, 9) {
        0..=4 => joined(rng),
        5 | 6 => {
            let amplitude = rng.within(0.15, 0.45);
            Object::new(NAMELESS).with(any_material(rng), blob(amplitude, rng))
        }
        7 | 8 => lofted(rng),
        _ => sheet(rng),
    };
    let flat = if rng.chance(0.6) {
        rng.within(0.03, 0.15)
    } else {
        0.0
    };
    let object = scaled(object, size, flat);
    if rng.chance(0.15) {
        topped(object, rng)
    } else {
        object
    }
}

/// A random material of any kind.
fn any_material(rng: &mut RoomRng) -> Material {
    match rng.count(0, 9) {
        0 => rng.wood(0),
        1 | 2 => rng.paint(),
        3 | 4 => rng.fabric(),
        5 => rng.metal().missing(0.06),
        6 => rng.dark().missing(0.06),
        7 => rng.white(),
        8 => rng.print(0.12),
        _ => rng.cardboard(),
    }
}

/// A random primitive, about one metre large, centred at the origin.
fn primitive(rng: &mut RoomRng) -> Mesh {
    let [a, b, c] = [0; 3].map(|_| rng.within(0.25, 1.0));
    let mesh = match rng.count(0, 7) {
        0 | 1 => Mesh::soft(
            a,
            b,
            c,
            if rng.chance(0.5) {
                rng.within(0.01, 0.15)
            } else {
                0.0
            },
        ),
        2 => Mesh::cylinder(a / 2.0, c),
        3 => Mesh::frustum(a / 2.0, a / 2.0 * rng.within(0.0, 0.8), c),
        4 => Mesh::ellipsoid(a / 2.0, b / 2.0, c / 2.0),
        5 => Mesh::ring(
            a / 2.0,
            rng.within(0.04, 0.14),
            if rng.chance(0.7) {
                TAU
            } else {
                rng.within(PI, TAU)
            },
        ),
        6 => {
            // A wedge: the upper edge is at one side.
            let lean = rng.within(0.0, 1.0);
            Mesh::slab(a, b, c)
                .warp(|p| Vec3::new(p.x, p.y * (1.0 - p.z / c) + (lean - 0.5) * b * p.z / c, p.z))
        }
        _ => {
            let amplitude = rng.within(0.1, 0.3);
            blob(amplitude, rng)
        }
    };
    // Lying and standing are more frequent than tilted.
    let mesh = match rng.count(0, 4) {
        0 => mesh.pitched(FRAC_PI_2),
        1 => mesh.rolled(FRAC_PI_2),
        2 => mesh.pitched(rng.about(0.7)).turned(rng.about(PI)),
        _ => mesh,
    };
    let (lo, hi) = mesh.bounds();
    let middle = (lo + hi) / 2.0;
    mesh.at(-middle.x, -middle.y, -middle.z)
}

/// One to six primitives, each attached to a point of an earlier one, some of them mirrored.
fn joined(rng: &mut RoomRng) -> Object {
    let parts = rng.count(1, 6);
    let one_look = rng.chance(0.35).then(|| any_material(rng));
    let look = |rng: &mut RoomRng| match one_look {
        Some(material) => material.sibling(rng),
        None => any_material(rng),
    };
    let mut object = Object::new(NAMELESS).with(look(rng), primitive(rng));
    for _ in 1..parts {
        let host = rng.count(0, object.parts.len() - 1);
        let any_place = |mesh: &Mesh, rng: &mut RoomRng| {
            mesh.vertices[rng.count(0, mesh.vertices.len() - 1)].position
        };
        let place = any_place(&object.parts[host].mesh, rng);
        let (size, part) = (rng.within(0.15, 0.8), primitive(rng));
        // Moves a vertex of the part slightly into the other part.
        let own = any_place(&part, rng) * 0.85;
        let part = part.warp(|p| (p - own) * size + place);
        let mirrored = part.clone().warp(|p| Vec3::new(-p.x, p.y, p.z));
        // Parts attached to the first part are often mirrored to both sides.
        object = object.with(
            look(rng),
            if host == 0 && rng.chance(0.5) {
                part.and(mirrored)
            } else {
                part
            },
        );
    }
    object
}

/// A ball with bumps and dents.
fn blob(amplitude: f32, rng: &mut RoomRng) -> Mesh {
    let (seed, bumps) = (rng.seed(), rng.within(1.5, 5.0));
    let axes = Vec3::from([0; 3].map(|_| rng.within(0.3, 0.5)));
    Mesh::surface(24, 14, |u, v| {
        let ((su, cu), (sv, cv)) = ((TAU * u).sin_cos(), (PI * v).sin_cos());
        let p = Vec3::new(sv * cu, sv * su, -cv);
        axes * p * (1.0 + amplitude * 2.0 * (rough(p * bumps + 9.0, seed) - 0.5))
    })
}

/// A profile around an axis that may be bent, with a round, squashed or lobed cross section that
/// may twist.
fn lofted(rng: &mut RoomRng) -> Object {
    let levels = rng.count(3, 9);
    let radii: Vec<f32> = (0..levels).map(|_| rng.within(0.08, 0.5)).collect();
    let (lobes, lobe, phase) = (
        rng.count(2, 7) as f32,
        if rng.chance(0.5) {
            rng.within(0.05, 0.3)
        } else {
            0.0
        },
        rng.within(0.0, TAU),
    );
    let (twist, bend, stretch) = (
        rng.about(1.5),
        Vec2::new(rng.about(0.3), rng.about(0.3)),
        rng.within(0.5, 1.0),
    );
    let (smooth, height) = (rng.chance(0.6), rng.within(0.4, 1.4));
    let radius = |v: f32| {
        let at = v * (levels - 1) as f32;
        let below = (at as usize).min(levels - 2);
        let t = at - below as f32;
        let t = if smooth { t * t * (3.0 - 2.0 * t) } else { t };
        radii[below] + (radii[below + 1] - radii[below]) * t
    };
    // The first and the last rows close the ends.
    let rows = 18;
    let shape = Mesh::surface(24, rows, |u, v| {
        let row = (v * rows as f32).round() as usize;
        let along = (row.saturating_sub(1) as f32 / (rows - 2) as f32).min(1.0);
        let angle = TAU * u;
        let r = if row == 0 || row == rows {
            0.0
        } else {
            radius(along) * (1.0 + lobe * (lobes * angle + phase).cos())
        };
        let section = Vec2::from_angle(angle + twist * along) * r * Vec2::new(1.0, stretch);
        (section + bend * (along * along)).extend(height * along)
    });
    Object::new(NAMELESS).with(any_material(rng), shape)
}

/// A cloth, a bag or a sheet that was dropped.
fn sheet(rng: &mut RoomRng) -> Object {
    let (w, d, high) = (
        rng.within(0.5, 1.0),
        rng.within(0.4, 1.0),
        rng.within(0.05, 0.45),
    );
    let (seed, folds, round) = (rng.seed(), rng.within(2.0, 6.0), rng.within(0.0, 1.0));
    let cells = 22;
    let cloth = Mesh::surface(cells, cells, |u, v| {
        let (x, y) = (2.0 * u - 1.0, 2.0 * v - 1.0);
        // From a square to a disc, with irregular edges.
        let inner = 1.0 - round * 0.29 * x.abs().min(y.abs());
        let p = Vec3::new(x, y, 0.0) * inner;
        let wave = rough(p * folds + 4.0, seed) - 0.5;
        let rise = (1.0 - x.abs().max(y.abs()).powi(3)) * rough(p * 1.3 + 7.0, seed + 3);
        let drift = Vec2::new(rough(p * folds, seed + 1), rough(p * folds, seed + 2)) - 0.5;
        let flat = Vec2::new(p.x * w, p.y * d) / 2.0 + drift * 0.16;
        flat.extend(high * (rise + 0.5 * wave).max(0.0) + 0.01 * (1.0 + wave))
    });
    let look = if rng.chance(0.7) {
        rng.fabric()
    } else {
        any_material(rng)
    };
    Object::new(NAMELESS).with(look, cloth)
}

/// Scales an object so that its longest side is `size`, and stands it on z = 0 centred above the
/// origin; the lower part, the fraction `flat` of its height, is pressed flat.
fn scaled(mut object: Object, size: f32, flat: f32) -> Object {
    let (lo, hi) = object.bounds();
    let (scale, foot) = (
        size / (hi - lo).max_element().max(1e-3),
        Vec3::new((lo.x + hi.x) / 2.0, (lo.y + hi.y) / 2.0, lo.z),
    );
    for vertex in object
        .parts
        .iter_mut()
        .flat_map(|part| &mut part.mesh.vertices)
    {
        vertex.position = (vertex.position - foot) * scale;
        vertex.position.z = (vertex.position.z - flat * (hi.z - lo.z) * scale).max(0.0);
        vertex.texture *= scale;
    }
    object
}

/// Adds a plate on top, where other objects may stand.
fn topped(object: Object, rng: &mut RoomRng) -> Object {
    let (lo, hi) = object.bounds();
    let [w, d, thick] = [
        (hi.x - lo.x) * rng.within(0.7, 1.1),
        (hi.y - lo.y) * rng.within(0.7, 1.1),
        0.012 + 0.03 * hi.z,
    ];
    let look = any_material(rng);
    object
        .with(
            look,
            Mesh::soft(w, d, thick, thick * 0.3).at(0.0, 0.0, hi.z - thick * 0.5),
        )
        .with_top([0.0, 0.0, hi.z + thick * 0.5], [w * 0.9, d * 0.9], 0.8)
}
