//! Checks reconstructions that networks and SLAM make from a video, without metric scale and
//! without gravity, and converts them to level scenes in metres.
//!
//! | a reconstruction has failed if | because |
//! |---|---|
//! | it has fewer than [`IMAGES`] images | there is not enough evidence |
//! | fewer than [`SHARE`] of the pixels have a point | most of what the images show was not reconstructed |
//! | the cameras moved less than [`STILL`] of the median depth | there was no baseline for triangulation |
//! | a camera is farther from the middle of all cameras than [`ASTRAY`] times the ninth decile | its pose is wrong, and with it the points that it saw |
//! | points differ from their pixels, or from the depth, by more than [`OFF`] (median, relative) | the files do not belong together, or two branches of a network contradict each other |

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3A, Quat, Vec3, Vec3A};
use segscape::views::Correspondence;

use super::{
    Options, Picture, Prepared,
    points_from_depth::{self, Cells},
    up_direction,
};
use crate::foundation::{Foundation, Image};

/// Minimum number of images.
const IMAGES: usize = 3;
/// Minimum share of pixels with a point.
const SHARE: f32 = 0.05;
/// Minimum motion of the cameras, in median depths.
const STILL: f32 = 0.01;
/// Maximum distance of a camera, in ninth deciles of the distances from the middle.
const ASTRAY: f32 = 10.0;
/// Maximum median disagreement, relative.
const OFF: f32 = 0.1;
/// Median depth that is assumed if the units are arbitrary, metres; in rooms filmed with a handheld
/// camera it is about two metres.
const TYPICAL_DEPTH: f32 = 2.0;
/// Larger depth cannot be stored in a bundle, metres.
const FARTHEST: f32 = 65.0;
/// Step between the pixels that are sampled for a median.
const STRIDE: usize = 7;

/// A reconstruction in its own frame and units.
pub struct Reconstruction {
    /// Images with depth, which is zero for pixels without a point.
    pub images: Vec<Image>,
    /// Pictures of the images.
    pub pictures: Vec<Picture>,
    /// Number of images whose camera is unknown.
    pub lost: usize,
    /// The points, if the reconstruction has its own; otherwise they are computed from the depth.
    pub points: Option<Vec<Point>>,
    /// Median relative difference between the points and the depth or their pixels.
    pub disagreement: Option<f32>,
    /// If `true`, the units are approximately metres.
    pub is_metric: bool,
}

/// A point that was reconstructed from a pixel.
pub struct Point {
    /// Position, in the frame and units of the reconstruction.
    pub position: Vec3,
    /// sRGB.
    pub color: [u8; 3],
    /// The pixel.
    pub origin: Correspondence,
    /// Depth along the optical axis, in units of the reconstruction.
    pub depth: f32,
}

impl Reconstruction {
    /// The scene in metres, with z up.
    ///
    /// # Errors
    /// The reconstruction has failed by the rules above, the up direction cannot be estimated, or
    /// no point is near enough.
    pub fn prepared(mut self, options: &Options) -> anyhow::Result<Prepared> {
        let depth = self.judged().context("the reconstruction failed")?;
        let scale = options.metres_per_unit.unwrap_or(if self.is_metric {
            1.0
        } else {
            TYPICAL_DEPTH / depth
        });
        let world_from_file = match options.level {
            true => Mat3A::from_quat(Quat::from_rotation_arc(
                up_direction::up(&self.images)?,
                Vec3::Z,
            )),
            false => options.turn().matrix3,
        };
        let world_from_file = Affine3A {
            matrix3: world_from_file,
            translation: Vec3A::ZERO,
        };
        for image in &mut self.images {
            image.camera.world_from_camera.translation *= scale;
            image.camera.world_from_camera = world_from_file * image.camera.world_from_camera;
            image.depth = image
                .depth
                .take()
                .map(|depth| near(depth.scaled(scale)))
                .transpose()?;
        }
        let (positions, colors, origins) = match self.points {
            None => points_from_depth::from_depth(&self.images, &self.pictures, options)?,
            Some(points) => {
                let mut cells = Cells::new(options.spacing);
                for Point {
                    position,
                    color,
                    origin,
                    depth,
                } in points
                    .into_iter()
                    .filter(|point| point.depth * scale < options.farthest)
                {
                    cells.add(
                        world_from_file.transform_point3(position * scale).into(),
                        color,
                        origin,
                        depth * scale,
                    );
                }
                let points = cells.points();
                ensure!(
                    !points.0.is_empty(),
                    "there is no point nearer than {} m",
                    options.farthest
                );
                points
            }
        };
        let mut summary = format!("{} images", self.images.len());
        if self.lost > 0 {
            summary += &format!(", {} without a camera left out", self.lost);
        }
        if options.metres_per_unit.is_none() && !self.is_metric {
            summary += &format!(
                ", the unit is assumed to be {scale:.3} m, which makes the median depth {TYPICAL_DEPTH} m"
            );
        }
        Ok((
            Foundation {
                positions,
                colors: Some(colors),
                origins,
                images: self.images,
                ..Foundation::default()
            },
            self.pictures,
            summary,
        ))
    }

    /// Applies the rules above and returns the median depth of a reconstruction that has not
    /// failed.
    fn judged(&self) -> anyhow::Result<f32> {
        let Self {
            images,
            disagreement,
            ..
        } = self;
        ensure!(
            images.len() >= IMAGES,
            "there are {} images with a camera, at least {IMAGES} are needed",
            images.len()
        );
        let (mut depths, mut pixels) = (vec![], 0);
        for depth in images.iter().filter_map(|image| image.depth.as_ref()) {
            let [rows, columns] = depth.size();
            let seen = (0..rows * columns)
                .step_by(STRIDE)
                .map(|i| depth.at(i / columns, i % columns)[0]);
            pixels += seen.len();
            depths.extend(seen.filter(|depth| *depth > 0.0));
        }
        let share = depths.len() as f32 / pixels.max(1) as f32;
        ensure!(
            share >= SHARE,
            "{:.1} % of the pixels have a confident point, at least {:.0} % are needed",
            100.0 * share,
            100.0 * SHARE
        );
        let depth = median(depths).context("there is no depth")?;
        let places: Vec<Vec3> = images
            .iter()
            .map(|image| image.camera.position().into())
            .collect();
        let middle = Vec3::from(std::array::from_fn(|axis| {
            median(places.iter().map(|place| place[axis]).collect()).unwrap_or(0.0)
        }));
        let mut ways: Vec<f32> = places.iter().map(|place| place.distance(middle)).collect();
        ways.sort_by(f32::total_cmp);
        let (decile, farthest) = (
            ways[(0.9 * (ways.len() - 1) as f32) as usize],
            ways[ways.len() - 1],
        );
        ensure!(
            farthest >= STILL * depth,
            "the cameras moved by {farthest} units at a median depth of {depth}; at least {STILL} times the depth is needed"
        );
        ensure!(
            farthest <= ASTRAY * decile.max(STILL * depth),
            "a camera is {farthest} units from the middle of all cameras, and nine of ten are within {decile}: the limit is {ASTRAY} times as far"
        );
        if let Some(disagreement) = disagreement {
            ensure!(
                *disagreement <= OFF,
                "the points disagree by {:.1} % with the depth or the pixels, the limit is {:.0} %",
                100.0 * disagreement,
                100.0 * OFF
            );
        }
        Ok(depth)
    }
}

/// Sets depth that is too large for a bundle to zero.
fn near(depth: segscape::views::Map) -> anyhow::Result<segscape::views::Map> {
    let [rows, columns] = depth.size();
    let metres = (0..rows * columns)
        .map(|i| depth.at(i / columns, i % columns)[0])
        .map(|metres| if metres < FARTHEST { metres } else { 0.0 });
    Ok(segscape::views::Map::new(
        metres.collect(),
        [rows, columns, 1],
    )?)
}

/// Median of the finite values; `None` if there are none.
pub fn median(mut values: Vec<f32>) -> Option<f32> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests;
