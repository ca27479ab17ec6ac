//! The index of a bundle.

use serde::{Deserialize, Serialize};

use super::Image;
use crate::views::Camera;

/// The content of the index file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Version of the format.
    pub foundation: u32,
    /// The images.
    pub images: Vec<Entry>,
    /// Ids and names of the classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<(i32, String)>,
    /// Ids of the classes that are not of things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuff: Option<Vec<i32>>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Unique name of the image.
    pub name: String,
    /// Height and width of the picture.
    pub size: [u32; 2],
    /// Focal lengths, pixels.
    pub focal: [f32; 2],
    /// Principal point, pixels.
    pub center: [f32; 2],
    /// Transform from the camera frame to the world frame, 3 x 4, row by row.
    pub world_from_camera: [f32; 12],
    /// Name of the file with the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The instances, in the order of their numbers in the mask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Named>,
}

/// An instance in an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Name of the instance; empty if there is none.
    pub name: String,
    /// Confidence, 0..=1.
    pub score: f32,
}

impl Entry {
    /// The entry of an image.
    pub fn of(image: &Image) -> Self {
        let Camera {
            width,
            height,
            focal,
            center,
            world_from_camera,
        } = image.camera;
        let columns = [
            world_from_camera.x_axis,
            world_from_camera.y_axis,
            world_from_camera.z_axis,
            world_from_camera.translation,
        ];
        Self {
            name: image.name.clone(),
            size: [height as u32, width as u32],
            focal,
            center,
            world_from_camera: std::array::from_fn(|i| columns[i % 4][i / 4]),
            picture: image.picture.clone(),
            instances: image
                .instances
                .iter()
                .map(|i| Named {
                    name: i.name.clone(),
                    score: i.score,
                })
                .collect(),
        }
    }
}
