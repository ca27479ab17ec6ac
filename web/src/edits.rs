//! The user's changes to the instances: hidden, isolated, renamed, locked, merged, deleted and split
//! ones, and those that parts were given to or taken from.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use segscape::instances::{Reshaped, Reshaping};
use serde::{Deserialize, Serialize};

use crate::protocol::InstanceInfo;

/// The changes that are in effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    /// Instances that are not drawn.
    pub hidden: BTreeSet<u32>,
    /// The only instance that is drawn, if one is isolated.
    pub isolated: Option<u32>,
    /// Names that the user gave, by instance.
    pub names: BTreeMap<u32, String>,
    /// Instances that stay as they are until they are unlocked.
    pub locked: BTreeSet<u32>,
    /// The instances whose points are others than those found.
    pub reshaping: Reshaping,
}

impl Edits {
    /// No changes.
    pub const NONE: Self = Self {
        hidden: BTreeSet::new(),
        isolated: None,
        names: BTreeMap::new(),
        locked: BTreeSet::new(),
        reshaping: Reshaping::NONE,
    };

    /// `true` if these changes are no others than what was saved, apart from what is hidden, which is
    /// soon hidden again.
    pub fn are_as(&self, saved: &Self) -> bool {
        self.names == saved.names
            && self.locked == saved.locked
            && self.reshaping == saved.reshaping
    }

    /// Returns `true` if the points of this instance are drawn.
    pub fn shows(&self, instance: u32) -> bool {
        match self.isolated {
            Some(isolated) => isolated == instance,
            None => !self.hidden.contains(&instance),
        }
    }

    /// Hides a shown instance or shows a hidden one.
    pub fn toggle_hidden(&mut self, instance: u32) {
        self.isolated = None;
        if !self.hidden.remove(&instance) {
            self.hidden.insert(instance);
        }
    }

    /// Hides these instances, or shows them if all of them are hidden.
    pub fn toggle_all_hidden(&mut self, instances: &[u32]) {
        self.isolated = None;
        if instances.iter().all(|id| self.hidden.contains(id)) {
            self.hidden.retain(|id| !instances.contains(id));
        } else {
            self.hidden.extend(instances);
        }
    }

    /// Shows only this instance, or all instances again if it is isolated already.
    pub fn toggle_isolated(&mut self, instance: u32) {
        self.isolated = if self.isolated == Some(instance) {
            None
        } else {
            Some(instance)
        };
    }

    /// Shows all instances: none stays hidden or isolated.
    pub fn show_all(&mut self) {
        self.hidden.clear();
        self.isolated = None;
    }

    /// Names an instance; an empty name removes the name given before.
    pub fn rename(&mut self, instance: u32, name: &str) {
        match name.trim() {
            "" => self.names.remove(&instance),
            name => self.names.insert(instance, name.to_owned()),
        };
    }

    /// Locks these instances, or unlocks them if all of them are locked.
    pub fn toggle_locked(&mut self, instances: &[u32]) {
        if instances.iter().all(|id| self.locked.contains(id)) {
            self.locked.retain(|id| !instances.contains(id));
        } else {
            self.locked.extend(instances);
        }
    }

    /// Takes superpoints from instances, if `found` were found. Those that have none left are gone.
    pub fn take(&mut self, from: &[u32], parts: &BTreeSet<u32>, found: &[InstanceInfo]) {
        for instance in from {
            let superpoints = own_superpoints(*instance, &self.reshaping, found).to_vec();
            if self.reshaping.take(*instance, &superpoints, parts) {
                self.forget(*instance);
            }
        }
    }

    /// Deletes an instance, with all that was said of it.
    pub fn delete(&mut self, instance: u32) {
        self.reshaping.delete(instance);
        self.forget(instance);
    }

    /// Merges `others` into an instance, which is then shown. `superpoints_of` are the superpoints
    /// that instances have so far.
    pub fn merge<'a>(
        &mut self,
        into: u32,
        others: &[u32],
        superpoints_of: impl Fn(u32) -> &'a [u32],
    ) {
        let named = || std::iter::once(&into).chain(others);
        // The first name that the user gave to any of them is not lost.
        if let Some(name) = named().find_map(|id| self.names.get(id)).cloned() {
            self.names.insert(into, name);
        }
        self.reshaping
            .merge(into, others.iter().copied(), superpoints_of);
        self.hidden.remove(&into);
        others.iter().for_each(|other| self.forget(*other));
    }

    /// Forgets what was said of an instance that is gone.
    fn forget(&mut self, instance: u32) {
        self.hidden.remove(&instance);
        self.names.remove(&instance);
        self.locked.remove(&instance);
        if self.isolated == Some(instance) {
            self.isolated = None;
        }
    }

    /// Bytes of memory that these changes take, apart from the lists of superpoints that `other`
    /// changes share.
    pub fn bytes_beside(&self, other: &Self) -> usize {
        /// A node of a map or a set, about.
        const NODE: usize = 48;
        let names: usize = self.names.values().map(|name| NODE + name.len()).sum();
        let is_shared = |(index, reshaped): &(u32, &Reshaped)| {
            let twin = other.reshaping.get(*index);
            twin.is_some_and(|twin| Arc::ptr_eq(&twin.superpoints, &reshaped.superpoints))
        };
        let lists = self.reshaping.iter().map(|entry| match is_shared(&entry) {
            true => NODE,
            false => NODE + size_of_val(&*entry.1.superpoints),
        });
        let flags = self.hidden.len() + self.locked.len();
        size_of::<Self>() + names + NODE * flags + lists.sum::<usize>()
    }
}

/// The superpoints that an instance has by now, if `found` were found. None for an instance that there
/// is not.
pub fn own_superpoints<'a>(
    instance: u32,
    reshaping: &'a Reshaping,
    found: &'a [InstanceInfo],
) -> &'a [u32] {
    match (reshaping.get(instance), found.get(instance as usize)) {
        (Some(reshaped), _) => &reshaped.superpoints,
        (None, Some(found)) => &found.superpoints,
        (None, None) => &[],
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn what_is_gone_is_neither_hidden_nor_alone_and_given_names_stay() {
        let sets: [&[u32]; 3] = [&[0], &[1], &[2, 3]];
        let mut edits = Edits::default();
        edits.rename(1, "throne");
        edits.toggle_hidden(0);
        edits.merge(0, &[1], |id| sets[id as usize]);
        assert!(edits.shows(0), "a merger is shown");
        assert_eq!(edits.names, BTreeMap::from([(0, "throne".to_owned())]));
        edits.toggle_isolated(2);
        edits.delete(2);
        assert!(edits.shows(0));
        let lists = edits.reshaping.iter();
        let lists: Vec<_> = lists.map(|(id, made)| (id, &*made.superpoints)).collect();
        assert_eq!(lists, [(0, &[0, 1][..]), (1, &[]), (2, &[])]);
    }

    #[wasm_bindgen_test]
    fn what_has_nothing_left_is_gone_and_locks_come_and_go_together() {
        let info = |superpoints: &[u32]| InstanceInfo {
            score: 0.5,
            points: 1,
            bounds: segscape::geometry::Aabb::EMPTY,
            superpoints: superpoints.to_vec(),
        };
        let found = [info(&[0, 1]), info(&[1])];
        let mut edits = Edits::default();
        edits.toggle_hidden(1);
        edits.toggle_locked(&[0, 1]);
        assert_eq!(edits.locked, BTreeSet::from([0, 1]));
        edits.take(&[0, 1], &BTreeSet::from([1]), &found);
        assert_eq!(own_superpoints(0, &edits.reshaping, &found), [0]);
        assert_eq!(own_superpoints(1, &edits.reshaping, &found), [0; 0]);
        assert_eq!(edits.locked, BTreeSet::from([0]), "nothing is said of it");
        assert!(edits.hidden.is_empty());
        edits.toggle_locked(&[0]);
        assert!(edits.locked.is_empty());
    }
}
