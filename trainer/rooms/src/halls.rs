//! Groups of halls, classrooms, store rooms and hobby rooms. The wall is at y = 0 of the group's
//! frame, and the group extends towards +y.

use std::f32::consts::PI;

use super::{
    furnisher::{Furnisher, make},
    grammar,
    groups::{Group, single},
};

/// A coat rack, sometimes with a seat, shoes or storage beside it.
pub fn entrance(rng: &mut Furnisher) -> Group {
    let group = single(&["coat rack"], rng);
    if rng.chance(0.6) {
        group.beside(
            rng.pick(&["bench", "shoe", "cabinet", "basket", "dresser"]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// A flight of stairs along the wall, often with a rail.
pub fn stairway(rng: &mut Furnisher) -> Group {
    let group = single(&["stairs"], rng);
    let Some((stairs, pose)) = group.members.first() else {
        return group;
    };
    let ((lo, hi), at) = (stairs.bounds(), pose.position);
    if rng.chance(0.75) {
        let long = hi.x - lo.x - 0.1;
        return group.and(
            grammar::rail_of(long, hi.z / (hi.x - lo.x), rng),
            [at.x, at.y + hi.y - 0.1, 0.05],
            0.0,
        );
    }
    group
}

/// Sliding doors of a closet, alone or beside a wardrobe.
pub fn closets(rng: &mut Furnisher) -> Group {
    let group = single(&["closet door"], rng);
    if rng.chance(0.3) {
        group.beside(
            rng.pick(&["wardrobe", "dresser", "laundry hamper"]),
            1.0,
            rng,
        )
    } else {
        group
    }
}

/// A fireplace, sometimes with a picture above it and a seat, a basket or a bookshelf beside it.
pub fn hearth(rng: &mut Furnisher) -> Group {
    let group = single(&["fireplace"], rng);
    let group = if rng.chance(0.4) {
        group.above("picture", [1.5, 1.6], rng)
    } else {
        group
    };
    if rng.chance(0.5) {
        group.beside(
            rng.pick(&["armchair", "sofa chair", "basket", "bookshelf"]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// A water cooler, a machine or a similar appliance, often with a bin or storage beside it.
pub fn refreshment(rng: &mut Furnisher) -> Group {
    let group = single(&["water cooler", "machine", "mini fridge", "copier"], rng);
    if rng.chance(0.6) {
        group.beside(
            rng.pick(&[
                "recycling bin",
                "trash bin",
                "water cooler",
                "cabinet",
                "cart",
            ]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// A copier or a table, often with a bin, a cart or storage beside it.
pub fn copying(rng: &mut Furnisher) -> Group {
    let group = single(&["copier", "copier", "table"], rng);
    if rng.chance(0.7) {
        group.beside(
            rng.pick(&[
                "recycling bin",
                "file cabinet",
                "storage organizer",
                "cart",
                "bin",
            ]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// Open shelves or similar storage, often with a second piece beside them.
pub fn shelving(rng: &mut Furnisher) -> Group {
    let group = single(&["rack", "rack", "bookshelf", "storage organizer"], rng);
    if rng.chance(0.55) {
        group.beside(
            rng.pick(&[
                "rack",
                "crate",
                "ladder",
                "storage bin",
                "cabinet",
                "mattress",
            ]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// A column or a ledge of the building.
pub fn built_in(rng: &mut Furnisher) -> Group {
    single(&["pillar", "column", "ledge", "ledge"], rng)
}

/// A piano of either kind, often with a seat in front and a music stand or the like beside it.
pub fn practice(rng: &mut Furnisher) -> Group {
    let mut group = single(&["piano", "keyboard piano"], rng);
    let front = group
        .members
        .first()
        .map_or(0.0, |(o, p)| o.bounds().1.y + p.position.y);
    if rng.chance(0.75) {
        let kind = rng.pick(&["stool", "bench", "chair"]);
        group = group.with(kind, rng, |o, rng| {
            (
                [
                    rng.about(0.2),
                    front - o.bounds().0.y + rng.within(0.02, 0.3),
                    0.0,
                ],
                PI + rng.about(0.2),
            )
        });
    }
    if rng.chance(0.6) {
        group.beside(
            rng.pick(&["music stand", "guitar case", "speaker", "guitar"]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// Exercise equipment, often with weights, a mat or a ball beside it.
pub fn training(rng: &mut Furnisher) -> Group {
    let group = single(&["machine", "machine", "rack", "bicycle"], rng);
    let group = if rng.chance(0.6) {
        group.beside("dumbbell", 1.0, rng)
    } else {
        group
    };
    if rng.chance(0.5) {
        group.beside(rng.pick(&["mat", "ball", "dumbbell"]), -1.0, rng)
    } else {
        group
    }
}

/// A board or a screen on the wall, sometimes with a desk in front of it.
pub fn teaching(rng: &mut Furnisher) -> Group {
    let board = rng.pick(&[
        "blackboard",
        "blackboard",
        "projector screen",
        "projector screen",
        "whiteboard",
    ]);
    let group = Group::default().with(board, rng, |o, rng| {
        (
            [
                0.0,
                0.005 - o.bounds().0.y,
                rng.within(0.8, 0.95) - o.bounds().0.z,
            ],
            0.0,
        )
    });
    if !rng.chance(0.5) {
        return group;
    }
    let y = rng.within(1.1, 1.4);
    group.with("desk", rng, |_, rng| {
        ([rng.about(0.4), y, 0.0], PI + rng.about(0.1))
    })
}

/// Rows of tables with chairs that all face one way.
pub fn rows(rng: &mut Furnisher) -> Group {
    let (rows, columns) = (rng.count(1, 3), rng.count(1, 2));
    let seed = rng.count(0, usize::MAX >> 16) as u64;
    let (table_kind, seat) = (
        rng.pick(&["table", "desk"]),
        rng.pick(&["chair", "chair", "folded chair"]),
    );
    let mut group = Group::default();
    for i in 0..rows * columns {
        // All tables of the rows have one design, and so have all chairs.
        let (Some(table), Some(chair)) = (
            make(table_kind, &mut rng.again(seed, 0)),
            make(seat, &mut rng.again(seed, 1)),
        ) else {
            return group;
        };
        let (lo, hi) = table.bounds();
        let (x, y) = (
            (i % columns) as f32 * (hi.x - lo.x + 0.15),
            (i / columns) as f32 * (hi.y - lo.y + 0.85),
        );
        group = group.and(table, [x, y, 0.0], 0.0);
        if rng.chance(0.85) {
            let behind = hi.y - chair.bounds().0.y * 0.5 + rng.within(0.05, 0.3);
            group = group.and(
                chair,
                [x + rng.about(0.15), y + behind, 0.0],
                PI + rng.about(0.3),
            );
        }
    }
    group
}

/// A partition or a column in the room.
pub fn partition(rng: &mut Furnisher) -> Group {
    single(&["divider", "divider", "pillar", "column"], rng)
}

/// Shelves in a line, often with others back to back.
pub fn aisle(rng: &mut Furnisher) -> Group {
    let (kind, length, doubled) = (
        rng.pick(&["rack", "rack", "bookshelf"]),
        rng.count(1, 4),
        rng.chance(0.5),
    );
    let seed = rng.count(0, usize::MAX >> 16) as u64;
    let mut group = Group::default();
    for i in 0..length * if doubled { 2 } else { 1 } {
        // All shelves of an aisle are identical, including the contents that the grammar gives
        // them; only the objects that are put on them later differ.
        let Some(shelf) = make(kind, &mut rng.again(seed, 0)) else {
            return group;
        };
        let (lo, hi) = shelf.bounds();
        let x = (i % length) as f32 * (hi.x - lo.x + 0.02);
        group = if i < length {
            group.and(shelf, [x, 0.01 - lo.y, 0.0], 0.0)
        } else {
            group.and(shelf, [x, lo.y - 0.01, 0.0], PI)
        };
    }
    group
}

/// A counter with a checkout machine.
pub fn till(rng: &mut Furnisher) -> Group {
    let group = single(&["desk", "cabinet", "table"], rng);
    let Some(top) = group
        .members
        .first()
        .and_then(|(o, p)| o.tops.first().map(|t| t.center + p.position))
    else {
        return group;
    };
    group.with(
        rng.pick(&["monitor", "laptop", "telephone"]),
        rng,
        |_, rng| ([top.x, top.y, top.z + 0.002], rng.about(0.5)),
    )
}
