//! What was pointed out so far, and its steps back and forth.

use std::sync::Arc;

use segscape::instances::{Clicks, PointedOut, Reshaping, Suggestions};

use crate::{page::lasso::Lasso, protocol::InstanceInfo, view::overlay::Mark};

/// Maximum number of clicks on a thing and beside it.
pub(super) const MOST_CLICKS: usize = 64;
/// Maximum number of steps that can be undone while the tool is in the hand.
const DEPTH: usize = 50;
/// Maximum number of superpoints in the sets of these steps; at least one can always be undone.
const MOST_IDS: usize = 4 << 20;

/// A click.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Click {
    /// The superpoint there.
    pub part: u32,
    pub mark: Mark,
}

/// The clicks and what they mean, between two steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moment {
    pub clicks: Vec<Click>,
    /// What the clicks may mean; of earlier ones, if they are not answered yet.
    pub suggestions: Arc<Suggestions>,
    /// If `true`, the suggestions are about the clicks.
    pub answered: bool,
    /// Index of the suggestion that is shown; `None` if it was changed by hand.
    pub shown: Option<usize>,
    /// The set, with the owners of its superpoints.
    pub caught: Arc<Lasso>,
}

impl Moment {
    /// Number of superpoints in its sets.
    fn ids(&self) -> usize {
        let sets = self.suggestions.sets.iter();
        sets.map(|set| set.superpoints.len()).sum::<usize>() + self.caught.parts.len()
    }
}

/// What was pointed out so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pointing {
    pub(super) now: Moment,
    pub(super) past: Vec<Moment>,
    pub(super) future: Vec<Moment>,
    /// If `true`, clicks are beside the thing, and those with Alt on it.
    pub beside: bool,
    /// If `true`, clicks fill, up to what others have, and choose among nothing that was found.
    pub fills: bool,
    /// Number of masks of the network among which clicks choose, once it is known.
    pub(super) masks: Option<u32>,
}

impl Pointing {
    /// Makes the set the last instance, and takes it from all others.
    pub fn preview(&self, reshaping: &mut Reshaping, found: &[InstanceInfo]) {
        self.now.caught.preview(reshaping, found);
    }

    /// Number of superpoints of the set, and of those that were left out.
    pub(super) fn parts(&self) -> (usize, usize) {
        let caught = &self.now.caught;
        (caught.parts.len(), caught.locked)
    }

    /// The tool with nothing clicked.
    pub(super) fn emptied(&self) -> Self {
        Self {
            beside: self.beside,
            fills: self.fills,
            masks: self.masks,
            ..Self::default()
        }
    }

    /// `true` if nothing was clicked.
    pub(super) fn is_empty(&self) -> bool {
        self.now.clicks.is_empty()
    }

    /// `true` if something was clicked, and nothing of it is part of the thing.
    pub(super) fn is_all_beside(&self) -> bool {
        !self.is_empty() && !self.now.clicks.iter().any(|click| click.mark.inside)
    }

    /// `true` if the worker has yet to say what the clicks mean.
    pub(super) fn waits(&self) -> bool {
        !self.now.answered && !self.is_empty()
    }

    /// Place of what is shown among the suggestions, smallest first, and the number of these; `None` if
    /// it was changed by hand.
    pub(super) fn shown(&self) -> Option<(usize, usize, &PointedOut)> {
        let sets = &self.now.suggestions.sets;
        let shown = self.now.shown?;
        let set = sets.get(shown)?;
        Some((shown, sets.len(), set))
    }

    /// Begins a step that can be undone.
    pub(super) fn step(&mut self) -> &mut Moment {
        self.future.clear();
        self.past.push(self.now.clone());
        let mut ids: usize = self.past.iter().map(Moment::ids).sum();
        while self.past.len() > DEPTH || ids > MOST_IDS && self.past.len() > 1 {
            ids -= self.past.remove(0).ids();
        }
        &mut self.now
    }

    /// Adds a click, in place of one on the same superpoint. Returns `true` if that changes anything.
    pub(super) fn click(&mut self, click: Click) -> bool {
        let clicks = &self.now.clicks;
        let same = clicks.iter().find(|other| other.part == click.part);
        let is_known = same.is_some_and(|other| other.mark.inside == click.mark.inside);
        if is_known || same.is_none() && clicks.len() == MOST_CLICKS {
            return false;
        }
        let now = self.step();
        now.clicks.retain(|other| other.part != click.part);
        now.clicks.push(click);
        now.answered = false;
        true
    }

    /// The superpoints that were clicked.
    pub(super) fn clicks(&self) -> Clicks {
        let parts = |inside: bool| {
            let clicks = self.now.clicks.iter();
            let those = clicks.filter(|click| click.mark.inside == inside);
            those.map(|click| click.part).collect()
        };
        Clicks {
            inside: parts(true),
            outside: parts(false),
        }
    }

    /// Goes a step back, or forward again. Returns `false` if there is none.
    pub(super) fn undo(&mut self, forward: bool) -> bool {
        let (from, to) = match forward {
            false => (&mut self.past, &mut self.future),
            true => (&mut self.future, &mut self.past),
        };
        let Some(moment) = from.pop() else {
            return false;
        };
        to.push(std::mem::replace(&mut self.now, moment));
        true
    }

    /// The suggestion beside the one that is shown.
    pub(super) fn neighbor(&self, larger: bool) -> Option<(usize, &PointedOut)> {
        if !self.now.answered {
            return None;
        }
        let sets = &self.now.suggestions.sets;
        let next = match (self.now.shown, larger) {
            (Some(shown), true) => shown.checked_add(1)?,
            (Some(shown), false) => shown.checked_sub(1)?,
            // From what was changed by hand, back to what was suggested.
            (None, _) => self.now.suggestions.best as usize,
        };
        sets.get(next).map(|set| (next, set))
    }
}

#[cfg(test)]
mod tests {
    use glam::Vec3;
    use segscape::instances::PointedFrom;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    fn click(part: u32, inside: bool) -> Click {
        Click {
            part,
            mark: Mark {
                at: Vec3::ZERO,
                inside,
            },
        }
    }

    fn parts(pointing: &Pointing) -> (Vec<u32>, Vec<u32>) {
        let Clicks { inside, outside } = pointing.clicks();
        (inside, outside)
    }

    #[wasm_bindgen_test]
    fn a_superpoint_is_on_the_thing_or_beside_it_and_steps_go_back_and_forth() {
        let mut pointing = Pointing::default();
        assert!(pointing.click(click(3, true)) && pointing.click(click(5, false)));
        assert!(!pointing.click(click(3, true)), "it is known");
        assert!(pointing.click(click(3, false)), "the last click counts");
        assert_eq!(parts(&pointing), (vec![], vec![5, 3]));
        assert!(pointing.is_all_beside() && pointing.waits());
        assert!(pointing.undo(false));
        assert_eq!(parts(&pointing), (vec![3], vec![5]));
        assert!(pointing.undo(false) && pointing.undo(false) && !pointing.undo(false));
        assert!(pointing.is_empty() && !pointing.waits());
        assert!(pointing.undo(true) && pointing.undo(true));
        assert_eq!(parts(&pointing), (vec![3], vec![5]));
        assert!(pointing.click(click(7, true)) && !pointing.undo(true));
    }

    #[wasm_bindgen_test]
    fn clicks_and_steps_are_bounded() {
        let mut pointing = Pointing::default();
        for part in 0..2 * MOST_CLICKS as u32 {
            pointing.click(click(part, true));
        }
        assert_eq!(pointing.now.clicks.len(), MOST_CLICKS);
        assert_eq!(pointing.past.len(), DEPTH);
        assert!(
            pointing.click(click(0, false)),
            "one takes the place of another"
        );
    }

    #[wasm_bindgen_test]
    fn suggestions_are_gone_through_by_size() {
        let set = |superpoints: &[u32]| PointedOut {
            superpoints: superpoints.to_vec(),
            from: PointedFrom::Region,
            cut: false,
        };
        let mut pointing = Pointing::default();
        assert!(pointing.neighbor(true).is_none());
        pointing.now.answered = true;
        pointing.now.suggestions = Arc::new(Suggestions {
            sets: vec![set(&[0]), set(&[0, 1]), set(&[0, 1, 2])],
            best: 1,
        });
        let at = |pointing: &Pointing, larger| pointing.neighbor(larger).map(|(at, _)| at);
        assert_eq!(at(&pointing, true), Some(1), "from a change by hand");
        pointing.now.shown = Some(1);
        assert_eq!(
            (at(&pointing, false), at(&pointing, true)),
            (Some(0), Some(2))
        );
        pointing.now.shown = Some(2);
        assert_eq!(at(&pointing, true), None);
        let shown = pointing.shown().map(|(at, count, _)| (at, count));
        assert_eq!(shown, Some((2, 3)));
    }
}
