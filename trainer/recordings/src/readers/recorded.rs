//! A frame whose picture and depth image are separate files.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use segscape::views::Map;

use super::{Gap, Picture, Shot, frames::metres, intrinsics::Intrinsics};
use crate::foundation::load_gray16;

/// Units per metre of depth images in millimetres.
pub const MILLIMETRES: f32 = 1000.0;
/// Maximum size of an encoded picture in bytes; a larger file is something else.
const PICTURE_LIMIT: u64 = 64 << 20;
/// Maximum relative difference between the aspect ratios of the depth image and of the camera's
/// image; sensors round the sizes, they do not crop.
const ASPECT: f32 = 0.02;

/// The files and the pose of a frame.
pub struct Recorded {
    /// Name of the image in the bundle.
    pub name: String,
    /// Path of the JPEG or PNG picture.
    pub picture: PathBuf,
    /// Path of the depth image: grey, 16 bits per pixel, spanning the picture.
    pub depth: PathBuf,
    /// `None` if tracking was lost.
    pub world_from_camera: Option<Affine3A>,
}

impl Recorded {
    /// Reads the files; `unit` is the number of depth units per metre.
    ///
    /// # Errors
    /// A file exists but cannot be read, or the depth image has another aspect ratio than the
    /// camera's image.
    pub fn shot(self, intrinsics: &Intrinsics, unit: f32) -> anyhow::Result<Result<Shot, Gap>> {
        let Self {
            name,
            picture,
            depth: path,
            world_from_camera,
        } = self;
        let Some(world_from_camera) = world_from_camera else {
            return Ok(Err(Gap::Pose));
        };
        if !picture.is_file() {
            return Ok(Err(Gap::File));
        }
        let Some((size, values)) = load_gray16(&path)? else {
            return Ok(Err(Gap::File));
        };
        let camera = intrinsics.camera(size, world_from_camera);
        let [rows, columns] = size.map(|n| n as f32);
        ensure!(
            (camera.width * rows - camera.height * columns).abs() <= ASPECT * camera.width * rows,
            "{} has {columns} x {rows} pixels, which is another shape than the camera's {} x {}",
            path.display(),
            camera.width,
            camera.height
        );
        let depth = Map::new(metres(values, unit), [size[0], size[1], 1])?;
        Ok(Ok(Shot {
            name,
            camera,
            depth,
            picture: Picture::read(&picture)?,
        }))
    }
}

impl Picture {
    /// Reads the file of a picture.
    ///
    /// # Errors
    /// The file cannot be read, its name is neither that of a JPEG nor of a PNG, or it is too large
    /// for a picture.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let extension = match path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase())
            .as_deref()
        {
            Some("jpg" | "jpeg") => "jpg",
            Some("png") => "png",
            _ => bail!("the picture {} is neither .jpg nor .png", path.display()),
        };
        let size = fs::metadata(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        ensure!(
            size <= PICTURE_LIMIT,
            "the picture {} has {size} bytes, the limit is {PICTURE_LIMIT}",
            path.display()
        );
        Ok(Self {
            extension,
            bytes: fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        })
    }
}

/// The path in `folder` of a file that a list calls `name`.
///
/// # Errors
/// The name leads out of the folder.
pub fn inside(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let inside = !name.is_empty()
        && Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    ensure!(inside, "\"{name}\" does not lie in {}", folder.display());
    Ok(folder.join(name))
}
