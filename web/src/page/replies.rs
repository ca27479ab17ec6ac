//! Applies the worker's replies to the state of the page.

use std::collections::BTreeMap;

use glam::Vec3;
use leptos::prelude::*;
use segscape::{
    bundle::SavedView,
    progress::{Progress, Stage},
};

use crate::{
    browser,
    edits::Edits,
    page::{
        actions, address, by_hand,
        coloring::Coloring,
        editing, first_look, following, overlay,
        pictures::Pictures,
        pointing, saving, share,
        state::{StageState, State, Work},
    },
    protocol::{Bulk, Contents, Frames, ImagesInfo, Points, Reply, ScanInfo},
    text::{said, said_with},
    view::{camera::Camera, cloud::Cloud},
};

/// Handles one reply.
pub fn handle(state: State, reply: Reply) {
    match reply {
        Reply::Listening => first_look::leave_reader(state),
        Reply::Backend(info) => state.backend.set(Some(info)),
        Reply::Progress(progress) => progressed(state, progress),
        Reply::Downloaded { stage, bytes, of } => downloaded(state, stage, bytes, of),
        Reply::Frame { done, of } => state.reading.set(Some((done, of))),
        Reply::Finished { stage, ms, outcome } => finished(state, stage, ms, outcome),
        Reply::FirstLook(points) => first_look::show(state, points),
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
            let preferred = state.preferences.with_untracked(|kept| kept.coloring);
            // Where there are no things, their colors would say nothing.
            if !instances.is_empty() {
                state.coloring.set(preferred.unwrap_or(Coloring::Instance));
            }
            state.found.set(instances);
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
        Reply::PointedOut {
            serial,
            suggestions,
            masks,
        } => pointing::pointed_out(state, serial, suggestions, masks),
        Reply::Resized { serial, superpoint } => pointing::resized(state, serial, superpoint),
        Reply::Exported { name, file } => {
            if browser::download(&name, &file).is_err() {
                state.error.set(Some(said_with(
                    "the browser refused to save {name}",
                    &[("name", &name)],
                )));
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
        Reply::ScanWanted(scan) => overlay::ask(state, scan),
        Reply::SavedView { view, names } => look(state, view, names),
        Reply::Waiting => {
            state.work.set(Work::Waiting);
            by_hand::go_on(state);
        }
        Reply::Done => {
            state.work.set(Work::Done);
            state.opening.set(None);
            address::arrive(state);
            following::over(state);
            by_hand::go_on(state);
            let is_new = state.snapshot.with_value(Option::is_none);
            if is_new && untrack(|| state.has_parts()) {
                // As they were found: the page has the user's changes.
                actions::pack(state, Edits::NONE, Contents::ALL, move |bundle| {
                    state.snapshot.set_value(Some(bundle))
                });
            }
        }
        Reply::Failed { message } => {
            following::abandon(state);
            pointing::lose(state);
            state.awaiting_parts.set_value(None);
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
            let words = said(
                "An internal error stopped Segscape's worker, which was started again; what is on screen stays. The browser's console has the report.",
            );
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
        Some(all) => said_with(
            "{arrived} of {all} MB",
            &[("arrived", &megabytes(bytes)), ("all", &megabytes(all))],
        ),
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

/// The points of a scan as they are drawn.
pub fn cloud(scan: &ScanInfo, positions: &Bulk, colors: Option<&Bulk>) -> Cloud {
    Cloud {
        positions: positions.to_vec(),
        colors: colors.map_or_else(Vec::new, Bulk::to_vec),
        bounds: Some(scan.bounds),
        spacing: spacing(scan),
        ..Cloud::default()
    }
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
    let cloud = cloud(&scan, &positions, colors.as_ref());
    let looked_at = state.first_look.get_untracked();
    let moved = looked_at.and_then(|look| look.moved(&scan));
    match (goes_on, moved) {
        (true, _) => state.viewer().replace(cloud),
        (false, Some(by)) => {
            state.viewer().replace(cloud);
            state
                .viewer()
                .update(|frame| frame.camera.target += Vec3::from(by));
        }
        (false, None) => state.viewer().show(cloud),
    }
    // Whoever looked around since the first look stays there.
    if let Some(camera) = address::arriving_camera(state).filter(|_| moved != Some([0.0; 3])) {
        state.viewer().steer(|current| *current = camera);
    }
    state.first_look.set(None);
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
