//! Calendars and ornaments. The wall is at y = 0 behind those that hang.

use std::f32::consts::{PI, TAU};

use glam::Vec3;

use super::{Object, forward, walls::frame};
use crate::{mesh::Mesh, rng::RoomRng};

/// A calendar: a picture above a sheet of days, hung from a ring.
pub fn calendar(rng: &mut RoomRng) -> Object {
    let w = rng.within(0.24, 0.36);
    let (h, rows) = (w * rng.within(1.2, 1.6), rng.count(4, 6));
    let (sheet, ink) = (rng.white(), rng.paint());
    let cells = Mesh::slab(w * 0.1, 0.003, h * 0.045).repeated(
        (0..rows * 7).filter(|i| i % 5 != 3).map(|i| {
            Vec3::new(
                w * ((i % 7) as f32 * 0.125 - 0.375),
                0.012,
                h * (0.04 + 0.075 * (i / 7) as f32),
            )
        }),
    );
    Object::new("calendar")
        .with(sheet, Mesh::slab(w, 0.01, h).at(0.0, 0.005, 0.0))
        .with(
            rng.print(0.07),
            Mesh::slab(w * 0.94, 0.004, h * 0.42).at(0.0, 0.012, h * 0.55),
        )
        .with(ink, cells)
        .with(
            rng.dark(),
            Mesh::slab(w * 0.9, 0.018, 0.014).at(0.0, 0.008, h - 0.012),
        )
}

/// An ornament for walls and tops: a wreath, a garland, a plaque, or a figure on a foot.
pub fn decoration(rng: &mut RoomRng) -> Object {
    let o = Object::new("decoration");
    match rng.count(0, 3) {
        0 => wreath(o, rng),
        1 => garland(o, rng),
        2 => plaque(o, rng),
        _ => figure(o, rng),
    }
}

/// A ring of leaves with berries.
fn wreath(o: Object, rng: &mut RoomRng) -> Object {
    let (r, leaves, green) = (rng.within(0.13, 0.22), rng.count(14, 22), rng.leaf());
    let berry = rng.paint();
    let wreath = o
        .with(
            green.shaded(0.7),
            forward(Mesh::ring(r, 0.03, TAU)).at(0.0, 0.0, r + 0.06),
        )
        .each(leaves, |o, i| {
            let angle = i as f32 * TAU / leaves as f32;
            let leaf = Mesh::ellipsoid(0.02, 0.012, 0.05)
                .pitched(rng.about(0.8))
                .at(0.0, 0.03, r + rng.about(0.02))
                .rolled(angle);
            o.with(green.sibling(rng), leaf.at(0.0, 0.0, r + 0.06))
        });
    wreath.each(5, |o, i| {
        o.with(
            berry,
            Mesh::ellipsoid(0.018, 0.018, 0.018)
                .at(0.0, 0.06, r)
                .rolled(i as f32 * 1.3)
                .at(0.0, 0.0, r + 0.06),
        )
    })
}

/// Flags on a cord.
fn garland(o: Object, rng: &mut RoomRng) -> Object {
    let (w, sag, flags) = (rng.within(0.7, 1.6), rng.within(0.08, 0.2), rng.count(5, 9));
    let at = |t: f32| Vec3::new(w * (t - 0.5), 0.012, 0.3 - 4.0 * sag * t * (1.0 - t));
    let cord: Vec<Vec3> = (0..=10).map(|i| at(i as f32 / 10.0)).collect();
    o.with(rng.white(), Mesh::tube(&cord, 0.006))
        .each(flags, |o, i| {
            let p = at((i as f32 + 0.5) / flags as f32);
            let flag = Mesh::slab(w / flags as f32 * 0.8, 0.006, 0.14)
                .warp(|q| Vec3::new(q.x * (0.05 + q.z / 0.14), q.y, q.z));
            o.with(rng.paint(), flag.at(p.x, p.y, p.z - 0.14))
        })
}

/// A board with a relief.
fn plaque(o: Object, rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.16, 0.4), rng.within(0.2, 0.5));
    let (board, relief) = (rng.carcass(2), rng.paint());
    o.with(board, Mesh::soft(w, 0.03, h, 0.012).at(0.0, 0.015, 0.0))
        .with(
            relief,
            forward(Mesh::ellipsoid(w * 0.3, w * 0.3, 0.05)).at(0.0, 0.01, h * 0.55),
        )
        .with(
            relief.sibling(rng),
            Mesh::slab(w * 0.6, 0.012, h * 0.08)
                .at(0.0, 0.034, h * 0.15)
                .and(frame(w * 0.9, h * 0.92, 0.014, 0.012).at(0.0, 0.028, h * 0.04)),
        )
}

/// A figure on a foot.
fn figure(o: Object, rng: &mut RoomRng) -> Object {
    let (s, glaze, foot) = (rng.within(0.06, 0.13), rng.paint(), rng.carcass(0));
    let turn = rng.within(0.0, PI);
    let body = Mesh::lathe(&[
        (0.0, 0.0),
        (s * 0.5, 0.0),
        (s * 0.3, s * 0.6),
        (s * 0.55, s * 1.4),
        (s * 0.2, s * 1.9),
        (0.0, s * 2.0),
    ]);
    o.with(foot, Mesh::soft(s * 1.5, s * 1.2, s * 0.3, 0.01))
        .with(glaze, body.at(0.0, 0.0, s * 0.3))
        .with(
            glaze.sibling(rng),
            Mesh::ellipsoid(s * 0.3, s * 0.32, s * 0.36).at(0.0, 0.0, s * 2.1),
        )
        .with(
            rng.paint(),
            Mesh::ellipsoid(s * 0.9, s * 0.14, s * 0.3)
                .at(0.0, 0.0, s * 1.4)
                .turned(turn),
        )
}
