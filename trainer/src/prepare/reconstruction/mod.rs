//! What networks and SLAM make of a video, without metres and without gravity: judged, brought to
//! metres and level.
//!
//! | a reconstruction has failed when | because |
//! |---|---|
//! | it has fewer than [`IMAGES`] images | nothing confirms anything |
//! | fewer than [`SHARE`] of the pixels have a point | what was seen was not understood |
//! | the cameras moved less than [`STILL`] of the median depth | there was nothing to triangulate from |
//! | a camera is farther from the middle of all than [`ASTRAY`] times the ninth decile | it was placed by mistake, and what it saw with it |
//! | points are off their pixels, or off the depth, by more than [`OFF`] (median, relative) | the files do not belong together, or two branches of a network tell two stories |

use anyhow::{Context, ensure};
use glam::{Affine3A, Mat3A, Quat, Vec3, Vec3A};
use segscape::views::Correspondence;

use super::{
    Options, Picture, Prepared, level,
    reconstruct::{self, Cells},
};
use crate::foundation::{Foundation, Image};

/// Fewest images.
const IMAGES: usize = 3;
/// Least share of pixels with a point.
const SHARE: f32 = 0.05;
/// Least way of the cameras, in median depths.
const STILL: f32 = 0.01;
/// Farthest camera, in ninth deciles of the distances from the middle.
const ASTRAY: f32 = 10.0;
/// Greatest median disagreement, relative.
const OFF: f32 = 0.1;
/// Where units mean nothing, the median depth is taken to be this: rooms filmed by hand have it at
/// about two metres.
const TYPICAL_DEPTH: f32 = 2.0;
/// Farther depth cannot be stored in a bundle, metres.
const FARTHEST: f32 = 65.0;
/// Every how many pixels one is looked at for a median.
const STRIDE: usize = 7;

/// A reconstruction in its own frame and units.
pub struct Reconstruction {
    /// With depth, whose zeros are pixels without a point.
    pub images: Vec<Image>,
    /// Of the images.
    pub pictures: Vec<Picture>,
    /// Images whose camera is unknown.
    pub lost: usize,
    /// The points, where the reconstruction has its own; otherwise they come from the depth.
    pub points: Option<Vec<Point>>,
    /// Median of how much points disagree with the depth or with their pixels, relative.
    pub disagreement: Option<f32>,
    /// Whether its units are about metres.
    pub is_metric: bool,
}

/// A point that a reconstruction made of a pixel.
pub struct Point {
    /// In the reconstruction's frame and units.
    pub position: Vec3,
    /// sRGB.
    pub color: [u8; 3],
    /// The pixel.
    pub origin: Correspondence,
    /// Along the optical axis, the reconstruction's units.
    pub depth: f32,
}

impl Reconstruction {
    /// The scene in metres, z up.
    ///
    /// # Errors
    /// It has failed by the rules above, up cannot be guessed, or no point is near enough.
    pub fn prepared(mut self, options: &Options) -> anyhow::Result<Prepared> {
        let depth = self.judged().context("the reconstruction failed")?;
        let scale = options.metres_per_unit.unwrap_or(if self.is_metric {
            1.0
        } else {
            TYPICAL_DEPTH / depth
        });
        let world_from_file = match options.level {
            true => Mat3A::from_quat(Quat::from_rotation_arc(level::up(&self.images)?, Vec3::Z)),
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
            None => reconstruct::from_depth(&self.images, &self.pictures, options)?,
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
                    "no point is nearer than {} m",
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
                ", a unit taken for {scale:.3} m so that the median depth is {TYPICAL_DEPTH} m"
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

    /// The median depth of a reconstruction that did not fail.
    fn judged(&self) -> anyhow::Result<f32> {
        let Self {
            images,
            disagreement,
            ..
        } = self;
        ensure!(
            images.len() >= IMAGES,
            "{} images with a camera, at least {IMAGES} are needed",
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
        let depth = median(depths).context("no depth")?;
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
            "the cameras moved by {farthest} at a median depth of {depth}, at least {STILL} of it is needed"
        );
        ensure!(
            farthest <= ASTRAY * decile.max(STILL * depth),
            "a camera is {farthest} from the middle of all, nine of ten within {decile}: more than {ASTRAY} times as far"
        );
        if let Some(disagreement) = disagreement {
            ensure!(
                *disagreement <= OFF,
                "points and depth or pixels disagree by {:.1} %, at most {:.0} % pass",
                100.0 * disagreement,
                100.0 * OFF
            );
        }
        Ok(depth)
    }
}

/// Without what is too far for a bundle.
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

/// Of the finite values.
pub fn median(mut values: Vec<f32>) -> Option<f32> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests;
