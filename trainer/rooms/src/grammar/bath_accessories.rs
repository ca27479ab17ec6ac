//! Small objects of bathrooms.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::Vec3;

use super::Object;
use crate::{mesh::Mesh, noise::rough, rng::RoomRng};

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
        let pile = 0.01 * rough(Vec3::new(x * 14.0, y * 14.0, 0.0), seed);
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
