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
        rng: &mut Furnisher,
        place: impl FnOnce(&Object, &mut Furnisher) -> ([f32; 3], f32),
    ) -> Self {
        match make(kind, rng) {
            Some(object) => {
                let (position, turn) = place(&object, rng);
                self.and(object, position, turn)
            }
            None => self,
        }
    }

    /// Adds an object beside the first member, its back to the wall, a finger's breadth away.
    pub fn beside(self, kind: &str, side: f32, rng: &mut Furnisher) -> Self {
        let Some((first, pose)) = self.members.first() else {
            return self;
        };
        let (lo, hi) = first.bounds();
        let edge = pose.position.x + if side > 0.0 { hi.x } else { lo.x };
        self.with(kind, rng, |object, rng| {
            let (a, b) = object.bounds();
            (
                [
                    edge + side * ((b.x - a.x) / 2.0 + rng.within(0.005, 0.05)),
                    -a.y + rng.within(0.0, 0.04),
                    0.0,
                ],
                0.0,
            )
        })
    }

    /// Adds an object on the wall above the last member, with its lower edge in the range `low`.
    pub fn above(self, kind: &str, low: [f32; 2], rng: &mut Furnisher) -> Self {
        let Some(x) = self.members.last().map(|(_, pose)| pose.position.x) else {
            return self;
        };
        self.with(kind, rng, |object, rng| {
            (
                [
                    x,
                    0.005 - object.bounds().0.y,
                    rng.within(low[0], low[1]) - object.bounds().0.z,
                ],
                0.0,
            )
        })
    }
}

/// A random one of `kinds` with its back to the wall.
pub fn single(kinds: &[&str], rng: &mut Furnisher) -> Group {
    let kind = rng.pick(kinds);
    make(kind, rng).map(Group::of).unwrap_or_default()
}

/// A desk with a chair in front of it, a screen, keyboard and mouse, and a computer.
pub fn working(rng: &mut Furnisher) -> Group {
    let kind = rng.pick(&["desk", "desk", "table"]);
    let mut group = single(&[kind], rng);
    let Some((desk, pose)) = group.members.first() else {
        return group;
    };
    let Some(top) = desk.tops.first().copied() else {
        return group;
    };
    let ([w, d], z) = ([top.half[0] * 2.0, top.half[1] * 2.0], top.center.z + 0.002);
    let center = pose.position + top.center;
    let place = move |x: f32, y: f32, z: f32| [center.x + x, center.y + y, z];
    if rng.chance(0.8) {
        let x = rng.about(w * 0.15);
        if rng.chance(0.75) {
            let screens = if w > 1.3 && rng.chance(0.35) { 2 } else { 1 };
            for i in 0..screens {
                let shift = if screens == 2 {
                    (i as f32 - 0.5) * 0.66
                } else {
                    0.0
                };
                group = group.with("monitor", rng, |_, rng| {
                    (place(x + shift, -d * 0.25, z), rng.about(0.2) - shift * 0.5)
                });
            }
            group = group.with("keyboard", rng, |_, rng| {
                (place(x, d * 0.22, z), rng.about(0.15))
            });
            if rng.chance(0.7) {
                group = group.with("mouse", rng, |_, rng| {
                    (place(x + 0.34, d * 0.22, z), rng.about(0.3))
                });
            }
        } else {
            group = group.with("laptop", rng, |_, rng| {
                (place(x, rng.about(d * 0.12), z), rng.about(0.3))
            });
        }
    }
    if rng.chance(0.25) {
        group = group.beside("computer tower", rng.side(), rng);
    }
    if rng.chance(0.85) {
        let kind = rng.pick(&["office chair", "office chair", "chair"]);
        let reach = rng.within(0.05, 0.45);
        group = group.with(kind, rng, |chair, rng| {
            (
                [
                    center.x + rng.about(w * 0.2),
                    center.y + d / 2.0 - chair.bounds().0.y * 0.6 + reach,
                    0.0,
                ],
                PI + rng.about(0.7),
            )
        });
    }
    group
}

/// A bed with pillows, and nightstands at one or both sides.
pub fn sleeping(rng: &mut Furnisher) -> Group {
    let kind = if rng.chance(0.1) { "mattress" } else { "bed" };
    let mut group = single(&[kind], rng);
    let Some((bed, pose)) = group.members.first() else {
        return group;
    };
    let (tops, at) = (bed.tops.clone(), pose.position);
    let heads = tops.len().saturating_sub(1);
    for top in &tops[..heads] {
        for _ in 0..rng.count(1, 2) {
            let c = at + top.center;
            group = group.with("pillow", rng, |_, rng| {
                (
                    [c.x + rng.about(0.06), c.y + rng.about(0.06), c.z - 0.01],
                    rng.about(0.25),
                )
            });
        }
    }
    for side in [-1.0, 1.0] {
        if rng.chance(0.65) {
            group = group.beside("nightstand", side, rng);
        }
    }
    group
}

/// A couch, often with an end table, a floor lamp and a low table in front of it.
pub fn sofa_corner(rng: &mut Furnisher) -> Group {
    let mut group = single(&["couch", "couch", "armchair"], rng);
    let Some((couch, pose)) = group.members.first() else {
        return group;
    };
    let (front, top, at) = (
        couch.bounds().1.y + pose.position.y,
        couch.tops.first().copied(),
        pose.position,
    );
    if let Some(top) = top {
        for _ in 0..rng.count(0, 3) {
            let c = at + top.center;
            let kind = rng.pick(&["pillow", "pillow", "cushion"]);
            group = group.with(kind, rng, |_, rng| {
                (
                    [c.x + rng.about(top.half[0] * 0.9), c.y - 0.05, c.z - 0.02],
                    rng.about(0.5),
                )
            });
        }
    }
    if rng.chance(0.5) {
        let kind = rng.pick(&[
            "end table",
            "end table",
            "floor lamp",
            "plant",
            "potted plant",
        ]);
        group = group.beside(kind, 1.0, rng);
    }
    if rng.chance(0.35) {
        group = group.beside("end table", -1.0, rng);
    }
    if rng.chance(0.6) {
        group = group.with("coffee table", rng, |table, rng| {
            (
                [
                    rng.about(0.25),
                    front - table.bounds().0.y + rng.within(0.05, 0.4),
                    0.0,
                ],
                rng.about(0.08),
            )
        });
    }
    group
}

/// A low stand with a television and speakers.
pub fn media(rng: &mut Furnisher) -> Group {
    let mut group = single(&["tv stand", "tv stand", "dresser"], rng);
    let Some(top) = group
        .members
        .first()
        .and_then(|(o, p)| o.tops.first().map(|t| t.center + p.position))
    else {
        return group;
    };
    group = group.with("tv", rng, |_, rng| {
        ([top.x, top.y - 0.04, top.z + 0.002], rng.about(0.12))
    });
    for side in [-1.0, 1.0] {
        if rng.chance(0.3) {
            group = group.beside("speaker", side, rng);
        }
    }
    group
}

/// A free-standing table with chairs around it, some pushed in, some drawn out.
pub fn dining(rng: &mut Furnisher) -> Group {
    around("dining table", &["chair"], rng)
}

/// A work table with chairs of any kind.
pub fn meeting(rng: &mut Furnisher) -> Group {
    let seat = rng.pick(&["chair", "office chair", "chair", "stool"]);
    around("table", &[seat], rng)
}

fn around(table: &str, seats: &[&str], rng: &mut Furnisher) -> Group {
    let mut group = single(&[table], rng);
    let Some((object, pose)) = group.members.first() else {
        return group;
    };
    let ((lo, hi), at) = (object.bounds(), pose.position);
    let half = (hi - lo) / 2.0;
    let seed = rng.count(0, usize::MAX >> 16) as u64;
    let mut chairs = |group: Group, x: f32, y: f32, turn: f32| {
        if rng.chance(0.2) {
            return group;
        }
        // All chairs of a table have the same design: their grammar uses the same random numbers.
        let Some(chair) = make(seats[0], &mut rng.again(seed, 0)) else {
            return group;
        };
        let draw = rng.within(-0.3, 0.25) - chair.bounds().0.y * 0.5;
        let away = Vec3::new(x.signum() * f32::from(y == 0.0), y.signum(), 0.0) * draw;
        group.and(
            chair,
            [at.x + x + away.x, at.y + y + away.y, 0.0],
            turn + rng.about(0.25),
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
pub fn coffee(rng: &mut Furnisher) -> Group {
    single(&["coffee table", "end table", "ottoman"], rng)
}

/// A single seat, or two side by side.
pub fn single_seat(rng: &mut Furnisher) -> Group {
    let kind = rng.pick(&[
        "armchair",
        "chair",
        "armchair",
        "bench",
        "stool",
        "ottoman",
        "sofa chair",
        "sofa chair",
    ]);
    let group = single(&[kind], rng);
    if rng.chance(0.3) {
        group.beside(kind, 1.0, rng)
    } else {
        group
    }
}

/// A bookshelf, sometimes with another one, a cabinet or a plant beside it.
pub fn books(rng: &mut Furnisher) -> Group {
    let group = single(&["bookshelf"], rng);
    if rng.chance(0.35) {
        group.beside(rng.pick(&["bookshelf", "cabinet", "plant"]), 1.0, rng)
    } else {
        group
    }
}

/// Wardrobes side by side.
pub fn wardrobes(rng: &mut Furnisher) -> Group {
    let group = single(&["wardrobe"], rng);
    if rng.chance(0.3) {
        group.beside(
            rng.pick(&["wardrobe", "dresser", "laundry basket"]),
            1.0,
            rng,
        )
    } else {
        group
    }
}

/// A cabinet or a chest of drawers, sometimes with an object beside it.
pub fn chest(rng: &mut Furnisher) -> Group {
    let group = single(&["dresser", "cabinet", "cabinet", "nightstand"], rng);
    if rng.chance(0.4) {
        group.beside(
            rng.pick(&["cabinet", "plant", "box", "trash can"]),
            1.0,
            rng,
        )
    } else {
        group
    }
}

/// File cabinets in a row, sometimes with a printer or a bin beside them.
pub fn files(rng: &mut Furnisher) -> Group {
    let mut group = single(&["file cabinet", "cabinet"], rng);
    for side in [-1.0, 1.0] {
        if rng.chance(0.4) {
            group = group.beside(
                rng.pick(&["file cabinet", "trash can", "box", "printer"]),
                side,
                rng,
            );
        }
    }
    group
}

/// A floor lamp, a plant or a fan by itself.
pub fn standing_light(rng: &mut Furnisher) -> Group {
    single(
        &["floor lamp", "plant", "fan", "potted plant", "floor lamp"],
        rng,
    )
}
