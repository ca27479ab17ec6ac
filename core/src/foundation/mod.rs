//! Output of foundation models for a scene without manual labels: points with the pixels that they
//! were reconstructed from, images with poses, and instance masks with names in the images
//! ([OVSeg3R](https://arxiv.org/abs/2509.23541), section 3.1.1). Ground truth of the whole scene
//! may be included.
//!
//! Frames: `camera` is x right, y down, z forward, metres; `world` is the frame of the points,
//! metres, z up. Rows of images go down, columns go right.
//!
//! A scene is stored as a bundle (version 1): files in one folder or archive, which any tool can
//! write.
//!
//! | file | content |
//! |---|---|
//! | `foundation.json` | the version, the images with their cameras and instances, the names of the classes, and in `stuff` the ids of those that are not of things; without `stuff`, these are the classes called wall, floor or ceiling |
//! | `tensors.safetensors` | `positions` f32 (points, 3); `colors` u8 (points, 3); `origin_view` i32 (points), -1 for none, and `origin_pixel` f32 (points, 2), as fractions of width and height; `semantic` and `instance` i32 (points); for each image `image_features.NAME` f32 (height, width, channels) and `object_features.NAME` f32 (instances, channels); `superpoint` u32 (points) if the data set has superpoints of its own; if there are no images left to compute them from, `point_features` f32 (points, channels), and `object_features` f32 (objects, channels) with `object_positions` f32 (objects, 3). All but `positions` are optional |
//! | `NAME.depth.png` | 16 bits per pixel, millimetres along the optical axis, 0 where unknown |
//! | `NAME.masks.png` | 16 bits per pixel, 0 or the index of the instance in `foundation.json` plus one; where masks overlap, the tool that wrote the file has chosen one |
//! | any picture | under the file name in `foundation.json` |
//!
//! Cameras: `focal` and `center` in pixels of `size` (height, width), with pixel centers at integer
//! coordinates; `world_from_camera` is 3 x 4, row by row.

mod check;
mod given;
mod index;
mod names;
mod read;
pub mod tensors;
#[cfg(test)]
pub(crate) mod tests;

use crate::views::{Camera, Correspondence, Map};

pub use given::Given;
pub use index::{Entry, Index, Named};
pub use names::{VotedName, names_by_views};
pub use read::{MEMORY_LIMIT, depth_map};

/// Name of the index file; a folder with this file is a bundle.
pub const INDEX: &str = "foundation.json";
/// Name of the file with the tensors.
pub const TENSORS: &str = "tensors.safetensors";
/// The newest version of the format.
pub const VERSION: u32 = 1;

/// Name of the file with the depth of an image.
pub fn depth_file(image: &str) -> String {
    format!("{image}.depth.png")
}

/// Name of the file with the masks of an image.
pub fn masks_file(image: &str) -> String {
    format!("{image}.masks.png")
}

/// `true` if the name can be that of a file in the bundle itself, or the beginning of one.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

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
    pub truth: Option<SceneTruth>,
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
    pub instances: Vec<ImageInstance>,
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
pub struct ImageInstance {
    /// Name of the instance; empty if the model gave none.
    pub name: String,
    /// Confidence of the model, 0..=1.
    pub score: f32,
    /// R, shape `(channels)`: the model's feature of the instance; empty if there is none.
    pub features: Vec<f32>,
}

/// Labels of the whole scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SceneTruth {
    /// Shape `(points)`: class ids.
    pub semantic: Vec<i32>,
    /// Shape `(points)`: instance ids, 0 for none.
    pub instance: Vec<i32>,
    /// Ids and names of the classes.
    pub names: Vec<(i32, String)>,
    /// Ids of the classes that are not of things, if the data set says which ones are not.
    pub stuff: Option<Vec<i32>>,
}

impl Foundation {
    /// `true` if points have image features, or could have them from their images.
    pub fn has_features(&self) -> bool {
        self.given.features.is_some() || self.images.iter().any(|image| image.features.is_some())
    }

    /// Number of objects seen in images: those that came with the scene, and the instances with
    /// features of the images in which they have a place.
    pub fn objects(&self) -> usize {
        let placed = self.images.iter().filter(|image| image.places_objects());
        let described = |image: &Image| {
            let instances = image.instances.iter();
            instances.filter(|i| !i.features.is_empty()).count()
        };
        self.given.objects.positions.len() + placed.map(described).sum::<usize>()
    }
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

    /// `true` if it is known where in the world the instances are.
    fn places_objects(&self) -> bool {
        self.depth.is_some() && self.mask.is_some()
    }
}
