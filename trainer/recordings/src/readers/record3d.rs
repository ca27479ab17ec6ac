//! Record3D's export "EXR + JPG sequence": `metadata.json` with intrinsics and poses, `rgb/7.jpg`,
//! `depth/7.exr` in metres (or `depth/7.png` in millimetres).

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use segscape::scan::UpAxis;

use super::{
    Gap, Options, Prepared, Reader, Shots, phone,
    phone::{PictureIntrinsics, from_arkit},
    quaternion_pose, shots,
};
use crate::foundation::Writer;

const METADATA: &str = "metadata.json";
/// The folder in which the app puts the sequence.
const INNER: &str = "EXR_RGBD";

/// The folder of the sequence.
fn root(scene: &Path) -> Option<PathBuf> {
    [scene.to_owned(), scene.join(INNER)]
        .into_iter()
        .find(|folder| folder.join(METADATA).is_file())
}

/// `true` for the app's own format: the file, or the folder that it unpacks to.
fn is_r3d(scene: &Path) -> bool {
    (scene.is_file()
        && scene
            .extension()
            .is_some_and(|extension| extension == "r3d"))
        || (scene.join("metadata").is_file() && scene.join("rgbd").is_dir())
}

/// Record3D's export, and its own format, which must be exported again.
pub struct Record3d;

impl Reader for Record3d {
    fn up(&self) -> UpAxis {
        UpAxis::PlusY
    }

    fn is_scene(&self, scene: &Path) -> bool {
        root(scene).is_some_and(|folder| folder.join("rgb").is_dir()) || is_r3d(scene)
    }

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        shots::prepared(frames(scene, options)?, None, options, bundle)
    }
}

/// Every `options.every`-th frame.
///
/// # Errors
/// The recording is a .r3d file, or the metadata break the format.
fn frames<'a>(scene: &Path, options: &'a Options) -> anyhow::Result<Shots<'a>> {
    let Some(folder) = root(scene) else {
        bail!(
            "{} is a .r3d recording, whose depth is compressed with LZFSE, which is not read here: in Record3D's library choose Export, \"EXR + JPG sequence\"",
            scene.display()
        );
    };
    let path = folder.join(METADATA);
    let metadata = phone::json(&path)?;
    let context = || format!("in {}", path.display());
    let lists = |key: &str| metadata.get(key).and_then(Value::as_array);
    let poses = lists("poses")
        .with_context(|| format!("{} has no list \"poses\"", path.display()))?
        .clone();
    let of_frames = lists("perFrameIntrinsicCoeffs")
        .cloned()
        .unwrap_or_default();
    let of_all = match metadata.get("K") {
        // column by column
        Some(k) => phone::list::<9>(k, "K")
            .map(|k| {
                Some(PictureIntrinsics {
                    focal: [k[0], k[4]],
                    center: [k[6], k[7]],
                })
            })
            .with_context(context)?,
        None => None,
    };
    ensure!(
        of_all.is_some() || !of_frames.is_empty(),
        "{} has neither \"K\" nor \"perFrameIntrinsicCoeffs\"",
        path.display()
    );
    let pictures = folder.join("rgb");
    let mut names = phone::stems(&pictures, "", ".jpg")?;
    if names.is_empty() {
        names = phone::stems(&pictures, "", ".png")?;
    }
    names.retain(|name| name.parse::<usize>().is_ok());
    let frame = move |name: String| {
        let row: usize = name.parse()?;
        let context = || format!("frame {name} in {}", path.display());
        let Some(pose) = poses.get(row) else {
            return Ok(Err(Gap::Pose));
        };
        let [x, y, z, w, tx, ty, tz] = phone::list::<7>(pose, "the pose").with_context(context)?;
        let intrinsics = match of_frames.get(row) {
            Some(coefficients) => {
                let [fx, fy, cx, cy] = phone::list::<4>(coefficients, "perFrameIntrinsicCoeffs")
                    .with_context(context)?;
                PictureIntrinsics {
                    focal: [fx, fy],
                    center: [cx, cy],
                }
            }
            None => of_all.with_context(|| format!("there are no intrinsics for {}", context()))?,
        };
        let [exr, png] = ["exr", "png"]
            .map(|extension| folder.join("depth").join(format!("{name}.{extension}")));
        phone::Frame {
            world_from_camera: quaternion_pose([x, y, z, w], [tx, ty, tz]).map(from_arkit),
            intrinsics,
            picture: phone::picture(&pictures, &name),
            depth: if exr.is_file() { exr } else { png },
            confidence: None,
            name,
        }
        .shot(options)
    };
    Ok(Box::new(
        names.into_iter().step_by(options.every).map(frame),
    ))
}
