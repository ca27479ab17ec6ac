//! The actions that a user can request.

use leptos::prelude::*;
use segscape::{
    bundle::SavedView,
    geometry::Aabb,
    instances::{Claim, owner_of_superpoint},
    preflight::Choices,
    write::Export,
};
use wasm_bindgen_futures::spawn_local;

use crate::{
    browser,
    edits::Edits,
    page::{
        address, autosave, caution,
        connection::{self, Link},
        editing, embedding, first_look, following,
        gather::{self, Dropped},
        listing, offline, overlay, pointing, prompts, replies, saving,
        selection::Selection,
        state::{Opening, State, Work},
        viewing,
    },
    protocol::{Asking, Bulk, Contents, ExportFacts, Like, Processor, Request, Source},
    text::said,
};

/// Starts the worker. Called once, when the page is ready.
pub fn start(state: State) {
    let (asked, view) = state
        .wishes
        .with_value(|wishes| (wishes.source(), wishes.view.clone()));
    // Who comes to a scene waits for the worker; who will choose a file first sees its points.
    let held = asked.is_none();
    let link = Link::new(held, move |reply| replies::handle(state, reply));
    *state.link.get_value().borrow_mut() = Some(link);
    restart_worker(state);
    if held {
        first_look::start_reader(state);
    }
    follow(state);
    viewing::follow(state);
    keep_answered(state);
    saving::guard(state);
    autosave::follow(state);
    caution::follow(state);
    prompts::follow(state);
    address::follow(state);
    embedding::follow(state);
    offline::take_files(state);
    if let Some(source) = asked {
        open(state, source);
        state.arriving.set_value(Some(view));
    }
}

/// Keeps the picture up to date with the visible instances.
fn follow(state: State) {
    let xray = Memo::new(move |_| state.preferences.with(|kept| kept.xray));
    let heats = Memo::new(move |_| state.heat().is_some());
    Effect::new(move |_| {
        let (edits, coloring) = (state.edits.read(), state.coloring.get());
        let (selection, xray) = (state.selection.read(), xray.get());
        let looks = match state.heat() {
            Some(similarities) => listing::heat(&similarities, edits.present(), &selection, xray),
            None => listing::looks(
                state.instances.with(Vec::len),
                &state.rows.read(),
                edits.present(),
                coloring,
                &selection,
                xray,
            ),
        };
        state.viewer().set_looks(looks);
    });
    Effect::new(move |_| {
        let (instances, visible) = (state.instances.read(), state.visible.read());
        let heats = heats.get();
        let all = (0..).zip(instances.iter().zip(&*visible));
        let claims =
            all.filter(|(_, (_, visible))| **visible || heats)
                .map(|(instance, (info, _))| Claim {
                    instance,
                    points: info.points,
                    superpoints: &info.superpoints,
                });
        let viewer = state.viewer();
        viewer.set_owners(owner_of_superpoint(viewer.superpoints(), claims));
    });
    Effect::new(move |_| {
        let (shown, highlighted) = (state.cameras.get(), state.highlighted_frame());
        state.viewer().update_frusta(|frusta| {
            frusta.shown = shown;
            frusta.highlighted = highlighted;
        });
    });
}

/// Opens a scan or a bundle, or the scan that labels wait for with these. The current scene stays on
/// screen until the new points arrive.
pub fn open(state: State, source: Source) {
    let (source, view) = overlay::completed(state, source);
    state.arriving.set_value(view);
    let opening = Opening {
        source,
        choices: Choices::default(),
        with_images: true,
        follow: state.follow.get_untracked(),
        view_only: caution::reason(state).is_some(),
        unsaved: false,
    };
    open_as(state, opening);
}

/// Opens a project that is in no file of the user's.
pub fn open_unsaved(state: State, source: Source) {
    state.arriving.set_value(None);
    let opening = Opening {
        source,
        choices: Choices::default(),
        with_images: true,
        follow: false,
        view_only: false,
        unsaved: true,
    };
    open_as(state, opening);
}

fn open_as(state: State, opening: Opening) {
    following::lose(state);
    first_look::end(state);
    state.awaiting_parts.set_value(None);
    if state.work.get_untracked() == Work::Running {
        restart_worker(state);
    }
    saving::keep_replaced(state);
    state.requests.update_value(|count| *count += 1);
    state.files_listed.set(None);
    state.error.set(None);
    state.reading.set(None);
    state.stages.set(Vec::new());
    state.opening.set(Some(opening.clone()));
    begin(state);
    let Opening {
        source,
        choices,
        with_images,
        follow,
        view_only,
        ..
    } = opening;
    let is_new = state.scan.with_untracked(Option::is_none);
    let first_look = is_new && !first_look::ask_reader(state, &source, choices);
    send(
        state,
        Request::Open {
            source,
            choices,
            with_images,
            follow,
            view_only,
            first_look,
        },
    );
}

/// Finds the things in the scan on screen, which was only shown so far.
pub fn find(state: State) {
    begin(state);
    send(state, Request::Find);
}

/// Reopens the scan on screen, with another up axis or unit or after it was cancelled.
pub fn reopen(state: State, choices: Choices) {
    reopen_with(state, |opening| opening.choices = choices);
}

/// Searches the capture on screen again, with or without what its images say.
pub fn use_images(state: State, with_images: bool) {
    reopen_with(state, |opening| opening.with_images = with_images);
}

/// Reopens the scan on screen in a way that is changed.
pub(super) fn reopen_with(state: State, change: impl FnOnce(&mut Opening)) {
    let Some(source) = state.source.get_untracked() else {
        return;
    };
    let scan = state.scan.get_untracked();
    let mut opening = Opening {
        source,
        choices: scan.map_or_else(Choices::default, |scan| scan.choices),
        with_images: state.with_images.get_untracked(),
        follow: state.follow.get_untracked(),
        view_only: state.work.get_untracked() == Work::Waiting,
        unsaved: false,
    };
    change(&mut opening);
    open_as(state, opening);
}

/// Chooses how things in recordings are found, and finds those of the recording on screen that way.
pub fn follow_frames(state: State, follow: bool) {
    state.follow.set(follow);
    let opening = state.opening.get_untracked();
    let scan = state.scan.get_untracked();
    match (opening, scan) {
        (Some(opening), _) => open_as(state, Opening { follow, ..opening }),
        (None, Some(scan)) if scan.capture.is_some() => reopen(state, scan.choices),
        _ => {}
    }
}

/// Opens the files that were chosen: a single one, those of a capture, or several scans.
pub fn open_files(state: State, files: Option<web_sys::FileList>) {
    if let Some(source) = files.and_then(|files| gather::chosen(&files)) {
        open(state, source);
    }
}

/// Opens the files and folders that were dropped.
pub fn open_dropped(state: State, data: &web_sys::DataTransfer) {
    let entries = match gather::dropped(data) {
        Dropped::Files(source) => {
            return source.into_iter().for_each(|source| open(state, source));
        }
        Dropped::Entries(entries) => entries,
    };
    state.requests.update_value(|count| *count += 1);
    let request = state.requests.get_value();
    let is_last = move || state.requests.get_value() == request;
    state.files_listed.set(Some(0));
    spawn_local(async move {
        let counted = |files: usize| {
            if files.is_multiple_of(100) && is_last() {
                state.files_listed.set(Some(files));
            }
        };
        let listed = gather::listed(entries, counted).await;
        if !is_last() {
            return;
        }
        state.files_listed.set(None);
        match listed {
            Ok(Some(source)) => open(state, source),
            Ok(None) => state
                .error
                .set(Some(said("the folder has no files").to_owned())),
            Err(message) => state.error.set(Some(message)),
        }
    });
}

/// Shows a frame of the capture large; `None` closes it.
pub fn show_frame(state: State, frame: Option<u32>) {
    state.open_frame.set(frame);
}

/// Shows the frame that follows the open one by `step`, if there is one.
pub fn step_frame(state: State, step: i32) {
    let count = state.frames.with_untracked(Vec::len);
    let next = state.open_frame.get_untracked();
    let next = next.and_then(|frame| frame.checked_add_signed(step));
    if let Some(next) = next.filter(|next| (*next as usize) < count) {
        show_frame(state, Some(next));
    }
}

/// Stops the worker's current job at once. The scene on screen stays.
pub fn cancel(state: State) {
    if state.work.get_untracked() == Work::Running {
        state.work.set(Work::Cancelled);
        following::abandon(state);
        restart_worker(state);
    }
}

/// Replaces a worker that WebGPU ended by a new one that continues on the CPU. Returns `false` if
/// the old worker already ran on the CPU.
pub fn leave_gpu(state: State, failure: &str) -> bool {
    let on_gpu = state.backend.with_untracked(|backend| {
        backend
            .as_ref()
            .is_some_and(|backend| backend.processor == Processor::WebGpu)
    });
    if on_gpu {
        state.gpu_failure.set_value(Some(failure.to_owned()));
        match state.opening.get_untracked() {
            Some(opening) => open_as(state, opening),
            None => restart_worker(state),
        }
    }
    on_gpu
}

/// Starts a new worker, which runs the network on the same processor as the last worker.
pub fn restart_worker(state: State) {
    let link = state.link.get_value();
    if let Some(link) = link.borrow().as_ref() {
        link.restart();
    }
    // The bundles that the old worker was asked for do not come any more.
    state.packing.update_value(|waiting| waiting.clear());
    pointing::lose(state);
    let measured = state
        .backend
        .with_untracked(|backend| backend.as_ref().map(|backend| backend.processor));
    let forced = state
        .wishes
        .with_value(|wishes| wishes.processor)
        .or(measured);
    let (found_already, budget) =
        (state.wishes).with_value(|wishes| (wishes.shared.is_some(), wishes.budget));
    send(
        state,
        Request::Start {
            forced,
            gpu_failure: state.gpu_failure.get_value(),
            found_already,
            budget,
            assistant: caution::may_share_work(state)
                .then(|| offline::of_this_version(connection::ASSISTANT))
                .map(|file| format!("{}{file}", browser::origin())),
        },
    );
    // Pass on the state that the old worker held for the scene on screen.
    let scene = (
        state.snapshot.get_value(),
        state.superpoint_of_point.get_value(),
        state.answer.get_untracked(),
        state.source.get_untracked(),
        state.scan.get_untracked(),
    );
    if let (Some(bundle), Some(superpoint_of_point), Some(answer), Some(source), Some(scan)) = scene
    {
        send(
            state,
            Request::Restore {
                bundle,
                superpoint_of_point,
                found: answer.found().map(<[u32]>::to_vec),
                labels: answer.labels,
                source,
                choices: scan.choices,
                followed: scan.capture.and_then(|capture| capture.followed),
            },
        );
    }
}

/// Sends a request to the worker.
pub fn send(state: State, request: Request) {
    let link = state.link.get_value().borrow().clone();
    if let Some(link) = link {
        link.send(request);
    }
}

/// Asks the worker to answer the prompt `text`.
pub fn ask(state: State, text: &str) {
    state.looks_at_answer.set_value(true);
    prompt(state, text.trim(), Asking::User);
}

/// Asks only for the words of the vocabulary in a prompt that is still being typed.
pub fn ask_while_typing(state: State, text: &str) {
    state.looks_at_answer.set_value(false);
    prompt(state, text, Asking::Typing);
}

/// Asks the worker to answer the prompt `text`, and leaves the camera where it is.
pub fn ask_in_place(state: State, text: &str) {
    state.looks_at_answer.set_value(false);
    prompt(state, text, Asking::User);
}

/// Asks the worker to answer the prompt of a link, as far as nothing has to be downloaded for it.
pub fn ask_as_linked(state: State, text: &str) {
    state.looks_at_answer.set_value(false);
    prompt(state, text, Asking::Arriving);
}

/// Asks for what is like an instance, or, if that is asked already, for everything again.
pub fn toggle_like(state: State, instance: u32) {
    if state.answer.read_untracked().is_none() {
        return;
    }
    if untrack(|| state.like()) == Some(instance) {
        return ask_in_place(state, "");
    }
    state.looks_at_answer.set_value(false);
    begin_prompt(state, "");
    send_prompt(state, "", Some(instance), Asking::User);
}

/// Selects what a question found if it is one thing, and moves the camera to it unless the question
/// is still being typed. Of several things, the selected one stays selected.
pub fn highlight(state: State, found: &[u32]) {
    state.selection.update(|selection| match found {
        [thing] => *selection = Selection::of(Some(*thing)),
        _ => drop(selection.retain(|thing| found.contains(&thing))),
    });
    if !state.looks_at_answer.get_value() || found.is_empty() {
        return;
    }
    let bounds = state.instances.with_untracked(|instances| {
        let boxes = found.iter().filter_map(|id| instances.get(*id as usize));
        boxes.fold(Aabb::EMPTY, |all, instance| all.union(&instance.bounds))
    });
    state.viewer().focus(Some(bounds));
}

/// Answers the prompt again whenever things were merged, deleted or split, and a question, or what is
/// like a thing, whenever anything changes that it is about.
fn keep_answered(state: State) {
    let about = move || {
        let edits = state.edits.read();
        let Edits {
            names, reshaping, ..
        } = edits.present();
        (state.threshold.get(), names.clone(), reshaping.clone())
    };
    Effect::watch(
        about,
        move |now, before, _| {
            let Some(before) = before else {
                return;
            };
            let answer = state.answer.read_untracked();
            // A language model is asked only when the user says so.
            let Some(answer) = answer.as_ref().filter(|answer| !answer.is_by_model()) else {
                return;
            };
            let like = answer.labels.like;
            let is_about =
                answer.found().is_some() && now != before || like.is_some() && now.1 != before.1;
            if now.2 != before.2 || is_about {
                state.looks_at_answer.set_value(false);
                // Words that were not finished are not finished now.
                let asking = match (answer.unfinished.is_empty(), answer.download) {
                    (true, _) => Asking::User,
                    (false, None) => Asking::Typing,
                    (false, Some(_)) => Asking::Arriving,
                };
                let text = state.prompt.get_untracked();
                send_prompt(state, &text, like, asking);
            }
        },
        false,
    );
}

fn prompt(state: State, text: &str, asking: Asking) {
    begin_prompt(state, text);
    send_prompt(state, text, None, asking);
}

/// Forgets what belongs to the prompt before.
fn begin_prompt(state: State, text: &str) {
    state.prompt.set(text.to_owned());
    state.guess.set(None);
    state.endpoint.forget();
}

fn send_prompt(state: State, text: &str, like: Option<u32>, asking: Asking) {
    let like = like.map(|instance| Like {
        instance,
        called: editing::called(state, instance),
    });
    send(
        state,
        Request::Prompt {
            serial: next_serial(state),
            text: text.to_owned(),
            like,
            asking,
            threshold: state.threshold.get_untracked(),
            edits: state.edits.read_untracked().present().clone(),
        },
    );
}

/// Selects an instance and moves the camera to it.
pub fn select(state: State, instance: u32) {
    state.selection.set(Selection::of(Some(instance)));
    focus(state);
}

/// Shows and selects an instance that was suggested for a term without a match.
pub fn show_guess(state: State, instance: u32) {
    state.guess.set(Some(instance));
    select(state, instance);
}

/// Moves the camera to the selected instances, or to the whole scene if none is selected.
pub fn focus(state: State) {
    state.viewer().focus(selected_bounds(state));
}

/// The box around the selected instances.
pub fn selected_bounds(state: State) -> Option<Aabb> {
    let (selection, instances) = (
        state.selection.read_untracked(),
        state.instances.read_untracked(),
    );
    let selected = selection.all().iter();
    let boxes = selected.filter_map(|id| Some(instances.get(*id as usize)?.bounds));
    boxes.reduce(|all, bounds| all.union(&bounds))
}

/// Asks the worker for a file with the visible instances.
pub fn export(state: State, format: Export, painted: bool) {
    let like = state.answer.with_untracked(|answer| {
        let labels = &answer.as_ref()?.labels;
        labels
            .like
            .and(labels.terms.first())
            .map(|term| term.name.clone())
    });
    let about = ExportFacts {
        prompt: like.unwrap_or_else(|| state.prompt.get_untracked()),
        date: browser::date(),
        picture: match format {
            Export::Inventory => state.viewer().picture().map(|png| Bulk::from_slice(&png)),
            _ => None,
        },
        painted,
    };
    send(
        state,
        Request::Export {
            format,
            about,
            threshold: state.threshold.get_untracked(),
            edits: state.edits.read_untracked().present().clone(),
        },
    );
}

/// Packs the scene as it is currently displayed, with these changes and contents, and passes the bundle
/// to `packed`.
pub fn pack(state: State, edits: Edits, contents: Contents, packed: impl FnOnce(Bulk) + 'static) {
    let view = SavedView {
        prompt: state.prompt.get_untracked(),
        threshold: state.threshold.get_untracked(),
        camera: Some(state.viewer().camera().into()),
        hidden: Vec::new(), // in the changes, as those that are locked
        locked: Vec::new(),
        ceiling: state.ceiling.get_untracked(),
        clip: state.clip.get_untracked(),
        color_mode: state.coloring.get_untracked().into(),
    };
    state.packed.update_value(|serial| *serial += 1);
    let serial = state.packed.get_value();
    state.packing.update_value(|waiting| {
        waiting.insert(serial, Box::new(packed));
    });
    send(
        state,
        Request::Pack {
            serial,
            edits,
            view,
            contents,
        },
    );
}

/// The serial number of the next prompt, of which only the latest answer counts.
fn next_serial(state: State) -> u32 {
    state.asked.update_value(|number| *number += 1);
    state.asked.get_value()
}

/// Marks the worker as running.
pub(crate) fn begin(state: State) {
    state.work.set(Work::Running);
    tick(state);
}

/// Updates the elapsed times while the worker runs.
fn tick(state: State) {
    if state.work.try_get_untracked() == Some(Work::Running) {
        state.clock.set(browser::now());
        browser::after(200, move || tick(state));
    }
}
