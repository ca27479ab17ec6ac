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
    Options, Prepared, Reader,
    npy::Array,
    reconstruction::{Reconstruction, SAMPLES, SIDE_LIMIT, assumed_scale, median, stride},
};
use crate::foundation::{Image, Writer};

const FILE: &str = "predictions.npz";
const CONFIDENCE: &str = "depth_conf";
const DEPTH: &str = "depth";
/// One pixel in this many, the least confident ones, gets no point.
const DROPPED: usize = 4;
/// Pixels with at most this confidence get no point either.
const NO_CONFIDENCE: f32 = 1e-5;
/// Maximum number of images, and of pixels of all of them together: a thousand of VGGT's largest.
const IMAGE_LIMIT: usize = 1 << 16;
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

    fn read(&self, scene: &Path, options: &Options, bundle: &Writer) -> anyhow::Result<Prepared> {
        let path = scene.join(FILE);
        predictions(&path, options, bundle)
            .with_context(|| format!("in {}", path.display()))?
            .prepared(options)
    }
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

/// Reads every `options.every`-th image.
///
/// # Errors
/// The error names the array and what is wrong with it.
fn predictions<'a>(
    path: &Path,
    options: &Options,
    bundle: &'a Writer,
) -> anyhow::Result<Reconstruction<'a>> {
    let archive = Archive {
        path,
        size: size(path)?,
    };
    let [count, ..] = archive.size;
    let taken: Vec<Option<Camera>> = (0..)
        .zip(archive.cameras()?)
        .map(|(row, camera): (usize, _)| camera.filter(|_| row.is_multiple_of(options.every)))
        .collect();
    let least = archive.least_confidence()?;
    let (scale, assumption) = match options.metres_per_unit {
        Some(scale) => (scale, None),
        // without any depth there is no scale, and the reconstruction has failed anyway
        None => match archive.median_depth(&taken, least)? {
            None => (1.0, None),
            Some(depth) => {
                let (scale, text) = assumed_scale(depth);
                (scale, Some(text))
            }
        },
    };
    let mut reconstruction = Reconstruction::new(bundle, options, scale);
    reconstruction.assumption = assumption;
    archive.images(&taken, least, &mut reconstruction)?;
    archive.pictures(&taken, bundle, &mut reconstruction)?;
    let differences = archive.differences(&taken, bundle, &reconstruction.images, scale)?;
    reconstruction.lost = count.div_ceil(options.every) - reconstruction.images.len();
    reconstruction.disagreement = median(differences);
    Ok(reconstruction)
}

/// The numbers of images, rows and columns.
fn size(path: &Path) -> anyhow::Result<[usize; 3]> {
    with(path, CONFIDENCE, |array| {
        let size = <[usize; 3]>::try_from(array.shape.clone())
            .ok()
            .with_context(|| {
                format!(
                    "the shape is {:?} instead of (images, rows, columns)",
                    array.shape
                )
            })?;
        let pixels = size
            .iter()
            .try_fold(1usize, |product, n| product.checked_mul(*n))
            .filter(|n| (1..=PIXEL_LIMIT).contains(n));
        let [count, sides @ ..] = size;
        ensure!(
            pixels.is_some() && count <= IMAGE_LIMIT && sides.iter().all(|side| *side <= SIDE_LIMIT),
            "the shape is {:?}, but at most {IMAGE_LIMIT} images with {SIDE_LIMIT} pixels per side and {PIXEL_LIMIT} pixels in all are read",
            array.shape
        );
        Ok(size)
    })?
    .with_context(|| missing(CONFIDENCE))
}

/// A whole number for each number, in the order of [`f32::total_cmp`].
fn order(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

/// The index of the bin that holds the value of rank `rank`, and the rank among the values of that
/// bin.
fn bin(counts: &[usize], mut rank: usize) -> (usize, usize) {
    for (bin, count) in counts.iter().enumerate() {
        if rank < *count {
            return (bin, rank);
        }
        rank -= count;
    }
    (counts.len() - 1, 0)
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

    /// The confidence below which one pixel in [`DROPPED`] is, as its [`order`], found in two
    /// passes: first its upper half, then its lower half.
    fn least_confidence(&self) -> anyhow::Result<u32> {
        let [count, rows, columns] = self.size;
        let histogram = |bin_of: &dyn Fn(u32) -> Option<usize>| {
            with(self.path, CONFIDENCE, |array| {
                let mut counts = vec![0; 1 << 16];
                for _ in 0..count {
                    let orders = array.next(rows * columns)?.into_iter().map(order);
                    orders.filter_map(bin_of).for_each(|bin| counts[bin] += 1);
                }
                Ok(counts)
            })?
            .with_context(|| missing(CONFIDENCE))
        };
        let rank = (count * rows * columns - 1) / DROPPED;
        let (upper, rank) = bin(&histogram(&|order| Some((order >> 16) as usize))?, rank);
        let in_upper = |order: u32| (order >> 16) as usize == upper;
        let lower = histogram(&|order| in_upper(order).then_some((order & 0xffff) as usize))?;
        Ok((upper << 16 | bin(&lower, rank).0) as u32)
    }

    /// Calls `look` with each of the `taken` images' camera, its number in the file and its depth,
    /// which is 0 where it is not confident.
    fn depths(
        &self,
        taken: &[Option<Camera>],
        least: u32,
        mut look: impl FnMut(usize, Camera, Vec<f32>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let [count, rows, columns] = self.size;
        let pixels = rows * columns;
        let is_sure = |confidence: f32| confidence > NO_CONFIDENCE && order(confidence) >= least;
        with(self.path, CONFIDENCE, |confidences| {
            with(self.path, DEPTH, |array| {
                ensure!(
                    [&[count, rows, columns, 1][..], &[count, rows, columns]]
                        .contains(&&array.shape[..]),
                    "the shape {:?} does not fit `{CONFIDENCE}`",
                    array.shape
                );
                for (row, camera) in taken.iter().enumerate() {
                    let (mut depth, sure) = (array.next(pixels)?, confidences.next(pixels)?);
                    let Some(camera) = camera else { continue };
                    depth
                        .iter_mut()
                        .zip(sure)
                        .filter(|(depth, sure)| {
                            !(depth.is_finite() && **depth > 0.0 && is_sure(*sure))
                        })
                        .for_each(|(depth, _)| *depth = 0.0);
                    look(row, *camera, depth)?;
                }
                Ok(())
            })?
            .with_context(|| missing(DEPTH))
        })?
        .with_context(|| missing(CONFIDENCE))
    }

    /// The median of the confident depths, in units; `None` if there are none.
    fn median_depth(&self, taken: &[Option<Camera>], least: u32) -> anyhow::Result<Option<f32>> {
        let mut depths = Vec::new();
        self.depths(taken, least, |_, _, depth| {
            let step = stride(depth.len());
            depths.extend(depth.into_iter().step_by(step).filter(|depth| *depth > 0.0));
            Ok(())
        })?;
        Ok(median(depths))
    }

    /// Adds the `taken` images with their depth.
    fn images(
        &self,
        taken: &[Option<Camera>],
        least: u32,
        reconstruction: &mut Reconstruction,
    ) -> anyhow::Result<()> {
        let [_, rows, columns] = self.size;
        self.depths(taken, least, |row, camera, depth| {
            let depth = Map::new(depth, [rows, columns, 1])?;
            reconstruction.add_image(name(row), camera, depth, picture_file(row))
        })
    }

    /// Writes the pictures of the `taken` images and adds their points.
    fn pictures(
        &self,
        taken: &[Option<Camera>],
        bundle: &Writer,
        reconstruction: &mut Reconstruction,
    ) -> anyhow::Result<()> {
        let [count, rows, columns] = self.size;
        with(self.path, "images", |array| {
            let is_planar = array.shape == [count, 3, rows, columns];
            ensure!(
                is_planar || array.shape == [count, rows, columns, 3],
                "the shape {:?} does not fit `{CONFIDENCE}`",
                array.shape
            );
            let mut view = 0;
            for (row, camera) in taken.iter().enumerate() {
                let values = array.next(3 * rows * columns)?;
                if camera.is_some() {
                    let picture = picture(&values, [rows, columns], is_planar)?;
                    bundle.picture(&picture_file(row), &picture)?;
                    reconstruction.add_points_of(view, &picture)?;
                    view += 1;
                }
            }
            Ok(())
        })?
        .with_context(|| missing("images"))
    }

    /// Distances between the points of both branches, as shares of the depth, at some pixels of the
    /// `images`, which are the `taken` ones in metres; empty if the other branch is missing.
    fn differences(
        &self,
        taken: &[Option<Camera>],
        bundle: &Writer,
        images: &[Image],
        scale: f32,
    ) -> anyhow::Result<Vec<f32>> {
        let [count, rows, columns] = self.size;
        let mut differences = Vec::new();
        with(self.path, "world_points", |array| {
            ensure!(
                array.shape == [count, rows, columns, 3],
                "the shape {:?} does not fit `{CONFIDENCE}`",
                array.shape
            );
            let mut images = images.iter();
            for camera in taken {
                let points = array.next(3 * rows * columns)?;
                let Some(image) = camera.and_then(|_| images.next()) else {
                    continue;
                };
                let Some(depth) = bundle.read_depth(&image.name)? else {
                    continue;
                };
                let step = STRIDE.max((rows * columns).div_ceil(SAMPLES));
                for (pixel, point) in points.chunks_exact(3).enumerate().step_by(step) {
                    let here = depth.at(pixel / columns, pixel % columns)[0];
                    let [x, y] = [
                        ((pixel % columns) as f32 + 0.5) / columns as f32,
                        ((pixel / columns) as f32 + 0.5) / rows as f32,
                    ];
                    if here > 0.0 {
                        let other =
                            Vec3::from(image.camera.back_project(Pixel { x, y, depth: here }));
                        let point = scale * Vec3::from_slice(point);
                        differences.push(other.distance(point) / here);
                    }
                }
            }
            Ok(())
        })?;
        Ok(differences)
    }
}

/// Name in the bundle of image number `row` of the file.
fn name(row: usize) -> String {
    format!("{row:06}")
}

fn picture_file(row: usize) -> String {
    format!("{}.png", name(row))
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

/// The picture as a PNG.
fn picture(
    values: &[f32],
    [rows, columns]: [usize; 2],
    is_planar: bool,
) -> anyhow::Result<Vec<u8>> {
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
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_found_in_two_halves() {
        let mut values = [
            3.5,
            -1.0,
            f32::NAN,
            0.0,
            -0.0,
            1e-30,
            3.5,
            f32::INFINITY,
            2.0,
        ];
        let sorted = {
            let mut sorted = values;
            sorted.sort_by(f32::total_cmp);
            sorted.map(order)
        };
        values.reverse();
        for (rank, expected) in sorted.iter().enumerate() {
            let (mut upper, mut lower) = (vec![0; 1 << 16], vec![0; 1 << 16]);
            let orders = values.map(order);
            orders
                .iter()
                .for_each(|order| upper[(order >> 16) as usize] += 1);
            let (high, rank) = bin(&upper, rank);
            orders
                .iter()
                .filter(|order| (*order >> 16) as usize == high)
                .for_each(|order| lower[(order & 0xffff) as usize] += 1);
            assert_eq!((high << 16 | bin(&lower, rank).0) as u32, *expected);
        }
    }
}
