//! Vanities, counters with basins, and cabinets of bathrooms.

use glam::Vec3;

use super::{Object, shower::tiled, tables::drawers, walls::frame};
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// Adds a basin that stands on a closed top at height `h`, with its tap.
fn basin_at(
    x: f32,
    h: f32,
    [w, d]: [f32; 2],
    chrome: Material,
    ceramic: Material,
    o: Object,
) -> Object {
    let bowl = Mesh::lathe(&[
        (0.0, 0.15),
        (0.3, 0.2),
        (0.46, 0.7),
        (0.5, 1.0),
        (0.53, 0.97),
        (0.44, 0.0),
    ])
    .warp(|p| Vec3::new(p.x * w + x, p.y * d, h + 0.09 * p.z));
    let tap = [
        Vec3::ZERO,
        Vec3::new(0.0, 0.0, 0.13),
        Vec3::new(0.0, 0.05, 0.17),
        Vec3::new(0.0, 0.12, 0.14),
    ];
    o.with(ceramic, bowl)
        .with(chrome, Mesh::tube(&tap, 0.014).at(x, -d * 0.62, h))
}

/// A bathroom vanity: a cupboard with a top and one or two basins.
pub fn bathroom_vanity(rng: &mut RoomRng) -> Object {
    let basins = rng.count(1, 2);
    let [w, d, h] = [
        basins as f32 * rng.within(0.6, 0.85),
        rng.within(0.46, 0.56),
        rng.within(0.78, 0.88),
    ];
    let (body, ceramic, chrome) = (rng.carcass(2), rng.white(), rng.metal());
    let top = if rng.chance(0.6) {
        ceramic.sibling(rng)
    } else {
        rng.paint()
    };
    let (rows, columns) = (rng.count(1, 3), 2 * basins);
    let mut o = Object::new("bathroom vanity");
    o.parts.extend(
        drawers([w - 0.04, d - 0.03, h - 0.14], rows, columns, body, rng)
            .at(0.0, -0.015, 0.1)
            .parts,
    );
    let o = o
        .with(
            body.shaded(0.5),
            Mesh::slab(w - 0.06, d - 0.1, 0.1).at(0.0, -0.04, 0.0),
        )
        .with(top, Mesh::soft(w, d, 0.04, 0.01).at(0.0, 0.0, h - 0.04))
        .with(
            top.shaded(0.95),
            Mesh::slab(w, 0.02, 0.09).at(0.0, 0.01 - d / 2.0, h),
        );
    let place = w / basins as f32;
    (0..basins)
        .fold(o, |o, i| {
            basin_at(
                (i as f32 + 0.5) * place - w / 2.0,
                h,
                [place * 0.6, d * 0.6],
                chrome,
                ceramic,
                o,
            )
        })
        .with_top([-w * 0.42, 0.0, h], [0.16 * w, d * 0.7], 0.4)
        .with_top([w * 0.42, 0.0, h], [0.16 * w, d * 0.7], 0.4)
}

/// A long counter with basins, as in public washrooms: on brackets, with a skirt in front of the
/// pipes.
pub fn bathroom_counter(rng: &mut RoomRng) -> Object {
    let basins = rng.count(1, 3);
    let place = rng.within(0.65, 0.85);
    let [w, d, h] = [
        place * basins as f32,
        rng.within(0.5, 0.6),
        rng.within(0.8, 0.88),
    ];
    let (top, ceramic, chrome) = (
        if rng.chance(0.5) {
            tiled(rng)
        } else {
            rng.paint()
        },
        rng.white(),
        rng.metal(),
    );
    let o = Object::new("bathroom counter")
        .with(top, Mesh::slab(w, d, 0.04).at(0.0, 0.0, h - 0.04))
        .with(
            top.sibling(rng),
            Mesh::slab(w, 0.03, 0.16).at(0.0, d / 2.0 - 0.015, h - 0.2),
        )
        .with(
            top.shaded(0.9),
            Mesh::slab(w, 0.02, 0.12).at(0.0, 0.01 - d / 2.0, h),
        )
        .with(
            chrome,
            Mesh::slab(0.03, d * 0.9, 0.2)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.03), 0.0, h - 0.24))),
        )
        .each(basins, |o, i| {
            let x = (i as f32 + 0.5) * place - w / 2.0;
            let trap = [
                Vec3::new(x, 0.0, h - 0.1),
                Vec3::new(x, 0.0, h - 0.35),
                Vec3::new(x, -d / 2.0, h - 0.38),
            ];
            o.with(chrome.sibling(rng), Mesh::tube(&trap, 0.02))
        });
    (0..basins)
        .fold(o, |o, i| {
            basin_at(
                (i as f32 + 0.5) * place - w / 2.0,
                h,
                [place * 0.6, d * 0.62],
                chrome,
                ceramic,
                o,
            )
        })
        .with_top([w * 0.44, 0.0, h], [0.1 * w + 0.06, d * 0.7], 0.4)
}

/// A shallow cabinet on the wall: mirrored doors, or doors over an open shelf.
pub fn bathroom_cabinet(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.4, 0.9),
        rng.within(0.13, 0.22),
        rng.within(0.5, 0.8),
    ];
    let body = if rng.chance(0.6) {
        rng.white()
    } else {
        rng.carcass(2)
    };
    let doors = rng.count(1, 3);
    let leaf = w / doors as f32;
    let mirrored = rng.chance(0.45);
    let open = if rng.chance(0.5) { 0.16 } else { 0.0 };
    let goods = rng.print(0.04);
    Object::new("bathroom cabinet")
        .with(body, Mesh::slab(w, d, h - open).at(0.0, d / 2.0, open))
        .each(doors, |o, i| {
            let (x, tall) = ((i as f32 + 0.5) * leaf - w / 2.0, h - open - 0.02);
            let front = if mirrored {
                rng.print(0.3).missing(0.5)
            } else {
                body.sibling(rng)
            };
            let o = o.with(
                front,
                Mesh::slab(leaf - 0.01, 0.018, tall).at(x, d + 0.009, open + 0.01),
            );
            let o = if mirrored {
                o
            } else {
                o.with(
                    body.shaded(0.9),
                    frame(leaf - 0.02, tall, 0.045, 0.012).at(x, d + 0.018, open + 0.01),
                )
            };
            o.with(
                rng.metal(),
                Mesh::ellipsoid(0.014, 0.02, 0.028).at(
                    x + leaf * if i % 2 == 0 { 0.4 } else { -0.4 },
                    d + 0.03,
                    open + 0.08,
                ),
            )
        })
        .then(|o| {
            if open == 0.0 {
                return o;
            }
            let sides = Mesh::slab(0.018, d, open)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.009), d / 2.0, 0.0)));
            let row = (0..4).fold(Mesh::default(), |all, i| {
                all.and(Mesh::cylinder(0.025, 0.11).at(w * (i as f32 * 0.2 - 0.3), d * 0.5, 0.018))
            });
            o.with(
                body.sibling(rng),
                sides.and(Mesh::slab(w, d, 0.018).at(0.0, d / 2.0, 0.0)),
            )
            .with(goods, row)
        })
}
