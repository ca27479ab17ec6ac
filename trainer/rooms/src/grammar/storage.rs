//! Storage furniture and boxes.

use glam::Vec3;

use super::{Object, tables::drawers};
use crate::{material::Material, mesh::Mesh, rng::RoomRng};

/// Boards, sides and often a back around `rows` x `columns` open bays. Returns the object and the
/// center of the floor of each bay.
fn open_case(
    class: &'static str,
    [w, d, h]: [f32; 3],
    rows: usize,
    columns: usize,
    body: Material,
    rng: &mut RoomRng,
) -> (Object, Vec<Vec3>) {
    let board = rng.within(0.016, 0.03);
    let bay_w = w / columns as f32;
    let shelves = Mesh::slab(w, d, board)
        .repeated((0..=rows).map(|i| Vec3::new(0.0, 0.0, i as f32 * (h - board) / rows as f32)));
    let uprights = Mesh::slab(board, d, h).repeated((0..=columns).map(|i| {
        Vec3::new(
            i as f32 * (w - board) / columns as f32 - (w - board) / 2.0,
            0.0,
            0.0,
        )
    }));
    let mut case = Object::new(class)
        .with(body, shelves)
        .with(body.sibling(rng), uprights);
    if rng.chance(0.8) {
        case = case.with(
            body.shaded(rng.within(0.6, 0.9)),
            Mesh::slab(w, 0.012, h).at(0.0, -d / 2.0 + 0.006, 0.0),
        );
    }
    let bay = |i: usize| {
        Vec3::new(
            ((i % columns) as f32 + 0.5) * bay_w - w / 2.0,
            0.0,
            (i / columns) as f32 * (h - board) / rows as f32 + board,
        )
    };
    let bays = (0..rows * columns).map(bay).collect();
    (case, bays)
}

/// Fills bays with rows of books, boxes and ornaments that count as part of the object.
fn filled(
    mut case: Object,
    bays: &[Vec3],
    [w, d, h]: [f32; 3],
    share: f32,
    rng: &mut RoomRng,
) -> Object {
    for bay in bays {
        if !rng.chance(share) {
            case = case.with_top([bay.x, 0.0, bay.z], [w * 0.85, d * 0.8], h - 0.04);
            continue;
        }
        let mut left = -w / 2.0 + 0.02;
        while left < w / 2.0 - 0.08 {
            let run = rng.within(0.08, 0.35).min(w / 2.0 - 0.02 - left);
            let x = bay.x + left + run / 2.0;
            let (deep, tall) = (d * rng.within(0.55, 0.85), h * rng.within(0.45, 0.85));
            let set_back = -d / 2.0 + 0.02 + deep / 2.0;
            match rng.count(0, 5) {
                0..=2 => {
                    let lean = if rng.chance(0.3) {
                        rng.about(0.15)
                    } else {
                        0.0
                    };
                    let row = Mesh::slab(run, deep, tall).subdivided(0.1).warp(|p| {
                        Vec3::new(
                            p.x + lean * p.z,
                            p.y + 0.012 * (p.x * 70.0).sin(),
                            p.z * (1.0 + 0.08 * (p.x * 45.0).sin()),
                        )
                    });
                    case = case.with(rng.spines(0), row.at(x, set_back, bay.z));
                }
                3 => {
                    case = case.with(
                        if rng.chance(0.5) {
                            rng.paint()
                        } else {
                            rng.cardboard()
                        },
                        Mesh::soft(run, deep, tall * 0.8, 0.01).at(x, set_back, bay.z),
                    )
                }
                4 => {
                    case = case.with(
                        rng.paint(),
                        Mesh::lathe(&[
                            (0.0, 0.0),
                            (0.04, 0.0),
                            (0.06, tall * 0.3),
                            (0.03, tall * 0.6),
                            (0.035, tall * 0.7),
                        ])
                        .at(x, 0.0, bay.z),
                    )
                }
                _ => {}
            }
            left += run + rng.within(0.0, 0.05);
        }
    }
    case
}

/// A bookshelf, mostly filled.
pub fn bookshelf(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.6, 1.8),
        rng.within(0.24, 0.38),
        rng.within(0.8, 2.1),
    ];
    let (rows, columns) = (
        ((h / rng.within(0.3, 0.42)) as usize).max(2),
        ((w / rng.within(0.5, 0.9)).round() as usize).max(1),
    );
    let body = rng.carcass(0);
    let (case, bays) = open_case("bookshelf", [w, d, h], rows, columns, body, rng);
    let share = rng.within(0.4, 1.0);
    let case = filled(
        case,
        &bays,
        [w / columns as f32, d, h / rows as f32 - 0.03],
        share,
        rng,
    );
    if h < 1.5 {
        case.with_top([0.0, 0.0, h], [w * 0.9, d * 0.9], 0.6)
    } else {
        case
    }
}

/// One to three boards on the wall, with objects on them that count as part of the shelf.
pub fn wall_shelf(rng: &mut RoomRng) -> Object {
    let [w, d] = [rng.within(0.6, 1.4), rng.within(0.18, 0.3)];
    let rows = rng.count(1, 3);
    let body = rng.carcass(0);
    let gap = rng.within(0.26, 0.36);
    let mut shelf = Object::new("shelf");
    let bays: Vec<Vec3> = (0..rows)
        .map(|i| Vec3::new(0.0, 0.0, i as f32 * gap + 0.025))
        .collect();
    for bay in &bays {
        shelf = shelf.with(
            body.sibling(rng),
            Mesh::slab(w, d, 0.025).at(0.0, 0.0, bay.z - 0.025),
        );
    }
    filled(shelf, &bays, [w, d, gap - 0.03], 0.8, rng)
}

/// A carcass of the size w x d x h with `doors` doors on its front.
fn fronted(class: &'static str, [w, d, h]: [f32; 3], doors: usize, rng: &mut RoomRng) -> Object {
    let body = rng.carcass(2);
    let front = if rng.chance(0.75) {
        body.sibling(rng)
    } else {
        rng.carcass(2)
    };
    let grip = rng.metal();
    let plinth = rng.within(0.0, 0.1);
    let leaf = w / doors as f32;
    let panel = rng.chance(0.6);
    let (inset, rim) = (rng.within(0.05, 0.09), rng.within(0.006, 0.016));
    let ajar = if rng.chance(0.15) {
        rng.count(0, doors - 1)
    } else {
        usize::MAX
    };
    Object::new(class)
        .with(body, Mesh::slab(w, d, h - plinth).at(0.0, 0.0, plinth))
        .with(
            body.shaded(0.6),
            Mesh::slab(w * 0.97, d * 0.92, plinth.max(0.01)).at(0.0, -0.02, 0.0),
        )
        .with(
            body.sibling(rng),
            Mesh::slab(w + 0.02, d + 0.03, 0.025).at(0.0, 0.0, h - 0.015),
        )
        .each(doors, |o, i| {
            let x = (i as f32 + 0.5) * leaf - w / 2.0;
            let height = h - plinth - 0.04;
            let hinge = if i % 2 == 0 { -1.0 } else { 1.0 };
            // Rotation about the hinge, outwards.
            let angle = if i == ajar { rng.within(0.2, 1.4) } else { 0.0 };
            let edge = Vec3::new(x + hinge * leaf / 2.0, d / 2.0, 0.0);
            let swing = |mesh: Mesh| {
                mesh.at(-edge.x, -edge.y, 0.0)
                    .turned(-hinge * angle)
                    .at(edge.x, edge.y, 0.0)
            };
            let o = o.with(
                front.sibling(rng),
                swing(Mesh::slab(leaf - 0.01, 0.02, height).at(x, d / 2.0 + 0.01, plinth + 0.01)),
            );
            let o = if angle > 0.0 {
                // The dark interior behind the open door.
                o.with(
                    body.shaded(0.35),
                    Mesh::slab(leaf - 0.04, 0.004, height - 0.04).at(x, d / 2.0, plinth + 0.03),
                )
            } else {
                o
            };
            let o = if panel {
                raised_frame([leaf, height], inset)
                    .into_iter()
                    .fold(o, |o, (dx, z, fw, fh)| {
                        o.with(
                            front.shaded(0.93),
                            swing(Mesh::slab(fw, rim, fh).at(
                                x + dx,
                                d / 2.0 + 0.02 + rim / 2.0,
                                plinth + 0.01 + z,
                            )),
                        )
                    })
            } else {
                o
            };
            o.with(
                grip,
                swing(Mesh::slab(0.016, 0.035, 0.13).at(
                    x - hinge * (leaf / 2.0 - 0.05),
                    d / 2.0 + 0.03,
                    plinth + height * 0.5,
                )),
            )
        })
        .with_top([0.0, 0.0, h + 0.01], [w * 0.92, d * 0.88], 1.0)
}

/// The raised frame on a door of this size, `inset` wide: x, z, width and height of its bars.
fn raised_frame([leaf, height]: [f32; 2], inset: f32) -> [(f32, f32, f32, f32); 4] {
    [
        (0.0, 0.0, leaf - 0.012, inset),
        (0.0, height - inset, leaf - 0.012, inset),
        (inset / 2.0 - leaf / 2.0, 0.0, inset, height),
        (leaf / 2.0 - inset / 2.0, 0.0, inset, height),
    ]
}

/// A cupboard of any height up to that of a person.
pub fn cabinet(rng: &mut RoomRng) -> Object {
    let doors = rng.count(1, 3);
    let size = [
        doors as f32 * rng.within(0.38, 0.6),
        rng.within(0.34, 0.6),
        rng.pick(&[0.75, 0.85, 0.95, 1.2, 1.6, 1.9]) * rng.within(0.92, 1.08),
    ];
    fronted("cabinet", size, doors, rng)
}

/// A tall cupboard for clothes.
pub fn wardrobe(rng: &mut RoomRng) -> Object {
    let doors = rng.count(2, 4);
    let size = [
        doors as f32 * rng.within(0.42, 0.58),
        rng.within(0.52, 0.64),
        rng.within(1.85, 2.25),
    ];
    let mut wardrobe = fronted("wardrobe", size, doors, rng);
    wardrobe.tops.clear();
    wardrobe
}

/// A wide chest of drawers.
pub fn dresser(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.8, 1.6),
        rng.within(0.42, 0.55),
        rng.within(0.7, 1.2),
    ];
    chest(
        "dresser",
        [w, d, h],
        rng.count(3, 5),
        if w > 1.1 { 2 } else { 1 },
        rng,
    )
}

/// A small chest beside a bed.
pub fn nightstand(rng: &mut RoomRng) -> Object {
    let size = [
        rng.within(0.38, 0.6),
        rng.within(0.36, 0.46),
        rng.within(0.45, 0.65),
    ];
    chest("nightstand", size, rng.count(1, 3), 1, rng)
}

/// A steel cabinet for hanging files.
pub fn file_cabinet(rng: &mut RoomRng) -> Object {
    let rows = rng.count(2, 4);
    chest(
        "file cabinet",
        [
            rng.within(0.38, 0.48),
            rng.within(0.5, 0.65),
            rows as f32 * rng.within(0.28, 0.33),
        ],
        rows,
        1,
        rng,
    )
}

fn chest(
    class: &'static str,
    [w, d, h]: [f32; 3],
    rows: usize,
    columns: usize,
    rng: &mut RoomRng,
) -> Object {
    let body = rng.carcass(0);
    let foot = rng.within(0.0, 0.12);
    let overhang = rng.within(0.0, 0.025);
    let chest = drawers([w, d, h - foot - 0.025], rows, columns, body, rng).at(0.0, 0.0, foot);
    Object { class, ..chest }
        .with(
            body.shaded(0.7),
            Mesh::slab(w * 0.94, d * 0.9, foot.max(0.01)),
        )
        .with(
            body.sibling(rng),
            Mesh::soft(w + overhang, d + overhang, 0.025, 0.006).at(0.0, 0.0, h - 0.025),
        )
        .with_top([0.0, 0.0, h], [w * 0.9, d * 0.85], 1.0)
}

/// A cardboard box, closed, or open with its flaps up.
pub fn cardboard_box(rng: &mut RoomRng) -> Object {
    let [w, d, h] = [
        rng.within(0.22, 0.55),
        rng.within(0.2, 0.42),
        rng.within(0.14, 0.42),
    ];
    let body = if rng.chance(0.7) {
        rng.cardboard()
    } else {
        rng.paint()
    };
    let (label, tape) = (rng.print(0.05), body.shaded(1.25));
    let walls = Mesh::slab(w, 0.012, h)
        .repeated([-1.0, 1.0].map(|s| Vec3::new(0.0, s * d / 2.0, 0.0)))
        .and(
            Mesh::slab(0.012, d, h).repeated([-1.0, 1.0].map(|s| Vec3::new(s * w / 2.0, 0.0, 0.0))),
        );
    let face = Mesh::slab(w * rng.within(0.25, 0.7), 0.004, h * rng.within(0.3, 0.7)).at(
        w * rng.about(0.1),
        d / 2.0 + 0.006,
        h * 0.15,
    );
    let boxed = Object::new("box").with(label, face);
    if rng.chance(0.6) {
        boxed
            .with(body, Mesh::slab(w, d, h))
            .with(tape, Mesh::slab(0.06, d, 0.003).at(0.0, 0.0, h))
            .with_top([0.0, 0.0, h], [w * 0.8, d * 0.8], 0.6)
    } else {
        let inside = rng.fabric();
        let flap = Mesh::slab(w, 0.01, d * 0.35);
        let tilt = rng.within(0.5, 1.3);
        boxed
            .with(body, walls)
            .with(
                body.sibling(rng),
                flap.clone().pitched(-tilt).at(0.0, d / 2.0, h),
            )
            .with(body.sibling(rng), flap.pitched(tilt).at(0.0, -d / 2.0, h))
            .with(
                inside,
                Mesh::cushion(w * 0.95, d * 0.95, h * rng.within(0.5, 0.95), 0.3),
            )
    }
}
