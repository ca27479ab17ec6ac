//! Showers.

use std::f32::consts::FRAC_PI_2;

use glam::Vec3;

use super::{Object, containers::rim, walls::frame};
use crate::{
    material::{Material, Texture, hue},
    mesh::Mesh,
    rng::RoomRng,
};

/// Tiles of a random size and hue.
pub fn tiled(rng: &mut RoomRng) -> Material {
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
        .with(enamel.sibling(rng), rim([w, d], 0.05, deep))
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
