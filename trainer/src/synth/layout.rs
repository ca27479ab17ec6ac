//! Who stands where: functional groups of things along the walls and in the room, clutter on their tops, without impossible overlaps.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};

use super::{
    furnisher::{Furnisher, make, or_foreign},
    grammar::{self, Object},
    groups::Group,
    plans::Plan,
    scene::{Footprint, Pose},
    structure::{Opening, Shell},
};

/// Overlap in the plan that counts as touching, metres.
const SLACK: f32 = 0.012;

/// Things that lean: they need a wall behind them.
const LEANING: &[&str] = &["broom", "folded chair", "guitar", "guitar case", "ladder", "tube"];

/// An object in its place.
pub struct Thing {
    /// What.
    pub object: Object,
    /// Where.
    pub pose: Pose,
    /// The box around it in the room.
    pub footprint: Footprint,
}

/// A furnished room before it becomes triangles.
pub struct Layout {
    /// Walls, floor, ceiling.
    pub shell: Shell,
    /// What stands, hangs and lies in it.
    pub things: Vec<Thing>,
    /// Where nothing may stand: the swing of doors.
    kept_free: Vec<Footprint>,
}

impl Layout {
    /// Furnishes a new room.
    pub fn new(dice: &mut Furnisher) -> Self {
        let plan = Plan::drawn(dice);
        let side = |dice: &mut Furnisher| dice.within(plan.size[0], plan.size[1]);
        let size = [side(dice), side(dice)];
        let mut room = Self { shell: Shell::new(dice, size), things: Vec::new(), kept_free: Vec::new() };
        room.add_openings(dice);
        for group in plan.along_walls {
            if dice.chance(0.92) {
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
        for _ in 0..dice.count(3, 9) {
            let kind = dice.pick(plan.floor);
            if let Some(object) = make(kind, dice) {
                let group = Group::of(object);
                // Small things stand in corners and against furniture more often than in the open.
                if LEANING.contains(&kind) || dice.chance(0.65) { room.place_at_wall(group, dice) } else { room.place_free(group, 12, dice) }
            }
        }
        room.add_wall_things(plan, dice);
        room.add_overhead(plan, dice);
        room.add_clutter(plan.on_tops, dice);
        room
    }

    /// Things whose footprint is taken at the height of a walking person.
    pub fn blocks(&self, p: Vec2, margin: f32) -> bool {
        self.things.iter().map(|t| t.footprint).any(|f| f.height[1] > 0.5 && f.height[0] < 1.8 && f.contains(p, margin))
    }

    fn add_openings(&mut self, dice: &mut Furnisher) {
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
            self.shell.openings.push(opening);
            let pose = self.on_wall(wall, opening.middle, sill);
            if is_door {
                // Often leaf and frame are two things; sometimes there is no leaf.
                let style = dice.count(0, 9);
                if style > 5 {
                    self.put(grammar::doorframe_of(size[0], size[1], dice), pose);
                }
                if style < 9 {
                    let door = grammar::door_of(size, style <= 5, dice);
                    self.put(if style <= 5 { or_foreign(door, dice) } else { door }, pose);
                }
                let centre = start + direction * opening.middle + direction.perp() * 0.4;
                self.kept_free.push(Footprint { centre, half: Vec2::new(size[0] / 2.0, 0.4), turn: pose.turn, height: [0.03, 0.4] });
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

    /// A curtain or blinds before a window, a radiator below it.
    fn dress_window(&mut self, window: Opening, dice: &mut Furnisher) {
        let ([w, h], sill) = (window.size, window.sill);
        let covering = match dice.count(0, 4) {
            0 | 1 => {
                let low = if dice.chance(0.5) { 0.04 } else { sill - 0.15 };
                Some((grammar::curtain_of(w + dice.within(0.2, 0.6), sill + h + 0.15 - low, dice), low))
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

    /// Puts an object where it was found to fit.
    pub fn put(&mut self, object: Object, pose: Pose) {
        let footprint = Footprint::of(&object, pose);
        self.things.push(Thing { object, pose, footprint });
    }

    /// The pose of a thing whose back is on a wall, `along` metres from the wall's start.
    pub fn on_wall(&self, wall: usize, along: f32, z: f32) -> Pose {
        let (start, direction, _) = self.shell.wall(wall);
        // The object's +y looks into the room, so its +x runs along the wall.
        Pose { position: (start + direction * along).extend(z), turn: direction.to_angle() }
    }

    fn inside(&self, footprint: &Footprint) -> bool {
        footprint.corners().into_iter().all(|c| self.shell.contains(c, -0.015))
            && self.shell.contains(footprint.centre, 0.0)
            && footprint.height[1] < self.shell.height + 0.01
    }

    /// Whether the place is inside the room and free.
    pub fn fits(&self, footprint: &Footprint) -> bool {
        self.inside(footprint) && !self.things.iter().map(|t| &t.footprint).chain(&self.kept_free).any(|t| t.overlaps(footprint, SLACK))
    }

    fn group_fits(&self, group: &Group, pose: Pose) -> bool {
        group.members.iter().all(|(object, inner)| self.fits(&Footprint::of(object, pose.of(*inner))))
    }

    fn commit(&mut self, group: Group, pose: Pose) {
        for (object, inner) in group.members {
            self.put(object, pose.of(inner));
        }
    }

    /// Backs a group against a wall; mostly pushed sideways until it touches its neighbour or the corner.
    fn place_at_wall(&mut self, mut group: Group, dice: &mut Furnisher) {
        group.members = group.members.into_iter().map(|(object, pose)| (self.full_height(object), pose)).collect();
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
    fn place_free(&mut self, mut group: Group, attempts: usize, dice: &mut Furnisher) {
        group.members = group.members.into_iter().map(|(object, pose)| (self.full_height(object), pose)).collect();
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

    /// Small things on the tops of what stands there already.
    fn add_clutter(&mut self, kinds: &[&'static str], dice: &mut Furnisher) {
        let crowded = dice.within(0.1, 0.7);
        for host in 0..self.things.len() {
            let (tops, base) = (self.things[host].object.tops.clone(), self.things[host].pose);
            for top in tops {
                let area = 4.0 * top.half[0] * top.half[1];
                let most = (area * 7.0 * crowded).ceil().min(5.0) as usize;
                for _ in 0..dice.count(0, most) {
                    let Some(object) = make(dice.pick(kinds), dice) else { continue };
                    let (lo, hi) = object.bounds();
                    let play = Vec2::from(top.half) - (hi - lo).truncate() * 0.4;
                    if play.min_element() < 0.0 || hi.z - lo.z > top.clearance {
                        continue;
                    }
                    let object = object.at(-(lo.x + hi.x) / 2.0, -(lo.y + hi.y) / 2.0, -lo.z);
                    let position = top.centre + Vec3::new(dice.about(play.x), dice.about(play.y), 0.002);
                    let turn = if dice.chance(0.6) { dice.about(0.25) } else { dice.about(PI) };
                    let pose = base.of(Pose { position, turn });
                    let footprint = Footprint::of(&object, pose);
                    let clear = self.things.iter().enumerate().all(|(i, t)| i == host || !t.footprint.overlaps(&footprint, 0.006));
                    if clear && self.inside(&footprint) {
                        self.put(object, pose);
                    }
                }
            }
        }
    }
}
