//! Output of foundation models for a scene without manual labels: points with the pixels that they
//! were reconstructed from, images with poses, and instance masks with names in the images
//! ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.1.1). Ground truth of the whole scene
//! may be included.
//!
//! Frames: `camera` is x right, y down, z forward, metres; `world` is the frame of the points,
//! metres, z up. Rows of images go down, columns go right.

mod bundle;
mod given;
mod gray16;
mod supervision;
mod tensors;

use segscape::views::{Camera, Correspondence, Map};

pub use bundle::{Fill, Filled, INDEX, Models, Writer, fill};
pub use given::Given;
pub use supervision::{Annotation, annotations, boundaries, boundary_inputs};

/// A scene.
#[derive(Clone, Debug, Default)]
pub struct Foundation {
    /// Shape `(points, 3)`: metres, world frame.
    pub positions: Vec<[f32; 3]>,
    /// Shape `(points, 3)`: sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// Shape `(points)`: the pixel that each point was reconstructed from, the correspondence C;
    /// `None` for a point that no image shows.
    pub origins: Vec<Option<Correspondence>>,
    /// The images.
    pub images: Vec<Image>,
    /// Labels of the whole scene, if there are any.
    pub truth: Option<Truth>,
    /// Data that other programs computed for the whole scene.
    pub given: Given,
}

/// A posed image of a scene, with the instances that 2D models found in it.
#[derive(Clone, Debug)]
pub struct Image {
    /// Unique in the scene; files are named after it.
    pub name: String,
    /// The camera; its `width` and `height` are those of the picture.
    pub camera: Camera,
    /// Path of the picture inside the bundle.
    pub picture: Option<String>,
    /// Shape `(height, width, 1)`: depth in metres along the optical axis, 0 where unknown; of any
    /// resolution, spanning the picture.
    pub depth: Option<Map>,
    /// The instance that each pixel shows.
    pub mask: Option<Mask>,
    /// The instances, in the order of their numbers in the mask.
    pub instances: Vec<Instance>,
    /// X, shape `(height, width, channels)`: image features of any resolution, spanning the
    /// picture.
    pub features: Option<Map>,
}

/// Instance indices of the pixels of an image, shape `(height, width)`, spanning the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: [usize; 2],
    /// 0 for no instance, otherwise the index of the instance plus one.
    values: Vec<u16>,
}

/// An instance that a 2D model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Name of the instance; empty if the model gave none.
    pub name: String,
    /// Confidence of the model, 0..=1.
    pub score: f32,
    /// R, shape `(channels)`: the model's feature of the instance; empty if there is none.
    pub features: Vec<f32>,
}

/// Labels of the whole scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Shape `(points)`: class ids.
    pub semantic: Vec<i32>,
    /// Shape `(points)`: instance ids, 0 for none.
    pub instance: Vec<i32>,
    /// Ids and names of the classes.
    pub names: Vec<(i32, String)>,
    /// Ids of the classes that are not of things, if the data set says which ones are not.
    pub stuff: Option<Vec<i32>>,
}

impl Mask {
    /// Creates a mask from `values`, shape `(height, width)`: 0, or the index of an instance plus
    /// one. Returns `None` if the number of values does not match `size` or is zero.
    pub fn new(values: Vec<u16>, size: [usize; 2]) -> Option<Self> {
        (!values.is_empty() && size[0].checked_mul(size[1]) == Some(values.len()))
            .then_some(Self { size, values })
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// Shape `(height, width)`, row by row.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// Index of the instance at a position, given as fractions of width and height.
    pub fn at(&self, x: f32, y: f32) -> Option<u32> {
        let [rows, columns] = self.size;
        let along =
            |share: f32, extent: usize| ((share * extent as f32).max(0.0) as usize).min(extent - 1);
        u32::from(self.values[along(y, rows) * columns + along(x, columns)]).checked_sub(1)
    }
}

impl Image {
    /// An image of which only the camera and perhaps the picture, a file in the bundle, are known.
    pub fn new(name: String, camera: Camera, picture: Option<String>) -> Self {
        Self {
            name,
            camera,
            picture,
            depth: None,
            mask: None,
            instances: vec![],
            features: None,
        }
    }

    /// Index of the instance at a position, given as fractions of width and height.
    pub fn instance_at(&self, x: f32, y: f32) -> Option<u32> {
        self.mask.as_ref()?.at(x, y)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        progress::Monitor,
        superpoint::{Boundaries, PointGraph, SuperpointOptions, Superpoints},
    };

    use super::*;

    /// A camera at the origin that looks along the x axis of the world.
    pub fn camera() -> Camera {
        let axes = glam::Mat3::from_cols(-glam::Vec3::Y, -glam::Vec3::Z, glam::Vec3::X);
        let world_from_camera = glam::Affine3A::from_mat3(axes);
        Camera {
            width: 64.0,
            height: 48.0,
            focal: [50.0, 50.0],
            center: [31.5, 23.5],
            world_from_camera,
        }
    }

    pub fn superpoints(
        foundation: &Foundation,
        boundaries: Option<Boundaries>,
        options: &SuperpointOptions,
    ) -> Superpoints {
        let silent = Monitor::silent();
        let graph = PointGraph::new(
            &foundation.positions,
            None,
            &[],
            boundaries.as_ref(),
            options.edges,
            &silent,
        )
        .unwrap();
        graph.cut(options, &silent).unwrap()
    }
}
