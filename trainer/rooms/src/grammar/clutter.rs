//! Small objects on tables, shelves and floors.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::Vec3;

use super::Object;
use crate::{mesh::Mesh, rng::RoomRng};

/// A pot with earth and bent leaves.
pub fn plant(rng: &mut RoomRng) -> Object {
    let (r, pot) = (rng.within(0.06, 0.18), rng.within(0.9, 1.8));
    let h = r * pot;
    let (clay, earth, green) = (rng.paint(), rng.wood(0).shaded(0.4), rng.leaf());
    let leaves = rng.count(10, 26);
    let (reach, tall, broad) = (
        r * rng.within(1.2, 2.6),
        h * rng.within(1.0, 3.0),
        rng.within(0.25, 0.7),
    );
    Object::new("plant")
        .with(
            clay,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.7, 0.0),
                (r, h * 0.9),
                (r * 1.06, h),
                (r * 0.9, h),
                (r * 0.88, h * 0.9),
            ]),
        )
        .with(earth, Mesh::cylinder(r * 0.9, 0.01).at(0.0, 0.0, h * 0.88))
        .each(leaves, |o, _| {
            let (length, rise, width) = (
                reach * rng.within(0.5, 1.0),
                tall * rng.within(0.4, 1.0),
                r * broad,
            );
            let leaf = Mesh::surface(2, 5, |u, v| {
                let spread = width * (u - 0.5) * (v * PI).sin().max(0.12);
                Vec3::new(
                    spread,
                    length * v,
                    rise * (1.7 * v - 0.9 * v * v) + 0.2 * spread.abs(),
                )
            });
            o.with(
                green.sibling(rng),
                leaf.turned(rng.within(0.0, TAU)).at(0.0, 0.0, h * 0.9),
            )
        })
}

/// A bin, round or square, open or with a lid, sometimes with a bag.
pub fn trash_can(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.12, 0.22), rng.within(0.28, 0.65));
    let body = if rng.chance(0.4) {
        rng.metal().missing(0.08)
    } else {
        rng.paint()
    };
    let shape = if rng.chance(0.55) {
        Mesh::lathe(&[
            (0.0, 0.0),
            (r * 0.8, 0.0),
            (r, h),
            (r * 0.93, h),
            (r * 0.75, 0.05),
        ])
    } else {
        let panel = |w: f32, y: f32| Mesh::slab(w, 0.015, h).at(0.0, y, 0.0);
        let square = panel(1.6 * r, 0.6 * r)
            .and(panel(1.6 * r, -0.6 * r))
            .and(panel(1.2 * r, 0.8 * r).turned(FRAC_PI_2))
            .and(panel(1.2 * r, -0.8 * r).turned(FRAC_PI_2));
        square
            .tapered(1.15, h)
            .and(Mesh::slab(1.55 * r, 1.15 * r, 0.02))
    };
    let object = Object::new("trash can").with(body, shape);
    match rng.count(0, 2) {
        0 => object.with(
            body.sibling(rng),
            Mesh::lathe(&[(r * 1.02, 0.0), (r * 0.9, r * 0.4), (0.0, r * 0.55)]).at(0.0, 0.0, h),
        ),
        1 => object.with(
            rng.white(),
            Mesh::lathe(&[
                (r * 1.05, -0.08),
                (r * 1.06, 0.01),
                (r * 0.85, 0.0),
                (r * 0.6, -h * 0.4),
                (0.0, -h * 0.45),
            ])
            .at(0.0, 0.0, h),
        ),
        _ => object,
    }
}

/// A pile of books, each with its own cover, or a single book.
pub fn book_stack(rng: &mut RoomRng) -> Object {
    let books = rng.count(1, 6);
    let mut z = 0.0;
    Object::new("book").each(books, |o, _| {
        let [w, d, h] = [
            rng.within(0.14, 0.24),
            rng.within(0.19, 0.3),
            rng.within(0.012, 0.045),
        ];
        let (cover, turn, x, y) = (
            rng.print(0.07),
            rng.about(0.3),
            rng.about(0.02),
            rng.about(0.02),
        );
        let place = |mesh: Mesh| mesh.turned(turn).at(x, y, z);
        let o = o.with(cover, place(Mesh::slab(w, d, h))).with(
            cover.shaded(1.6),
            place(Mesh::slab(w * 0.97, d + 0.003, h * 0.7).at(0.0, 0.0, h * 0.15)),
        );
        z += h;
        o
    })
}

/// A row of standing books.
pub fn book_row(rng: &mut RoomRng) -> Object {
    let books = rng.count(4, 12);
    let mut x = 0.0;
    let row = Object::new("books").each(books, |o, _| {
        let [w, d, h] = [
            rng.within(0.015, 0.05),
            rng.within(0.14, 0.22),
            rng.within(0.18, 0.3),
        ];
        x += w;
        o.with(
            rng.print(0.08),
            Mesh::slab(w - 0.002, d, h)
                .rolled(rng.about(0.06))
                .at(x - w / 2.0, 0.0, 0.0),
        )
    });
    row.at(-x / 2.0, 0.0, 0.0)
}

/// A bottle with a label.
pub fn bottle(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.03, 0.05), rng.within(0.18, 0.33));
    let glass = rng.paint().missing(0.25);
    Object::new("bottle")
        .with(
            glass,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r, 0.0),
                (r, h * 0.6),
                (r * 0.4, h * 0.8),
                (r * 0.38, h),
                (0.0, h),
            ]),
        )
        .with(
            rng.print(0.03),
            Mesh::lathe(&[(r * 1.03, h * 0.18), (r * 1.03, h * 0.5)]),
        )
}

/// A cup or mug with a handle.
pub fn cup(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.035, 0.05), rng.within(0.07, 0.12));
    let glaze = rng.paint();
    Object::new("cup")
        .with(
            glaze,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.85, 0.0),
                (r, h),
                (r * 0.9, h),
                (r * 0.75, 0.01),
            ]),
        )
        .with(
            glaze,
            Mesh::ring(h * 0.3, 0.007, PI)
                .turned(-FRAC_PI_2)
                .pitched(FRAC_PI_2)
                .at(r, 0.0, h * 0.5),
        )
}

/// A bowl, sometimes with fruit.
pub fn bowl(rng: &mut RoomRng) -> Object {
    let r = rng.within(0.09, 0.16);
    let fruits = if rng.chance(0.5) { rng.count(3, 6) } else { 0 };
    Object::new("bowl")
        .with(
            rng.paint(),
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.5, 0.0),
                (r, r * 0.6),
                (r * 0.95, r * 0.6),
                (r * 0.45, 0.02),
                (0.0, 0.015),
            ]),
        )
        .each(fruits, |o, i| {
            let (sin, cos) = (i as f32 * 2.4).sin_cos();
            o.with(
                rng.paint(),
                Mesh::ellipsoid(0.04, 0.04, 0.038).at(cos * r * 0.45, sin * r * 0.45, r * 0.3),
            )
        })
}

/// A plate, alone or stacked.
pub fn plate(rng: &mut RoomRng) -> Object {
    let (r, plates) = (rng.within(0.1, 0.14), rng.count(1, 5));
    let glaze = rng.white();
    Object::new("plate").each(plates, |o, i| {
        o.with(
            glaze.sibling(rng),
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.6, 0.0),
                (r, 0.02),
                (r * 0.6, 0.008),
                (0.0, 0.008),
            ])
            .at(0.0, 0.0, i as f32 * 0.012),
        )
    })
}

/// A vase with stalks and blossoms.
pub fn vase(rng: &mut RoomRng) -> Object {
    let (r, h) = (rng.within(0.05, 0.09), rng.within(0.14, 0.32));
    let (glaze, green, petals) = (rng.paint(), rng.leaf(), rng.paint());
    let stalks = rng.count(0, 7);
    Object::new("vase")
        .with(
            glaze,
            Mesh::lathe(&[
                (0.0, 0.0),
                (r * 0.6, 0.0),
                (r, h * 0.4),
                (r * 0.45, h * 0.85),
                (r * 0.6, h),
            ]),
        )
        .each(stalks, |o, _| {
            let tip = Vec3::new(rng.about(0.12), rng.about(0.12), h + rng.within(0.1, 0.3));
            o.with(
                green,
                Mesh::tube(
                    &[
                        Vec3::new(0.0, 0.0, h * 0.8),
                        tip * Vec3::new(0.4, 0.4, 0.75),
                        tip,
                    ],
                    0.006,
                ),
            )
            .with(
                petals.sibling(rng),
                Mesh::ellipsoid(0.035, 0.035, 0.05).at(tip.x, tip.y, tip.z - 0.02),
            )
        })
}

/// Sheets of paper or a magazine, in disorder.
pub fn paper(rng: &mut RoomRng) -> Object {
    let sheets = rng.count(1, 5);
    let printed = rng.chance(0.4);
    Object::new("paper").each(sheets, |o, i| {
        let sheet = if printed {
            rng.print(0.05)
        } else {
            rng.white()
        };
        o.with(
            sheet,
            Mesh::slab(0.21, 0.29, 0.006).turned(rng.about(0.6)).at(
                rng.about(0.06),
                rng.about(0.06),
                i as f32 * 0.006,
            ),
        )
    })
}

/// A box of tissues with one sticking out.
pub fn tissue_box(rng: &mut RoomRng) -> Object {
    let tuft = Mesh::lathe(&[(0.02, 0.0), (0.05, 0.03), (0.02, 0.08)])
        .warp(|p| Vec3::new(p.x, p.y * 0.4, p.z));
    Object::new("tissue box")
        .with(rng.print(0.04), Mesh::slab(0.23, 0.12, 0.09))
        .with(rng.white(), tuft.at(0.0, 0.0, 0.09))
}

/// A ball with colored panels.
pub fn ball(rng: &mut RoomRng) -> Object {
    let r = rng.within(0.09, 0.32);
    Object::new("ball").with(rng.print(r * 0.6), Mesh::ellipsoid(r, r, r))
}

/// A sitting soft toy: body, head, ears, limbs.
pub fn stuffed_animal(rng: &mut RoomRng) -> Object {
    let s = rng.within(0.09, 0.2);
    let (fur, belly) = (rng.fabric(), rng.fabric());
    let limb =
        |x: f32, y: f32, z: f32| Mesh::ellipsoid(s * 0.3, s * 0.5, s * 0.5).at(x * s, y * s, z * s);
    Object::new("stuffed animal")
        .with(fur, Mesh::ellipsoid(s * 0.8, s * 0.7, s * 0.8))
        .with(
            belly,
            Mesh::ellipsoid(s * 0.5, s * 0.4, s * 0.6).at(0.0, s * 0.42, s * 0.25),
        )
        .with(
            fur.sibling(rng),
            Mesh::ellipsoid(s * 0.65, s * 0.6, s * 0.58).at(0.0, s * 0.1, s * 1.4),
        )
        .with(
            fur.sibling(rng),
            limb(0.5, 0.8, 0.0)
                .and(limb(-0.5, 0.8, 0.0))
                .and(limb(0.8, 0.2, 0.7))
                .and(limb(-0.8, 0.2, 0.7)),
        )
        .with(
            belly,
            Mesh::ellipsoid(s * 0.22, s * 0.12, s * 0.22)
                .repeated([-1.0, 1.0].map(|x| Vec3::new(x * s * 0.5, s * 0.1, s * 2.3))),
        )
}

/// A guitar that leans back.
pub fn guitar(rng: &mut RoomRng) -> Object {
    let (wood, neck) = (rng.wood(2), rng.wood(2).shaded(0.6));
    let waist = |p: Vec3| {
        Vec3::new(
            p.x * (0.78 + 0.3 * ((p.z - 0.24) * 9.0).cos().abs()),
            p.y,
            p.z,
        )
    };
    let body = Mesh::lathe(&[(0.0, 0.0), (0.24, 0.0), (0.24, 0.1), (0.0, 0.1)])
        .pitched(-FRAC_PI_2)
        .at(0.0, -0.05, 0.24)
        .warp(waist);
    let lean = rng.within(0.1, 0.3);
    Object::new("guitar")
        .with(wood, body.pitched(lean))
        .with(
            neck,
            Mesh::slab(0.055, 0.03, 0.55)
                .at(0.0, 0.04, 0.42)
                .and(Mesh::slab(0.08, 0.025, 0.16).at(0.0, 0.03, 0.97))
                .pitched(lean),
        )
        .with(
            rng.dark(),
            Mesh::lathe(&[(0.0, 0.0), (0.05, 0.002)])
                .pitched(-FRAC_PI_2)
                .at(0.0, 0.052, 0.3)
                .pitched(lean),
        )
}

/// A roll of toilet paper.
pub fn toilet_paper(rng: &mut RoomRng) -> Object {
    Object::new("toilet paper").with(
        rng.white(),
        Mesh::lathe(&[
            (0.02, 0.0),
            (0.055, 0.0),
            (0.055, 0.1),
            (0.02, 0.1),
            (0.02, 0.0),
        ]),
    )
}

/// A bicycle: two wheels, frame, saddle, handlebar.
pub fn bicycle(rng: &mut RoomRng) -> Object {
    let (paint, rubber) = (rng.paint(), rng.dark().missing(0.05));
    let wheel = Mesh::ring(0.32, 0.022, TAU).pitched(FRAC_PI_2);
    let spokes = (0..8).fold(Mesh::default(), |all, i| {
        all.and(Mesh::cylinder(0.006, 0.3).rolled(i as f32 * TAU / 8.0))
    });
    let v = |x: f32, z: f32| Vec3::new(x, 0.0, z);
    let frame = Mesh::tube(
        &[
            v(-0.5, 0.34),
            v(-0.08, 0.34),
            v(0.4, 0.78),
            v(-0.2, 0.8),
            v(-0.08, 0.34),
        ],
        0.022,
    )
    .and(Mesh::tube(
        &[v(-0.5, 0.34), v(-0.2, 0.8), v(-0.23, 0.95)],
        0.018,
    ))
    .and(Mesh::tube(
        &[v(0.5, 0.34), v(0.4, 0.78), v(0.37, 1.0)],
        0.02,
    ));
    Object::new("bicycle")
        .with(rubber, wheel.repeated([v(-0.5, 0.34), v(0.5, 0.34)]))
        .with(rng.metal(), spokes.repeated([v(-0.5, 0.34), v(0.5, 0.34)]))
        .with(paint, frame)
        .with(
            rubber.sibling(rng),
            Mesh::ellipsoid(0.13, 0.07, 0.06).at(-0.25, 0.0, 0.94).and(
                Mesh::cylinder(0.016, 0.5)
                    .pitched(FRAC_PI_2)
                    .at(0.37, 0.25, 1.0),
            ),
        )
}
