//! Showers, vanities, cabinets and small objects of bathrooms.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::Vec3;

use super::{Object, tables::drawers, walls::frame};
use crate::{
    material::{Material, Texture, hue},
    mesh::Mesh,
    rng::RoomRng,
};

fn tiled(rng: &mut RoomRng) -> Material {
    let base = hue(
        rng.within(0.0, 1.0),
        rng.within(0.0, 0.3),
        rng.within(0.5, 0.95),
    );
    Material::new(
        Texture::Tiles(rng.within(0.08, 0.3)),
        base,
        base * rng.within(0.5, 0.85),
        rng,
    )
}

/// The wall lining of a shower corner, of random size.
pub fn shower_wall(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.8, 1.1),
        rng.within(0.8, 1.0),
        rng.within(1.8, 2.1),
    ];
    shower_wall_of(size, rng)
}

/// The wall lining of a corner of size w x d and height h, with a shelf and a border; the open
/// corner is in front on the right.
pub fn shower_wall_of([w, d, h]: [f32; 3], rng: &mut RoomRng) -> Object {
    let face = if rng.chance(0.7) {
        tiled(rng)
    } else {
        rng.white()
    };
    let border = tiled(rng);
    let (niche, band) = (rng.chance(0.6), rng.chance(0.4));
    let shelf = Mesh::soft(0.3, 0.1, 0.02, 0.008);
    Object::new("shower wall")
        .with(face, Mesh::slab(w, 0.03, h).at(0.0, 0.015 - d / 2.0, 0.0))
        .with(face, Mesh::slab(0.03, d, h).at(0.015 - w / 2.0, 0.0, 0.0))
        .then(|o| {
            if band {
                o.with(
                    border,
                    Mesh::slab(w, 0.01, 0.1).at(0.0, 0.035 - d / 2.0, h * 0.7),
                )
            } else {
                o
            }
        })
        .then(|o| {
            if !niche {
                return o;
            }
            let bottles = (0..3).fold(Mesh::default(), |all, i| {
                all.and(Mesh::cylinder(0.03, 0.14).at(i as f32 * 0.09 - 0.09, 0.0, 0.02))
            });
            o.with(rng.metal(), shelf.at(0.1, 0.08 - d / 2.0, h * 0.55))
                .with(rng.print(0.05), bottles.at(0.1, 0.08 - d / 2.0, h * 0.55))
        })
}

/// A shower tray of random size.
pub fn shower_floor(rng: &mut RoomRng) -> Object {
    let size = [rng.within(0.8, 1.1), rng.within(0.8, 1.0)];
    shower_floor_of(size, rng)
}

/// A shower tray of size w x d, with a rim and a drain.
pub fn shower_floor_of([w, d]: [f32; 2], rng: &mut RoomRng) -> Object {
    let (enamel, deep) = (
        if rng.chance(0.6) {
            rng.white()
        } else {
            tiled(rng)
        },
        rng.within(0.06, 0.14),
    );
    Object::new("shower floor")
        .with(enamel, Mesh::slab(w, d, 0.03))
        .with(
            enamel.sibling(rng),
            super::containers::rim([w, d], 0.05, deep),
        )
        .with(rng.metal(), Mesh::cylinder(0.05, 0.006).at(0.0, 0.0, 0.03))
}

/// A glass shower door of random size.
pub fn shower_door(rng: &mut RoomRng) -> Object {
    let size = [rng.within(0.8, 1.5), rng.within(1.7, 1.95)];
    shower_door_of(size, rng)
}

/// A framed door of two glass panes, of size w x h.
pub fn shower_door_of([w, h]: [f32; 2], rng: &mut RoomRng) -> Object {
    let (rim, miss) = (rng.metal(), rng.within(0.15, 0.6));
    let glass = rng.white().shaded(rng.within(0.6, 0.95)).missing(miss);
    let slid = rng.within(0.0, 0.35) * w;
    let pane = |mesh: Mesh| mesh.at(0.0, 0.0, 0.03);
    Object::new("shower door")
        .with(rim, frame(w, h, 0.035, 0.06).at(0.0, -0.03, 0.0))
        .with(
            glass,
            pane(Mesh::slab(w / 2.0, 0.008, h - 0.06)).at(-w / 4.0, -0.012, 0.0),
        )
        .with(
            glass.sibling(rng),
            pane(Mesh::slab(w / 2.0, 0.008, h - 0.06)).at(w / 4.0 - slid, 0.012, 0.0),
        )
        .with(
            rim.sibling(rng),
            Mesh::slab(0.03, 0.02, h - 0.06)
                .repeated([0.0, w / 2.0 - 0.02].map(|x| Vec3::new(x - slid, 0.012, 0.03))),
        )
        .with(
            rim,
            Mesh::cylinder(0.012, 0.4).at(w * 0.06 - slid, 0.04, h * 0.45),
        )
}

/// A shower head: on an arm, or on a bar with a hose and a mixer.
pub fn shower_head(rng: &mut RoomRng) -> Object {
    let (chrome, r) = (rng.metal().missing(0.12), rng.within(0.05, 0.12));
    let arm = Mesh::tube(
        &[
            Vec3::new(0.0, 0.0, 0.1),
            Vec3::new(0.0, 0.14, 0.14),
            Vec3::new(0.0, 0.24, 0.08),
        ],
        0.014,
    );
    let head = Mesh::lathe(&[(0.0, 0.0), (r, 0.0), (r, 0.015), (0.02, 0.05), (0.0, 0.05)])
        .pitched(0.3)
        .at(0.0, 0.25, 0.03);
    let o = Object::new("shower head")
        .with(
            chrome,
            arm.and(
                Mesh::lathe(&[(0.0, 0.0), (0.04, 0.0), (0.02, 0.02)])
                    .pitched(-FRAC_PI_2)
                    .at(0.0, 0.0, 0.1),
            ),
        )
        .with(chrome.sibling(rng), head);
    if rng.chance(0.4) {
        return o;
    }
    let drop = rng.within(0.6, 0.95);
    let hose = [
        Vec3::new(0.0, 0.04, 0.08),
        Vec3::new(0.12, 0.06, -drop * 0.5),
        Vec3::new(0.1, 0.06, -drop),
        Vec3::new(0.0, 0.05, -drop * 0.85),
    ];
    o.with(
        chrome,
        Mesh::cylinder(0.012, drop).at(0.0, 0.05, 0.1 - drop),
    )
    .with(rng.dark(), Mesh::tube(&hose, 0.01))
    .with(
        chrome.sibling(rng),
        Mesh::soft(0.26, 0.06, 0.05, 0.02).at(0.0, 0.03, 0.06 - drop),
    )
    .at(0.0, 0.0, drop)
}

/// Adds a basin that stands on a closed top at height `h`, with its tap.
fn basin_at(
    x: f32,
    h: f32,
    [w, d]: [f32; 2],
    chrome: Material,
    ceramic: Material,
    o: Object,
) -> Object {
    let bowl = Mesh::lathe(&[
        (0.0, 0.15),
        (0.3, 0.2),
        (0.46, 0.7),
        (0.5, 1.0),
        (0.53, 0.97),
        (0.44, 0.0),
    ])
    .warp(|p| Vec3::new(p.x * w + x, p.y * d, h + 0.09 * p.z));
    let tap = [
        Vec3::ZERO,
        Vec3::new(0.0, 0.0, 0.13),
        Vec3::new(0.0, 0.05, 0.17),
        Vec3::new(0.0, 0.12, 0.14),
    ];
    o.with(ceramic, bowl)
        .with(chrome, Mesh::tube(&tap, 0.014).at(x, -d * 0.62, h))
}

/// A bathroom vanity: a cupboard with a top and one or two basins.
pub fn bathroom_vanity(rng: &mut RoomRng) -> Object {
    let basins = rng.count(1, 2);
    let [w, d, h] = [
        basins as f32 * rng.within(0.6, 0.85),
        rng.within(0.46, 0.56),
        rng.within(0.78, 0.88),
    ];
    let (body, ceramic, chrome) = (rng.carcass(2), rng.white(), rng.metal());
    let top = if rng.chance(0.6) {
        ceramic.sibling(rng)
    } else {
        rng.paint()
    };
    let (rows, columns) = (rng.count(1, 3), 2 * basins);
    let mut o = Object::new("bathroom vanity");
    o.parts.extend(
        drawers([w - 0.04, d - 0.03, h - 0.14], rows, columns, body, rng)
            .at(0.0, -0.015, 0.1)
            .parts,
    );
    let o = o
        .with(
            body.shaded(0.5),
            Mesh::slab(w - 0.06, d - 0.1, 0.1).at(0.0, -0.04, 0.0),
        )
        .with(top, Mesh::soft(w, d, 0.04, 0.01).at(0.0, 0.0, h - 0.04))
        .with(
            top.shaded(0.95),
            Mesh::slab(w, 0.02, 0.09).at(0.0, 0.01 - d / 2.0, h),
        );
    let place = w / basins as f32;
    (0..basins)
        .fold(o, |o, i| {
            basin_at(
                (i as f32 + 0.5) * place - w / 2.0,
                h,
                [place * 0.6, d * 0.6],
                chrome,
                ceramic,
                o,
            )
        })
        .with_top([-w * 0.42, 0.0, h], [0.16 * w, d * 0.7], 0.4)
        .with_top([w * 0.42, 0.0, h], [0.16 * w, d * 0.7], 0.4)
}

/// A long counter with basins, as in public washrooms: on brackets, with a skirt in front of the
/// pipes.
pub fn bathroom_counter(rng: &mut RoomRng) -> Object {
    let basins = rng.count(1, 3);
    let place = rng.within(0.65, 0.85);
    let [w, d, h] = [
        place * basins as f32,
        rng.within(0.5, 0.6),
        rng.within(0.8, 0.88),
    ];
    let (top, ceramic, chrome) = (
        if rng.chance(0.5) {
            tiled(rng)
        } else {
            rng.paint()
        },
        rng.white(),
        rng.metal(),
    );
    let o = Object::new("bathroom counter")
        .with(top, Mesh::slab(w, d, 0.04).at(0.0, 0.0, h - 0.04))
        .with(
            top.sibling(rng),
            Mesh::slab(w, 0.03, 0.16).at(0.0, d / 2.0 - 0.015, h - 0.2),
        )
        .with(
            top.shaded(0.9),
            Mesh::slab(w, 0.02, 0.12).at(0.0, 0.01 - d / 2.0, h),
        )
        .with(
            chrome,
            Mesh::slab(0.03, d * 0.9, 0.2)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.03), 0.0, h - 0.24))),
        )
        .each(basins, |o, i| {
            let x = (i as f32 + 0.5) * place - w / 2.0;
            let trap = [
                Vec3::new(x, 0.0, h - 0.1),
                Vec3::new(x, 0.0, h - 0.35),
                Vec3::new(x, -d / 2.0, h - 0.38),
            ];
            o.with(chrome.sibling(rng), Mesh::tube(&trap, 0.02))
        });
    (0..basins)
        .fold(o, |o, i| {
            basin_at(
                (i as f32 + 0.5) * place - w / 2.0,
                h,
                [place * 0.6, d * 0.62],
                chrome,
                ceramic,
                o,
            )
        })
        .with_top([w * 0.44, 0.0, h], [0.1 * w + 0.06, d * 0.7], 0.4)
}

/// A shallow cabinet on the wall: mirrored doors, or doors over an open shelf.
pub fn bathroom_cabinet(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.4, 0.9),
        rng.within(0.13, 0.22),
        rng.within(0.5, 0.8),
    ];
    let body = if rng.chance(0.6) {
        rng.white()
    } else {
        rng.carcass(2)
    };
    let doors = rng.count(1, 3);
    let leaf = w / doors as f32;
    let mirrored = rng.chance(0.45);
    let open = if rng.chance(0.5) { 0.16 } else { 0.0 };
    let goods = rng.print(0.04);
    Object::new("bathroom cabinet")
        .with(body, Mesh::slab(w, d, h - open).at(0.0, d / 2.0, open))
        .each(doors, |o, i| {
            let (x, tall) = ((i as f32 + 0.5) * leaf - w / 2.0, h - open - 0.02);
            let front = if mirrored {
                rng.print(0.3).missing(0.5)
            } else {
                body.sibling(rng)
            };
            let o = o.with(
                front,
                Mesh::slab(leaf - 0.01, 0.018, tall).at(x, d + 0.009, open + 0.01),
            );
            let o = if mirrored {
                o
            } else {
                o.with(
                    body.shaded(0.9),
                    frame(leaf - 0.02, tall, 0.045, 0.012).at(x, d + 0.018, open + 0.01),
                )
            };
            o.with(
                rng.metal(),
                Mesh::ellipsoid(0.014, 0.02, 0.028).at(
                    x + leaf * if i % 2 == 0 { 0.4 } else { -0.4 },
                    d + 0.03,
                    open + 0.08,
                ),
            )
        })
        .then(|o| {
            if open == 0.0 {
                return o;
            }
            let sides = Mesh::slab(0.018, d, open)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.009), d / 2.0, 0.0)));
            let row = (0..4).fold(Mesh::default(), |all, i| {
                all.and(Mesh::cylinder(0.025, 0.11).at(w * (i as f32 * 0.2 - 0.3), d * 0.5, 0.018))
            });
            o.with(
                body.sibling(rng),
                sides.and(Mesh::slab(w, d, 0.018).at(0.0, d / 2.0, 0.0)),
            )
            .with(goods, row)
        })
}

/// A bathroom scale: a plate with grip pads and a dial.
pub fn scale(rng: &mut RoomRng) -> Object {
    let (w, d) = (rng.within(0.27, 0.33), rng.within(0.26, 0.32));
    let (body, grip) = (
        if rng.chance(0.5) {
            rng.white()
        } else {
            rng.dark()
        },
        rng.paint(),
    );
    Object::new("scale")
        .with(body, Mesh::soft(w, d, 0.045, 0.015))
        .with(
            grip,
            Mesh::slab(w * 0.36, d * 0.75, 0.006)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.24, 0.0, 0.043))),
        )
        .with(
            rng.screen(),
            Mesh::slab(0.09, 0.05, 0.008).at(0.0, d * 0.38, 0.043),
        )
}

/// A mat of cloth or rubber: an uneven pile, a hem, sometimes a folded corner.
pub fn mat(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.5, 1.0),
        rng.within(0.38, 0.65),
        rng.within(0.012, 0.03),
    ];
    let (field, hem, seed) = (rng.fabric(), rng.fabric(), rng.seed());
    let fold = if rng.chance(0.3) {
        rng.within(0.1, 0.2)
    } else {
        0.0
    };
    let top = Mesh::surface(16, 12, |u, v| {
        let (x, y) = ((u - 0.5) * (w - 0.05), (v - 0.5) * (d - 0.05));
        let past = (x + y - (w + d) / 2.0 + 0.08 + fold).max(0.0);
        let pile = 0.01 * crate::noise::rough(Vec3::new(x * 14.0, y * 14.0, 0.0), seed);
        Vec3::new(
            x - past,
            y - past,
            h + pile + if past > 0.0 { 0.02 } else { 0.0 },
        )
    });
    Object::new("mat")
        .with(hem, Mesh::slab(w - fold * 0.5, d - fold * 0.5, h * 0.8))
        .with(field, top)
}

/// A hair dryer: a barrel, a grip and a cord.
pub fn hair_dryer(rng: &mut RoomRng) -> Object {
    let (body, trim) = (rng.paint(), rng.dark());
    let long = rng.within(0.18, 0.24);
    let barrel = Mesh::lathe(&[
        (0.0, 0.0),
        (0.045, 0.0),
        (0.05, 0.05),
        (0.035, long),
        (0.0, long),
    ])
    .pitched(-FRAC_PI_2)
    .at(0.0, -long / 2.0, 0.05);
    let cord: Vec<Vec3> = (0..=10)
        .map(|i| i as f32 / 10.0)
        .map(|t| Vec3::new(0.18 + 0.1 * (t * 7.0).cos(), 0.1 * (t * 7.0).sin(), 0.012))
        .collect();
    Object::new("hair dryer")
        .with(body, barrel)
        .with(
            body.sibling(rng),
            Mesh::soft(0.15, 0.045, 0.04, 0.015).at(0.1, -0.03, 0.02),
        )
        .with(
            trim,
            Mesh::ring(0.046, 0.008, TAU)
                .pitched(-FRAC_PI_2)
                .at(0.0, -long / 2.0, 0.05),
        )
        .with(trim.sibling(rng), Mesh::tube(&cord, 0.006))
}

/// A dish with a bar of soap.
pub fn soap_dish(rng: &mut RoomRng) -> Object {
    let (w, d) = (rng.within(0.12, 0.16), rng.within(0.08, 0.11));
    let (ceramic, soap) = (
        if rng.chance(0.6) {
            rng.white()
        } else {
            rng.paint()
        },
        rng.paint(),
    );
    let bowl = Mesh::lathe(&[
        (0.0, 0.0),
        (0.35, 0.0),
        (0.5, 1.0),
        (0.46, 1.0),
        (0.3, 0.4),
        (0.0, 0.35),
    ])
    .warp(|p| Vec3::new(p.x * w, p.y * d, p.z * 0.03));
    Object::new("soap dish").with(ceramic, bowl).with(
        soap,
        Mesh::soft(w * 0.55, d * 0.55, 0.03, 0.012).at(0.0, 0.0, 0.012),
    )
}

/// A wall-mounted grab bar with flanges.
pub fn handicap_bar(rng: &mut RoomRng) -> Object {
    let (w, steel) = (rng.within(0.5, 1.0), rng.metal().missing(0.1));
    let bar = [
        Vec3::new(-w / 2.0, 0.0, 0.03),
        Vec3::new(-w / 2.0, 0.06, 0.03),
        Vec3::new(-w / 2.0 + 0.05, 0.08, 0.03),
        Vec3::new(w / 2.0 - 0.05, 0.08, 0.03),
        Vec3::new(w / 2.0, 0.06, 0.03),
        Vec3::new(w / 2.0, 0.0, 0.03),
    ];
    let flange = Mesh::cylinder(0.045, 0.012).pitched(-FRAC_PI_2);
    let bent = rng.chance(0.3);
    Object::new("handicap bar")
        .with(steel, Mesh::tube(&bar, 0.02))
        .with(
            steel.sibling(rng),
            flange.repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, 0.03))),
        )
        .then(|o| {
            if !bent {
                return o;
            }
            let drop = [
                Vec3::new(w / 2.0 - 0.08, 0.08, 0.03),
                Vec3::new(w / 2.0 - 0.08, 0.08, 0.5),
                Vec3::new(w / 2.0 - 0.08, 0.0, 0.5),
            ];
            o.with(steel, Mesh::tube(&drop, 0.02))
        })
}

/// A toilet paper holder on the wall, with a roll.
pub fn toilet_paper_holder(rng: &mut RoomRng) -> Object {
    let (steel, paper) = (rng.metal(), rng.white());
    let roll = Mesh::lathe(&[(0.018, 0.0), (0.055, 0.0), (0.055, 0.11), (0.018, 0.11)])
        .rolled(FRAC_PI_2)
        .at(-0.055, 0.075, 0.08);
    let hood = Mesh::surface(6, 6, |u, v| {
        let angle = (v - 0.1) * PI * 0.55;
        Vec3::new(
            (u - 0.5) * 0.14,
            0.075 - 0.068 * angle.cos(),
            0.08 + 0.068 * angle.sin(),
        )
    });
    Object::new("toilet paper holder")
        .with(
            steel,
            Mesh::soft(0.17, 0.014, 0.08, 0.006)
                .at(0.0, 0.007, 0.07)
                .and(
                    Mesh::cylinder(0.011, 0.16)
                        .rolled(FRAC_PI_2)
                        .at(-0.08, 0.075, 0.08),
                ),
        )
        .with(steel.sibling(rng), hood)
        .with(paper, roll)
        .with(
            paper.shaded(0.95),
            Mesh::slab(0.1, 0.004, 0.12).at(0.0, 0.128, 0.0),
        )
}
