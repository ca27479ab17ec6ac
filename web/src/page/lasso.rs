//! The lasso: draws an outline over the picture, and makes what is in sight inside it a thing, or a
//! part of one, superpoint by superpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use glam::Vec2;
use leptos::prelude::*;
use segscape::instances::{NO_INSTANCE, Reshaping};

use super::{
    by_hand,
    editing::{self, Splitting, called},
    selection::Selection,
    state::State,
    tool::{self, Tool},
};
use crate::{
    edits::own_superpoints,
    protocol::InstanceInfo,
    text::{said, said_with},
};

/// What was drawn around so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lasso {
    /// Ids of the superpoints, each with the instance that owned it when it was drawn around, or
    /// [`NO_INSTANCE`].
    pub parts: BTreeMap<u32, u32>,
    /// Number of superpoints that were left out because they belong to locked things.
    pub locked: usize,
}

impl Lasso {
    /// Adds superpoints with their owners. Those of locked things are left out.
    pub(super) fn catch(&mut self, caught: Vec<(u32, u32)>, is_locked: impl Fn(u32) -> bool) {
        let (locked, free): (Vec<_>, Vec<_>) =
            caught.into_iter().partition(|(_, owner)| is_locked(*owner));
        self.locked = locked.len();
        for (part, owner) in free {
            self.parts.entry(part).or_insert(owner);
        }
    }

    /// The superpoints.
    fn superpoints(&self) -> BTreeSet<u32> {
        self.parts.keys().copied().collect()
    }

    /// Makes the superpoints the last instance, and takes them from all others.
    pub fn preview(&self, reshaping: &mut Reshaping, found: &[InstanceInfo]) {
        if self.parts.is_empty() {
            return;
        }
        let parts = self.superpoints();
        let next = reshaping.count(found.len()) as u32;
        for other in 0..next {
            let superpoints = own_superpoints(other, reshaping, found).to_vec();
            reshaping.take(other, &superpoints, &parts);
        }
        reshaping.add(None, parts.into_iter().collect(), next);
    }

    /// The instance that most of the points belong to, if they belong to any. `points_of` is the
    /// number of points of a superpoint.
    fn owner(&self, points_of: impl Fn(u32) -> u32) -> Option<u32> {
        let mut points = BTreeMap::<u32, u32>::new();
        for (part, owner) in &self.parts {
            *points.entry(*owner).or_default() += points_of(*part);
        }
        points.remove(&NO_INSTANCE);
        let most = points.into_iter().max_by_key(|(_, points)| *points);
        most.map(|(owner, _)| owner)
    }
}

/// What can be done with what was drawn around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Make it a thing of its own, whatever it belongs to.
    New,
    /// Make what of it belongs to the selected thing a thing of its own.
    SplitOff,
    /// Make it part of the selected thing.
    Add,
    /// Take it from the selected thing; it belongs to none then.
    Remove,
}

/// Takes the lasso, or puts it away.
pub fn toggle(state: State) {
    match untrack(|| tool::lassoes(state)) {
        true => tool::take(state, None),
        false => by_hand::take(state, Tool::Lasso(Lasso::default())),
    }
}

/// Adds what is in sight inside an outline, CSS pixels, to what was drawn around.
pub(super) fn catch_inside(state: State, outline: Vec<Vec2>) {
    state
        .viewer()
        .lasso(outline, move |caught| catch(state, caught));
}

fn catch(state: State, caught: Vec<(u32, u32)>) {
    let edits = state.edits.read_untracked();
    let locked = &edits.present().locked;
    change(state, |lasso| {
        lasso.catch(caught, |owner| locked.contains(&owner));
    });
}

/// Adds a single superpoint to what was drawn around, or gives it back.
pub fn toggle_part(state: State, part: u32, owner: Option<u32>) {
    let is_in = state.tool.with_untracked(
        |tool| matches!(tool, Some(Tool::Lasso(lasso)) if lasso.parts.contains_key(&part)),
    );
    match is_in {
        true => change(state, |lasso| {
            lasso.parts.remove(&part);
        }),
        false => catch(state, vec![(part, owner.unwrap_or(NO_INSTANCE))]),
    }
}

/// Forgets what was drawn around.
pub fn clear(state: State) {
    change(state, |lasso| *lasso = Lasso::default());
}

fn change(state: State, change: impl FnOnce(&mut Lasso)) {
    if let Some(Tool::Lasso(mut lasso)) = state.tool.get_untracked() {
        change(&mut lasso);
        state.tool.set(Some(Tool::Lasso(lasso)));
    }
}

/// The thing that parts are split off from, added to and removed from: the only selected one.
pub fn target(state: State) -> Option<u32> {
    match &*editing::listed(state) {
        [thing] => Some(*thing),
        _ => None,
    }
}

/// Why something cannot be done with what was drawn around, in words; `None` if it can.
pub fn obstacle(state: State, deed: Deed) -> Option<String> {
    let tool = state.tool.read();
    let Some(Tool::Lasso(lasso)) = &*tool else {
        return Some(said("Draw around something first").to_owned());
    };
    if lasso.parts.is_empty() {
        return Some(said("Draw around something first").to_owned());
    }
    if deed == Deed::New {
        return None;
    }
    let Some(target) = target(state) else {
        return Some(said("Select one thing first").to_owned());
    };
    let (edits, found) = (state.edits.read(), state.found.read());
    let edits = edits.present();
    if edits.locked.contains(&target) {
        let thing = called(state, target);
        return Some(said_with("{thing} is locked", &[("thing", &thing)]));
    }
    let own = own_superpoints(target, &edits.reshaping, &found);
    let inside = own.iter().filter(|part| lasso.parts.contains_key(part));
    let thing = called(state, target);
    let places: &[(&str, &dyn Display)] = &[("thing", &thing)];
    match (deed, inside.count()) {
        (Deed::SplitOff | Deed::Remove, 0) => {
            Some(said_with("None of it belongs to {thing}", places))
        }
        (Deed::SplitOff | Deed::Remove, count) if count == own.len() => {
            Some(said_with("That is all of {thing}", places))
        }
        (Deed::Add, count) if count == lasso.parts.len() => {
            Some(said_with("It belongs to {thing} already", places))
        }
        _ => None,
    }
}

/// Does something with what was drawn around, or says why it cannot be done.
pub fn act(state: State, deed: Deed) {
    if let Some(obstacle) = untrack(|| obstacle(state, deed)) {
        return editing::tell(state, obstacle, None);
    }
    let Some(Tool::Lasso(lasso)) = state.tool.get_untracked() else {
        return;
    };
    let target = untrack(|| target(state));
    clear(state);
    match (deed, target) {
        (Deed::New, _) => make(state, &lasso),
        (Deed::SplitOff, Some(instance)) => {
            let parts = lasso.superpoints();
            editing::split(state, &Splitting { instance, parts });
        }
        (Deed::Add, Some(target)) => {
            let thing = called(state, target);
            let what = said_with("Added a part to {thing}", &[("thing", &thing)]);
            add(state, target, &lasso, what);
        }
        (Deed::Remove, Some(target)) => {
            let thing = called(state, target);
            let what = said_with("Removed a part from {thing}", &[("thing", &thing)]);
            remove(state, target, &lasso, what);
        }
        (_, None) => {}
    }
}

/// Makes the parts a thing that is like what most of them belong to, and takes them from whatever
/// is listed and not locked: what the user does not see stays as it is.
pub(super) fn make(state: State, lasso: &Lasso) {
    let from = untrack(|| unlocked(state));
    let found = state.found.get_untracked();
    let next = {
        let edits = state.edits.read_untracked();
        edits.present().reshaping.count(found.len()) as u32
    };
    let owner = state
        .extents
        .with_value(|extents| lasso.owner(|part| extents.shape(&[part]).points));
    // It is shown although the prompt may not name it.
    state.guess.set(Some(next));
    let what = said("Made a new thing").to_owned();
    editing::edit_and_tell(state, what, |edits, selection| {
        let origin = owner.and_then(|owner| edits.reshaping.origin(owner));
        let name = owner.and_then(|owner| edits.names.get(&owner)).cloned();
        let parts = lasso.superpoints();
        edits.take(&from, &parts, &found);
        edits
            .reshaping
            .add(origin, parts.into_iter().collect(), next);
        if let Some(name) = name {
            edits.names.insert(next, name);
        }
        *selection = Selection::of(Some(next));
    });
}

/// Gives the parts to a thing, and takes them from whatever is listed and not locked. `what` says what
/// was done.
pub(super) fn add(state: State, target: u32, lasso: &Lasso, what: String) {
    let mut from = untrack(|| unlocked(state));
    from.retain(|other| *other != target);
    let found = state.found.get_untracked();
    editing::edit_and_tell(state, what, |edits, _| {
        let parts = lasso.superpoints();
        edits.take(&from, &parts, &found);
        let own = own_superpoints(target, &edits.reshaping, &found).to_vec();
        edits.reshaping.give(target, &own, &parts);
    });
}

/// Takes the parts from a thing; they belong to none then. `what` says what was done.
pub(super) fn remove(state: State, target: u32, lasso: &Lasso, what: String) {
    let found = state.found.get_untracked();
    editing::edit_and_tell(state, what, |edits, _| {
        edits.take(&[target], &lasso.superpoints(), &found);
    });
}

/// The instances that are listed and not locked.
fn unlocked(state: State) -> Vec<u32> {
    let (rows, edits) = (state.rows.read(), state.edits.read());
    let locked = &edits.present().locked;
    let ids = rows.iter().map(|row| row.id);
    ids.filter(|id| !locked.contains(id)).collect()
}

#[cfg(test)]
mod tests {
    use segscape::geometry::Aabb;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn parts_of_locked_things_are_left_out_and_those_caught_again_count_once() {
        let mut lasso = Lasso::default();
        lasso.catch(vec![(1, 0), (2, 7), (3, NO_INSTANCE)], |owner| owner == 7);
        assert_eq!(lasso.parts, BTreeMap::from([(1, 0), (3, NO_INSTANCE)]));
        assert_eq!(lasso.locked, 1);
        lasso.catch(vec![(1, 9), (4, 2)], |_| false);
        assert_eq!(lasso.parts[&1], 0, "the owner before it was caught");
        assert_eq!((lasso.parts.len(), lasso.locked), (3, 0));
    }

    #[wasm_bindgen_test]
    fn it_comes_from_what_most_points_belong_to() {
        let parts = [(1, 5), (2, 6), (3, 6), (4, NO_INSTANCE)];
        let lasso = |parts: &[(u32, u32)]| Lasso {
            parts: parts.iter().copied().collect(),
            locked: 0,
        };
        let points = |part: u32| [0, 9, 2, 3, 99][part as usize];
        assert_eq!(lasso(&parts).owner(points), Some(5));
        assert_eq!(lasso(&parts[1..]).owner(points), Some(6));
        assert_eq!(lasso(&parts[3..]).owner(points), None);
    }

    #[wasm_bindgen_test]
    fn what_is_drawn_around_is_shown_as_one_and_belongs_to_nothing_else() {
        let info = |superpoints: &[u32]| InstanceInfo {
            score: 0.5,
            points: 1,
            bounds: Aabb::EMPTY,
            superpoints: superpoints.to_vec(),
        };
        let found = [info(&[0, 1]), info(&[1, 2]), info(&[3])];
        let lasso = Lasso {
            parts: BTreeMap::from([(1, 0), (9, NO_INSTANCE)]),
            locked: 0,
        };
        let mut reshaping = Reshaping::NONE;
        lasso.preview(&mut reshaping, &found);
        let lists = reshaping.iter();
        let lists: Vec<_> = lists.map(|(id, made)| (id, &*made.superpoints)).collect();
        assert_eq!(lists, [(0, &[0][..]), (1, &[2]), (3, &[1, 9])]);
    }
}
