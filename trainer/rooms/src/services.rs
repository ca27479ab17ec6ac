//! Groups of kitchens, laundries and bathrooms. The wall is at y = 0 of the group's frame, and the
//! group extends towards +y.

use std::f32::consts::FRAC_PI_2;

use super::{
    furnisher::Furnisher,
    grammar::{self, Object},
    groups::{Group, single},
};

/// A row of base units with a sink, stove, dishwasher or refrigerator, and cupboards above.
pub fn kitchen_row(rng: &mut Furnisher) -> Group {
    let (d, h) = (rng.within(0.56, 0.62), rng.within(0.86, 0.92));
    let units = rng.count(2, 4);
    let w = units as f32 * rng.within(0.45, 0.6);
    let counter = grammar::counter_of([w, d, h], units, rng);
    let top_w = w * 0.95;
    let mut group = Group::of(counter);
    if rng.chance(0.55) {
        let x = rng.about(w * 0.2);
        // The basin is set into the worktop: only the part above it is modelled.
        let basin = grammar::basin(rng);
        let half = basin.bounds().1.x + 0.03;
        group = group.and(basin, [x, d * 0.52, h], 0.0);
        if let Some((counter, _)) = group.members.first_mut() {
            counter.tops.clear();
            for (from, to) in [(-top_w / 2.0, x - half), (x + half, top_w / 2.0)] {
                if to - from > 0.2 {
                    *counter = std::mem::replace(counter, Object::new("kitchen counter")).with_top(
                        [(from + to) / 2.0, 0.0, h],
                        [to - from, d * 0.75],
                        0.45,
                    );
                }
            }
        }
    }
    if rng.chance(0.6) {
        group = group.beside(
            rng.pick(&[
                "stove",
                "stove",
                "stove",
                "dishwasher",
                "dishwasher",
                "refrigerator",
            ]),
            1.0,
            rng,
        );
        if group
            .members
            .last()
            .is_some_and(|(o, _)| o.class == "stove")
            && rng.chance(0.6)
        {
            group = group.above("range hood", [1.45, 1.6], rng);
        }
    }
    if rng.chance(0.5) {
        group = group.beside(
            rng.pick(&["refrigerator", "stove", "trash can", "dishwasher", "oven"]),
            -1.0,
            rng,
        );
    }
    if rng.chance(0.7) {
        group = group.with("kitchen cabinet", rng, |o, rng| {
            (
                [
                    rng.about(0.1),
                    -o.bounds().0.y + 0.005,
                    rng.within(1.38, 1.5),
                ],
                0.0,
            )
        });
    }
    group
}

/// A refrigerator, a stove or a similar appliance or storage unit alone.
pub fn cold(rng: &mut Furnisher) -> Group {
    single(
        &[
            "refrigerator",
            "refrigerator",
            "stove",
            "cabinet",
            "oven",
            "rack",
            "mini fridge",
        ],
        rng,
    )
}

/// A washing machine or dryer with the objects that belong to it.
pub fn laundry(rng: &mut Furnisher) -> Group {
    let group = single(
        &[
            "washing machine",
            "washing machine",
            "clothes dryer",
            "laundry basket",
        ],
        rng,
    );
    let group = if rng.chance(0.6) {
        group.beside(
            rng.pick(&[
                "washing machine",
                "clothes dryer",
                "clothes dryer",
                "laundry basket",
                "laundry hamper",
            ]),
            1.0,
            rng,
        )
    } else {
        group
    };
    if rng.chance(0.25) {
        group.beside(
            rng.pick(&["laundry hamper", "ironing board", "trash can"]),
            -1.0,
            rng,
        )
    } else {
        group
    }
}

/// An ironing board with a basket or a hamper near it.
pub fn ironing(rng: &mut Furnisher) -> Group {
    let group = single(&["ironing board"], rng);
    if rng.chance(0.5) {
        group.beside(
            rng.pick(&["laundry basket", "laundry hamper", "basket"]),
            rng.side(),
            rng,
        )
    } else {
        group
    }
}

/// Brooms, buckets and a vacuum cleaner side by side.
pub fn cleaning(rng: &mut Furnisher) -> Group {
    const TOOLS: &[&str] = &[
        "broom",
        "vacuum cleaner",
        "bucket",
        "ladder",
        "ironing board",
        "dustpan",
    ];
    let mut group = single(TOOLS, rng);
    for side in [-1.0, 1.0] {
        if rng.chance(0.5) {
            group = group.beside(rng.pick(TOOLS), side, rng);
        }
    }
    group
}

/// A wash basin of any kind with a mirror or a cabinet above and a bin beside it.
pub fn washing(rng: &mut Furnisher) -> Group {
    let mut group = single(
        &[
            "sink",
            "sink",
            "sink",
            "bathroom vanity",
            "bathroom vanity",
            "bathroom counter",
        ],
        rng,
    );
    match rng.count(0, 9) {
        0..=5 => group = group.above("mirror", [1.1, 1.3], rng),
        6..=7 => group = group.above("bathroom cabinet", [1.15, 1.35], rng),
        _ => {}
    }
    if rng.chance(0.5) {
        group = group.beside(
            rng.pick(&["trash can", "trash can", "laundry hamper", "bin", "scale"]),
            rng.side(),
            rng,
        );
    }
    group
}

/// A toilet with its paper on the wall, sometimes with a cabinet above, a bin or a plunger beside
/// it.
pub fn toilet(rng: &mut Furnisher) -> Group {
    let mut group = single(&["toilet"], rng);
    if rng.chance(0.2) {
        group = group.above("bathroom cabinet", [1.2, 1.4], rng);
    }
    if rng.chance(0.4) {
        group = group.with("toilet paper holder", rng, |_, rng| {
            ([-rng.within(0.4, 0.5), 0.004, rng.within(0.55, 0.75)], 0.0)
        });
    }
    if rng.chance(0.15) {
        group = group.with("handicap bar", rng, |o, rng| {
            ([-0.35 - o.bounds().1.x, 0.004, rng.within(0.8, 0.95)], 0.0)
        });
    }
    if rng.chance(0.5) {
        // Beside the bowl, not beside the object placed last, which is on the wall.
        group = group.beside(
            rng.pick(&["trash can", "trash can", "plunger", "toilet paper"]),
            1.0,
            rng,
        );
    }
    group
}

/// A bathtub with its long side at the wall, sometimes with a curtain or a shower head, or a shower
/// instead.
pub fn bathing(rng: &mut Furnisher) -> Group {
    if rng.chance(0.45) {
        return showering(rng);
    }
    let mut group = single(&["bathtub"], rng);
    let front = group
        .members
        .first()
        .map_or(0.0, |(o, p)| o.bounds().1.y + p.position.y);
    if rng.chance(0.3) {
        group = group.with("shower head", rng, |o, rng| {
            ([rng.about(0.5), 0.004, 2.05 - o.bounds().1.z], 0.0)
        });
    }
    if rng.chance(0.5) {
        group = group.with("shower curtain", rng, |_, rng| {
            ([rng.about(0.3), front + 0.06, 0.3], 0.0)
        });
    } else if rng.chance(0.3) {
        let pane = grammar::shower_door_of([1.4, 1.45], rng);
        group = group.and(pane, [0.0, front - 0.05, 0.56], 0.0);
    }
    group
}

/// A shower at the wall: tray, lined walls, shower head and a glass door or a curtain.
pub fn showering(rng: &mut Furnisher) -> Group {
    let [w, d, h] = [
        rng.within(0.8, 1.1),
        rng.within(0.8, 1.0),
        rng.within(1.85, 2.1),
    ];
    let mut group = Group::default().and(
        grammar::shower_floor_of([w, d], rng),
        [0.0, d / 2.0, 0.0],
        0.0,
    );
    if rng.chance(0.75) {
        group = group.and(
            grammar::shower_wall_of([w, d, h], rng),
            [0.0, d / 2.0, 0.012],
            0.0,
        );
    }
    group = group.with("shower head", rng, |o, rng| {
        ([rng.about(w * 0.2), 0.04, h - o.bounds().1.z - 0.02], 0.0)
    });
    if rng.chance(0.7) {
        let pane = grammar::shower_door_of([w - 0.02, h - 0.15], rng);
        group.and(pane, [0.0, d - 0.02, 0.08], 0.0)
    } else {
        group.with("shower curtain", rng, |_, _| ([0.0, d, 0.1], 0.0))
    }
}

/// One to three stalls in a row, each with its toilet and dispensers.
pub fn stalls(rng: &mut Furnisher) -> Group {
    let (count, [w, d, h]) = (
        rng.count(1, 3),
        [
            rng.within(0.9, 1.05),
            rng.within(1.35, 1.55),
            rng.within(1.45, 1.6),
        ],
    );
    let seed = rng.count(0, usize::MAX >> 16) as u64;
    (0..count).fold(Group::default(), |group, i| {
        let x = i as f32 * w;
        // All stalls of one row have the same design.
        let mut group = group.and(
            grammar::bathroom_stall_of([w, d, h], &mut rng.again(seed, 0)),
            [x, d / 2.0, 0.0],
            0.0,
        );
        group = group.with("toilet", rng, |o, _| ([x, 0.01 - o.bounds().0.y, 0.0], 0.0));
        if rng.chance(0.85) {
            group = group.with("bathroom stall door", rng, |_, rng| {
                ([x, d, rng.within(0.2, 0.3)], 0.0)
            });
        }
        if rng.chance(0.8) {
            group = group.with("toilet paper dispenser", rng, |_, rng| {
                (
                    [x - w / 2.0 + 0.035, d * 0.6, rng.within(0.55, 0.75)],
                    -FRAC_PI_2,
                )
            });
        }
        if rng.chance(0.6) {
            group = group.with("toilet seat cover dispenser", rng, |_, rng| {
                ([x, 0.004, rng.within(1.15, 1.3)], 0.0)
            });
        }
        if rng.chance(0.35) {
            group = group.with("handicap bar", rng, |_, rng| {
                (
                    [x + w / 2.0 - 0.035, d * 0.45, rng.within(0.75, 0.85)],
                    FRAC_PI_2,
                )
            });
        }
        group
    })
}

/// Basins in a long counter, with a mirror, soap and towels on the wall.
pub fn public_washing(rng: &mut Furnisher) -> Group {
    let mut group = single(&["bathroom counter", "bathroom counter", "sink"], rng);
    let Some(half) = group.members.first().map(|(o, _)| o.bounds().1.x) else {
        return group;
    };
    if rng.chance(0.8) {
        group = group.above("mirror", [1.15, 1.3], rng);
    }
    let side = rng.side();
    if rng.chance(0.8) {
        let soap = grammar::wall_soap_dispenser(rng);
        group = group.and(soap, [side * (half - 0.1), 0.004, 1.08], 0.0);
    }
    if rng.chance(0.8) {
        group = group.with("paper towel dispenser", rng, |o, rng| {
            (
                [
                    -side * (half + o.bounds().1.x + 0.1),
                    0.004,
                    rng.within(1.05, 1.25),
                ],
                0.0,
            )
        });
    }
    if rng.chance(0.6) {
        group.beside(
            rng.pick(&["trash bin", "trash can", "recycling bin"]),
            -side,
            rng,
        )
    } else {
        group
    }
}
