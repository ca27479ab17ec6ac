//! What a user does to the instances: hide, rename, lock, merge, delete and split them, undo and redo.

use std::collections::BTreeSet;

use leptos::prelude::*;
use segscape::instances::{NO_INSTANCE, Reshaping};

use super::{
    actions,
    history::History,
    lasso, pointing,
    selection::Selection,
    state::State,
    tool::{self, Tool},
};
use crate::{
    browser,
    edits::{Edits, own_superpoints},
    protocol::InstanceInfo,
    text::{self, Language, counted, said, said_with},
};

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

/// Begins with these changes, and nothing to undo.
pub fn begin(state: State, edits: Edits) {
    tool::take(state, None);
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
pub fn edit_and_tell(state: State, what: String, change: impl FnOnce(&mut Edits, &mut Selection)) {
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
    let name = row.map_or_else(|| said("thing"), |row| row.name.as_str());
    format!("{name} {}", instance + 1)
}

/// What instances are called: one by its name, several by their number.
fn all_called(state: State, instances: &[u32]) -> String {
    match instances {
        [instance] => called(state, *instance),
        instances => counted(instances.len(), "1 thing", "{n} things"),
    }
}

/// Says that things were shown again, or hidden.
fn showed_or_hid(showed: bool, things: &str) -> String {
    match showed {
        true => said_with("Showed {things}", &[("things", &things)]),
        false => said_with("Hid {things}", &[("things", &things)]),
    }
}

/// Hides a shown instance or shows a hidden one.
pub fn toggle_hidden(state: State, instance: u32) {
    let is_hidden = state
        .edits
        .with_untracked(|edits| edits.present().hidden.contains(&instance));
    let what = showed_or_hid(is_hidden, &called(state, instance));
    edit(state, what, |edits, _| edits.toggle_hidden(instance));
}

/// Hides these instances, or shows them if all of them are hidden.
pub fn toggle_all_hidden(state: State, instances: &[u32]) {
    let are_hidden = state.edits.with_untracked(|edits| {
        let hidden = &edits.present().hidden;
        instances.iter().all(|id| hidden.contains(id))
    });
    let what = showed_or_hid(are_hidden, &all_called(state, instances));
    edit(state, what, |edits, _| edits.toggle_all_hidden(instances));
}

/// Shows only this instance, or all instances again if it is isolated already.
pub fn toggle_isolated(state: State, instance: u32) {
    let what = said_with(
        "Showed {thing} alone",
        &[("thing", &called(state, instance))],
    );
    edit(state, what, |edits, _| edits.toggle_isolated(instance));
}

/// Shows all instances.
pub fn show_all(state: State) {
    edit(state, said("Showed all things").to_owned(), |edits, _| {
        edits.show_all()
    });
}

/// Names an instance; an empty name removes the name given before.
pub fn rename(state: State, instance: u32, name: &str) {
    let what = said_with("Renamed {thing}", &[("thing", &called(state, instance))]);
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

/// The selected instances that are in the list: what the user does not see stays as it is, and a part
/// in the making is none.
pub fn listed(state: State) -> Vec<u32> {
    let (selection, rows) = (state.selection.read(), state.rows.read());
    let made = state.made.get();
    let is_listed = |id: &u32| *id < made && rows.iter().any(|row| row.id == *id);
    selection.all().iter().copied().filter(is_listed).collect()
}

/// The selected instance, if it is the only one that is listed.
pub fn only(state: State) -> Option<u32> {
    match &*listed(state) {
        [instance] => Some(*instance),
        _ => None,
    }
}

/// Looks for what is like the only selected instance, or for everything again.
pub fn toggle_like(state: State) {
    if let Some(instance) = untrack(|| only(state)).filter(|_| state.is_segmented()) {
        actions::toggle_like(state, instance);
    }
}

/// `true` if the instance stays as it is until it is unlocked.
pub fn is_locked(state: State, instance: u32) -> bool {
    let edits = state.edits.read();
    edits.present().locked.contains(&instance)
}

/// Locks these instances, or unlocks them if all of them are locked.
pub fn toggle_locked(state: State, instances: &[u32]) {
    if instances.is_empty() || !state.is_segmented() {
        return;
    }
    let are_locked = untrack(|| instances.iter().all(|id| is_locked(state, *id)));
    let things = all_called(state, instances);
    let what = match are_locked {
        true => said_with("Unlocked {things}", &[("things", &things)]),
        false => said_with("Locked {things}", &[("things", &things)]),
    };
    edit_and_tell(state, what, |edits, _| edits.toggle_locked(instances));
}

/// Those of the instances that are not locked. Says which ones are.
pub(super) fn unlocked(state: State, instances: &[u32]) -> Vec<u32> {
    let (locked, free): (Vec<u32>, Vec<u32>) =
        instances.iter().partition(|id| is_locked(state, **id));
    if !locked.is_empty() {
        let things = all_called(state, &locked);
        let words = match locked.len() {
            1 => said_with(
                "{thing} is locked: K unlocks what is selected",
                &[("thing", &things)],
            ),
            _ => said_with(
                "{things} are locked: K unlocks what is selected",
                &[("things", &things)],
            ),
        };
        tell(state, words, None);
    }
    free
}

/// Says what was done, and whether something locked was left out.
fn with_locked(done: String, some: bool) -> String {
    match some {
        true => said_with("{done}, without what is locked", &[("done", &done)]),
        false => done,
    }
}

/// Merges the selected instances that are not locked into the one of them that was selected first.
pub fn merge(state: State) {
    let selected = untrack(|| listed(state));
    if selected.len() < 2 || !state.is_segmented() {
        return;
    }
    let free = untrack(|| unlocked(state, &selected));
    let [into, others @ ..] = &*free else {
        return;
    };
    if others.is_empty() {
        return;
    }
    let what = said_with(
        "Merged {things} into {thing}",
        &[
            ("things", &all_called(state, others)),
            ("thing", &called(state, *into)),
        ],
    );
    let what = with_locked(what, free.len() < selected.len());
    let found = state.found.get_untracked();
    let reshaping = state.edits.read_untracked().present().reshaping.clone();
    let superpoints_of = |id: u32| own_superpoints(id, &reshaping, &found);
    state.adding.set(false);
    edit_and_tell(state, what, |edits, selection| {
        edits.merge(*into, others, superpoints_of);
        *selection = Selection::of(Some(*into));
    });
}

/// Deletes those of the instances that are not locked.
pub fn delete(state: State, instances: &[u32]) {
    if instances.is_empty() || !state.is_segmented() {
        return;
    }
    let free = untrack(|| unlocked(state, instances));
    if free.is_empty() {
        return;
    }
    let what = said_with("Deleted {things}", &[("things", &all_called(state, &free))]);
    let what = with_locked(what, free.len() < instances.len());
    edit_and_tell(state, what, |edits, selection| {
        for instance in &free {
            edits.delete(*instance);
        }
        selection.retain(|selected| !free.contains(&selected));
    });
}

/// Deletes the selected instances.
pub fn delete_selected(state: State) {
    state.adding.set(false);
    delete(state, &untrack(|| listed(state)));
}

/// Locks the selected instances, or unlocks them.
pub fn lock_selected(state: State) {
    untrack(|| toggle_locked(state, &listed(state)));
}

/// Begins to split the only selected instance, or ends it without a change.
pub fn toggle_splitting(state: State) {
    let begun = untrack(|| tool::splits(state));
    let splitting = untrack(|| only(state))
        .filter(|_| !begun && state.is_segmented())
        .and_then(|instance| untrack(|| unlocked(state, &[instance])).first().copied());
    let splitting = splitting.map(|instance| {
        Tool::Split(Splitting {
            instance,
            parts: BTreeSet::new(),
        })
    });
    tool::take(state, splitting);
}

/// Takes a superpoint of the instance that is being split for the new one, or gives it back.
/// Superpoints of other instances stay where they are.
pub fn toggle_part(state: State, superpoint: u32) {
    let Some(Tool::Split(mut splitting)) = state.tool.get_untracked() else {
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
    state.tool.set(Some(Tool::Split(splitting)));
}

/// Makes the parts a new instance, and selects it.
pub fn finish_splitting(state: State) {
    if let Some(Tool::Split(splitting)) = state.tool.get_untracked() {
        tool::take(state, None);
        split(state, &splitting);
    }
}

/// Makes parts of an instance a new one, which has the same name, and selects it.
pub fn split(state: State, splitting: &Splitting) {
    let what = said_with(
        "Split {thing}",
        &[("thing", &called(state, splitting.instance))],
    );
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

/// The instance whose outline is drawn strongly, or [`NO_INSTANCE`]: the part in the making, or what is
/// selected.
pub fn outlined(state: State) -> u32 {
    let made = state.made.get();
    let part = (state.instances.with(Vec::len) > made as usize).then_some(made);
    part.or_else(|| state.selection.with(Selection::first))
        .unwrap_or(NO_INSTANCE)
}

/// Undoes the last step of the tool, or else the last change, if there is one, and says what it was.
pub fn undo(state: State) {
    if !pointing::undo(state, false) {
        let done = |what: &str| said_with("Undone: {what}", &[("what", &what)]);
        step(state, done, History::undo);
    }
}

/// Does again the step of the tool or the change that was undone last, if there is one, and says what it
/// was.
pub fn redo(state: State) {
    if !pointing::undo(state, true) {
        let done = |what: &str| said_with("Done again: {what}", &[("what", &what)]);
        step(state, done, History::redo);
    }
}

fn step(
    state: State,
    words: impl FnOnce(&str) -> String,
    step: impl FnOnce(&mut History, &mut Selection) -> Option<String>,
) {
    // What was chosen so far may be of things that are others now.
    if untrack(|| tool::splits(state) || tool::cuts(state)) {
        tool::take(state, None);
    }
    lasso::clear(state);
    pointing::clear(state);
    let mut selection = state.selection.get_untracked();
    let mut done = None;
    state
        .edits
        .update(|history| done = step(history, &mut selection));
    keep(state, selection);
    if let Some(what) = done {
        tell(state, words(&within(&what)), None);
    }
}

/// What was done as a part of a sentence. In other languages than English it may begin with the name
/// of a thing, which stays as it is.
fn within(what: &str) -> String {
    if text::spoken_untracked() != Language::English {
        return what.to_owned();
    }
    let mut letters = what.chars();
    let first = letters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(letters).collect()
}
