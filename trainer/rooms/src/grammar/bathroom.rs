//! Bathroom fixtures.

use glam::Vec3;

use super::{Object, tables::drawers};
use crate::{mesh::Mesh, rng::RoomRng};

/// A sink with a tap: on a vanity unit, on a pedestal, or hung on the wall.
pub fn sink(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.42, 0.65),
        rng.within(0.38, 0.52),
        rng.within(0.8, 0.9),
    ];
    let (ceramic, chrome) = (rng.white(), rng.metal());
    let deep = rng.within(0.12, 0.18);
    let basin = Mesh::lathe(&[
        (0.46, 0.0),
        (0.5, 0.98),
        (0.5, 1.0),
        (0.42, 1.0),
        (0.36, 0.5),
        (0.05, 0.25),
        (0.0, 0.25),
    ])
    .warp(|p| Vec3::new(p.x * w, p.y * d, h - deep + p.z * deep));
    let tap = [
        Vec3::ZERO,
        Vec3::new(0.0, 0.0, 0.14),
        Vec3::new(0.0, 0.05, 0.18),
        Vec3::new(0.0, 0.13, 0.16),
        Vec3::new(0.0, 0.14, 0.12),
    ];
    let object = Object::new("sink")
        .with(ceramic, basin)
        .with(chrome, Mesh::tube(&tap, 0.014).at(0.0, -d * 0.42, h - 0.01));
    match rng.count(0, 2) {
        0 => {
            let body = rng.carcass(2);
            let mut object = object.with(
                ceramic.sibling(rng),
                Mesh::slab(w * 1.1, d * 1.05, 0.03).at(0.0, 0.0, h - 0.07),
            );
            object
                .parts
                .extend(drawers([w * 1.08, d, h - 0.08], 1, 2, body, rng).parts);
            object
        }
        1 => object.with(
            ceramic,
            Mesh::lathe(&[(0.12, 0.0), (0.08, 0.1), (0.07, 0.5), (0.11, h - deep)]).at(
                0.0,
                -d * 0.15,
                0.0,
            ),
        ),
        _ => object.with(
            chrome,
            Mesh::tube(
                &[
                    Vec3::new(0.0, 0.0, h - deep),
                    Vec3::new(0.0, 0.0, 0.5),
                    Vec3::new(0.0, -d / 2.0, 0.48),
                ],
                0.022,
            ),
        ),
    }
}

/// A toilet: bowl, seat, raised or closed lid, and cistern.
pub fn toilet(rng: &mut RoomRng) -> Object {
    let (h, long) = (rng.within(0.38, 0.44), rng.within(0.44, 0.52));
    let ceramic = rng.white();
    let seat = if rng.chance(0.8) {
        ceramic.sibling(rng)
    } else {
        rng.wood(0)
    };
    let egg = |p: Vec3| {
        Vec3::new(
            p.x,
            p.y * long / 0.37 + if p.y > 0.0 { 0.1 * p.y } else { 0.0 },
            p.z,
        )
    };
    let bowl = Mesh::lathe(&[
        (0.11, 0.0),
        (0.1, 0.12),
        (0.14, h * 0.6),
        (0.185, h - 0.03),
        (0.185, h),
        (0.13, h),
        (0.1, h - 0.14),
        (0.0, h - 0.2),
    ])
    .warp(egg);
    let lid = Mesh::lathe(&[(0.0, 0.0), (0.18, 0.0), (0.18, 0.02), (0.0, 0.025)]).warp(egg);
    let up = rng.chance(0.4);
    let lid = if up {
        lid.pitched(1.65)
            .at(0.0, -long / 2.0 + 0.02, h + long / 2.0)
    } else {
        lid.at(0.0, 0.0, h + 0.02)
    };
    let tank = [
        rng.within(0.36, 0.46),
        rng.within(0.15, 0.2),
        rng.within(0.3, 0.4),
    ];
    let back = -long / 2.0 - tank[1] / 2.0 + 0.02;
    Object::new("toilet")
        .with(ceramic, bowl)
        .with(
            seat,
            Mesh::ring(0.15, 0.022, std::f32::consts::TAU)
                .warp(egg)
                .at(0.0, 0.0, h - 0.01),
        )
        .with(seat, lid)
        .with(
            ceramic.sibling(rng),
            Mesh::soft(tank[0], tank[1], tank[2], 0.03).at(0.0, back, h - 0.02),
        )
        .with(
            ceramic.sibling(rng),
            Mesh::soft(tank[0] + 0.02, tank[1] + 0.02, 0.035, 0.012).at(
                0.0,
                back,
                h + tank[2] - 0.02,
            ),
        )
        .with(
            ceramic.shaded(0.9),
            Mesh::slab(0.16, 0.2, h - 0.02).at(0.0, back + 0.06, 0.0),
        )
}

/// A bathtub with a hollow, an apron and a tap.
pub fn bathtub(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(1.45, 1.75),
        rng.within(0.68, 0.8),
        rng.within(0.45, 0.58),
    ];
    let (enamel, chrome) = (rng.white(), rng.metal());
    let apron = if rng.chance(0.6) {
        enamel.sibling(rng)
    } else {
        rng.paint()
    };
    let square = |x: f32| x.signum() * x.abs().powf(0.45);
    let hollow = Mesh::lathe(&[
        (0.5, 0.92),
        (0.5, 1.0),
        (0.44, 1.0),
        (0.42, 0.9),
        (0.36, 0.25),
        (0.0, 0.2),
    ])
    .warp(|p| {
        Vec3::new(
            square(p.x * 2.0) * 0.5 * w,
            square(p.y * 2.0) * 0.5 * d,
            p.z * h,
        )
    });
    let sides = Mesh::slab(w, 0.02, h * 0.95)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d / 2.0 - 0.01), 0.0)));
    Object::new("bathtub")
        .with(enamel, hollow)
        .with(
            apron,
            sides.and(
                Mesh::slab(0.02, d, h * 0.95)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.01), 0.0, 0.0))),
            ),
        )
        .with(
            chrome,
            Mesh::tube(
                &[
                    Vec3::new(0.0, 0.0, 0.0),
                    Vec3::new(0.0, 0.0, 0.12),
                    Vec3::new(0.12, 0.0, 0.12),
                ],
                0.018,
            )
            .at(-w * 0.44, 0.0, h),
        )
}

/// A shower curtain: a rail with hanging, folded cloth.
pub fn shower_curtain(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.7, 1.6), rng.within(1.6, 1.9));
    let (cloth, chrome) = (rng.fabric(), rng.metal());
    let (folds, deep) = (rng.within(5.0, 10.0), rng.within(0.03, 0.06));
    let sheet = Mesh::surface(48, 6, |u, v| {
        Vec3::new(
            (u - 0.5) * w,
            deep * (u * folds * std::f32::consts::TAU).sin() * (1.2 - 0.4 * v),
            v * h,
        )
    });
    Object::new("shower curtain").with(cloth, sheet).with(
        chrome,
        Mesh::cylinder(0.014, w * 1.1)
            .rolled(std::f32::consts::FRAC_PI_2)
            .at(-w * 0.55, 0.0, h + 0.03),
    )
}

/// A steel or ceramic basin to be set into a worktop: rim, hollow and tap above z = 0.
pub fn basin(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.4, 0.75), rng.within(0.34, 0.42)];
    let steel = if rng.chance(0.7) {
        rng.metal()
    } else {
        rng.white()
    };
    let rim = Mesh::slab(w, 0.03, 0.012)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d / 2.0 - 0.015), 0.0)))
        .and(
            Mesh::slab(0.03, d, 0.012)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.015), 0.0, 0.0))),
        );
    let hollow = Mesh::slab(w - 0.06, d - 0.06, 0.006);
    let tap = [
        Vec3::ZERO,
        Vec3::new(0.0, 0.0, 0.2),
        Vec3::new(0.0, 0.06, 0.26),
        Vec3::new(0.0, 0.14, 0.24),
        Vec3::new(0.0, 0.15, 0.18),
    ];
    Object::new("sink")
        .with(steel, rim)
        .with(steel.shaded(0.55), hollow)
        .with(rng.metal(), Mesh::tube(&tap, 0.014).at(0.0, -d * 0.45, 0.0))
}
