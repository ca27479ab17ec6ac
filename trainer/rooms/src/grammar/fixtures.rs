//! Fixtures on the walls and ceilings of all kinds of rooms: outlets, switches, alarms, signs,
//! pipes. The wall is at y = 0 behind them.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::Vec3;

use super::{Object, walls::frame};
use crate::{
    material::{Material, Texture},
    mesh::Mesh,
    rng::RoomRng,
};

fn red(rng: &mut RoomRng) -> Material {
    let base = Vec3::new(0.78, 0.1, 0.08) * rng.within(0.8, 1.2);
    Material::new(Texture::Mottled(0.1), base.min(Vec3::ONE), base * 0.6, rng)
}

fn forward(mesh: Mesh) -> Mesh {
    mesh.pitched(-FRAC_PI_2)
}

/// A plate of one to four sockets, sometimes with plugs and a cord.
pub fn power_outlet(rng: &mut RoomRng) -> Object {
    let gangs = rng.count(1, 4);
    let (w, h) = (0.05 + 0.06 * gangs as f32, rng.within(0.11, 0.14));
    let (plate, hole) = (rng.white(), rng.dark());
    let plug = rng.chance(0.45);
    let x_of = |i: usize| 0.06 * (i as f32 + 0.5 - gangs as f32 / 2.0);
    Object::new("power outlet")
        .with(plate, Mesh::soft(w, 0.016, h, 0.006).at(0.0, 0.008, 0.0))
        .each(gangs, |o, i| {
            o.with(
                plate.shaded(0.85),
                Mesh::slab(0.038, 0.006, 0.035)
                    .repeated([0.18, 0.58].map(|z| Vec3::new(x_of(i), 0.017, z * h))),
            )
            .with(
                hole,
                Mesh::slab(0.006, 0.003, 0.014)
                    .repeated([-0.009, 0.009].map(|x| Vec3::new(x_of(i) + x, 0.021, h * 0.66))),
            )
        })
        .then(|o| {
            if !plug {
                return o;
            }
            let cord = [
                Vec3::new(x_of(0), 0.05, h * 0.3),
                Vec3::new(x_of(0), 0.07, h * 0.1),
                Vec3::new(x_of(0) + 0.05, 0.03, -0.12),
            ];
            let body = if rng.chance(0.5) {
                rng.dark()
            } else {
                rng.white()
            };
            o.with(
                body,
                Mesh::soft(0.045, 0.05, 0.05, 0.012)
                    .at(x_of(0), 0.04, h * 0.18)
                    .and(Mesh::tube(&cord, 0.006)),
            )
        })
}

/// A plate of one to four switches.
pub fn light_switch(rng: &mut RoomRng) -> Object {
    let gangs = rng.count(1, 4);
    let (w, h) = (0.045 + 0.05 * gangs as f32, rng.within(0.11, 0.14));
    let plate = if rng.chance(0.8) {
        rng.white()
    } else {
        rng.metal()
    };
    let rocker = plate.shaded(0.9);
    Object::new("light switch")
        .with(plate, Mesh::soft(w, 0.014, h, 0.005).at(0.0, 0.007, 0.0))
        .each(gangs, |o, i| {
            let x = 0.05 * (i as f32 + 0.5 - gangs as f32 / 2.0);
            o.with(
                rocker.sibling(rng),
                Mesh::soft(0.034, 0.012, h * 0.55, 0.004)
                    .pitched(0.12 * rng.side())
                    .at(x, 0.016, h * 0.22),
            )
        })
}

/// A strip of sockets with a switch and a cord, for floors and desks.
pub fn power_strip(rng: &mut RoomRng) -> Object {
    let (sockets, shell) = (
        rng.count(4, 7),
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.dark()
        },
    );
    let w = 0.08 + 0.05 * sockets as f32;
    let plugs = rng.count(0, 3);
    let reach = rng.within(0.15, 0.4);
    let cord: Vec<Vec3> = (0..=12)
        .map(|i| i as f32 / 12.0)
        .map(|t| Vec3::new(w / 2.0 + reach * t, 0.08 * (t * 6.0).sin() * t, 0.012))
        .collect();
    Object::new("power strip")
        .with(shell, Mesh::soft(w, 0.06, 0.04, 0.012))
        .with(
            shell.shaded(0.55),
            Mesh::cylinder(0.016, 0.003).repeated(
                (0..sockets).map(|i| Vec3::new(0.05 * i as f32 - w / 2.0 + 0.08, 0.0, 0.039)),
            ),
        )
        .with(
            red(rng),
            Mesh::soft(0.022, 0.03, 0.012, 0.004).at(0.035 - w / 2.0, 0.0, 0.037),
        )
        .with(shell.sibling(rng), Mesh::tube(&cord, 0.007))
        .each(plugs, |o, i| {
            let x = 0.1 * i as f32 - w / 2.0 + 0.08;
            let lead = [
                Vec3::new(x, 0.0, 0.07),
                Vec3::new(x, 0.06, 0.08),
                Vec3::new(x + 0.03, 0.16, 0.01),
            ];
            let plug = if rng.chance(0.6) {
                rng.dark()
            } else {
                rng.white()
            };
            o.with(
                plug,
                Mesh::soft(0.04, 0.045, 0.045, 0.012)
                    .at(x, 0.0, 0.04)
                    .and(Mesh::tube(&lead, 0.006)),
            )
        })
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

/// A light mounted on the ceiling: a dish, a panel with a louvre, or a track of spots; its mount is
/// its highest point.
pub fn ceiling_light(rng: &mut RoomRng) -> Object {
    let glow = if rng.chance(0.6) {
        rng.within(0.4, 1.3)
    } else {
        0.0
    };
    let (shine, rim) = (
        rng.white().glowing(glow),
        if rng.chance(0.5) {
            rng.metal()
        } else {
            rng.white()
        },
    );
    let o = Object::new("ceiling light");
    match rng.count(0, 2) {
        0 => {
            let (r, h) = (rng.within(0.14, 0.26), rng.within(0.07, 0.13));
            o.with(
                shine,
                Mesh::lathe(&[
                    (0.0, 0.0),
                    (r * 0.6, h * 0.15),
                    (r * 0.92, h * 0.6),
                    (r * 0.92, h),
                ]),
            )
            .with(
                rim,
                Mesh::lathe(&[(r * 0.93, h * 0.6), (r, h * 0.65), (r, h), (0.0, h)])
                    .and(Mesh::ellipsoid(0.02, 0.02, 0.015).at(0.0, 0.0, -0.02)),
            )
        }
        1 => {
            let [w, d] = [rng.within(0.6, 1.25), rng.within(0.28, 0.6)];
            let bars = rng.count(2, 4);
            let louvre = Mesh::slab(w, 0.01, 0.03).repeated(
                (1..bars).map(|i| Vec3::new(0.0, d * (i as f32 / bars as f32 - 0.5), -0.005)),
            );
            o.with(
                shine,
                Mesh::slab(w - 0.05, d - 0.05, 0.03).at(0.0, 0.0, 0.02),
            )
            .with(
                rim,
                Mesh::slab(w, 0.03, 0.07)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d / 2.0 - 0.015), 0.0))),
            )
            .with(
                rim.sibling(rng),
                Mesh::slab(0.03, d, 0.07)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.015), 0.0, 0.0)))
                    .and(louvre),
            )
        }
        _ => {
            let (w, spots) = (rng.within(0.5, 1.0), rng.count(2, 4));
            let o = o.with(rim, Mesh::soft(w, 0.06, 0.03, 0.01).at(0.0, 0.0, 0.17));
            (0..spots).fold(o, |o, i| {
                let (x, tilt) = (w * ((i as f32 + 0.5) / spots as f32 - 0.5), rng.about(0.7));
                let can = Mesh::lathe(&[(0.05, 0.0), (0.05, 0.08), (0.03, 0.11), (0.0, 0.11)])
                    .pitched(tilt)
                    .at(x, 0.0, 0.04);
                let bulb = Mesh::cylinder(0.042, 0.02).pitched(tilt).at(x, 0.0, 0.045);
                o.with(
                    rim.sibling(rng),
                    can.and(Mesh::cylinder(0.01, 0.05).at(x, 0.0, 0.13)),
                )
                .with(shine, bulb)
            })
        }
    }
}

/// An ornament for walls and tops: a wreath, a garland, a plaque, or a figure on a foot.
pub fn decoration(rng: &mut RoomRng) -> Object {
    let o = Object::new("decoration");
    match rng.count(0, 3) {
        0 => {
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
        1 => {
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
        2 => {
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
        _ => {
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
    }
}
