//! A scene on disk (version 1): a folder that any tool can write.
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
mod fill;
mod index;
mod read;
mod write;

use std::{fs, path::PathBuf};

use anyhow::Context;

use super::Foundation;

pub use fill::{Fill, Filled, Models, fill};
pub use write::Writer;

/// Name of the index file; a folder with this file is a bundle.
pub const INDEX: &str = "foundation.json";
const TENSORS: &str = "tensors.safetensors";
const VERSION: u32 = 1;
const MILLIMETRES: f32 = 1000.0;

/// Name of the file with the depth of an image.
fn depth_file(image: &str) -> String {
    format!("{image}.depth.png")
}

impl Foundation {
    /// The bundles among `folders` and directly inside them, sorted by path.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub fn folders(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in folders {
            if folder.join(INDEX).exists() {
                found.push(folder.clone());
                continue;
            }
            for entry in
                fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
            {
                let path = entry?.path();
                if path.join(INDEX).exists() {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
