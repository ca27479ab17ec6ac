//! The tool that points out, or fills: clicks on a thing, and beside it, and the set of superpoints
//! that they mean, which the worker finds and the user makes larger or smaller. A fill stays within
//! what belongs to nobody, or to the same thing as what was clicked. Selected things grow and shrink
//! by a superpoint in the same way.

use std::sync::Arc;

use leptos::prelude::*;
use segscape::instances::Suggestions;

use super::{
    actions, by_hand,
    editing::{self, called},
    lasso,
    state::State,
    tool::{self, Kind, Tool},
};
use crate::{protocol::Request, text::said_with, view::overlay::Mark};

mod clicked;
mod owning;
mod resizing;
mod words;

pub use clicked::Pointing;
use clicked::{Click, MOST_CLICKS, Moment};
use owning::{barred, caught};
pub use resizing::{resize, resized};
pub use words::{ground, obstacle, origin, words};

/// What the worker was asked for last, if it has not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Serial number of the question.
    serial: u32,
    about: Option<About>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    /// What the clicks mean.
    Clicks,
    /// By which superpoint the set grows or shrinks, or, if there is one, an instance that had these.
    Set {
        instance: Option<u32>,
        superpoints: Vec<u32>,
        grows: bool,
    },
}

/// Takes the tool that points out, or the one that `fills`, or puts it away.
pub fn toggle(state: State, fills: bool) {
    let kind = if fills { Kind::Fill } else { Kind::Point };
    if untrack(|| tool::kind(state)) == Some(kind) {
        return tool::take(state, None);
    }
    let pointing = Pointing {
        fills,
        ..Pointing::default()
    };
    by_hand::take(state, Tool::Point(pointing));
}

/// Clicks a point of a superpoint that an instance owns, or none. `other` clicks are beside the
/// thing, or on it if all others are beside it.
pub fn click(state: State, point: u32, (part, owner): (u32, Option<u32>), other: bool) {
    let Some(mut pointing) = in_hand(state) else {
        return;
    };
    let inside = other == pointing.beside;
    let locked = owner.filter(|owner| untrack(|| editing::is_locked(state, *owner)));
    if let (true, Some(owner)) = (inside, locked) {
        let thing = called(state, owner);
        let words = said_with(
            "{thing} is locked: K unlocks what is selected",
            &[("thing", &thing)],
        );
        return editing::tell(state, words, None);
    }
    let Some(at) = state.viewer().position(point) else {
        return;
    };
    let mark = Mark { at, inside };
    if pointing.click(Click { part, mark }) {
        put(state, pointing);
        ask(state);
    } else if pointing.now.clicks.len() == MOST_CLICKS {
        let words = said_with(
            "There are {count} clicks, and no more can be",
            &[("count", &MOST_CLICKS)],
        );
        editing::tell(state, words, None);
    }
}

/// Asks what the clicks mean, unless that is known.
fn ask(state: State) {
    let Some(mut pointing) = in_hand(state).filter(|pointing| !pointing.now.answered) else {
        return forget(state);
    };
    let clicks = pointing.clicks();
    if clicks.inside.is_empty() {
        let clicks = std::mem::take(&mut pointing.now.clicks);
        pointing.now = Moment {
            clicks,
            answered: true,
            ..Moment::default()
        };
        forget(state);
        return put(state, pointing);
    }
    let within = pointing.fills.then(|| barred(state, &clicks.inside));
    let serial = begin(state, About::Clicks);
    let request = match within {
        Some(barred) => Request::Fill {
            serial,
            clicks,
            barred,
        },
        None => Request::PointOut { serial, clicks },
    };
    actions::send(state, request);
}

/// Shows what the clicks with this serial number mean, if they are the latest.
pub fn pointed_out(state: State, serial: u32, suggestions: Suggestions, masks: u32) {
    let (Some(About::Clicks), Some(mut pointing)) = (heard(state, serial), in_hand(state)) else {
        return;
    };
    let best = suggestions.best as usize;
    pointing.masks = Some(masks);
    let set = suggestions.sets.get(best);
    let superpoints = set.map_or_else(Vec::new, |set| set.superpoints.clone());
    pointing.now.suggestions = Arc::new(suggestions);
    pointing.now.answered = true;
    pointing.now.shown = Some(best);
    pointing.now.caught = Arc::new(caught(state, &superpoints));
    put(state, pointing);
}

/// Shows the next larger or smaller suggestion. Returns `false` if there is none.
pub fn show(state: State, larger: bool) -> bool {
    let Some(mut pointing) = in_hand(state) else {
        return false;
    };
    let next = pointing.neighbor(larger);
    let Some((shown, superpoints)) = next.map(|(at, set)| (at, set.superpoints.clone())) else {
        return false;
    };
    let caught = Arc::new(caught(state, &superpoints));
    let now = pointing.step();
    (now.shown, now.caught) = (Some(shown), caught);
    put(state, pointing);
    true
}

/// Shows the suggestion with this index among those from the smallest to the largest.
pub fn show_at(state: State, index: usize) {
    let Some(mut pointing) = in_hand(state).filter(|pointing| !pointing.waits()) else {
        return;
    };
    let set = pointing.now.suggestions.sets.get(index);
    let Some(superpoints) = set.map(|set| set.superpoints.clone()) else {
        return;
    };
    if pointing.now.shown != Some(index) {
        let caught = Arc::new(caught(state, &superpoints));
        let now = pointing.step();
        (now.shown, now.caught) = (Some(index), caught);
        put(state, pointing);
    }
}

/// Index of the suggestion that is shown, and the number of all of them; `None` if there are none.
pub fn reach(state: State) -> Option<(usize, usize)> {
    let tool = state.tool.read();
    let Some(Tool::Point(pointing)) = &*tool else {
        return None;
    };
    let Suggestions { sets, best } = &*pointing.now.suggestions;
    let shown = pointing.now.shown.unwrap_or(*best as usize);
    (!pointing.is_empty() && !sets.is_empty()).then_some((shown, sets.len()))
}

/// `true` if there is a larger or a smaller suggestion.
pub fn can_show(state: State, larger: bool) -> bool {
    let tool = state.tool.read();
    matches!(&*tool, Some(Tool::Point(pointing)) if pointing.neighbor(larger).is_some())
}

/// Makes what is pointed out a thing of its own, or says why it cannot be made.
pub fn make(state: State) {
    if let Some(obstacle) = untrack(|| obstacle(state)) {
        return editing::tell(state, obstacle.to_owned(), None);
    }
    if let Some(pointing) = in_hand(state) {
        clear(state);
        lasso::make(state, &pointing.now.caught);
    }
}

/// Forgets all clicks.
pub fn clear(state: State) {
    if let Some(pointing) = in_hand(state) {
        forget(state);
        put(state, pointing.emptied());
    }
}

/// Chooses whether clicks are on the thing or beside it.
pub fn toggle_beside(state: State) {
    if let Some(mut pointing) = in_hand(state) {
        pointing.beside = !pointing.beside;
        put(state, pointing);
    }
}

/// Undoes the last step of the tool, or does it again. Returns `false` if there is none.
pub fn undo(state: State, forward: bool) -> bool {
    let Some(mut pointing) = in_hand(state) else {
        return false;
    };
    if !pointing.undo(forward) {
        return false;
    }
    put(state, pointing);
    ask(state);
    true
}

/// `true` if there is a step of the tool to undo, or to do again.
pub fn can_undo(state: State, forward: bool) -> bool {
    let tool = state.tool.read();
    let Some(Tool::Point(Pointing { past, future, .. })) = &*tool else {
        return false;
    };
    let steps = if forward { future } else { past };
    !steps.is_empty()
}

/// Forgets what the worker was asked for: its answer comes too late.
pub fn forget(state: State) {
    state.pointing.update_value(|asked| asked.about = None);
}

/// Gives up clicks that the worker does not answer any more.
pub fn lose(state: State) {
    forget(state);
    if let Some(mut pointing) = in_hand(state).filter(Pointing::waits) {
        pointing.undo(false);
        pointing.future.clear();
        pointing.now.answered = true;
        put(state, pointing);
    }
}

/// What is drawn over the picture.
pub fn marks(state: State) -> Vec<Mark> {
    state.tool.with(|tool| match tool {
        Some(Tool::Point(pointing)) => {
            let clicks = pointing.now.clicks.iter();
            clicks.map(|click| click.mark).collect()
        }
        _ => Vec::new(),
    })
}

fn in_hand(state: State) -> Option<Pointing> {
    match state.tool.get_untracked() {
        Some(Tool::Point(pointing)) => Some(pointing),
        _ => None,
    }
}

fn put(state: State, pointing: Pointing) {
    state.tool.set(Some(Tool::Point(pointing)));
}

/// Begins a question. Returns its serial number.
fn begin(state: State, about: About) -> u32 {
    state.pointing.update_value(|asked| {
        asked.serial += 1;
        asked.about = Some(about);
    });
    state.pointing.with_value(|asked| asked.serial)
}

/// What the question with this serial number was about, if it is the latest and waits.
fn heard(state: State, serial: u32) -> Option<About> {
    let about = state.pointing.try_update_value(|asked| {
        let is_latest = asked.serial == serial;
        is_latest.then(|| asked.about.take()).flatten()
    });
    about.flatten()
}
