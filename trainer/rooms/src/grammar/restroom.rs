//! Public restrooms: wall dispensers and stalls.

use std::f32::consts::FRAC_PI_2;

use glam::Vec3;

use super::Object;
use crate::{mesh::Mesh, rng::RoomRng};

/// The case of a wall dispenser: a body, a bulging lid, a lock and a label.
fn case(class: &'static str, [w, d, h]: [f32; 3], rng: &mut RoomRng) -> Object {
    let body = match rng.count(0, 3) {
        0 | 1 => rng.white(),
        2 => rng.metal().missing(0.1),
        _ => rng.dark().missing(0.1),
    };
    let split = rng.within(0.25, 0.5);
    let lock = Mesh::cylinder(0.012, 0.012).pitched(-FRAC_PI_2);
    Object::new(class)
        .with(body, Mesh::soft(w, d, h, 0.02).at(0.0, d / 2.0, 0.0))
        .with(
            body.sibling(rng),
            Mesh::soft(w * 0.97, 0.03, h * (0.96 - split), 0.012).at(0.0, d, h * split),
        )
        .with(rng.metal(), lock.at(0.0, d + 0.01, h * 0.92))
        .with(
            rng.print(0.02),
            Mesh::slab(w * 0.3, 0.004, h * 0.12).at(-w * 0.2, d + 0.002, h * split * 0.4),
        )
}

/// A paper towel dispenser with the next towel hanging out.
pub fn paper_towel_dispenser(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.26, 0.38),
        rng.within(0.11, 0.24),
        rng.within(0.32, 0.7),
    ];
    let tall = rng.within(0.04, 0.12);
    case("paper towel dispenser", [w, d, h], rng).with(
        rng.white(),
        Mesh::slab(w * 0.7, 0.006, tall).at(0.0, d * 0.6, -tall),
    )
}

/// A soap dispenser: a pump bottle.
pub fn soap_dispenser(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.032, 0.045), rng.within(0.12, 0.17));
    let (body, pump) = (
        rng.paint().missing(0.12),
        if rng.chance(0.5) {
            rng.metal()
        } else {
            rng.white()
        },
    );
    let spout = [
        Vec3::new(0.0, 0.0, h),
        Vec3::new(0.0, 0.0, h + 0.05),
        Vec3::new(0.0, 0.05, h + 0.045),
    ];
    Object::new("soap dispenser")
        .with(
            body,
            Mesh::lathe(&[(0.0, 0.0), (r, 0.0), (r, h * 0.8), (r * 0.5, h), (0.0, h)]),
        )
        .with(
            pump,
            Mesh::tube(&spout, 0.008).and(Mesh::cylinder(r * 0.55, 0.02).at(0.0, 0.0, h - 0.01)),
        )
        .with(
            rng.print(0.02),
            Mesh::lathe(&[(r * 1.02, h * 0.15), (r * 1.02, h * 0.6)]),
        )
}

/// A soap dispenser on the wall: a case with a lever and a visible tank.
pub fn wall_soap_dispenser(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.1, 0.16),
        rng.within(0.08, 0.13),
        rng.within(0.18, 0.3),
    ];
    let tank = rng.paint().missing(0.2);
    case("soap dispenser", [w, d, h], rng)
        .with(
            tank,
            Mesh::soft(w * 0.6, 0.02, h * 0.2, 0.008).at(0.0, d, h * 0.12),
        )
        .with(
            rng.dark(),
            Mesh::soft(w * 0.7, 0.05, 0.03, 0.01).at(0.0, d * 0.7, -0.02),
        )
}

/// A toilet paper dispenser: a drum, or a box for two rolls.
pub fn toilet_paper_dispenser(rng: &mut RoomRng) -> Object {
    if rng.chance(0.5) {
        let (r, d) = (rng.within(0.13, 0.18), rng.within(0.11, 0.15));
        let body = if rng.chance(0.5) {
            rng.dark().missing(0.1)
        } else {
            rng.white()
        };
        let drum = |mesh: Mesh| mesh.pitched(-FRAC_PI_2).at(0.0, 0.0, r);
        return Object::new("toilet paper dispenser")
            .with(
                body,
                drum(Mesh::lathe(&[
                    (0.0, 0.0),
                    (r, 0.0),
                    (r, d),
                    (r * 0.9, d + 0.015),
                    (0.0, d + 0.02),
                ])),
            )
            .with(
                rng.white(),
                drum(Mesh::lathe(&[(r * 0.3, d + 0.021), (r * 0.7, d + 0.021)])),
            )
            .with(
                rng.white(),
                Mesh::slab(0.1, 0.005, 0.1).at(0.0, d * 0.6, -0.08),
            );
    }
    let d = rng.within(0.11, 0.14);
    case(
        "toilet paper dispenser",
        [rng.within(0.26, 0.4), d, rng.within(0.16, 0.3)],
        rng,
    )
    .with(
        rng.white(),
        Mesh::slab(0.1, 0.005, 0.06).repeated([-0.08, 0.08].map(|x| Vec3::new(x, d * 0.6, -0.05))),
    )
}

/// A toilet seat cover dispenser: a flat case with a slot and visible paper.
pub fn toilet_seat_cover_dispenser(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.44),
        rng.within(0.05, 0.08),
        rng.within(0.28, 0.34),
    ];
    case("toilet seat cover dispenser", [w, d, h], rng)
        .with(
            rng.white(),
            Mesh::slab(w * 0.5, 0.006, 0.14).at(0.0, d + 0.016, h * 0.12),
        )
        .with(
            rng.dark(),
            Mesh::slab(w * 0.56, 0.004, 0.05).at(0.0, d + 0.014, h * 0.22),
        )
}

/// The partitions of a stall: sides and front posts on feet, and a head rail.
pub fn bathroom_stall(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.85, 1.1),
        rng.within(1.3, 1.6),
        rng.within(1.45, 1.6),
    ];
    bathroom_stall_of(size, rng)
}

/// A stall of size w x d with panels of height h; its back is open towards the wall.
pub fn bathroom_stall_of([w, d, h]: [f32; 3], rng: &mut RoomRng) -> Object {
    let (panel, steel) = (rng.paint(), rng.metal());
    let low = rng.within(0.2, 0.32);
    let post = (w - 0.62) / 2.0;
    let sides = Mesh::slab(0.03, d, h)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.015), 0.0, low)));
    let posts = Mesh::slab(post, 0.03, h)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w - post) / 2.0, d / 2.0, low)));
    let feet = Mesh::slab(0.05, 0.05, low)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(s * (w / 2.0 - 0.05), d / 2.0, 0.0)));
    let hook = rng.side() * (w / 2.0 - 0.05);
    Object::new("bathroom stall")
        .with(panel, sides)
        .with(panel.sibling(rng), posts)
        .with(
            steel,
            feet.and(Mesh::slab(w, 0.04, 0.04).at(0.0, d / 2.0, low + h)),
        )
        .with(
            steel.sibling(rng),
            Mesh::soft(0.03, 0.08, 0.06, 0.012).at(hook, 0.0, low + h * 0.8),
        )
}

/// The door of a stall with hinges and a latch, often ajar.
pub fn bathroom_stall_door(rng: &mut RoomRng) -> Object {
    let (w, h) = (rng.within(0.58, 0.64), rng.within(1.4, 1.55));
    let (panel, steel) = (rng.paint(), rng.metal());
    let ajar = if rng.chance(0.6) {
        rng.within(0.1, 0.6)
    } else {
        0.0
    };
    let swing = |mesh: Mesh| {
        mesh.at(w / 2.0, 0.0, 0.0)
            .turned(ajar)
            .at(-w / 2.0, 0.0, 0.0)
    };
    Object::new("bathroom stall door")
        .with(panel, swing(Mesh::soft(w, 0.028, h, 0.006)))
        .with(
            steel,
            swing(Mesh::soft(0.09, 0.05, 0.06, 0.012).at(w * 0.4, 0.02, h * 0.5)),
        )
        .with(
            steel.sibling(rng),
            swing(
                Mesh::slab(0.03, 0.045, 0.09)
                    .repeated([0.12, 0.85].map(|z| Vec3::new(0.02 - w / 2.0, 0.0, z * h))),
            ),
        )
}
