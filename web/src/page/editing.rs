//! What a user does to the instances: hide, rename, merge, delete and split them, undo and redo.

use std::collections::BTreeSet;

use leptos::prelude::*;
use segscape::instances::{NO_INSTANCE, Reshaping};

use super::{history::History, selection::Selection, state::State};
use crate::{browser, edits::Edits, protocol::InstanceInfo};

/// Time for which a notice is shown, milliseconds.
const NOTICE_MS: i32 = 8000;

/// What was done last, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The words.
    pub words: String,
    /// What a button beside the words does.
    pub offer: Option<Offer>,
}

/// What can be done about what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Undo it.
    Undo,
    /// Open the scene again whose place another one took.
    BringBack,
}

/// An instance that is being split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splitting {
    /// The instance.
    pub instance: u32,
    /// Its superpoints that become a new instance.
    pub parts: BTreeSet<u32>,
}

impl Splitting {
    /// Moves the parts to a new instance. Returns its index; `None` if there is nothing to move, or
    /// nothing would be left.
    pub fn apply(&self, reshaping: &mut Reshaping, found: &[InstanceInfo]) -> Option<u32> {
        let next = reshaping.count(found.len()) as u32;
        let superpoints = own_superpoints(self.instance, reshaping, found).to_vec();
        let is_split = reshaping.split(self.instance, &superpoints, &self.parts, next);
        is_split.then_some(next)
    }
}

/// The superpoints that an instance has by now, without the part that is being split off. None for
/// an instance that there is not.
fn own_superpoints<'a>(
    instance: u32,
    reshaping: &'a Reshaping,
    found: &'a [InstanceInfo],
) -> &'a [u32] {
    match (reshaping.get(instance), found.get(instance as usize)) {
        (Some(reshaped), _) => &reshaped.superpoints,
        (None, Some(found)) => &found.superpoints,
        (None, None) => &[],
    }
}

/// Begins with these changes, and nothing to undo.
pub fn begin(state: State, edits: Edits) {
    state.splitting.set(None);
    state.adding.set(false);
    state.selection.set(Selection::default());
    let opening = state.opening.read_untracked();
    let is_saved = opening.as_ref().is_none_or(|opening| !opening.unsaved);
    state.saved.set(is_saved.then(|| edits.clone()));
    state.sent.set(edits.clone());
    state.edits.set(History::starting_from(edits));
}

/// Changes the instances and what is selected, in a way that can be undone. `what` says what was
/// done. Returns `true` if anything changed.
fn edit(state: State, what: String, change: impl FnOnce(&mut Edits, &mut Selection)) -> bool {
    let mut selection = state.selection.get_untracked();
    let mut changed = false;
    state
        .edits
        .update(|history| changed = history.change(what, &mut selection, change));
    keep(state, selection);
    changed
}

/// The same, and tells the user what was done.
fn edit_and_tell(state: State, what: String, change: impl FnOnce(&mut Edits, &mut Selection)) {
    if edit(state, what.clone(), change) {
        tell(state, what, Some(Offer::Undo));
    }
}

/// Selects what is selected after a step.
fn keep(state: State, selection: Selection) {
    if *state.selection.read_untracked() != selection {
        state.selection.set(selection);
    }
}

/// Shows a notice for a while, or, if it offers what could not be had later, until it is closed.
pub fn tell(state: State, words: String, offer: Option<Offer>) {
    let notice = Notice { words, offer };
    state.notice.set(Some(notice.clone()));
    if offer == Some(Offer::BringBack) {
        return;
    }
    browser::after(NOTICE_MS, move || {
        if state.notice.try_get_untracked().flatten() == Some(notice) {
            state.notice.set(None);
        }
    });
}

/// What an instance is called, with its number.
pub fn called(state: State, instance: u32) -> String {
    let rows = state.rows.read_untracked();
    let row = rows.iter().find(|row| row.id == instance);
    let name = row.map_or("thing", |row| row.name.as_str());
    format!("{name} {}", instance + 1)
}

/// What instances are called: one by its name, several by their number.
fn all_called(state: State, instances: &[u32]) -> String {
    match instances {
        [instance] => called(state, *instance),
        instances => format!("{} things", instances.len()),
    }
}

/// Hides a shown instance or shows a hidden one.
pub fn toggle_hidden(state: State, instance: u32) {
    let is_hidden = state
        .edits
        .with_untracked(|edits| edits.present().hidden.contains(&instance));
    let verb = if is_hidden { "Showed" } else { "Hid" };
    let what = format!("{verb} {}", called(state, instance));
    edit(state, what, |edits, _| edits.toggle_hidden(instance));
}

/// Hides these instances, or shows them if all of them are hidden.
pub fn toggle_all_hidden(state: State, instances: &[u32]) {
    let are_hidden = state.edits.with_untracked(|edits| {
        let hidden = &edits.present().hidden;
        instances.iter().all(|id| hidden.contains(id))
    });
    let verb = if are_hidden { "Showed" } else { "Hid" };
    let what = format!("{verb} {}", all_called(state, instances));
    edit(state, what, |edits, _| edits.toggle_all_hidden(instances));
}

/// Shows only this instance, or all instances again if it is isolated already.
pub fn toggle_isolated(state: State, instance: u32) {
    let what = format!("Showed {} alone", called(state, instance));
    edit(state, what, |edits, _| edits.toggle_isolated(instance));
}

/// Shows all instances.
pub fn show_all(state: State) {
    edit(state, "Showed all things".to_owned(), |edits, _| {
        edits.show_all()
    });
}

/// Names an instance; an empty name removes the name given before.
pub fn rename(state: State, instance: u32, name: &str) {
    let what = format!("Renamed {}", called(state, instance));
    edit(state, what, |edits, _| edits.rename(instance, name));
}

/// Selects an instance beside those that are selected, or no longer.
pub fn toggle_selected(state: State, instance: u32) {
    state
        .selection
        .update(|selection| selection.toggle(instance));
}

/// Selects everything that is listed and shown.
pub fn select_all(state: State) {
    let mut selection = Selection::default();
    let rows = state.rows.read_untracked();
    let shown = rows.iter().filter(|row| row.shown);
    shown.for_each(|row| selection.toggle(row.id));
    state.selection.set(selection);
}

/// The selected instances that are in the list: what the user does not see stays as it is.
pub fn listed(state: State) -> Vec<u32> {
    let (selection, rows) = (state.selection.read(), state.rows.read());
    let is_listed = |id: &u32| rows.iter().any(|row| row.id == *id);
    selection.all().iter().copied().filter(is_listed).collect()
}

/// Merges the selected instances into the one that was selected first.
pub fn merge(state: State) {
    let selected = untrack(|| listed(state));
    let [into, others @ ..] = &*selected else {
        return;
    };
    if others.is_empty() || !state.is_segmented() {
        return;
    }
    let what = format!(
        "Merged {} into {}",
        all_called(state, others),
        called(state, *into)
    );
    let instances = state.instances.get_untracked();
    let superpoints_of = |id: u32| {
        let instance = instances.get(id as usize);
        instance.map_or(&[][..], |instance| instance.superpoints.as_slice())
    };
    state.adding.set(false);
    edit_and_tell(state, what, |edits, selection| {
        edits.merge(*into, others, superpoints_of);
        *selection = Selection::of(Some(*into));
    });
}

/// Deletes instances.
pub fn delete(state: State, instances: &[u32]) {
    if instances.is_empty() || !state.is_segmented() {
        return;
    }
    let what = format!("Deleted {}", all_called(state, instances));
    edit_and_tell(state, what, |edits, selection| {
        for instance in instances {
            edits.delete(*instance);
        }
        selection.retain(|selected| !instances.contains(&selected));
    });
}

/// Deletes the selected instances.
pub fn delete_selected(state: State) {
    state.adding.set(false);
    delete(state, &untrack(|| listed(state)));
}

/// Begins to split the only selected instance, or ends it without a change.
pub fn toggle_splitting(state: State) {
    let begun = state.splitting.with_untracked(Option::is_some);
    let splitting = match &*untrack(|| listed(state)) {
        [instance] if !begun && state.is_segmented() => Some(Splitting {
            instance: *instance,
            parts: BTreeSet::new(),
        }),
        _ => None,
    };
    state.adding.set(false);
    state.splitting.set(splitting);
}

/// Takes a superpoint of the instance that is being split for the new one, or gives it back.
/// Superpoints of other instances stay where they are.
pub fn toggle_part(state: State, superpoint: u32) {
    let Some(mut splitting) = state.splitting.get_untracked() else {
        return;
    };
    let is_own = {
        let (edits, found) = (state.edits.read_untracked(), state.found.read_untracked());
        let reshaping = &edits.present().reshaping;
        own_superpoints(splitting.instance, reshaping, &found).contains(&superpoint)
    };
    if is_own && !splitting.parts.remove(&superpoint) {
        splitting.parts.insert(superpoint);
    }
    state.splitting.set(Some(splitting));
}

/// Makes the parts a new instance, and selects it.
pub fn finish_splitting(state: State) {
    let Some(splitting) = state.splitting.get_untracked() else {
        return;
    };
    let what = format!("Split {}", called(state, splitting.instance));
    state.splitting.set(None);
    let found = state.found.get_untracked();
    edit_and_tell(state, what, |edits, selection| {
        if let Some(new) = splitting.apply(&mut edits.reshaping, &found) {
            if let Some(name) = edits.names.get(&splitting.instance).cloned() {
                edits.names.insert(new, name);
            }
            *selection = Selection::of(Some(new));
        }
    });
}

/// The instance whose outline is drawn strongly, or [`NO_INSTANCE`]: the part that is being split
/// off, or what is selected.
pub fn outlined(state: State) -> u32 {
    let found = state.found.with(Vec::len);
    let before = state
        .edits
        .with(|edits| edits.present().reshaping.count(found));
    let part = (state.instances.with(Vec::len) > before).then_some(before as u32);
    part.or_else(|| state.selection.with(Selection::first))
        .unwrap_or(NO_INSTANCE)
}

/// Undoes the last change, if there is one, and says what it was.
pub fn undo(state: State) {
    step(state, "Undone", History::undo);
}

/// Redoes the change that was undone last, if there is one, and says what it was.
pub fn redo(state: State) {
    step(state, "Done again", History::redo);
}

fn step(
    state: State,
    verb: &str,
    step: impl FnOnce(&mut History, &mut Selection) -> Option<String>,
) {
    state.splitting.set(None);
    let mut selection = state.selection.get_untracked();
    let mut done = None;
    state
        .edits
        .update(|history| done = step(history, &mut selection));
    keep(state, selection);
    if let Some(what) = done {
        let mut letters = what.chars();
        let first = letters.next().into_iter().flat_map(char::to_lowercase);
        let what: String = first.chain(letters).collect();
        tell(state, format!("{verb}: {what}"), None);
    }
}
