//! Applies the worker's replies to the state of the page.

use std::collections::BTreeMap;

use leptos::prelude::*;
use segscape::{
    bundle::SavedView,
    progress::{Progress, Stage},
};

use crate::{
    actions, browser,
    edits::{Edits, History},
    listing,
    protocol::{Bulk, Points, Reply, ScanInfo},
    state::{Coloring, StageState, State, Work},
    view::{camera::Camera, cloud::Cloud},
};

/// Handles one reply.
pub fn handle(state: State, reply: Reply) {
    match reply {
        Reply::Listening => {}
        Reply::Backend(info) => state.backend.set(Some(info)),
        Reply::Progress(progress) => progressed(state, progress),
        Reply::Finished { stage, ms, outcome } => finished(state, stage, ms, outcome),
        Reply::Points(points) => show(state, points),
        Reply::Instances(instances) => {
            state.answer.set(None);
            state.edits.set(History::default());
            state.instances.set(instances);
            state.coloring.set(Coloring::Instance);
        }
        Reply::Answer(answer) => {
            if answer.serial == state.asked.get_value() {
                state.answer.set(Some(answer));
            }
        }
        Reply::Owners {
            serial,
            owner_of_point,
        } => {
            if serial == state.owners_asked.get_value() {
                own(state, &owner_of_point);
            }
        }
        Reply::Exported { name, mime, bytes } => {
            if browser::download(&name, &mime, &bytes.0).is_err() {
                state
                    .error
                    .set(Some(format!("the browser refused to save {name}")));
            }
        }
        Reply::Packed {
            bundle,
            superpoint_of_point,
        } => {
            if let Some(packed) = state.packing.try_update_value(Option::take).flatten() {
                packed(bundle, superpoint_of_point);
            }
        }
        Reply::SavedView { view, names } => look(state, view, names),
        Reply::Done => {
            state.work.set(Work::Done);
            state.opening.set(None);
            if state
                .instances
                .with_untracked(|instances| !instances.is_empty())
            {
                actions::pack(state, move |bundle, superpoints| {
                    state.snapshot.set_value(Some((bundle, superpoints)))
                });
            }
        }
        Reply::Failed { message } => {
            state.opening.set(None);
            if state.work.get_untracked() == Work::Running {
                state.work.set(Work::Failed);
            }
            state.error.set(Some(message));
        }
        Reply::Panicked { message } => {
            web_sys::console::error_1(&message.as_str().into());
            // The first line of a panic report is its place in the program.
            if actions::leave_gpu(state, message.lines().nth(1).unwrap_or(&message)) {
                return;
            }
            let words = "An internal error stopped Segscape's worker, which was started again; what is on screen stays. The browser's console has the report.";
            state.error.set(Some(words.into()));
            state.opening.set(None);
            state.work.set(Work::Failed);
            actions::restart_worker(state);
        }
    }
}

/// Distance between neighbouring points, metres. Points that all coincide are drawn as if they were
/// a centimetre apart.
fn spacing(scan: &ScanInfo) -> f32 {
    scan.preflight
        .spacing
        .value
        .map_or(0.01, |metres| metres as f32)
}

/// Applies the view that the sender of a bundle saved.
fn look(state: State, view: SavedView, names: BTreeMap<u32, String>) {
    state.prompt.set(view.prompt);
    state.threshold.set(view.threshold.clamp(0.0, 1.0));
    state.coloring.set(view.color_mode.into());
    let hidden = view.hidden.into_iter().collect();
    state.edits.set(History::starting_from(Edits {
        hidden,
        isolated: None,
        names,
    }));
    if let Some(camera) = view.camera {
        let camera = Camera::from(camera);
        state.viewer().steer(|current| *current = camera);
    }
}

/// Assigns the points to their owners. Instance `i` is owner `i + 1`.
fn own(state: State, owner_of_point: &Bulk) {
    let mut owner_of_point = owner_of_point.to_vec::<u32>();
    owner_of_point
        .iter_mut()
        .for_each(|owner| *owner = owner.wrapping_add(1));
    let edits = state.edits.read_untracked();
    let looks = listing::looks(
        state.instances.with_untracked(Vec::len),
        &state.rows.read_untracked(),
        edits.present(),
        state.coloring.get_untracked(),
    );
    state.viewer().set_owners(owner_of_point, looks);
}

fn progressed(state: State, Progress { stage, done }: Progress) {
    if state.work.get_untracked() != Work::Running {
        // A prompt may need the text encoder, which has to be loaded first.
        state.stages.set(Vec::new());
        actions::begin(state);
    }
    state.stages.update(
        |stages| match stages.iter_mut().find(|s| s.stage == stage) {
            Some(known) => known.done = done.max(known.done),
            None => {
                let now = browser::now();
                for before in stages.iter_mut().filter(|before| before.ms.is_none()) {
                    before.ms = Some(now - before.began);
                }
                stages.push(StageState {
                    stage,
                    done,
                    began: now,
                    ms: None,
                    outcome: String::new(),
                });
            }
        },
    );
}

fn finished(state: State, stage: Stage, ms: f64, outcome: String) {
    progressed(state, Progress { stage, done: 1.0 });
    state.stages.update(|stages| {
        if let Some(known) = stages.iter_mut().find(|s| s.stage == stage) {
            known.ms = Some(ms);
            known.outcome = outcome;
        }
    });
}

fn show(
    state: State,
    Points {
        positions,
        colors,
        scan,
    }: Points,
) {
    let positions = positions.to_vec::<[f32; 3]>();
    let colors = colors.map_or_else(Vec::new, |colors| colors.to_vec::<u32>());
    let owner_of_point = vec![0; positions.len()];
    state.viewer().show(Cloud {
        positions,
        colors,
        owner_of_point,
        bounds: Some(scan.bounds),
        spacing: spacing(&scan),
    });
    state.selected.set(None);
    state.hovered.set(None);
    state.renaming.set(None);
    state.asked.set_value(0);
    state.prompt.set(String::new());
    state.answer.set(None);
    state.instances.set(Vec::new());
    state.edits.set(History::default());
    state.snapshot.set_value(None);
    state.coloring.set(Coloring::Scan);
    state.scan.set(Some(scan));
    if let Some((source, _)) = state.opening.get_untracked() {
        state.source.set(Some(source));
    }
}
