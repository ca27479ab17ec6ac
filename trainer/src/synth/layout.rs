//! Who stands where: functional groups of things along the walls and in the room, clutter on their tops, without impossible overlaps.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{
    dice::Dice,
    grammar::{self, Object, make},
    groups::{self, Group},
    scene::{Footprint, Pose},
    structure::{Opening, Shell},
};

/// Overlap in the plan that counts as touching, metres.
const SLACK: f32 = 0.012;

/// A furnished room before it becomes triangles.
pub struct Layout {
    /// Walls, floor, ceiling.
    pub shell: Shell,
    /// The things with their poses.
    pub things: Vec<(Object, Pose)>,
    taken: Vec<Footprint>,
}

/// The use of a room: its size range and what stands in it, most important first.
struct Plan {
    size: [f32; 2],
    along_walls: &'static [fn(&mut Dice) -> Group],
    free: &'static [fn(&mut Dice) -> Group],
    floor: &'static [&'static str],
    on_tops: &'static [&'static str],
}

const PLANS: &[Plan] = &[
    // living room
    Plan {
        size: [3.6, 6.5],
        along_walls: &[groups::sofa_corner, groups::media, groups::books, groups::books, groups::single_seat, groups::chest, groups::standing_light],
        free: &[groups::coffee, groups::dining, groups::single_seat],
        floor: &["plant", "rug", "backpack", "box", "floor lamp", "ball", "stuffed animal", "guitar", "ottoman", "bag", "blanket", "shoe"],
        on_tops: &["book", "books", "cup", "bottle", "vase", "plant", "lamp", "bowl", "paper", "speaker", "pillow", "box", "tissue box", "laptop"],
    },
    // bedroom
    Plan {
        size: [3.0, 4.8],
        along_walls: &[groups::sleeping, groups::wardrobes, groups::working, groups::chest, groups::books, groups::single_seat],
        free: &[groups::single_seat],
        floor: &["shoe", "backpack", "suitcase", "rug", "laundry basket", "clothes", "box", "trash can", "plant", "bag", "stuffed animal", "fan"],
        on_tops: &[
            "book",
            "books",
            "lamp",
            "cup",
            "clothes",
            "pillow",
            "laptop",
            "bottle",
            "tissue box",
            "stuffed animal",
            "box",
            "bag",
            "blanket",
            "towel",
        ],
    },
    // office
    Plan {
        size: [3.0, 6.5],
        along_walls: &[groups::working, groups::working, groups::working, groups::books, groups::files, groups::working, groups::files],
        free: &[groups::meeting, groups::working],
        floor: &["trash can", "backpack", "box", "computer tower", "plant", "printer", "box", "bag", "office chair", "fan"],
        on_tops: &["book", "books", "paper", "cup", "telephone", "bottle", "printer", "box", "plant", "lamp", "speaker", "tissue box", "laptop"],
    },
    // kitchen
    Plan {
        size: [2.6, 4.8],
        along_walls: &[groups::kitchen_row, groups::kitchen_row, groups::cold, groups::chest, groups::laundry],
        free: &[groups::dining],
        floor: &["trash can", "box", "rug", "stool", "bag", "trash can", "plant", "shoe"],
        on_tops: &["bottle", "bowl", "plate", "cup", "microwave", "coffee maker", "box", "vase", "plant", "tissue box", "paper", "towel"],
    },
    // bathroom
    Plan {
        size: [2.0, 3.6],
        along_walls: &[groups::washing, groups::toilet, groups::bathing, groups::laundry, groups::washing, groups::chest],
        free: &[],
        floor: &["trash can", "laundry basket", "rug", "stool", "clothes", "shoe", "box"],
        on_tops: &["bottle", "bottle", "cup", "toilet paper", "tissue box", "plant", "towel"],
    },
    // lounge, class or meeting room
    Plan {
        size: [4.0, 7.0],
        along_walls: &[groups::books, groups::single_seat, groups::single_seat, groups::sofa_corner, groups::chest, groups::media],
        free: &[groups::meeting, groups::dining, groups::meeting, groups::coffee],
        floor: &["trash can", "backpack", "chair", "bag", "box", "plant", "chair", "stool", "bicycle", "suitcase"],
        on_tops: &["laptop", "paper", "cup", "bottle", "book", "backpack", "bag", "box", "monitor", "telephone"],
    },
];

impl Layout {
    /// Furnishes a new room.
    pub fn new(dice: &mut Dice) -> Self {
        let plan = &PLANS[dice.count(0, PLANS.len() - 1)];
        let side = |dice: &mut Dice| dice.within(plan.size[0], plan.size[1]);
        let size = [side(dice), side(dice)];
        let mut room = Self { shell: Shell::new(dice, size), things: Vec::new(), taken: Vec::new() };
        room.add_openings(dice);
        for group in plan.along_walls {
            if dice.chance(0.88) {
                let group = group(dice);
                room.place_at_wall(group, dice);
            }
        }
        for group in plan.free {
            if dice.chance(0.75) {
                let group = group(dice);
                room.place_free(group, 25, dice);
            }
        }
        for _ in 0..dice.count(2, 6) {
            if let Some(object) = make(dice.pick(plan.floor), dice) {
                let group = Group::of(object);
                // Small things stand in corners and against furniture more often than in the open.
                if dice.chance(0.65) { room.place_at_wall(group, dice) } else { room.place_free(group, 12, dice) }
            }
        }
        room.add_wall_things(dice);
        room.add_lamps(dice);
        room.add_clutter(plan.on_tops, dice);
        room
    }

    /// Things whose footprint is taken at the height of a walking person.
    pub fn blocks(&self, p: Vec2, margin: f32) -> bool {
        self.taken.iter().any(|f| f.height[1] > 0.5 && f.height[0] < 1.8 && f.contains(p, margin))
    }

    fn add_openings(&mut self, dice: &mut Dice) {
        let doors = dice.count(1, 2);
        let windows = dice.count(0, 3);
        for number in 0..doors + windows {
            let is_door = number < doors;
            let wall = dice.count(0, self.shell.corners.len() - 1);
            let (start, direction, length) = self.shell.wall(wall);
            let (size, sill) = if is_door {
                ([dice.within(0.78, 1.0), dice.within(1.95, 2.12)], 0.0)
            } else {
                ([dice.within(0.6, 2.0), dice.within(0.7, 1.35)], dice.within(0.75, 1.05))
            };
            if length < size[0] + 0.4 || sill + size[1] > self.shell.height - 0.1 {
                continue;
            }
            let opening = Opening { wall, middle: dice.within(size[0] / 2.0 + 0.15, length - size[0] / 2.0 - 0.15), size, sill };
            let free = |o: &Opening| o.wall != wall || (o.middle - opening.middle).abs() > (o.size[0] + size[0]) / 2.0 + 0.1;
            if !self.shell.openings.iter().all(free) {
                continue;
            }
            let pose = self.on_wall(wall, opening.middle, sill);
            // Nothing may stand in the way of a door, nothing tall before a window.
            let depth = if is_door { 0.8 } else { 0.12 };
            self.taken.push(Footprint {
                centre: start + direction * opening.middle + direction.perp() * depth / 2.0,
                half: Vec2::new(size[0] / 2.0, depth / 2.0),
                turn: pose.turn,
                height: if is_door { [0.03, 0.4] } else { [sill + 0.05, sill + size[1]] },
            });
            self.shell.openings.push(opening);
            let object = if is_door { grammar::door_of(size[0], size[1], dice) } else { grammar::window_of(size[0], size[1], dice) };
            self.things.push((object, pose));
            if is_door {
                continue;
            }
            let covering = match dice.count(0, 4) {
                0 | 1 => {
                    let low = if dice.chance(0.5) { 0.04 } else { sill - 0.15 };
                    Some((grammar::curtain_of(size[0] + dice.within(0.2, 0.6), sill + size[1] + 0.15 - low, dice), low))
                }
                2 => make("blinds", dice).map(|o| (o, sill + size[1] - 0.9)),
                _ => None,
            };
            if let Some((object, low)) = covering {
                let pose = self.on_wall(wall, opening.middle, low.max(0.0));
                if self.inside(&Footprint::of(&object, pose)) {
                    self.things.push((object, pose));
                }
            }
            if dice.chance(0.5)
                && let Some(radiator) = make("radiator", dice)
            {
                let pose = self.on_wall(wall, opening.middle, 0.1);
                let footprint = Footprint::of(&radiator, pose);
                if footprint.height[1] < sill - 0.03 && self.fits(&footprint) {
                    self.taken.push(footprint);
                    self.things.push((radiator, pose));
                }
            }
        }
    }

    /// The pose of a thing whose back is on a wall, `along` metres from the wall's start.
    fn on_wall(&self, wall: usize, along: f32, z: f32) -> Pose {
        let (start, direction, _) = self.shell.wall(wall);
        // The object's +y looks into the room, so its +x runs along the wall.
        Pose { position: (start + direction * along).extend(z), turn: direction.to_angle() }
    }

    fn inside(&self, footprint: &Footprint) -> bool {
        footprint.corners().into_iter().all(|c| self.shell.contains(c, -0.015))
            && self.shell.contains(footprint.centre, 0.0)
            && footprint.height[1] < self.shell.height + 0.01
    }

    fn fits(&self, footprint: &Footprint) -> bool {
        self.inside(footprint) && !self.taken.iter().any(|t| t.overlaps(footprint, SLACK))
    }

    fn group_fits(&self, group: &Group, pose: Pose) -> bool {
        group.members.iter().all(|(object, inner)| self.fits(&Footprint::of(object, pose.of(*inner))))
    }

    fn commit(&mut self, group: Group, pose: Pose) {
        for (object, inner) in group.members {
            let pose = pose.of(inner);
            self.taken.push(Footprint::of(&object, pose));
            self.things.push((object, pose));
        }
    }

    /// Backs a group against a wall; mostly pushed sideways until it touches its neighbour or the corner.
    fn place_at_wall(&mut self, group: Group, dice: &mut Dice) {
        let gap = if dice.chance(0.6) { dice.within(0.0, 0.02) } else { dice.within(0.02, 0.12) };
        for _ in 0..30 {
            let wall = dice.count(0, self.shell.corners.len() - 1);
            let (_, direction, length) = self.shell.wall(wall);
            let pose_at = |along: f32| {
                let pose = self.on_wall(wall, along, 0.0);
                Pose { position: pose.position + (direction.perp() * gap).extend(0.0), ..pose }
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

    /// Puts a group somewhere in the room, turned to the walls or nearly so.
    fn place_free(&mut self, group: Group, attempts: usize, dice: &mut Dice) {
        let (lo, hi) = self.shell.bounds();
        for _ in 0..attempts {
            let turn = dice.count(0, 3) as f32 * FRAC_PI_2 + if dice.chance(0.5) { dice.about(0.08) } else { dice.about(0.7) };
            let pose = Pose { position: Vec3::new(dice.within(lo.x, hi.x), dice.within(lo.y, hi.y), 0.0), turn };
            if self.group_fits(&group, pose) {
                self.commit(group, pose);
                return;
            }
        }
    }

    fn add_wall_things(&mut self, dice: &mut Dice) {
        const THINGS: &[&str] =
            &["picture", "picture", "poster", "mirror", "whiteboard", "bulletin board", "clock", "shelf", "jacket", "curtain", "towel", "tv"];
        for _ in 0..dice.count(2, 8) {
            let Some(object) = make(dice.pick(THINGS), dice) else { continue };
            let (lo, hi) = object.bounds();
            // Its back goes to the wall whatever its own origin is.
            let object = object.at(0.0, 0.004 - lo.y, -lo.z);
            let tall = hi.z - lo.z;
            let low = if tall > 1.3 { 0.05 } else { dice.within(0.9, 1.5) };
            for _ in 0..10 {
                let wall = dice.count(0, self.shell.corners.len() - 1);
                let pose = self.on_wall(wall, dice.within(0.0, self.shell.wall(wall).2), low);
                let footprint = Footprint::of(&object, pose);
                if self.fits(&footprint) {
                    self.taken.push(footprint);
                    self.things.push((object, pose));
                    break;
                }
            }
        }
    }

    fn add_lamps(&mut self, dice: &mut Dice) {
        for _ in 0..dice.count(0, 2) {
            let Some(lamp) = make("ceiling lamp", dice) else { continue };
            let (lo, hi) = self.shell.bounds();
            let p = Vec2::new(dice.within(lo.x, hi.x), dice.within(lo.y, hi.y));
            let pose = Pose { position: p.extend(self.shell.height - lamp.bounds().1.z), turn: 0.0 };
            let footprint = Footprint::of(&lamp, pose);
            if self.shell.contains(p, 0.5) && self.fits(&footprint) {
                self.taken.push(footprint);
                self.things.push((lamp, pose));
            }
        }
    }

    /// Small things on the tops of what stands there already.
    fn add_clutter(&mut self, kinds: &[&'static str], dice: &mut Dice) {
        let crowded = dice.within(0.25, 1.0);
        for index in 0..self.things.len() {
            let (tops, base) = (self.things[index].0.tops.clone(), self.things[index].1);
            for top in tops {
                let area = 4.0 * top.half[0] * top.half[1];
                let wanted = (area * 9.0 * crowded).ceil().min(6.0) as usize;
                let mut standing: Vec<Footprint> = Vec::new();
                for _ in 0..dice.count(0, wanted) {
                    let Some(object) = make(dice.pick(kinds), dice) else { continue };
                    let (lo, hi) = object.bounds();
                    let half = (hi - lo).truncate() / 2.0;
                    let room_to_move = Vec2::from(top.half) - half * 0.8;
                    if room_to_move.min_element() < 0.0 || hi.z > top.clearance {
                        continue;
                    }
                    let object = object.at(-(lo.x + hi.x) / 2.0, -(lo.y + hi.y) / 2.0, -lo.z);
                    let turn = if dice.chance(0.6) { dice.about(0.25) } else { dice.about(PI) };
                    let position = top.centre + Vec3::new(dice.about(room_to_move.x), dice.about(room_to_move.y), 0.002);
                    let pose = base.of(Pose { position, turn });
                    let footprint = Footprint::of(&object, pose);
                    let taken = self.taken.iter().chain(&standing).any(|t| t.height[1] > footprint.height[0] + 0.03 && t.overlaps(&footprint, 0.03));
                    if !taken || (!standing.iter().any(|t| t.overlaps(&footprint, 0.004)) && self.own_only(index, &footprint)) {
                        standing.push(footprint);
                        self.things.push((object, pose));
                    }
                }
            }
        }
    }

    /// Whether nothing but the thing it stands on overlaps a footprint.
    fn own_only(&self, index: usize, footprint: &Footprint) -> bool {
        let own = Footprint::of(&self.things[index].0, self.things[index].1);
        self.taken.iter().all(|t| !t.overlaps(footprint, 0.01) || t.centre.distance(own.centre) < 1e-3) && self.inside(footprint)
    }
}
