//! What foundation models say about a scene that nobody labelled: points with the pixels they were
//! made of, images with poses, and instance masks with names in the images
//! ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.1.1). Truth about the whole scene may
//! come with it.
//!
//! Frames: `camera` is x right, y down, z forward, metres; `world` that of the points, metres, z
//! up. Rows of images go down, columns right.

mod bundle;
mod given;
pub mod oracle;
mod supervision;

use segscape::views::{Camera, Correspondence, Map};

pub use bundle::{INDEX, load_grey16};
pub use given::Given;
pub use supervision::{Annotation, annotations, boundaries};

/// One scene.
#[derive(Clone, Debug, Default)]
pub struct Foundation {
    /// (points, 3): metres, world.
    pub positions: Vec<[f32; 3]>,
    /// (points, 3): sRGB.
    pub colors: Option<Vec<[u8; 3]>>,
    /// (points): the pixel that each point was made of, the correspondence C; `None` for a point
    /// that no image shows.
    pub origins: Vec<Option<Correspondence>>,
    /// The images.
    pub images: Vec<Image>,
    /// Labels of the whole scene, where there are some.
    pub truth: Option<Truth>,
    /// What others made of the whole scene.
    pub given: Given,
}

/// A posed image of a scene and what 2D models found in it.
#[derive(Clone, Debug)]
pub struct Image {
    /// Unique in the scene; files are named after it.
    pub name: String,
    /// Its camera; `width` and `height` are the picture's.
    pub camera: Camera,
    /// The picture, as a path inside the bundle.
    pub picture: Option<String>,
    /// (height, width, 1): metres along the optical axis, 0 where unknown; of any resolution,
    /// spanning the picture.
    pub depth: Option<Map>,
    /// Which instance every pixel shows.
    pub mask: Option<Mask>,
    /// The instances, in the order in which the mask counts them.
    pub instances: Vec<Instance>,
    /// X, (height, width, channels): image features of any resolution, spanning the picture.
    pub features: Option<Map>,
}

/// (height, width) rows of an image's instances, spanning the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: [usize; 2],
    /// 0 for none, otherwise one more than the row.
    values: Vec<u16>,
}

/// Something that a 2D model found.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// What it is called; may be empty where the model did not say.
    pub name: String,
    /// The model's confidence, 0..=1.
    pub score: f32,
    /// R, (channels): the model's feature of it; empty where there is none.
    pub features: Vec<f32>,
}

/// Labels of the whole scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// (points): class ids.
    pub semantic: Vec<i32>,
    /// (points): 0 for none.
    pub instance: Vec<i32>,
    /// What classes are called.
    pub names: Vec<(i32, String)>,
}

impl Mask {
    /// From `values` (height, width): 0, or one more than an instance's row; `None` when there are
    /// not as many as that, or none.
    pub fn new(values: Vec<u16>, size: [usize; 2]) -> Option<Self> {
        (!values.is_empty() && size[0].checked_mul(size[1]) == Some(values.len()))
            .then_some(Self { size, values })
    }

    /// Rows and columns.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// (height, width), row by row.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// The instance at a place, shares of width and height.
    pub fn at(&self, x: f32, y: f32) -> Option<u32> {
        let [rows, columns] = self.size;
        let along =
            |share: f32, extent: usize| ((share * extent as f32).max(0.0) as usize).min(extent - 1);
        u32::from(self.values[along(y, rows) * columns + along(x, columns)]).checked_sub(1)
    }
}

impl Image {
    /// The instance at a place, shares of width and height.
    pub fn instance_at(&self, x: f32, y: f32) -> Option<u32> {
        self.mask.as_ref()?.at(x, y)
    }
}

#[cfg(test)]
pub mod tests {
    #![allow(clippy::unwrap_used)]

    use segscape::{
        progress::Monitor,
        superpoint::{Boundaries, PointGraph, SuperpointOptions, Superpoints},
    };

    use super::*;

    /// At the origin, looking along the world's x.
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
        graph
            .superpoints(options.threshold, graph.points_on(options.minimum), &silent)
            .unwrap()
    }
}
