//! All messages between the page and its worker: one enum for each direction.
//!
//! Small fields go through serde; large data goes as `ArrayBuffer`s that are transferred, never
//! copied. The page never sees the worker's structs, so this module spells out the data that it
//! needs to draw and to list instances.
//!
//! There is no message for cancelling: the worker is busy inside a stage when the user cancels, so
//! the page terminates it and starts a new one ([`crate::page::connection`]). That takes effect at once, even
//! inside a long loop, and needs no check in any stage. Only the following of frames can be stopped
//! ([`Request::Stop`]), because it listens between two frames and has something to keep.

mod bulk;
mod captures;
mod source;

use std::collections::BTreeMap;

use js_sys::Array;
use segscape::{
    bundle::{SavedView, ScanFile},
    geometry::Aabb,
    instances::{Clicks, Reshaping, Shape, Suggestions, query::Labels},
    preflight::{Choices, Preflight},
    progress::{Progress, Stage},
    scan::Frame,
    write::Export,
};
use serde::{Deserialize, Serialize};

pub use bulk::Bulk;
pub use captures::{
    CaptureInfo, ChangedInstance, Followed, FrameInfo, Frames, ImagesInfo, SeenInfo,
};
pub use source::{Address, NO_FOLDER, Source, UNNAMED, stem};

use crate::edits::Edits;

/// Number of points up to which the worker shares the work with its assistant. With more, the two
/// would take more than 2 GB.
pub const MOST_SHARED_POINTS: u32 = 2_000_000;

/// The processor that runs the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// WebGPU compute kernels.
    WebGpu,
    /// wasm SIMD.
    Cpu,
}

/// Messages from the page to the worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// Decides which processor runs the network. Must be the first request.
    Start {
        /// The processor given by `?backend=` or measured by an earlier worker of this page; skips
        /// the measurement.
        forced: Option<Processor>,
        /// The failure that ended an earlier worker of this page on WebGPU. If it is present, the
        /// network runs on the CPU.
        gpu_failure: Option<String>,
        /// If `true`, the page opens a scene that is already segmented, so no kernel is compiled
        /// before a scan is opened.
        found_already: bool,
        /// Maximum number of points that are kept of a file which can be read in slices, by
        /// `?budget=`; without it, files are read in slices only if memory does not hold them.
        #[serde(default)]
        budget: Option<u32>,
        /// The address of the file with which the worker may start an assistant, a second worker
        /// that shares the work on a scan. Without it, the worker does everything alone.
        #[serde(default)]
        assistant: Option<String>,
    },
    /// Reads a scan, a capture or a bundle and, unless they came with it, finds its instances.
    Open {
        /// The origin of the scan or bundle.
        source: Source,
        /// The up axis and unit that the user chose. For a bundle, both are fixed.
        choices: Choices,
        /// If `true`, the network gets what the images of a foundation bundle say.
        with_images: bool,
        /// If `true`, the things in a recording are followed from frame to frame, without the
        /// network. Scans without frames are searched by the network all the same.
        follow: bool,
        /// If `true`, the points are shown and nothing is searched until [`Request::Find`].
        view_only: bool,
        /// If `true`, the page shows a part of a large scan until all of it is read.
        #[serde(default)]
        first_look: bool,
    },
    /// Finds the instances of the scan on screen, which was opened to be looked at.
    Find,
    /// Computes the superpoints of the scan on screen, which was opened to be looked at, and finds
    /// nothing: things are made of them by hand.
    Group,
    /// Shows these instances alone, which somebody else found for the latest prompt.
    Show {
        /// The instances.
        found: Vec<u32>,
    },
    /// Ends the following of frames. What was found so far stays, as if there were no more frames.
    Stop,
    /// Answers a prompt from the stored embeddings: words to look for, or a question about how things
    /// lie to each other. An empty prompt gives every instance its name from the vocabulary.
    Prompt {
        /// Serial number of the answer; the page drops all answers but the latest.
        serial: u32,
        /// The prompt as typed.
        text: String,
        /// Asks for what is like this instance, and not for words.
        like: Option<Like>,
        /// Who asks.
        asking: Asking,
        /// Least confidence of the things that questions are about.
        threshold: f32,
        /// The user's changes: prompts are answered about the things as they are by now, and
        /// questions know the names that the user gave.
        edits: Edits,
    },
    /// Writes a file with the instances that are visible and shown, under the labels of the latest
    /// answer.
    Export {
        /// The kind of file.
        format: Export,
        /// What the file says beside the scan and its instances.
        about: ExportFacts,
        /// Least confidence of a visible instance.
        threshold: f32,
        /// The user's changes to the instances.
        edits: Edits,
    },
    /// Computes the directions of the surfaces, which only their coloring needs.
    Normals,
    /// Asks what clicks point out. A scene that was found elsewhere gets its merge tree first, as a
    /// stage of a job.
    PointOut {
        /// Serial number of the answer; the page drops all answers but the latest.
        serial: u32,
        /// The superpoints that were clicked.
        clicks: Clicks,
    },
    /// Asks what clicks fill, as [`Request::PointOut`]. The reply is the same.
    Fill {
        /// Serial number of the answer, counted with those of [`Request::PointOut`].
        serial: u32,
        /// The superpoints that were clicked.
        clicks: Clicks,
        /// Superpoints that are not filled.
        barred: Vec<u32>,
    },
    /// Asks by which superpoint a set of superpoints grows or shrinks.
    Resize {
        /// Serial number of the answer, counted with those of [`Request::PointOut`].
        serial: u32,
        /// The set.
        set: Vec<u32>,
        /// Superpoints that neither come to it nor go from it.
        fixed: Vec<u32>,
        /// If `true`, it grows.
        grows: bool,
    },
    /// Packs the scene into a bundle, to save and to share it, and to let a new worker continue where
    /// this one ended.
    Pack {
        /// Serial number of the bundle.
        serial: u32,
        /// The user's changes. The bundle has the things as they are by now, without those that were
        /// deleted, in the order of their scores.
        edits: Edits,
        /// The current view of the scene.
        view: SavedView,
        /// What it has beside the things.
        contents: Contents,
    },
    /// Opens a bundle that [`Request::Pack`] made, and reads its scan again from `source`. The page
    /// already shows the scene, so the only reply is an error.
    Restore {
        /// The bundle.
        bundle: Bulk,
        /// u32 superpoint ids in the order of the scan's points, shape `(points)`.
        superpoint_of_point: Bulk,
        /// The labels of the latest answer.
        labels: Labels,
        /// The things that the latest question found, if it was a question.
        found: Option<Vec<u32>>,
        /// The origin of the scan, for exports.
        source: Source,
        /// The up axis and unit of the scan on screen.
        choices: Choices,
        /// Number of frames of the recording that were followed, if they were.
        followed: Option<u32>,
    },
}

/// What a bundle has beside the things and the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// If `true`, it says the name of the scan's file.
    pub named: bool,
    /// If `true`, it says where the scan lies in its file's coordinates, which a bundle without points
    /// never does: whoever has the file knows.
    pub located: bool,
    /// If `true`, it has no points, and says the file that they are in.
    pub labels_only: bool,
}

impl Contents {
    /// All there is, for whom the scene belongs to.
    pub const ALL: Self = Self {
        named: true,
        located: true,
        labels_only: false,
    };
}

/// The instance that all others are compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Like {
    /// Its index.
    pub instance: u32,
    /// What it is called, as in "chair 12".
    pub called: String,
}

/// What a file says that the worker does not know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportFacts {
    /// The prompt as typed.
    pub prompt: String,
    /// The date, as in 2026-11-30.
    pub date: String,
    /// A picture of the scan as PNG, if the file has one.
    pub picture: Option<Bulk>,
    /// If `true`, points have the colors of their instances.
    pub painted: bool,
}

/// One instance that the network found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceInfo {
    /// The model's score in `0..=1`.
    pub score: f32,
    /// Number of points.
    pub points: u32,
    /// Tight bounding box, metres.
    pub bounds: Aabb,
    /// Ids of its superpoints.
    pub superpoints: Vec<u32>,
}

impl InstanceInfo {
    /// An instance of points that belonged to none, before it has its shape.
    pub fn unlike() -> Self {
        Self {
            score: 1.0,
            points: 0,
            bounds: Aabb::EMPTY,
            superpoints: Vec::new(),
        }
    }

    /// Gives the instance another shape.
    pub fn reshape(&mut self, shape: Shape) {
        self.superpoints = shape.superpoints;
        self.points = shape.points;
        self.bounds = shape.bounds;
    }
}

/// Who asks a prompt, and so what it takes to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asking {
    /// The user, who is still typing: only words of the vocabulary are looked up, because the others
    /// could be incomplete.
    Typing,
    /// A link or a file, that somebody else may have made: other words are read if the browser has
    /// the text encoder already.
    Arriving,
    /// The user: the text encoder is downloaded if it is needed.
    User,
}

/// The answer to a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Serial number of the request; 0 for the answer that comes with the instances.
    pub serial: u32,
    /// The label of each instance.
    pub labels: Labels,
    /// Words that were left out because they may be incomplete, or because nobody has asked for what
    /// it takes to read them.
    pub unfinished: Vec<String>,
    /// Size of what has to be downloaded to read them, bytes, if the user has to be asked.
    pub download: Option<u64>,
    /// What became of the question, if the prompt was one.
    pub related: Option<Related>,
    /// Duration, milliseconds.
    pub ms: f64,
}

impl Answer {
    /// `true` if the user's own language model answered.
    pub fn is_by_model(&self) -> bool {
        let related = self.related.as_ref();
        related.is_some_and(|related| related.by.is_some())
    }

    /// The instance that the answer is about: the same one, or of one that is newer than the answer,
    /// the one that it comes from, if it comes from one.
    pub fn known(&self, instance: u32, reshaping: &Reshaping) -> Option<u32> {
        match (instance as usize) < self.labels.of_instance.len() {
            true => Some(instance),
            false => reshaping.origin(instance),
        }
    }

    /// The instances that a question found, if the prompt was a question that is understood.
    pub fn found(&self) -> Option<&[u32]> {
        let related = self.related.as_ref()?;
        related
            .refused
            .is_none()
            .then_some(related.found.as_slice())
    }
}

/// What became of a question about how things lie to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// The instances that were found, best first.
    pub found: Vec<u32>,
    /// A sentence for each step of the search.
    pub steps: Vec<String>,
    /// The step that left nothing, if nothing was found.
    pub emptied_by: Option<u32>,
    /// Why the question is not understood. Then all things stay on screen.
    pub refused: Option<String>,
    /// The user's own language model that answered in place of Segscape.
    pub by: Option<String>,
}

/// Messages from the worker to the page.
#[allow(clippy::large_enum_variant, reason = "a message is sent, not kept")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// The worker listens from now on. Earlier messages are lost.
    Listening,
    /// The processor that will run the network, and the reason.
    Backend(BackendInfo),
    /// The progress of a stage.
    Progress(Progress),
    /// Bytes of a stage's files came.
    Downloaded {
        /// The stage.
        stage: Stage,
        /// Number of bytes so far.
        bytes: u64,
        /// Number of all bytes, if it is known.
        of: Option<u64>,
    },
    /// A frame of a capture became points.
    Frame {
        /// Number of frames so far.
        done: u32,
        /// Number of frames that are used.
        of: u32,
    },
    /// The end of a stage.
    Finished {
        /// The stage that ended.
        stage: Stage,
        /// Duration, milliseconds.
        ms: f64,
        /// The result in words for the user, such as `812 superpoints`.
        outcome: String,
    },
    /// A part of the points, to show until all of them are there.
    FirstLook(Points),
    /// The points, sent before any other processing.
    Points(Points),
    /// Frames of a recording that is followed came, and this became of it.
    Followed(Followed),
    /// What the images of the capture on screen say to the network, which is known by now.
    Images(ImagesInfo),
    /// The instances. Their labels follow as [`Reply::Answer`].
    Instances {
        /// The instances.
        instances: Vec<InstanceInfo>,
        /// Name of the network that found them; empty without.
        model: String,
        /// u32 superpoint ids in the order of the scan's points, shape `(points)`. They are sent
        /// only here: an owner per superpoint then tells the owner of every point.
        superpoint_of_point: Bulk,
    },
    /// Names that came with the scan, by instance. Follows the instances.
    Named {
        /// The names.
        names: BTreeMap<u32, String>,
    },
    /// The names of the instances, or the answer to a prompt.
    Answer(Answer),
    /// The directions of the surfaces: u8 sRGB colors with alpha 255
    /// ([`crate::view::palette::normal_color`]), shape `(points, 4)`.
    Normals(Bulk),
    /// What clicks point out.
    PointedOut {
        /// Serial number of the request.
        serial: u32,
        /// The sets of superpoints that they may mean.
        suggestions: Suggestions,
        /// Number of masks of the network that there were to choose from.
        masks: u32,
    },
    /// The superpoint by which a set grows or shrinks; `None` if there is none.
    Resized {
        /// Serial number of the request.
        serial: u32,
        /// The superpoint.
        superpoint: Option<u32>,
    },
    /// A file to download.
    Exported {
        /// Name of the file.
        name: String,
        /// The file.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        file: web_sys::Blob,
    },
    /// The scene as a bundle.
    Packed {
        /// Serial number of the request.
        serial: u32,
        /// The bundle.
        bundle: Bulk,
    },
    /// The labels that were opened have no points; the user has to give the file.
    ScanWanted(WantedScan),
    /// The view of a bundle as its sender saved it. Follows the bundle's instances.
    SavedView {
        /// The view.
        view: SavedView,
        /// Names given by the user, by instance.
        names: BTreeMap<u32, String>,
    },
    /// The scan is shown and nothing is searched until [`Request::Find`].
    Waiting,
    /// All requested work is done.
    Done,
    /// The request failed. The scene that was open before stays open.
    Failed {
        /// A message that tells the user what to do.
        message: String,
    },
    /// The worker is about to die.
    Panicked {
        /// The panic message, for a report.
        message: String,
    },
}

/// The file that labels without points belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WantedScan {
    /// Its name; empty if the sender of the labels does not say.
    pub name: String,
    /// Number of its points.
    pub points: u32,
    /// Number of its bytes.
    pub bytes: u64,
    /// Why what was found or given is not this file, if something was.
    pub problem: Option<String>,
}

impl WantedScan {
    /// What is said if the scan was there and is not any more.
    pub fn gone(self) -> String {
        let problem = self.problem.as_deref().unwrap_or("its file is gone");
        format!("the scan cannot be read again: {problem}")
    }
}

/// The processor that runs the network, and the reason for the choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendInfo {
    /// The chosen processor.
    pub processor: Processor,
    /// Name of the adapter, or `wasm SIMD`.
    pub name: String,
    /// The reason for the choice: the measurement, or the cause that rules out WebGPU.
    pub reason: String,
}

/// The points to draw, in the world frame (metres, z up).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Points {
    /// f32 positions, shape `(points, 3)`.
    pub positions: Bulk,
    /// u8 sRGB colors with alpha 255, shape `(points, 4)`, if the scan has color.
    pub colors: Option<Bulk>,
    /// Properties of the scan.
    pub scan: ScanInfo,
    /// The frames that the scan was made of, if it was made of a capture.
    pub frames: Option<Frames>,
    /// If `true`, these are the points on screen with all that became of them: the view stays.
    pub goes_on: bool,
}

/// The findings of the reader and the preflight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanInfo {
    /// Name of the file, for titles and downloads.
    pub name: String,
    /// Number of points.
    pub points: u32,
    /// Number of points in the file, if the scan is an excerpt of it.
    pub of_points: Option<u64>,
    /// Number of triangles; 0 for a point cloud.
    pub triangles: u32,
    /// Bounding box of nearly all points, metres.
    pub bounds: Aabb,
    /// Up axis, unit, spacing and color, each found or assumed.
    pub preflight: Preflight,
    /// The up axis and unit that the user chose.
    pub choices: Choices,
    /// If `true`, the choices are fixed, because a bundle's instances were found in its frame.
    pub settled: bool,
    /// Irregularities that were not fatal.
    pub warnings: Vec<String>,
    /// The capture that the scan was made of.
    pub capture: Option<CaptureInfo>,
    /// The file that the scan is, if it is one file: its labels can be sent without the points.
    pub file: Option<ScanFile>,
    /// Where the origin of the world frame lies in the file, in its units; zero unless the scan is far
    /// from the origin of its file.
    pub offset: [f64; 3],
}

impl Points {
    /// The buffers to transfer with these points.
    pub fn transfers(&self) -> Array {
        let colors = self.colors.as_ref().map(|colors| &colors.0);
        [&self.positions.0].into_iter().chain(colors).collect()
    }
}

impl ScanInfo {
    /// Where the world lies in the file.
    pub fn frame(&self) -> Frame {
        Frame {
            offset: self.offset,
            metres_per_unit: self.preflight.unit.value.metres(),
            up: self.preflight.up.value,
        }
    }
}

impl Reply {
    /// The buffers to transfer with this message.
    pub fn transfers(&self) -> Array {
        let buffers = Array::new();
        match self {
            Self::Points(points) | Self::FirstLook(points) => return points.transfers(),
            Self::Followed(followed) => {
                for bulk in [
                    &followed.positions,
                    &followed.colors,
                    &followed.superpoint_of_point,
                    &followed.superpoints_of_changed,
                ] {
                    buffers.push(&bulk.0);
                }
            }
            Self::Instances {
                superpoint_of_point: bulk,
                ..
            }
            | Self::Normals(bulk)
            | Self::Packed { bundle: bulk, .. } => {
                buffers.push(&bulk.0);
            }
            _ => {}
        }
        buffers
    }
}
