//! The whole job from bytes to named instances: the only module that knows the order of the steps.
//!
//! [`read`] -> [`place`] -> [`group`] -> [`segment`] -> [`label`]. Each step is a separate
//! function, so that a page can show the results so far while the next step runs; [`run`] takes
//! the first four for everyone else. Captures and foundation bundles, which consist of many files,
//! begin with `detect` and `open` in place of the first two. The [crate's documentation](crate) has
//! an example of all of them.

use std::collections::HashMap;

use crate::{
    instances::{
        Claim, Contact, Finished, GivenMask, KeptMasks, PointMasks, PointMasksError,
        PostprocessOptions, ProposalError, Proposals, Region, Segmentation, SuperpointGeometry,
        owner_of_superpoint, query::Label, select,
    },
    model::{Answers, ClassAnswers, InferenceError, Observation, SceneError, SceneInput},
    preflight::Choices,
    progress::{Cancelled, Monitor, Stage},
    scan::Scan,
    superpoint::{
        EdgeSource, Hierarchy, LARGEST_THING, PointGraph, SuperpointError, SuperpointOptions,
        Superpoints,
    },
    write::{LabeledInstance, PointLabels},
};

mod decode;
#[cfg(feature = "captures")]
mod following;
#[cfg(feature = "captures")]
mod image_evidence;
mod map;
mod network;
mod open;
#[cfg(all(feature = "captures", feature = "onnx"))]
mod pictures;
#[cfg(feature = "captures")]
mod recording;
mod seen;
mod shared;

pub use decode::{Decoding, NamedClasses};
use decode::{kept_masks, proposals, released, whole_superpoints};
#[cfg(feature = "captures")]
pub use following::{Followed, Following, SeenFrame, points_of_first};
#[cfg(feature = "captures")]
pub use image_evidence::{ChannelError, ImageContent, ImageEvidence, without_features};
pub use map::{ClassMap, map_points};
pub use network::Network;
pub use open::{MIN_POINTS, NothingToSeparate, OpenError, check, place, read, read_sliced};
#[cfg(all(feature = "captures", feature = "onnx"))]
pub use pictures::RecordedPictures;
#[cfg(feature = "captures")]
pub use recording::{
    Detected, RecordedFrame, Recording, RecordingError, RecordingKind, SceneImages, bundle_depth,
    detect, open, recorded_frames,
};
use seen::Seen;
pub use shared::{assist, encode_elsewhere, segment_shared};

/// An error of segmenting a scan.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The scan does not fit the network.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// Inference failed.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The network's outputs are inconsistent or not finite.
    #[error(transparent)]
    Proposals(#[from] ProposalError),
    /// The network's classes are fixed, and nothing says what they are.
    #[error(
        "the network has {0} fixed classes without names; `class_names` of its configuration lists them"
    )]
    Unnamed(usize),
    /// The candidates of a network with fixed classes cannot be ranked.
    #[error(
        "the network has fixed classes; only the masks of a network whose classes are words are ranked"
    )]
    FixedClasses,
    /// A network that is asked with words has no class for every point.
    #[error(
        "the network is asked with words; only a network with fixed classes has a class for every point"
    )]
    WordClasses,
    /// The classes of the superpoints are not wall, floor and the classes of the objects.
    #[error(
        "the network has {superpoint_classes} classes of superpoints, which must be wall, floor and its {things} named classes of objects"
    )]
    Surfaces {
        /// Number of classes of superpoints.
        superpoint_classes: usize,
        /// Number of named classes of objects.
        things: usize,
    },
    /// The caller cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

/// The reason why a file does not become a segmented scan.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The points cannot be grouped.
    #[error(transparent)]
    Group(#[from] SuperpointError),
    /// The network cannot segment the scan.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// A scan in the world frame with the instances found in it.
#[derive(Debug)]
pub struct Segmented {
    /// The scan.
    pub scan: Scan,
    /// The partition of the scan's points.
    pub superpoints: Superpoints,
    /// The instances, which consist of superpoints.
    pub segmentation: Segmentation,
}

/// How a file becomes a segmented scan, where it is not found out from the file and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// The up axis and the unit, if they are known.
    pub choices: Choices,
    /// How the outputs of the network become instances.
    pub decoding: Decoding,
}

/// Reads and segments a scan: [`read`], [`place`] and [`segment_scan`].
///
/// # Errors
/// See [`RunError`].
pub async fn run(
    bytes: impl AsRef<[u8]>,
    network: &Network,
    options: &Options,
    monitor: &Monitor<'_>,
) -> Result<Segmented, RunError> {
    let mut scan = read(bytes.as_ref(), monitor)?;
    drop(bytes);
    place(&mut scan, options.choices);
    segment_scan(scan, network, &options.decoding, monitor).await
}

/// Segments a scan in the world frame: [`group`] and [`segment`].
///
/// # Errors
/// See [`RunError`].
pub async fn segment_scan(
    scan: Scan,
    network: &Network,
    decoding: &Decoding,
    monitor: &Monitor<'_>,
) -> Result<Segmented, RunError> {
    let observation = Observation::from(&scan);
    let superpoints = network.superpoint_options(&observation);
    let grouping = group(&observation, None, &superpoints, monitor)?;
    let segmentation = segment(&observation, &grouping, network, decoding, monitor).await?;
    Ok(Segmented {
        superpoints: grouping.superpoints,
        segmentation,
        scan,
    })
}

/// The superpoints of a scan, and how they merge into larger regions.
pub struct Grouping {
    /// The partition of the points.
    pub superpoints: Superpoints,
    hierarchy: Hierarchy,
    given: Vec<GivenMask>,
}

impl Grouping {
    /// The regions of the merge tree that may be objects.
    pub fn regions(&self) -> Vec<Region> {
        self.hierarchy.regions(LARGEST_THING)
    }

    /// Adds the instances that another method found, as candidates beside the regions and the masks
    /// of the network.
    ///
    /// # Errors
    /// See [`PointMasksError`].
    pub fn propose(&mut self, masks: &PointMasks) -> Result<(), PointMasksError> {
        self.given.extend(masks.of_superpoints(&self.superpoints)?);
        Ok(())
    }

    /// Surface areas of the superpoints in square metres, `(superpoints)`.
    pub fn areas(&self) -> Vec<f32> {
        self.hierarchy.areas()
    }

    /// The pairs of superpoints that touch.
    pub fn contacts(&self) -> &[Contact] {
        self.hierarchy.contacts()
    }

    /// The partition of the points, and the merge tree of its superpoints.
    pub fn into_parts(self) -> (Superpoints, Hierarchy) {
        (self.superpoints, self.hierarchy)
    }
}

/// Edges between points that are already grouped. All points are kept, because otherwise a group
/// could lose all of its points.
const EVERY_POINT: EdgeSource = EdgeSource::Neighbors {
    spacing: 0.0,
    k: 16,
    color_weight: 0.5,
};

/// Groups points in the world frame into superpoints and builds their merge tree. `given` are
/// superpoints that came with the scan; they stay as they are. A network's own options are
/// [`Network::superpoint_options`].
///
/// ```
/// use segscape::{job, model::Observation, progress::Monitor, superpoint::SuperpointOptions};
///
/// # let (positions, colors, _) = segscape::model::manifest::probe();
/// // A red and a blue box on a floor.
/// let observation = Observation {
///     positions: &positions,
///     colors: Some(&colors),
///     ..Observation::default()
/// };
/// let options = SuperpointOptions::default();
/// let grouping = job::group(&observation, None, &options, &Monitor::silent())?;
/// assert!(grouping.superpoints.count() > 2);
/// // Regions are unions of superpoints that may be objects.
/// assert!(!grouping.regions().is_empty());
/// # Ok::<(), segscape::superpoint::SuperpointError>(())
/// ```
///
/// # Errors
/// See [`SuperpointError`].
pub fn group(
    observation: &Observation,
    given: Option<Superpoints>,
    options: &SuperpointOptions,
    monitor: &Monitor,
) -> Result<Grouping, SuperpointError> {
    let Observation {
        positions,
        colors,
        triangles,
        ..
    } = *observation;
    let (edges, triangles) = match given {
        Some(_) => (EVERY_POINT, &[][..]),
        None => (options.edges, triangles),
    };
    let graph = PointGraph::new(positions, colors, triangles, None, edges, monitor)?;
    let superpoints = match given {
        Some(given) => given,
        None => graph.cut(options, monitor)?,
    };
    let hierarchy = Hierarchy::new(&graph, &superpoints, monitor)?;
    Ok(Grouping {
        superpoints,
        hierarchy,
        given: Vec::new(),
    })
}

/// Runs the network once on points in the world frame and, if it reads them, on features of their
/// images, and returns the outputs of its queries about all superpoints. The network sees every
/// place once and no stray points.
///
/// # Errors
/// See [`SegmentError`].
pub async fn infer(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    monitor: &Monitor<'_>,
) -> Result<Answers, SegmentError> {
    monitor.at(Stage::Backbone, 0.0)?;
    observation.check(&grouping.superpoints, &network.config)?;
    let seen = Seen::new(observation, &grouping.superpoints);
    let input = scene_input(observation, grouping, seen.as_ref(), network)?;
    let scene = input.to_device(&network.device);
    drop(input);
    let queries = scene.queries(network.config.max_queries);
    let answers = network.model.infer(scene, queries, monitor).await?;
    Ok(match &seen {
        Some(seen) => seen.about_all(answers),
        None => answers,
    })
}

/// The input of the network, of what is seen or of all points.
fn scene_input(
    observation: &Observation,
    grouping: &Grouping,
    seen: Option<&Seen>,
    network: &Network,
) -> Result<SceneInput, SceneError> {
    match seen {
        Some(seen) => SceneInput::new(&seen.of(observation), seen.superpoints(), &network.config),
        None => SceneInput::new(observation, &grouping.superpoints, &network.config),
    }
}

/// Runs the network once and returns what is ranked.
///
/// # Errors
/// See [`SegmentError`].
pub async fn propose(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    monitor: &Monitor<'_>,
) -> Result<Proposals, SegmentError> {
    let answers = infer(observation, grouping, network, monitor).await?;
    match &answers.class {
        ClassAnswers::Text(class) => Ok(proposals(class.clone(), answers, network.vocabulary())),
        ClassAnswers::Fixed { .. } => Err(SegmentError::FixedClasses),
    }
}

/// Runs the network once and separates its output into instances, from which any number of prompts
/// can be answered.
///
/// Instances are whole superpoints here: of a candidate that the box filter of
/// [`Decoding::Released`] cuts, the superpoints are kept that have at least half of their points
/// inside. An instance of a network with fixed classes has the embedding of its class's name, so
/// that words find it by the similarity of names.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    monitor: &Monitor<'_>,
) -> Result<Segmentation, SegmentError> {
    let found = segment_keeping_masks(observation, grouping, network, decoding, monitor).await?;
    Ok(found.0)
}

/// The same as [`segment`], with the masks that the network proposed, among which
/// [clicks](crate::instances::Ground) choose.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment_keeping_masks(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    monitor: &Monitor<'_>,
) -> Result<(Segmentation, KeptMasks), SegmentError> {
    let answers = infer(observation, grouping, network, monitor).await?;
    separate(observation, grouping, network, decoding, answers, monitor)
}

/// Separates the output of the network into instances, and keeps its masks.
fn separate(
    observation: &Observation,
    grouping: &Grouping,
    network: &Network,
    decoding: &Decoding,
    answers: Answers,
    monitor: &Monitor,
) -> Result<(Segmentation, KeptMasks), SegmentError> {
    monitor.at(Stage::Instances, 0.0)?;
    let masks = kept_masks(&answers, network.vocabulary());
    let geometry = geometry(observation, grouping);
    let segmentation = match (&answers.class, decoding) {
        (ClassAnswers::Text(class), Decoding::Ranked(options)) => select(
            &proposals(class.clone(), answers, network.vocabulary()),
            &grouping.regions(),
            &grouping.given,
            grouping.contacts(),
            &geometry,
            network.ranker.as_ref(),
            options,
        )?,
        (_, decoding) => {
            let options = match decoding {
                Decoding::Released(options) => *options,
                Decoding::Ranked(_) => PostprocessOptions::default(),
            };
            let classes = network.fixed_classes();
            let vocabulary = network.vocabulary();
            let found = released(&answers, classes, &geometry, &options, vocabulary)?;
            whole_superpoints(found, &answers, classes, &geometry, vocabulary.space())
        }
    };
    monitor.at(Stage::Instances, 1.0)?;
    Ok((segmentation, masks))
}

/// Runs the network once and decodes its output as the released code does, exactly: the instances
/// are cut by the box filter, and their labels are classes. `classes` are asked of a network that is
/// asked with words; without them its instances have one label.
///
/// # Errors
/// See [`SegmentError`].
pub async fn segment_as_released(
    observation: &Observation<'_>,
    grouping: &Grouping,
    network: &Network,
    classes: Option<&NamedClasses>,
    options: &PostprocessOptions,
    monitor: &Monitor<'_>,
) -> Result<Vec<Finished>, SegmentError> {
    let answers = infer(observation, grouping, network, monitor).await?;
    monitor.at(Stage::Instances, 0.0)?;
    let classes = network.fixed_classes().or(classes);
    let geometry = geometry(observation, grouping);
    let found = released(&answers, classes, &geometry, options, network.vocabulary())?;
    monitor.at(Stage::Instances, 1.0)?;
    Ok(found)
}

fn geometry<'a>(observation: &Observation<'a>, grouping: &Grouping) -> SuperpointGeometry<'a> {
    SuperpointGeometry::new(
        observation.positions,
        observation.colors,
        &grouping.superpoints,
        grouping.areas(),
    )
}

/// Gives the points of the `visible` instances to their owners. `labels` and `visible` have one
/// entry per instance; instances that are not visible own no points and are not listed.
pub fn label(segmented: &Segmented, labels: &[Label], visible: &[bool]) -> PointLabels {
    let Segmented {
        superpoints,
        segmentation,
        ..
    } = segmented;
    let mut names: Vec<String> = Vec::new();
    let mut index_of_name = HashMap::new();
    let mut index_of = |name: &str| {
        *index_of_name.entry(name.to_owned()).or_insert_with(|| {
            names.push(name.to_owned());
            names.len() as u32 - 1
        })
    };
    let (mut instances, mut claims) = (Vec::new(), Vec::new());
    let all = (0..).zip(segmentation.instances.iter().zip(labels).zip(visible));
    for (id, ((instance, label), _)) in all.filter(|(_, (_, visible))| **visible) {
        claims.push(Claim {
            instance: instances.len() as u32,
            points: instance.points,
            superpoints: &instance.superpoints,
        });
        instances.push(LabeledInstance {
            id,
            label: (!label.name.is_empty()).then(|| index_of(&label.name)),
            score: label.confidence,
        });
    }
    let owners = owner_of_superpoint(superpoints.count(), claims);
    let owner = |superpoint: &u32| owners[*superpoint as usize];
    PointLabels {
        instance_of_point: superpoints
            .superpoint_of_point()
            .iter()
            .map(owner)
            .collect(),
        instances,
        labels: names,
    }
}

#[cfg(test)]
mod tests;
