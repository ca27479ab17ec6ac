//! The whole state of the page, as signals in one context. [`crate::page::actions`] changes it on behalf
//! of the user, [`crate::page::replies`] on behalf of the worker.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use glam::Vec2;
use leptos::prelude::*;
use segscape::{
    geometry::Aabb,
    instances::{Extents, Reshaping, query::Labels},
    preflight::Choices,
    progress::Stage,
};

use crate::{
    browser,
    edits::Edits,
    page::{
        address::{LinkedView, Wishes},
        autosave::KeptProject,
        caution,
        coloring::Coloring,
        connection::Link,
        editing::Notice,
        endpoint::Endpoint,
        first_look::{self, FirstLook},
        following::Progressing,
        history::History,
        language::PageLanguage,
        listing::{self, Row},
        overlay::Wanted,
        pictures::Pictures,
        pointing::Pending,
        preferences::{Preferences, Theme},
        prompts::Prompts,
        saving::Project,
        selection::Selection,
        share::{self, Shared},
        tool::Tool,
        upload::Uploading,
    },
    protocol::{Answer, BackendInfo, Bulk, FrameInfo, ImagesInfo, InstanceInfo, ScanInfo, Source},
    view::Viewer,
};

/// The threshold of a newly opened scene.
const DEFAULT_THRESHOLD: f32 = 0.1;

/// A callback that receives a packed bundle.
pub type Packed = Box<dyn FnOnce(Bulk)>;

/// One stage of the running or last job.
#[derive(Clone, Debug, PartialEq)]
pub struct StageState {
    /// The stage.
    pub stage: Stage,
    /// Finished fraction in `0..=1`.
    pub done: f32,
    /// Start time, as given by [`browser::now`].
    pub began: f64,
    /// Duration in milliseconds, once the stage is over.
    pub ms: Option<f64>,
    /// The result, in words.
    pub outcome: String,
}

/// The state of the worker's job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Work {
    /// No job was requested yet.
    #[default]
    Idle,
    /// The worker is running.
    Running,
    /// The scan is shown, and is searched once the user says so.
    Waiting,
    /// The job is done.
    Done,
    /// The user cancelled the job.
    Cancelled,
    /// An error, shown by [`State::error`], ended the job.
    Failed,
}

/// A scan that is being opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its origin.
    pub source: Source,
    /// The up axis and unit chosen for it.
    pub choices: Choices,
    /// If `true`, the network gets what its images say.
    pub with_images: bool,
    /// If `true`, the things in a recording are followed from frame to frame.
    pub follow: bool,
    /// If `true`, it is shown and not searched until the user says so.
    pub view_only: bool,
    /// If `true`, it is a project that is in no file of the user's.
    pub unsaved: bool,
}

/// The single context of the page.
#[derive(Clone, Copy)]
pub struct State {
    /// What the address asks for.
    pub wishes: StoredValue<Wishes>,
    /// If `true`, the browser ended this page while it worked on a scan.
    pub ended_at_work: StoredValue<bool>,
    /// The view that the address asks for, until its scene is there.
    pub arriving: StoredValue<Option<LinkedView>>,
    /// The processor that runs the network, once it is chosen.
    pub backend: RwSignal<Option<BackendInfo>>,
    /// The failure that ended a worker on WebGPU.
    pub gpu_failure: StoredValue<Option<String>>,
    /// The state of the worker's job.
    pub work: RwSignal<Work>,
    /// The stages of the running or last job, in order.
    pub stages: RwSignal<Vec<StageState>>,
    /// The current time, updated while the worker runs so that elapsed times are redrawn.
    pub clock: RwSignal<f64>,
    /// The scan on screen.
    pub scan: RwSignal<Option<ScanInfo>>,
    /// The origin of the scan on screen.
    pub source: RwSignal<Option<Source>, LocalStorage>,
    /// The part of the scan that is being opened, if one is on screen.
    pub first_look: RwSignal<Option<FirstLook>>,
    /// The worker that makes it while the one that does everything is on the way.
    pub(crate) reader: first_look::Slot,
    /// The scan that is being opened.
    pub opening: RwSignal<Option<Opening>, LocalStorage>,
    /// The labels that wait for the file of their points.
    pub wanted: RwSignal<Option<Wanted>, LocalStorage>,
    /// If `true`, the network gets what the images of the scan on screen say.
    pub with_images: RwSignal<bool>,
    /// If `true`, things in recordings are followed from frame to frame, and no network is asked.
    pub follow: RwSignal<bool>,
    /// The state of the following, while frames come.
    pub following: RwSignal<Option<Progressing>>,
    /// The frame that came last, while frames come.
    pub newest_frame: RwSignal<Option<u32>>,
    /// What the network does with the images of the capture on screen, once that is known.
    pub images: RwSignal<ImagesInfo>,
    /// Number of requests to open something. Folders are listed before they are opened, and are
    /// not opened any more if another request came meanwhile.
    pub requests: StoredValue<u32>,
    /// Number of files that were found in the folders that are being listed.
    pub files_listed: RwSignal<Option<usize>>,
    /// Numbers of frames of the capture being read: those that are done, and all.
    pub reading: RwSignal<Option<(u32, u32)>>,
    /// The frames of the capture on screen; empty for other scans.
    pub frames: RwSignal<Vec<FrameInfo>>,
    /// Number of times that other frames took the place of those on screen.
    pub recordings: RwSignal<u32>,
    /// The pictures of these frames.
    pub pictures: StoredValue<Pictures, LocalStorage>,
    /// If `true`, the cameras and the thumbnails of the frames are shown.
    pub cameras: RwSignal<bool>,
    /// The frame under the cursor, in the picture or among the thumbnails.
    pub hovered_frame: RwSignal<Option<u32>>,
    /// The frame that is shown large.
    pub open_frame: RwSignal<Option<u32>>,
    /// Name of the network that found the instances; empty without.
    pub model: RwSignal<String>,
    /// The instances that were found.
    pub found: RwSignal<Vec<InstanceInfo>>,
    /// Numbers of points and boxes of the superpoints on screen.
    pub extents: StoredValue<Extents>,
    /// Number of instances by now, with those that were deleted. A part in the making, if there is
    /// one, has it as its index.
    pub made: Memo<u32>,
    /// What the user made of the instances found, and the part in the making.
    pub reshaping: Memo<Reshaping>,
    /// The instances as they are by now. Those that were deleted have no superpoints.
    pub instances: Memo<Vec<InstanceInfo>>,
    /// u32 superpoint ids of the scan on screen, shape `(points)`, once its instances are found.
    pub superpoint_of_point: StoredValue<Option<Bulk>, LocalStorage>,
    /// The prompt as typed.
    pub prompt: RwSignal<String>,
    /// The prompts that were asked before.
    pub prompts: RwSignal<Prompts>,
    /// The latest answer, which names the instances.
    pub answer: RwSignal<Option<Answer>>,
    /// Least confidence of a visible instance, in `0..=1`.
    pub threshold: RwSignal<f32>,
    /// The instance that was suggested for a term without a match and is shown although the answer
    /// or the threshold does not keep it.
    pub guess: RwSignal<Option<u32>>,
    /// The labels of the instances, shape `(instances)`; of those that are newer than the answer, the
    /// labels of what they come from.
    pub labels: Memo<Labels>,
    /// One flag per instance: `true` if the answer and the threshold keep it, or if it is the guess,
    /// shape `(instances)`.
    pub visible: Memo<Vec<bool>>,
    /// The rows of the visible instances.
    pub rows: Memo<Vec<Row>>,
    /// The user's changes to the instances.
    pub edits: RwSignal<History>,
    /// The changes that are in a file or behind a link; `None` if not even the scene as it was opened
    /// is.
    pub saved: RwSignal<Option<Edits>>,
    /// If `true`, there are changes that are in no file.
    pub unsaved: Memo<bool>,
    /// The project that the browser keeps.
    pub kept: RwSignal<Option<KeptProject>>,
    /// Number of changes since the page was opened.
    pub changes: StoredValue<u32>,
    /// The scene with changes in no file whose place the one on screen took.
    pub replaced: StoredValue<Option<Project>, LocalStorage>,
    /// The selected instances.
    pub selection: RwSignal<Selection>,
    /// If `true`, a click selects an instance beside those that are selected.
    pub adding: RwSignal<bool>,
    /// The tool that clicks and drags over the picture are for; `None` for looking around.
    pub tool: RwSignal<Option<Tool>>,
    /// The tool that is taken once there are superpoints.
    pub awaiting_parts: StoredValue<Option<Tool>>,
    /// What the worker was asked for about clicks and sets of superpoints.
    pub pointing: StoredValue<Pending>,
    /// The outline of the lasso or the line of a cut that is drawn, CSS pixels of the picture.
    pub outline: RwSignal<Vec<Vec2>>,
    /// What was done last, for a while.
    pub notice: RwSignal<Option<Notice>>,
    /// The instance under the cursor.
    pub hovered: RwSignal<Option<u32>>,
    /// The instance that is being renamed.
    pub renaming: RwSignal<Option<u32>>,
    /// The property that determines the color of the points.
    pub coloring: RwSignal<Coloring>,
    /// The current error message, until it is dismissed.
    pub error: RwSignal<Option<String>>,
    /// If `true`, the panel is folded away on a phone.
    pub folded: RwSignal<bool>,
    /// If `true`, the dialog for sharing is open.
    pub sharing: RwSignal<bool>,
    /// The scene on screen on the server, if this browser may replace and delete it there.
    pub shared: RwSignal<Option<Shared>>,
    /// The changes that this scene on the server has.
    pub sent: RwSignal<Edits>,
    /// The scene on its way to the server.
    pub uploading: Uploading,
    /// The links that this browser keeps.
    pub links: RwSignal<Vec<Shared>>,
    /// If `true`, the help is open.
    pub help: RwSignal<bool>,
    /// If `true`, a file is being dragged over the page.
    pub dragging: RwSignal<bool>,
    /// Height above which points are hidden, metres; `None` if all are shown.
    pub ceiling: RwSignal<Option<f32>>,
    /// The box outside of which points are hidden, metres; `None` if all are shown.
    pub clip: RwSignal<Option<Aabb>>,
    /// If `true`, drags look around and keys fly.
    pub flying: RwSignal<bool>,
    /// If `true`, keys fly because the right mouse button is held over the picture.
    pub holds_to_fly: StoredValue<bool>,
    /// If `true`, the menu of the view is open.
    pub view_menu: RwSignal<bool>,
    /// What the page remembers between visits.
    pub preferences: RwSignal<Preferences>,
    /// The theme that the address of the page names, until the user chooses one.
    pub asked_theme: RwSignal<Option<Theme>>,
    /// The theme of the page.
    pub theme: Memo<Theme>,
    /// The language of the page.
    pub language: PageLanguage,
    /// If `true`, the system prefers dark pages.
    pub dark_system: RwSignal<bool>,
    /// If `true`, the page is dark.
    pub dark: Memo<bool>,
    /// Serial number of the current canvas, counted from 0. A new number creates a new canvas,
    /// which is needed after a lost device.
    pub canvas: RwSignal<u32>,
    /// The scene as a bundle, from which a new worker can continue.
    pub snapshot: StoredValue<Option<Bulk>, LocalStorage>,
    /// The callbacks that wait for bundles, by the serial numbers of these.
    pub packing: StoredValue<BTreeMap<u32, Packed>, LocalStorage>,
    /// Serial number of the latest bundle.
    pub packed: StoredValue<u32>,
    /// Serial number of the latest prompt; older answers are dropped.
    pub asked: StoredValue<u32>,
    /// If `true`, the camera moves to what the latest prompt finds, if it is a question.
    pub looks_at_answer: StoredValue<bool>,
    /// The user's own language model.
    pub endpoint: Endpoint,
    /// The viewer, which draws the points.
    pub viewer: StoredValue<Viewer, LocalStorage>,
    pub(crate) link: StoredValue<Rc<RefCell<Option<Link>>>, LocalStorage>,
}

impl State {
    /// The state of a new page.
    pub fn new() -> Self {
        let found = RwSignal::new(Vec::<InstanceInfo>::new());
        let extents = StoredValue::new(Extents::default());
        let tool = RwSignal::new(None::<Tool>);
        let answer = RwSignal::new(None::<Answer>);
        let threshold = RwSignal::new(DEFAULT_THRESHOLD);
        let edits = RwSignal::new(History::default());
        let guess = RwSignal::new(None::<u32>);
        let made = Memo::new(move |_| {
            let found = found.with(Vec::len);
            edits.with(|edits| edits.present().reshaping.count(found)) as u32
        });
        let reshaping = Memo::new(move |_| {
            let mut reshaping = edits.with(|edits| edits.present().reshaping.clone());
            if let Some(tool) = &*tool.read() {
                tool.preview(&mut reshaping, &found.read());
            }
            reshaping
        });
        let instances = Memo::new(move |_| {
            let reshaping = reshaping.read();
            found.with(|found| {
                extents.with_value(|extents| {
                    reshaping.applied(found, extents, InstanceInfo::unlike, InstanceInfo::reshape)
                })
            })
        });
        let labels = Memo::new(move |_| {
            answer.with(|answer| {
                let answer = answer.as_ref();
                answer.map_or_else(Labels::default, |answer| {
                    listing::labels(answer, &reshaping.read(), instances.with(Vec::len))
                })
            })
        });
        let visible = Memo::new(move |_| {
            let (labels, instances, reshaping) =
                (labels.read(), instances.read(), reshaping.read());
            let mut visible = labels.visible(threshold.get());
            let guess = guess.get();
            answer.with(|answer| {
                let answer = answer.as_ref();
                let found = answer.and_then(Answer::found);
                let all = (0..).zip(&*instances).zip(&mut visible);
                for ((id, instance), visible) in all {
                    let known = answer.map_or(Some(id), |answer| answer.known(id, &reshaping));
                    let is_known = |found: &[u32]| known.is_some_and(|id| found.contains(&id));
                    *visible &= found.is_none_or(is_known);
                    *visible |= guess == Some(id) || id == made.get();
                    *visible &= !instance.superpoints.is_empty();
                }
            });
            visible
        });
        let rows = Memo::new(move |_| {
            let labels = labels.read();
            let (instances, visible) = (instances.read(), visible.read());
            let edits = edits.read();
            listing::rows(&instances, &labels.of_instance, &visible, edits.present())
        });
        let saved = RwSignal::new(Some(Edits::NONE));
        let unsaved = Memo::new(move |_| {
            let edits = edits.read();
            let as_saved = |saved: &Edits| edits.present().are_as(saved);
            !instances.read().is_empty() && !saved.read().as_ref().is_some_and(as_saved)
        });
        let preferences = RwSignal::new(Preferences::kept());
        let asked_theme = RwSignal::new(Theme::asked());
        let theme = Memo::new(move |_| {
            let kept = preferences.with(|kept| kept.theme);
            asked_theme.get().unwrap_or(kept)
        });
        let dark_system = RwSignal::new(browser::prefers_dark());
        let dark = Memo::new(move |_| {
            let system = dark_system.get();
            theme.get().forced().unwrap_or(system)
        });
        let wishes = Wishes::read();
        let model = RwSignal::new(String::new());
        Self {
            model,
            found,
            extents,
            made,
            reshaping,
            instances,
            superpoint_of_point: StoredValue::new_local(None),
            prompt: RwSignal::new(String::new()),
            prompts: RwSignal::new(match preferences.with_untracked(|kept| kept.keep_prompts) {
                true => Prompts::kept(),
                false => Prompts::default(),
            }),
            answer,
            threshold,
            guess,
            labels,
            visible,
            rows,
            edits,
            saved,
            unsaved,
            kept: RwSignal::new(None),
            changes: StoredValue::new(0),
            replaced: StoredValue::new_local(None),
            renaming: RwSignal::new(None),
            snapshot: StoredValue::new_local(None),
            packing: StoredValue::new_local(BTreeMap::new()),
            packed: StoredValue::new(0),
            asked: StoredValue::new(0),
            looks_at_answer: StoredValue::new(false),
            sharing: RwSignal::new(wishes.manages),
            wishes: StoredValue::new(wishes),
            arriving: StoredValue::new(None),
            ended_at_work: StoredValue::new(caution::ended_at_work()),
            backend: RwSignal::new(None),
            gpu_failure: StoredValue::new(None),
            work: RwSignal::new(Work::Idle),
            stages: RwSignal::new(Vec::new()),
            clock: RwSignal::new(0.0),
            scan: RwSignal::new(None),
            requests: StoredValue::new(0),
            files_listed: RwSignal::new(None),
            reading: RwSignal::new(None),
            frames: RwSignal::new(Vec::new()),
            recordings: RwSignal::new(0),
            pictures: StoredValue::new_local(Pictures::default()),
            cameras: RwSignal::new(!browser::is_narrow()),
            hovered_frame: RwSignal::new(None),
            open_frame: RwSignal::new(None),
            source: RwSignal::new_local(None),
            first_look: RwSignal::new(None),
            reader: StoredValue::new_local(Rc::default()),
            opening: RwSignal::new_local(None),
            wanted: RwSignal::new_local(None),
            with_images: RwSignal::new(true),
            follow: RwSignal::new(false),
            following: RwSignal::new(None),
            newest_frame: RwSignal::new(None),
            images: RwSignal::new(ImagesInfo::default()),
            selection: RwSignal::new(Selection::default()),
            adding: RwSignal::new(false),
            tool,
            awaiting_parts: StoredValue::new(None),
            pointing: StoredValue::new(Pending::default()),
            outline: RwSignal::new(Vec::new()),
            notice: RwSignal::new(None),
            hovered: RwSignal::new(None),
            coloring: RwSignal::new(Coloring::Scan),
            error: RwSignal::new(None),
            folded: RwSignal::new(false),
            shared: RwSignal::new(None),
            sent: RwSignal::new(Edits::NONE),
            uploading: Uploading::default(),
            links: RwSignal::new(share::kept()),
            help: RwSignal::new(false),
            dragging: RwSignal::new(false),
            ceiling: RwSignal::new(None),
            clip: RwSignal::new(None),
            flying: RwSignal::new(false),
            holds_to_fly: StoredValue::new(false),
            view_menu: RwSignal::new(false),
            preferences,
            asked_theme,
            theme,
            language: PageLanguage::new(preferences),
            dark_system,
            dark,
            canvas: RwSignal::new(0),
            endpoint: Endpoint::new(),
            viewer: StoredValue::new_local(Viewer::default()),
            link: StoredValue::new_local(Rc::default()),
        }
    }

    /// The state that [`crate::page::app::App`] provides.
    pub fn expect() -> Self {
        expect_context()
    }

    /// The viewer, which draws the points.
    pub fn viewer(&self) -> Viewer {
        self.viewer.get_value()
    }

    /// `true` if there are instances that stay: they can be asked for, changed, saved and shared.
    pub fn is_segmented(&self) -> bool {
        self.instances.with(|instances| !instances.is_empty())
            && self.following.with(Option::is_none)
    }

    /// `true` if there are superpoints that stay, of which things can be made, whether or not any were
    /// found.
    pub fn has_parts(&self) -> bool {
        self.is_segmented()
            || self.answer.with(Option::is_some) && self.following.with(Option::is_none)
    }

    /// `true` if the page is in a frame of another page, where nothing is changed.
    pub fn is_embedded(&self) -> bool {
        self.wishes.with_value(|wishes| wishes.embedding.is_some())
    }

    /// The instance that the latest answer compares the others with.
    pub fn like(&self) -> Option<u32> {
        self.answer.with(|answer| answer.as_ref()?.labels.like)
    }

    /// The similarities of all instances to the prompt, shape `(instances)`, if they color the
    /// points.
    pub fn heat(&self) -> Option<Vec<f32>> {
        let heats = self.coloring.get() == Coloring::Similarity;
        let similarities = || self.labels.with(|labels| labels.similarities.clone());
        heats.then(similarities).filter(|all| !all.is_empty())
    }

    /// The frame that stands out among the cameras and the thumbnails.
    pub fn highlighted_frame(&self) -> Option<u32> {
        let asked = self.hovered_frame.get().or_else(|| self.open_frame.get());
        asked.or_else(|| self.newest_frame.get())
    }
}

impl Default for State {
    fn default() -> Self {
        Self::new()
    }
}
