//! Machines of halls and gyms.

use std::f32::consts::FRAC_PI_2;

use glam::Vec3;

use super::Object;
use crate::{mesh::Mesh, rng::RoomRng};

/// A vending machine, a treadmill or an exercise bicycle.
pub fn machine(rng: &mut RoomRng) -> Object {
    match rng.count(0, 2) {
        0 => vending(rng),
        1 => treadmill(rng),
        _ => exercise_bicycle(rng),
    }
}

fn vending(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.85, 1.1),
        rng.within(0.7, 0.85),
        rng.within(1.7, 1.88),
    ];
    let (body, dark) = (rng.paint(), rng.dark());
    let (rows, tall) = (rng.count(4, 6), h * 0.62);
    let row = tall / rows as f32;
    let shine = if rng.chance(0.6) { 0.6 } else { 0.0 };
    Object::new("machine")
        .with(body, Mesh::soft(w, d, h, 0.02))
        .with(
            dark,
            Mesh::slab(w * 0.66, 0.02, tall).at(-w * 0.12, d / 2.0, h * 0.3),
        )
        .each(rows, |o, i| {
            let z = h * 0.3 + row * i as f32 + 0.02;
            let goods = Mesh::soft(w * 0.075, 0.04, row * 0.6, 0.015).repeated(
                (0..6).map(|j| Vec3::new(w * (j as f32 * 0.105 - 0.38), d / 2.0 + 0.01, z)),
            );
            o.with(rng.print(0.09).glowing(shine), goods)
        })
        .with(
            dark.sibling(rng),
            Mesh::slab(w * 0.6, 0.03, 0.16).at(-w * 0.12, d / 2.0, h * 0.1),
        )
        .with(
            rng.print(0.1).glowing(shine),
            Mesh::slab(w * 0.2, 0.02, h * 0.3).at(w * 0.36, d / 2.0, h * 0.62),
        )
        .with(
            rng.metal(),
            Mesh::slab(w * 0.16, 0.03, h * 0.2).at(w * 0.36, d / 2.0, h * 0.38),
        )
}

fn treadmill(rng: &mut RoomRng) -> Object {
    let (w, long, h) = (
        rng.within(0.65, 0.8),
        rng.within(1.4, 1.75),
        rng.within(1.15, 1.35),
    );
    let (frame, belt) = (
        if rng.chance(0.6) {
            rng.dark().missing(0.08)
        } else {
            rng.metal()
        },
        rng.dark().missing(0.05),
    );
    let post = |s: f32| {
        let x = s * (w / 2.0 - 0.05);
        let back = -long / 2.0 + 0.15;
        Mesh::tube(
            &[
                Vec3::new(x, back, 0.1),
                Vec3::new(x, back + 0.1, h * 0.8),
                Vec3::new(x, back + 0.15, h - 0.1),
                Vec3::new(x, back + 0.6, h - 0.2),
            ],
            0.03,
        )
    };
    Object::new("machine")
        .with(frame, Mesh::soft(w, long, 0.14, 0.03))
        .with(
            belt,
            Mesh::slab(w * 0.68, long * 0.85, 0.01).at(0.0, 0.06, 0.14),
        )
        .with(
            frame.sibling(rng),
            Mesh::soft(w * 0.9, 0.36, 0.1, 0.05).at(0.0, 0.2 - long / 2.0, 0.14),
        )
        .with(frame.sibling(rng), post(1.0).and(post(-1.0)))
        .with(
            rng.screen(),
            Mesh::soft(w * 0.7, 0.06, 0.26, 0.02)
                .pitched(0.5)
                .at(0.0, 0.3 - long / 2.0, h - 0.18),
        )
}

fn exercise_bicycle(rng: &mut RoomRng) -> Object {
    let (frame, dark, paint) = (rng.metal(), rng.dark().missing(0.08), rng.paint());
    let h = rng.within(0.85, 1.0);
    let p = |y: f32, z: f32| Vec3::new(0.0, y, z);
    let feet =
        Mesh::soft(0.5, 0.07, 0.07, 0.03).repeated([-0.45, 0.45].map(|y| Vec3::new(0.0, y, 0.0)));
    let pedals = Mesh::soft(0.1, 0.08, 0.03, 0.01)
        .at(0.14, 0.16, 0.24)
        .and(Mesh::soft(0.1, 0.08, 0.03, 0.01).at(-0.14, -0.12, 0.36));
    Object::new("machine")
        .with(
            dark,
            feet.and(Mesh::soft(0.26, 0.2, 0.08, 0.04).at(0.0, -0.3, h)),
        )
        .with(
            frame,
            Mesh::tube(&[p(-0.45, 0.05), p(0.0, 0.2), p(0.45, 0.05)], 0.035)
                .and(Mesh::tube(&[p(0.0, 0.2), p(-0.3, h)], 0.03)),
        )
        .with(
            frame.sibling(rng),
            Mesh::tube(&[p(0.35, 0.1), p(0.4, h + 0.15)], 0.03),
        )
        .with(
            paint,
            Mesh::cylinder(0.24, 0.1)
                .rolled(FRAC_PI_2)
                .at(-0.05, 0.3, 0.34),
        )
        .with(
            paint.sibling(rng),
            Mesh::soft(0.14, 0.4, 0.3, 0.06).at(0.0, 0.12, 0.18),
        )
        .with(
            dark.sibling(rng),
            pedals.and(
                Mesh::cylinder(0.018, 0.5)
                    .rolled(FRAC_PI_2)
                    .at(-0.25, 0.34, h + 0.16),
            ),
        )
        .with(
            rng.screen(),
            Mesh::soft(0.18, 0.05, 0.13, 0.015)
                .pitched(0.4)
                .at(0.0, 0.42, h + 0.16),
        )
}
