//! Functional groups: a desk with its chair and screen, a bed between nightstands. The wall is at y
//! = 0 of the group's frame, and the group extends towards +y.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::Vec3;

use super::{
    furnisher::{Furnisher, make},
    grammar::Object,
    scene::Pose,
};

/// Objects that are placed together.
#[derive(Default)]
pub struct Group {
    /// The objects, each with its pose in the group's frame.
    pub members: Vec<(Object, Pose)>,
}

impl Group {
    /// A group of one object with its back to the wall.
    pub fn of(object: Object) -> Self {
        let depth = -object.bounds().0.y;
        Self::default().and(object, [0.0, depth, 0.0], 0.0)
    }

    /// Adds an object.
    pub fn and(mut self, object: Object, position: [f32; 3], turn: f32) -> Self {
        self.members.push((
            object,
            Pose {
                position: Vec3::from(position),
                turn,
            },
        ));
        self
    }

    /// Adds an object of the class `kind` from the catalogue, in the pose that `place` returns.
    pub fn with(
        self,
        kind: &str,
        dice: &mut Furnisher,
        place: impl FnOnce(&Object, &mut Furnisher) -> ([f32; 3], f32),
    ) -> Self {
        match make(kind, dice) {
            Some(object) => {
                let (position, turn) = place(&object, dice);
                self.and(object, position, turn)
            }
            None => self,
        }
    }

    /// Adds an object beside the first member, its back to the wall, a finger's breadth away.
    pub fn beside(self, kind: &str, side: f32, dice: &mut Furnisher) -> Self {
        let Some((first, pose)) = self.members.first() else {
            return self;
        };
        let (lo, hi) = first.bounds();
        let edge = pose.position.x + if side > 0.0 { hi.x } else { lo.x };
        self.with(kind, dice, |object, dice| {
            let (a, b) = object.bounds();
            (
                [
                    edge + side * ((b.x - a.x) / 2.0 + dice.within(0.005, 0.05)),
                    -a.y + dice.within(0.0, 0.04),
                    0.0,
                ],
                0.0,
            )
        })
    }

    /// Adds an object on the wall above the last member, with its lower edge in the range `low`.
    pub fn above(self, kind: &str, low: [f32; 2], dice: &mut Furnisher) -> Self {
        let Some(x) = self.members.last().map(|(_, pose)| pose.position.x) else {
            return self;
        };
        self.with(kind, dice, |object, dice| {
            (
                [
                    x,
                    0.005 - object.bounds().0.y,
                    dice.within(low[0], low[1]) - object.bounds().0.z,
                ],
                0.0,
            )
        })
    }
}

/// A random one of `kinds` with its back to the wall.
pub fn single(kinds: &[&str], dice: &mut Furnisher) -> Group {
    let kind = dice.pick(kinds);
    make(kind, dice).map(Group::of).unwrap_or_default()
}

/// A desk with a chair in front of it, a screen, keyboard and mouse, and a computer.
pub fn working(dice: &mut Furnisher) -> Group {
    let kind = dice.pick(&["desk", "desk", "table"]);
    let mut group = single(&[kind], dice);
    let Some((desk, pose)) = group.members.first() else {
        return group;
    };
    let Some(top) = desk.tops.first().copied() else {
        return group;
    };
    let ([w, d], z) = ([top.half[0] * 2.0, top.half[1] * 2.0], top.centre.z + 0.002);
    let centre = pose.position + top.centre;
    let place = move |x: f32, y: f32, z: f32| [centre.x + x, centre.y + y, z];
    if dice.chance(0.8) {
        let x = dice.about(w * 0.15);
        if dice.chance(0.75) {
            let screens = if w > 1.3 && dice.chance(0.35) { 2 } else { 1 };
            for i in 0..screens {
                let shift = if screens == 2 {
                    (i as f32 - 0.5) * 0.66
                } else {
                    0.0
                };
                group = group.with("monitor", dice, |_, dice| {
                    (
                        place(x + shift, -d * 0.25, z),
                        dice.about(0.2) - shift * 0.5,
                    )
                });
            }
            group = group.with("keyboard", dice, |_, dice| {
                (place(x, d * 0.22, z), dice.about(0.15))
            });
            if dice.chance(0.7) {
                group = group.with("mouse", dice, |_, dice| {
                    (place(x + 0.34, d * 0.22, z), dice.about(0.3))
                });
            }
        } else {
            group = group.with("laptop", dice, |_, dice| {
                (place(x, dice.about(d * 0.12), z), dice.about(0.3))
            });
        }
    }
    if dice.chance(0.25) {
        group = group.beside("computer tower", dice.side(), dice);
    }
    if dice.chance(0.85) {
        let kind = dice.pick(&["office chair", "office chair", "chair"]);
        let reach = dice.within(0.05, 0.45);
        group = group.with(kind, dice, |chair, dice| {
            (
                [
                    centre.x + dice.about(w * 0.2),
                    centre.y + d / 2.0 - chair.bounds().0.y * 0.6 + reach,
                    0.0,
                ],
                PI + dice.about(0.7),
            )
        });
    }
    group
}

/// A bed with pillows, and nightstands at one or both sides.
pub fn sleeping(dice: &mut Furnisher) -> Group {
    let kind = if dice.chance(0.1) { "mattress" } else { "bed" };
    let mut group = single(&[kind], dice);
    let Some((bed, pose)) = group.members.first() else {
        return group;
    };
    let (tops, at) = (bed.tops.clone(), pose.position);
    let heads = tops.len().saturating_sub(1);
    for top in &tops[..heads] {
        for _ in 0..dice.count(1, 2) {
            let c = at + top.centre;
            group = group.with("pillow", dice, |_, dice| {
                (
                    [c.x + dice.about(0.06), c.y + dice.about(0.06), c.z - 0.01],
                    dice.about(0.25),
                )
            });
        }
    }
    for side in [-1.0, 1.0] {
        if dice.chance(0.65) {
            group = group.beside("nightstand", side, dice);
        }
    }
    group
}

/// A couch, often with an end table, a floor lamp and a low table in front of it.
pub fn sofa_corner(dice: &mut Furnisher) -> Group {
    let mut group = single(&["couch", "couch", "armchair"], dice);
    let Some((couch, pose)) = group.members.first() else {
        return group;
    };
    let (front, top, at) = (
        couch.bounds().1.y + pose.position.y,
        couch.tops.first().copied(),
        pose.position,
    );
    if let Some(top) = top {
        for _ in 0..dice.count(0, 3) {
            let c = at + top.centre;
            let kind = dice.pick(&["pillow", "pillow", "cushion"]);
            group = group.with(kind, dice, |_, dice| {
                (
                    [c.x + dice.about(top.half[0] * 0.9), c.y - 0.05, c.z - 0.02],
                    dice.about(0.5),
                )
            });
        }
    }
    if dice.chance(0.5) {
        let kind = dice.pick(&[
            "end table",
            "end table",
            "floor lamp",
            "plant",
            "potted plant",
        ]);
        group = group.beside(kind, 1.0, dice);
    }
    if dice.chance(0.35) {
        group = group.beside("end table", -1.0, dice);
    }
    if dice.chance(0.6) {
        group = group.with("coffee table", dice, |table, dice| {
            (
                [
                    dice.about(0.25),
                    front - table.bounds().0.y + dice.within(0.05, 0.4),
                    0.0,
                ],
                dice.about(0.08),
            )
        });
    }
    group
}

/// A low stand with a television and speakers.
pub fn media(dice: &mut Furnisher) -> Group {
    let mut group = single(&["tv stand", "tv stand", "dresser"], dice);
    let Some(top) = group
        .members
        .first()
        .and_then(|(o, p)| o.tops.first().map(|t| t.centre + p.position))
    else {
        return group;
    };
    group = group.with("tv", dice, |_, dice| {
        ([top.x, top.y - 0.04, top.z + 0.002], dice.about(0.12))
    });
    for side in [-1.0, 1.0] {
        if dice.chance(0.3) {
            group = group.beside("speaker", side, dice);
        }
    }
    group
}

/// A free-standing table with chairs around it, some pushed in, some drawn out.
pub fn dining(dice: &mut Furnisher) -> Group {
    around("dining table", &["chair"], dice)
}

/// A work table with chairs of any kind.
pub fn meeting(dice: &mut Furnisher) -> Group {
    let seat = dice.pick(&["chair", "office chair", "chair", "stool"]);
    around("table", &[seat], dice)
}

fn around(table: &str, seats: &[&str], dice: &mut Furnisher) -> Group {
    let mut group = single(&[table], dice);
    let Some((object, pose)) = group.members.first() else {
        return group;
    };
    let ((lo, hi), at) = (object.bounds(), pose.position);
    let half = (hi - lo) / 2.0;
    let seed = dice.count(0, usize::MAX >> 16) as u64;
    let mut chairs = |group: Group, x: f32, y: f32, turn: f32| {
        if dice.chance(0.2) {
            return group;
        }
        // All chairs of a table have the same design: their grammar uses the same random numbers.
        let Some(chair) = make(seats[0], &mut dice.again(seed, 0)) else {
            return group;
        };
        let draw = dice.within(-0.3, 0.25) - chair.bounds().0.y * 0.5;
        let away = Vec3::new(x.signum() * f32::from(y == 0.0), y.signum(), 0.0) * draw;
        group.and(
            chair,
            [at.x + x + away.x, at.y + y + away.y, 0.0],
            turn + dice.about(0.25),
        )
    };
    let places = ((half.x * 2.0) / 0.65).floor().max(1.0) as usize;
    for i in 0..places {
        let x = (i as f32 + 0.5) / places as f32 * 2.0 * half.x - half.x;
        group = chairs(group, x, half.y, PI);
        group = chairs(group, x, -half.y, 0.0);
    }
    if half.x > 0.7 {
        group = chairs(group, half.x, 0.0, FRAC_PI_2);
        group = chairs(group, -half.x, 0.0, -FRAC_PI_2);
    }
    group
}

/// A low table or an ottoman.
pub fn coffee(dice: &mut Furnisher) -> Group {
    single(&["coffee table", "end table", "ottoman"], dice)
}

/// A single seat, or two side by side.
pub fn single_seat(dice: &mut Furnisher) -> Group {
    let kind = dice.pick(&[
        "armchair",
        "chair",
        "armchair",
        "bench",
        "stool",
        "ottoman",
        "sofa chair",
        "sofa chair",
    ]);
    let group = single(&[kind], dice);
    if dice.chance(0.3) {
        group.beside(kind, 1.0, dice)
    } else {
        group
    }
}

/// A bookshelf, sometimes with another one, a cabinet or a plant beside it.
pub fn books(dice: &mut Furnisher) -> Group {
    let group = single(&["bookshelf"], dice);
    if dice.chance(0.35) {
        group.beside(dice.pick(&["bookshelf", "cabinet", "plant"]), 1.0, dice)
    } else {
        group
    }
}

/// Wardrobes side by side.
pub fn wardrobes(dice: &mut Furnisher) -> Group {
    let group = single(&["wardrobe"], dice);
    if dice.chance(0.3) {
        group.beside(
            dice.pick(&["wardrobe", "dresser", "laundry basket"]),
            1.0,
            dice,
        )
    } else {
        group
    }
}

/// A cabinet or a chest of drawers, sometimes with an object beside it.
pub fn chest(dice: &mut Furnisher) -> Group {
    let group = single(&["dresser", "cabinet", "cabinet", "nightstand"], dice);
    if dice.chance(0.4) {
        group.beside(
            dice.pick(&["cabinet", "plant", "box", "trash can"]),
            1.0,
            dice,
        )
    } else {
        group
    }
}

/// File cabinets in a row, sometimes with a printer or a bin beside them.
pub fn files(dice: &mut Furnisher) -> Group {
    let mut group = single(&["file cabinet", "cabinet"], dice);
    for side in [-1.0, 1.0] {
        if dice.chance(0.4) {
            group = group.beside(
                dice.pick(&["file cabinet", "trash can", "box", "printer"]),
                side,
                dice,
            );
        }
    }
    group
}

/// A floor lamp, a plant or a fan by itself.
pub fn standing_light(dice: &mut Furnisher) -> Group {
    single(
        &["floor lamp", "plant", "fan", "potted plant", "floor lamp"],
        dice,
    )
}
