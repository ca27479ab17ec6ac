//! Images of a scan: cameras, data computed from their pixels, and its transfer to points
//! (docs/spec/model.md sections 13 and 15).
//!
//! Frames: `camera` is x right, y down, z forward, metres; `world` is the frame of the points. The
//! centre of a pixel has integer coordinates, as in OpenCV.

mod best;
mod camera;
mod map;
mod object_queries;
mod point_features;
mod sight;
mod splats;
mod standpoints;

pub use best::{BestViewOptions, BestViews, Look};
#[cfg(all(test, any(feature = "captures", feature = "onnx")))]
pub(crate) use camera::tests::camera as camera_that_looks_along_x;
pub use camera::{Camera, Pixel, Projection};
pub use map::{Map, MapError};
pub use object_queries::{Detection, ObjectQueries, object_queries};
pub use point_features::{Choice, Correspondence, lifted};
pub use sight::{Occlusion, Sight};
#[cfg(feature = "onnx")]
pub(crate) use splats::BACKGROUND;
pub use splats::{Rendering, Splats};
pub use standpoints::Standpoints;

/// An image of a scan.
#[derive(Clone, Debug)]
pub struct View {
    /// The camera that took the image.
    pub camera: Camera,
    /// `(height, width, 1)`: metres along the optical axis, 0 or less if unknown.
    pub depth: Option<Map>,
    /// `(height, width, channels)`: the features, of any resolution, spanning the image.
    pub features: Map,
}
