//! Bins.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::Vec3;

use super::{
    Object,
    containers::{contents, open_box, rim},
    soft::crumpled,
};
use crate::{
    material::{Material, Texture},
    mesh::Mesh,
    rng::RoomRng,
};

/// A recycling bin with a sign, and with a hole in its lid or an open top.
pub fn recycling_bin(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.32, 0.52),
        rng.within(0.3, 0.5),
        rng.within(0.5, 0.95),
    ];
    let body = match rng.count(0, 2) {
        0 => rng.leaf().shaded(1.3),
        1 => Material::new(
            Texture::Mottled(0.2),
            Vec3::new(0.16, 0.3, 0.62) * rng.within(0.7, 1.3),
            Vec3::new(0.12, 0.22, 0.45),
            rng,
        ),
        _ => rng.paint(),
    };
    let (dark, sign) = (rng.dark(), rng.white());
    let hole = rng.chance(0.6);
    let arrows = Mesh::ring(h * 0.09, 0.009, TAU * 0.85)
        .pitched(-FRAC_PI_2)
        .at(0.0, d / 2.0 - 0.01, h * 0.6);
    let o = Object::new("recycling bin")
        .with(body, open_box([w, d, h], 0.016, 0.16))
        .with(
            body.shaded(0.9),
            rim([w + 0.03, d + 0.03], 0.025, 0.04).at(0.0, 0.0, h - 0.04),
        )
        .with(sign, arrows);
    if hole {
        return o
            .with(
                body.sibling(rng),
                Mesh::soft(w + 0.02, d + 0.02, 0.06, 0.02).at(0.0, 0.0, h),
            )
            .with(
                dark,
                Mesh::cylinder(w * 0.22, 0.008).at(0.0, 0.0, h + 0.056),
            );
    }
    let fill = crumpled(Mesh::ellipsoid(w * 0.38, d * 0.38, 0.2), 0.08, rng);
    contents(
        o.with(rng.print(0.07), fill.at(0.0, 0.0, h * 0.72)),
        [w * 0.8, d * 0.8],
        h * 0.85,
        4,
        rng,
    )
}

/// A large bin with a domed lid and a flap, or a flat lid and a pedal.
pub fn trash_bin(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.3, 0.5),
        rng.within(0.26, 0.42),
        rng.within(0.55, 0.85),
    ];
    let body = if rng.chance(0.5) {
        rng.metal().missing(0.1)
    } else {
        rng.paint()
    };
    let (trim, bag) = (rng.dark(), rng.white());
    let domed = rng.chance(0.5);
    let o = Object::new("trash bin")
        .with(
            body,
            Mesh::soft(w, d, h * 0.82, 0.04).subdivided(0.15).warp(|p| {
                Vec3::new(
                    p.x * (0.85 + 0.15 * p.z / h),
                    p.y * (0.85 + 0.15 * p.z / h),
                    p.z,
                )
            }),
        )
        .with(
            bag,
            rim([w * 1.01, d * 1.01], 0.03, 0.05).at(0.0, 0.0, h * 0.78),
        );
    if domed {
        let dome = Mesh::soft(w, d, h * 0.2, 0.06)
            .subdivided(0.08)
            .warp(|p| Vec3::new(p.x * (1.0 - 0.4 * p.z / (h * 0.2)), p.y, p.z));
        o.with(body.sibling(rng), dome.at(0.0, 0.0, h * 0.8)).with(
            trim,
            Mesh::slab(w * 0.6, 0.02, h * 0.12).at(0.0, d / 2.0, h * 0.83),
        )
    } else {
        o.with(
            trim,
            Mesh::soft(w * 1.02, d * 1.02, 0.05, 0.02).at(0.0, 0.0, h * 0.82),
        )
        .with(
            trim.sibling(rng),
            Mesh::soft(0.14, 0.1, 0.03, 0.01).at(0.0, d / 2.0 + 0.02, 0.0),
        )
    }
}

/// An open bin without a lid, with paper in it.
pub fn bin(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.24, 0.42),
        rng.within(0.2, 0.34),
        rng.within(0.26, 0.42),
    ];
    let body = rng.paint();
    let lip = rim([w + 0.02, d + 0.02], 0.02, 0.02).at(0.0, 0.0, h - 0.02);
    let heap = crumpled(Mesh::ellipsoid(w * 0.36, d * 0.36, h * 0.4), 0.06, rng);
    let filled = rng.chance(0.7);
    let o = Object::new("bin")
        .with(body, open_box([w, d, h], 0.012, 0.22))
        .with(body.sibling(rng), lip);
    let o = if filled {
        o.with(rng.white(), heap.at(0.0, 0.0, h * 0.3))
    } else {
        o
    };
    contents(o, [w * 0.7, d * 0.7], h * 0.45, 3, rng)
}
