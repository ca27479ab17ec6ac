//! Things that users make by hand where none were found so far: the tools for that need superpoints,
//! which are computed first, without the network.

use leptos::prelude::*;

use super::{
    actions,
    state::{State, Work},
    tool::{self, Tool},
};
use crate::{protocol::Request, text::said};

/// Takes a tool that makes things of superpoints, once there are some.
pub fn take(state: State, tool: Tool) {
    if untrack(|| obstacle(state)).is_some() || state.is_embedded() {
        return;
    }
    state.flying.set(false);
    if untrack(|| state.has_parts()) {
        return tool::take(state, Some(tool));
    }
    if state.work.get_untracked() != Work::Waiting {
        // The worker may have lost the scan together with the job that was not done to the end.
        actions::reopen_with(state, |opening| {
            (opening.follow, opening.view_only) = (false, true);
        });
    }
    state.awaiting_parts.set_value(Some(tool));
    if state.work.get_untracked() == Work::Waiting {
        go_on(state);
    }
}

/// Goes on with the tool that waits for superpoints, if one does: has them computed, now that the
/// scan is there, or takes it, now that they are.
pub fn go_on(state: State) {
    let Some(tool) = state.awaiting_parts.get_value() else {
        return;
    };
    if untrack(|| state.has_parts()) {
        state.awaiting_parts.set_value(None);
        tool::take(state, Some(tool));
    } else {
        actions::begin(state);
        actions::send(state, Request::Group);
    }
}

/// Why no thing can be made of superpoints, in words; `None` if it can.
pub fn obstacle(state: State) -> Option<String> {
    if state.has_parts() {
        return None;
    }
    let words = match (state.work.get(), state.scan.with(Option::is_some)) {
        (Work::Running, _) => said("Wait until the things are found"),
        (Work::Waiting | Work::Cancelled | Work::Failed, true) => return None,
        _ => said("Open a scan first"),
    };
    Some(words.to_owned())
}
