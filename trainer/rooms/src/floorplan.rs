//! Floor plans: a rectangle divided into rooms, with doorways that make every room reachable from
//! every other.

use glam::Vec2;

use super::rng::RoomRng;

/// The shortest side of a room other than a corridor, metres.
const SHORTEST: f32 = 2.2;

/// The narrowest doorway that a person can pass, metres.
pub const NARROWEST: f32 = 0.78;

/// Width of the wall that remains on each side of a doorway, metres.
const JAMB: f32 = 0.15;

/// The kind of building that the floor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildingType {
    /// A home.
    Flat,
    /// Rooms along a corridor.
    Offices,
    /// A large hall with rooms behind it.
    Shop,
}

/// The role of a room in its building.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaRole {
    /// An ordinary room.
    Room,
    /// The corridor that leads to the other rooms.
    Corridor,
    /// The large hall.
    Hall,
}

/// A room of the plan, without its walls.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Its lower corner, metres.
    pub low: Vec2,
    /// Its upper corner, metres.
    pub high: Vec2,
    /// Its role in the building.
    pub role: AreaRole,
}

impl Area {
    /// Width and depth, metres.
    pub fn size(&self) -> Vec2 {
        self.high - self.low
    }

    /// Area, square metres.
    pub fn area(&self) -> f32 {
        self.size().element_product()
    }
}

/// A doorway between two rooms.
#[derive(Clone, Copy, Debug)]
pub struct Doorway {
    /// Indices of the two rooms.
    pub rooms: [usize; 2],
    /// Its center, in the middle of the wall.
    pub center: Vec2,
    /// The unit vector from the first room to the second.
    pub direction: Vec2,
    /// Width and height, metres.
    pub size: [f32; 2],
}

/// Rooms and the doorways between them.
#[derive(Clone, Debug)]
pub struct FloorPlan {
    /// The kind of building.
    pub building: BuildingType,
    /// The rooms.
    pub areas: Vec<Area>,
    /// Thickness of the walls between the rooms, metres.
    pub wall: f32,
    /// The doorways.
    pub doorways: Vec<Doorway>,
}

impl FloorPlan {
    /// Generates a floor of a building, at most 25 m long.
    pub fn new(rng: &mut RoomRng) -> Self {
        let building = rng.pick(&[
            BuildingType::Flat,
            BuildingType::Flat,
            BuildingType::Offices,
            BuildingType::Offices,
            BuildingType::Shop,
        ]);
        let wall = rng.within(0.1, 0.2);
        let [long, deep] = match building {
            BuildingType::Flat => [rng.within(6.5, 13.0), rng.within(5.5, 9.5)],
            BuildingType::Offices => [rng.within(9.0, 25.0), rng.within(6.5, 12.5)],
            BuildingType::Shop => [rng.within(8.0, 25.0), rng.within(6.0, 12.0)],
        };
        let all = Area {
            low: Vec2::ZERO,
            high: Vec2::new(long, deep),
            role: AreaRole::Room,
        };
        // Larger buildings have larger rooms, because the cost of a scan grows with the number of
        // rooms.
        let largest = match building {
            BuildingType::Flat => rng.within(10.0, 22.0),
            _ => rng.within(14.0, 26.0),
        } * (all.area() / 120.0).clamp(1.0, 1.6);
        let mut areas = Vec::new();
        match building {
            BuildingType::Shop => {
                let [hall, rest] = cut(all, 0, rng.within(0.55, 0.8), wall);
                areas.push(Area {
                    role: AreaRole::Hall,
                    ..hall
                });
                split(rest, largest, wall, rng, &mut areas);
            }
            BuildingType::Flat if deep < 2.0 * SHORTEST + 2.0 * wall + 1.3 || rng.chance(0.4) => {
                split(all, largest, wall, rng, &mut areas)
            }
            _ => along_corridor(building, all, largest, wall, rng, &mut areas),
        }
        let doorways = doorways(&areas, wall, rng);
        Self {
            building,
            areas,
            wall,
            doorways,
        }
    }

    /// `true` if a wall of a room is an outer wall of the building. Walls are numbered as in
    /// [`super::structure::Shell::rectangle`]: front, right, back, left.
    pub fn is_outer(&self, room: usize, wall: usize) -> bool {
        let (lo, hi) = self
            .areas
            .iter()
            .fold((Vec2::INFINITY, Vec2::NEG_INFINITY), |(lo, hi), a| {
                (lo.min(a.low), hi.max(a.high))
            });
        let Area { low, high, .. } = self.areas[room];
        [low.y - lo.y, hi.x - high.x, hi.y - high.y, low.x - lo.x][wall] < 1e-3
    }
}

/// Adds a corridor along the building, and rooms on one side of it or on both.
fn along_corridor(
    building: BuildingType,
    all: Area,
    largest: f32,
    wall: f32,
    rng: &mut RoomRng,
    areas: &mut Vec<Area>,
) {
    let [long, deep] = all.high.to_array();
    let wide = if building == BuildingType::Flat {
        rng.within(1.2, 1.7)
    } else {
        rng.within(1.5, 2.4)
    };
    let room = deep - wide - 2.0 * wall;
    // Rooms along one side of the corridor, or on both.
    let below = if room < 2.0 * SHORTEST || rng.chance(0.15) {
        0.0
    } else {
        room * rng.within(SHORTEST / room, 1.0 - SHORTEST / room)
    };
    let start = if below > 0.0 { below + wall } else { 0.0 };
    if below > 0.0 {
        split(
            Area {
                high: Vec2::new(long, below),
                ..all
            },
            largest,
            wall,
            rng,
            areas,
        );
    }
    areas.push(Area {
        low: Vec2::new(0.0, start),
        high: Vec2::new(long, start + wide),
        role: AreaRole::Corridor,
    });
    split(
        Area {
            low: Vec2::new(0.0, start + wide + wall),
            ..all
        },
        largest,
        wall,
        rng,
        areas,
    );
}

/// Two areas separated by a wall, cut across `axis` at the fraction `share` of its length.
fn cut(area: Area, axis: usize, share: f32, wall: f32) -> [Area; 2] {
    let length = area.size()[axis] - wall;
    let at = (length * share).clamp(
        SHORTEST.min(length / 2.0),
        (length - SHORTEST).max(length / 2.0),
    );
    let [mut first, mut second] = [area; 2];
    first.high[axis] = area.low[axis] + at;
    second.low[axis] = area.low[axis] + at + wall;
    [first, second]
}

/// Cuts an area recursively until no room is much larger than `largest`.
fn split(area: Area, largest: f32, wall: f32, rng: &mut RoomRng, areas: &mut Vec<Area>) {
    let size = area.size();
    let axis = usize::from(size.y > size.x);
    let is_enough = area.area() < largest * rng.within(0.6, 1.2);
    if is_enough && size[axis] < 2.5 * size[1 - axis] || size[axis] < 2.0 * SHORTEST + wall {
        areas.push(area);
        return;
    }
    for part in cut(area, axis, rng.within(0.3, 0.7), wall) {
        split(part, largest, wall, rng, areas);
    }
}

/// The wall shared by two rooms: the direction from the first to the second, the position of the
/// wall along that direction's axis, and its start and end.
fn shared(a: &Area, b: &Area, wall: f32) -> Option<(Vec2, f32, [f32; 2])> {
    (0..2).find_map(|axis| {
        let along = 1 - axis;
        let range = [
            a.low[along].max(b.low[along]),
            a.high[along].min(b.high[along]),
        ];
        let (gap, sign, at) = if b.low[axis] > a.high[axis] {
            (b.low[axis] - a.high[axis], 1.0, a.high[axis] + wall / 2.0)
        } else {
            (a.low[axis] - b.high[axis], -1.0, a.low[axis] - wall / 2.0)
        };
        let mut direction = Vec2::ZERO;
        direction[axis] = sign;
        ((gap - wall).abs() < 1e-3 && range[1] - range[0] > NARROWEST + 2.0 * JAMB)
            .then_some((direction, at, range))
    })
}

/// Doorways that make every room reachable, preferably from corridors and halls, and a few more.
fn doorways(areas: &[Area], wall: f32, rng: &mut RoomRng) -> Vec<Doorway> {
    let mut pairs: Vec<([usize; 2], _)> = Vec::new();
    for first in 0..areas.len() {
        for second in first + 1..areas.len() {
            pairs.extend(
                shared(&areas[first], &areas[second], wall).map(|shared| ([first, second], shared)),
            );
        }
    }
    rng.shuffle(&mut pairs);
    pairs.sort_by_key(|(rooms, _)| rooms.iter().all(|&room| areas[room].role == AreaRole::Room));
    // For each room, the label of the connected component it belongs to.
    let mut part: Vec<usize> = (0..areas.len()).collect();
    let tall = rng.within(1.98, 2.12);
    let mut doorways = Vec::new();
    for (rooms, (direction, at, [from, to])) in pairs {
        let [a, b] = rooms.map(|room| part[room]);
        if a == b && !rng.chance(0.1) {
            continue;
        }
        part.iter_mut().filter(|p| **p == b).for_each(|p| *p = a);
        let room = to - from - 2.0 * JAMB;
        let is_wide = room > 1.4 && rng.chance(0.18);
        let width = if is_wide {
            rng.within(1.2, room.min(2.4))
        } else {
            rng.within(NARROWEST, room.min(1.0))
        };
        let along = rng.within(from + JAMB + width / 2.0, to - JAMB - width / 2.0);
        let center = if direction.x == 0.0 {
            Vec2::new(along, at)
        } else {
            Vec2::new(at, along)
        };
        doorways.push(Doorway {
            rooms,
            center,
            direction,
            size: [
                width,
                tall + if is_wide { rng.within(0.0, 0.2) } else { 0.0 },
            ],
        });
    }
    doorways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_can_be_reached_and_none_overlaps_another() {
        for roll in 0..300 {
            let plan = FloorPlan::new(&mut RoomRng::new(4, roll));
            let FloorPlan {
                areas,
                wall,
                doorways,
                ..
            } = &plan;
            assert!((2..24).contains(&areas.len()), "{} rooms", areas.len());
            for (number, a) in areas.iter().enumerate() {
                let (short, long) = (a.size().min_element(), a.size().max_element());
                assert!(
                    short
                        > if a.role == AreaRole::Corridor {
                            1.1
                        } else {
                            SHORTEST - 1e-3
                        }
                        && long <= 25.0,
                    "{a:?}"
                );
                assert!((0..4).filter(|&w| plan.is_outer(number, w)).count() < 4);
                for b in &areas[number + 1..] {
                    let apart = (a.low - b.high).max(b.low - a.high).max_element();
                    assert!(apart > wall - 1e-3, "{a:?} {b:?}");
                }
            }
            let mut reached = vec![false; areas.len()];
            reached[0] = true;
            for _ in 0..areas.len() {
                for [a, b] in doorways.iter().map(|d| d.rooms) {
                    let any = reached[a] || reached[b];
                    (reached[a], reached[b]) = (any, any);
                }
            }
            assert!(reached.iter().all(|r| *r), "plan {roll}");
            for d in doorways {
                assert!(d.size[0] >= NARROWEST && d.size[1] > 1.9);
                for (room, sign) in d.rooms.into_iter().zip([-1.0, 1.0]) {
                    // Both jambs are in the wall of the room.
                    for side in [-0.5, 0.5] {
                        let p = d.center
                            + d.direction * sign * (wall / 2.0 + 0.01)
                            + d.direction.perp() * (side * d.size[0]);
                        assert!(
                            p.cmpge(areas[room].low).all() && p.cmple(areas[room].high).all(),
                            "plan {roll}: {d:?}"
                        );
                    }
                }
            }
        }
    }
}
