//! Baskets, crates, tubs and trays: mostly open, with objects in them.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Vec2, Vec3};

use super::{Object, soft::crumpled};
use crate::{mesh::Mesh, rng::RoomRng};

/// Four walls and a floor; `narrow` is the fraction by which the box narrows towards the floor.
pub fn open_box([w, d, h]: [f32; 3], thick: f32, narrow: f32) -> Mesh {
    let walls = Mesh::slab(w, thick, h)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d - thick) / 2.0, 0.0)))
        .and(
            Mesh::slab(thick, d, h)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - thick) / 2.0, 0.0, 0.0))),
        );
    walls.and(Mesh::slab(w, d, thick)).warp(|p| {
        let t = 1.0 - narrow * (1.0 - p.z / h);
        Vec3::new(p.x * t, p.y * t, p.z)
    })
}

/// Four bars around a rectangle of size w x d on z = 0: the rims of baskets and trays.
pub fn rim([w, d]: [f32; 2], bar: f32, tall: f32) -> Mesh {
    let long = Mesh::slab(w, bar, tall)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * (d - bar) / 2.0, 0.0)));
    long.and(
        Mesh::slab(bar, d, tall)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - bar) / 2.0, 0.0, 0.0))),
    )
}

/// Adds up to `most` objects that lie in a container of size w x d, from height z up.
pub fn contents(o: Object, [w, d]: [f32; 2], z: f32, most: usize, rng: &mut RoomRng) -> Object {
    let things = rng.count(0, most);
    o.each(things, |o, i| {
        let (x, y) = (rng.about(w * 0.2), rng.about(d * 0.2));
        let (size, turn, low) = (
            w.min(d) * rng.within(0.25, 0.5),
            rng.within(0.0, TAU),
            z + i as f32 * 0.02,
        );
        let (stuff, mesh) = match rng.count(0, 3) {
            0 => (
                rng.print(0.05),
                Mesh::soft(size, size * 1.3, size * 0.4, 0.01),
            ),
            1 => (
                rng.paint(),
                Mesh::ellipsoid(size * 0.5, size * 0.5, size * 0.45),
            ),
            2 => (
                rng.print(0.04),
                Mesh::cylinder(size * 0.3, size)
                    .rolled(FRAC_PI_2)
                    .at(-size / 2.0, 0.0, size * 0.3),
            ),
            _ => (
                rng.fabric(),
                crumpled(
                    Mesh::ellipsoid(size * 0.8, size * 0.7, size * 0.5),
                    0.04,
                    rng,
                ),
            ),
        };
        o.with(stuff, mesh.turned(turn).at(x, y, low))
    })
}

/// A woven basket, round or square, with a rim, sometimes with a handle, a lining and contents.
pub fn basket(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.24, 0.45),
        rng.within(0.2, 0.36),
        rng.within(0.14, 0.3),
    ];
    let weave = if rng.chance(0.7) {
        rng.wood(0)
    } else {
        rng.fabric()
    };
    let round = rng.chance(0.45);
    let ribbed = |p: Vec3| {
        Vec3::new(
            p.x * (1.0 + 0.02 * (p.z * 130.0).sin()),
            p.y * (1.0 + 0.02 * (p.z * 130.0).sin()),
            p.z,
        )
    };
    let shell = if round {
        Mesh::lathe(&[
            (0.0, 0.0),
            (0.42, 0.0),
            (0.46, h * 0.3),
            (0.48, h * 0.6),
            (0.5, h),
            (0.46, h),
            (0.4, 0.02),
            (0.0, 0.02),
        ])
        .warp(|p| Vec3::new(p.x * w, p.y * w, p.z))
    } else {
        open_box([w, d, h], 0.016, 0.15).subdivided(0.05)
    };
    let deep = if round { w } else { d };
    let handle = rng.chance(0.35);
    let lined = rng.chance(0.3);
    let o = Object::new("basket").with(weave, shell.warp(ribbed));
    let o = if round {
        o.with(
            weave.shaded(0.8),
            Mesh::ring(w / 2.0, 0.012, TAU).at(0.0, 0.0, h - 0.012),
        )
    } else {
        o.with(
            weave.shaded(0.8),
            rim([w + 0.01, d + 0.01], 0.024, 0.022).at(0.0, 0.0, h - 0.018),
        )
    };
    let o = o.then(|o| {
        if handle {
            o.with(
                weave.sibling(rng),
                Mesh::ring(w * 0.45, 0.012, PI)
                    .pitched(FRAC_PI_2)
                    .at(0.0, 0.0, h),
            )
        } else {
            o
        }
    });
    let o = o.then(|o| {
        if lined {
            o.with(
                rng.fabric(),
                Mesh::cushion(w * 0.7, deep * 0.7, h * 0.6, 0.4).at(0.0, 0.0, 0.02),
            )
        } else {
            o
        }
    });
    contents(o, [w * 0.8, deep * 0.8], h * 0.4, 4, rng)
}

/// A crate of wooden or plastic slats, with contents.
pub fn crate_box(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.34, 0.55),
        rng.within(0.28, 0.38),
        rng.within(0.22, 0.34),
    ];
    let body = if rng.chance(0.5) {
        rng.wood(0)
    } else {
        rng.paint()
    };
    let slats = rng.count(3, 5);
    let tall = h / slats as f32 * 0.72;
    let walls = |z: f32| {
        Mesh::slab(w, 0.014, tall)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d / 2.0, z)))
            .and(
                Mesh::slab(0.014, d, tall)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, z))),
            )
    };
    let o = Object::new("crate")
        .each(slats, |o, i| {
            o.with(body.sibling(rng), walls(h * i as f32 / slats as f32))
        })
        .with(
            body.shaded(0.8),
            Mesh::slab(0.03, 0.03, h).at_corners(Vec2::new(w / 2.0 - 0.02, d / 2.0 - 0.02)),
        )
        .with(body.shaded(0.7), Mesh::slab(w, d, 0.014));
    contents(o, [w * 0.8, d * 0.8], 0.02, 6, rng)
}

/// A plastic tub with a lid that clips on, or open with contents.
fn tub(class: &'static str, [w, d, h]: [f32; 3], rng: &mut RoomRng) -> Object {
    let (body, lid) = (
        if rng.chance(0.5) {
            rng.white().missing(0.15)
        } else {
            rng.paint()
        },
        rng.paint(),
    );
    let ribs = rng.count(3, 6);
    let closed = rng.chance(0.7);
    let rib = Mesh::slab(0.02, d * 0.94 + 0.012, h * 0.7).repeated((0..ribs).map(|i| {
        Vec3::new(
            w * 0.9 * ((i as f32 + 0.5) / ribs as f32 - 0.5),
            0.0,
            h * 0.12,
        )
    }));
    let label = rng.chance(0.5).then(|| rng.print(0.03));
    let o = Object::new(class)
        .with(body, open_box([w, d, h], 0.01, 0.12))
        .with(body.sibling(rng), rib)
        .with(
            body.shaded(0.85),
            Mesh::soft(0.03, d * 0.4, 0.035, 0.012)
                .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, h * 0.8))),
        )
        .then(|o| match label {
            Some(face) => o.with(
                face,
                Mesh::slab(w * 0.3, 0.004, h * 0.25).at(0.0, d * 0.48 + 0.008, h * 0.5),
            ),
            None => o,
        });
    if closed {
        return o
            .with(
                lid,
                Mesh::soft(w + 0.02, d + 0.02, 0.03, 0.012).at(0.0, 0.0, h - 0.005),
            )
            .with(
                lid.sibling(rng),
                Mesh::slab(w * 0.75, d * 0.7, 0.012).at(0.0, 0.0, h + 0.024),
            )
            .with_top([0.0, 0.0, h + 0.036], [w * 0.75, d * 0.7], 0.5);
    }
    contents(o, [w * 0.85, d * 0.85], h * 0.3, 5, rng)
}

/// A large tub for store rooms.
pub fn storage_bin(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.38, 0.65),
        rng.within(0.3, 0.45),
        rng.within(0.24, 0.42),
    ];
    tub("storage bin", size, rng)
}

/// A small tub for kitchens and desks.
pub fn storage_container(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.18, 0.32),
        rng.within(0.13, 0.22),
        rng.within(0.09, 0.18),
    ];
    tub("storage container", size, rng)
}

/// A block of small drawers.
pub fn storage_organizer(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.26, 0.42),
        rng.within(0.28, 0.4),
        rng.within(0.3, 0.95),
    ];
    let (body, rows) = (rng.paint(), rng.count(3, 6));
    let columns = rng.count(1, 3);
    let bins = Object {
        class: "storage organizer",
        ..super::tables::drawers([w, d, h], rows, columns, body, rng)
    };
    bins.with(
        body.shaded(0.7),
        Mesh::slab(w + 0.02, d + 0.02, 0.02).repeated([Vec3::ZERO, Vec3::new(0.0, 0.0, h)]),
    )
    .with_top([0.0, 0.0, h + 0.02], [w * 0.9, d * 0.9], 0.4)
}

/// A case of bottles in film on a cardboard tray.
pub fn case_of_water_bottles(rng: &mut RoomRng) -> Object {
    let (columns, rows) = (rng.count(4, 6), rng.count(3, 4));
    let (r, h) = (0.033, rng.within(0.19, 0.23));
    let (w, d) = (columns as f32 * 2.0 * r, rows as f32 * 2.0 * r);
    let water = rng.white().shaded(0.85).missing(0.2);
    let caps = rng.paint();
    let places = |z: f32| {
        (0..columns * rows).map(move |i| {
            Vec3::new(
                ((i % columns) as f32 + 0.5) * 2.0 * r - w / 2.0,
                ((i / columns) as f32 + 0.5) * 2.0 * r - d / 2.0,
                z,
            )
        })
    };
    let bottle = Mesh::surface(6, 3, |u, v| {
        let ((sin, cos), row) = ((TAU * u).sin_cos(), (v * 3.0).round() as usize);
        let (radius, z) = [
            (r, 0.0),
            (r, h * 0.7),
            (r * 0.4, h * 0.95),
            (r * 0.4, h * 0.96),
        ][row];
        Vec3::new(radius * cos, radius * sin, z)
    });
    let cap = Mesh::slab(0.026, 0.026, 0.018);
    Object::new("case of water bottles")
        .with(water, bottle.repeated(places(0.01)))
        .with(caps, cap.repeated(places(h)))
        .with(
            rng.cardboard(),
            open_box([w + 0.012, d + 0.012, 0.05], 0.006, 0.0),
        )
        .with(
            rng.print(0.06).missing(0.15),
            rim([w + 0.014, d + 0.014], 0.004, h * 0.3).at(0.0, 0.0, h * 0.35),
        )
}

/// A tray with rims and handles, sometimes with cups on it.
pub fn tray(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.34, 0.52),
        rng.within(0.24, 0.36),
        rng.within(0.025, 0.06),
    ];
    let body = if rng.chance(0.5) {
        rng.wood(0)
    } else {
        rng.paint()
    };
    let served = rng.count(0, 3);
    Object::new("tray")
        .with(body, open_box([w, d, h], 0.012, 0.06))
        .with(
            body.sibling(rng),
            Mesh::ring(0.05, 0.009, PI)
                .turned(-FRAC_PI_2)
                .at(w / 2.0, 0.0, h)
                .and(
                    Mesh::ring(0.05, 0.009, PI)
                        .turned(FRAC_PI_2)
                        .at(-w / 2.0, 0.0, h),
                ),
        )
        .each(served, |o, i| {
            let x = (i as f32 - 1.0) * w * 0.28;
            let (r, tall) = (rng.within(0.035, 0.055), rng.within(0.03, 0.1));
            o.with(
                rng.paint(),
                Mesh::lathe(&[
                    (0.0, 0.0),
                    (r * 0.8, 0.0),
                    (r, tall),
                    (r * 0.88, tall),
                    (r * 0.7, 0.01),
                ])
                .at(x, rng.about(d * 0.2), 0.012),
            )
        })
}
