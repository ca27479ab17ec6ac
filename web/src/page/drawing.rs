//! What is drawn over the picture with a pointer: the outline of the lasso, or the line of a cut.

use glam::Vec2;
use leptos::prelude::*;

use super::{cutting, lasso, state::State, tool};

/// Least distance between two points of an outline, CSS pixels.
const STEP: f32 = 3.0;

/// `true` if drags over the picture draw, and do not turn it.
pub fn is_wanted(state: State) -> bool {
    tool::lassoes(state) || tool::cuts(state)
}

/// Begins at a place of the picture, CSS pixels.
pub fn begin(state: State, at: Vec2) {
    state.outline.set(vec![at]);
}

/// `true` while something is drawn.
pub fn is_begun(state: State) -> bool {
    state.outline.with_untracked(|outline| !outline.is_empty())
}

/// Draws on to a place of the picture, CSS pixels: an outline further, or a line to there.
pub fn extend(state: State, at: Vec2) {
    if untrack(|| tool::cuts(state)) {
        return state.outline.update(|line| {
            line.truncate(1);
            line.push(at);
        });
    }
    let is_new = |last: &Vec2| last.distance(at) >= STEP;
    let is_new = state
        .outline
        .with_untracked(|outline| outline.last().is_none_or(is_new));
    if is_new {
        state.outline.update(|outline| outline.push(at));
    }
}

/// Leaves what is drawn.
pub fn give_up(state: State) {
    if is_begun(state) {
        state.outline.set(Vec::new());
    }
}

/// Ends it, and does what the tool is for with it.
pub fn finish(state: State) {
    let outline = state.outline.get_untracked();
    give_up(state);
    match (&*outline, untrack(|| tool::cuts(state))) {
        ([from, .., to], true) => cutting::cut_along(state, [*from, *to]),
        ([_, _, _, ..], false) => lasso::catch_inside(state, outline),
        _ => {}
    }
}
