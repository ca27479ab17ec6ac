//! `.segscape`: a segmented scene in one file: points, superpoints, instances with their
//! embeddings, names, view and origin.
//!
//! The file is a checksummed container of deflated sections ([`container`]). Points are sorted by
//! superpoint and, within a superpoint, along a Morton curve; they are stored on a grid of about a
//! millimetre. Colours are exact. A decoded bundle therefore has its points in a different order
//! than the scan, while its superpoints and instances keep their ids.
//!
//! An [`Overlay`] is a bundle without points: it names the file of the scan that its labels belong to.
//!
//! ```
//! use segscape::{
//!     bundle::{self, Bundle, Meta, Provenance, SavedView},
//!     instances::Segmentation,
//!     scan::Frame,
//!     superpoint::Superpoints,
//! };
//!
//! let scene = Bundle {
//!     positions: vec![[0.0; 3], [1.0, 0.0, 0.5], [0.1, 0.0, 0.0]],
//!     colors: None,
//!     superpoints: Superpoints::from_ids(&[0, 1, 0]),
//!     segmentation: Segmentation::default(),
//!     meta: Meta {
//!         names: Vec::new(),
//!         view: SavedView::default(),
//!         frame: Frame::default(),
//!         provenance: Provenance { source: "room.ply".to_owned(), ..Provenance::default() },
//!     },
//! };
//! let opened = bundle::decode(&bundle::encode(&scene)?)?;
//! assert_eq!(opened.superpoints.sizes(), [2, 1]);
//! assert_eq!(opened.meta, scene.meta);
//! # Ok::<(), bundle::BundleError>(())
//! ```

use serde::{Deserialize, Serialize};

use crate::{
    geometry::Aabb,
    instances::{Extents, Segmentation, Shape},
    scan::Frame,
    superpoint::Superpoints,
    text::TextSpace,
};

mod bytes;
mod container;
mod instances;
mod limits;
mod overlay;
mod points;

pub use container::{Inspection, MAGIC, OVERLAY_VERSION, VERSION};
pub use limits::MAX_NAME_CHARS;
pub use overlay::{
    ContentHash, NotAHash, Overlay, ScanFile, ScanFileError, decode_overlay, encode_overlay,
};

use container::{Container, Reader, Section};
use limits::{MAX_META, check};

/// A segmented scene as it is saved and shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// `(points, 3)`, world frame.
    pub positions: Vec<[f32; 3]>,
    /// `(points, 3)`, sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// The partition of the points.
    pub superpoints: Superpoints,
    /// The instances in descending order of score.
    pub segmentation: Segmentation,
    /// Names, view and origin.
    pub meta: Meta,
}

/// The part of a bundle that is stored as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// `(instances)`: the name of each instance.
    pub names: Vec<Name>,
    /// The sender's view of the scene.
    pub view: SavedView,
    /// The transform from the scan's file to the world frame. Its offset is zero if the sender kept
    /// where the scan lies.
    pub frame: Frame,
    /// The origin of the scene.
    pub provenance: Provenance,
}

/// The section of the JSON: what the caller knows, and the space of the instances' embeddings, which
/// bundles of before there was a choice lack.
#[derive(Serialize, Deserialize)]
struct Stored<M> {
    #[serde(flatten)]
    meta: M,
    #[serde(default, skip_serializing_if = "is_usual")]
    text_space: TextSpace,
}

fn is_usual(space: &TextSpace) -> bool {
    *space == TextSpace::default()
}

/// The name of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name itself.
    pub text: String,
    /// If `true`, a person chose the name; otherwise it comes from the vocabulary.
    pub by_user: bool,
}

/// A user's view of a scene.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedView {
    /// The prompt as typed; empty if there was none.
    pub prompt: String,
    /// Confidence, 0..=1, below which instances are not counted.
    pub threshold: f32,
    /// The camera; `None` for the default view of the whole scene.
    pub camera: Option<SavedCamera>,
    /// Ids of the hidden instances.
    pub hidden: Vec<u32>,
    /// Ids of the instances that stay as they are until they are unlocked.
    pub locked: Vec<u32>,
    /// Height above which points are hidden, metres; `None` if all are shown.
    pub ceiling: Option<f32>,
    /// The box outside of which points are hidden, metres; `None` if all are shown.
    pub clip: Option<Aabb>,
    /// The meaning of the points' colours.
    pub color_mode: ColorMode,
}

/// A perspective camera in the world frame, with +z up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedCamera {
    /// Position of the eye, metres.
    pub eye: [f32; 3],
    /// The point that the camera looks at and orbits, metres.
    pub target: [f32; 3],
    /// Vertical field of view, radians.
    pub fov_y: f32,
}

/// The meaning of the points' colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorMode {
    /// The scan's own colours.
    Rgb,
    /// One colour per instance.
    #[default]
    Instance,
    /// One colour per label.
    Label,
    /// The instance's score.
    Score,
    /// Height above the floor.
    Height,
    /// How similar the instance is to the prompt.
    Similarity,
    /// The direction that the surface faces.
    Normal,
}

/// The origin of a scene.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// Name of the scan's file.
    pub source: String,
    /// Number of points in the scan's file, including the dropped ones.
    pub source_points: u64,
    /// Number of frames of the capture that the scan was made of, none of which is in the bundle; 0
    /// for other scans.
    pub frames: u32,
    /// Name and hash of the network's weights; empty if no network was used.
    pub model: String,
    /// Version of the program that wrote the bundle.
    pub app: String,
}

/// The reason why bytes are not a valid bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes are not a bundle.
    #[error("this is not a .segscape bundle")]
    NotABundle,
    /// The bundle has a different version.
    #[error(
        "the bundle has version {found}, this program reads versions {VERSION} and {OVERLAY_VERSION}"
    )]
    Version {
        /// Version in the file.
        found: u32,
    },
    /// The bundle is a scene where labels alone are expected, or the other way round.
    #[error("the bundle has {found}, not {expected}")]
    Kind {
        /// What it has, in words.
        found: &'static str,
        /// What is expected, in words.
        expected: &'static str,
    },
    /// The bundle has fewer or more bytes than its table promises.
    #[error(
        "the bundle should have {expected} bytes and has {found}: it was cut short, or something was appended"
    )]
    Length {
        /// Number of bytes promised.
        expected: u64,
        /// Number of bytes present.
        found: u64,
    },
    /// The content does not match its checksum.
    #[error("the bundle's BLAKE3 checksum does not match its content: it was damaged on the way")]
    Checksum,
    /// A count exceeds its limit.
    #[error("the bundle has {found} {what}, the limit is {limit}")]
    TooMany {
        /// The kind of count, such as points or instances.
        what: &'static str,
        /// Number in the file.
        found: u64,
        /// The limit of this program.
        limit: u64,
    },
    /// A section breaks the format's rules.
    #[error("the bundle's section `{section}` is malformed: {problem}")]
    Malformed {
        /// Name of the section.
        section: &'static str,
        /// Description of the problem.
        problem: String,
    },
}

impl BundleError {
    /// A problem may quote the bundle, whose texts may be long.
    fn malformed(section: Section, problem: impl AsRef<str>) -> Self {
        const LONGEST: usize = 500;
        Self::Malformed {
            section: section.name(),
            problem: problem.as_ref().chars().take(LONGEST).collect(),
        }
    }
}

/// Encodes the bundle as bytes. O(points log points).
///
/// # Errors
/// [`BundleError`] if [`decode`] would refuse these bytes, because a limit is exceeded.
///
/// # Panics
/// If arrays of the bundle differ in length.
pub fn encode(bundle: &Bundle) -> Result<Vec<u8>, BundleError> {
    let points = bundle.positions.len();
    assert_eq!(
        bundle.superpoints.superpoint_of_point().len(),
        points,
        "one superpoint id per point"
    );
    assert!(
        bundle
            .colors
            .as_ref()
            .is_none_or(|colors| colors.len() == points),
        "one colour per point"
    );
    check(points, &bundle.segmentation, &bundle.meta)?;

    let grid = points::Grid::around(&bundle.positions);
    let order = points::order(
        &bundle.positions,
        bundle.superpoints.superpoint_of_point(),
        &grid,
    );
    let instances = bundle.segmentation.instances.len();
    let mut container = Container::new(points, bundle.superpoints.count(), instances);
    push_meta(&mut container, &bundle.meta, &bundle.segmentation);
    container.push(
        Section::Superpoints,
        &points::encode_sizes(&bundle.superpoints.sizes()),
    );
    container.push(
        Section::Positions,
        &points::encode_positions(&bundle.positions, &order, &grid)?,
    );
    if let Some(colors) = &bundle.colors {
        container.push(Section::Colors, &points::encode_colors(colors, &order));
    }
    push_instances(&mut container, &bundle.segmentation);
    Ok(container.finish())
}

fn push_meta(container: &mut Container, meta: &Meta, segmentation: &Segmentation) {
    let stored = Stored {
        meta,
        text_space: segmentation.space.clone(),
    };
    let json = serde_json::to_vec(&stored).unwrap_or_default();
    container.push(Section::Meta, &json);
}

fn push_instances(container: &mut Container, segmentation: &Segmentation) {
    container.push(Section::Instances, &instances::encode_sets(segmentation));
    let embeddings = instances::encode_embeddings(segmentation);
    container.push(Section::Embeddings, &embeddings);
}

/// Decodes a bundle. The instances have the points and the bounds of their superpoints, whatever the
/// bundle says.
///
/// # Errors
/// See [`BundleError`]. Never panics; allocates at most in proportion to the counts in the header,
/// which are limited.
pub fn decode(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let reader = Reader::open(bytes)?;
    let Inspection {
        points, is_overlay, ..
    } = reader.inspection;
    if is_overlay {
        return Err(BundleError::Kind {
            found: overlay::LABELS,
            expected: overlay::SCENE,
        });
    }
    let (meta, space) = read_meta(&reader)?;
    let sizes = sizes(&reader)?;
    let positions: Vec<[f32; 3]> = points::positions(&positions(&reader)?, points)?.collect();
    // the sizes alone can promise any number of points
    let ids: Vec<u32> = (0..)
        .zip(&sizes)
        .flat_map(|(id, &size)| std::iter::repeat_n(id, size as usize))
        .collect();
    let superpoints = Superpoints::from_ids(&ids);
    let colors = match colors(&reader)? {
        Some(planes) => Some(points::colors(&planes, points)?.collect()),
        None => None,
    };
    let mut segmentation = read_instances(&reader, space)?;
    let extents = Extents::new(&positions, superpoints.superpoint_of_point());
    for instance in &mut segmentation.instances {
        let Shape { points, bounds, .. } = extents.shape(&instance.superpoints);
        (instance.points, instance.bounds) = (points, bounds);
    }
    Ok(Bundle {
        positions,
        colors,
        superpoints,
        segmentation,
        meta,
    })
}

/// Checks all of a bundle, as [`decode`] and [`decode_overlay`] do, and keeps nothing of it: one
/// section after the other is in memory.
///
/// # Errors
/// Those of [`decode`] for a scene, and of [`decode_overlay`] for labels without their points.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, BundleError> {
    let reader = Reader::open(bytes)?;
    if reader.inspection.is_overlay {
        overlay::inspect(&reader)?;
        return Ok(reader.inspection);
    }
    let (_, space) = read_meta(&reader)?;
    sizes(&reader)?;
    let points = reader.inspection.points;
    drop(points::positions(&positions(&reader)?, points)?);
    if let Some(planes) = colors(&reader)? {
        drop(points::colors(&planes, points)?);
    }
    read_instances(&reader, space)?;
    Ok(reader.inspection)
}

/// Names, view and origin, and the space of the embeddings.
fn read_meta(reader: &Reader) -> Result<(Meta, TextSpace), BundleError> {
    let json = reader.section(Section::Meta, MAX_META)?;
    let Stored { meta, text_space } = serde_json::from_slice::<Stored<Meta>>(&json)
        .map_err(|error| BundleError::malformed(Section::Meta, error.to_string()))?;
    if let Err(invalid) = text_space.validate() {
        return Err(BundleError::malformed(Section::Meta, invalid.to_string()));
    }
    meta.check(reader.inspection.instances)?;
    Ok((meta, text_space))
}

fn sizes(reader: &Reader) -> Result<Vec<u32>, BundleError> {
    let Inspection {
        points,
        superpoints,
        ..
    } = reader.inspection;
    let bytes = reader.section(Section::Superpoints, 5 * superpoints)?;
    points::decode_sizes(&bytes, superpoints, points)
}

fn positions(reader: &Reader) -> Result<Vec<u8>, BundleError> {
    let limit = points::positions_len(reader.inspection.points);
    reader.section(Section::Positions, limit)
}

fn colors(reader: &Reader) -> Result<Option<Vec<u8>>, BundleError> {
    let limit = 3 * reader.inspection.points;
    let has_colors = reader.has(Section::Colors);
    let planes = has_colors.then(|| reader.section(Section::Colors, limit));
    planes.transpose()
}

/// The instances, whose embeddings are in this space.
fn read_instances(reader: &Reader, space: TextSpace) -> Result<Segmentation, BundleError> {
    let Inspection {
        superpoints,
        instances,
        ..
    } = reader.inspection;
    let most = instances::max_sets_len(instances, superpoints);
    let sets = reader.section(Section::Instances, most)?;
    let most = instances::embeddings_len(instances, &space);
    let embeddings = reader.section(Section::Embeddings, most)?;
    instances::decode(&sets, &embeddings, instances, superpoints, space)
}

#[cfg(test)]
mod tests;
