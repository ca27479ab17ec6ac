//! The cut: a plane through the selected thing, along an axis or along a line that is drawn over the
//! picture, and the parts that it takes off. Superpoints stay whole: each goes where most of its
//! points are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use glam::{Vec2, Vec3};
use leptos::prelude::*;
use segscape::geometry::Aabb;

use super::{
    editing::{self, Splitting, called},
    state::State,
    tool::{self, Tool},
};
use crate::{
    edits::own_superpoints,
    text::{said, said_with},
    view::overlay::Cut,
};

/// The points of a thing by superpoint, world frame, metres.
type Points = BTreeMap<u32, Vec<Vec3>>;

/// A plane through a thing, and what it takes off.
#[derive(Clone, Debug, PartialEq)]
pub struct Cutting {
    /// The thing, and its superpoints that go off: those on the side of the plane with fewer points.
    pub splitting: Splitting,
    /// The axis that the plane is square to; `None` for a plane along a line that was drawn.
    pub axis: Option<usize>,
    /// Direction of unit length, square to the plane.
    normal: Vec3,
    /// Where the plane is along that direction, metres from the origin.
    pub at: f32,
    /// Where the thing begins and ends along that direction, metres from the origin.
    pub reach: [f32; 2],
    points: Arc<Points>,
}

impl Cutting {
    /// Begins with a plane through the middle of the longest edge of the box of the points.
    fn of(instance: u32, points: Points) -> Self {
        let all = points.values().flatten();
        let bounds = all.fold(Aabb::EMPTY, |all, point| all.with(point.to_array()));
        let edges = bounds.size();
        let longest = (0..3).max_by(|a, b| edges[*a].total_cmp(&edges[*b]));
        let mut cutting = Self {
            splitting: Splitting {
                instance,
                parts: BTreeSet::new(),
            },
            axis: None,
            normal: Vec3::X,
            at: 0.0,
            reach: [0.0; 2],
            points: Arc::new(points),
        };
        cutting.cut_across(longest.unwrap_or(0));
        cutting
    }

    /// Cuts square to an axis, through the middle.
    fn cut_across(&mut self, axis: usize) {
        let normal = Vec3::AXES.get(axis).copied().unwrap_or(Vec3::X);
        self.turn(normal);
        self.axis = Some(axis);
        let [low, high] = self.reach;
        self.move_to(f32::midpoint(low, high));
    }

    /// Cuts with any plane: the points whose product with the unit `normal` is `at`.
    fn cut_with(&mut self, normal: Vec3, at: f32) {
        self.turn(normal);
        self.axis = None;
        self.move_to(at);
    }

    fn turn(&mut self, normal: Vec3) {
        self.normal = normal;
        let places = self.points.values().flatten();
        let places = places.map(|point| point.dot(normal));
        let [low, high] = places.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], place| {
            [low.min(place), high.max(place)]
        });
        self.reach = if low <= high { [low, high] } else { [0.0; 2] };
    }

    /// Moves the plane along its direction, and finds what it takes off. O(points of the thing).
    fn move_to(&mut self, at: f32) {
        self.at = at;
        let (mut sides, mut counts) = ([BTreeSet::new(), BTreeSet::new()], [0, 0]);
        for (part, points) in &*self.points {
            let beyond = |point: &&Vec3| point.dot(self.normal) >= at;
            let beyond = 2 * points.iter().filter(beyond).count() > points.len();
            sides[usize::from(beyond)].insert(*part);
            counts[usize::from(beyond)] += points.len();
        }
        let [before, beyond] = sides;
        self.splitting.parts = match counts[1] <= counts[0] {
            true => beyond,
            false => before,
        };
    }

    /// Why it cannot be cut so, in words; `None` if it can.
    fn obstacle(&self) -> Option<&'static str> {
        match (self.points.len(), self.splitting.parts.is_empty()) {
            (0 | 1, _) => Some(said(
                "It is a single superpoint, and superpoints are not cut",
            )),
            (_, true) => Some(said(
                "Nothing is left on one side: move the plane, or turn it",
            )),
            _ => None,
        }
    }
}

/// Begins to cut the only selected thing, or ends it without a change.
pub fn toggle(state: State) {
    let begun = untrack(|| tool::cuts(state));
    let instance = untrack(|| editing::only(state))
        .filter(|_| !begun && state.is_segmented())
        .and_then(|instance| untrack(|| editing::unlocked(state, &[instance])).pop());
    let cutting = instance.map(|instance| {
        let superpoints = {
            let (edits, found) = (state.edits.read_untracked(), state.found.read_untracked());
            own_superpoints(instance, &edits.present().reshaping, &found).to_vec()
        };
        state.flying.set(false);
        Tool::Cut(Cutting::of(
            instance,
            state.viewer().points_of(&superpoints),
        ))
    });
    tool::take(state, cutting);
}

/// Cuts square to an axis.
pub fn cut_across(state: State, axis: usize) {
    change(state, |cutting| cutting.cut_across(axis));
}

/// Moves the plane along its direction, metres from the origin.
pub fn move_to(state: State, at: f32) {
    change(state, |cutting| cutting.move_to(at));
}

/// Cuts along a line between two places of the picture, CSS pixels, in the direction of the view.
pub(super) fn cut_along(state: State, line: [Vec2; 2]) {
    if let Some((normal, at)) = state.viewer().plane_through(line) {
        change(state, |cutting| cutting.cut_with(normal, at));
    }
}

fn change(state: State, change: impl FnOnce(&mut Cutting)) {
    if let Some(Tool::Cut(mut cutting)) = state.tool.get_untracked() {
        change(&mut cutting);
        state.tool.set(Some(Tool::Cut(cutting)));
    }
}

/// What is drawn over the picture: where the plane meets the box of the thing.
pub fn drawn(state: State) -> Option<Cut> {
    let tool = state.tool.read();
    let Some(Tool::Cut(cutting)) = &*tool else {
        return None;
    };
    let parts: Vec<u32> = cutting.points.keys().copied().collect();
    let shape = state.extents.with_value(|extents| extents.shape(&parts));
    Some(Cut {
        normal: cutting.normal,
        at: cutting.at,
        bounds: shape.bounds,
    })
}

/// Why nothing can be cut off, in words; `None` if it can.
pub fn obstacle(state: State) -> Option<String> {
    let tool = state.tool.read();
    let Some(Tool::Cut(cutting)) = &*tool else {
        return Some(said("Select one thing first").to_owned());
    };
    let instance = cutting.splitting.instance;
    if editing::is_locked(state, instance) {
        let thing = called(state, instance);
        return Some(said_with("{thing} is locked", &[("thing", &thing)]));
    }
    cutting.obstacle().map(str::to_owned)
}

/// Makes what the plane takes off a thing of its own, and selects it; or says why that cannot be.
pub fn finish(state: State) {
    if let Some(obstacle) = untrack(|| obstacle(state)) {
        return editing::tell(state, obstacle, None);
    }
    if let Some(Tool::Cut(cutting)) = state.tool.get_untracked() {
        tool::take(state, None);
        editing::split(state, &cutting.splitting);
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// Superpoints of four points each in a row along x, a metre apart, the last one of two points.
    fn row() -> Cutting {
        let part = |id: u32, count: u32| {
            let point = |index: u32| Vec3::new(id as f32 + 0.1 * index as f32, 5.0, 0.0);
            (id, (0..count).map(point).collect())
        };
        Cutting::of(7, BTreeMap::from([part(0, 4), part(1, 4), part(2, 2)]))
    }

    fn off(cutting: &Cutting) -> Vec<u32> {
        cutting.splitting.parts.iter().copied().collect()
    }

    #[wasm_bindgen_test]
    fn superpoints_go_where_most_of_their_points_are_and_the_smaller_side_goes_off() {
        let mut cutting = row();
        assert_eq!((cutting.axis, cutting.reach), (Some(0), [0.0, 2.1]));
        assert_eq!(off(&cutting), [0], "the side with fewer points");
        cutting.move_to(0.5);
        assert_eq!(off(&cutting), [0]);
        cutting.move_to(1.05);
        assert_eq!(off(&cutting), [0], "three of four points are beyond");
        cutting.move_to(1.25);
        assert_eq!(off(&cutting), [2], "one of four points is beyond");
        assert_eq!(cutting.obstacle(), None);
    }

    #[wasm_bindgen_test]
    fn a_plane_beside_it_and_a_thing_of_one_superpoint_cut_nothing_off() {
        let mut cutting = row();
        for at in [-1.0, 9.0] {
            cutting.move_to(at);
            assert!(off(&cutting).is_empty() && cutting.obstacle().is_some());
        }
        cutting.cut_across(1);
        assert!(cutting.obstacle().is_some(), "it has no width");
        cutting.cut_with(Vec3::new(0.6, 0.8, 0.0), 4.0 + 0.3);
        assert_eq!((cutting.axis, off(&cutting)), (None, vec![0]));
        let single = Cutting::of(1, BTreeMap::from([(4, vec![Vec3::ZERO, Vec3::ONE])]));
        assert!(single.obstacle().is_some());
        let nothing = Cutting::of(1, BTreeMap::new());
        assert!(nothing.obstacle().is_some() && nothing.reach == [0.0; 2]);
    }
}
