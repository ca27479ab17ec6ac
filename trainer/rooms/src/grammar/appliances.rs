//! Large appliances of kitchens, laundries, offices and halls.

use glam::Vec3;

use super::{Object, forward, kitchen::appliance, tables::drawers};
use crate::{mesh::Mesh, rng::RoomRng};

/// A clothes dryer: a rectangular or round door, and a panel that stands up at the back.
pub fn clothes_dryer(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.6, 0.7),
        rng.within(0.58, 0.72),
        rng.within(0.85, 0.98),
    ];
    let round = rng.chance(0.4);
    let front = |o: Object, rng: &mut RoomRng| {
        let door = rng.white();
        let o = if round {
            let r = rng.within(0.17, 0.22);
            o.with(
                door,
                forward(Mesh::lathe(&[(0.0, 0.03), (r, 0.02), (r * 1.1, 0.0)])).at(
                    0.0,
                    d / 2.0,
                    h * 0.5,
                ),
            )
        } else {
            o.with(
                door,
                Mesh::soft(w * 0.68, 0.04, h * 0.5, 0.015).at(0.0, d / 2.0, h * 0.26),
            )
            .with(
                door.shaded(0.7),
                Mesh::slab(w * 0.3, 0.03, 0.04).at(0.0, d / 2.0 + 0.015, h * 0.68),
            )
        };
        o.with(
            rng.paint(),
            Mesh::soft(w, 0.1, 0.16, 0.02).at(0.0, 0.05 - d / 2.0, h),
        )
        .with(
            rng.dark(),
            forward(Mesh::cylinder(0.03, 0.03))
                .repeated([-0.2, 0.05, 0.25].map(|x| Vec3::new(x * w, 0.1 - d / 2.0, h + 0.08))),
        )
        .with_top([0.0, 0.05, h], [w * 0.85, d * 0.65], 0.6)
    };
    appliance("clothes dryer", [w, d, h], front, rng)
}

/// A dishwasher: one front with a handle and a control strip.
pub fn dishwasher(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.44, 0.62),
        rng.within(0.55, 0.62),
        rng.within(0.82, 0.9),
    ];
    let front = |o: Object, rng: &mut RoomRng| {
        let face = if rng.chance(0.5) {
            rng.metal()
        } else {
            rng.white()
        };
        o.with(
            face,
            Mesh::soft(w - 0.01, 0.05, h - 0.24, 0.01).at(0.0, d / 2.0, 0.11),
        )
        .with(
            rng.dark(),
            Mesh::slab(w - 0.01, 0.045, 0.11).at(0.0, d / 2.0, h - 0.12),
        )
        .with(rng.dark(), Mesh::slab(w * 0.94, d * 0.9, 0.1))
        .with(
            rng.metal(),
            Mesh::soft(w * 0.75, 0.04, 0.025, 0.01).at(0.0, d / 2.0 + 0.045, h - 0.16),
        )
        .with_top([0.0, 0.0, h], [w * 0.85, d * 0.8], 0.45)
    };
    appliance("dishwasher", [w, d, h], front, rng)
}

/// A built-in oven column: one or two ovens with windows, handles and a panel, drawers below.
pub fn oven(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.56, 0.72),
        rng.within(0.56, 0.64),
        rng.within(1.2, 1.9),
    ];
    let (body, steel, glass) = (rng.carcass(2), rng.metal(), rng.dark());
    let ovens = if h > 1.5 { rng.count(1, 2) } else { 1 };
    let mut o = Object::new("oven").with(body, Mesh::slab(w, d, h));
    o.parts.extend(
        drawers([w - 0.02, 0.04, 0.42], 2, 1, body, rng)
            .at(0.0, d / 2.0, 0.06)
            .parts,
    );
    o.each(ovens, |o, i| {
        let z = 0.55 + 0.58 * i as f32;
        o.with(
            steel.sibling(rng),
            Mesh::soft(w * 0.95, 0.04, 0.54, 0.01).at(0.0, d / 2.0 + 0.01, z),
        )
        .with(
            glass.sibling(rng),
            Mesh::slab(w * 0.72, 0.02, 0.28).at(0.0, d / 2.0 + 0.024, z + 0.06),
        )
        .with(
            steel,
            Mesh::soft(w * 0.78, 0.035, 0.025, 0.01).at(0.0, d / 2.0 + 0.055, z + 0.38),
        )
        .with(
            glass,
            forward(Mesh::cylinder(0.02, 0.03)).repeated(
                [-0.3, -0.1, 0.1, 0.3].map(|x| Vec3::new(x * w, d / 2.0 + 0.03, z + 0.48)),
            ),
        )
    })
}

/// A hood over a stove: a chimney on a slanted canopy, or a flat box with buttons.
pub fn range_hood(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.55, 0.9), rng.within(0.42, 0.52)];
    let (body, dark) = (
        if rng.chance(0.7) {
            rng.metal().missing(0.1)
        } else {
            rng.white()
        },
        rng.dark(),
    );
    let o = Object::new("range hood").with(
        dark,
        Mesh::slab(w * 0.85, d * 0.8, 0.01).at(0.0, 0.0, -0.005),
    );
    if rng.chance(0.6) {
        let (rise, flue) = (rng.within(0.15, 0.3), rng.within(0.3, 0.55));
        let canopy = Mesh::slab(w, d, rise).warp(|p| {
            let t = 1.0 - 0.65 * p.z / rise;
            Vec3::new(p.x * t, (p.y + d / 2.0) * t - d / 2.0, p.z)
        });
        return o
            .with(body, Mesh::slab(w, d, 0.05))
            .with(body.sibling(rng), canopy.at(0.0, 0.0, 0.05))
            .with(
                body.sibling(rng),
                Mesh::slab(w * 0.34, d * 0.5, flue).at(0.0, -d * 0.25, 0.05 + rise),
            )
            .with(
                dark,
                forward(Mesh::cylinder(0.012, 0.01))
                    .repeated((0..4).map(|i| Vec3::new(i as f32 * 0.04 - 0.06, d / 2.0, 0.025))),
            );
    }
    o.with(body, Mesh::soft(w, d, 0.14, 0.02)).with(
        dark.sibling(rng),
        Mesh::slab(w * 0.5, 0.012, 0.05).at(0.0, d / 2.0, 0.045),
    )
}

/// A small refrigerator with one door.
pub fn mini_fridge(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.44, 0.56),
        rng.within(0.44, 0.55),
        rng.within(0.5, 0.88),
    ];
    let front = |o: Object, rng: &mut RoomRng| {
        let face = match rng.count(0, 2) {
            0 => rng.white(),
            1 => rng.dark().missing(0.1),
            _ => rng.metal(),
        };
        let notes = rng.count(0, 3);
        o.with(
            face,
            Mesh::soft(w, 0.06, h - 0.06, 0.02).at(0.0, d / 2.0 + 0.03, 0.05),
        )
        .with(
            face.shaded(0.6),
            Mesh::slab(0.03, 0.05, 0.2).at(w * 0.42, d / 2.0 + 0.06, h * 0.6),
        )
        .each(notes, |o, _| {
            let (x, z) = (rng.about(w * 0.25), rng.within(h * 0.4, h - 0.22));
            o.with(
                rng.print(0.03),
                Mesh::slab(rng.within(0.05, 0.14), 0.005, rng.within(0.05, 0.15)).at(
                    x,
                    d / 2.0 + 0.061,
                    z,
                ),
            )
        })
        .with_top([0.0, 0.0, h], [w * 0.85, d * 0.8], 0.6)
    };
    appliance("mini fridge", [w, d, h], front, rng)
}

/// A water cooler: a cabinet with taps under an upturned jug, or with a steel top.
pub fn water_cooler(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.3, 0.36),
        rng.within(0.3, 0.38),
        rng.within(0.9, 1.05),
    ];
    let (body, jug) = (
        if rng.chance(0.7) {
            rng.white()
        } else {
            rng.dark()
        },
        rng.paint().missing(0.3),
    );
    let o = Object::new("water cooler")
        .with(body, Mesh::soft(w, d, h, 0.03))
        .with(
            body.shaded(0.5),
            Mesh::slab(w * 0.8, 0.02, 0.24).at(0.0, d / 2.0, h * 0.6),
        )
        .with(
            rng.paint(),
            Mesh::soft(0.04, 0.05, 0.06, 0.012)
                .repeated([-0.06, 0.06].map(|x| Vec3::new(x, d / 2.0 + 0.02, h * 0.78))),
        )
        .with(
            rng.metal(),
            Mesh::slab(w * 0.75, 0.1, 0.02).at(0.0, d / 2.0 + 0.04, h * 0.58),
        );
    if rng.chance(0.2) {
        return o.with(
            rng.metal(),
            Mesh::soft(w + 0.03, d + 0.03, 0.05, 0.012).at(0.0, 0.0, h),
        );
    }
    let r = rng.within(0.125, 0.14);
    o.with(
        jug,
        Mesh::lathe(&[
            (0.03, 0.0),
            (0.05, 0.05),
            (r, 0.1),
            (r, 0.2),
            (r * 0.96, 0.21),
            (r, 0.22),
            (r, 0.34),
            (r * 0.7, 0.37),
            (0.0, 0.37),
        ])
        .at(0.0, 0.0, h - 0.01),
    )
    .with(
        rng.print(0.05),
        Mesh::lathe(&[(r * 1.01, 0.14), (r * 1.01, 0.19)]).at(0.0, 0.0, h),
    )
}

/// A copier: cabinet of paper drawers, scanner head, feeder, output tray, panel.
pub fn copier(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.58, 0.75),
        rng.within(0.55, 0.7),
        rng.within(0.85, 1.05),
    ];
    let (body, dark) = (rng.white(), rng.dark());
    let rows = rng.count(2, 4);
    let (gap, low) = (0.16, h * 0.55);
    let mut o = Object::new("copier");
    o.parts
        .extend(drawers([w, d, low], rows, 1, body, rng).parts);
    let side = rng.side();
    o.with(dark, Mesh::slab(w * 0.9, d * 0.85, gap).at(0.0, -0.03, low))
        .with(
            body.sibling(rng),
            Mesh::slab(w * 0.2, d, gap).at(-side * w * 0.4, 0.0, low),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w, d, h - low - gap, 0.02).at(0.0, 0.0, low + gap),
        )
        .with(
            body.shaded(0.85),
            Mesh::soft(w * 0.9, d * 0.8, 0.12, 0.03).at(0.0, -0.04, h),
        )
        .with(
            body.shaded(0.92),
            Mesh::slab(w * 0.4, d * 0.55, 0.015)
                .pitched(0.0)
                .rolled(-0.25 * side)
                .at(-side * w * 0.2, -0.04, h + 0.16),
        )
        .with(
            rng.white(),
            Mesh::slab(0.21, 0.29, 0.02).at(0.0, 0.0, low + 0.02),
        )
        .with(
            rng.screen(),
            Mesh::slab(0.24, 0.12, 0.02)
                .pitched(-0.35)
                .at(side * w * 0.25, d / 2.0, h - 0.01),
        )
        .with(
            body.sibling(rng),
            Mesh::slab(0.35, d * 0.6, 0.02).rolled(0.25 * side).at(
                side * (w / 2.0 + 0.15),
                0.0,
                low * 0.8,
            ),
        )
}
