//! Objects for cleaning, washing, ironing and repairing.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{Object, soft::crumpled};
use crate::{mesh::Mesh, rng::RoomRng};

fn v(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3::new(x, y, z)
}

/// A broom or mop that leans against the wall: stick, head and spread bristles.
pub fn broom(rng: &mut RoomRng) -> Object {
    let (h, w) = (rng.within(1.1, 1.4), rng.within(0.24, 0.4));
    let stick = if rng.chance(0.5) {
        rng.wood(2)
    } else {
        rng.paint()
    };
    let (head, bristles) = (rng.paint(), rng.fabric());
    let spread = rng.within(1.05, 1.4);
    let brush = Mesh::slab(w * spread, 0.09, 0.16)
        .subdivided(0.05)
        .warp(|p| {
            let narrow = 1.0 - (1.0 - 1.0 / spread) * p.z / 0.16;
            v(
                p.x * narrow,
                p.y * narrow + 0.006 * (p.x * 150.0).sin(),
                p.z,
            )
        });
    let lean = rng.within(0.06, 0.2);
    Object::new("broom")
        .with(bristles, brush.pitched(lean))
        .with(
            head,
            Mesh::soft(w, 0.08, 0.06, 0.02)
                .at(0.0, 0.0, 0.15)
                .pitched(lean),
        )
        .with(
            stick,
            Mesh::cylinder(0.015, h - 0.2)
                .at(0.0, 0.0, 0.2)
                .pitched(lean),
        )
        .with(
            head.sibling(rng),
            Mesh::cylinder(0.019, 0.14)
                .at(0.0, 0.0, h - 0.14)
                .pitched(lean),
        )
}

/// A vacuum cleaner: upright with a dust box, or a rolling body with a hose and a wand.
pub fn vacuum_cleaner(rng: &mut RoomRng) -> Object {
    let (shell, trim, accent) = (rng.paint(), rng.dark().missing(0.06), rng.paint());
    let o = Object::new("vacuum cleaner");
    if rng.chance(0.55) {
        let (w, h, lean) = (
            rng.within(0.28, 0.36),
            rng.within(1.0, 1.2),
            rng.within(0.05, 0.25),
        );
        let back = |mesh: Mesh| mesh.pitched(lean).at(0.0, -0.05, 0.08);
        return o
            .with(trim, Mesh::soft(w, 0.3, 0.12, 0.04).at(0.0, 0.1, 0.0))
            .with(shell, back(Mesh::soft(w * 0.75, 0.2, h * 0.5, 0.07)))
            .with(
                accent.missing(0.2),
                back(Mesh::cylinder(0.08, h * 0.28).at(0.0, 0.09, h * 0.06)),
            )
            .with(
                shell.sibling(rng),
                back(Mesh::soft(w * 0.5, 0.1, h * 0.2, 0.03).at(0.0, 0.03, h * 0.42)),
            )
            .with(
                trim.sibling(rng),
                back(Mesh::tube(
                    &[
                        v(0.0, 0.0, h * 0.5),
                        v(0.0, 0.0, h * 0.85),
                        v(0.0, -0.06, h - 0.1),
                    ],
                    0.02,
                )),
            )
            .with(
                trim,
                back(Mesh::tube(
                    &[
                        v(0.1, 0.0, h * 0.1),
                        v(0.16, -0.05, h * 0.3),
                        v(0.12, -0.05, h * 0.55),
                        v(0.0, -0.03, h * 0.6),
                    ],
                    0.022,
                )),
            );
    }
    let (w, long, h) = (
        rng.within(0.26, 0.34),
        rng.within(0.36, 0.48),
        rng.within(0.22, 0.3),
    );
    let reach = rng.within(0.5, 0.8);
    let hose = [
        v(0.0, 0.15, h * 0.7),
        v(0.1, 0.35, h * 1.5),
        v(0.3, 0.45, h),
        v(reach * 0.8, 0.3, 0.7),
        v(reach, 0.2, 0.9),
    ];
    o.with(shell, Mesh::soft(w, long, h, 0.1).at(0.0, 0.0, 0.03))
        .with(
            accent,
            Mesh::soft(w * 0.6, long * 0.4, 0.06, 0.025).at(0.0, -0.05, h),
        )
        .with(
            trim,
            Mesh::cylinder(0.08, w * 1.08)
                .rolled(FRAC_PI_2)
                .at(-w * 0.54, -long * 0.3, 0.08),
        )
        .with(trim.sibling(rng), Mesh::tube(&hose, 0.024))
        .with(
            rng.metal(),
            Mesh::tube(&[v(reach, 0.2, 0.9), v(reach + 0.1, 0.45, 0.06)], 0.017),
        )
        .with(
            trim,
            Mesh::soft(0.28, 0.1, 0.05, 0.02).at(reach + 0.1, 0.47, 0.0),
        )
}

/// An ironing board, set up with crossed legs and an iron, or folded at the wall.
pub fn ironing_board(rng: &mut RoomRng) -> Object {
    let (long, w, h) = (
        rng.within(1.1, 1.35),
        rng.within(0.32, 0.42),
        rng.within(0.75, 0.95),
    );
    let (cover, frame) = (rng.fabric(), rng.metal().missing(0.08));
    let board = Mesh::soft(long, w, 0.04, 0.015).subdivided(0.12).warp(|p| {
        let nose = (p.x / long + 0.5 - 0.55).max(0.0) / 0.45;
        v(p.x, p.y * (1.0 - 0.75 * nose * nose), p.z)
    });
    let bars = |y: f32| {
        Mesh::tube(&[v(-long * 0.33, y, 0.0), v(long * 0.2, y * 0.6, h)], 0.013).and(Mesh::tube(
            &[v(long * 0.33, y, 0.0), v(-long * 0.25, y * 0.6, h)],
            0.013,
        ))
    };
    let feet = Mesh::cylinder(0.015, w)
        .pitched(-FRAC_PI_2)
        .repeated([-1.0, 1.0].map(|s| v(s * long * 0.33, -w / 2.0, 0.015)));
    let o = Object::new("ironing board")
        .with(cover, board.at(0.0, 0.0, h))
        .with(frame, bars(w * 0.35).and(bars(-w * 0.35)))
        .with(frame.sibling(rng), feet);
    if rng.chance(0.3) {
        // Folded: it stands on its blunt end with its back to the wall.
        let flat = |p: Vec3| v(p.y, (p.z - h).max(-0.09), long / 2.0 + p.x);
        let lean = rng.within(0.05, 0.15);
        return Object {
            parts: o
                .parts
                .into_iter()
                .map(|p| super::Part {
                    mesh: p.mesh.warp(flat).pitched(lean),
                    ..p
                })
                .collect(),
            ..o
        };
    }
    let iron = rng.chance(0.5);
    let (shell, sole) = (rng.paint(), rng.metal());
    let pointed = |p: Vec3| v(p.x, p.y * (1.0 - 3.5 * p.x.max(0.0)), p.z);
    o.with_top([-long * 0.15, 0.0, h + 0.04], [long * 0.5, w * 0.7], 0.6)
        .then(|o| {
            if !iron {
                return o;
            }
            let at = |mesh: Mesh| mesh.warp(pointed).at(-long * 0.38, 0.0, h + 0.04);
            o.with(
                sole,
                at(Mesh::soft(0.24, 0.12, 0.02, 0.008).subdivided(0.05)),
            )
            .with(
                shell,
                at(Mesh::soft(0.2, 0.1, 0.06, 0.025).at(0.0, 0.0, 0.02)),
            )
            .with(
                shell.sibling(rng),
                Mesh::ring(0.07, 0.015, PI)
                    .pitched(FRAC_PI_2)
                    .at(-long * 0.38, 0.0, h + 0.11),
            )
        })
}

/// A bucket with a handle, sometimes with a cloth over its rim.
pub fn bucket(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.12, 0.17), rng.within(0.24, 0.34));
    let (body, rim, rag) = (rng.paint(), rng.metal(), rng.fabric());
    let tilt = rng.within(0.2, 1.5);
    let cloth = crumpled(Mesh::soft(r * 1.2, 0.03, h * 0.7, 0.012), 0.02, rng);
    Object::new("bucket")
        .with(
            body,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.75, 0.0),
                (r, h),
                (r * 1.05, h),
                (r * 0.95, h - 0.01),
                (r * 0.72, 0.02),
                (0.0, 0.02),
            ]),
        )
        .with(
            rim,
            Mesh::ring(r * 1.02, 0.008, PI)
                .pitched(tilt)
                .at(0.0, 0.0, h - 0.02),
        )
        .with(
            body.shaded(0.5),
            Mesh::lathe(&[(0.0, 0.0), (r * 0.85, 0.0)]).at(0.0, 0.0, h * 0.55),
        )
        .then(|o| {
            if rng.chance(0.35) {
                o.with(rag, cloth.at(0.0, r * 0.97, h * 0.35))
            } else {
                o
            }
        })
}

/// A dustpan with its brush lying in it.
pub fn dustpan(rng: &mut RoomRng) -> Object {
    let (w, d) = (rng.within(0.22, 0.3), rng.within(0.2, 0.26));
    let (pan, brush, hair) = (rng.paint(), rng.paint(), rng.fabric());
    let walls = Mesh::slab(w, 0.012, 0.06)
        .at(0.0, -d / 2.0, 0.0)
        .and(Mesh::slab(0.012, d, 0.05).repeated([-1.0, 1.0].map(|s| v(s * w / 2.0, 0.0, 0.0))))
        .and(Mesh::slab(w, d, 0.01));
    let turn = rng.about(0.4);
    Object::new("dustpan")
        .with(pan, walls)
        .with(
            pan.sibling(rng),
            Mesh::soft(0.035, 0.16, 0.025, 0.01).at(0.0, -d / 2.0 - 0.08, 0.035),
        )
        .with(
            brush,
            Mesh::soft(0.06, 0.3, 0.025, 0.01)
                .at(0.0, 0.0, 0.06)
                .turned(turn),
        )
        .with(
            hair,
            Mesh::slab(0.05, 0.16, 0.05)
                .at(0.0, 0.06, 0.012)
                .turned(turn),
        )
}

/// A plunger: a rubber cup under a stick.
pub fn plunger(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.06, 0.085), rng.within(0.4, 0.6));
    let rubber = if rng.chance(0.5) {
        rng.dark()
    } else {
        rng.paint()
    };
    Object::new("plunger")
        .with(
            rubber,
            Mesh::lathe(&[
                (r, 0.0),
                (r * 1.05, 0.02),
                (r * 0.9, 0.07),
                (r * 0.4, 0.11),
                (0.022, 0.14),
                (0.0, 0.14),
            ]),
        )
        .with(
            rng.wood(2),
            Mesh::cylinder(0.014, h - 0.12).at(0.0, 0.0, 0.12),
        )
        .with(
            rng.paint(),
            Mesh::ellipsoid(0.02, 0.02, 0.02).at(0.0, 0.0, h - 0.02),
        )
}

/// A tall laundry hamper: a cloth sack on a folding stand, or a woven box with a lid.
pub fn laundry_hamper(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.36, 0.5),
        rng.within(0.3, 0.4),
        rng.within(0.5, 0.68),
    ];
    let (cloth, wood) = (rng.fabric(), rng.wood(2));
    if rng.chance(0.5) {
        let sack = crumpled(Mesh::soft(w, d, h * 0.82, 0.05), 0.025, rng);
        let cross = |y: f32| {
            Mesh::tube(&[v(-w / 2.0, y, 0.0), v(w / 2.0, y, h)], 0.014)
                .and(Mesh::tube(&[v(w / 2.0, y, 0.0), v(-w / 2.0, y, h)], 0.014))
        };
        let rails = Mesh::cylinder(0.014, d)
            .pitched(-FRAC_PI_2)
            .repeated([-1.0, 1.0].map(|s| v(s * w / 2.0, -d / 2.0, h)));
        let heap = crumpled(Mesh::ellipsoid(w * 0.42, d * 0.4, 0.16), 0.06, rng);
        return Object::new("laundry hamper")
            .with(cloth, sack.at(0.0, 0.0, h * 0.15))
            .with(
                wood,
                cross(d / 2.0 + 0.015)
                    .and(cross(-d / 2.0 - 0.015))
                    .and(rails),
            )
            .then(|o| {
                if rng.chance(0.7) {
                    o.with(rng.fabric(), heap.at(0.0, 0.0, h * 0.86))
                } else {
                    o
                }
            });
    }
    let weave = if rng.chance(0.6) {
        rng.wood(0)
    } else {
        rng.paint()
    };
    let bands = rng.count(4, 7);
    Object::new("laundry hamper")
        .with(weave, Mesh::soft(w, d, h, 0.03))
        .each(bands, |o, i| {
            let z = h * (i as f32 + 0.4) / bands as f32;
            o.with(
                weave.sibling(rng),
                Mesh::soft(w + 0.02, d + 0.02, h / bands as f32 * 0.6, 0.012).at(0.0, 0.0, z),
            )
        })
        .with(
            cloth,
            Mesh::slab(w + 0.026, d + 0.026, 0.06).at(0.0, 0.0, h - 0.07),
        )
        .with(
            weave.shaded(0.85),
            Mesh::cushion(w + 0.02, d + 0.02, 0.05, 0.3).at(0.0, 0.0, h),
        )
}

/// A jug of detergent with a handle, a cap and a label.
pub fn laundry_detergent(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.14, 0.2),
        rng.within(0.09, 0.12),
        rng.within(0.22, 0.3),
    ];
    let (body, cap, label) = (rng.paint(), rng.paint(), rng.print(0.04));
    Object::new("laundry detergent")
        .with(body, Mesh::soft(w, d, h * 0.75, 0.03).tapered(0.8, h))
        .with(
            body.sibling(rng),
            Mesh::ring(h * 0.17, 0.016, PI)
                .pitched(FRAC_PI_2)
                .turned(FRAC_PI_2)
                .at(w * 0.1, -d * 0.2, h * 0.7),
        )
        .with(
            cap,
            Mesh::frustum(0.032, 0.028, 0.06).at(-w * 0.2, 0.0, h * 0.74),
        )
        .with(
            label,
            Mesh::slab(w * 0.7, 0.006, h * 0.4).at(0.0, d / 2.0, h * 0.14),
        )
}

/// A step ladder of two legs, or a straight ladder that leans.
pub fn ladder(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.36, 0.5), rng.within(1.1, 2.1));
    let body = if rng.chance(0.6) {
        rng.metal().missing(0.08)
    } else {
        rng.wood(2)
    };
    let (treads, foot) = (body.sibling(rng), rng.dark());
    let steps = (h / 0.28) as usize;
    let rails = Mesh::slab(0.03, 0.07, h).repeated([-1.0, 1.0].map(|s| v(s * w / 2.0, 0.0, 0.0)));
    let rungs =
        Mesh::slab(w, 0.08, 0.03).repeated((1..steps).map(|i| v(0.0, 0.0, i as f32 * 0.28)));
    let shoes =
        Mesh::slab(0.05, 0.09, 0.04).repeated([-1.0, 1.0].map(|s| v(s * w / 2.0, 0.0, 0.0)));
    if rng.chance(0.35) {
        let lean = rng.within(0.12, 0.22);
        return Object::new("ladder")
            .with(body, rails.pitched(lean))
            .with(treads, rungs.pitched(lean))
            .with(foot, shoes);
    }
    let open = rng.within(0.15, 0.32);
    let foot_of = |s: f32| h * open.sin() * s;
    let cap = Mesh::soft(w + 0.06, 0.16, 0.05, 0.015);
    let braces = Mesh::slab(0.012, 2.0 * foot_of(0.5), 0.02)
        .repeated([-1.0, 1.0].map(|s| v(s * (w / 2.0 - 0.02), 0.0, h * 0.45)));
    Object::new("ladder")
        .with(body, rails.clone().pitched(open).at(0.0, foot_of(1.0), 0.0))
        .with(treads, rungs.pitched(open).at(0.0, foot_of(1.0), 0.0))
        .with(
            body.shaded(0.8),
            rails.pitched(-open).at(0.0, -foot_of(1.0), 0.0).and(braces),
        )
        .with(
            foot,
            shoes.repeated([-1.0, 1.0].map(|s| v(0.0, s * foot_of(1.0), 0.0))),
        )
        .with(rng.paint(), cap.at(0.0, 0.0, h * open.cos()))
}

/// A trolley of two or three trays on wheels, sometimes with objects that count as part of it.
pub fn cart(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.6, 0.95),
        rng.within(0.4, 0.55),
        rng.within(0.75, 1.0),
    ];
    let (frame, tray, wheel) = (rng.metal().missing(0.08), rng.paint(), rng.dark());
    let levels = rng.count(2, 3);
    let level = |i: usize| 0.15 + (h - 0.2) * i as f32 / (levels - 1) as f32;
    let lip = |z: f32| {
        let long = Mesh::slab(w, 0.012, 0.06).repeated([-1.0, 1.0].map(|s| v(0.0, s * d / 2.0, z)));
        long.and(Mesh::slab(0.012, d, 0.06).repeated([-1.0, 1.0].map(|s| v(s * w / 2.0, 0.0, z))))
            .and(Mesh::slab(w, d, 0.02).at(0.0, 0.0, z))
    };
    let goods = rng.count(0, 3);
    let bar = Mesh::tube(
        &[
            v(w / 2.0, -d / 2.0, h - 0.05),
            v(w / 2.0 + 0.12, -d / 2.0, h + 0.05),
            v(w / 2.0 + 0.12, d / 2.0, h + 0.05),
            v(w / 2.0, d / 2.0, h - 0.05),
        ],
        0.014,
    );
    Object::new("cart")
        .with(
            frame,
            Mesh::cylinder(0.015, h - 0.1)
                .at_corners(Vec2::new(w / 2.0, d / 2.0))
                .at(0.0, 0.0, 0.1)
                .and(bar),
        )
        .with(
            wheel,
            Mesh::ellipsoid(0.035, 0.05, 0.05)
                .at_corners(Vec2::new(w / 2.0 - 0.04, d / 2.0 - 0.04)),
        )
        .each(levels, |o, i| o.with(tray.sibling(rng), lip(level(i))))
        .each(goods, |o, i| {
            let [gw, gd, gh] = [
                rng.within(0.12, 0.24),
                rng.within(0.15, 0.3),
                rng.within(0.08, 0.2),
            ];
            o.with(
                rng.print(0.06),
                Mesh::soft(gw, gd, gh, 0.01).at(
                    (i as f32 - 1.0) * w * 0.3,
                    rng.about(0.04),
                    level(0) + 0.02,
                ),
            )
        })
        .with_top(
            [0.0, 0.0, level(levels - 1) + 0.02],
            [w * 0.85, d * 0.8],
            0.7,
        )
}
