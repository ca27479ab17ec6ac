//! Polycam's raw export: `keyframes/` with pictures, depth, confidence and one JSON file per
//! camera, named by time. Poses that Polycam optimized, and the pictures that it undistorted with
//! them, are preferred if they exist.

use std::path::Path;

use anyhow::{Context, ensure};
use glam::Affine3A;

use segscape::scan::UpAxis;

use super::{
    Options, Prepared, Reader, Shots, phone,
    phone::{PictureIntrinsics, from_arkit},
    pose, shots,
};
use crate::foundation::Writer;

/// Folders of the cameras and pictures, corrected or raw.
const CORRECTED: [&str; 2] = ["corrected_cameras", "corrected_images"];
const RAW: [&str; 2] = ["cameras", "images"];

/// Polycam's raw export.
pub struct Polycam;

impl Reader for Polycam {
    fn up(&self) -> UpAxis {
        UpAxis::PlusY
    }

    fn every(&self) -> usize {
        1
    }

    fn is_scene(&self, folder: &Path) -> bool {
        [RAW, CORRECTED]
            .iter()
            .any(|[cameras, _]| folder.join("keyframes").join(cameras).is_dir())
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        shots::prepared(frames(scene, options)?, None, options, bundle)
    }
}

/// Every `options.every`-th keyframe.
///
/// # Errors
/// There are no depth images.
fn frames<'a>(folder: &Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let keyframes = folder.join("keyframes");
    ensure!(
        keyframes.join("depth").is_dir(),
        "{} has no folder `depth`: only captures made with LiDAR have one",
        keyframes.display()
    );
    let is_corrected = CORRECTED.iter().all(|name| keyframes.join(name).is_dir());
    let [cameras, pictures] =
        if is_corrected { CORRECTED } else { RAW }.map(|name| keyframes.join(name));
    let names = phone::stems(&cameras, "", ".json")?;
    let frame = move |name: String| {
        let (intrinsics, world_from_camera) = camera(&cameras.join(format!("{name}.json")))?;
        let [depth, confidence] =
            ["depth", "confidence"].map(|of| keyframes.join(of).join(format!("{name}.png")));
        let picture = phone::picture(&pictures, &name);
        phone::Frame {
            name,
            world_from_camera,
            intrinsics,
            picture,
            depth,
            confidence: Some(confidence),
        }
        .shot(options)
    };
    Ok(Box::new(
        names.into_iter().step_by(options.every).map(frame),
    ))
}

/// Reads `fx`, `fy`, `cx`, `cy`, and the upper rows `t_00` to `t_23` of the matrix from ARKit's
/// camera to the world.
fn camera(path: &Path) -> anyhow::Result<(PictureIntrinsics, Option<Affine3A>)> {
    let json = phone::json(path)?;
    let number = |key: &str| -> anyhow::Result<f32> {
        let value = json
            .get(key)
            .with_context(|| format!("{} has no \"{key}\"", path.display()))?;
        Ok(value.as_f64().map_or(f32::NAN, |x| x as f32))
    };
    let mut rows = [
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    for (place, value) in rows.iter_mut().enumerate().take(12) {
        *value = number(&format!("t_{}{}", place / 4, place % 4))?;
    }
    let intrinsics = PictureIntrinsics {
        focal: [number("fx")?, number("fy")?],
        center: [number("cx")?, number("cy")?],
    };
    Ok((intrinsics, pose(&rows).map(from_arkit)))
}
