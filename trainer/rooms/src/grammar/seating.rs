//! Seating.

use glam::{Vec2, Vec3};

use super::Object;
use crate::{mesh::Mesh, noise::rough, rng::RoomRng};

/// A chair: four legs, a seat and a back of slats, bars or a panel, sometimes with arms.
pub fn chair(rng: &mut RoomRng) -> Object {
    let (w, d, seat, back) = (
        rng.within(0.4, 0.52),
        rng.within(0.4, 0.5),
        rng.within(0.42, 0.48),
        rng.within(0.36, 0.55),
    );
    let frame = rng.carcass(2);
    let padding = if rng.chance(0.55) {
        rng.fabric()
    } else {
        frame.sibling(rng)
    };
    let thick = rng.within(0.025, 0.07);
    let lean = rng.within(0.08, 0.22);
    let leg = rng.within(0.014, 0.026);
    let legs =
        Mesh::frustum(leg * 0.8, leg, seat).at_corners(Vec2::new(w / 2.0 - leg, d / 2.0 - leg));
    let posts = Mesh::cylinder(leg, back)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - leg), 0.0, 0.0)));
    let rest = match rng.count(0, 2) {
        0 => Mesh::soft(w * 0.95, 0.035, back * 0.75, 0.015).at(0.0, 0.0, back * 0.25),
        1 => {
            let slats = rng.count(2, 4);
            Mesh::slab(w, 0.018, back * 0.13).repeated(
                (0..slats)
                    .map(|i| Vec3::new(0.0, 0.0, back * (0.3 + 0.65 * i as f32 / slats as f32))),
            )
        }
        _ => {
            let bars = rng.count(3, 6);
            let rods = Mesh::cylinder(0.011, back * 0.9).repeated(
                (0..bars).map(|i| Vec3::new(w * ((i as f32 + 0.5) / bars as f32 - 0.5), 0.0, 0.0)),
            );
            rods.and(Mesh::slab(w, 0.028, 0.07).at(0.0, 0.0, back * 0.88))
        }
    };
    let back_part = |mesh: Mesh| mesh.pitched(lean).at(0.0, 0.02 - d / 2.0, seat);
    Object::new("chair")
        .with(frame, legs)
        .with(
            padding,
            Mesh::soft(w, d, thick, thick * 0.4).at(0.0, 0.0, seat),
        )
        .with(frame, back_part(posts))
        .with(
            if rng.chance(0.5) {
                padding.sibling(rng)
            } else {
                frame
            },
            back_part(rest),
        )
        .then(|o| {
            if rng.chance(0.25) {
                o.with(frame, arms(w, d, seat, rng.within(0.18, 0.25)))
            } else {
                o
            }
        })
        .with_top([0.0, 0.02, seat + thick], [w * 0.8, d * 0.7], 0.5)
}

/// Two armrests on posts beside a seat.
fn arms(w: f32, d: f32, seat: f32, rise: f32) -> Mesh {
    [-1.0, 1.0].into_iter().fold(Mesh::default(), |all, s| {
        let x = s * (w / 2.0 + 0.015);
        all.and(Mesh::soft(0.05, d * 0.85, 0.03, 0.012).at(x, 0.0, seat + rise))
            .and(Mesh::cylinder(0.016, rise).at(x, d * 0.28, seat))
    })
}

/// An office chair: a five-star foot, a gas spring, an upholstered seat and back, often with arms.
pub fn office_chair(rng: &mut RoomRng) -> Object {
    let (w, d, seat, back) = (
        rng.within(0.44, 0.54),
        rng.within(0.42, 0.52),
        rng.within(0.42, 0.52),
        rng.within(0.4, 0.7),
    );
    let (foot, cover) = (
        if rng.chance(0.7) {
            rng.dark()
        } else {
            rng.metal()
        },
        if rng.chance(0.5) {
            rng.dark().missing(0.05)
        } else {
            rng.fabric()
        },
    );
    let reach = rng.within(0.27, 0.33);
    let star = (0..5).fold(Mesh::default(), |all, i| {
        let arm = Mesh::slab(reach, 0.05, 0.035)
            .at(reach / 2.0, 0.0, 0.07)
            .warp(|p| Vec3::new(p.x, p.y, p.z + 0.05 * (1.0 - p.x / reach)));
        let caster = Mesh::ellipsoid(0.03, 0.03, 0.035).at(reach, 0.0, 0.0);
        all.and(arm.and(caster).turned(i as f32 * 1.2566))
    });
    let curve = rng.within(0.15, 0.5);
    let lean = rng.within(0.05, 0.25);
    let rest = Mesh::soft(w * 0.92, 0.07, back, 0.03)
        .subdivided(0.12)
        .warp(|p| Vec3::new(p.x, p.y + curve * p.x * p.x * 2.0, p.z));
    let seat_arms = arms(w, d, seat + 0.05, rng.within(0.16, 0.22));
    Object::new("office chair")
        .with(foot, star)
        .with(
            foot.sibling(rng),
            Mesh::cylinder(0.03, seat - 0.1).at(0.0, 0.0, 0.1),
        )
        .with(
            cover,
            Mesh::cushion(w, d, rng.within(0.07, 0.11), 0.35).at(0.0, 0.0, seat),
        )
        .with(
            cover.sibling(rng),
            rest.pitched(lean)
                .at(0.0, -d / 2.0, seat + rng.within(0.06, 0.16)),
        )
        .with(
            foot,
            Mesh::slab(0.08, 0.03, 0.22).at(0.0, -d / 2.0 - 0.01, seat),
        )
        .then(|o| {
            if rng.chance(0.7) {
                o.with(foot, seat_arms)
            } else {
                o
            }
        })
}

/// An upholstered seat for `seats` people: body, arms, seat and back cushions.
fn upholstered(class: &'static str, seats: usize, rng: &mut RoomRng) -> Object {
    let (place, depth) = (rng.within(0.55, 0.75), rng.within(0.75, 0.95));
    let (arm, arm_height) = (rng.within(0.1, 0.24), rng.within(0.52, 0.66));
    let (seat, back) = (rng.within(0.26, 0.34), rng.within(0.7, 0.92));
    let inner = place * seats as f32;
    let total = inner + 2.0 * arm;
    let (cover, foot) = (rng.fabric(), rng.wood(2));
    let cushion = if rng.chance(0.75) {
        cover.sibling(rng)
    } else {
        rng.fabric()
    };
    let raised = rng.within(0.0, 0.12);
    let (puff, thick, lean) = (
        rng.within(0.2, 0.5),
        rng.within(0.13, 0.2),
        rng.within(0.1, 0.3),
    );
    let x_of = |i: usize| (i as f32 + 0.5) * place - inner / 2.0;
    let round = rng.within(0.03, 0.1);
    Object::new(class)
        .with(
            foot,
            Mesh::slab(0.06, 0.06, raised.max(0.02))
                .at_corners(Vec2::new(total / 2.0 - 0.06, depth / 2.0 - 0.06)),
        )
        .with(
            cover,
            Mesh::soft(total, depth, seat - raised, 0.02).at(0.0, 0.0, raised),
        )
        .with(
            cover.sibling(rng),
            Mesh::soft(total, depth * 0.24, back - raised, round).at(0.0, -depth * 0.38, raised),
        )
        .each(2, |o, i| {
            let x = (i as f32 * 2.0 - 1.0) * (inner + arm) / 2.0;
            o.with(
                cover.sibling(rng),
                Mesh::soft(arm, depth, arm_height - raised, round).at(x, 0.0, raised),
            )
        })
        .each(seats, |o, i| {
            o.with(
                cushion.sibling(rng),
                Mesh::cushion(place * 0.97, depth * 0.72, thick, puff).at(
                    x_of(i),
                    depth * 0.13,
                    seat,
                ),
            )
        })
        .each(seats, |o, i| {
            let pad = Mesh::cushion(place * 0.95, back - seat - 0.05, thick, puff)
                .pitched(std::f32::consts::FRAC_PI_2 - lean);
            let lowest = pad.bounds().0.z;
            o.with(
                cushion.sibling(rng),
                pad.at(x_of(i), -depth * 0.2, seat + thick * 0.8 - lowest),
            )
        })
        .with_top(
            [0.0, depth * 0.15, seat + thick],
            [inner * 0.9, depth * 0.4],
            1.0,
        )
}

/// A couch for two to four people, sometimes with a chaise.
pub fn couch(rng: &mut RoomRng) -> Object {
    let seats = rng.count(2, 4);
    let couch = upholstered("couch", seats, rng)
        .then(|o| if rng.chance(0.25) { draped(o, rng) } else { o });
    if !rng.chance(0.25) {
        return couch;
    }
    let (lo, hi) = couch.bounds();
    let side = rng.side();
    let cover = couch.parts[1].material;
    let (width, length, height) = (
        rng.within(0.7, 0.9),
        rng.within(0.6, 0.9),
        rng.within(0.38, 0.46),
    );
    let x = side * ((hi.x - lo.x) / 2.0 - width / 2.0);
    couch
        .with(
            cover.sibling(rng),
            Mesh::soft(width, length, height * 0.65, 0.03).at(x, hi.y + length / 2.0, 0.0),
        )
        .with(
            cover.sibling(rng),
            Mesh::cushion(width, length, height * 0.4, 0.35).at(
                x,
                hi.y + length / 2.0,
                height * 0.62,
            ),
        )
}

/// Adds a throw over a part of the back and the seat; it counts as part of the couch.
fn draped(couch: Object, rng: &mut RoomRng) -> Object {
    let (lo, hi) = couch.bounds();
    let (side, wide, cloth, seed) = (rng.side(), rng.within(0.35, 0.6), rng.fabric(), rng.seed());
    let x = side * (hi.x - wide * 0.6);
    // Over the back and down in front of it to the seat.
    let path = [
        (lo.y - 0.015, hi.z * 0.6),
        (lo.y - 0.01, hi.z + 0.02),
        (lo.y * 0.5, hi.z + 0.02),
        (lo.y * 0.3, hi.z * 0.68),
        (hi.y * 0.3, hi.z * 0.62),
    ];
    let sheet = Mesh::surface(8, 16, |u, v| {
        let at = v * (path.len() - 1) as f32;
        let (from, t) = (
            (at as usize).min(path.len() - 2),
            at - (at as usize).min(path.len() - 2) as f32,
        );
        let ((y0, z0), (y1, z1)) = (path[from], path[from + 1]);
        let wave = 0.03 * rough(Vec3::new(u * 3.0, v * 3.0, 0.0), seed);
        Vec3::new(
            x + wide * (u - 0.5),
            y0 + (y1 - y0) * t,
            z0 + (z1 - z0) * t + wave,
        )
    });
    couch.with(cloth, sheet)
}

/// An upholstered chair for one person.
pub fn armchair(rng: &mut RoomRng) -> Object {
    upholstered("armchair", 1, rng)
}

/// A round or square seat without a back.
pub fn stool(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.15, 0.22), rng.within(0.42, 0.75));
    let (frame, seat) = (rng.carcass(2), rng.paint());
    let legs = Mesh::cylinder(0.015, h)
        .at_corners(Vec2::splat(r * 0.65))
        .warp(|p| {
            Vec3::new(
                p.x * (1.45 - 0.45 * p.z / h),
                p.y * (1.45 - 0.45 * p.z / h),
                p.z,
            )
        });
    let top = if rng.chance(0.6) {
        Mesh::lathe(&[
            (0.0, 0.0),
            (r, 0.005),
            (r, 0.035),
            (r * 0.8, 0.05),
            (0.0, 0.045),
        ])
    } else {
        Mesh::soft(2.0 * r, 2.0 * r, 0.05, 0.02)
    };
    Object::new("stool")
        .with(frame, legs)
        .with(
            frame,
            Mesh::ring(r * 0.8, 0.01, std::f32::consts::TAU).at(0.0, 0.0, h * 0.4),
        )
        .with(seat, top.at(0.0, 0.0, h))
        .with_top([0.0, 0.0, h + 0.045], [1.3 * r, 1.3 * r], 0.4)
}

/// A padded block, round or square.
pub fn ottoman(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.45, 0.8), rng.within(0.34, 0.45));
    let cover = rng.fabric();
    let (body, pad) = if rng.chance(0.35) {
        (
            Mesh::cylinder(w / 2.0, h * 0.75),
            Mesh::lathe(&[
                (w * 0.5, 0.0),
                (w * 0.51, h * 0.15),
                (w * 0.4, h * 0.25),
                (0.0, h * 0.28),
            ]),
        )
    } else {
        (
            Mesh::soft(w, w * 0.8, h * 0.75, 0.02),
            Mesh::cushion(w, w * 0.8, h * 0.3, 0.4),
        )
    };
    Object::new("ottoman")
        .with(cover, body)
        .with(cover.sibling(rng), pad.at(0.0, 0.0, h * 0.72))
        .with_top([0.0, 0.0, h], [w * 0.7, w * 0.55], 0.5)
}

/// A long seat, slatted or padded.
pub fn bench(rng: &mut RoomRng) -> Object {
    let (w, d, h) = (
        rng.within(0.9, 1.5),
        rng.within(0.32, 0.42),
        rng.within(0.4, 0.48),
    );
    let frame = rng.carcass(0);
    let seat = if rng.chance(0.5) {
        Mesh::slab(w, d * 0.28, 0.03)
            .repeated([-0.34, 0.0, 0.34].map(|y| Vec3::new(0.0, y * d, 0.0)))
    } else {
        Mesh::cushion(w, d, 0.09, 0.3)
    };
    let pad = if rng.chance(0.5) {
        rng.fabric()
    } else {
        frame.sibling(rng)
    };
    Object::new("bench")
        .with(
            frame,
            Mesh::slab(0.05, d * 0.9, h)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.08), 0.0, 0.0))),
        )
        .with(pad, seat.at(0.0, 0.0, h))
        .with_top([0.0, 0.0, h + 0.035], [w * 0.9, d * 0.8], 0.6)
}

/// A folding chair: crossed tube legs, a thin seat and back; set up, or folded flat at the wall.
pub fn folded_chair(rng: &mut RoomRng) -> Object {
    let (w, d, seat, h) = (
        rng.within(0.42, 0.48),
        rng.within(0.38, 0.44),
        rng.within(0.42, 0.46),
        rng.within(0.76, 0.86),
    );
    let (frame, pad) = (
        rng.metal().missing(0.08),
        if rng.chance(0.5) {
            rng.fabric()
        } else {
            rng.paint()
        },
    );
    let folded = rng.chance(0.6);
    // When folded, everything lies in one plane that leans back.
    let deep = if folded { 0.12 } else { 1.0 };
    let lean = if folded { rng.within(0.08, 0.18) } else { 0.0 };
    let side = |s: f32| {
        let x = s * w / 2.0;
        let long = [
            Vec3::new(x, d * 0.55 * deep, 0.0),
            Vec3::new(x, 0.0, seat),
            Vec3::new(x, -d * 0.55 * deep, h),
        ];
        let short = [
            Vec3::new(x * 0.92, -d * 0.6 * deep, 0.0),
            Vec3::new(x * 0.92, d * 0.35 * deep, seat),
        ];
        Mesh::tube(&long, 0.013).and(Mesh::tube(&short, 0.012))
    };
    let bars = Mesh::cylinder(0.011, w)
        .rolled(std::f32::consts::FRAC_PI_2)
        .at(-w / 2.0, 0.0, 0.0);
    let bars = bars.repeated([
        Vec3::new(0.0, d * 0.45 * deep, seat * 0.2),
        Vec3::new(0.0, -d * 0.5 * deep, seat * 0.15),
    ]);
    let board = Mesh::soft(w * 0.9, d * 0.95, 0.03, 0.012);
    let board = if folded {
        board.pitched(1.35).at(0.0, 0.04, seat * 1.02)
    } else {
        board.at(0.0, -0.01, seat)
    };
    let rest = Mesh::soft(w * 0.96, 0.022, 0.22, 0.01)
        .subdivided(0.1)
        .warp(|p| Vec3::new(p.x, p.y + 0.5 * p.x * p.x, p.z));
    Object::new("folded chair")
        .with(frame, side(1.0).and(side(-1.0)).and(bars).pitched(lean))
        .with(pad, board.pitched(lean))
        .with(
            pad.sibling(rng),
            rest.at(0.0, -d * 0.5 * deep, h - 0.24).pitched(lean),
        )
}

/// A deep upholstered chair on visible legs: a tub chair, a wing chair or a recliner, sometimes
/// with its footrest out.
pub fn sofa_chair(rng: &mut RoomRng) -> Object {
    let (w, d, seat, back) = (
        rng.within(0.7, 0.9),
        rng.within(0.7, 0.85),
        rng.within(0.38, 0.44),
        rng.within(0.72, 1.05),
    );
    let (cover, foot) = (rng.fabric(), rng.wood(2));
    let accent = if rng.chance(0.7) {
        cover.sibling(rng)
    } else {
        rng.fabric()
    };
    let (thick, low, lean) = (
        rng.within(0.1, 0.16),
        rng.within(0.08, 0.2),
        rng.within(0.08, 0.25),
    );
    let pillow = rng.chance(0.35).then(|| rng.fabric());
    let object = Object::new("sofa chair").with(
        foot,
        Mesh::frustum(0.018, 0.03, low).at_corners(Vec2::new(w * 0.38, d * 0.36)),
    );
    let object = match rng.count(0, 2) {
        0 => {
            // A tub chair: one shell around the seat, lower in front.
            let shell = Mesh::surface(20, 4, |u, v| {
                let angle =
                    (0.92 - 1.84 * u) * std::f32::consts::PI * 0.75 - std::f32::consts::FRAC_PI_2;
                let inner = 1.0 - 0.24 * (v * 2.0 - 1.0).max(0.0);
                let rim = seat + 0.14 + (back - seat - 0.14) * (0.5 - 0.5 * angle.sin()).powi(2);
                let z = low + (rim - low) * (1.0 - (2.0 * v - 1.0).abs());
                Vec3::new(
                    w / 2.0 * inner * angle.cos(),
                    d / 2.0 * inner * angle.sin(),
                    z,
                )
            });
            object.with(cover, shell).with(
                cover.shaded(0.9),
                Mesh::soft(w * 0.78, d * 0.8, seat - thick - low, 0.03).at(0.0, 0.04, low),
            )
        }
        1 => {
            let wing = Mesh::soft(0.1, d * 0.4, back - seat, 0.045)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.05), -d * 0.22, seat)));
            let arm = Mesh::soft(0.13, d * 0.9, 0.22, 0.06)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.06), 0.02, seat)));
            object
                .with(
                    cover,
                    Mesh::soft(w * 0.92, d * 0.94, seat - thick - low, 0.03).at(0.0, 0.0, low),
                )
                .with(
                    cover.sibling(rng),
                    Mesh::soft(w * 0.9, 0.16, back - low, 0.06)
                        .pitched(lean * 0.5)
                        .at(0.0, 0.1 - d / 2.0, low),
                )
                .with(cover.sibling(rng), wing.and(arm))
        }
        _ => {
            let arm = Mesh::soft(0.18, d * 0.95, 0.6 - low, 0.07)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.08), 0.0, low)));
            let rest =
                Mesh::cushion(w * 0.6, 0.4, 0.12, 0.35)
                    .pitched(-0.35)
                    .at(0.0, d / 2.0 + 0.2, 0.3);
            object
                .with(
                    cover,
                    Mesh::soft(w * 0.8, d * 0.9, seat - thick - low, 0.03).at(0.0, 0.0, low),
                )
                .with(cover.sibling(rng), arm)
                .with(
                    cover.sibling(rng),
                    Mesh::soft(w * 0.72, 0.2, back - low, 0.08)
                        .pitched(lean)
                        .at(0.0, 0.12 - d / 2.0, low),
                )
                .then(|o| {
                    if rng.chance(0.5) {
                        o.with(cover.sibling(rng), rest)
                    } else {
                        o
                    }
                })
        }
    };
    let pad = Mesh::cushion(w * 0.62, back - seat - 0.08, thick, 0.45)
        .pitched(std::f32::consts::FRAC_PI_2 - lean);
    let lowest = pad.bounds().0.z;
    object
        .with(
            accent,
            Mesh::cushion(w * 0.64, d * 0.72, thick, 0.35).at(0.0, 0.06, seat - thick + 0.02),
        )
        .with(
            accent.sibling(rng),
            pad.at(0.0, -d * 0.24, seat + 0.03 - lowest),
        )
        .then(|o| match pillow {
            Some(cloth) => {
                let soft = Mesh::cushion(0.4, 0.36, 0.14, 0.65).pitched(1.1);
                let lowest = soft.bounds().0.z;
                o.with(
                    cloth,
                    soft.at(rng.about(0.08), -d * 0.05, seat + 0.02 - lowest),
                )
            }
            None => o,
        })
        .with_top([0.0, d * 0.15, seat + 0.03], [w * 0.5, d * 0.35], 0.8)
}
