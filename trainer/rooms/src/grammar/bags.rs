//! Bags and luggage.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::Vec3;

use super::{
    Object,
    containers::{contents, open_box},
    soft::crumpled,
    walls::frame,
};
use crate::{mesh::Mesh, rng::RoomRng};

/// A handbag with a flap, a clasp and a strap.
pub fn purse(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.22, 0.36),
        rng.within(0.09, 0.15),
        rng.within(0.17, 0.26),
    ];
    let hide = rng.fabric();
    let flap = Mesh::surface(6, 6, |u, v| {
        let angle = v * 1.9;
        Vec3::new(
            (u - 0.5) * w * 0.96,
            d * 0.55 * (angle - 0.9).sin().clamp(-1.0, 1.0),
            h * (0.98 - 0.45 * (v - 0.4).max(0.0)),
        )
    });
    Object::new("purse")
        .with(
            hide,
            crumpled(Mesh::soft(w, d, h, 0.035).tapered(0.8, h), 0.015, rng),
        )
        .with(hide.sibling(rng), flap)
        .with(
            rng.metal(),
            Mesh::soft(0.04, 0.02, 0.03, 0.006).at(0.0, d * 0.48, h * 0.62),
        )
        .with(
            hide.shaded(0.7),
            Mesh::ring(w * 0.38, 0.011, PI)
                .pitched(FRAC_PI_2 - rng.within(0.0, 0.6))
                .at(0.0, 0.0, h * 0.92),
        )
}

/// A bag of stiff paper with a folded top, a print and cord handles.
pub fn paper_bag(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.2, 0.34),
        rng.within(0.11, 0.18),
        rng.within(0.26, 0.42),
    ];
    let (paper, print) = (
        if rng.chance(0.6) {
            rng.cardboard()
        } else {
            rng.white()
        },
        rng.print(0.06),
    );
    let body = crumpled(open_box([w, d, h], 0.01, 0.0), 0.015, rng);
    let o = Object::new("paper bag")
        .with(paper, body)
        .with(
            print,
            Mesh::slab(w * 0.5, 0.004, h * 0.35).at(0.0, d / 2.0 + 0.012, h * 0.3),
        )
        .with(
            paper.shaded(0.7),
            Mesh::ring(w * 0.2, 0.008, PI)
                .pitched(FRAC_PI_2)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d * 0.48, h - 0.01))),
        );
    contents(o, [w * 0.8, d * 0.8], h * 0.5, 3, rng)
}

/// Soft luggage: a pocket, straps, and a handle on top.
pub fn luggage(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.5, 0.75),
        rng.within(0.24, 0.34),
        rng.within(0.3, 0.46),
    ];
    let (cloth, trim) = (rng.fabric(), rng.dark());
    Object::new("luggage")
        .with(cloth, crumpled(Mesh::soft(w, d, h, 0.08), 0.02, rng))
        .with(
            cloth.sibling(rng),
            crumpled(Mesh::soft(w * 0.7, 0.09, h * 0.6, 0.035), 0.015, rng).at(
                0.0,
                d / 2.0,
                h * 0.12,
            ),
        )
        .with(
            trim,
            frame(w * 0.74, h * 0.66, 0.018, 0.02).at(0.0, d / 2.0 + 0.005, h * 0.09),
        )
        .with(
            trim.sibling(rng),
            Mesh::slab(0.04, d + 0.03, h + 0.012)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.27, 0.0, -0.006))),
        )
        .with(
            trim,
            Mesh::ring(0.1, 0.016, PI)
                .pitched(FRAC_PI_2)
                .at(0.0, 0.0, h),
        )
}
