//! Fixtures on the walls of all kinds of rooms: alarms, signs, pipes, racks, mailboxes. The wall is
//! at y = 0 behind them.

use std::f32::consts::{FRAC_PI_2, TAU};

use glam::Vec3;

use super::{Object, forward, walls::frame};
use crate::{
    material::{Material, Texture},
    mesh::Mesh,
    rng::RoomRng,
};

/// The red of alarms and signs.
pub fn red(rng: &mut RoomRng) -> Material {
    let base = Vec3::new(0.78, 0.1, 0.08) * rng.within(0.8, 1.2);
    Material::new(Texture::Mottled(0.1), base.min(Vec3::ONE), base * 0.6, rng)
}

/// A fire extinguisher with valve, hose and label on its bracket, sometimes in a frame.
pub fn fire_extinguisher(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.06, 0.09), rng.within(0.4, 0.55));
    let (paint, black) = (red(rng), rng.dark());
    let y = r + 0.02;
    let hose = [
        Vec3::new(0.0, y, h),
        Vec3::new(r * 1.3, y, h * 0.95),
        Vec3::new(r * 1.4, y, h * 0.5),
        Vec3::new(r * 1.25, y, h * 0.3),
    ];
    let boxed = rng.chance(0.25);
    Object::new("fire extinguisher")
        .with(
            paint,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r, 0.01),
                (r, h * 0.75),
                (r * 0.5, h * 0.86),
                (r * 0.3, h * 0.88),
                (0.0, h * 0.9),
            ])
            .at(0.0, y, 0.0),
        )
        .with(
            black,
            Mesh::tube(&hose, 0.013)
                .and(Mesh::soft(0.03, 0.12, 0.03, 0.01).at(0.0, y + 0.03, h * 0.95))
                .and(Mesh::cylinder(0.02, 0.08).at(0.0, y, h * 0.87)),
        )
        .with(
            rng.print(0.03),
            Mesh::lathe(&[(r * 1.02, h * 0.3), (r * 1.02, h * 0.6)]).at(0.0, y, 0.0),
        )
        .with(
            rng.metal(),
            Mesh::slab(0.06, 0.02, h * 0.6).at(0.0, 0.01, h * 0.2),
        )
        .then(|o| {
            if boxed {
                o.with(
                    rng.metal(),
                    frame(r * 4.0, h + 0.12, 0.025, 2.0 * r + 0.05).at(0.0, 0.0, -0.05),
                )
            } else {
                o
            }
        })
}

/// A fire alarm: a horn with a strobe.
pub fn fire_alarm(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.11, 0.16), rng.within(0.13, 0.2)];
    let shell = if rng.chance(0.7) {
        red(rng)
    } else {
        rng.white()
    };
    let lamp = rng.white().glowing(0.2);
    Object::new("fire alarm")
        .with(shell, Mesh::soft(w, 0.05, h, 0.012).at(0.0, 0.025, 0.0))
        .with(
            shell.shaded(0.6),
            Mesh::slab(w * 0.7, 0.008, 0.006)
                .repeated((0..5).map(|i| Vec3::new(0.0, 0.05, h * 0.12 + 0.013 * i as f32))),
        )
        .with(
            lamp,
            Mesh::soft(w * 0.45, 0.05, h * 0.3, 0.014).at(0.0, 0.06, h * 0.58),
        )
        .with(
            rng.white(),
            Mesh::slab(w * 0.6, 0.006, h * 0.1).at(0.0, 0.05, h * 0.46),
        )
}

/// An air vent: a grille of slats in a frame.
pub fn vent(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.25, 0.6), rng.within(0.14, 0.4)];
    let (rim, slat, dark) = (
        if rng.chance(0.7) {
            rng.white()
        } else {
            rng.metal()
        },
        rng.within(-0.8, 0.8),
        rng.dark(),
    );
    let count = (h / 0.035) as usize;
    let slats = Mesh::slab(w - 0.04, 0.006, 0.026)
        .pitched(slat)
        .repeated((0..count).map(|i| Vec3::new(0.0, 0.016, h * (i as f32 + 0.3) / count as f32)));
    Object::new("vent")
        .with(rim, frame(w, h, 0.025, 0.03))
        .with(rim.sibling(rng), slats)
        .with(
            dark,
            Mesh::slab(w - 0.03, 0.004, h - 0.03).at(0.0, 0.004, 0.015),
        )
}

/// A pipe from floor to ceiling with couplings, clips and sometimes a valve.
pub fn pipe(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.025, 0.07), 2.35);
    let body = if rng.chance(0.5) {
        rng.metal().missing(0.08)
    } else {
        rng.paint()
    };
    let (y, pipes) = (r + 0.03, rng.count(1, 2));
    let joints = rng.count(1, 3);
    let valve = rng.chance(0.35);
    Object::new("pipe")
        .each(pipes, |o, i| {
            o.with(
                body.sibling(rng),
                Mesh::cylinder(r, h).at(i as f32 * r * 3.0, y, 0.0),
            )
        })
        .each(joints, |o, _| {
            o.with(
                body.shaded(0.8),
                Mesh::cylinder(r * 1.3, 0.08).at(0.0, y, rng.within(0.2, h - 0.3)),
            )
        })
        .with(
            rng.metal(),
            Mesh::slab(r * 2.6, y, 0.03).repeated([0.5, 1.8].map(|z| Vec3::new(0.0, y / 2.0, z))),
        )
        .then(|o| {
            if valve {
                o.with(
                    red(rng),
                    forward(
                        Mesh::ring(0.06, 0.012, TAU)
                            .and(Mesh::cylinder(0.014, 0.04).at(0.0, 0.0, -0.04)),
                    )
                    .at(0.0, y + r + 0.04, 0.9),
                )
            } else {
                o
            }
        })
}

/// A sign: a plate with symbols and lines, sometimes lit.
pub fn sign(rng: &mut RoomRng) -> Object {
    let [w, h] = [rng.within(0.16, 0.5), rng.within(0.12, 0.35)];
    let (plate, ink) = (
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.paint()
        },
        if rng.chance(0.4) {
            red(rng)
        } else {
            rng.dark().missing(0.05)
        },
    );
    let lit = rng.chance(0.25);
    let thick = if lit { 0.06 } else { 0.014 };
    let lines = rng.count(1, 4);
    Object::new("sign")
        .with(
            if lit { plate.glowing(0.8) } else { plate },
            Mesh::soft(w, thick, h, 0.005).at(0.0, thick / 2.0 + 0.004, 0.0),
        )
        .with(
            ink,
            forward(Mesh::cylinder(h * 0.16, 0.005)).at(0.0, thick + 0.003, h * 0.72),
        )
        .each(lines, |o, i| {
            let long = w * rng.within(0.4, 0.8);
            o.with(
                ink,
                Mesh::slab(long, 0.005, h * 0.07).at(
                    0.0,
                    thick + 0.005,
                    h * (0.08 + 0.12 * i as f32),
                ),
            )
        })
        .with(
            ink.sibling(rng),
            frame(w, h, 0.012, 0.006).at(0.0, thick + 0.003, 0.0),
        )
}

/// Hooks on a board, or a stand with arms, with coats hanging from them.
pub fn coat_rack(rng: &mut RoomRng) -> Object {
    let (wood, hook) = (rng.carcass(0), rng.metal());
    let coat = |o: Object, x: f32, y: f32, top: f32, rng: &mut RoomRng| {
        let (long, w, seed) = (rng.within(0.55, 0.95), rng.within(0.2, 0.3), rng.seed());
        let cloth = Mesh::surface(12, 8, |u, v| {
            let (sin, cos) = (TAU * u).sin_cos();
            let girth = (0.05 + (w / 2.0 - 0.05) * v.sqrt())
                * (0.85
                    + 0.3 * crate::noise::rough(Vec3::new(sin * 1.5, cos * 1.5, v * 3.0), seed));
            Vec3::new(x + girth * cos, y + 0.45 * girth * sin, top - long * v)
        });
        o.with(rng.fabric(), cloth)
    };
    if rng.chance(0.45) {
        let (h, hung) = (rng.within(1.6, 1.85), rng.count(0, 3));
        let arms = (0..6).fold(Mesh::default(), |all, i| {
            let arm = [
                Vec3::new(0.0, 0.0, h - 0.15),
                Vec3::new(0.13, 0.0, h - 0.12),
                Vec3::new(0.18, 0.0, h - 0.04),
            ];
            all.and(Mesh::tube(&arm, 0.012).turned(i as f32 * TAU / 6.0))
        });
        let feet = (0..4).fold(Mesh::default(), |all, i| {
            all.and(
                Mesh::tube(
                    &[Vec3::new(0.0, 0.0, 0.16), Vec3::new(0.24, 0.0, 0.015)],
                    0.017,
                )
                .turned(i as f32 * FRAC_PI_2),
            )
        });
        let o = Object::new("coat rack")
            .with(wood, Mesh::cylinder(0.022, h).and(feet))
            .with(wood.sibling(rng), arms);
        return (0..hung).fold(o, |o, i| {
            let (sin, cos) = (i as f32 * 2.1).sin_cos();
            coat(o, 0.17 * cos, 0.17 * sin, h - 0.1, rng)
        });
    }
    // Wall board: modelled at its height above the floor, because its lower edge is that of the
    // coats.
    let (w, hooks) = (rng.within(0.5, 1.2), rng.count(3, 6));
    let hung = rng.count(1, hooks - 1);
    let top = 1.65;
    let x_of = |i: usize| w * ((i as f32 + 0.5) / hooks as f32 - 0.5);
    let o = Object::new("coat rack")
        .with(
            wood,
            Mesh::soft(w, 0.02, 0.1, 0.006).at(0.0, 0.01, top - 0.05),
        )
        .each(hooks, |o, i| {
            o.with(
                hook,
                Mesh::tube(
                    &[
                        Vec3::new(x_of(i), 0.02, top),
                        Vec3::new(x_of(i), 0.09, top),
                        Vec3::new(x_of(i), 0.1, top + 0.04),
                    ],
                    0.009,
                ),
            )
        });
    (0..hung).fold(o, |o, i| coat(o, x_of(i), 0.1, top - 0.02, rng))
}

/// Mailboxes: locked doors in rows, or a single one.
pub fn mailbox(rng: &mut RoomRng) -> Object {
    let (columns, rows) = (rng.count(1, 5), rng.count(1, 5));
    let (cell_w, cell_h, d) = (
        rng.within(0.2, 0.3),
        rng.within(0.12, 0.22),
        rng.within(0.14, 0.3),
    );
    let (w, h) = (cell_w * columns as f32, cell_h * rows as f32);
    let (body, lock) = (
        if rng.chance(0.6) {
            rng.metal().missing(0.1)
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    Object::new("mailbox")
        .with(
            body,
            Mesh::slab(w + 0.03, d, h + 0.03).at(0.0, d / 2.0, 0.0),
        )
        .each(columns * rows, |o, i| {
            let (x, z) = (
                cell_w * ((i % columns) as f32 + 0.5) - w / 2.0,
                cell_h * (i / columns) as f32 + 0.015,
            );
            let o = o
                .with(
                    body.sibling(rng),
                    Mesh::soft(cell_w - 0.014, 0.02, cell_h - 0.014, 0.005).at(x, d, z + 0.007),
                )
                .with(
                    lock,
                    forward(Mesh::cylinder(0.009, 0.006)).at(
                        x + cell_w * 0.3,
                        d + 0.01,
                        z + cell_h * 0.5,
                    ),
                )
                .with(
                    rng.white(),
                    Mesh::slab(cell_w * 0.4, 0.004, 0.025).at(
                        x - cell_w * 0.1,
                        d + 0.011,
                        z + cell_h * 0.7,
                    ),
                );
            if rng.chance(0.15) {
                o.with(
                    rng.white(),
                    Mesh::slab(cell_w * 0.6, 0.12, 0.01).pitched(-0.3).at(
                        x,
                        d + 0.02,
                        z + cell_h * 0.3,
                    ),
                )
            } else {
                o
            }
        })
}
