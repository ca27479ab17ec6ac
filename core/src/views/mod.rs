//! Images of a scan: cameras, what was computed of their pixels, and how it comes to points
//! (docs/spec/model.md sections 13 and 15).
//!
//! Frames: `camera` is x right, y down, z forward, metres; `world` that of the points. A pixel's
//! centre has whole coordinates, as in OpenCV.

mod camera;
mod carry;
mod map;
mod object_queries;

pub use camera::{Camera, Pixel};
pub use carry::{Choice, Correspondence, carried};
pub use map::{Map, MapError};
pub use object_queries::{Detection, ObjectQueries, object_queries};

/// An image of a scan.
#[derive(Clone, Debug)]
pub struct View {
    /// Where it was taken from.
    pub camera: Camera,
    /// (height, width, 1): metres along the optical axis, 0 or less where unknown.
    pub depth: Option<Map>,
    /// (height, width, channels): of any resolution, spanning the image.
    pub features: Map,
}
