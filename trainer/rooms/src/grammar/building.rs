//! Parts of the building that count as objects: stairs, pillars, ledges, fireplaces, frames and
//! partitions.

use glam::Vec3;

use super::{Object, walls::frame};
use crate::{
    material::{Material, Texture, hue},
    mesh::Mesh,
    rng::RoomRng,
};

/// A random material for built structure: brick, stone, plaster or wood panelling.
fn masonry(rng: &mut RoomRng) -> Material {
    match rng.count(0, 3) {
        0 => {
            let base = Vec3::new(0.6, 0.33, 0.25) * rng.within(0.7, 1.2);
            let mortar = Vec3::splat(rng.within(0.5, 0.8));
            Material::new(Texture::Bricks(rng.within(0.06, 0.1)), base, mortar, rng)
        }
        1 => {
            let base = hue(
                rng.within(0.06, 0.14),
                rng.within(0.0, 0.2),
                rng.within(0.4, 0.85),
            );
            Material::new(Texture::Tiles(rng.within(0.2, 0.4)), base, base * 0.6, rng)
        }
        2 => rng.white(),
        _ => rng.carcass(2),
    }
}

/// A pillar from the floor to the ceiling, round or square, sometimes with a base and a capital.
fn upright(class: &'static str, rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.12, 0.26), 2.35);
    let (shaft, ends) = (masonry(rng), masonry(rng));
    let (base, cap) = (rng.within(0.0, 0.2), rng.within(0.0, 0.15));
    let round = rng.chance(0.4);
    let block = |r: f32, h: f32| {
        if round {
            Mesh::cylinder(r, h)
        } else {
            Mesh::slab(2.0 * r, 2.0 * r, h)
        }
    };
    Object::new(class)
        .with(shaft, block(r, h))
        .then(|o| {
            if base > 0.05 {
                o.with(ends, block(r + 0.025, base))
            } else {
                o
            }
        })
        .then(|o| {
            if cap > 0.05 {
                o.with(
                    ends.sibling(rng),
                    block(r + 0.03, cap).at(0.0, 0.0, h - cap),
                )
            } else {
                o
            }
        })
}

/// A load-bearing pillar.
pub fn pillar(rng: &mut RoomRng) -> Object {
    upright("pillar", rng)
}

/// A column, built like a pillar.
pub fn column(rng: &mut RoomRng) -> Object {
    upright("column", rng)
}

/// A projecting ledge along a wall, with a board on top.
pub fn ledge(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.9, 2.6),
        rng.within(0.15, 0.4),
        rng.within(0.3, 1.05),
    ];
    let (body, top) = (
        masonry(rng),
        if rng.chance(0.5) {
            rng.wood(0)
        } else {
            rng.white()
        },
    );
    Object::new("ledge")
        .with(body, Mesh::slab(w, d, h - 0.04))
        .with(
            top,
            Mesh::soft(w + 0.04, d + 0.05, 0.04, 0.012).at(0.0, 0.0, h - 0.04),
        )
        .then(|o| {
            if rng.chance(0.5) {
                o.with(
                    body.shaded(0.7),
                    Mesh::slab(w, 0.012, 0.09).at(0.0, d / 2.0 + 0.006, 0.0),
                )
            } else {
                o
            }
        })
        .with_top([0.0, 0.0, h], [w * 0.92, d * 0.8], 0.6)
}

/// A windowsill of random width.
pub fn windowsill(rng: &mut RoomRng) -> Object {
    let w = rng.within(0.7, 2.0);
    windowsill_of(w, rng)
}

/// A sill below a window of width `w`; its back is on the wall and its upper face at z = 0.04.
pub fn windowsill_of(w: f32, rng: &mut RoomRng) -> Object {
    let d = rng.within(0.14, 0.3);
    let board = if rng.chance(0.6) {
        rng.white()
    } else {
        masonry(rng)
    };
    Object::new("windowsill")
        .with(
            board,
            Mesh::soft(w + rng.within(0.06, 0.2), d, 0.04, 0.012).at(0.0, d / 2.0, 0.0),
        )
        .with(
            board.shaded(0.85),
            Mesh::slab(w, 0.03, 0.06).at(0.0, 0.016, -0.06),
        )
        .with_top([0.0, d * 0.5, 0.04], [w * 0.95, d * 0.85], 0.35)
}

/// A flight of steps along a wall: treads with nosings on risers, and a stringer at the open side.
pub fn stairs(rng: &mut RoomRng) -> Object {
    let (steps, d) = (rng.count(4, 9), rng.within(0.8, 1.05));
    let (rise, run) = (rng.within(0.16, 0.19), rng.within(0.25, 0.3));
    let (body, tread) = (masonry(rng), rng.carcass(1));
    let carpet = rng.chance(0.3).then(|| rng.fabric());
    let long = steps as f32 * run;
    let stringer = rng.carcass(0);
    let slope = rise / run;
    let side = Mesh::slab(long, 0.03, 0.3)
        .warp(|p| Vec3::new(p.x, p.y, (p.z - 0.2 + (p.x + long / 2.0) * slope).max(0.0)));
    Object::new("stairs")
        .each(steps, |o, i| {
            let (x, z) = ((i as f32 + 0.5) * run - long / 2.0, i as f32 * rise);
            let o = o
                .with(body, Mesh::slab(run, d, z + rise - 0.03).at(x, 0.0, 0.0))
                .with(
                    tread.sibling(rng),
                    Mesh::soft(run + 0.03, d, 0.035, 0.01).at(x - 0.012, 0.0, z + rise - 0.035),
                );
            match carpet {
                Some(cloth) => o.with(
                    cloth,
                    Mesh::slab(run, d * 0.6, 0.012).at(x - 0.012, 0.0, z + rise),
                ),
                None => o,
            }
        })
        .with(stringer, side.at(0.0, d / 2.0 + 0.015, 0.0))
}

/// A stair rail with balusters that climbs with stairs along x.
pub fn stair_rail(rng: &mut RoomRng) -> Object {
    let (steps, rise, run) = (
        rng.count(4, 8),
        rng.within(0.16, 0.19),
        rng.within(0.25, 0.3),
    );
    rail_of(steps as f32 * run, rise / run, rng)
}

/// A stair rail of a given length and slope.
pub fn rail_of(long: f32, slope: f32, rng: &mut RoomRng) -> Object {
    let (hand, rods) = (
        rng.wood(0),
        if rng.chance(0.5) {
            rng.metal().missing(0.1)
        } else {
            rng.wood(2)
        },
    );
    let count = (long / rng.within(0.12, 0.3)) as usize + 1;
    let (thin, h) = (rng.within(0.009, 0.018), rng.within(0.8, 0.95));
    let z_at = |x: f32| (x + long / 2.0) * slope;
    let rod = Mesh::cylinder(thin, h);
    let x_of = |i: usize| long * (i as f32 / (count - 1).max(1) as f32 - 0.5);
    let (low, high) = (
        Vec3::new(-long / 2.0, 0.0, h),
        Vec3::new(long / 2.0, 0.0, z_at(long / 2.0) + h),
    );
    Object::new("stair rail")
        .with(
            rods,
            rod.repeated((0..count).map(|i| Vec3::new(x_of(i), 0.0, z_at(x_of(i))))),
        )
        .with(hand, Mesh::tube(&[low, low.lerp(high, 0.5), high], 0.03))
        .with(
            hand.sibling(rng),
            Mesh::soft(0.09, 0.09, h + 0.12, 0.015).at(-long / 2.0, 0.0, 0.0),
        )
}

/// A fireplace with a mantel, a dark mouth, logs and a metal frame.
pub fn fireplace(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(1.1, 1.7),
        rng.within(0.25, 0.5),
        rng.within(0.95, 1.3),
    ];
    let (stone, mantel, soot) = (masonry(rng), rng.carcass(0), rng.dark());
    let (mouth, tall) = (w * rng.within(0.45, 0.6), h * rng.within(0.5, 0.65));
    let pier = (w - mouth) / 2.0;
    let logs = rng.count(0, 4);
    let trim = rng.chance(0.5);
    Object::new("fireplace")
        .with(
            stone,
            Mesh::slab(pier, d, h - 0.06)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (mouth + pier) / 2.0, 0.0, 0.0))),
        )
        .with(
            stone.sibling(rng),
            Mesh::slab(mouth, d, h - 0.06 - tall).at(0.0, 0.0, tall),
        )
        .with(
            soot,
            Mesh::slab(mouth, 0.02, tall).at(0.0, 0.02 - d / 2.0, 0.0),
        )
        .with(
            stone.shaded(0.7),
            Mesh::slab(w, rng.within(0.05, 0.35) + d, 0.05).at(0.0, 0.05, 0.0),
        )
        .with(
            mantel,
            Mesh::soft(w + 0.14, d + 0.08, 0.06, 0.012).at(0.0, 0.03, h - 0.06),
        )
        .with(
            mantel.shaded(0.85),
            Mesh::slab(w + 0.06, d + 0.04, 0.04).at(0.0, 0.02, h - 0.1),
        )
        .then(|o| {
            if trim {
                o.with(
                    rng.metal(),
                    frame(mouth + 0.04, tall + 0.02, 0.04, 0.02).at(0.0, d / 2.0, 0.0),
                )
            } else {
                o
            }
        })
        .each(logs, |o, i| {
            let log = Mesh::cylinder(0.045, mouth * 0.6)
                .rolled(std::f32::consts::FRAC_PI_2)
                .at(-mouth * 0.3, 0.0, 0.0)
                .turned(rng.about(0.4));
            o.with(
                rng.wood(0).shaded(0.7),
                log.at(
                    0.0,
                    (i % 2) as f32 * 0.1 - 0.05,
                    0.1 + (i / 2) as f32 * 0.08,
                ),
            )
        })
        .with_top([0.0, 0.03, h], [w, d * 0.8], 0.9)
}

/// Sliding or folding closet doors in a frame: panels, louvres or mirrors.
pub fn closet_door(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(1.1, 2.0), rng.within(1.95, 2.15));
    let leaves = if w > 1.6 { rng.count(2, 4) } else { 2 };
    let (leaf, rim, grip) = (
        rng.carcass(2),
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.metal()
        },
        rng.metal(),
    );
    let wide = (w - 0.1) / leaves as f32;
    let style = rng.count(0, 2);
    let sliding = rng.chance(0.5);
    Object::new("closet door")
        .with(rim, frame(w, h, 0.05, 0.09))
        .each(leaves, |o, i| {
            let x = (i as f32 + 0.5) * wide - (w - 0.1) / 2.0;
            let y = if sliding && i % 2 == 1 { 0.03 } else { 0.055 };
            let o = o.with(
                leaf.sibling(rng),
                Mesh::slab(wide - 0.006, 0.025, h - 0.06).at(x, y, 0.01),
            );
            let o = match style {
                0 => o.with(
                    leaf.shaded(0.9),
                    frame(wide * 0.75, h * 0.4, 0.03, 0.02)
                        .repeated([0.08, 0.52].map(|z| Vec3::new(x, y + 0.01, z * h))),
                ),
                1 => {
                    let slats = Mesh::slab(wide * 0.8, 0.03, 0.03).pitched(0.6).repeated(
                        (0..16).map(|i| Vec3::new(0.0, 0.0, h * (0.1 + 0.05 * i as f32))),
                    );
                    o.with(leaf.shaded(0.85), slats.at(x, y + 0.012, 0.0))
                }
                _ => o.with(
                    rng.print(0.35).missing(0.5),
                    Mesh::slab(wide * 0.88, 0.006, h * 0.86).at(x, y + 0.014, h * 0.06),
                ),
            };
            o.with(
                grip,
                Mesh::slab(0.02, 0.025, 0.12).at(
                    x + wide * if i % 2 == 0 { 0.4 } else { -0.4 },
                    y + 0.02,
                    h * 0.47,
                ),
            )
        })
}

/// A partition on feet: framed cloth panels, straight or folded.
pub fn divider(rng: &mut RoomRng) -> Object {
    let (leaves, wide, h) = (
        rng.count(1, 4),
        rng.within(0.45, 0.8),
        rng.within(1.3, 1.85),
    );
    let (cloth, rim) = (
        if rng.chance(0.7) {
            rng.fabric()
        } else {
            rng.white()
        },
        if rng.chance(0.5) {
            rng.wood(2)
        } else {
            rng.metal()
        },
    );
    let fold = if rng.chance(0.5) && leaves > 1 {
        rng.within(0.15, 0.5)
    } else {
        0.0
    };
    let step = wide * fold.cos();
    Object::new("divider").each(leaves, |o, i| {
        let (x, turn) = (
            (i as f32 + 0.5 - leaves as f32 / 2.0) * step,
            if i % 2 == 0 { fold } else { -fold },
        );
        let place = |mesh: Mesh| mesh.turned(turn).at(x, 0.0, 0.0);
        let feet = Mesh::slab(0.05, if fold > 0.0 { 0.06 } else { 0.4 }, 0.05)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * wide * 0.42, 0.0, 0.0)));
        o.with(
            rim,
            place(frame(wide, h - 0.05, 0.035, 0.045).at(0.0, -0.0225, 0.05)),
        )
        .with(
            cloth.sibling(rng),
            place(Mesh::slab(wide - 0.05, 0.03, h - 0.1).at(0.0, 0.0, 0.08)),
        )
        .with(rim.sibling(rng), place(feet))
    })
}

/// A door frame without its leaf.
pub fn doorframe(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.78, 1.0), rng.within(1.95, 2.12));
    doorframe_of(w, h, rng)
}

/// A frame that lines an opening of size w x h: posts, a lintel and mouldings on the wall.
pub fn doorframe_of(w: f32, h: f32, rng: &mut RoomRng) -> Object {
    let rim = if rng.chance(0.5) {
        rng.white()
    } else {
        rng.carcass(2)
    };
    let (bar, board) = (rng.within(0.03, 0.06), rng.within(0.05, 0.1));
    let gate = |w: f32, h: f32, bar: f32, deep: f32| {
        Mesh::slab(bar, deep, h)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - bar) / 2.0, 0.0, 0.0)))
            .and(Mesh::slab(w, deep, bar).at(0.0, 0.0, h - bar))
    };
    Object::new("doorframe")
        .with(rim, gate(w, h, bar, 0.12).at(0.0, -0.05, 0.0))
        .with(
            rim.sibling(rng),
            gate(w + 2.0 * board - 0.02, h + board - 0.01, board, 0.02).at(0.0, 0.012, 0.0),
        )
}
