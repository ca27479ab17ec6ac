//! Appliances of kitchens, laundries, offices and halls.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{Object, kitchen::appliance, tables::drawers};
use crate::{mesh::Mesh, rng::RoomRng};

fn forward(mesh: Mesh) -> Mesh {
    mesh.pitched(-FRAC_PI_2)
}

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

/// A kettle on its base: a belly with a spout, a handle and a lid.
pub fn coffee_kettle(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.065, 0.09), rng.within(0.15, 0.22));
    let (body, trim) = (
        if rng.chance(0.6) {
            rng.metal()
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    Object::new("coffee kettle")
        .with(trim, Mesh::cylinder(r * 1.1, 0.025))
        .with(
            body,
            Mesh::lathe(&[
                (0.0, 0.025),
                (r, 0.025),
                (r * 1.05, h * 0.4),
                (r * 0.7, h),
                (0.0, h),
            ]),
        )
        .with(
            body.sibling(rng),
            Mesh::tube(
                &[
                    Vec3::new(0.0, r * 0.8, h * 0.6),
                    Vec3::new(0.0, r * 1.3, h * 0.8),
                    Vec3::new(0.0, r * 1.5, h),
                ],
                0.016,
            ),
        )
        .with(
            trim.sibling(rng),
            Mesh::ring(h * 0.35, 0.013, PI)
                .turned(-FRAC_PI_2)
                .pitched(0.0)
                .rolled(FRAC_PI_2)
                .turned(-FRAC_PI_2)
                .at(0.0, -r * 0.85, h * 0.55),
        )
        .with(
            trim,
            Mesh::ellipsoid(r * 0.35, r * 0.35, 0.025).at(0.0, 0.0, h - 0.005),
        )
}

/// A toaster with slots, a lever and sometimes bread.
pub fn toaster(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.26, 0.36),
        rng.within(0.15, 0.22),
        rng.within(0.17, 0.21),
    ];
    let (body, trim) = (
        if rng.chance(0.6) {
            rng.metal().missing(0.15)
        } else {
            rng.paint()
        },
        rng.dark(),
    );
    let bread = rng.chance(0.35);
    let crumb = rng.cardboard();
    let slots = [-0.2, 0.2].map(|y| Vec3::new(0.0, y * d, 0.0));
    Object::new("toaster")
        .with(body, Mesh::soft(w, d, h - 0.015, 0.035).at(0.0, 0.0, 0.015))
        .with(trim, Mesh::slab(w * 0.95, d * 0.9, 0.02))
        .with(
            trim.sibling(rng),
            Mesh::slab(w * 0.72, 0.03, 0.004)
                .at(0.0, 0.0, h - 0.001)
                .repeated(slots),
        )
        .with(
            trim,
            Mesh::soft(0.04, 0.05, 0.025, 0.01).at(w / 2.0 + 0.015, 0.0, h * 0.7),
        )
        .then(|o| {
            if bread {
                o.with(
                    crumb,
                    Mesh::soft(w * 0.5, 0.02, 0.05, 0.008)
                        .at(0.0, 0.0, h - 0.01)
                        .repeated(slots),
                )
            } else {
                o
            }
        })
}

/// A small oven for the worktop: window, knobs, handle and feet.
pub fn toaster_oven(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.5),
        rng.within(0.28, 0.38),
        rng.within(0.2, 0.3),
    ];
    let (body, glass) = (
        if rng.chance(0.6) {
            rng.metal().missing(0.15)
        } else {
            rng.dark()
        },
        rng.dark().missing(0.3),
    );
    let knobs = forward(Mesh::cylinder(0.018, 0.025))
        .repeated((0..3).map(|i| Vec3::new(w * 0.4, d / 2.0, h * (0.25 + 0.25 * i as f32))));
    Object::new("toaster oven")
        .with(body, Mesh::soft(w, d, h - 0.02, 0.012).at(0.0, 0.0, 0.02))
        .with(
            glass,
            Mesh::slab(w * 0.7, 0.014, h * 0.65).at(-w * 0.1, d / 2.0, h * 0.2),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w * 0.6, 0.03, 0.02, 0.008).at(-w * 0.1, d / 2.0 + 0.03, h * 0.84),
        )
        .with(rng.metal(), knobs)
        .with(
            glass.sibling(rng),
            Mesh::cylinder(0.015, 0.02).at_corners(Vec2::new(w * 0.42, d * 0.4)),
        )
        .with_top([0.0, 0.0, h], [w * 0.8, d * 0.8], 0.25)
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

/// A vending machine, a treadmill or an exercise bicycle.
pub fn machine(rng: &mut RoomRng) -> Object {
    match rng.count(0, 2) {
        0 => vending(rng),
        1 => treadmill(rng),
        _ => exercise_bicycle(rng),
    }
}

fn vending(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.85, 1.1),
        rng.within(0.7, 0.85),
        rng.within(1.7, 1.88),
    ];
    let (body, dark) = (rng.paint(), rng.dark());
    let (rows, tall) = (rng.count(4, 6), h * 0.62);
    let row = tall / rows as f32;
    let shine = if rng.chance(0.6) { 0.6 } else { 0.0 };
    Object::new("machine")
        .with(body, Mesh::soft(w, d, h, 0.02))
        .with(
            dark,
            Mesh::slab(w * 0.66, 0.02, tall).at(-w * 0.12, d / 2.0, h * 0.3),
        )
        .each(rows, |o, i| {
            let z = h * 0.3 + row * i as f32 + 0.02;
            let goods = Mesh::soft(w * 0.075, 0.04, row * 0.6, 0.015).repeated(
                (0..6).map(|j| Vec3::new(w * (j as f32 * 0.105 - 0.38), d / 2.0 + 0.01, z)),
            );
            o.with(rng.print(0.09).glowing(shine), goods)
        })
        .with(
            dark.sibling(rng),
            Mesh::slab(w * 0.6, 0.03, 0.16).at(-w * 0.12, d / 2.0, h * 0.1),
        )
        .with(
            rng.print(0.1).glowing(shine),
            Mesh::slab(w * 0.2, 0.02, h * 0.3).at(w * 0.36, d / 2.0, h * 0.62),
        )
        .with(
            rng.metal(),
            Mesh::slab(w * 0.16, 0.03, h * 0.2).at(w * 0.36, d / 2.0, h * 0.38),
        )
}

fn treadmill(rng: &mut RoomRng) -> Object {
    let (w, long, h) = (
        rng.within(0.65, 0.8),
        rng.within(1.4, 1.75),
        rng.within(1.15, 1.35),
    );
    let (frame, belt) = (
        if rng.chance(0.6) {
            rng.dark().missing(0.08)
        } else {
            rng.metal()
        },
        rng.dark().missing(0.05),
    );
    let post = |s: f32| {
        let x = s * (w / 2.0 - 0.05);
        let back = -long / 2.0 + 0.15;
        Mesh::tube(
            &[
                Vec3::new(x, back, 0.1),
                Vec3::new(x, back + 0.1, h * 0.8),
                Vec3::new(x, back + 0.15, h - 0.1),
                Vec3::new(x, back + 0.6, h - 0.2),
            ],
            0.03,
        )
    };
    Object::new("machine")
        .with(frame, Mesh::soft(w, long, 0.14, 0.03))
        .with(
            belt,
            Mesh::slab(w * 0.68, long * 0.85, 0.01).at(0.0, 0.06, 0.14),
        )
        .with(
            frame.sibling(rng),
            Mesh::soft(w * 0.9, 0.36, 0.1, 0.05).at(0.0, 0.2 - long / 2.0, 0.14),
        )
        .with(frame.sibling(rng), post(1.0).and(post(-1.0)))
        .with(
            rng.screen(),
            Mesh::soft(w * 0.7, 0.06, 0.26, 0.02)
                .pitched(0.5)
                .at(0.0, 0.3 - long / 2.0, h - 0.18),
        )
}

fn exercise_bicycle(rng: &mut RoomRng) -> Object {
    let (frame, dark, paint) = (rng.metal(), rng.dark().missing(0.08), rng.paint());
    let h = rng.within(0.85, 1.0);
    let p = |y: f32, z: f32| Vec3::new(0.0, y, z);
    let feet =
        Mesh::soft(0.5, 0.07, 0.07, 0.03).repeated([-0.45, 0.45].map(|y| Vec3::new(0.0, y, 0.0)));
    let pedals = Mesh::soft(0.1, 0.08, 0.03, 0.01)
        .at(0.14, 0.16, 0.24)
        .and(Mesh::soft(0.1, 0.08, 0.03, 0.01).at(-0.14, -0.12, 0.36));
    Object::new("machine")
        .with(
            dark,
            feet.and(Mesh::soft(0.26, 0.2, 0.08, 0.04).at(0.0, -0.3, h)),
        )
        .with(
            frame,
            Mesh::tube(&[p(-0.45, 0.05), p(0.0, 0.2), p(0.45, 0.05)], 0.035)
                .and(Mesh::tube(&[p(0.0, 0.2), p(-0.3, h)], 0.03)),
        )
        .with(
            frame.sibling(rng),
            Mesh::tube(&[p(0.35, 0.1), p(0.4, h + 0.15)], 0.03),
        )
        .with(
            paint,
            Mesh::cylinder(0.24, 0.1)
                .rolled(FRAC_PI_2)
                .at(-0.05, 0.3, 0.34),
        )
        .with(
            paint.sibling(rng),
            Mesh::soft(0.14, 0.4, 0.3, 0.06).at(0.0, 0.12, 0.18),
        )
        .with(
            dark.sibling(rng),
            pedals.and(
                Mesh::cylinder(0.018, 0.5)
                    .rolled(FRAC_PI_2)
                    .at(-0.25, 0.34, h + 0.16),
            ),
        )
        .with(
            rng.screen(),
            Mesh::soft(0.18, 0.05, 0.13, 0.015)
                .pitched(0.4)
                .at(0.0, 0.42, h + 0.16),
        )
}

/// A wire rack with plates, a cup and cutlery drying in it.
pub fn dish_rack(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.38, 0.5),
        rng.within(0.28, 0.36),
        rng.within(0.1, 0.14),
    ];
    let (wire, tray, glaze) = (rng.metal().missing(0.08), rng.paint(), rng.white());
    let plates = rng.count(2, 7);
    let hoop = |z: f32| {
        Mesh::slab(w, 0.01, 0.01)
            .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d / 2.0, z)))
            .and(
                Mesh::slab(0.01, d, 0.01)
                    .repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, z))),
            )
    };
    let bars = Mesh::slab(0.008, 0.008, h).repeated((0..20).map(|i| {
        Vec3::new(
            w * ((i / 2) as f32 / 9.0 - 0.5),
            d / 2.0 * if i % 2 == 0 { 1.0 } else { -1.0 },
            0.0,
        )
    }));
    Object::new("dish rack")
        .with(tray, Mesh::soft(w + 0.04, d + 0.04, 0.02, 0.008))
        .with(wire, hoop(h).and(hoop(0.04)).and(bars))
        .each(plates, |o, i| {
            let r = rng.within(0.08, 0.13);
            let plate = Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.6, 0.0),
                (r, 0.02),
                (r * 0.6, 0.008),
                (0.0, 0.008),
            ])
            .rolled(FRAC_PI_2 - 0.15);
            o.with(
                glaze.sibling(rng),
                plate.at(w * (i as f32 * 0.09 - 0.4), -0.02, 0.03 + r),
            )
        })
        .with(
            rng.paint(),
            Mesh::lathe(&[
                (0.0, 0.0),
                (0.045, 0.0),
                (0.05, 0.13),
                (0.045, 0.13),
                (0.04, 0.02),
            ])
            .at(w * 0.38, d * 0.25, 0.02),
        )
        .with(
            rng.metal(),
            Mesh::slab(0.012, 0.012, 0.2)
                .pitched(0.2)
                .repeated((0..3).map(|i| Vec3::new(w * 0.36 + i as f32 * 0.015, d * 0.25, 0.04))),
        )
}

/// A roll of kitchen paper on a stand.
pub fn paper_towel_roll(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.05, 0.07), rng.within(0.22, 0.28));
    let (paper, stand) = (
        rng.white(),
        if rng.chance(0.5) {
            rng.wood(2)
        } else {
            rng.metal()
        },
    );
    Object::new("paper towel roll")
        .with(
            stand,
            Mesh::cylinder(r * 1.2, 0.015)
                .and(Mesh::cylinder(0.012, h + 0.08))
                .and(Mesh::ellipsoid(0.018, 0.018, 0.02).at(0.0, 0.0, h + 0.07)),
        )
        .with(
            paper,
            Mesh::lathe(&[(0.02, 0.0), (r, 0.0), (r, h), (0.02, h)]).at(0.0, 0.0, 0.016),
        )
        .with(
            paper.sibling(rng),
            Mesh::slab(0.005, rng.within(0.05, 0.1), h)
                .turned(-0.2)
                .at(r, 0.04, 0.016),
        )
}

/// A jug with a spout and a handle.
pub fn water_pitcher(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.055, 0.08), rng.within(0.2, 0.27));
    let body = if rng.chance(0.5) {
        rng.white().missing(0.3)
    } else {
        rng.paint().missing(0.15)
    };
    let lid = rng.paint();
    let jug = Mesh::lathe(&[
        (0.0, 0.0),
        (r * 0.85, 0.0),
        (r, h * 0.4),
        (r * 0.8, h * 0.85),
        (r * 0.95, h),
    ])
    .warp(|p| {
        Vec3::new(
            p.x,
            p.y + if p.y > 0.0 {
                0.03 * (p.z / h).powi(4)
            } else {
                0.0
            },
            p.z,
        )
    });
    Object::new("water pitcher")
        .with(body, jug)
        .with(
            body.sibling(rng),
            Mesh::ring(h * 0.28, 0.012, PI)
                .pitched(FRAC_PI_2)
                .rolled(-FRAC_PI_2)
                .turned(FRAC_PI_2)
                .at(0.0, -r * 0.85, h * 0.55),
        )
        .with(
            lid,
            Mesh::lathe(&[(r * 0.9, 0.0), (r * 0.7, 0.015), (0.0, 0.02)]).at(0.0, 0.0, h - 0.005),
        )
}
