//! Follows the things in a recording from frame to frame and tells the page what became of them, as
//! it happens. Between two frames it listens, so that it can be stopped and keep what it has.

use std::cell::Cell;

use js_sys::Array;
use segscape::{
    job::{self, Followed as Found, Following, RecordingKind},
    platform,
    preflight::Choices,
    progress::{Progress, Stage},
    text::Vocabulary,
    track::{GrownInstance, SegmentedTracks},
};

use super::{
    capture::{self, Opened},
    post,
    prompt::Asked,
    session::{Session, Watch},
};
use crate::{
    browser,
    numbers::grouped,
    protocol::{Bulk, ChangedInstance, Followed, FrameInfo, Frames, Reply},
    shown::packed,
};

/// Least time between two messages about frames, milliseconds: a screen shows no more, and most
/// frames take longer anyway.
const EVERY_MS: f64 = 100.0;
/// What files and links say of where the things are from.
const METHOD: &str = "followed from frame to frame";

thread_local! {
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Ends the following of frames after the one at work.
pub fn stop() {
    STOPPED.set(true);
}

/// What the page does not know yet.
struct Unsent {
    frames: Vec<FrameInfo>,
    pictures: Array,
    /// The last frame that cannot be used, with its reason.
    skipped: Option<String>,
    /// Number of points that the page has.
    points: usize,
    /// Number of points when their spacing was measured.
    measured: usize,
    /// Time of the last message, milliseconds.
    at: f64,
}

impl Session {
    /// Follows the things in a recording. `start` is the time when it was asked for.
    ///
    /// # Errors
    /// A message that tells the user what to do.
    pub(super) async fn follow(
        &mut self,
        opened: &Opened,
        choices: Choices,
        start: f64,
    ) -> Result<(), String> {
        STOPPED.set(false);
        let detected = job::detect(opened).map_err(|error| error.to_string())?;
        let options = capture::options(choices);
        let following = Following::open(opened, &detected, &options);
        let mut following = following.map_err(|error| error.to_string())?;
        let is_bundle = detected.kind == RecordingKind::Bundle;
        let of = following.frames() as u32;
        let mut unsent = Unsent {
            frames: Vec::new(),
            pictures: Array::new(),
            skipped: None,
            points: 0,
            measured: 0,
            at: 0.0,
        };
        while let Some(seen) = following.next().map_err(|error| error.to_string())? {
            if let Some(problem) = &seen.problem {
                unsent.skipped = Some(format!("{}: {problem}", seen.name));
            }
            // The frames of a bundle come with its points.
            if let (Some(camera), false) = (seen.camera, is_bundle) {
                let picture = seen.picture.as_deref();
                let (info, blob) = capture::frame(opened, seen.name, &camera, picture);
                unsent.frames.push(info);
                unsent.pictures.push(&blob);
            }
            let is_last = following.done() as u32 == of;
            let is_due = browser::now() - unsent.at > EVERY_MS;
            let is_shown = unsent.points > 0;
            if is_due || is_last || !is_shown {
                if !is_shown || following.has_turned() {
                    self.show_so_far(opened, &mut following, choices, &mut unsent);
                }
                tell(&mut following, &mut unsent, of);
            }
            platform::yield_now().await; // for messages, to the page and from it
            if STOPPED.get() {
                break;
            }
        }
        let done = following.done() as u32;
        let found = following.finish(Vocabulary::shipped());
        let Found { recording, tracks } = found.map_err(|error| error.to_string())?;
        let mut scanned = capture::scanned(opened, recording, choices, false);
        scanned.info.followed = Some(done);
        scanned.goes_on = unsent.points > 0;
        self.show_capture(scanned);
        self.was_read(start);
        self.keep(tracks).await
    }

    /// Shows the points so far in place of those on screen, if there are enough.
    fn show_so_far(
        &mut self,
        opened: &Opened,
        following: &mut Following,
        choices: Choices,
        unsent: &mut Unsent,
    ) {
        // Too few points are not a scan; the next frame brings more.
        let Ok(recording) = following.so_far() else {
            return;
        };
        let mut scanned = capture::scanned(opened, recording, choices, false);
        scanned.goes_on = unsent.points > 0;
        scanned.info.followed = Some(following.done() as u32);
        unsent.points = scanned.scan.len();
        unsent.measured = unsent.points;
        unsent.frames.clear();
        unsent.pictures = Array::new();
        self.show_capture(scanned);
    }

    /// Stores what was found, and sends it to the page with the names that masks gave.
    async fn keep(&mut self, tracks: SegmentedTracks) -> Result<(), String> {
        let SegmentedTracks {
            superpoints,
            segmentation,
            names,
        } = tracks;
        let watch = Watch::start();
        watch.finished(
            Stage::Instances,
            format!("{} instances", grouped(segmentation.instances.len())),
        );
        self.through(superpoints, segmentation, METHOD.to_owned())
            .await?;
        let named = (0..).zip(names);
        let names = named.filter_map(|(id, name)| Some((id, name?))).collect();
        post(&Reply::Named { names });
        self.prompt(Asked::NOTHING).await?;
        post(&Reply::Done);
        Ok(())
    }
}

/// Tells the page what it does not know yet.
fn tell(following: &mut Following, unsent: &mut Unsent, of: u32) {
    let done = following.done() as u32;
    post(&Reply::Progress(Progress {
        stage: Stage::Read,
        done: done as f32 / of.max(1) as f32,
    }));
    if unsent.points == 0 {
        return;
    }
    let (positions, colors) = following.points_from(unsent.points);
    unsent.points += positions.len();
    // It takes long, and changes little before there are twice as many.
    let is_worth_it = unsent.points >= 2 * unsent.measured;
    let spacing = is_worth_it.then(|| {
        unsent.measured = unsent.points;
        following.spacing()
    });
    let grown = following.grown();
    let superpoints = grown.changed.iter().map(|i| i.superpoints.as_slice());
    let superpoints_of_changed = superpoints.collect::<Vec<_>>().concat();
    post(&Reply::Followed(Followed {
        done,
        of,
        things: grown.instances,
        skipped: unsent.skipped.take(),
        frames: Frames {
            frames: std::mem::take(&mut unsent.frames),
            pictures: std::mem::replace(&mut unsent.pictures, Array::new()),
        },
        positions: Bulk::from_slice(&positions),
        colors: packed(&colors),
        spacing: spacing.flatten(),
        superpoint_of_point: Bulk::from_slice(&grown.superpoint_of_point),
        superpoints: grown.superpoints,
        gone: grown.gone,
        changed: grown.changed.into_iter().map(changed).collect(),
        superpoints_of_changed: Bulk::from_slice(&superpoints_of_changed),
    }));
    unsent.at = browser::now();
}

fn changed(instance: GrownInstance) -> ChangedInstance {
    ChangedInstance {
        number: instance.number,
        name: instance.name.unwrap_or_default(),
        score: instance.score,
        points: instance.points,
        bounds: instance.bounds,
        superpoints: instance.superpoints.len() as u32,
    }
}
