//! Sets and things that grow and shrink by a superpoint.

use std::sync::Arc;

use leptos::prelude::*;
use segscape::instances::{Clicks, NO_INSTANCE};

use super::{
    About, Pointing, begin, heard, in_hand,
    owning::{barred, locked, own, owner, owners},
    put,
};
use crate::{
    page::{
        actions,
        editing::{self, called},
        lasso::{self, Lasso},
        state::State,
    },
    protocol::Request,
    text::{said, said_with},
};

/// Adds a superpoint to what is pointed out or else to the only selected thing, or takes one from it.
pub fn resize(state: State, grows: bool) {
    match in_hand(state) {
        Some(pointing) => resize_set(state, &pointing, grows),
        None => resize_selected(state, grows),
    }
}

fn resize_set(state: State, pointing: &Pointing, grows: bool) {
    let set: Vec<u32> = pointing.now.caught.parts.keys().copied().collect();
    if set.is_empty() || pointing.waits() {
        return;
    }
    let Clicks { inside, outside } = pointing.clicks();
    let fixed = match (grows, pointing.fills) {
        (false, _) => inside,
        (true, false) => [outside, locked(state, &owners(state))].concat(),
        (true, true) => [outside, barred(state, &inside)].concat(),
    };
    send(state, None, set, (fixed, grows));
}

fn resize_selected(state: State, grows: bool) {
    let has_tool = state.tool.with_untracked(Option::is_some);
    let target = untrack(|| editing::only(state));
    let Some(target) = target.filter(|_| !has_tool && state.is_segmented()) else {
        return;
    };
    if untrack(|| editing::is_locked(state, target)) {
        let thing = called(state, target);
        let words = said_with("{thing} is locked: K unlocks it", &[("thing", &thing)]);
        return editing::tell(state, words, None);
    }
    let set = own(state, target);
    let fixed = match grows {
        true => locked(state, &owners(state)),
        false => Vec::new(),
    };
    send(state, Some(target), set, (fixed, grows));
}

fn send(state: State, instance: Option<u32>, set: Vec<u32>, (fixed, grows): (Vec<u32>, bool)) {
    // The answer to an earlier press counts first.
    let waits = state
        .pointing
        .with_value(|asked| matches!(asked.about, Some(About::Set { .. })));
    if waits {
        return;
    }
    let about = About::Set {
        instance,
        superpoints: set.clone(),
        grows,
    };
    let serial = begin(state, about);
    actions::send(
        state,
        Request::Resize {
            serial,
            set,
            fixed,
            grows,
        },
    );
}

/// Adds the superpoint to what the request with this serial number was about, or takes it away.
pub fn resized(state: State, serial: u32, superpoint: Option<u32>) {
    let Some(About::Set {
        instance,
        superpoints,
        grows,
    }) = heard(state, serial)
    else {
        return;
    };
    let Some(superpoint) = superpoint else {
        let words = match grows {
            true => said("Nothing that is free is beside it"),
            false => said("Nothing more can be taken from it"),
        };
        return editing::tell(state, words.to_owned(), None);
    };
    match (instance, in_hand(state)) {
        (Some(instance), None) if own(state, instance) == superpoints => {
            resize_thing(state, instance, (superpoint, grows));
        }
        (None, Some(pointing)) if pointing.now.caught.parts.keys().eq(&superpoints) => {
            change_by_hand(state, pointing, (superpoint, grows));
        }
        // It is another one by now.
        _ => {}
    }
}

fn change_by_hand(state: State, mut pointing: Pointing, (superpoint, grows): (u32, bool)) {
    let owner = owner(&owners(state), superpoint);
    let now = pointing.step();
    now.shown = None;
    let caught = Arc::make_mut(&mut now.caught);
    if grows {
        caught.parts.insert(superpoint, owner);
    } else {
        caught.parts.remove(&superpoint);
    }
    put(state, pointing);
}

fn resize_thing(state: State, instance: u32, (superpoint, grows): (u32, bool)) {
    let part = Lasso {
        parts: [(superpoint, NO_INSTANCE)].into(),
        locked: 0,
    };
    let name = called(state, instance);
    match grows {
        true => {
            let what = said_with("Added a part to {thing}", &[("thing", &name)]);
            lasso::add(state, instance, &part, what);
        }
        false => {
            let what = said_with("Removed a part from {thing}", &[("thing", &name)]);
            lasso::remove(state, instance, &part, what);
        }
    }
}
