//! Simulated foundation models that derive their output from the ground truth of a synthetic room:
//! a reconstruction with realistic errors, and a 2D model that finds instances with errors of known
//! sizes.

mod perception;
mod reconstruction;

use anyhow::Context;
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};

use recordings::foundation::{Foundation, Image, SceneTruth};
use rooms::{Shot, SyntheticRoom, classes::CLASSES, rng::RoomRng};

use perception::image;
use reconstruction::{origin, reconstructed};

/// Number of channels of image and object features.
pub const CHANNELS: usize = 32;
/// Quality of JPEGs, 1..=100, as phones use it.
const QUALITY: u8 = 88;

/// Sizes of the errors of reconstruction and perception.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    /// Share of the way that points move towards the mean of their neighbours, 0..=1, because
    /// reconstructions are smooth.
    pub smoothing: f32,
    /// Standard deviation of the step by which the reconstruction drifts from image to image,
    /// metres.
    pub drift: f32,
    /// Share of the points that lie in holes.
    pub holes: f32,
    /// Number of points that float in mid-air, as a share of all points.
    pub floaters: f32,
    /// Maximum relative error of the scale.
    pub scale: f32,
    /// Probability that an instance is not found in an image.
    pub missed: f32,
    /// Probability that an instance is merged with a neighbour in the image.
    pub merged: f32,
    /// Probability that an instance is found as two.
    pub split: f32,
    /// Displacement of the outlines, pixels.
    pub ragged: f32,
    /// Probability that an instance gets another name.
    pub misnamed: f32,
    /// Share of the features that is independent of the class, 0..=1.
    pub class_blind: f32,
    /// Instances with fewer pixels are never found.
    pub smallest: usize,
    /// If `true`, depth images are the measurements of the sensor, with its noise and holes,
    /// instead of the true depth.
    pub measured_depth: bool,
}

impl Default for Errors {
    fn default() -> Self {
        Self {
            smoothing: 0.6,
            drift: 0.002,
            holes: 0.03,
            floaters: 0.005,
            scale: 0.1,
            missed: 0.15,
            merged: 0.04,
            split: 0.04,
            ragged: 2.0,
            misnamed: 0.08,
            class_blind: 0.4,
            smallest: 25,
            measured_depth: true,
        }
    }
}

impl Errors {
    /// With errors of the masks in images, and of their names, so many times as large: 0 for exact
    /// masks. The errors of the reconstruction stay.
    #[must_use]
    pub fn of_masks(self, factor: f32) -> Self {
        let times = |chance: f32| (factor * chance).min(1.0);
        Self {
            missed: times(self.missed),
            merged: times(self.merged),
            split: times(self.split),
            ragged: factor * self.ragged,
            misnamed: times(self.misnamed),
            ..self
        }
    }
}

/// Simulates the reconstruction and perception of a room. Both have dice of their own, so that the
/// points do not depend on the errors of the masks. The result depends on the arguments
/// only.
pub fn simulate(room: &SyntheticRoom, shots: &[Shot], errors: &Errors, seed: u64) -> Foundation {
    let (mut dice, mut of_images) = (RoomRng::new(seed, 0), RoomRng::new(seed, 1));
    let names = CLASSES
        .iter()
        .map(|class| (class.id, class.name.to_owned()))
        .collect();
    let class_of_instance = |instance: i32| {
        let point = room.instance.iter().position(|i| *i == instance)?;
        CLASSES
            .iter()
            .find(|class| class.id == room.semantic[point])
    };
    let longest = shots
        .iter()
        .flat_map(|shot| &shot.instance)
        .max()
        .copied()
        .unwrap_or(0);
    let class_of_instance: Vec<Option<&str>> = (0..=longest)
        .map(|i| {
            class_of_instance(i)
                .filter(|c| i > 0 && !c.stuff)
                .map(|c| c.name)
        })
        .collect();
    let images = shots
        .iter()
        .enumerate()
        .map(|(number, shot)| image(number, shot, &class_of_instance, errors, &mut of_images))
        .collect();
    let origins = room
        .positions
        .iter()
        .map(|position| origin(*position, shots, &mut dice))
        .collect();
    let scene = Foundation {
        positions: room.positions.clone(),
        colors: Some(room.colors.clone()),
        origins,
        images,
        truth: Some(SceneTruth {
            semantic: room.semantic.clone(),
            instance: room.instance.clone(),
            names,
            stuff: None,
        }),
        ..Foundation::default()
    };
    reconstructed(scene, errors, &mut dice)
}

/// Simulates a 2D model that has no names, on one shot: its image has the depth and the segments,
/// walls and floors among them. The result depends on the arguments only.
pub fn segments(shot: &Shot, errors: &Errors, seed: u64) -> Image {
    perception::segments(shot, errors, &mut RoomRng::new(seed, 0))
}

/// Encodes the picture of image number `image.name` as a JPEG.
///
/// # Errors
/// There is no shot with this number.
pub fn picture(image: &Image, shots: &[Shot]) -> anyhow::Result<Vec<u8>> {
    let number: usize = image.name.parse()?;
    let shot = shots.get(number).with_context(|| {
        format!(
            "there is no image {number}; there are {} images",
            shots.len()
        )
    })?;
    let [rows, columns] = shot.size.map(|n| n as u32);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        shot.picture.as_flattened(),
        columns,
        rows,
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
