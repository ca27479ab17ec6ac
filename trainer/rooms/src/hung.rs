//! Objects that hang on walls and below the ceiling.

use glam::Vec2;

use super::{
    furnisher::{Furnisher, make},
    grammar::{self, Object},
    layout::Layout,
    plans::Plan,
    scene::{Footprint, Pose},
};

/// Fixtures that every room of a building can have.
const FIXTURES: &[&str] = &[
    "power outlet",
    "power outlet",
    "power outlet",
    "power outlet",
    "power outlet",
    "light switch",
    "light switch",
    "vent",
    "fire alarm",
    "pipe",
    "sign",
    "fire extinguisher",
];

/// Objects that do not hang at eye level: the least and greatest height of their lower edge,
/// metres.
const HEIGHTS: &[(&str, [f32; 2])] = &[
    ("power outlet", [0.2, 0.45]),
    ("light switch", [1.0, 1.25]),
    ("vent", [1.7, 1.9]),
    ("fire alarm", [1.6, 2.0]),
    ("pipe", [0.0, 0.0]),
    ("sign", [1.3, 1.9]),
    ("fire extinguisher", [0.5, 1.1]),
    ("mailbox", [0.7, 1.1]),
    ("handicap bar", [0.75, 0.9]),
    ("toilet paper holder", [0.55, 0.75]),
    ("toilet paper dispenser", [0.55, 0.75]),
    ("toilet seat cover dispenser", [1.1, 1.3]),
    ("paper towel dispenser", [1.0, 1.25]),
    ("bathroom cabinet", [1.1, 1.4]),
    ("blackboard", [0.75, 0.95]),
    ("whiteboard", [0.75, 1.1]),
    ("projector screen", [0.7, 0.95]),
    ("clock", [1.5, 2.0]),
    ("stair rail", [0.0, 0.0]),
];

impl Layout {
    /// Hangs the pictures, boards and shelves of the room's use, and the fixtures of the building.
    pub fn add_wall_things(&mut self, plan: &Plan, rng: &mut Furnisher) {
        for _ in 0..rng.count(2, 8) {
            self.hang(rng.pick(plan.hung), rng);
        }
        for _ in 0..rng.count(0, 3) {
            self.hang(rng.pick(FIXTURES), rng);
        }
        self.add_switches(rng);
    }

    /// Hangs an object of the class `kind` on a random wall where it fits.
    pub fn hang(&mut self, kind: &str, rng: &mut Furnisher) {
        let Some(object) = make(kind, rng) else {
            return;
        };
        let (lo, hi) = object.bounds();
        // Its back goes to the wall, wherever its own origin is.
        let object = self.full_height(object.at(0.0, 0.004 - lo.y, -lo.z));
        let low = match HEIGHTS.iter().find(|(name, _)| *name == kind) {
            Some((_, [least, greatest])) => rng.within(*least, *greatest),
            None if hi.z - lo.z > 1.3 => 0.05,
            None => rng.within(0.9, 1.5),
        };
        for _ in 0..10 {
            let wall = rng.count(0, self.shell.corners.len() - 1);
            let pose = self.on_wall(wall, rng.within(0.0, self.shell.wall(wall).2), low);
            if self.fits(&Footprint::of(&object, pose)) {
                self.put(object, pose);
                break;
            }
        }
    }

    /// Adds switches beside doors, within reach of a hand.
    fn add_switches(&mut self, rng: &mut Furnisher) {
        let doors: Vec<_> = self
            .shell
            .openings
            .iter()
            .filter(|o| o.sill == 0.0)
            .copied()
            .collect();
        for door in doors {
            if !rng.chance(0.25) {
                continue;
            }
            let Some(switch) = make("light switch", rng) else {
                continue;
            };
            let along = door.middle + rng.side() * (door.size[0] / 2.0 + rng.within(0.18, 0.35));
            let pose = self.on_wall(door.wall, along, rng.within(1.0, 1.2));
            if self.fits(&Footprint::of(&switch, pose)) {
                self.put(switch, pose);
            }
        }
    }

    /// Adds lamps and other objects below the ceiling.
    pub fn add_overhead(&mut self, plan: &Plan, rng: &mut Furnisher) {
        for _ in 0..rng.count(0, 2) {
            let kind = rng.pick(plan.overhead);
            let object = if kind == "projector" {
                Some(grammar::hung_projector(rng))
            } else {
                make(kind, rng)
            };
            let Some(object) = object else { continue };
            let (lo, hi) = self.shell.bounds();
            let p = Vec2::new(rng.within(lo.x, hi.x), rng.within(lo.y, hi.y));
            let pose = Pose {
                position: p.extend(self.shell.height - object.bounds().1.z),
                turn: 0.0,
            };
            if self.shell.contains(p, 0.5) && self.fits(&Footprint::of(&object, pose)) {
                self.put(object, pose);
            }
        }
    }

    /// The object, stretched to the ceiling if its class reaches from floor to ceiling.
    pub fn full_height(&self, mut object: Object) -> Object {
        if ["pillar", "column", "pipe"].contains(&object.class) {
            let by = self.shell.height / object.bounds().1.z.max(0.1);
            object.parts.iter_mut().for_each(|p| {
                p.mesh = std::mem::take(&mut p.mesh).warp(|q| glam::Vec3::new(q.x, q.y, q.z * by))
            });
        }
        object
    }
}
