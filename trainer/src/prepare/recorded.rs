//! A frame whose picture and depth image are files of their own.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use glam::Affine3A;
use segscape::views::Map;

use super::{Gap, Picture, Shot, frames::metres, intrinsics::Intrinsics};
use crate::foundation::load_grey16;

/// Depth images that count millimetres.
pub const MILLIMETRES: f32 = 1000.0;
/// Most bytes of an encoded picture: beyond that it is something else.
const PICTURE_LIMIT: u64 = 64 << 20;
/// Shapes of the depth image and of the camera's image differ by at most this share: sensors round,
/// they do not crop.
const ASPECT: f32 = 0.02;

/// Where a frame is.
pub struct Recorded {
    /// Of the image in the bundle.
    pub name: String,
    /// JPEG or PNG.
    pub picture: PathBuf,
    /// Grey, 16 bits a pixel, spanning the picture.
    pub depth: PathBuf,
    /// `None` where tracking was lost.
    pub world_from_camera: Option<Affine3A>,
}

impl Recorded {
    /// Reads the files; the depth image counts `unit` a metre.
    ///
    /// # Errors
    /// A file is there and cannot be read, or the depth image has another shape than the camera's
    /// image.
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
        let Some((size, values)) = load_grey16(&path)? else {
            return Ok(Err(Gap::File));
        };
        let camera = intrinsics.camera(size, world_from_camera);
        let [rows, columns] = size.map(|n| n as f32);
        ensure!(
            (camera.width * rows - camera.height * columns).abs() <= ASPECT * camera.width * rows,
            "{} has {columns} x {rows} pixels, the camera's images have {} x {}: another shape",
            path.display(),
            camera.width,
            camera.height
        );
        let depth = Map::new(metres(values), [size[0], size[1], 1])?.scaled(MILLIMETRES / unit);
        Ok(Ok(Shot {
            name,
            camera,
            depth,
            picture: Picture::read(&picture)?,
        }))
    }
}

impl Picture {
    /// The file.
    ///
    /// # Errors
    /// It cannot be read, is neither JPEG nor PNG by its name, or too long for a picture.
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
            "the picture {} has {size} bytes, at most {PICTURE_LIMIT} are believed",
            path.display()
        );
        Ok(Self {
            extension,
            bytes: fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        })
    }
}

/// The file in `folder` that a list calls `name`.
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
