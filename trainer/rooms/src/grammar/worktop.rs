//! Small appliances and things on worktops.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{Object, forward};
use crate::{mesh::Mesh, rng::RoomRng};

/// A kettle on its base: a belly with a spout, a handle and a lid.
pub fn coffee_kettle(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.065, 0.09), rng.within(0.15, 0.22));
    let (body, trim) = (
        if rng.chance(0.6) {
            rng.metal()
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    Object::new("coffee kettle")
        .with(trim, Mesh::cylinder(r * 1.1, 0.025))
        .with(
            body,
            Mesh::lathe(&[
                (0.0, 0.025),
                (r, 0.025),
                (r * 1.05, h * 0.4),
                (r * 0.7, h),
                (0.0, h),
            ]),
        )
        .with(
            body.sibling(rng),
            Mesh::tube(
                &[
                    Vec3::new(0.0, r * 0.8, h * 0.6),
                    Vec3::new(0.0, r * 1.3, h * 0.8),
                    Vec3::new(0.0, r * 1.5, h),
                ],
                0.016,
            ),
        )
        .with(
            trim.sibling(rng),
            Mesh::ring(h * 0.35, 0.013, PI)
                .turned(-FRAC_PI_2)
                .pitched(0.0)
                .rolled(FRAC_PI_2)
                .turned(-FRAC_PI_2)
                .at(0.0, -r * 0.85, h * 0.55),
        )
        .with(
            trim,
            Mesh::ellipsoid(r * 0.35, r * 0.35, 0.025).at(0.0, 0.0, h - 0.005),
        )
}

/// A toaster with slots, a lever and sometimes bread.
pub fn toaster(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.26, 0.36),
        rng.within(0.15, 0.22),
        rng.within(0.17, 0.21),
    ];
    let (body, trim) = (
        if rng.chance(0.6) {
            rng.metal().missing(0.15)
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    let bread = rng.chance(0.35);
    let crumb = rng.cardboard();
    let slots = [-0.2, 0.2].map(|y| Vec3::new(0.0, y * d, 0.0));
    Object::new("toaster")
        .with(body, Mesh::soft(w, d, h - 0.015, 0.035).at(0.0, 0.0, 0.015))
        .with(trim, Mesh::slab(w * 0.95, d * 0.9, 0.02))
        .with(
            trim.sibling(rng),
            Mesh::slab(w * 0.72, 0.03, 0.004)
                .at(0.0, 0.0, h - 0.001)
                .repeated(slots),
        )
        .with(
            trim,
            Mesh::soft(0.04, 0.05, 0.025, 0.01).at(w / 2.0 + 0.015, 0.0, h * 0.7),
        )
        .then(|o| {
            if bread {
                o.with(
                    crumb,
                    Mesh::soft(w * 0.5, 0.02, 0.05, 0.008)
                        .at(0.0, 0.0, h - 0.01)
                        .repeated(slots),
                )
            } else {
                o
            }
        })
}

/// A small oven for the worktop: window, knobs, handle and feet.
pub fn toaster_oven(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.5),
        rng.within(0.28, 0.38),
        rng.within(0.2, 0.3),
    ];
    let (body, glass) = (
        if rng.chance(0.6) {
            rng.metal().missing(0.15)
        } else {
            rng.dark()
        },
        rng.dark().missing(0.3),
    );
    let knobs = forward(Mesh::cylinder(0.018, 0.025))
        .repeated((0..3).map(|i| Vec3::new(w * 0.4, d / 2.0, h * (0.25 + 0.25 * i as f32))));
    Object::new("toaster oven")
        .with(body, Mesh::soft(w, d, h - 0.02, 0.012).at(0.0, 0.0, 0.02))
        .with(
            glass,
            Mesh::slab(w * 0.7, 0.014, h * 0.65).at(-w * 0.1, d / 2.0, h * 0.2),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w * 0.6, 0.03, 0.02, 0.008).at(-w * 0.1, d / 2.0 + 0.03, h * 0.84),
        )
        .with(rng.metal(), knobs)
        .with(
            glass.sibling(rng),
            Mesh::cylinder(0.015, 0.02).at_corners(Vec2::new(w * 0.42, d * 0.4)),
        )
        .with_top([0.0, 0.0, h], [w * 0.8, d * 0.8], 0.25)
}

/// A wire rack with plates, a cup and cutlery drying in it.
pub fn dish_rack(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.5),
        rng.within(0.28, 0.36),
        rng.within(0.1, 0.14),
    ];
    let (wire, tray, glaze) = (rng.metal().missing(0.08), rng.paint(), rng.white());
    let plates = rng.count(2, 7);
    let hoop = |z: f32| {
        Mesh::slab(w, 0.01, 0.01)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d / 2.0, z)))
            .and(
                Mesh::slab(0.01, d, 0.01)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, z))),
            )
    };
    let bars = Mesh::slab(0.008, 0.008, h).repeated((0..20).map(|i| {
        Vec3::new(
            w * ((i / 2) as f32 / 9.0 - 0.5),
            d / 2.0 * if i % 2 == 0 { 1.0 } else { -1.0 },
            0.0,
        )
    }));
    Object::new("dish rack")
        .with(tray, Mesh::soft(w + 0.04, d + 0.04, 0.02, 0.008))
        .with(wire, hoop(h).and(hoop(0.04)).and(bars))
        .each(plates, |o, i| {
            let r = rng.within(0.08, 0.13);
            let plate = Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.6, 0.0),
                (r, 0.02),
                (r * 0.6, 0.008),
                (0.0, 0.008),
            ])
            .rolled(FRAC_PI_2 - 0.15);
            o.with(
                glaze.sibling(rng),
                plate.at(w * (i as f32 * 0.09 - 0.4), -0.02, 0.03 + r),
            )
        })
        .with(
            rng.paint(),
            Mesh::lathe(&[
                (0.0, 0.0),
                (0.045, 0.0),
                (0.05, 0.13),
                (0.045, 0.13),
                (0.04, 0.02),
            ])
            .at(w * 0.38, d * 0.25, 0.02),
        )
        .with(
            rng.metal(),
            Mesh::slab(0.012, 0.012, 0.2)
                .pitched(0.2)
                .repeated((0..3).map(|i| Vec3::new(w * 0.36 + i as f32 * 0.015, d * 0.25, 0.04))),
        )
}

/// A roll of kitchen paper on a stand.
pub fn paper_towel_roll(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.05, 0.07), rng.within(0.22, 0.28));
    let (paper, stand) = (
        rng.white(),
        if rng.chance(0.5) {
            rng.wood(2)
        } else {
            rng.metal()
        },
    );
    Object::new("paper towel roll")
        .with(
            stand,
            Mesh::cylinder(r * 1.2, 0.015)
                .and(Mesh::cylinder(0.012, h + 0.08))
                .and(Mesh::ellipsoid(0.018, 0.018, 0.02).at(0.0, 0.0, h + 0.07)),
        )
        .with(
            paper,
            Mesh::lathe(&[(0.02, 0.0), (r, 0.0), (r, h), (0.02, h)]).at(0.0, 0.0, 0.016),
        )
        .with(
            paper.sibling(rng),
            Mesh::slab(0.005, rng.within(0.05, 0.1), h)
                .turned(-0.2)
                .at(r, 0.04, 0.016),
        )
}

/// A jug with a spout and a handle.
pub fn water_pitcher(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.055, 0.08), rng.within(0.2, 0.27));
    let body = if rng.chance(0.5) {
        rng.white().missing(0.3)
    } else {
        rng.paint().missing(0.15)
    };
    let lid = rng.paint();
    let jug = Mesh::lathe(&[
        (0.0, 0.0),
        (r * 0.85, 0.0),
        (r, h * 0.4),
        (r * 0.8, h * 0.85),
        (r * 0.95, h),
    ])
    .warp(|p| {
        Vec3::new(
            p.x,
            p.y + if p.y > 0.0 {
                0.03 * (p.z / h).powi(4)
            } else {
                0.0
            },
            p.z,
        )
    });
    Object::new("water pitcher")
        .with(body, jug)
        .with(
            body.sibling(rng),
            Mesh::ring(h * 0.28, 0.012, PI)
                .pitched(FRAC_PI_2)
                .rolled(-FRAC_PI_2)
                .turned(FRAC_PI_2)
                .at(0.0, -r * 0.85, h * 0.55),
        )
        .with(
            lid,
            Mesh::lathe(&[(r * 0.9, 0.0), (r * 0.7, 0.015), (0.0, 0.02)]).at(0.0, 0.0, h - 0.005),
        )
}
