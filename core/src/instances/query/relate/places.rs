//! How boxes lie to each other.

use super::PlacedThing;
use crate::{
    geometry::Aabb,
    text::prompt::{Measure, Relation},
};

/// Things less than this far apart are next to each other, metres.
const NEAR: f32 = 1.0;
/// Things less than this far apart touch, where nothing else is known, metres.
const TOUCH: f32 = 0.05;
/// How far the underside of a thing may be from what it lies on, metres.
const REST: f32 = 0.15;
/// What is thinner than this can have things hanging on it, metres.
const UPRIGHT: f32 = 0.3;
/// Least share of the smaller base that is common to things above each other.
const COMMON_BASE: f32 = 0.5;
/// Least share of a thing's box that lies in what the thing is in.
const INSIDE: f32 = 0.7;
/// How far from the line between two things another one may be that is between them, metres.
const ASIDE: f32 = 0.5;

/// The place of a thing, or of a side of the room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Id of the thing; `None` for a side of the room.
    pub id: Option<u32>,
    pub bounds: Aabb,
}

impl From<&PlacedThing> for Place {
    fn from(thing: &PlacedThing) -> Self {
        Self {
            id: Some(thing.id),
            bounds: thing.bounds,
        }
    }
}

/// The sides of the room that a noun names.
pub(super) fn sides(noun: &str, room: &Aabb) -> Option<Vec<Place>> {
    let side = |axis: usize, upper: bool| {
        let mut bounds = *room;
        match upper {
            true => bounds.min[axis] = room.max[axis],
            false => bounds.max[axis] = room.min[axis],
        }
        Place { id: None, bounds }
    };
    match noun {
        "floor" | "ground" => Some(vec![side(2, false)]),
        "ceiling" => Some(vec![side(2, true)]),
        "wall" | "walls" => {
            let walls = [(0, false), (0, true), (1, false), (1, true)];
            Some(walls.map(|(axis, upper)| side(axis, upper)).to_vec())
        }
        _ => None,
    }
}

/// If a thing has the relation to a place, how far it is from it, metres.
pub(super) fn holds(
    relation: Relation,
    thing: &PlacedThing,
    place: &Place,
    contacts: &[[u32; 2]],
) -> Option<f32> {
    let (a, b) = (&thing.bounds, &place.bounds);
    let apart = gap(a, b);
    let [middle_a, middle_b] = [middle(a, 2), middle(b, 2)];
    let touches = || match place.id {
        Some(id) => {
            let pair = [thing.id.min(id), thing.id.max(id)];
            contacts.binary_search(&pair).is_ok()
        }
        None => false,
    };
    let is_over = || common_base(a, b) >= COMMON_BASE;
    let rests = || {
        let bottom = a.min[2];
        // A bed or a couch is lain on below its highest part.
        is_over() && bottom >= middle_b - REST && bottom <= b.max[2] + REST && middle_a > middle_b
    };
    let hangs = || {
        let is_upright = measure(b, Measure::Depth, b) < UPRIGHT && b.size()[2] > UPRIGHT;
        let is_beside = b.min[2] <= middle_a && middle_a <= b.max[2];
        is_upright && is_beside && apart <= REST
    };
    let does = match relation {
        Relation::NextTo => apart < NEAR,
        Relation::On => rests() || hangs(),
        Relation::Under => is_over() && a.max[2] <= b.max[2] && middle_a < middle_b,
        Relation::Above => is_over() && a.min[2] >= b.max[2] + TOUCH,
        Relation::In => contained(a, b) >= INSIDE,
        Relation::Touching => touches() || apart <= TOUCH,
        Relation::Nearest | Relation::Farthest => true,
    };
    does.then_some(apart)
}

/// How far a thing is from the line between the middles of two others, seen from above; `None` if it
/// is not between them.
pub(super) fn between(thing: &Aabb, one: &Aabb, other: &Aabb) -> Option<f32> {
    let flat = |bounds: &Aabb| glam::Vec2::new(middle(bounds, 0), middle(bounds, 1));
    let (here, from, to) = (flat(thing), flat(one), flat(other));
    let along = to - from;
    let place = (here - from).dot(along) / along.length_squared();
    let aside = here.distance(from + place * along);
    let is_over = |other: &Aabb| {
        let is_in = |axis: usize| other.min[axis] <= here[axis] && here[axis] <= other.max[axis];
        is_in(0) && is_in(1)
    };
    let is_between = place > 0.0 && place < 1.0 && aside <= ASIDE;
    (is_between && !is_over(one) && !is_over(other)).then_some(aside)
}

/// What is compared of a box: metres, or cubic metres of its size.
pub(super) fn measure(bounds: &Aabb, measure: Measure, room: &Aabb) -> f32 {
    let [x, y, z] = bounds.size();
    match measure {
        Measure::Size => x * y * z,
        Measure::Height => z,
        Measure::Width => x.max(y),
        Measure::Depth => x.min(y),
        Measure::Elevation => middle(bounds, 2) - room.min[2],
    }
}

/// The length that is compared with a length: metres.
pub(super) fn length(bounds: &Aabb, of: Measure, room: &Aabb) -> f32 {
    match of {
        Measure::Size => bounds.size().into_iter().fold(0.0, f32::max),
        of => measure(bounds, of, room),
    }
}

/// The value with its unit.
pub(super) fn measured(of: Measure, value: f32) -> String {
    match of {
        Measure::Size => format!("{value:.3} cubic metres"),
        _ => format!("{value:.2} m"),
    }
}

fn middle(bounds: &Aabb, axis: usize) -> f32 {
    (bounds.min[axis] + bounds.max[axis]) / 2.0
}

/// Distance of two boxes, metres; 0 if they overlap.
fn gap(a: &Aabb, b: &Aabb) -> f32 {
    let along = |axis: usize| {
        let apart = (a.min[axis] - b.max[axis]).max(b.min[axis] - a.max[axis]);
        apart.max(0.0)
    };
    glam::Vec3::new(along(0), along(1), along(2)).length()
}

/// Length that the boxes have in common along an axis; negative if they are apart.
fn common(a: &Aabb, b: &Aabb, axis: usize) -> f32 {
    a.max[axis].min(b.max[axis]) - a.min[axis].max(b.min[axis])
}

/// Share of the smaller base that is common to both.
fn common_base(a: &Aabb, b: &Aabb) -> f32 {
    share([0, 1].map(|axis| {
        let [a_size, b_size] = [a.size()[axis], b.size()[axis]];
        (common(a, b, axis), a_size.min(b_size))
    }))
}

/// Share of the first box that lies in the second.
fn contained(a: &Aabb, b: &Aabb) -> f32 {
    share([0, 1, 2].map(|axis| (common(a, b, axis), a.size()[axis])))
}

/// Product of the shares of lengths; what has no length counts as a whole if it is there at all.
fn share<const N: usize>(lengths: [(f32, f32); N]) -> f32 {
    let of = |(common, whole): (f32, f32)| match whole > 0.0 {
        true => (common / whole).clamp(0.0, 1.0),
        false => f32::from(u8::from(common >= 0.0)),
    };
    lengths.into_iter().map(of).product()
}
