//! The tool that clicks and drags over the picture are for, if they are not for looking around.

use leptos::prelude::*;
use segscape::instances::Reshaping;

use super::{
    editing::Splitting,
    lasso::Lasso,
    measuring::Measuring,
    pointing::{self, Pointing},
    state::State,
};
use crate::protocol::InstanceInfo;

/// A tool with what was done with it so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// Clicks choose the parts that are split off.
    Split(Splitting),
    /// Drags draw around parts, and clicks choose single ones.
    Lasso(Lasso),
    /// Clicks are on a thing, and beside it.
    Point(Pointing),
    /// Clicks choose the ends of a distance.
    Measure(Measuring),
}

impl Tool {
    /// Makes what was chosen so far an instance, so that it is seen in the list and in the picture.
    pub fn preview(&self, reshaping: &mut Reshaping, found: &[InstanceInfo]) {
        match self {
            Self::Split(splitting) => {
                splitting.apply(reshaping, found);
            }
            Self::Lasso(lasso) => lasso.preview(reshaping, found),
            Self::Point(pointing) => pointing.preview(reshaping, found),
            Self::Measure(_) => {}
        }
    }
}

/// `true` while a thing is split.
pub fn splits(state: State) -> bool {
    state.tool.with(|tool| matches!(tool, Some(Tool::Split(_))))
}

/// `true` while drags draw around parts.
pub fn lassoes(state: State) -> bool {
    state.tool.with(|tool| matches!(tool, Some(Tool::Lasso(_))))
}

/// `true` while clicks point out a thing.
pub fn points(state: State) -> bool {
    state.tool.with(|tool| matches!(tool, Some(Tool::Point(_))))
}

/// `true` while clicks measure.
pub fn measures(state: State) -> bool {
    state
        .tool
        .with(|tool| matches!(tool, Some(Tool::Measure(_))))
}

/// Takes another tool, or none, and leaves what was begun with the one before. In frames of other
/// pages there is no bar for tools, and none is taken.
pub fn take(state: State, tool: Option<Tool>) {
    let is_whole = state.wishes.with_value(|wishes| wishes.embedding.is_none());
    let tool = tool.filter(|_| is_whole);
    state.adding.set(false);
    state.outline.set(Vec::new());
    pointing::forget(state);
    state.tool.set(tool);
}
