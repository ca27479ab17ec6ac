//! A wall in a foundation bundle.

use std::path::Path;

use recordings::foundation::{
    Foundation, Given, Image, ImageInstance, InFolder as _, Mask, SceneTruth,
};
use segscape::views::{Camera, Map};

/// Writes the bundle `scene` to a folder.
pub fn write(scene: &Foundation, folder: &Path) {
    let nothing = |_: &Image| anyhow::bail!("no image has a picture");
    scene.write(&folder.join("scene"), nothing).unwrap();
}

/// A wall two metres away in four superpoints side by side; two images show a picture on its left
/// half and a door on its right half.
pub fn scene() -> Foundation {
    let across = |point: usize| ((point % 40) as f32 / 39.0 - 0.5) * 2.0;
    let down = |point: usize| ((point / 40) as f32 / 39.0 - 0.5) * 1.4;
    let points = 0..1600;
    let image = |(name, x): (&str, f32)| {
        let mut camera = Camera {
            width: 64.0,
            height: 48.0,
            focal: [50.0, 50.0],
            center: [31.5, 23.5],
            world_from_camera: Default::default(),
        };
        camera.world_from_camera.translation.x = x;
        // The middle of the wall is 25 pixels a metre to the left of the middle of the image.
        let middle = (32.0 - 25.0 * x) as usize;
        let value = |pixel: usize| if pixel % 64 < middle { 1 } else { 2 };
        let instance = |name: &str, score| ImageInstance {
            name: name.to_owned(),
            score,
            features: vec![],
        };
        Image {
            depth: Some(Map::new(vec![2.0; 48 * 64], [48, 64, 1]).unwrap()),
            mask: Mask::new((0..64 * 48).map(value).collect(), [48, 64]),
            instances: vec![instance("picture", 0.9), instance("door", 0.7)],
            ..Image::new(name.to_owned(), camera, None)
        }
    };
    let is_left = |point: usize| point % 40 < 20;
    Foundation {
        positions: points.clone().map(|p| [across(p), down(p), 2.0]).collect(),
        origins: vec![None; 1600],
        images: [("a", 0.0), ("b", 0.2)].map(image).to_vec(),
        truth: Some(SceneTruth {
            semantic: points
                .clone()
                .map(|p| if is_left(p) { 7 } else { 8 })
                .collect(),
            instance: points
                .clone()
                .map(|p| if is_left(p) { 1 } else { 2 })
                .collect(),
            names: vec![(7, "picture".to_owned()), (8, "door".to_owned())],
            stuff: None,
        }),
        given: Given {
            superpoints: Some(points.map(|p| (p % 40 / 10) as u32).collect()),
            ..Given::default()
        },
        ..Foundation::default()
    }
}
