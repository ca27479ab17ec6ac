//! The first look at a large scan: a part of its points, on screen until all of them are there. Nothing
//! is known of it but what is seen, so that nothing can be done with it but to look around.

use leptos::prelude::*;
use segscape::preflight::Color;

use super::{
    address,
    replies::cloud,
    state::{State, Work},
};
use crate::{protocol::Points, view::cloud::Cloud};

/// Shows a part of the points, unless a scan is on screen, which stays until all are there.
pub fn show(state: State, points: Points) {
    if state.scan.with_untracked(Option::is_some) || state.work.get_untracked() != Work::Running {
        return;
    }
    let colored = points.scan.preflight.color.value == Color::Present;
    state.viewer().show(cloud(
        &points.scan,
        &points.positions,
        points.colors.as_ref(),
    ));
    if let Some(camera) = address::arriving_camera(state) {
        state.viewer().steer(|current| *current = camera);
    }
    state.first_look.set(Some(colored));
}

/// Takes the part off the screen, because the rest does not come.
pub fn end(state: State) {
    if state.first_look.get_untracked().is_some() {
        state.first_look.set(None);
        state.viewer().show(Cloud::default());
    }
}
