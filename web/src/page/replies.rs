//! Applies the worker's replies to the state of the page.

use std::collections::BTreeMap;

use leptos::prelude::*;
use segscape::{
    bundle::SavedView,
    progress::{Progress, Stage},
};

use crate::{
    browser,
    edits::Edits,
    page::{
        actions, address, editing, following,
        pictures::Pictures,
        saving, share,
        state::{Coloring, StageState, State, Work},
    },
    protocol::{Frames, ImagesInfo, Points, Reply, ScanInfo},
    view::{camera::Camera, cloud::Cloud},
};

/// Handles one reply.
pub fn handle(state: State, reply: Reply) {
    match reply {
        Reply::Listening => {}
        Reply::Backend(info) => state.backend.set(Some(info)),
        Reply::Progress(progress) => progressed(state, progress),
        Reply::Downloaded { stage, bytes, of } => downloaded(state, stage, bytes, of),
        Reply::Frame { done, of } => state.reading.set(Some((done, of))),
        Reply::Finished { stage, ms, outcome } => finished(state, stage, ms, outcome),
        Reply::Points(points) => show(state, points),
        Reply::Followed(followed) => following::apply(state, followed),
        Reply::Images(info) => state.images.set(info),
        Reply::Instances {
            instances,
            model,
            superpoint_of_point,
        } => {
            let viewer = state.viewer();
            viewer.set_superpoints(superpoint_of_point.to_vec());
            state.extents.set_value(viewer.extents());
            state
                .superpoint_of_point
                .set_value(Some(superpoint_of_point));
            state.answer.set(None);
            editing::begin(state, Edits::NONE);
            state.model.set(model);
            state.found.set(instances);
            let preferred = state.preferences.with_untracked(|kept| kept.coloring);
            state.coloring.set(preferred.unwrap_or(Coloring::Instance));
        }
        Reply::Named { names } => editing::begin(
            state,
            Edits {
                names,
                ..Edits::NONE
            },
        ),
        Reply::Answer(answer) => {
            if answer.serial == state.asked.get_value() {
                let found = answer.found().map(<[u32]>::to_vec);
                state.answer.set(Some(answer));
                if let Some(found) = found {
                    actions::highlight(state, &found);
                }
            }
        }
        Reply::Normals(colors) => state.viewer().set_normals(colors.to_vec()),
        Reply::Exported { name, mime, bytes } => {
            let file = browser::file(&mime, &bytes.0);
            if file
                .and_then(|file| browser::download(&name, &file))
                .is_err()
            {
                state
                    .error
                    .set(Some(format!("the browser refused to save {name}")));
            } else {
                saving::is_saved(state);
            }
        }
        Reply::Packed { serial, bundle } => {
            let waiting = state
                .packing
                .try_update_value(|waiting| waiting.remove(&serial));
            if let Some(packed) = waiting.flatten() {
                packed(bundle);
            }
        }
        Reply::SavedView { view, names } => look(state, view, names),
        Reply::Waiting => state.work.set(Work::Waiting),
        Reply::Done => {
            state.work.set(Work::Done);
            state.opening.set(None);
            address::arrive(state);
            following::over(state);
            let is_new = state.snapshot.with_value(Option::is_none);
            if is_new && state.found.with_untracked(|found| !found.is_empty()) {
                // As they were found: the page has the user's changes.
                actions::pack(state, Edits::NONE, true, move |bundle| {
                    state.snapshot.set_value(Some(bundle))
                });
            }
        }
        Reply::Failed { message } => {
            following::abandon(state);
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
            following::abandon(state);
            state.work.set(Work::Failed);
            actions::restart_worker(state);
        }
    }
}

/// Distance between neighboring points, metres. Points that all coincide are drawn as if they were
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
    state.ceiling.set(view.ceiling);
    state.clip.set(view.clip);
    let edits = Edits {
        hidden: view.hidden.into_iter().collect(),
        locked: view.locked.into_iter().collect(),
        names,
        ..Edits::NONE
    };
    editing::begin(state, edits);
    // The camera that the address asks for is there already.
    if let Some(camera) = view
        .camera
        .filter(|_| address::arriving_camera(state).is_none())
    {
        let camera = Camera::from(camera);
        state.viewer().steer(|current| *current = camera);
    }
}

/// Replaces the frames by those that a scan was made of.
fn show_frames(state: State, frames: Option<Frames>) {
    let pictures = frames.as_ref().map(Pictures::new).unwrap_or_default();
    let frames = frames.map_or_else(Vec::new, |frames| frames.frames);
    state.open_frame.set(None);
    state.hovered_frame.set(None);
    state.pictures.set_value(pictures);
    state.frames.set(frames);
    state.recordings.update(|count| *count += 1);
    show_cameras(state);
}

/// Draws the cameras of the frames, in a size that fits the scan on screen.
pub fn show_cameras(state: State) {
    let diagonal = state.viewer().diagonal();
    let highlighted = untrack(|| state.highlighted_frame());
    state.frames.with_untracked(|frames| {
        state.viewer().update_frusta(|frusta| {
            frusta.set(frames, diagonal);
            frusta.highlighted = highlighted;
        });
    });
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

/// Says in the row of a stage how much of its files has come.
fn downloaded(state: State, stage: Stage, bytes: u64, of: Option<u64>) {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let words = match of {
        Some(all) => format!("{} of {} MB", megabytes(bytes), megabytes(all)),
        None => format!("{} MB", megabytes(bytes)),
    };
    state.stages.update(|stages| {
        let running = |row: &&mut StageState| row.stage == stage && row.ms.is_none();
        if let Some(row) = stages.iter_mut().find(running) {
            row.outcome = words;
        }
    });
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
        frames,
        goes_on,
    }: Points,
) {
    let positions = positions.to_vec::<[f32; 3]>();
    let colors = colors.map_or_else(Vec::new, |colors| colors.to_vec::<u32>());
    let spacing = spacing(&scan);
    let cloud = Cloud {
        positions,
        colors,
        bounds: Some(scan.bounds),
        spacing,
        ..Cloud::default()
    };
    match goes_on {
        true => state.viewer().replace(cloud),
        false => state.viewer().show(cloud),
    }
    if let Some(camera) = address::arriving_camera(state) {
        state.viewer().steer(|current| *current = camera);
    }
    state.hovered.set(None);
    state.renaming.set(None);
    state.asked.set_value(0);
    state.looks_at_answer.set_value(false);
    state.prompt.set(String::new());
    state.endpoint.forget();
    state.guess.set(None);
    state.answer.set(None);
    state.model.set(String::new());
    state.found.set(Vec::new());
    editing::begin(state, Edits::NONE);
    state.snapshot.set_value(None);
    state.superpoint_of_point.set_value(None);
    if !goes_on {
        let preferred = state.preferences.with_untracked(|kept| kept.coloring);
        let preferred = preferred.filter(|coloring| !coloring.needs_things());
        state.coloring.set(preferred.unwrap_or_default());
        state.ceiling.set(None);
        state.clip.set(None);
    }
    state.images.set(ImagesInfo::default());
    state.scan.set(Some(scan));
    show_frames(state, frames);
    if let Some(opening) = state.opening.get_untracked() {
        state.shared.set(share::own(state, &opening.source));
        state.source.set(Some(opening.source));
        state.with_images.set(opening.with_images);
    }
    saving::offer_replaced(state);
}
