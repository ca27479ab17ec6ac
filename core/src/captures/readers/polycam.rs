//! Polycam's raw export: `keyframes/` with pictures, depth, confidence and one JSON file per
//! camera, named by time. Poses that Polycam optimized, and the pictures that it undistorted with
//! them, are preferred if they exist.

use glam::Affine3A;

use super::{
    super::{Intrinsics, poses::pose},
    CaptureError, CaptureOptions, GapReason, Names, Reader, Sequence, Tree, UpAxis,
    phone::{self, Phone, from_arkit},
};

/// Folders of the cameras and pictures, corrected or raw.
const CORRECTED: [&str; 2] = ["keyframes/corrected_cameras", "keyframes/corrected_images"];
const RAW: [&str; 2] = ["keyframes/cameras", "keyframes/images"];

/// Polycam's raw export.
pub struct Polycam;

impl Reader for Polycam {
    fn signs(&self) -> &'static str {
        "keyframes/cameras (Polycam's raw export)"
    }

    fn up(&self) -> Option<UpAxis> {
        Some(UpAxis::PlusY)
    }

    fn is_here(&self, names: &dyn Names) -> bool {
        [RAW, CORRECTED]
            .iter()
            .any(|[cameras, _]| names.has_folder(cameras))
    }

    fn sequence<'a>(
        &self,
        tree: Tree<'a>,
        options: &CaptureOptions,
    ) -> Result<Sequence<'a>, CaptureError> {
        if !tree.has_folder("keyframes/depth") {
            return Err(CaptureError::Unusable(format!(
                "{} has no folder `depth`: only captures made with LiDAR have one",
                tree.shown("keyframes")
            )));
        }
        let is_corrected = CORRECTED.iter().all(|name| tree.has_folder(name));
        let [cameras, pictures] = if is_corrected { CORRECTED } else { RAW };
        let names = phone::stems(&tree, cameras, "", ".json");
        let of_frame = names.clone();
        let unit = options.units_per_metre;
        let frame = move |place: usize| {
            let name = &of_frame[place];
            let (intrinsics, world_from_camera) =
                camera(&tree, &format!("{cameras}/{name}.json")).map_err(GapReason::from)?;
            Phone {
                name: name.clone(),
                world_from_camera,
                intrinsics,
                picture: phone::picture(&tree, &format!("{pictures}/{name}")),
                depth: format!("keyframes/depth/{name}.png"),
                confidence: Some(format!("keyframes/confidence/{name}.png")),
            }
            .frame(&tree, unit)
        };
        Ok(Sequence {
            names,
            frame: Box::new(frame),
        })
    }
}

/// Reads `fx`, `fy`, `cx`, `cy`, and the upper rows `t_00` to `t_23` of the matrix from ARKit's
/// camera to the world.
fn camera(tree: &Tree, path: &str) -> Result<(Intrinsics, Option<Affine3A>), CaptureError> {
    let json = phone::json(tree, path)?;
    let number = |key: &str| {
        let value = json
            .get(key)
            .ok_or_else(|| tree.wrong(path, |file| format!("{file} has no \"{key}\"")))?;
        Ok::<f32, CaptureError>(value.as_f64().map_or(f32::NAN, |x| x as f32))
    };
    let mut rows = [
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    for (place, value) in rows.iter_mut().enumerate().take(12) {
        *value = number(&format!("t_{}{}", place / 4, place % 4))?;
    }
    let focal = [number("fx")?, number("fy")?];
    let center = [number("cx")?, number("cy")?];
    Ok((
        phone::of_picture(focal, center),
        pose(&rows).map(from_arkit),
    ))
}
