//! Bags, clothes and other objects without a fixed shape.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::Vec3;

use super::Object;
use crate::{mesh::Mesh, noise::rough, rng::RoomRng};

/// Dents a mesh with noise of the given depth, metres.
pub fn crumpled(mesh: Mesh, depth: f32, rng: &mut RoomRng) -> Mesh {
    let seed = rng.seed();
    mesh.subdivided(0.12).warp(|p| {
        let shift = Vec3::new(
            rough(p * 7.0, seed),
            rough(p * 7.0, seed + 1),
            rough(p * 7.0, seed + 2),
        ) - 0.5;
        Vec3::new(p.x, p.y, p.z)
            + shift * depth * 2.0 * Vec3::new(1.0, 1.0, (p.z * 8.0).clamp(0.0, 1.0))
    })
}

/// A backpack: a main bag that narrows upwards, a front pocket and straps.
pub fn backpack(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.26, 0.36),
        rng.within(0.14, 0.24),
        rng.within(0.38, 0.52),
    ];
    let cloth = rng.fabric();
    let pocket = if rng.chance(0.5) {
        cloth.sibling(rng)
    } else {
        rng.fabric()
    };
    let lean = rng.within(-0.05, 0.2);
    let bag = crumpled(Mesh::soft(w, d, h, 0.07).tapered(0.75, h), 0.03, rng).pitched(lean);
    let front = crumpled(Mesh::soft(w * 0.75, d * 0.5, h * 0.45, 0.05), 0.02, rng)
        .pitched(lean)
        .at(0.0, d * 0.5, 0.03);
    let strap = Mesh::ring(h * 0.3, 0.018, PI)
        .pitched(FRAC_PI_2)
        .turned(FRAC_PI_2)
        .pitched(lean);
    let straps =
        strap.repeated([-1.0, 1.0].map(|s| Vec3::new(s * w * 0.25, -d * 0.5 - 0.01, h * 0.5)));
    Object::new("backpack")
        .with(cloth, bag)
        .with(pocket, front)
        .with(rng.dark(), straps)
}

/// A shopping bag, handbag or paper bag with handles.
pub fn bag(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.25, 0.42),
        rng.within(0.12, 0.22),
        rng.within(0.24, 0.4),
    ];
    let cloth = match rng.count(0, 3) {
        0 => rng.cardboard(),
        1 => rng.print(0.1),
        _ => rng.fabric(),
    };
    let body = crumpled(
        Mesh::soft(w, d, h, 0.03).tapered(rng.within(0.7, 1.1), h),
        0.03,
        rng,
    );
    let handle = Mesh::ring(w * 0.25, 0.012, PI).pitched(FRAC_PI_2);
    Object::new("bag").with(cloth, body).with(
        cloth.shaded(0.6),
        handle.repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d * 0.3, h * 0.97))),
    )
}

/// An upright trolley case with ribs and wheels, sometimes with its handle pulled out.
pub fn suitcase(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.34, 0.5),
        rng.within(0.2, 0.3),
        rng.within(0.5, 0.75),
    ];
    let (shell, trim) = (rng.paint(), rng.dark());
    let ribs = Mesh::soft(0.025, d * 0.2, h * 0.85, 0.01)
        .repeated((0..5).map(|i| Vec3::new((i as f32 - 2.0) * w * 0.18, d / 2.0, 0.09)));
    Object::new("suitcase")
        .with(shell, Mesh::soft(w, d, h, 0.05).at(0.0, 0.0, 0.04))
        .with(shell.sibling(rng), ribs)
        .with(
            trim,
            Mesh::cylinder(0.02, 0.04).at_corners(glam::Vec2::new(w * 0.4, d * 0.35)),
        )
        .with(
            trim.sibling(rng),
            Mesh::slab(0.16, 0.03, 0.03).at(0.0, -d * 0.3, h + 0.06),
        )
        .then(|o| {
            if rng.chance(0.4) {
                o.with(
                    rng.metal(),
                    Mesh::cylinder(0.01, 0.4)
                        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * 0.07, -d * 0.3, h))),
                )
            } else {
                o
            }
        })
}

/// A pair of shoes.
pub fn shoes(rng: &mut RoomRng) -> Object {
    let (leather, sole) = (rng.fabric(), rng.paint());
    let (long, tall) = (rng.within(0.24, 0.31), rng.within(0.08, 0.14));
    let upper = Mesh::ellipsoid(0.048, long / 2.0, tall)
        .warp(|p| Vec3::new(p.x, p.y, (p.z * (0.75 - 1.3 * p.y / long)).max(0.0)));
    let pair = |mesh: Mesh, rng: &mut RoomRng| {
        mesh.clone()
            .turned(rng.about(0.4))
            .at(-0.07, rng.about(0.05), 0.0)
            .and(mesh.turned(rng.about(0.4)).at(0.07, rng.about(0.05), 0.0))
    };
    let shape = pair(upper, rng);
    let lower = pair(Mesh::soft(0.1, long, 0.03, 0.012), rng);
    Object::new("shoe")
        .with(leather, shape.at(0.0, 0.0, 0.015))
        .with(sole, lower)
}

/// A towel over a rail; its back is at the wall.
pub fn towel(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.3, 0.6), rng.within(0.4, 0.8));
    let (cloth, chrome, wave) = (rng.fabric(), rng.metal(), rng.within(5.0, 14.0));
    let fold = Mesh::surface(14, 16, |u, v| {
        let along = (v - 0.5) * 2.0;
        let side = if along < 0.0 { -0.012 } else { 0.025 };
        Vec3::new(
            (u - 0.5) * w,
            side * (along.abs() * 6.0).min(1.0) + 0.008 * (u * wave).sin() * along.abs(),
            h - along.abs() * h * if along < 0.0 { 0.8 } else { 1.0 },
        )
    });
    Object::new("towel")
        .with(cloth, fold.at(0.0, 0.05, 0.0))
        .with(
            chrome,
            Mesh::cylinder(0.01, w * 1.2)
                .rolled(FRAC_PI_2)
                .at(-w * 0.6, 0.05, h - 0.01),
        )
}

/// A heap of clothes.
pub fn clothes(rng: &mut RoomRng) -> Object {
    let pieces = rng.count(2, 4);
    Object::new("clothes").each(pieces, |o, i| {
        let (w, h) = (rng.within(0.25, 0.45), rng.within(0.06, 0.14));
        let heap = crumpled(
            Mesh::ellipsoid(w / 2.0, w * rng.within(0.3, 0.5), h),
            0.05,
            rng,
        );
        o.with(
            rng.fabric(),
            heap.turned(rng.within(0.0, TAU))
                .at(rng.about(0.12), rng.about(0.1), i as f32 * 0.04),
        )
    })
}

/// A rug with a border.
pub fn rug(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.8, 2.2), rng.within(0.6, 1.6)];
    let (field, border) = (rng.fabric(), rng.fabric());
    Object::new("rug")
        .with(border, Mesh::slab(w, d, 0.012))
        .with(field, Mesh::slab(w - 0.16, d - 0.16, 0.016))
}

/// A round basket, often with clothes in it.
pub fn laundry_basket(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.18, 0.26), rng.within(0.35, 0.6));
    let weave = if rng.chance(0.5) {
        rng.wood(2)
    } else {
        rng.paint()
    };
    let basket = Mesh::lathe(&[
        (0.0, 0.0),
        (r * 0.8, 0.0),
        (r * 0.9, h * 0.5),
        (r, h),
        (r * 0.94, h),
        (r * 0.8, h * 0.4),
    ]);
    let heap = crumpled(Mesh::ellipsoid(r * 0.85, r * 0.85, 0.22), 0.06, rng);
    Object::new("laundry basket").with(weave, basket).then(|o| {
        if rng.chance(0.6) {
            o.with(rng.fabric(), heap.at(0.0, 0.0, h * 0.75))
        } else {
            o
        }
    })
}
