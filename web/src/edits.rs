//! The user's changes to the instances, with undo: hidden, isolated and renamed instances.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Maximum number of steps that can be undone.
const DEPTH: usize = 200;

/// The changes that are in effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    /// Instances that are not drawn.
    pub hidden: BTreeSet<u32>,
    /// The only instance that is drawn, if one is isolated.
    pub isolated: Option<u32>,
    /// Names that the user gave, by instance.
    pub names: BTreeMap<u32, String>,
}

impl Edits {
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
}

/// The changes in effect and those before and after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    past: Vec<Edits>,
    present: Edits,
    future: Vec<Edits>,
}

impl History {
    /// Starts with these changes in effect and nothing to undo.
    pub fn starting_from(present: Edits) -> Self {
        Self {
            present,
            ..Self::default()
        }
    }

    /// The changes in effect.
    pub fn present(&self) -> &Edits {
        &self.present
    }

    /// Applies a change that can be undone. A change without effect adds no step.
    pub fn change(&mut self, change: impl FnOnce(&mut Edits)) {
        let before = self.present.clone();
        change(&mut self.present);
        if self.present != before {
            self.past.push(before);
            self.future.clear();
            if self.past.len() > DEPTH {
                self.past.remove(0);
            }
        }
    }

    /// Undoes the last change. Returns `false` if there is none.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.past.pop() else {
            return false;
        };
        self.future
            .push(std::mem::replace(&mut self.present, before));
        true
    }

    /// Redoes the change that was undone last. Returns `false` if there is none.
    pub fn redo(&mut self) -> bool {
        let Some(after) = self.future.pop() else {
            return false;
        };
        self.past.push(std::mem::replace(&mut self.present, after));
        true
    }

    /// Returns `true` if a change can be undone.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Returns `true` if a change can be redone.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn every_change_can_be_undone_and_redone() {
        let mut history = History::default();
        history.change(|e| e.toggle_hidden(3));
        history.change(|e| e.rename(3, " armchair "));
        history.change(|e| e.toggle_isolated(5));
        let last = history.present().clone();
        assert!(last.shows(5) && !last.shows(3) && !last.shows(1));
        assert_eq!(last.names[&3], "armchair");
        while history.undo() {}
        assert_eq!(*history.present(), Edits::default());
        while history.redo() {}
        assert_eq!(*history.present(), last);
    }

    #[wasm_bindgen_test]
    fn a_new_change_forgets_what_was_undone_and_an_idle_one_leaves_no_step() {
        let mut history = History::default();
        history.change(|e| e.toggle_hidden(1));
        history.undo();
        history.change(|e| e.toggle_hidden(2));
        assert!(!history.redo());
        history.change(|e| e.rename(9, ""));
        assert!(history.undo() && !history.undo());
    }
}
