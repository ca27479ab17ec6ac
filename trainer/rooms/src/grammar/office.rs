//! Objects of offices, classrooms and desks.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Vec2, Vec3};

use super::{Object, walls::frame};
use crate::{mesh::Mesh, noise::rough, rng::RoomRng};

/// A blackboard in a wooden frame with chalk marks and a ledge.
pub fn blackboard(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(1.4, 3.2), rng.within(0.9, 1.3)];
    let (slate, rim, chalk) = (
        if rng.chance(0.5) {
            rng.leaf().shaded(0.45)
        } else {
            rng.dark().missing(0.05)
        },
        rng.wood(0),
        rng.white(),
    );
    let (strokes, panels) = (rng.count(2, 9), rng.count(1, 2));
    Object::new("blackboard")
        .each(panels, |o, i| {
            let wide = w / panels as f32;
            let x = (i as f32 + 0.5) * wide - w / 2.0;
            o.with(
                slate.sibling(rng),
                Mesh::slab(wide - 0.02, 0.02, h - 0.04).at(x, 0.012, 0.02),
            )
            .with(rim, frame(wide, h, 0.045, 0.035).at(x, 0.0, 0.0))
        })
        .with(
            rim.sibling(rng),
            Mesh::slab(w * 0.9, 0.09, 0.02).at(0.0, 0.05, 0.0),
        )
        .with(
            chalk,
            Mesh::slab(0.06, 0.012, 0.012)
                .repeated((0..3).map(|i| Vec3::new(i as f32 * 0.12, 0.06, 0.02))),
        )
        .with(
            rng.fabric(),
            Mesh::soft(0.13, 0.05, 0.035, 0.01).at(-w * 0.3, 0.06, 0.02),
        )
        .each(strokes, |o, _| {
            let (x, z, long) = (
                rng.about(w * 0.38),
                rng.within(0.15, h - 0.2),
                rng.within(0.08, 0.5),
            );
            o.with(
                chalk,
                Mesh::slab(long, 0.003, rng.within(0.012, 0.05))
                    .rolled(rng.about(0.15))
                    .at(x, 0.024, z),
            )
        })
}

/// A projector screen let down from its case, with a border and a pull.
pub fn projector_screen(rng: &mut RoomRng) -> Object {
    let w = rng.within(1.3, 2.4);
    let h = w * rng.within(0.56, 0.75);
    let (cloth, case) = (
        rng.white(),
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.dark()
        },
    );
    let shown = if rng.chance(0.3) {
        Some(rng.print(0.16).glowing(0.4))
    } else {
        None
    };
    Object::new("projector screen")
        .with(case, Mesh::soft(w + 0.14, 0.1, 0.1, 0.03).at(0.0, 0.055, h))
        .with(cloth, Mesh::slab(w, 0.006, h).at(0.0, 0.06, 0.0))
        .with(
            rng.dark().missing(0.05),
            frame(w, h, 0.05, 0.006).at(0.0, 0.062, 0.0),
        )
        .with(
            case.sibling(rng),
            Mesh::cylinder(0.016, w)
                .rolled(FRAC_PI_2)
                .at(-w / 2.0, 0.06, 0.0)
                .and(Mesh::slab(0.04, 0.02, 0.08).at(0.0, 0.06, -0.08)),
        )
        .then(|o| match shown {
            Some(light) => o.with(
                light,
                Mesh::slab(w - 0.14, 0.004, h - 0.14).at(0.0, 0.068, 0.07),
            ),
            None => o,
        })
}

/// A projector: a body with a lens, grilles and buttons.
pub fn projector(rng: &mut RoomRng) -> Object {
    projector_body(rng)
}

fn projector_body(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.28, 0.42),
        rng.within(0.22, 0.32),
        rng.within(0.09, 0.14),
    ];
    let (shell, lens) = (
        if rng.chance(0.7) {
            rng.white()
        } else {
            rng.dark()
        },
        rng.dark().missing(0.3),
    );
    let ribs = Mesh::slab(0.006, d * 0.6, h * 0.5)
        .repeated((0..5).map(|i| Vec3::new(w / 2.0 - 0.002 * i as f32, 0.0, h * 0.25)));
    Object::new("projector")
        .with(shell, Mesh::soft(w, d, h, 0.025).at(0.0, 0.0, 0.02))
        .with(
            lens,
            Mesh::lathe(&[
                (0.045, 0.0),
                (0.045, 0.05),
                (0.03, 0.05),
                (0.025, 0.02),
                (0.0, 0.02),
            ])
            .pitched(-FRAC_PI_2)
            .at(w * 0.22, d / 2.0 - 0.02, h * 0.5 + 0.02),
        )
        .with(
            shell.shaded(0.6),
            ribs.and(Mesh::slab(w * 0.3, 0.006, h * 0.4).at(-w * 0.2, d / 2.0, h * 0.4)),
        )
        .with(
            lens.sibling(rng),
            Mesh::cylinder(0.014, 0.02).at_corners(Vec2::new(w * 0.4, d * 0.4)),
        )
        .with(
            shell.sibling(rng),
            Mesh::slab(0.09, 0.05, 0.006).at(-w * 0.2, -d * 0.1, h + 0.019),
        )
}

/// A projector that hangs from the ceiling on a pole; its mount is its highest point.
pub fn hung_projector(rng: &mut RoomRng) -> Object {
    let (projector, drop) = (projector_body(rng), rng.within(0.15, 0.6));
    let top = projector.bounds().1.z;
    projector
        .with(
            rng.metal(),
            Mesh::cylinder(0.02, drop)
                .at(0.0, 0.0, top)
                .and(Mesh::slab(0.16, 0.12, 0.015).at(0.0, 0.0, top)),
        )
        .with(
            rng.white(),
            Mesh::frustum(0.08, 0.06, 0.03).at(0.0, 0.0, top + drop),
        )
}

/// A paper cutter: a board with a grid and a blade arm.
pub fn paper_cutter(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.3, 0.45), rng.within(0.3, 0.48)];
    let (board, steel) = (
        if rng.chance(0.5) {
            rng.wood(0)
        } else {
            rng.paint()
        },
        rng.metal(),
    );
    let lift = rng.within(0.0, 0.5);
    let grid = Mesh::slab(w * 0.9, 0.004, 0.003)
        .repeated((0..5).map(|i| Vec3::new(0.0, d * (i as f32 * 0.18 - 0.36), 0.03)));
    let arm = Mesh::slab(0.03, d * 1.15, 0.03)
        .at(0.0, d * 0.57, 0.0)
        .pitched(lift)
        .at(w / 2.0 + 0.01, -d / 2.0, 0.025);
    let grip = Mesh::soft(0.035, 0.12, 0.035, 0.014)
        .at(0.0, d * 1.15, 0.0)
        .pitched(lift)
        .at(w / 2.0 + 0.01, -d / 2.0, 0.025);
    Object::new("paper cutter")
        .with(board, Mesh::soft(w, d, 0.03, 0.006))
        .with(rng.white(), grid)
        .with(steel, arm)
        .with(rng.dark(), grip)
        .with(
            steel.sibling(rng),
            Mesh::slab(w, 0.02, 0.02).at(0.0, -d * 0.47, 0.03),
        )
}

/// A stack of CD cases with different covers.
pub fn cd_case(rng: &mut RoomRng) -> Object {
    let cases = rng.count(2, 14);
    Object::new("cd case").each(cases, |o, i| {
        let place = |mesh: Mesh, rng: &mut RoomRng| {
            mesh.turned(rng.about(0.12))
                .at(rng.about(0.006), rng.about(0.006), i as f32 * 0.011)
        };
        let cover = rng.print(0.03).missing(0.1);
        o.with(cover, place(Mesh::slab(0.142, 0.125, 0.01), rng))
    })
}

/// One or more tubes: rolls of paper or cardboard tubes with caps.
pub fn tube(rng: &mut RoomRng) -> Object {
    let (count, long) = (rng.count(1, 3), rng.within(0.5, 1.0));
    let upright = rng.chance(0.5);
    let lean = rng.within(0.05, 0.15);
    Object::new("tube").each(count, |o, i| {
        let (r, tall) = (rng.within(0.025, 0.05), long * rng.within(0.8, 1.0));
        let body = if rng.chance(0.6) {
            rng.cardboard()
        } else {
            rng.white()
        };
        let place = |mesh: Mesh| {
            if upright {
                mesh.pitched(lean).at(i as f32 * 0.1 - 0.1, 0.0, 0.0)
            } else {
                mesh.rolled(FRAC_PI_2)
                    .at(-tall / 2.0, i as f32 * 0.09 - 0.09, r)
            }
        };
        let cap = Mesh::cylinder(r * 1.05, 0.02);
        o.with(
            body,
            place(Mesh::lathe(&[
                (r, 0.0),
                (r, tall),
                (r * 0.85, tall),
                (r * 0.85, tall * 0.6),
                (0.0, tall * 0.6),
            ])),
        )
        .with(rng.paint(), place(cap))
        .with(
            body.shaded(0.8),
            place(Mesh::lathe(&[
                (r * 1.02, tall * 0.4),
                (r * 1.02, tall * 0.5),
            ])),
        )
    })
}

/// An alarm clock: two bells on a round case, or a block with digits.
pub fn alarm_clock(rng: &mut RoomRng) -> Object {
    let (body, face) = (rng.paint(), rng.white());
    if rng.chance(0.5) {
        let r = rng.within(0.045, 0.07);
        let forward = |mesh: Mesh| mesh.pitched(-FRAC_PI_2).at(0.0, -0.02, r + 0.015);
        return Object::new("alarm clock")
            .with(
                body,
                forward(Mesh::lathe(&[
                    (0.0, 0.0),
                    (r, 0.0),
                    (r, 0.045),
                    (r * 0.92, 0.05),
                ])),
            )
            .with(
                face,
                forward(Mesh::lathe(&[(0.0, 0.046), (r * 0.92, 0.046)])),
            )
            .with(
                rng.dark(),
                forward(
                    Mesh::slab(0.008, r * 0.7, 0.004)
                        .at(0.0, -r * 0.3, 0.047)
                        .and(Mesh::slab(r * 0.5, 0.008, 0.004).at(r * 0.2, 0.0, 0.047)),
                ),
            )
            .with(
                rng.metal(),
                Mesh::ellipsoid(r * 0.42, r * 0.35, r * 0.4)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * r * 0.6, 0.0, r * 1.8))),
            )
            .with(
                body.sibling(rng),
                Mesh::frustum(0.012, 0.008, 0.03)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * r * 0.6, 0.0, 0.0))),
            );
    }
    let [w, d, h] = [
        rng.within(0.13, 0.22),
        rng.within(0.07, 0.12),
        rng.within(0.06, 0.09),
    ];
    let digits = rng.white().glowing(0.8);
    Object::new("alarm clock")
        .with(body, Mesh::soft(w, d, h, 0.012))
        .with(
            rng.dark(),
            Mesh::slab(w * 0.8, 0.006, h * 0.6).at(0.0, d / 2.0, h * 0.2),
        )
        .with(
            digits,
            Mesh::slab(w * 0.1, 0.003, h * 0.36).repeated(
                [-0.27, -0.12, 0.1, 0.25].map(|x| Vec3::new(x * w, d / 2.0 + 0.004, h * 0.32)),
            ),
        )
        .with(
            body.shaded(1.4),
            Mesh::soft(w * 0.5, d * 0.3, 0.012, 0.004).at(0.0, 0.0, h - 0.004),
        )
}

/// A water bottle of steel or plastic, with a cap, a loop and a band.
pub fn water_bottle(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.033, 0.045), rng.within(0.2, 0.3));
    let (body, cap) = (
        if rng.chance(0.35) {
            rng.metal()
        } else {
            rng.paint().missing(0.12)
        },
        if rng.chance(0.6) {
            rng.dark()
        } else {
            rng.paint()
        },
    );
    let waist = if rng.chance(0.4) { 0.85 } else { 1.0 };
    Object::new("water bottle")
        .with(
            body,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r, 0.0),
                (r, h * 0.3),
                (r * waist, h * 0.45),
                (r, h * 0.6),
                (r * 0.96, h * 0.75),
                (r * 0.6, h * 0.85),
            ]),
        )
        .with(
            cap,
            Mesh::cylinder(r * 0.66, h * 0.13)
                .at(0.0, 0.0, h * 0.85)
                .and(
                    Mesh::ring(r * 0.5, 0.006, PI)
                        .pitched(FRAC_PI_2)
                        .at(0.0, 0.0, h * 0.98),
                ),
        )
        .with(
            rng.print(0.03),
            Mesh::lathe(&[(r * waist * 1.03, h * 0.38), (r * waist * 1.03, h * 0.52)]),
        )
}

/// Candles on a plate: thick ones, or thin ones in holders.
pub fn candle(rng: &mut RoomRng) -> Object {
    let (wax, count) = (
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.paint()
        },
        rng.count(1, 3),
    );
    let (foot, dark) = (
        if rng.chance(0.5) {
            rng.metal()
        } else {
            rng.carcass(0)
        },
        rng.dark(),
    );
    let thick = rng.chance(0.6);
    let spread = if count > 1 { 0.075 } else { 0.0 };
    let plate = Mesh::lathe(&[
        (0.0, 0.0),
        (0.06 + spread, 0.0),
        (0.065 + spread, 0.014),
        (0.05 + spread, 0.008),
        (0.0, 0.008),
    ]);
    Object::new("candle").with(foot, plate).each(count, |o, i| {
        let (sin, cos) = (i as f32 * TAU / 3.0).sin_cos();
        let (x, y) = (spread * cos, spread * sin);
        let (r, h, low) = if thick {
            (rng.within(0.03, 0.04), rng.within(0.06, 0.15), 0.008)
        } else {
            (0.012, rng.within(0.12, 0.22), 0.07)
        };
        let o = if thick {
            o
        } else {
            o.with(
                foot.sibling(rng),
                Mesh::lathe(&[(0.03, 0.0), (0.01, 0.02), (0.012, 0.05), (0.022, 0.075)])
                    .at(x, y, 0.005),
            )
        };
        o.with(
            wax.sibling(rng),
            Mesh::lathe(&[(r, 0.0), (r, h), (r * 0.7, h - 0.008), (0.0, h - 0.01)]).at(x, y, low),
        )
        .with(dark, Mesh::cylinder(0.003, 0.02).at(x, y, low + h - 0.01))
    })
}

/// A plant in a pot on a saucer: a stem with leaves, or a cactus.
pub fn potted_plant(rng: &mut RoomRng) -> Object {
    let (r, pot) = (rng.within(0.1, 0.2), rng.within(0.16, 0.36));
    let (clay, earth, green, wood) = (
        rng.paint(),
        rng.wood(0).shaded(0.4),
        rng.leaf(),
        rng.wood(2),
    );
    let o = Object::new("potted plant")
        .with(
            clay,
            Mesh::lathe(&[
                (0.0, 0.02),
                (r * 0.72, 0.02),
                (r, pot * 0.85),
                (r * 1.08, pot * 0.86),
                (r * 1.08, pot),
                (r * 0.92, pot),
                (r * 0.9, pot * 0.9),
            ]),
        )
        .with(
            clay.shaded(0.85),
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.9, 0.0),
                (r * 1.05, 0.03),
                (r * 0.9, 0.02),
            ]),
        )
        .with(earth, Mesh::cylinder(r * 0.9, 0.01).at(0.0, 0.0, pot * 0.9));
    if rng.chance(0.2) {
        let (seed, h) = (rng.seed(), rng.within(0.2, 0.6));
        let ribbed = |p: Vec3| {
            let spread = 1.0 + 0.12 * (p.y.atan2(p.x) * 8.0).cos();
            Vec3::new(p.x * spread, p.y * spread, p.z) + Vec3::splat(0.01) * rough(p * 8.0, seed)
        };
        let body = Mesh::ellipsoid(r * 0.55, r * 0.55, h / 2.0)
            .warp(ribbed)
            .at(0.0, 0.0, pot * 0.85);
        return o.with(green, body.clone()).with(
            green.sibling(rng),
            Mesh::ellipsoid(r * 0.25, r * 0.25, h * 0.25).at(r * 0.6, 0.0, pot + h * 0.3),
        );
    }
    let (tall, branches) = (rng.within(0.35, 1.2), rng.count(2, 5));
    let broad = rng.within(0.04, 0.12);
    let tip = Vec3::new(rng.about(0.1), rng.about(0.1), pot + tall);
    let stem = |t: f32| {
        Vec3::new(
            tip.x * t * t,
            tip.y * t * t,
            pot * 0.85 + (tip.z - pot * 0.85) * t,
        )
    };
    let o = o.with(
        wood,
        Mesh::tube(
            &(0..=5).map(|i| stem(i as f32 / 5.0)).collect::<Vec<_>>(),
            0.016,
        ),
    );
    (0..branches * 4).fold(o, |o, i| {
        let t = 0.35 + 0.65 * (i as f32 + 1.0) / (branches * 4) as f32;
        let (root, turn, rise) = (stem(t), i as f32 * 2.4, rng.within(-0.2, 0.5));
        let long = rng.within(0.18, 0.38) * (1.2 - 0.5 * t);
        let leaf = Mesh::surface(2, 4, |u, v| {
            let spread = broad * (u - 0.5) * 2.0 * (v * PI).sin().max(0.08);
            Vec3::new(
                spread,
                long * v,
                long * (rise * v - 0.6 * v * v) + 0.3 * spread.abs(),
            )
        });
        o.with(
            green.sibling(rng),
            leaf.turned(turn).at(root.x, root.y, root.z),
        )
    })
}
