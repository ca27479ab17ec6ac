//! 3D Scanner App, "All data": `frame_00007.json` with the camera and, for some frames,
//! `frame_00007.jpg`, `depth_00007.png` and `conf_00007.png`.

use std::path::Path;

use anyhow::{Context, ensure};

use segscape::scan::UpAxis;

use super::{
    Options, Prepared, Reader, Shots, phone,
    phone::{PictureIntrinsics, from_arkit},
    pose, shots,
};
use crate::foundation::Writer;

/// 3D Scanner App's export of all data.
pub struct Scanner3d;

impl Reader for Scanner3d {
    fn up(&self) -> UpAxis {
        UpAxis::PlusY
    }

    fn is_scene(&self, folder: &Path) -> bool {
        folder.is_dir()
            && phone::stems(folder, "frame_", ".json").is_ok_and(|frames| !frames.is_empty())
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        shots::prepared(frames(scene, options)?, None, options, bundle)
    }
}

/// Every `options.every`-th of the frames that have a picture; some frames have none.
///
/// # Errors
/// The folder cannot be listed, or no frame has a picture.
fn frames<'a>(folder: &'a Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let picture = move |name: &str| phone::picture(folder, &format!("frame_{name}"));
    let mut names = phone::stems(folder, "frame_", ".json")?;
    names.retain(|name| picture(name).is_some());
    ensure!(
        !names.is_empty(),
        "no frame of {} has a picture frame_00000.jpg beside its frame_00000.json",
        folder.display()
    );
    let frame = move |name: String| {
        let path = folder.join(format!("frame_{name}.json"));
        let json = phone::json(&path)?;
        let value = |key: &str| {
            json.get(key)
                .with_context(|| format!("{} has no \"{key}\"", path.display()))
        };
        let rows = phone::list::<16>(value("cameraPoseARFrame")?, "cameraPoseARFrame")
            .with_context(|| format!("in {}", path.display()))?;
        let m = phone::list::<9>(value("intrinsics")?, "intrinsics")
            .with_context(|| format!("in {}", path.display()))?;
        let [depth, confidence] =
            ["depth", "conf"].map(|of| folder.join(format!("{of}_{name}.png")));
        phone::Frame {
            world_from_camera: pose(&rows).map(from_arkit),
            intrinsics: PictureIntrinsics {
                focal: [m[0], m[4]],
                center: [m[2], m[5]],
            },
            picture: picture(&name),
            depth,
            confidence: Some(confidence),
            name,
        }
        .shot(options)
    };
    Ok(Box::new(
        names.into_iter().step_by(options.every).map(frame),
    ))
}
