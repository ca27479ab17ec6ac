//! A frame whose picture, depth image and pose come from separate files, with the camera of all
//! frames.

use glam::Affine3A;

use super::{super::Intrinsics, CaptureFrame, DepthFile, GapReason, Names as _, Tree};

/// The frame, if it has a pose and its files; paths are relative to the capture's folder.
///
/// # Errors
/// The reason why it cannot be used.
pub fn frame(
    tree: &Tree,
    name: &str,
    world_from_camera: Option<Affine3A>,
    intrinsics: Intrinsics,
    picture: Option<&str>,
    depth: DepthFile,
) -> Result<CaptureFrame, GapReason> {
    let world_from_camera = world_from_camera.ok_or(GapReason::Pose)?;
    let picture = picture.filter(|path| tree.has_file(path) && tree.has_file(&depth.path));
    let picture = picture.ok_or(GapReason::File)?;
    Ok(CaptureFrame {
        name: name.to_owned(),
        world_from_camera,
        intrinsics,
        picture: Some(tree.path(picture)),
        depth: Some(DepthFile {
            path: tree.path(&depth.path),
            ..depth
        }),
    })
}

/// The path in the folder of a file that a list calls `name`.
///
/// # Errors
/// The name leads out of the folder.
pub fn inside(name: &str) -> Result<String, String> {
    let parts: Vec<&str> = name.split('/').filter(|part| *part != ".").collect();
    let path = parts.join("/");
    if super::super::files::is_inside(&path) {
        Ok(path)
    } else {
        Err(format!("\"{name}\" does not lie in the capture's folder"))
    }
}
