//! A recording whose things are followed from frame to frame: points, things and cameras that grow on
//! the screen, until all frames came or the user stops.

use std::fmt::Display;

use leptos::prelude::*;
use segscape::{
    geometry::Aabb,
    instances::query::{Label, Labels},
};

use super::{
    actions,
    coloring::Coloring,
    first_look, replies,
    state::{State, Work},
};
use crate::{
    protocol::{Answer, Followed, InstanceInfo, Request},
    text::{counted, said_with},
};

/// The state of the following.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progressing {
    /// Number of frames that came.
    pub done: u32,
    /// Number of frames that there are.
    pub of: u32,
    /// Number of things so far.
    pub things: u32,
    /// Number of points so far.
    pub points: u32,
    /// The last frame that cannot be used, with its reason.
    pub skipped: Option<String>,
    /// If `true`, the user wants no more frames.
    pub stopping: bool,
}

impl Progressing {
    /// The state in words.
    pub fn words(&self) -> String {
        let Self {
            done, of, things, ..
        } = self;
        let things = counted(*things as usize, "1 thing", "{n} things");
        let places: &[(&str, &dyn Display)] = &[("done", done), ("of", of), ("things", &things)];
        match self.stopping {
            true => said_with("Stopping after frame {done} of {of}, {things}", places),
            false => said_with("Following … frame {done} of {of}, {things}", places),
        }
    }
}

/// Applies what became of the recording.
pub fn apply(state: State, followed: Followed) {
    let Followed {
        done,
        of,
        things,
        skipped,
        frames,
        positions,
        colors,
        spacing,
        superpoint_of_point,
        superpoints,
        gone,
        changed,
        superpoints_of_changed,
    } = followed;
    if state.work.get_untracked() != Work::Running {
        return;
    }
    state.viewer().grow(
        &positions.to_vec::<[f32; 3]>(),
        &colors.to_vec::<u32>(),
        &superpoint_of_point.to_vec::<u32>(),
        superpoints as usize,
        spacing,
    );
    if !frames.frames.is_empty() {
        state.pictures.with_value(|pictures| pictures.add(&frames));
        state.frames.update(|all| all.extend(frames.frames));
        replies::show_cameras(state);
    }
    let mut selection = state.selection.get_untracked();
    if selection.retain(|selected| !gone.contains(&selected)) {
        state.selection.set(selection);
    }
    let mut ids = superpoints_of_changed.to_vec::<u32>().into_iter();
    let mut labels = state.answer.with_untracked(|answer| {
        let answer = answer.as_ref();
        answer.map_or_else(Vec::new, |answer| answer.labels.of_instance.clone())
    });
    state.found.update(|instances| {
        for number in gone {
            if let Some((instance, label)) = at(instances, &mut labels, number) {
                (*instance, *label) = nobody();
            }
        }
        for change in changed {
            let superpoints = ids.by_ref().take(change.superpoints as usize).collect();
            let Some((instance, label)) = at(instances, &mut labels, change.number) else {
                continue;
            };
            *instance = InstanceInfo {
                score: change.score,
                points: change.points,
                bounds: change.bounds,
                superpoints,
            };
            *label = Label {
                name: change.name,
                term: None,
                confidence: change.score,
            };
        }
    });
    state.answer.set(Some(Answer {
        serial: state.asked.get_value(),
        labels: Labels {
            of_instance: labels,
            ..Labels::default()
        },
        unfinished: Vec::new(),
        download: None,
        related: None,
        ms: 0.0,
    }));
    let frames = state.frames.with_untracked(Vec::len) as u32;
    state.newest_frame.set(done.min(frames).checked_sub(1));
    state.following.update(|following| {
        let begins = following.is_none();
        let following = following.get_or_insert_default();
        (following.done, following.of, following.things) = (done, of, things);
        following.points = state.viewer().points() as u32;
        following.skipped = skipped.or(following.skipped.take());
        if begins {
            state.coloring.set(Coloring::Instance);
        }
    });
}

/// The instance with a number and its label; the lists get longer if they have to. `None` for numbers
/// that no worker gives.
fn at<'a>(
    instances: &'a mut Vec<InstanceInfo>,
    labels: &'a mut Vec<Label>,
    number: u32,
) -> Option<(&'a mut InstanceInfo, &'a mut Label)> {
    /// As many as a tracker has.
    const LIMIT: usize = 1 << 16;
    let number = number as usize;
    while instances.len() <= number.min(LIMIT) {
        let (instance, label) = nobody();
        instances.push(instance);
        labels.push(label);
    }
    Some((instances.get_mut(number)?, labels.get_mut(number)?))
}

/// What is kept for a number that no instance has, which is never listed: it has no superpoints.
fn nobody() -> (InstanceInfo, Label) {
    let instance = InstanceInfo {
        score: 0.0,
        points: 0,
        bounds: Aabb {
            min: [0.0; 3],
            max: [0.0; 3],
        },
        superpoints: Vec::new(),
    };
    let label = Label {
        name: String::new(),
        term: None,
        confidence: 0.0,
    };
    (instance, label)
}

/// Wants no more frames. What was found so far stays.
pub fn stop(state: State) {
    state.following.update(|following| {
        if let Some(following) = following {
            following.stopping = true;
        }
    });
    actions::send(state, Request::Stop);
}

/// Forgets the state of the following, whose things are in the list for good now.
pub fn over(state: State) {
    state.following.set(None);
    state.newest_frame.set(None);
}

/// Forgets the things of a following that came to no end, because no worker knows them any more.
pub fn lose(state: State) {
    if state.following.with_untracked(Option::is_some) {
        state.found.set(Vec::new());
        state.answer.set(None);
        state.coloring.set(Coloring::Scan);
        over(state);
    }
}

/// Forgets a job that came to no end. The choice between the network and the frames is that of the
/// recording on screen again.
pub fn abandon(state: State) {
    state.opening.set(None);
    first_look::end(state);
    lose(state);
    let was_followed = state.scan.with_untracked(|scan| {
        let capture = scan.as_ref()?.capture.as_ref()?;
        Some(capture.followed.is_some())
    });
    if let Some(was_followed) = was_followed {
        state.follow.set(was_followed);
    }
}
