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
use segscape::{
    captures::{CellPoints, Cells, PLAUSIBLE_DEPTH, UpVotes},
    views::{Camera, Correspondence, Map},
};

use super::{Options, Prepared, shots::decoded};
use crate::foundation::{Foundation, Image, Writer};

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
/// Step between the pixels that are sampled for a median, and the largest number of samples of one
/// image; what is known of the depth grows no faster than that.
const STRIDE: usize = 7;
pub const SAMPLES: usize = 4096;
/// Maximum number of pixels along one side; the programs resize to about 512.
pub const SIDE_LIMIT: usize = 4096;

/// A reconstruction that is taken over image by image: pictures and depth go to the bundle at once,
/// and what stays in memory are the points, one per cell, and some depths of each image.
pub struct Reconstruction<'a> {
    bundle: &'a Writer,
    /// Metres per unit of the reconstruction.
    scale: f32,
    /// Points beyond this depth are left out, metres.
    farthest: f32,
    /// The images without their depth; cameras in the axes of the reconstruction, metres.
    pub images: Vec<Image>,
    /// Points in the axes of the reconstruction, metres.
    cells: Cells,
    /// Some depths of each image, metres, and the number of the pixels looked at.
    depths: Vec<f32>,
    pixels: usize,
    /// Number of images whose camera is unknown.
    pub lost: usize,
    /// Median relative difference between the points and the depth or their pixels.
    pub disagreement: Option<f32>,
    /// How the scale was found, if it was assumed.
    pub assumption: Option<String>,
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

/// Metres per unit if the units are arbitrary, given the median depth in units.
pub fn assumed_scale(median_depth: f32) -> (f32, String) {
    let scale = TYPICAL_DEPTH / median_depth;
    let text = format!(
        "the unit is assumed to be {scale:.3} m, which makes the median depth {TYPICAL_DEPTH} m"
    );
    (scale, text)
}

/// Every which pixel of `pixels` is sampled for a median.
pub fn stride(pixels: usize) -> usize {
    STRIDE.max(pixels.div_ceil(SAMPLES))
}

impl<'a> Reconstruction<'a> {
    /// A reconstruction without images, whose unit is `scale` metres.
    pub fn new(bundle: &'a Writer, options: &Options, scale: f32) -> Self {
        Self {
            bundle,
            scale,
            farthest: options.farthest,
            images: vec![],
            cells: Cells::new(options.spacing),
            depths: vec![],
            pixels: 0,
            lost: 0,
            disagreement: None,
            assumption: None,
        }
    }

    /// Adds an image whose camera and depth, 0 for pixels without a point, are in units of the
    /// reconstruction, and writes its depth. `picture` is the file of its picture in the bundle.
    ///
    /// # Errors
    /// The depth cannot be written.
    pub fn add_image(
        &mut self,
        name: String,
        mut camera: Camera,
        depth: Map,
        picture: String,
    ) -> anyhow::Result<()> {
        let depth = near(depth.scaled(self.scale))?;
        let [rows, columns] = depth.size();
        let seen = (0..rows * columns)
            .step_by(stride(rows * columns))
            .map(|i| depth.at(i / columns, i % columns)[0]);
        self.pixels += seen.len();
        self.depths.extend(seen.filter(|depth| *depth > 0.0));
        self.bundle.depth(&name, &depth)?;
        camera.world_from_camera.translation *= self.scale;
        self.images.push(Image::new(name, camera, Some(picture)));
        Ok(())
    }

    /// Adds a point, unless it is too far from its camera.
    pub fn add_point(&mut self, point: Point) {
        let depth = point.depth * self.scale;
        if depth < self.farthest {
            self.cells.add(
                (point.position * self.scale).into(),
                point.color,
                point.origin,
                depth,
            );
        }
    }

    /// Adds the points of the depth of image number `view`, whose encoded picture this is.
    ///
    /// # Errors
    /// The depth or the picture cannot be read.
    pub fn add_points_of(&mut self, view: usize, picture: &[u8]) -> anyhow::Result<()> {
        let image = &self.images[view];
        let Some(depth) = self.bundle.read_depth(&image.name)? else {
            return Ok(());
        };
        let (name, camera) = (image.name.clone(), image.camera);
        let picture = decoded(&name, picture)?;
        self.cells
            .add_image(view as u32, &camera, &depth, &picture, self.farthest);
        Ok(())
    }

    /// The scene in metres, with z up.
    ///
    /// # Errors
    /// The reconstruction has failed by the rules above, the up direction cannot be estimated, or
    /// no point is near enough.
    pub fn prepared(mut self, options: &Options) -> anyhow::Result<Prepared> {
        let median = self.judged().context("the reconstruction failed")?;
        let world_from_file = match options.level {
            true => {
                let up = self.up()?;
                Mat3A::from_quat(Quat::from_rotation_arc(up, Vec3::Z))
            }
            false => options.turn().matrix3,
        };
        let world_from_file = Affine3A {
            matrix3: world_from_file,
            translation: Vec3A::ZERO,
        };
        for image in &mut self.images {
            image.camera.world_from_camera = world_from_file * image.camera.world_from_camera;
        }
        let CellPoints {
            mut positions,
            colors,
            origins,
        } = self.cells.points();
        ensure!(
            !positions.is_empty(),
            "there is no point nearer than {} m",
            options.farthest
        );
        for position in &mut positions {
            *position = world_from_file.transform_point3((*position).into()).into();
        }
        let mut summary = format!("{} images", self.images.len());
        if self.lost > 0 {
            summary += &format!(", {} without a camera left out", self.lost);
        }
        if let Some(assumption) = &self.assumption {
            summary += &format!(", {assumption}");
        }
        let mut warnings = vec![];
        if !(PLAUSIBLE_DEPTH[0]..=PLAUSIBLE_DEPTH[1]).contains(&median) {
            warnings.push(format!(
                "the median depth is {median} m, rooms have {} m to {} m: give the unit with --metres-per-unit",
                PLAUSIBLE_DEPTH[0], PLAUSIBLE_DEPTH[1]
            ));
        }
        Ok(Prepared {
            foundation: Foundation {
                positions,
                colors: Some(colors),
                origins: origins.into_iter().map(Some).collect(),
                images: self.images,
                ..Foundation::default()
            },
            summary,
            warnings,
        })
    }

    /// The up direction, from the cameras and the depth of the images.
    ///
    /// # Errors
    /// The cameras were held in all directions, or a depth image cannot be read.
    fn up(&self) -> anyhow::Result<Vec3> {
        let mut votes = UpVotes::default();
        for Image { name, camera, .. } in &self.images {
            votes.add_camera(camera);
            if let Some(depth) = self.bundle.read_depth(name)? {
                votes.add_depth(camera, &depth);
            }
        }
        votes.up().context(
            "the cameras were held in all directions, so up cannot be guessed: name the axis with --up",
        )
    }

    /// Applies the rules above and returns the median depth of a reconstruction that has not
    /// failed, metres.
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
        let share = self.depths.len() as f32 / self.pixels.max(1) as f32;
        ensure!(
            share >= SHARE,
            "{:.1} % of the pixels have a confident point, at least {:.0} % are needed",
            100.0 * share,
            100.0 * SHARE
        );
        let depth = median(self.depths.clone()).context("there is no depth")?;
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
            "the cameras moved by {farthest} m at a median depth of {depth} m; at least {STILL} times the depth is needed"
        );
        ensure!(
            farthest <= ASTRAY * decile.max(STILL * depth),
            "a camera is {farthest} m from the middle of all cameras, and nine of ten are within {decile} m: the limit is {ASTRAY} times as far"
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
fn near(depth: Map) -> anyhow::Result<Map> {
    let [rows, columns] = depth.size();
    let metres = (0..rows * columns)
        .map(|i| depth.at(i / columns, i % columns)[0])
        .map(|metres| if metres < FARTHEST { metres } else { 0.0 });
    Ok(Map::new(metres.collect(), [rows, columns, 1])?)
}

/// Median of the finite values; `None` if there are none.
pub fn median(mut values: Vec<f32>) -> Option<f32> {
    values.retain(|value| value.is_finite());
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f32::total_cmp).1)
}

#[cfg(test)]
mod tests;
