//! Whose the superpoints are.

use std::collections::BTreeSet;

use leptos::prelude::*;
use segscape::instances::{Claim, NO_INSTANCE, owner_of_superpoint};

use crate::{
    edits::own_superpoints,
    page::{lasso::Lasso, state::State},
};

/// The superpoints that an instance has.
pub(super) fn own(state: State, instance: u32) -> Vec<u32> {
    let (edits, found) = (state.edits.read_untracked(), state.found.read_untracked());
    own_superpoints(instance, &edits.present().reshaping, &found).to_vec()
}

/// `(superpoints)`: the visible instance that owns each superpoint, or [`NO_INSTANCE`], as if nothing
/// were in the making.
pub(super) fn owners(state: State) -> Vec<u32> {
    let in_making = state.tool.get_untracked();
    if in_making.is_some() {
        state.tool.set(None);
    }
    let owners = {
        let instances = state.instances.read_untracked();
        let visible = state.visible.read_untracked();
        let all = (0..).zip(instances.iter().zip(&*visible));
        let claims = all
            .filter(|(_, (_, visible))| **visible)
            .map(|(instance, (info, _))| Claim {
                instance,
                points: info.points,
                superpoints: &info.superpoints,
            });
        owner_of_superpoint(state.viewer().superpoints(), claims)
    };
    if in_making.is_some() {
        state.tool.set(in_making);
    }
    owners
}

pub(super) fn owner(owners: &[u32], superpoint: u32) -> u32 {
    let owner = owners.get(superpoint as usize);
    owner.copied().unwrap_or(NO_INSTANCE)
}

/// The superpoints that a fill from these does not reach: those that belong to others than what the
/// first of them belongs to, which may be nobody.
pub(super) fn barred(state: State, inside: &[u32]) -> Vec<u32> {
    let owners = owners(state);
    let Some(first) = inside.first() else {
        return Vec::new();
    };
    let own = owner(&owners, *first);
    let all = (0..).zip(&owners);
    let others = all.filter(|(id, owner)| **owner != own && !inside.contains(id));
    others.map(|(id, _)| id).collect()
}

/// The superpoints of locked things.
pub(super) fn locked(state: State, owners: &[u32]) -> Vec<u32> {
    let edits = state.edits.read_untracked();
    let locked: &BTreeSet<u32> = &edits.present().locked;
    let all = (0..).zip(owners);
    let those = all.filter(|(_, owner)| locked.contains(owner));
    those.map(|(id, _)| id).collect()
}

/// Superpoints with their owners, without those of locked things.
pub(super) fn caught(state: State, superpoints: &[u32]) -> Lasso {
    let owners = owners(state);
    let edits = state.edits.read_untracked();
    let locked = &edits.present().locked;
    let mut caught = Lasso::default();
    let parts = superpoints.iter().map(|id| (*id, owner(&owners, *id)));
    caught.catch(parts.collect(), |owner| locked.contains(&owner));
    caught
}
