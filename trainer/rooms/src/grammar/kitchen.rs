//! Kitchen units and appliances of kitchens and laundries.

use glam::Vec3;

use super::{Object, forward, tables::drawers};
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// A kitchen counter of random size: a row of base units under one worktop.
pub fn counter(rng: &mut RoomRng) -> Object {
    let units = rng.count(2, 4);
    let (unit, d, h) = (
        rng.within(0.45, 0.6),
        rng.within(0.55, 0.62),
        rng.within(0.86, 0.92),
    );
    counter_of([unit * units as f32, d, h], units, rng)
}

/// A kitchen counter of a given size with `units` base units.
pub fn counter_of([w, d, h]: [f32; 3], units: usize, rng: &mut RoomRng) -> Object {
    let body = rng.carcass(2);
    let top = if rng.chance(0.5) {
        rng.paint()
    } else {
        rng.wood(0)
    };
    let unit = w / units as f32;
    let mut row = Object::new("kitchen counter").with(
        body.shaded(0.4),
        Mesh::slab(w, d - 0.08, 0.1).at(0.0, -0.04, 0.0),
    );
    for i in 0..units {
        let rows = rng.pick(&[1, 1, 2, 4]);
        row.parts.extend(
            drawers([unit, d - 0.03, h - 0.14], rows, 1, body.sibling(rng), rng)
                .at((i as f32 + 0.5) * unit - w / 2.0, -0.015, 0.1)
                .parts,
        );
    }
    row.with(top, Mesh::slab(w, d, 0.04).at(0.0, 0.0, h - 0.04))
        .with(
            top.sibling(rng),
            Mesh::slab(w, 0.02, 0.08).at(0.0, -d / 2.0 + 0.01, h),
        )
        .with_top([0.0, 0.02, h], [w * 0.95, d * 0.8], 0.5)
}

/// A hanging cupboard with one to four doors.
pub fn wall_cabinet(rng: &mut RoomRng) -> Object {
    let doors = rng.count(1, 4);
    let size = [
        doors as f32 * rng.within(0.38, 0.5),
        rng.within(0.3, 0.38),
        rng.within(0.55, 0.9),
    ];
    let body = rng.carcass(2);
    Object {
        class: "kitchen cabinet",
        ..drawers(size, 1, doors, body, rng)
    }
}

/// A refrigerator with two doors and two long handles, often with notes stuck on.
pub fn refrigerator(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.55, 0.9),
        rng.within(0.6, 0.72),
        rng.within(1.4, 1.85),
    ];
    let body = match rng.count(0, 2) {
        0 => rng.white(),
        1 => rng.metal(),
        _ => rng.paint(),
    };
    let (grip, split) = (rng.metal(), rng.within(0.6, 0.72) * h);
    let notes = rng.count(0, 4);
    Object::new("refrigerator")
        .with(body, Mesh::slab(w, d, h))
        .with(
            body.sibling(rng),
            Mesh::soft(w - 0.01, 0.07, split - 0.06, 0.015).at(0.0, d / 2.0 + 0.03, 0.05),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w - 0.01, 0.07, h - split - 0.01, 0.015).at(
                0.0,
                d / 2.0 + 0.03,
                split + 0.005,
            ),
        )
        .with(
            grip,
            Mesh::cylinder(0.015, 0.4)
                .at(w * 0.4, d / 2.0 + 0.1, split - 0.5)
                .and(Mesh::cylinder(0.015, 0.25).at(w * 0.4, d / 2.0 + 0.1, split + 0.08)),
        )
        .each(notes, |o, _| {
            let (x, z) = (rng.about(w * 0.3), rng.within(0.9, h - 0.2));
            o.with(
                rng.print(0.04),
                Mesh::slab(rng.within(0.06, 0.2), 0.006, rng.within(0.06, 0.2)).at(
                    x,
                    d / 2.0 + 0.068,
                    z,
                ),
            )
        })
        .with_top([0.0, 0.0, h], [w * 0.8, d * 0.8], 0.4)
}

/// The rounded box of an appliance, with the parts that `front` adds.
pub fn appliance(
    class: &'static str,
    [w, d, h]: [f32; 3],
    front: impl FnOnce(Object, &mut RoomRng) -> Object,
    rng: &mut RoomRng,
) -> Object {
    let body = if rng.chance(0.7) {
        rng.white()
    } else {
        rng.metal()
    };
    let object = Object::new(class).with(body, Mesh::soft(w, d, h, 0.015));
    front(object, rng)
}

/// A washing machine with a round door.
pub fn washing_machine(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.58, 0.68),
        rng.within(0.55, 0.7),
        rng.within(0.83, 1.0),
    ];
    let door = |o: Object, rng: &mut RoomRng| {
        let r = rng.within(0.15, 0.2);
        o.with(
            rng.dark(),
            forward(Mesh::lathe(&[(0.0, 0.01), (r, 0.02), (r, 0.0)])).at(0.0, d / 2.0, h * 0.48),
        )
        .with(
            rng.metal(),
            forward(Mesh::ring(r, 0.03, std::f32::consts::TAU)).at(0.0, d / 2.0, h * 0.48),
        )
        .with(
            rng.paint(),
            Mesh::slab(w * 0.9, 0.03, h * 0.1).at(0.0, d / 2.0, h * 0.86),
        )
        .with(
            rng.dark(),
            forward(Mesh::cylinder(0.03, 0.035)).at(w * 0.2, d / 2.0, h * 0.91),
        )
        .with_top([0.0, 0.0, h], [w * 0.8, d * 0.8], 0.6)
    };
    appliance("washing machine", [w, d, h], door, rng)
}

/// A cooker with four hotplates, an oven window and knobs.
pub fn stove(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.5, 0.78),
        rng.within(0.58, 0.65),
        rng.within(0.86, 0.93),
    ];
    let front = |o: Object, rng: &mut RoomRng| {
        let black = rng.dark();
        let plates = Mesh::cylinder(w * 0.14, 0.02).at_corners(glam::Vec2::new(w * 0.23, d * 0.2));
        let knobs = forward(Mesh::cylinder(0.022, 0.03))
            .repeated((0..5).map(|i| Vec3::new((i as f32 - 2.0) * w * 0.17, d / 2.0, h * 0.93)));
        let back = rng.chance(0.6);
        o.with(black, plates.at(0.0, 0.0, h))
            .with(black.sibling(rng), knobs)
            .with(
                black.sibling(rng),
                Mesh::slab(w * 0.7, 0.02, h * 0.35).at(0.0, d / 2.0, h * 0.35),
            )
            .with(
                rng.metal(),
                Mesh::slab(w * 0.75, 0.04, 0.02).at(0.0, d / 2.0 + 0.03, h * 0.78),
            )
            .then(|o| {
                if back {
                    o.with(
                        rng.dark(),
                        Mesh::slab(w, 0.06, 0.18).at(0.0, -d / 2.0 + 0.03, h),
                    )
                } else {
                    o
                }
            })
    };
    appliance("stove", [w, d, h], front, rng)
}

/// A microwave oven.
pub fn microwave(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.42, 0.55),
        rng.within(0.3, 0.4),
        rng.within(0.25, 0.32),
    ];
    let front = |o: Object, rng: &mut RoomRng| {
        o.with(
            rng.dark(),
            Mesh::slab(w * 0.62, 0.02, h * 0.75).at(-w * 0.13, d / 2.0, h * 0.12),
        )
        .with(
            rng.paint(),
            Mesh::slab(w * 0.2, 0.016, h * 0.8).at(w * 0.36, d / 2.0, h * 0.1),
        )
        .with(
            rng.metal(),
            Mesh::slab(0.02, 0.04, h * 0.6).at(w * 0.22, d / 2.0 + 0.02, h * 0.2),
        )
    };
    appliance("microwave", [w, d, h], front, rng)
}

/// A coffee machine: foot, tank, head and jug.
pub fn coffee_maker(rng: &mut RoomRng) -> Object {
    let (w, h): (f32, f32) = (rng.within(0.17, 0.24), rng.within(0.28, 0.38));
    let body: Material = rng.dark();
    Object::new("coffee maker")
        .with(body, Mesh::soft(w, 0.26, 0.04, 0.01))
        .with(
            body.sibling(rng),
            Mesh::soft(w, 0.1, h, 0.015).at(0.0, -0.08, 0.0),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w, 0.24, 0.1, 0.02).at(0.0, 0.0, h - 0.1),
        )
        .with(
            rng.metal(),
            Mesh::lathe(&[(0.0, 0.0), (0.06, 0.0), (0.07, 0.07), (0.045, 0.14)])
                .at(0.0, 0.05, 0.04),
        )
}
