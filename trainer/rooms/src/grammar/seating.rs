//! Chairs, stools and benches.

use glam::{Vec2, Vec3};

use super::Object;
use crate::{mesh::Mesh, rng::RoomRng};

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
