//! VGGT's `predictions.npz` (docs/spec/data.md section 9): for S images of H x W pixels `depth` (S,
//! H, W, 1), `depth_conf` (S, H, W), `extrinsic` (S, 3, 4) world to camera, `intrinsic` (S, 3, 3),
//! `images` (S, 3, H, W) or (S, H, W, 3) in 0..=1, and `world_points` (S, H, W, 3), which may be
//! missing. Points are computed from the depth, as VGGT's authors recommend; the points of the
//! other branch are only compared with it.

use std::{fs::File, io::BufReader, io::Cursor, path::Path};

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3, Vec3};
use image::{ImageBuffer, Rgb};
use segscape::views::{Camera, Map, Pixel};
use zip::{ZipArchive, read::ZipFile};

use super::{
    Options, Picture, Prepared, Reader,
    npy::Array,
    reconstruction::{Reconstruction, median},
};
use crate::foundation::Image;

const FILE: &str = "predictions.npz";
/// Share of the pixels, the least confident ones, that get no point.
const DROPPED: f32 = 0.25;
/// Pixels with at most this confidence get no point either.
const NO_CONFIDENCE: f32 = 1e-5;
/// Maximum number of pixels of all images together: a thousand of VGGT's largest images.
const PIXEL_LIMIT: usize = 1 << 28;
/// Step between the pixels at which the two branches are compared.
const STRIDE: usize = 29;

/// VGGT's predictions.
pub struct Vggt;

impl Reader for Vggt {
    fn every(&self) -> usize {
        1
    }

    fn is_scene(&self, folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    fn read(&self, scene: &Path, options: &Options) -> anyhow::Result<Prepared> {
        read(scene, options)?.prepared(options)
    }
}

/// Reads every `options.every`-th image.
///
/// # Errors
/// The error names the array and what is wrong with it.
fn read(folder: &Path, options: &Options) -> anyhow::Result<Reconstruction> {
    let path = folder.join(FILE);
    predictions(&path, options.every).with_context(|| format!("in {}", path.display()))
}

/// Reads an array of the archive, which may be compressed with deflate; `None` if it is missing.
fn with<T>(
    path: &Path,
    name: &str,
    read: impl FnOnce(&mut Array<ZipFile<'_, BufReader<File>>>) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let mut archive =
        ZipArchive::new(BufReader::new(File::open(path)?)).context("it is not an .npz archive")?;
    let entry = match archive.by_name(&format!("{name}.npy")) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error).context(format!("`{name}`")),
    };
    let read = Array::open(entry).and_then(|mut array| read(&mut array));
    read.with_context(|| format!("`{name}`")).map(Some)
}

fn predictions(path: &Path, every: usize) -> anyhow::Result<Reconstruction> {
    let (size, confidences) = confidences(path)?;
    let archive = Archive { path, size };
    let taken: Vec<Option<Camera>> = (0..)
        .zip(archive.cameras()?)
        .map(|(row, camera): (usize, _)| camera.filter(|_| row.is_multiple_of(every)))
        .collect();
    let images = archive.images(&taken, &confidences)?;
    let pictures = archive.pictures(&taken)?;
    let differences = archive.differences(&taken, &images)?;
    let [count, ..] = size;
    let lost = count.div_ceil(every) - images.len();
    Ok(Reconstruction {
        images,
        pictures,
        lost,
        points: None,
        disagreement: median(differences),
        is_metric: false,
    })
}

/// The numbers of images, rows and columns, and the confidence of each pixel.
fn confidences(path: &Path) -> anyhow::Result<([usize; 3], Vec<f32>)> {
    with(path, "depth_conf", |array| {
        let [images, rows, columns] = <[usize; 3]>::try_from(array.shape.clone())
            .ok()
            .with_context(|| {
                format!(
                    "the shape is {:?} instead of (images, rows, columns)",
                    array.shape
                )
            })?;
        let pixels = images
            .checked_mul(rows)
            .and_then(|n| n.checked_mul(columns))
            .filter(|n| (1..=PIXEL_LIMIT).contains(n));
        let pixels = pixels.with_context(|| {
            format!(
                "the shape is {:?}, but at most {PIXEL_LIMIT} pixels are read",
                array.shape
            )
        })?;
        Ok(([images, rows, columns], array.next(pixels)?))
    })?
    .with_context(|| missing("depth_conf"))
}

fn missing(name: &str) -> String {
    format!("there is no array `{name}`")
}

/// The predictions for images of one size.
struct Archive<'a> {
    path: &'a Path,
    /// Numbers of images, rows and columns.
    size: [usize; 3],
}

impl Archive<'_> {
    /// The camera of each image, if it has a valid one.
    fn cameras(&self) -> anyhow::Result<Vec<Option<Camera>>> {
        let [count, rows, columns] = self.size;
        let all = |name: &str, shape: [usize; 3]| {
            let values = with(self.path, name, |array| {
                ensure!(
                    array.shape == shape,
                    "the shape is {:?} instead of {shape:?}",
                    array.shape
                );
                array.next(shape.iter().product())
            })?;
            values.with_context(|| missing(name))
        };
        let extrinsics = all("extrinsic", [count, 3, 4])?;
        let intrinsics = all("intrinsic", [count, 3, 3])?;
        Ok(extrinsics
            .chunks_exact(12)
            .zip(intrinsics.chunks_exact(9))
            .map(|(e, i)| camera(e, i, [columns as f32, rows as f32]))
            .collect())
    }

    /// The `taken` images with their cameras and depth, which is 0 where it is not confident.
    fn images(&self, taken: &[Option<Camera>], confidences: &[f32]) -> anyhow::Result<Vec<Image>> {
        let [count, rows, columns] = self.size;
        let quantile = {
            let mut sorted = confidences.to_vec();
            let place = (DROPPED * (sorted.len() - 1) as f32) as usize;
            *sorted.select_nth_unstable_by(place, f32::total_cmp).1
        };
        let is_sure = |confidence: f32| confidence > NO_CONFIDENCE && confidence >= quantile;
        let mut images = Vec::new();
        with(self.path, "depth", |array| {
            ensure!(
                [&[count, rows, columns, 1][..], &[count, rows, columns]]
                    .contains(&&array.shape[..]),
                "the shape {:?} does not fit `depth_conf`",
                array.shape
            );
            let pixels = rows * columns;
            for (row, camera) in taken.iter().enumerate() {
                let mut depth = array.next(pixels)?;
                let sure = &confidences[row * pixels..][..pixels];
                depth
                    .iter_mut()
                    .zip(sure)
                    .filter(|(depth, sure)| {
                        !(depth.is_finite() && **depth > 0.0 && is_sure(**sure))
                    })
                    .for_each(|(depth, _)| *depth = 0.0);
                if let Some(camera) = *camera {
                    let depth = Some(Map::new(depth, [rows, columns, 1])?);
                    let name = format!("{row:06}");
                    images.push(Image {
                        picture: Some(format!("{name}.png")),
                        name,
                        camera,
                        depth,
                        mask: None,
                        instances: vec![],
                        features: None,
                    });
                }
            }
            Ok(())
        })?
        .with_context(|| missing("depth"))?;
        Ok(images)
    }

    /// The pictures of the `taken` images.
    fn pictures(&self, taken: &[Option<Camera>]) -> anyhow::Result<Vec<Picture>> {
        let [count, rows, columns] = self.size;
        let mut pictures = Vec::new();
        with(self.path, "images", |array| {
            let is_planar = array.shape == [count, 3, rows, columns];
            ensure!(
                is_planar || array.shape == [count, rows, columns, 3],
                "the shape {:?} does not fit `depth_conf`",
                array.shape
            );
            for camera in taken {
                let values = array.next(3 * rows * columns)?;
                if camera.is_some() {
                    pictures.push(picture(&values, [rows, columns], is_planar)?);
                }
            }
            Ok(())
        })?
        .with_context(|| missing("images"))?;
        Ok(pictures)
    }

    /// Distances between the points of both branches, as shares of the depth, at some pixels of the
    /// `taken` images; empty if the other branch is missing.
    fn differences(&self, taken: &[Option<Camera>], images: &[Image]) -> anyhow::Result<Vec<f32>> {
        let [count, rows, columns] = self.size;
        let mut differences = Vec::new();
        with(self.path, "world_points", |array| {
            ensure!(
                array.shape == [count, rows, columns, 3],
                "the shape {:?} does not fit `depth_conf`",
                array.shape
            );
            let mut images = images.iter();
            for camera in taken {
                let points = array.next(3 * rows * columns)?;
                let Some(image) = camera.and_then(|_| images.next()) else {
                    continue;
                };
                let Some(depth) = &image.depth else { continue };
                for (pixel, point) in points.chunks_exact(3).enumerate().step_by(STRIDE) {
                    let here = depth.at(pixel / columns, pixel % columns)[0];
                    let [x, y] = [
                        ((pixel % columns) as f32 + 0.5) / columns as f32,
                        ((pixel / columns) as f32 + 0.5) / rows as f32,
                    ];
                    if here > 0.0 {
                        let other =
                            Vec3::from(image.camera.back_project(Pixel { x, y, depth: here }));
                        differences.push(other.distance(Vec3::from_slice(point)) / here);
                    }
                }
            }
            Ok(())
        })?;
        Ok(differences)
    }
}

/// The camera whose world-to-camera rows are `e`; `None` if they are not a pose or `i` are not
/// valid intrinsics.
fn camera(e: &[f32], i: &[f32], [width, height]: [f32; 2]) -> Option<Camera> {
    let rotation = Mat3::from_cols_slice(&[e[0], e[4], e[8], e[1], e[5], e[9], e[2], e[6], e[10]]);
    let camera_from_world = Affine3A::from_mat3_translation(rotation, Vec3::new(e[3], e[7], e[11]));
    let is_pose = camera_from_world.is_finite() && (rotation.determinant() - 1.0).abs() < 0.1;
    let (focal, center) = ([i[0], i[4]], [i[2], i[5]]);
    let is_camera =
        focal.iter().all(|f| f.is_finite() && *f > 0.0) && center.iter().all(|c| c.is_finite());
    (is_pose && is_camera).then(|| Camera {
        width,
        height,
        focal,
        center,
        world_from_camera: camera_from_world.inverse(),
    })
}

fn picture(
    values: &[f32],
    [rows, columns]: [usize; 2],
    is_planar: bool,
) -> anyhow::Result<Picture> {
    let pixels = rows * columns;
    let level = |pixel: usize, channel: usize| {
        let value = if is_planar {
            values[channel * pixels + pixel]
        } else {
            values[3 * pixel + channel]
        };
        (255.0 * value).round() as u8
    };
    let bytes: Vec<u8> = (0..pixels)
        .flat_map(|pixel| [level(pixel, 0), level(pixel, 1), level(pixel, 2)])
        .collect();
    let image = ImageBuffer::<Rgb<u8>, _>::from_raw(columns as u32, rows as u32, bytes)
        .context("a colour for every pixel")?;
    let mut file = Cursor::new(vec![]);
    image.write_to(&mut file, image::ImageFormat::Png)?;
    Ok(Picture {
        extension: "png",
        bytes: file.into_inner(),
    })
}
