//! Labels that came without their points: the page asks for the file of these, and opens both
//! together.

use leptos::prelude::*;

use super::{
    address::LinkedView,
    state::{State, Work},
};
use crate::{
    numbers::{grouped, megabytes},
    protocol::{Source, WantedScan},
    text::said_with,
};

/// Ending of the names of files that are never the points of labels: they have labels of their own.
const BUNDLES: &str = ".segscape";

/// Labels whose points the user is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The origin of the labels.
    labels: Source,
    /// The file that has the points.
    scan: WantedScan,
}

impl Wanted {
    /// What the user is asked for, in words.
    pub fn words(&self) -> String {
        let WantedScan {
            name,
            points,
            bytes,
            ..
        } = &self.scan;
        let (points, size) = (grouped(*points as usize), megabytes(*bytes));
        match name.as_str() {
            "" => said_with(
                "These labels belong to a scan of {points} points, a file of {size}.",
                &[("points", &points), ("size", &size)],
            ),
            name => said_with(
                "These labels belong to the scan {name} ({points} points, {size}).",
                &[("name", &name), ("points", &points), ("size", &size)],
            ),
        }
    }

    /// Why what was found or given is not this file, if something was.
    pub fn problem(&self) -> Option<String> {
        self.scan.problem.clone()
    }
}

/// Asks for the file of the labels that are being opened.
pub fn ask(state: State, scan: WantedScan) {
    let opening = state.opening.get_untracked();
    let Some(labels) = opening.map(|opening| opening.source.opened().clone()) else {
        return;
    };
    state.opening.set(None);
    state.stages.set(Vec::new());
    // The scene that was there before stays, and one without things can be searched again.
    let is_empty = state.found.with_untracked(Vec::is_empty);
    state
        .work
        .set(match state.scan.with_untracked(Option::is_some) {
            false => Work::Idle,
            true if is_empty => Work::Cancelled,
            true => Work::Done,
        });
    state.wanted.set(Some(Wanted { labels, scan }));
}

/// Leaves the labels without their points.
pub fn give_up(state: State) {
    if state.wanted.with_untracked(Option::is_some) {
        state.wanted.set(None);
        state.arriving.set_value(None);
    }
}

/// What is to be opened when a user gives `source`: if it is a file that labels wait for, both
/// together, in the view that their link asks for.
pub fn completed(state: State, source: Source) -> (Source, Option<LinkedView>) {
    let is_scan = matches!(&source, Source::File { name, .. } if !name.ends_with(BUNDLES));
    match state.wanted.try_update(Option::take).flatten() {
        Some(wanted) if is_scan => {
            let both = Source::Overlay {
                labels: Box::new(wanted.labels),
                scan: Box::new(source),
            };
            (both, state.arriving.get_value())
        }
        _ => (source, None),
    }
}
