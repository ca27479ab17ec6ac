//! The index of a bundle.

use segscape::views::Camera;
use serde::{Deserialize, Serialize};

use crate::foundation::Image;

/// The content of the index file.
#[derive(Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) foundation: u32,
    pub(super) images: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) classes: Vec<(i32, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stuff: Option<Vec<i32>>,
}

/// An image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: [u32; 2],
    pub(super) focal: [f32; 2],
    pub(super) center: [f32; 2],
    pub(super) world_from_camera: [f32; 12],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) picture: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) instances: Vec<Named>,
}

/// An instance in an image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) score: f32,
}

impl Entry {
    pub(super) fn of(image: &Image) -> Self {
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
