//! Places the furniture: functional groups along the walls and in the room, and clutter on them,
//! without impossible overlaps.

use std::{collections::BTreeSet, f32::consts::FRAC_PI_2};

use glam::{Vec2, Vec3};

use super::{
    furnisher::{Furnisher, make, or_foreign},
    grammar::{self, NAMELESS, Object},
    groups::Group,
    plans::Plan,
    scene::{Footprint, Pose},
    structure::{Opening, Shell},
};

/// Overlap in the plan that still counts as touching, metres.
const SLACK: f32 = 0.012;

/// Objects that lean and need a wall behind them.
const LEANING: &[&str] = &[
    "broom",
    "folded chair",
    "guitar",
    "guitar case",
    "ladder",
    "tube",
];

/// The most classes of objects in one scan: training gives every class that is present a name and
/// has room for `loss.classes` of them, 64.
pub const MOST_KINDS: usize = 58;

/// Depth and height of the passage that is kept free on either side of a door, metres.
const PASSAGE: [f32; 2] = [0.8, 2.0];

/// Objects that people throw on seats and floors.
pub const THROWN: &[&str] = &[
    "clothes", "clothes", "clothes", "blanket", "bag", "backpack", "cushion", "book", "box",
    "purse", "paper", NAMELESS,
];

/// An object in its place.
pub struct Thing {
    /// The object.
    pub object: Object,
    /// Its pose in the room.
    pub pose: Pose,
    /// Its bounding box in the room.
    pub footprint: Footprint,
}

/// A furnished room before it is converted to triangles.
pub struct Layout {
    /// Walls, floor and ceiling.
    pub shell: Shell,
    /// The objects that stand, hang and lie in the room.
    pub things: Vec<Thing>,
    /// Areas where nothing may stand: the swing of doors, passages and the lanes of corridors.
    pub kept_free: Vec<Footprint>,
    /// The classes placed so far, here and in rooms of the same scan that were furnished before.
    pub kinds: BTreeSet<&'static str>,
    /// The most classes once the furniture is in and small objects follow: the remaining ones are
    /// reserved for the furniture of other rooms.
    pub most_with_small: usize,
    most: usize,
}

impl Layout {
    /// Furnishes a new single room.
    pub fn new(dice: &mut Furnisher) -> Self {
        let plan = Plan::drawn(dice);
        let side = |dice: &mut Furnisher| dice.within(plan.size[0], plan.size[1]);
        let size = [side(dice), side(dice)];
        let mut room = Self::empty(Shell::new(dice, size), BTreeSet::new());
        let walls: Vec<usize> = (0..room.shell.corners.len()).collect();
        let (doors, windows) = (dice.count(1, 2), dice.count(0, 3));
        room.add_openings(&walls, doors, windows, dice);
        room.furnish(plan, 1, dice);
        room
    }

    /// An empty room; `kinds` are the classes in other rooms of the same scan.
    pub fn empty(shell: Shell, kinds: BTreeSet<&'static str>) -> Self {
        Self {
            shell,
            things: Vec::new(),
            kept_free: Vec::new(),
            kinds,
            most_with_small: MOST_KINDS,
            most: MOST_KINDS,
        }
    }

    /// Furnishes the room for a use; a large room gets its furniture `times` times.
    pub fn furnish(&mut self, plan: &Plan, times: usize, dice: &mut Furnisher) {
        for _ in 0..times {
            for group in plan.along_walls {
                if dice.chance(0.92) {
                    let group = group(dice);
                    self.place_at_wall(group, dice);
                }
            }
            for group in plan.free {
                if dice.chance(0.75) {
                    let group = group(dice);
                    self.place_free(group, 25, dice);
                }
            }
        }
        self.most = self.most_with_small;
        for _ in 0..dice.count(3, 9) * times {
            let kind = dice.pick(plan.floor);
            if let Some(object) = make(kind, dice) {
                let group = Group::of(object);
                // Small objects stand in corners and against furniture more often than in the open.
                if LEANING.contains(&kind) || dice.chance(0.65) {
                    self.place_at_wall(group, dice)
                } else {
                    self.place_free(group, 12, dice)
                }
            }
        }
        if dice.chance(0.3) {
            for _ in 0..dice.count(1, 3) {
                if let Some(object) = make(dice.pick(THROWN), dice) {
                    self.place_free(Group::of(object), 12, dice);
                }
            }
        }
        // Half of the rooms contain nameless objects.
        let nameless = if dice.chance(0.5) {
            dice.count(1, 6)
        } else {
            0
        };
        let standing = dice.count(0, nameless);
        for _ in 0..standing {
            if let Some(object) = make(NAMELESS, dice) {
                let group = Group::of(object);
                if dice.chance(0.5) {
                    self.place_at_wall(group, dice)
                } else {
                    self.place_free(group, 12, dice)
                }
            }
        }
        self.add_wall_things(plan, dice);
        self.add_overhead(plan, dice);
        self.add_clutter(plan.on_tops, dice);
        for _ in standing..nameless {
            if dice.chance(0.3) {
                self.hang(NAMELESS, dice)
            } else {
                self.set_on_some_top(NAMELESS, dice)
            }
        }
    }

    /// `true` if an object at the height of a walking person covers `p` or is within `margin` of
    /// it.
    pub fn blocks(&self, p: Vec2, margin: f32) -> bool {
        self.things
            .iter()
            .map(|t| t.footprint)
            .any(|f| f.height[1] > 0.5 && f.height[0] < 1.8 && f.contains(p, margin))
    }

    /// Adds doors and windows to random ones of `walls`, as many as fit.
    pub fn add_openings(
        &mut self,
        walls: &[usize],
        doors: usize,
        windows: usize,
        dice: &mut Furnisher,
    ) {
        if walls.is_empty() {
            return;
        }
        for number in 0..doors + windows {
            let is_door = number < doors;
            let wall = dice.pick(walls);
            let length = self.shell.wall(wall).2;
            let (size, sill) = if is_door {
                ([dice.within(0.78, 1.0), dice.within(1.95, 2.12)], 0.0)
            } else {
                (
                    [dice.within(0.6, 2.0), dice.within(0.7, 1.35)],
                    dice.within(0.75, 1.05),
                )
            };
            if length < size[0] + 0.4 || sill + size[1] > self.shell.height - 0.1 {
                continue;
            }
            let opening = Opening {
                wall,
                middle: dice.within(size[0] / 2.0 + 0.15, length - size[0] / 2.0 - 0.15),
                size,
                sill,
                deep: 0.14,
            };
            let free = |o: &Opening| {
                o.wall != wall
                    || (o.middle - opening.middle).abs() > (o.size[0] + size[0]) / 2.0 + 0.1
            };
            if !self.shell.openings.iter().all(free) {
                continue;
            }
            self.shell.openings.push(opening);
            let pose = self.on_wall(wall, opening.middle, sill);
            if is_door {
                // Door leaf and frame are often two objects; sometimes there is no leaf.
                let style = dice.count(0, 9);
                if style > 5 {
                    self.put(grammar::doorframe_of(size[0], size[1], dice), pose);
                }
                if style < 9 {
                    let door = grammar::door_of(size, style <= 5, dice);
                    self.put(
                        if style <= 5 {
                            or_foreign(door, dice)
                        } else {
                            door
                        },
                        pose,
                    );
                }
                let way = self.passage(&opening);
                self.kept_free.push(Footprint {
                    height: [0.03, 0.4],
                    ..way
                });
            } else {
                let own_sill = dice.chance(0.7);
                let window = grammar::window_of(size, own_sill, dice);
                self.put(or_foreign(window, dice), pose);
                if !own_sill {
                    let sill_pose = self.on_wall(wall, opening.middle, sill - 0.04);
                    self.put(grammar::windowsill_of(size[0], dice), sill_pose);
                }
                self.dress_window(opening, dice);
            }
        }
    }

    /// The passage inside the room at an opening, up to the height of a person.
    fn passage(&self, opening: &Opening) -> Footprint {
        let ([deep, high], (start, direction, _)) = (PASSAGE, self.shell.wall(opening.wall));
        // Reaches a little into the wall, too, for flat objects that hang there.
        let centre = start + direction * opening.middle + direction.perp() * (deep / 2.0 - 0.05);
        Footprint {
            centre,
            half: Vec2::new(opening.size[0], deep + 0.1) / 2.0,
            turn: direction.to_angle(),
            height: [0.03, high],
        }
    }

    /// Adds a doorway to the next room; must come before anything else in this room. If `is_hung`,
    /// it may get an open leaf and a frame.
    pub fn add_doorway(&mut self, opening: Opening, is_hung: bool, dice: &mut Furnisher) {
        let (pose, way) = (
            self.on_wall(opening.wall, opening.middle, 0.0),
            self.passage(&opening),
        );
        let [w, h] = opening.size;
        self.shell.openings.push(opening);
        if is_hung {
            let style = dice.count(0, 9);
            // A single leaf is never wider than this.
            if style < 6 && w < 1.1 && !self.kept_free.iter().any(|other| other.overlaps(&way, 0.0))
            {
                self.put(
                    grammar::open_door_of([w, h], style < 4, dice.within(1.4, 2.0), dice),
                    pose,
                );
            }
            if (4..8).contains(&style) {
                self.put(grammar::doorframe_of(w, h, dice), pose);
            }
        }
        self.kept_free.push(way);
    }

    /// Sometimes adds a curtain or blinds in front of a window, and a radiator below it.
    fn dress_window(&mut self, window: Opening, dice: &mut Furnisher) {
        let ([w, h], sill) = (window.size, window.sill);
        let covering = match dice.count(0, 4) {
            0 | 1 => {
                let low = if dice.chance(0.5) { 0.04 } else { sill - 0.15 };
                Some((
                    grammar::curtain_of(w + dice.within(0.2, 0.6), sill + h + 0.15 - low, dice),
                    low,
                ))
            }
            2 => make("blinds", dice).map(|o| (o, sill + h - 0.9)),
            _ => None,
        };
        if let Some((object, low)) = covering {
            let pose = self.on_wall(window.wall, window.middle, low.max(0.0));
            if self.inside(&Footprint::of(&object, pose)) {
                self.put(object, pose);
            }
        }
        if dice.chance(0.5)
            && let Some(radiator) = make("radiator", dice)
        {
            let pose = self.on_wall(window.wall, window.middle, 0.1);
            if self.fits(&Footprint::of(&radiator, pose)) {
                self.put(radiator, pose);
            }
        }
    }

    /// `true` if these objects do not exceed the limit of classes.
    fn is_known<'a>(&self, objects: impl Iterator<Item = &'a Object>) -> bool {
        let new: BTreeSet<&str> = objects
            .map(|o| o.class)
            .filter(|class| !self.kinds.contains(class))
            .collect();
        new.is_empty() || self.kinds.len() + new.len() <= self.most
    }

    /// Puts an object where it was found to fit, unless its class would exceed the limit of
    /// classes.
    pub fn put(&mut self, object: Object, pose: Pose) {
        if !self.is_known(std::iter::once(&object)) {
            return;
        }
        self.kinds.insert(object.class);
        let footprint = Footprint::of(&object, pose);
        self.things.push(Thing {
            object,
            pose,
            footprint,
        });
    }

    /// The pose of an object with its back on a wall, `along` metres from the wall's start.
    pub fn on_wall(&self, wall: usize, along: f32, z: f32) -> Pose {
        let (start, direction, _) = self.shell.wall(wall);
        // The object's front, +y, faces into the room, so its +x runs along the wall.
        Pose {
            position: (start + direction * along).extend(z),
            turn: direction.to_angle(),
        }
    }

    /// `true` if the footprint is inside the room.
    pub fn inside(&self, footprint: &Footprint) -> bool {
        footprint
            .corners()
            .into_iter()
            .all(|c| self.shell.contains(c, -0.015))
            && self.shell.contains(footprint.centre, 0.0)
            && footprint.height[1] < self.shell.height + 0.01
    }

    /// `true` if the footprint is inside the room and free.
    pub fn fits(&self, footprint: &Footprint) -> bool {
        self.inside(footprint)
            && !self
                .things
                .iter()
                .map(|t| &t.footprint)
                .chain(&self.kept_free)
                .any(|t| t.overlaps(footprint, SLACK))
    }

    fn group_fits(&self, group: &Group, pose: Pose) -> bool {
        self.is_known(group.members.iter().map(|(object, _)| object))
            && group
                .members
                .iter()
                .all(|(object, inner)| self.fits(&Footprint::of(object, pose.of(*inner))))
    }

    fn commit(&mut self, group: Group, pose: Pose) {
        for (object, inner) in group.members {
            self.put(object, pose.of(inner));
        }
    }

    /// Places a group against a wall, mostly pushed sideways until it touches its neighbour or the
    /// corner.
    fn place_at_wall(&mut self, mut group: Group, dice: &mut Furnisher) {
        group.members = group
            .members
            .into_iter()
            .map(|(object, pose)| (self.full_height(object), pose))
            .collect();
        let gap = if dice.chance(0.6) {
            dice.within(0.0, 0.02)
        } else {
            dice.within(0.02, 0.12)
        };
        for _ in 0..30 {
            let wall = dice.count(0, self.shell.corners.len() - 1);
            let (_, direction, length) = self.shell.wall(wall);
            let pose_at = |along: f32| {
                let pose = self.on_wall(wall, along, 0.0);
                Pose {
                    position: pose.position + (direction.perp() * gap).extend(0.0),
                    ..pose
                }
            };
            let mut along = dice.within(0.0, length);
            if !self.group_fits(&group, pose_at(along)) {
                continue;
            }
            if dice.chance(0.7) {
                let step = 0.015 * dice.side();
                let mut steps = 0;
                while steps < 160 && self.group_fits(&group, pose_at(along + step)) {
                    along += step;
                    steps += 1;
                }
            }
            let pose = pose_at(along);
            self.commit(group, pose);
            return;
        }
    }

    /// Places a group somewhere in the room, roughly aligned with the walls in half of the
    /// attempts.
    fn place_free(&mut self, mut group: Group, attempts: usize, dice: &mut Furnisher) {
        group.members = group
            .members
            .into_iter()
            .map(|(object, pose)| (self.full_height(object), pose))
            .collect();
        let (lo, hi) = self.shell.bounds();
        for _ in 0..attempts {
            let turn = dice.count(0, 3) as f32 * FRAC_PI_2
                + if dice.chance(0.5) {
                    dice.about(0.08)
                } else {
                    dice.about(0.7)
                };
            let pose = Pose {
                position: Vec3::new(dice.within(lo.x, hi.x), dice.within(lo.y, hi.y), 0.0),
                turn,
            };
            if self.group_fits(&group, pose) {
                self.commit(group, pose);
                return;
            }
        }
    }
}
