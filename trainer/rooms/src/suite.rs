//! The rooms of one scan: a single room, or all rooms of a floor of a building.

use std::collections::BTreeSet;

use glam::Vec2;

use super::{
    floorplan::{Area, AreaRole, BuildingType, Doorway, FloorPlan},
    furnisher::Furnisher,
    layout::{Layout, MOST_KINDS},
    plans::Plan,
    scene::Footprint,
    structure::{Opening, Shell},
};

/// The share of scans that have more than one room.
const MANY: f32 = 0.15;

/// Furnished rooms and the doorways between them, all in one frame.
pub struct Suite {
    /// One or more rooms.
    pub rooms: Vec<Layout>,
    /// The doorways; empty for a single room.
    pub doorways: Vec<Doorway>,
}

impl Suite {
    /// Generates a single room, or sometimes several.
    pub fn new(rng: &mut Furnisher) -> Self {
        if rng.chance(MANY) {
            Self::of(&FloorPlan::new(rng), rng)
        } else {
            Self {
                rooms: vec![Layout::new(rng)],
                doorways: Vec::new(),
            }
        }
    }

    /// Furnishes the rooms of a floor plan.
    pub fn of(plan: &FloorPlan, rng: &mut Furnisher) -> Self {
        let (areas, height) = (plan.areas.len(), Shell::any_height(rng));
        // The room with the entrance door.
        let entrance = rng.count(0, plan.areas.len() - 1);
        let (mut rooms, mut kinds, mut uses) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (number, area) in plan.areas.iter().enumerate() {
            let mut room = Layout::empty(Shell::rectangle(area.low, area.high, height), kinds);
            for doorway in plan.doorways.iter().filter(|d| d.rooms.contains(&number)) {
                let opening = opening(&room.shell, doorway, plan.wall);
                room.add_doorway(opening, doorway.rooms[0] == number, rng);
            }
            let outer: Vec<usize> = (0..4).filter(|&wall| plan.is_outer(number, wall)).collect();
            let windows = rng.count(0, 2);
            room.add_openings(&outer, usize::from(number == entrance), windows, rng);
            if area.role == AreaRole::Corridor {
                room.kept_free.push(lane(area));
            }
            let size = area.size().to_array();
            let names: &[&str] = match (area.role, plan.building) {
                (AreaRole::Corridor, _) => &["corridor"],
                (AreaRole::Hall, _) => &["shop"],
                (AreaRole::Room, BuildingType::Flat) => &[
                    "living room",
                    "bedroom",
                    "kitchen",
                    "bathroom",
                    "hall",
                    "laundry",
                    "hobby room",
                    "store room",
                ],
                (AreaRole::Room, BuildingType::Offices) => &[
                    "office",
                    "lounge",
                    "restroom",
                    "kitchen",
                    "store room",
                    "classroom",
                ],
                (AreaRole::Room, BuildingType::Shop) => {
                    &["store room", "office", "restroom", "shop", "kitchen"]
                }
            };
            let plan = Plan::fitting(names, size, &uses, rng);
            uses.push(plan.name);
            room.most_with_small = (MOST_KINDS / 3) + MOST_KINDS / 2 * (number + 1) / areas;
            room.furnish(plan, plan.times(area.area()), rng);
            kinds = room.kinds.clone();
            rooms.push(room);
        }
        Self {
            rooms,
            doorways: plan.doorways.clone(),
        }
    }

    /// The rooms in the order of the walk, each with the doorway it is entered by; `None` for the
    /// first.
    pub fn route(&self) -> Vec<(usize, Option<&Doorway>)> {
        let mut route: Vec<(usize, Option<&Doorway>)> = Vec::new();
        let mut next = vec![(0, None)];
        while let Some((room, by)) = next.pop() {
            if route.iter().any(|(known, _)| *known == room) {
                continue;
            }
            route.push((room, by));
            let ways = self.doorways.iter().filter(|d| d.rooms.contains(&room));
            next.extend(ways.map(|d| (d.rooms[usize::from(d.rooms[0] == room)], Some(d))));
        }
        route
    }

    /// Total area of walls, floors and ceilings, square metres.
    pub fn surface(&self) -> f32 {
        let of_room = |room: &Layout| {
            let (lo, hi) = room.shell.bounds();
            let size = hi - lo;
            2.0 * size.element_product() + 2.0 * size.element_sum() * room.shell.height
        };
        self.rooms.iter().map(of_room).sum()
    }
}

/// The opening that a doorway makes in a room on one of its sides.
fn opening(shell: &Shell, doorway: &Doorway, wall: f32) -> Opening {
    let away = |index: &usize| {
        let (start, direction, _) = shell.wall(*index);
        (doorway.center - start).dot(direction.perp()).abs()
            + 10.0 * doorway.direction.dot(direction).abs()
    };
    let index = (0..shell.corners.len())
        .min_by(|a, b| away(a).total_cmp(&away(b)))
        .unwrap_or(0);
    let (start, direction, _) = shell.wall(index);
    Opening {
        wall: index,
        middle: (doorway.center - start).dot(direction),
        size: doorway.size,
        sill: 0.0,
        deep: wall / 2.0,
    }
}

/// The strip along the middle of a corridor that is kept free.
fn lane(area: &Area) -> Footprint {
    let size = area.size();
    let across = 0.25 * size.min_element();
    let half = if size.x > size.y {
        Vec2::new(size.x / 2.0, across)
    } else {
        Vec2::new(across, size.y / 2.0)
    };
    Footprint {
        center: (area.low + area.high) / 2.0,
        half,
        turn: 0.0,
        height: [0.03, 2.0],
    }
}
