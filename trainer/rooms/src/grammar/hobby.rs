//! Objects for music, sport and play.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{Object, soft::crumpled};
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// White keys with black keys between them, `w` wide, with the player in front.
fn keys(o: Object, w: f32, [y, z]: [f32; 2], rng: &mut RoomRng) -> Object {
    let (ivory, ebony): (Material, Material) = (rng.white(), rng.dark().missing(0.05));
    let places = (w / 0.05) as usize;
    let black = Mesh::slab(0.018, 0.09, 0.014).repeated(
        (0..places).filter(|i| i % 7 != 2 && i % 7 != 6).map(|i| {
            Vec3::new(
                w * ((i as f32 + 1.0) / places as f32 - 0.5),
                y - 0.025,
                z + 0.012,
            )
        }),
    );
    o.with(ivory, Mesh::slab(w, 0.14, 0.016).at(0.0, y, z))
        .with(ebony, black)
}

/// An upright piano: case, lid, keys on a shelf, legs, pedals, and often a score.
pub fn piano(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(1.38, 1.55),
        rng.within(0.32, 0.4),
        rng.within(1.0, 1.3),
    ];
    let (body, brass) = (
        if rng.chance(0.5) {
            rng.dark().missing(0.2)
        } else {
            rng.wood(0)
        },
        rng.metal(),
    );
    let front = d / 2.0;
    let score = rng.chance(0.6);
    let o = Object::new("piano")
        .with(body, Mesh::slab(w, d, h - 0.03))
        .with(
            body.sibling(rng),
            Mesh::soft(w + 0.03, d + 0.03, 0.03, 0.01).at(0.0, 0.0, h - 0.03),
        )
        .with(
            body.sibling(rng),
            Mesh::slab(w, 0.26, 0.07).at(0.0, front + 0.13, 0.6),
        )
        .with(
            body.shaded(0.9),
            Mesh::slab(0.05, 0.26, 0.14).repeated(
                [-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.025), front + 0.13, 0.66)),
            ),
        )
        .with(
            body.sibling(rng),
            Mesh::frustum(0.03, 0.045, 0.6)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.08), front + 0.21, 0.0))),
        )
        .with(
            body.shaded(0.8),
            Mesh::slab(w * 0.85, 0.015, 0.3)
                .pitched(0.1)
                .at(0.0, front + 0.02, h * 0.7),
        )
        .with(
            brass,
            Mesh::soft(0.03, 0.1, 0.02, 0.008)
                .repeated([-0.09, 0.0, 0.09].map(|x| Vec3::new(x, front + 0.05, 0.06))),
        );
    keys(o, w - 0.12, [front + 0.17, 0.67], rng)
        .then(|o| {
            if score {
                o.with(
                    rng.white(),
                    Mesh::slab(0.3, 0.012, 0.24).pitched(0.12).at(
                        rng.about(0.2),
                        front + 0.045,
                        h * 0.7,
                    ),
                )
            } else {
                o
            }
        })
        .with_top([0.0, 0.0, h], [w * 0.9, d * 0.8], 0.6)
}

/// An electric piano on a crossed stand, with a panel and a music rest.
pub fn keyboard_piano(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.9, 1.4),
        rng.within(0.28, 0.36),
        rng.within(0.68, 0.78),
    ];
    let (body, steel) = (
        if rng.chance(0.7) {
            rng.dark()
        } else {
            rng.metal()
        },
        rng.metal().missing(0.08),
    );
    let cross = |y: f32| {
        Mesh::tube(
            &[Vec3::new(-w * 0.32, y, 0.02), Vec3::new(w * 0.32, y, h)],
            0.016,
        )
        .and(Mesh::tube(
            &[Vec3::new(w * 0.32, y, 0.02), Vec3::new(-w * 0.32, y, h)],
            0.016,
        ))
    };
    let feet = Mesh::cylinder(0.016, d * 1.1)
        .pitched(-FRAC_PI_2)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.32, -d * 0.55, 0.018)));
    let o = Object::new("keyboard piano")
        .with(body, Mesh::soft(w, d, 0.08, 0.02).at(0.0, 0.0, h))
        .with(steel, cross(-d * 0.3).and(cross(d * 0.3)).and(feet))
        .with(
            rng.screen(),
            Mesh::slab(0.14, 0.05, 0.012).at(0.0, -d * 0.25, h + 0.078),
        )
        .with(
            body.shaded(1.6),
            Mesh::slab(0.02, 0.012, 0.01).repeated(
                (0..12).map(|i| Vec3::new(w * (i as f32 * 0.06 - 0.4), -d * 0.28, h + 0.078)),
            ),
        )
        .with(
            body.sibling(rng),
            Mesh::slab(w * 0.5, 0.012, 0.2)
                .pitched(0.25)
                .at(0.0, -d * 0.42, h + 0.07),
        );
    keys(o, w * 0.92, [d * 0.22, h + 0.07], rng)
}

/// A music stand: a tripod with a desk for sheet music.
pub fn music_stand(rng: &mut RoomRng) -> Object {
    let (h, w, lean) = (
        rng.within(0.9, 1.25),
        rng.within(0.4, 0.52),
        rng.within(0.2, 0.6),
    );
    let steel = if rng.chance(0.6) {
        rng.dark().missing(0.1)
    } else {
        rng.metal()
    };
    let legs = (0..3).fold(Mesh::default(), |all, i| {
        all.and(
            Mesh::tube(
                &[Vec3::new(0.0, 0.0, 0.3), Vec3::new(0.28, 0.0, 0.02)],
                0.012,
            )
            .turned(i as f32 * PI * 2.0 / 3.0 + FRAC_PI_2),
        )
    });
    let desk = |mesh: Mesh| mesh.pitched(lean).at(0.0, 0.0, h - 0.05);
    let notes = rng.count(0, 2);
    Object::new("music stand")
        .with(
            steel,
            legs.and(Mesh::cylinder(0.014, h - 0.15).at(0.0, 0.0, 0.15)),
        )
        .with(
            steel.sibling(rng),
            desk(Mesh::slab(w, 0.012, 0.32).and(Mesh::slab(w, 0.07, 0.012).at(0.0, 0.035, 0.0))),
        )
        .each(notes, |o, i| {
            o.with(
                rng.white(),
                desk(Mesh::slab(0.21, 0.008, 0.29).at(i as f32 * 0.22 - 0.11, 0.012, 0.012)),
            )
        })
}

/// A guitar case that leans back: waist, lid seam, clasps and handle.
pub fn guitar_case(rng: &mut RoomRng) -> Object {
    let (shell, trim) = (
        if rng.chance(0.7) {
            rng.dark().missing(0.06)
        } else {
            rng.fabric()
        },
        rng.metal(),
    );
    let (long, w, d) = (
        rng.within(1.0, 1.12),
        rng.within(0.36, 0.42),
        rng.within(0.13, 0.18),
    );
    let outline = |z: f32| {
        let t = z / long;
        if t < 0.48 {
            1.0 - 0.22 * (-(t - 0.27) * (t - 0.27) * 160.0).exp()
        } else {
            (1.0 - 5.0 * (t - 0.48)).max(0.42)
        }
    };
    let shape = |mesh: Mesh| {
        mesh.subdivided(0.07)
            .warp(|p| Vec3::new(p.x * outline(p.z), p.y, p.z))
    };
    let lean = rng.within(0.05, 0.2);
    let place = |mesh: Mesh| mesh.pitched(lean);
    let clasps = Mesh::soft(0.03, 0.03, 0.04, 0.008).repeated(
        [(0.45, 0.1), (0.37, 0.27), (0.45, 0.42)].map(|(x, z)| Vec3::new(w * x, 0.0, z * long)),
    );
    Object::new("guitar case")
        .with(shell, place(shape(Mesh::soft(w, d, long, 0.04))))
        .with(
            shell.shaded(1.5),
            place(shape(Mesh::slab(w + 0.012, 0.02, long))),
        )
        .with(trim, place(clasps))
        .with(
            shell.sibling(rng),
            place(
                Mesh::ring(0.06, 0.012, PI)
                    .turned(-FRAC_PI_2)
                    .rolled(-FRAC_PI_2)
                    .turned(0.0)
                    .at(w * 0.42, 0.0, long * 0.36),
            ),
        )
}

/// One or two dumbbells with round weights.
pub fn dumbbell(rng: &mut RoomRng) -> Object {
    let (r, long) = (rng.within(0.04, 0.085), rng.within(0.22, 0.36));
    let (iron, grip) = (
        if rng.chance(0.6) {
            rng.dark().missing(0.08)
        } else {
            rng.paint()
        },
        rng.metal(),
    );
    let (count, turn) = (rng.count(1, 2), rng.about(0.5));
    let disc = |r: f32, x: f32, t: f32| {
        Mesh::cylinder(r, t)
            .rolled(FRAC_PI_2)
            .at(x - t / 2.0, 0.0, 0.0)
    };
    let weights = disc(r, -long * 0.36, long * 0.2)
        .and(disc(r, long * 0.36, long * 0.2))
        .and(disc(r * 0.75, -long * 0.48, 0.03))
        .and(disc(r * 0.75, long * 0.48, 0.03));
    Object::new("dumbbell").each(count, |o, i| {
        let place = |mesh: Mesh| mesh.turned(turn * i as f32).at(0.0, i as f32 * 2.4 * r, r);
        o.with(iron.sibling(rng), place(weights.clone()))
            .with(grip, place(disc(0.015, 0.0, long)))
    })
}

/// A cushion for seats and floors: quilted, with buttons and piping, thicker than a mat and flatter
/// than a pillow.
pub fn cushion(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.36, 0.55), rng.within(0.08, 0.16));
    let (cloth, seam) = (rng.fabric(), rng.fabric());
    let d = if rng.chance(0.7) {
        w
    } else {
        w * rng.within(0.6, 0.8)
    };
    let lean = if rng.chance(0.4) {
        rng.within(0.8, 1.2)
    } else {
        0.0
    };
    let place = |mesh: Mesh| {
        mesh.pitched(lean)
            .at(0.0, 0.0, if lean > 0.0 { d * 0.46 } else { 0.0 })
    };
    let button = Mesh::ellipsoid(0.022, 0.022, 0.014).at(0.0, 0.0, h * 0.94);
    let tufts = if rng.chance(0.4) { 4 } else { 1 };
    let spots = (0..tufts).map(|i| {
        if tufts == 1 {
            Vec3::ZERO
        } else {
            Vec3::new((i % 2) as f32 - 0.5, (i / 2) as f32 - 0.5, 0.0) * w * 0.4
                - Vec3::Z * h * 0.06
        }
    });
    Object::new("cushion")
        .with(cloth, place(Mesh::cushion(w, d, h, 0.55)))
        .with(seam, place(button.repeated(spots)))
        .with(
            seam.shaded(0.9),
            place(
                super::containers::rim([w + 0.006, d + 0.006], 0.014, 0.014).at(0.0, 0.0, h * 0.2),
            ),
        )
}

/// A mattress without a bed: quilted, with piping and handles, sometimes with a blanket on it.
pub fn mattress(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.85, 1.5),
        rng.within(1.85, 2.0),
        rng.within(0.16, 0.28),
    ];
    let (cloth, piping) = (
        if rng.chance(0.7) {
            rng.white()
        } else {
            rng.fabric()
        },
        rng.fabric(),
    );
    let quilt = |p: Vec3| {
        Vec3::new(
            p.x,
            p.y,
            p.z - 0.012 * ((p.x * 22.0).sin() * (p.y * 22.0).sin()).abs(),
        )
    };
    let sheet = rng
        .chance(0.5)
        .then(|| (rng.fabric(), rng.within(0.25, 0.5)));
    let blanket = crumpled(Mesh::soft(w * 0.8, d * 0.4, 0.12, 0.05), 0.08, rng);
    Object::new("mattress")
        .with(
            cloth,
            Mesh::soft(w, d, h, 0.05).subdivided(0.14).warp(quilt),
        )
        .with(
            piping,
            Mesh::slab(w + 0.012, d + 0.012, 0.016)
                .repeated([0.1, 0.82].map(|z| Vec3::new(0.0, 0.0, h * z))),
        )
        .with(
            piping.sibling(rng),
            Mesh::soft(0.02, 0.16, 0.04, 0.008)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, h * 0.45))),
        )
        .then(|o| match sheet {
            Some((cloth, y)) => o.with(cloth, blanket.at(0.0, d * (y - 0.25), h - 0.02)),
            None => o,
        })
        .with_top([0.0, -d * 0.3, h], [w * 0.7, d * 0.25], 1.0)
}

/// A hat with a brim, a crown and a band; or a cap.
pub fn hat(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.09, 0.11), rng.within(0.09, 0.14));
    let (felt, band) = (rng.fabric(), rng.fabric());
    if rng.chance(0.45) {
        let peak = Mesh::surface(8, 3, |u, v| {
            let (sin, cos) = (u * PI).sin_cos();
            let reach = r * (1.0 + 0.75 * v * sin);
            Vec3::new(r * cos * (1.0 + 0.1 * v), reach * sin, 0.012 - 0.02 * v * v)
        });
        return Object::new("hat")
            .with(
                felt,
                Mesh::lathe(&[(r, 0.0), (r * 0.98, h * 0.5), (r * 0.6, h * 0.9), (0.0, h)]),
            )
            .with(band, peak.at(0.0, 0.0, 0.008))
            .with(
                band.sibling(rng),
                Mesh::ellipsoid(0.012, 0.012, 0.012).at(0.0, 0.0, h - 0.006),
            );
    }
    let brim = rng.within(1.5, 2.0);
    Object::new("hat")
        .with(
            felt,
            Mesh::lathe(&[
                (r * brim, 0.02),
                (r * 1.1, 0.005),
                (r, 0.015),
                (r * 0.92, h),
                (r * 0.5, h * 0.92),
                (0.0, h * 0.9),
            ]),
        )
        .with(band, Mesh::lathe(&[(r * 1.015, 0.015), (r * 1.0, 0.045)]))
}

/// Headphones: a headband between two padded shells.
pub fn headphones(rng: &mut RoomRng) -> Object {
    let (r, shell, pad) = (rng.within(0.075, 0.09), rng.dark(), rng.fabric());
    let cup = Mesh::cylinder(0.04, 0.03);
    let lying = |mesh: Mesh| mesh.pitched(-0.25).at(0.0, 0.0, 0.01);
    Object::new("headphones")
        .with(
            shell,
            lying(Mesh::ring(r, 0.012, PI).and(Mesh::ring(r, 0.011, PI).at(0.0, 0.0, 0.006))),
        )
        .with(
            shell.sibling(rng),
            cup.clone()
                .rolled(0.5)
                .at(r, -0.01, 0.01)
                .and(cup.rolled(-0.5).at(-r, -0.01, 0.01)),
        )
        .with(
            pad,
            Mesh::ring(0.03, 0.013, PI * 2.0)
                .rolled(0.5)
                .at(r + 0.012, -0.01, 0.028)
                .and(
                    Mesh::ring(0.03, 0.013, PI * 2.0)
                        .rolled(-0.5)
                        .at(-r - 0.012, -0.01, 0.028),
                ),
        )
}

/// Open shelves of steel posts and boards, partly filled with goods that count as part of the rack.
pub fn rack(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.7, 1.4),
        rng.within(0.32, 0.5),
        rng.within(0.9, 1.9),
    ];
    let (steel, board) = (
        rng.metal().missing(0.08),
        if rng.chance(0.5) {
            rng.wood(0)
        } else {
            rng.metal().missing(0.08)
        },
    );
    let levels = ((h / rng.within(0.35, 0.5)) as usize).max(2);
    let level = |i: usize| 0.1 + (h - 0.12) * i as f32 / (levels - 1) as f32;
    let gap = level(1) - level(0) - 0.04;
    let mut o = Object::new("rack").with(
        steel,
        Mesh::slab(0.035, 0.035, h).at_corners(Vec2::new(w / 2.0 - 0.018, d / 2.0 - 0.018)),
    );
    for i in 0..levels {
        o = o.with(
            board.sibling(rng),
            Mesh::slab(w, d, 0.025).at(0.0, 0.0, level(i)),
        );
        let z = level(i) + 0.026;
        if i + 1 == levels || rng.chance(0.45) {
            o = o.with_top(
                [0.0, 0.0, z],
                [w * 0.85, d * 0.8],
                if i + 1 == levels { 0.5 } else { gap },
            );
            continue;
        }
        let things = rng.count(2, 4);
        let place = w * 0.9 / things as f32;
        for j in 0..things {
            let (tw, td, th) = (
                place * rng.within(0.5, 0.9),
                d * rng.within(0.5, 0.85),
                (gap * rng.within(0.4, 0.85)).min(0.4),
            );
            let x = (j as f32 + 0.5) * place - w * 0.45;
            let (look, mesh) = match rng.count(0, 3) {
                0 => (rng.cardboard(), Mesh::slab(tw, td, th)),
                1 => (rng.paint(), Mesh::soft(tw, td, th, 0.03)),
                2 => (rng.fabric(), Mesh::cushion(tw, td, th * 0.6, 0.4)),
                _ => (rng.print(0.06), Mesh::cylinder(tw.min(td) * 0.45, th)),
            };
            o = o.with(look, mesh.at(x, 0.0, z));
        }
    }
    o.then(|o| {
        if rng.chance(0.5) {
            o.with(
                steel,
                Mesh::tube(
                    &[
                        Vec3::new(-w / 2.0, -d / 2.0, 0.1),
                        Vec3::new(w / 2.0, -d / 2.0, h - 0.1),
                    ],
                    0.012,
                ),
            )
        } else {
            o
        }
    })
}
