//! The scans that a run trains on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use recordings::store::Cache;
use rooms::{Models, World};

/// The scans to train on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Labelled scans, which supervise whole scenes: PLY files, bundles with ground truth, and
    /// folders and lists of them; relative to the working directory. The folders are listed again
    /// at the start of every epoch, so that a generator may still be adding rooms.
    #[serde(default)]
    pub rooms: Vec<PathBuf>,
    /// Relative frequency of the scenes of each entry of `rooms`. If it is not given, all entries
    /// form one pool in which every scene is equally frequent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
    /// Folders of foundation bundles (`trainer/recordings/src/foundation/bundle/mod.rs`), whose
    /// images supervise view by view. They are listed again at the start of every epoch, too.
    #[serde(default)]
    pub foundations: Vec<PathBuf>,
    /// Share of the bundles that are used: the first ones by name.
    #[serde(default = "default_part")]
    pub foundation_part: f64,
    /// Rooms that are generated during the run, a new one for every sample. They supervise whole
    /// scenes, as `rooms` do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Frames in place of scenes: if this is given, each sample is what one image of a bundle or of
    /// a generated room sees, with the masks that a 2D model found in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Frames>,
    /// Scenes whose objects a network found (`trainer pseudo`), in place of everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudo: Option<Pseudo>,
    /// Share of the samples that come from bundles if there are both bundles and labelled scenes.
    #[serde(default = "default_share")]
    pub foundation_share: f64,
    /// If `true`, a view's annotation is compared only with the predictions for the part of the
    /// scene that the view sees ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.2);
    /// otherwise with those for the whole scene.
    #[serde(default = "default_true")]
    pub partition: bool,
    /// Constraints on the superpoints of bundles by the instances of the images (OVSeg3R, section
    /// 3.3). Superpoints that a bundle brings are taken as they are.
    #[serde(default)]
    pub boundaries: Boundaries,
    /// Names of objects that are held out of the labelled rooms: their points are removed from
    /// `rooms`, as if no such object existed. Bundles may still name them.
    #[serde(default)]
    pub held_out: Vec<String>,
    /// Ids of the classes that are stuff, not objects (their points belong to no instance). The
    /// default is what a bundle says; if it says nothing, those of the classes it names that are
    /// called wall, floor or ceiling; otherwise NYU40's stuff classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuff: Option<Vec<i32>>,
    /// Rule for the class of an object of a bundle whose points disagree about it; in a scan these
    /// are several objects.
    #[serde(default)]
    pub class_of_object: ClassOfObject,
    /// Folder of the text encoder that reads the names of classes outside the built-in nouns; by
    /// default `static/models/NAME`, where NAME is that of `model.text.encoder` in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_encoder: Option<PathBuf>,
    /// Folder for scenes that lie in object stores, which the next run finds there; by default a
    /// temporary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// Largest size of that folder in GiB. It must be more than the largest scenes of `run.makers`
    /// threads and of the evaluation together, otherwise they wait for each other.
    #[serde(default = "default_cache_gib")]
    pub cache_gib: f64,
}

impl Data {
    /// Opens the cache for scenes that lie in object stores.
    ///
    /// # Errors
    /// Returns an error if its folder cannot be used.
    pub fn cache(&self) -> anyhow::Result<Cache> {
        Cache::of_gib(self.cache.as_deref(), self.cache_gib)
    }
}

/// Rooms as `trainer synth` writes them, generated when a sample needs one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generated {
    /// Seed of the series of rooms. A room follows from it and from the number of its sample.
    pub seed: u64,
    /// Folder of third-party models, as `trainer synth --assets` takes it. If it is not given, all
    /// furniture comes from the part grammars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<PathBuf>,
    /// Share of the labelled samples that are generated if there are `rooms`, too.
    pub share: f64,
}

impl Default for Generated {
    fn default() -> Self {
        Self {
            seed: 0,
            assets: None,
            share: default_part(),
        }
    }
}

/// Samples that are single frames (Segment3D,
/// docs/spec/any3dis_segment3d_opentrack3d.md section B2). Their objects have no names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Frames {
    /// Least number of points of a segment; smaller ones are left out.
    pub least_points: usize,
    /// Number of frames that are taken of each generated room.
    pub per_room: u64,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            least_points: 100,
            per_room: 8,
        }
    }
}

/// Scenes with the objects that a network found in them (Segment3D,
/// docs/spec/any3dis_segment3d_opentrack3d.md sections B3 and B4). The objects have no names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pseudo {
    /// Files of pseudo-labels, and folders of them. The folders are listed again at the start of
    /// every epoch.
    pub files: Vec<PathBuf>,
    /// Confidence that a mask must exceed.
    pub confidence: f32,
    /// Largest number of masks of a scene, the most confident ones.
    pub masks: usize,
}

impl Default for Pseudo {
    fn default() -> Self {
        Self {
            files: vec![],
            confidence: 0.6,
            masks: 150,
        }
    }
}

impl Generated {
    /// Opens the source of the rooms.
    ///
    /// # Errors
    /// Returns an error if the models cannot be read.
    pub fn world(&self) -> anyhow::Result<World> {
        self.assets.as_deref().map_or_else(
            || Ok(World::grammars()),
            |assets| World::open(assets, Models::Training),
        )
    }
}

/// The edges between points of a bundle that are cut before superpoints are computed (OVSeg3R,
/// Algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Boundaries {
    /// No edges: superpoints follow from geometry and colour alone.
    None,
    /// Edges whose ends are different instances of the same image.
    #[default]
    SameView,
    /// As `SameView`, but the pixels that no instance covers count as an instance of their own.
    Outlines,
    /// Edges whose ends have different instance numbers in their respective images, as the
    /// algorithm is written.
    Strict,
}

pub(super) fn default_part() -> f64 {
    1.0
}

pub(super) fn default_share() -> f64 {
    0.5
}

pub(super) fn default_cache_gib() -> f64 {
    32.0
}

pub(super) fn default_true() -> bool {
    true
}

/// The points of an object that determine its class (docs/spec/model.md section 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ClassOfObject {
    /// The class of the first point, as in the released code.
    #[default]
    FirstPoint,
    /// The class of most points; in a tie, the class with the lowest id.
    MostPoints,
}
