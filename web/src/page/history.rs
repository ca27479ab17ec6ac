//! The changes in effect and those before and after them, with what was selected then.

use super::selection::Selection;
use crate::edits::Edits;

/// Maximum number of steps that can be undone.
const DEPTH: usize = 200;
/// Maximum number of bytes of memory of the steps that can be undone; at least one always can.
const BYTES: usize = 16 << 20;

/// A change, from either of its sides.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// What was done, as in "Renamed chair 3".
    what: String,
    /// The changes in effect on the other side of the step.
    edits: Edits,
    /// What was selected before and after the change.
    selected: [Selection; 2],
    /// Bytes of memory that the step takes.
    bytes: usize,
}

/// The changes in effect and those before and after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    past: Vec<Step>,
    present: Edits,
    future: Vec<Step>,
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

    /// Applies a change that can be undone, together with what is selected. A change of the
    /// selection alone adds no step. Returns `true` if there is one.
    pub fn change(
        &mut self,
        what: String,
        selection: &mut Selection,
        change: impl FnOnce(&mut Edits, &mut Selection),
    ) -> bool {
        let (edits, selected) = (self.present.clone(), selection.clone());
        change(&mut self.present, selection);
        if self.present == edits {
            return false;
        }
        self.future.clear();
        self.past.push(Step {
            what,
            bytes: edits.bytes_beside(&self.present),
            edits,
            selected: [selected, selection.clone()],
        });
        let mut bytes: usize = self.past.iter().map(|step| step.bytes).sum();
        while self.past.len() > DEPTH || bytes > BYTES && self.past.len() > 1 {
            bytes -= self.past.remove(0).bytes;
        }
        true
    }

    /// Undoes the last change, with what was selected before it. Returns what was done then;
    /// `None` if there is nothing.
    pub fn undo(&mut self, selection: &mut Selection) -> Option<String> {
        let mut step = self.past.pop()?;
        std::mem::swap(&mut self.present, &mut step.edits);
        selection.clone_from(&step.selected[0]);
        let what = step.what.clone();
        self.future.push(step);
        Some(what)
    }

    /// Redoes the change that was undone last, with what was selected after it. Returns what was
    /// done then; `None` if there is nothing.
    pub fn redo(&mut self, selection: &mut Selection) -> Option<String> {
        let mut step = self.future.pop()?;
        std::mem::swap(&mut self.present, &mut step.edits);
        selection.clone_from(&step.selected[1]);
        let what = step.what.clone();
        self.past.push(step);
        Some(what)
    }

    /// What undoing would undo.
    pub fn last(&self) -> Option<&str> {
        self.past.last().map(|step| step.what.as_str())
    }

    /// What redoing would do again.
    pub fn next(&self) -> Option<&str> {
        self.future.last().map(|step| step.what.as_str())
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn change(history: &mut History, change: impl FnOnce(&mut Edits)) {
        let mut selection = Selection::default();
        history.change(String::new(), &mut selection, |edits, _| change(edits));
    }

    #[wasm_bindgen_test]
    fn every_change_can_be_undone_and_redone() {
        let (mut history, mut selection) = (History::default(), Selection::default());
        change(&mut history, |e| e.toggle_hidden(3));
        change(&mut history, |e| e.rename(3, " armchair "));
        change(&mut history, |e| e.toggle_isolated(5));
        change(&mut history, |e| e.delete(7));
        let last = history.present().clone();
        assert!(last.shows(5) && !last.shows(3) && !last.shows(1));
        assert_eq!(last.names[&3], "armchair");
        while history.undo(&mut selection).is_some() {}
        assert_eq!(*history.present(), Edits::default());
        while history.redo(&mut selection).is_some() {}
        assert_eq!(*history.present(), last);
    }

    #[wasm_bindgen_test]
    fn a_step_brings_back_what_was_selected_and_says_what_it_was() {
        let mut history = History::default();
        let mut selection = Selection::of(Some(2));
        selection.toggle(4);
        let sets: [&[u32]; 5] = [&[], &[], &[2], &[], &[4]];
        history.change("Merged".to_owned(), &mut selection, |edits, selection| {
            edits.merge(2, &[4], |id| sets[id as usize]);
            *selection = Selection::of(Some(2));
        });
        selection = Selection::of(Some(0));
        assert_eq!(history.undo(&mut selection).as_deref(), Some("Merged"));
        assert_eq!(selection.all(), [2, 4]);
        selection = Selection::default();
        assert_eq!(history.next(), Some("Merged"));
        assert_eq!(history.redo(&mut selection).as_deref(), Some("Merged"));
        assert_eq!(selection.all(), [2]);
        assert_eq!((history.last(), history.next()), (Some("Merged"), None));
    }

    #[wasm_bindgen_test]
    fn a_new_change_forgets_what_was_undone_and_an_idle_one_leaves_no_step() {
        let (mut history, mut selection) = (History::default(), Selection::default());
        change(&mut history, |e| e.toggle_hidden(1));
        history.undo(&mut selection);
        change(&mut history, |e| e.toggle_hidden(2));
        assert!(history.redo(&mut selection).is_none());
        change(&mut history, |e| e.rename(9, ""));
        assert!(history.undo(&mut selection).is_some());
        assert!(history.undo(&mut selection).is_none());
    }

    #[wasm_bindgen_test]
    fn the_oldest_steps_are_forgotten_when_there_are_many_or_large_ones() {
        let steps = |history: &mut History| {
            let mut selection = Selection::default();
            std::iter::from_fn(|| history.undo(&mut selection)).count()
        };
        let mut history = History::default();
        for id in 0..DEPTH as u32 + 50 {
            change(&mut history, |e| e.toggle_hidden(id % 2));
        }
        assert_eq!(steps(&mut history), DEPTH);

        // Each step drops a list of a megabyte, and all keep one that they share.
        let long: Vec<u32> = (0..1 << 18).collect();
        let mut history = History::default();
        change(&mut history, |e| e.merge(0, &[], |_| &long));
        for _ in 0..40 {
            change(&mut history, |e| e.merge(1, &[], |_| &long));
            change(&mut history, |e| e.delete(1));
        }
        let left = steps(&mut history);
        assert!((20..=34).contains(&left), "{left} steps of half a megabyte");
    }
}
