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
    pub fn new(rng: &mut Furnisher) -> Self {
        let plan = Plan::drawn(rng);
        let side = |rng: &mut Furnisher| rng.within(plan.size[0], plan.size[1]);
        let size = [side(rng), side(rng)];
        let mut room = Self::empty(Shell::new(rng, size), BTreeSet::new());
        let walls: Vec<usize> = (0..room.shell.corners.len()).collect();
        let (doors, windows) = (rng.count(1, 2), rng.count(0, 3));
        room.add_openings(&walls, doors, windows, rng);
        room.furnish(plan, 1, rng);
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
    pub fn furnish(&mut self, plan: &Plan, times: usize, rng: &mut Furnisher) {
        for _ in 0..times {
            for group in plan.along_walls {
                if rng.chance(0.92) {
                    let group = group(rng);
                    self.place_at_wall(group, rng);
                }
            }
            for group in plan.free {
                if rng.chance(0.75) {
                    let group = group(rng);
                    self.place_free(group, 25, rng);
                }
            }
        }
        self.most = self.most_with_small;
        for _ in 0..rng.count(3, 9) * times {
            let kind = rng.pick(plan.floor);
            if let Some(object) = make(kind, rng) {
                let group = Group::of(object);
                // Small objects stand in corners and against furniture more often than in the open.
                if LEANING.contains(&kind) || rng.chance(0.65) {
                    self.place_at_wall(group, rng)
                } else {
                    self.place_free(group, 12, rng)
                }
            }
        }
        if rng.chance(0.3) {
            for _ in 0..rng.count(1, 3) {
                if let Some(object) = make(rng.pick(THROWN), rng) {
                    self.place_free(Group::of(object), 12, rng);
                }
            }
        }
        // Half of the rooms contain nameless objects.
        let nameless = if rng.chance(0.5) { rng.count(1, 6) } else { 0 };
        let standing = rng.count(0, nameless);
        for _ in 0..standing {
            if let Some(object) = make(NAMELESS, rng) {
                let group = Group::of(object);
                if rng.chance(0.5) {
                    self.place_at_wall(group, rng)
                } else {
                    self.place_free(group, 12, rng)
                }
            }
        }
        self.add_wall_things(plan, rng);
        self.add_overhead(plan, rng);
        self.add_clutter(plan.on_tops, rng);
        for _ in standing..nameless {
            if rng.chance(0.3) {
                self.hang(NAMELESS, rng)
            } else {
                self.set_on_some_top(NAMELESS, rng)
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
        rng: &mut Furnisher,
    ) {
        if walls.is_empty() {
            return;
        }
        for number in 0..doors + windows {
            let is_door = number < doors;
            let wall = rng.pick(walls);
            let length = self.shell.wall(wall).2;
            let (size, sill) = if is_door {
                ([rng.within(0.78, 1.0), rng.within(1.95, 2.12)], 0.0)
            } else {
                (
                    [rng.within(0.6, 2.0), rng.within(0.7, 1.35)],
                    rng.within(0.75, 1.05),
                )
            };
            if length < size[0] + 0.4 || sill + size[1] > self.shell.height - 0.1 {
                continue;
            }
            let opening = Opening {
                wall,
                middle: rng.within(size[0] / 2.0 + 0.15, length - size[0] / 2.0 - 0.15),
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
                let style = rng.count(0, 9);
                if style > 5 {
                    self.put(grammar::doorframe_of(size[0], size[1], rng), pose);
                }
                if style < 9 {
                    let door = grammar::door_of(size, style <= 5, rng);
                    self.put(
                        if style <= 5 {
                            or_foreign(door, rng)
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
                let own_sill = rng.chance(0.7);
                let window = grammar::window_of(size, own_sill, rng);
                self.put(or_foreign(window, rng), pose);
                if !own_sill {
                    let sill_pose = self.on_wall(wall, opening.middle, sill - 0.04);
                    self.put(grammar::windowsill_of(size[0], rng), sill_pose);
                }
                self.dress_window(opening, rng);
            }
        }
    }

    /// The passage inside the room at an opening, up to the height of a person.
    fn passage(&self, opening: &Opening) -> Footprint {
        let ([deep, high], (start, direction, _)) = (PASSAGE, self.shell.wall(opening.wall));
        // Reaches a little into the wall, too, for flat objects that hang there.
        let center = start + direction * opening.middle + direction.perp() * (deep / 2.0 - 0.05);
        Footprint {
            center,
            half: Vec2::new(opening.size[0], deep + 0.1) / 2.0,
            turn: direction.to_angle(),
            height: [0.03, high],
        }
    }

    /// Adds a doorway to the next room; must come before anything else in this room. If `is_hung`,
    /// it may get an open leaf and a frame.
    pub fn add_doorway(&mut self, opening: Opening, is_hung: bool, rng: &mut Furnisher) {
        let (pose, way) = (
            self.on_wall(opening.wall, opening.middle, 0.0),
            self.passage(&opening),
        );
        let [w, h] = opening.size;
        self.shell.openings.push(opening);
        if is_hung {
            let style = rng.count(0, 9);
            // A single leaf is never wider than this.
            if style < 6 && w < 1.1 && !self.kept_free.iter().any(|other| other.overlaps(&way, 0.0))
            {
                self.put(
                    grammar::open_door_of([w, h], style < 4, rng.within(1.4, 2.0), rng),
                    pose,
                );
            }
            if (4..8).contains(&style) {
                self.put(grammar::doorframe_of(w, h, rng), pose);
            }
        }
        self.kept_free.push(way);
    }

    /// Sometimes adds a curtain or blinds in front of a window, and a radiator below it.
    fn dress_window(&mut self, window: Opening, rng: &mut Furnisher) {
        let ([w, h], sill) = (window.size, window.sill);
        let covering = match rng.count(0, 4) {
            0 | 1 => {
                let low = if rng.chance(0.5) { 0.04 } else { sill - 0.15 };
                Some((
                    grammar::curtain_of(w + rng.within(0.2, 0.6), sill + h + 0.15 - low, rng),
                    low,
                ))
            }
            2 => make("blinds", rng).map(|o| (o, sill + h - 0.9)),
            _ => None,
        };
        if let Some((object, low)) = covering {
            let pose = self.on_wall(window.wall, window.middle, low.max(0.0));
            if self.inside(&Footprint::of(&object, pose)) {
                self.put(object, pose);
            }
        }
        if rng.chance(0.5)
            && let Some(radiator) = make("radiator", rng)
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
            && self.shell.contains(footprint.center, 0.0)
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
    fn place_at_wall(&mut self, mut group: Group, rng: &mut Furnisher) {
        group.members = group
            .members
            .into_iter()
            .map(|(object, pose)| (self.full_height(object), pose))
            .collect();
        let gap = if rng.chance(0.6) {
            rng.within(0.0, 0.02)
        } else {
            rng.within(0.02, 0.12)
        };
        for _ in 0..30 {
            let wall = rng.count(0, self.shell.corners.len() - 1);
            let (_, direction, length) = self.shell.wall(wall);
            let pose_at = |along: f32| {
                let pose = self.on_wall(wall, along, 0.0);
                Pose {
                    position: pose.position + (direction.perp() * gap).extend(0.0),
                    ..pose
                }
            };
            let mut along = rng.within(0.0, length);
            if !self.group_fits(&group, pose_at(along)) {
                continue;
            }
            if rng.chance(0.7) {
                let step = 0.015 * rng.side();
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
    fn place_free(&mut self, mut group: Group, attempts: usize, rng: &mut Furnisher) {
        group.members = group
            .members
            .into_iter()
            .map(|(object, pose)| (self.full_height(object), pose))
            .collect();
        let (lo, hi) = self.shell.bounds();
        for _ in 0..attempts {
            let turn = rng.count(0, 3) as f32 * FRAC_PI_2
                + if rng.chance(0.5) {
                    rng.about(0.08)
                } else {
                    rng.about(0.7)
                };
            let pose = Pose {
                position: Vec3::new(rng.within(lo.x, hi.x), rng.within(lo.y, hi.y), 0.0),
                turn,
            };
            if self.group_fits(&group, pose) {
                self.commit(group, pose);
                return;
            }
        }
    }
}
