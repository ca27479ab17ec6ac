//! The tool that clicks and drags over the picture are for, if they are not for looking around.

use leptos::prelude::*;
use segscape::instances::Reshaping;

use super::{
    cutting::Cutting,
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
    /// Drags draw the line of a plane that cuts a thing.
    Cut(Cutting),
    /// Drags draw around parts, and clicks choose single ones.
    Lasso(Lasso),
    /// Clicks are on a thing, and beside it: they point it out, or fill it.
    Point(Pointing),
    /// Clicks choose the ends of a distance.
    Measure(Measuring),
}

/// What a tool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Clicks choose the parts that are split off.
    Split,
    /// A plane cuts a thing.
    Cut,
    /// Drags draw around parts.
    Lasso,
    /// Clicks point out a thing.
    Point,
    /// Clicks fill a thing.
    Fill,
    /// Clicks measure.
    Measure,
}

impl Tool {
    fn kind(&self) -> Kind {
        match self {
            Self::Split(_) => Kind::Split,
            Self::Cut(_) => Kind::Cut,
            Self::Lasso(_) => Kind::Lasso,
            Self::Point(pointing) if pointing.fills => Kind::Fill,
            Self::Point(_) => Kind::Point,
            Self::Measure(_) => Kind::Measure,
        }
    }

    /// Makes what was chosen so far an instance, so that it is seen in the list and in the picture.
    pub fn preview(&self, reshaping: &mut Reshaping, found: &[InstanceInfo]) {
        match self {
            Self::Split(splitting) => {
                splitting.apply(reshaping, found);
            }
            Self::Cut(cutting) => {
                cutting.splitting.apply(reshaping, found);
            }
            Self::Lasso(lasso) => lasso.preview(reshaping, found),
            Self::Point(pointing) => pointing.preview(reshaping, found),
            Self::Measure(_) => {}
        }
    }
}

/// What the tool in the hand is.
pub fn kind(state: State) -> Option<Kind> {
    state.tool.with(|tool| tool.as_ref().map(Tool::kind))
}

/// `true` while a thing is split.
pub fn splits(state: State) -> bool {
    kind(state) == Some(Kind::Split)
}

/// `true` while a thing is cut.
pub fn cuts(state: State) -> bool {
    kind(state) == Some(Kind::Cut)
}

/// `true` while drags draw around parts.
pub fn lassoes(state: State) -> bool {
    kind(state) == Some(Kind::Lasso)
}

/// `true` while clicks point out a thing, or fill it.
pub fn points(state: State) -> bool {
    matches!(kind(state), Some(Kind::Point | Kind::Fill))
}

/// `true` while clicks measure.
pub fn measures(state: State) -> bool {
    kind(state) == Some(Kind::Measure)
}

/// Takes another tool, or none, and leaves what was begun with the one before. In frames of other
/// pages there is no bar for tools, and none is taken.
pub fn take(state: State, tool: Option<Tool>) {
    let tool = tool.filter(|_| !state.is_embedded());
    state.adding.set(false);
    state.outline.set(Vec::new());
    pointing::forget(state);
    state.tool.set(tool);
}
