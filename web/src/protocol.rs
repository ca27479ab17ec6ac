//! All that crosses between the page and its worker, and nothing else: one enum each way.
//!
//! Small fields go through serde, bulk goes as `ArrayBuffer`s that are transferred, never copied.
//! The page never sees the worker's structs; what it needs to draw and to list is spelled out here.
//!
//! Cancelling has no message: the worker is busy inside a stage when somebody wants to cancel, so
//! the page terminates it and starts a fresh one ([`crate::link`]). That works at once, also inside
//! a long loop, and needs no check in any stage.

use std::collections::BTreeMap;

use js_sys::{Array, ArrayBuffer};
use segscape::{
    bundle::View,
    instances::Aabb,
    preflight::{Choices, Preflight},
    progress::{Progress, Stage},
};
use serde::{Deserialize, Serialize};

/// Bytes that change hands without a copy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bulk(#[serde(with = "serde_wasm_bindgen::preserve")] pub ArrayBuffer);

impl Bulk {
    /// Copies plain old data out of wasm memory.
    pub fn from_slice<T: bytemuck::NoUninit>(values: &[T]) -> Self {
        Self(js_sys::Uint8Array::from(bytemuck::cast_slice::<T, u8>(values)).buffer())
    }

    /// Copies the bytes into wasm memory; a trailing part of an element is dropped.
    pub fn to_vec<T: bytemuck::Pod>(&self) -> Vec<T> {
        let bytes = js_sys::Uint8Array::new(&self.0);
        let count = bytes.length() as usize / size_of::<T>();
        let mut values = vec![T::zeroed(); count];
        bytes
            .subarray(0, (count * size_of::<T>()) as u32)
            .copy_to(bytemuck::cast_slice_mut(&mut values));
        values
    }
}

/// Where a scan or a bundle comes from. The page keeps it, so that a fresh worker can be given it
/// again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Source {
    /// A file the person chose; only a handle crosses, the bytes are read in the worker.
    File {
        /// The file's name, for titles and downloads only.
        name: String,
        /// The file itself.
        #[serde(with = "serde_wasm_bindgen::preserve")]
        blob: web_sys::Blob,
    },
    /// A scan or a bundle elsewhere.
    Url(String),
    /// A scene of the share server.
    Shared(String),
}

/// Where the network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Processor {
    /// Compute shaders.
    WebGpu,
    /// wasm SIMD.
    Cpu,
}

/// Page to worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    /// First of all: settles where the network runs.
    Start {
        /// From `?backend=`, or what an earlier worker of this page measured; skips the
        /// measurement.
        forced: Option<Processor>,
        /// What ended an earlier worker of this page that ran it on WebGPU; then it runs on the
        /// CPU.
        gpu_failure: Option<String>,
        /// Whether the page opens a scene that somebody found already: then no shader is compiled
        /// before a scan comes.
        found_already: bool,
    },
    /// Reads a scan or a bundle and, for a scan, finds its instances.
    Open {
        /// Where it is.
        source: Source,
        /// What the person said about its frame; a bundle's is settled.
        choices: Choices,
    },
    /// Answers a prompt from the stored embeddings; an empty one gives every instance its name from
    /// the vocabulary.
    Prompt {
        /// Of the answer; the page drops all but the latest.
        serial: u32,
        /// As typed.
        text: String,
        /// Whether it may still change: then only words of the vocabulary are looked for, the
        /// others could be half typed.
        typing: bool,
    },
    /// Says who owns each point when only some instances are visible.
    Owners {
        /// Of the answer; the page drops all but the latest.
        serial: u32,
        /// (instances).
        visible: Vec<bool>,
    },
    /// Writes a file with the visible instances.
    Export {
        /// Which kind.
        format: Format,
        /// (instances).
        visible: Vec<bool>,
        /// (instances) as the page shows them.
        labels: Vec<Label>,
    },
    /// Packs the scene into a bundle: to share it, and so that a fresh worker can go on where this
    /// one ended.
    Pack {
        /// (instances) names given by hand, by index.
        names: BTreeMap<u32, String>,
        /// How the scene is looked at.
        view: View,
    },
    /// Opens a bundle that [`Request::Pack`] made, silently: the page shows the scene already.
    Restore {
        /// The bundle.
        bundle: Bulk,
        /// (points) u32 superpoint ids, in the order of the scan's points.
        superpoint_of_point: Bulk,
        /// Where the scan came from, for exports.
        source: Source,
        /// As it was framed.
        choices: Choices,
    },
}

/// A kind of file that can be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The input with `instance`, `label` and `score` on every point.
    Ply,
    /// One record an instance.
    Json,
}

/// What an instance is called and how surely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The word; empty where nothing fits.
    pub name: String,
    /// The prompt's term, if there is a prompt and the instance is one of its terms.
    pub term: Option<u32>,
    /// 0..=1.
    pub confidence: f32,
}

/// One found thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceInfo {
    /// The model's score, 0..=1.
    pub score: f32,
    /// Number of its points.
    pub points: u32,
    /// Tight box, metres.
    pub bounds: Aabb,
}

/// One thing asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// As typed.
    pub name: String,
    /// The instances that come nearest, the best first, with confidences: guesses when nothing is
    /// found.
    pub nearest: Vec<(u32, f32)>,
}

/// The answer to a prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Of the request; 0 for the answer that comes with the instances.
    pub serial: u32,
    /// What was asked for; empty without a prompt.
    pub terms: Vec<Term>,
    /// What was left out because it may be half typed.
    pub unfinished: Vec<String>,
    /// (instances).
    pub labels: Vec<Label>,
    /// How long it took, milliseconds.
    pub ms: f64,
}

/// Worker to page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Reply {
    /// The worker listens from now on; what was sent before is lost.
    Listening,
    /// Where the network will run, and why.
    Backend(BackendInfo),
    /// A stage moved on.
    Progress(Progress),
    /// A stage ended.
    Finished {
        /// Which.
        stage: Stage,
        /// How long it took.
        ms: f64,
        /// What came out of it, for people: `812 superpoints`.
        outcome: String,
    },
    /// The points, before anything else is done with them.
    Points(Points),
    /// The instances; their labels come as [`Reply::Answer`].
    Instances(Vec<InstanceInfo>),
    /// The names of the instances, or the answer to a prompt.
    Answer(Answer),
    /// Who owns each point.
    Owners {
        /// Of the request.
        serial: u32,
        /// (points) instance index, `u32::MAX` for nobody.
        owner_of_point: Bulk,
    },
    /// A file to download.
    Exported {
        /// Its name.
        name: String,
        /// Its media type.
        mime: String,
        /// Its content.
        bytes: Bulk,
    },
    /// The scene as a bundle, and what only this page needs of it: a bundle has its points in
    /// another order than the scan.
    Packed {
        /// The bundle.
        bundle: Bulk,
        /// (points) u32 superpoint ids, in the order of the scan's points.
        superpoint_of_point: Bulk,
    },
    /// How the sender of a bundle looked at it; comes after its instances.
    View {
        /// The view.
        view: View,
        /// Names given by hand, by instance.
        names: BTreeMap<u32, String>,
    },
    /// All that was asked for is done.
    Done,
    /// The request failed; what was open before still is.
    Failed {
        /// In words a person can act on.
        message: String,
    },
    /// The worker is about to die.
    Panicked {
        /// The panic's own words, for a report.
        message: String,
    },
}

/// Where the network runs and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendInfo {
    /// The choice.
    pub processor: Processor,
    /// The adapter's name, or `wasm SIMD`.
    pub name: String,
    /// Why this one: the measurement, or what keeps WebGPU away.
    pub reason: String,
}

/// What the page draws, in the world frame (metres, z up).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Points {
    /// (points, 3) f32.
    pub positions: Bulk,
    /// (points, 4) u8 sRGB with alpha 255, if the scan has colour.
    pub colors: Option<Bulk>,
    /// What is known about the scan.
    pub scan: ScanInfo,
}

/// What the reader and the preflight found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanInfo {
    /// The file's name, for titles and downloads.
    pub name: String,
    /// Number of points.
    pub points: u32,
    /// Number of triangles; 0 for a cloud.
    pub triangles: u32,
    /// The box of nearly all points, metres.
    pub bounds: Aabb,
    /// Up axis, unit, spacing, colour: found or assumed.
    pub preflight: Preflight,
    /// What the person said about them.
    pub choices: Choices,
    /// Whether another choice is possible: a bundle's instances were found in its frame.
    pub settled: bool,
    /// What was odd but not fatal.
    pub warnings: Vec<String>,
}

impl Reply {
    /// The buffers to transfer with this message.
    pub fn transfers(&self) -> Array {
        let buffers = Array::new();
        match self {
            Self::Points(points) => {
                buffers.push(&points.positions.0);
                if let Some(colors) = &points.colors {
                    buffers.push(&colors.0);
                }
            }
            Self::Owners {
                owner_of_point: bulk,
                ..
            }
            | Self::Exported { bytes: bulk, .. } => {
                buffers.push(&bulk.0);
            }
            Self::Packed {
                bundle,
                superpoint_of_point,
            } => {
                buffers.push(&bundle.0);
                buffers.push(&superpoint_of_point.0);
            }
            _ => {}
        }
        buffers
    }
}
