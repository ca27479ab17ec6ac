//! Simulated foundation models that derive their output from the ground truth of a synthetic room:
//! a reconstruction with realistic errors, and a 2D model that finds instances with errors of known
//! sizes.

use anyhow::Context;
use glam::Vec3;
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use segscape::{
    spatial,
    text::{self, Vocabulary},
    views::{Correspondence, Map},
};

use recordings::foundation::{Foundation, Image, Instance, Mask, Truth};
use rooms::{
    Shot, SyntheticRoom,
    classes::CLASSES,
    noise::{noise, unit},
    rng::RoomRng,
};

/// Number of channels of image and object features.
pub const CHANNELS: usize = 32;
/// Edge, in pixels, of the squares that share an image feature, like the patches of an image
/// encoder.
const PATCH: usize = 8;
/// An image sees a point if their depths differ by less than this, metres.
const TOLERANCE: f32 = 0.06;
/// Number of neighbours that a point is smoothed with.
const NEIGHBOURS: usize = 16;
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

/// Simulates the reconstruction and perception of a room. The result depends on the arguments
/// only.
pub fn simulate(room: &SyntheticRoom, shots: &[Shot], errors: &Errors, seed: u64) -> Foundation {
    let mut dice = RoomRng::new(seed, 0);
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
        .map(|(number, shot)| image(number, shot, &class_of_instance, errors, &mut dice))
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
        truth: Some(Truth {
            semantic: room.semantic.clone(),
            instance: room.instance.clone(),
            names,
        }),
        ..Foundation::default()
    };
    reconstructed(scene, errors, &mut dice)
}

/// Adds the errors of a reconstruction from images.
fn reconstructed(mut scene: Foundation, errors: &Errors, dice: &mut RoomRng) -> Foundation {
    smooth(&mut scene.positions, errors.smoothing);
    // the drift accumulated up to each image
    let mut way = Vec3::ZERO;
    let drifts: Vec<Vec3> = scene
        .images
        .iter()
        .map(|_| {
            way += Vec3::new(dice.normal(), dice.normal(), dice.normal()) * errors.drift;
            way
        })
        .collect();
    for (position, origin) in scene.positions.iter_mut().zip(&scene.origins) {
        *position =
            (Vec3::from(*position) + origin.map_or(Vec3::ZERO, |o| drifts[o.view as usize])).into();
    }
    for (image, drift) in scene.images.iter_mut().zip(&drifts) {
        image.camera.world_from_camera.translation += glam::Vec3A::from(*drift);
    }
    let seed = dice.seed();
    // this noise has features of half a metre and is below the threshold in about a share
    // `holes` of the space
    let is_hole = |p: &[f32; 3]| noise(Vec3::from(*p) * 2.0, seed) < errors.holes.sqrt() * 0.9;
    let kept: Vec<bool> = scene
        .positions
        .iter()
        .map(|p| errors.holes == 0.0 || !is_hole(p))
        .collect();
    keep(&mut scene, &kept);
    let floaters = (errors.floaters * scene.positions.len() as f32) as usize;
    for _ in 0..floaters {
        let point = dice.count(0, scene.positions.len() - 1);
        let Some(origin) = scene.origins[point] else {
            continue;
        };
        let eye = Vec3::from(scene.images[origin.view as usize].camera.position());
        let position = eye.lerp(scene.positions[point].into(), dice.within(0.3, 0.95));
        scene.positions.push(position.into());
        scene.origins.push(Some(origin));
        if let Some(colors) = &mut scene.colors {
            colors.push(colors[point]);
        }
        if let Some(truth) = &mut scene.truth {
            truth.semantic.push(0);
            truth.instance.push(0);
        }
    }
    let scale = 1.0 + dice.about(errors.scale);
    scene
        .positions
        .iter_mut()
        .flatten()
        .for_each(|x| *x *= scale);
    for image in &mut scene.images {
        image.camera.world_from_camera.translation *= scale;
        image.depth = image.depth.take().map(|depth| depth.scaled(scale));
    }
    scene
}

/// Moves every point by a share `by` of the way to the mean of its neighbours.
fn smooth(positions: &mut Vec<[f32; 3]>, by: f32) {
    let Ok(neighbours) = spatial::nearest_neighbours(positions, NEIGHBOURS, &|_| Ok(())) else {
        return;
    };
    let point = |row: usize| neighbours.point_of_row()[row] as usize;
    let mut smooth = positions.clone();
    for row in 0..positions.len() {
        let around = neighbours.of(row);
        let mean = around
            .iter()
            .map(|&other| Vec3::from(positions[point(other as usize)]))
            .sum::<Vec3>()
            / around.len().max(1) as f32;
        if !around.is_empty() {
            smooth[point(row)] = Vec3::from(positions[point(row)]).lerp(mean, by).into();
        }
    }
    *positions = smooth;
}

/// Removes the points that are not `kept`, `(points)`.
fn keep(scene: &mut Foundation, kept: &[bool]) {
    fn filter<T: Copy>(values: &mut Vec<T>, kept: &[bool]) {
        let mut kept = kept.iter();
        values.retain(|_| *kept.next().unwrap_or(&true));
    }
    filter(&mut scene.positions, kept);
    filter(&mut scene.origins, kept);
    scene
        .colors
        .iter_mut()
        .for_each(|colors| filter(colors, kept));
    if let Some(truth) = &mut scene.truth {
        filter(&mut truth.semantic, kept);
        filter(&mut truth.instance, kept);
    }
}

/// The pixel of a random image among those that see the point, because reconstructions merge the
/// points of all images.
fn origin(position: [f32; 3], shots: &[Shot], dice: &mut RoomRng) -> Option<Correspondence> {
    let seen = (0..).zip(shots).filter_map(|(view, shot)| {
        let pixel = shot.camera.project(position)?;
        let [rows, columns] = shot.size;
        let along = |share: f32, extent: usize| ((share * extent as f32) as usize).min(extent - 1);
        let there = shot.depth[along(pixel.y, rows) * columns + along(pixel.x, columns)];
        ((there - pixel.depth).abs() < TOLERANCE).then_some(Correspondence {
            view,
            x: pixel.x,
            y: pixel.y,
        })
    });
    let seen: Vec<_> = seen.collect();
    (!seen.is_empty()).then(|| dice.pick(&seen))
}

fn image(
    number: usize,
    shot: &Shot,
    class_of_instance: &[Option<&'static str>],
    errors: &Errors,
    dice: &mut RoomRng,
) -> Image {
    let [rows, columns] = shot.size;
    let seed = dice.seed();
    // outlines are moved by a smooth displacement, so that they stay lines
    let ragged: Vec<i32> = (0..rows * columns)
        .map(|pixel| {
            let (x, y) = (pixel % columns, pixel / columns);
            let off = |axis: f32| {
                (noise(Vec3::new(x as f32 / 6.0, y as f32 / 6.0, axis), seed) - 0.5)
                    * 4.0
                    * errors.ragged
            };
            let along = |at: usize, off: f32, extent: usize| {
                (at as f32 + off).round().clamp(0.0, extent as f32 - 1.0) as usize
            };
            shot.instance[along(y, off(50.0), rows) * columns + along(x, off(0.0), columns)]
        })
        .collect();
    let mut pixels = vec![Vec::new(); class_of_instance.len()];
    ragged
        .iter()
        .enumerate()
        .for_each(|(pixel, instance)| pixels[*instance as usize].push(pixel));
    let mut values = vec![0u16; rows * columns];
    let mut instances: Vec<Instance> = vec![];
    for (instance, pixels) in pixels.iter().enumerate() {
        let Some(name) = class_of_instance[instance] else {
            continue;
        };
        if pixels.len() < errors.smallest || dice.chance(errors.missed) {
            continue;
        }
        let neighbour = pixels
            .iter()
            .filter_map(|p| values.get(p + 1).copied())
            .find(|v| *v > 0);
        if let Some(neighbour) = neighbour.filter(|_| dice.chance(errors.merged)) {
            pixels.iter().for_each(|p| values[*p] = neighbour);
            continue;
        }
        let name = if dice.chance(errors.misnamed) {
            dice.pick(Vocabulary::shipped().default_labels())
        } else {
            name
        };
        let mut add = |pixels: &[usize]| {
            let score = dice.within(0.4, 0.95);
            instances.push(Instance {
                name: name.to_owned(),
                score,
                features: feature(name, errors.class_blind, dice),
            });
            pixels
                .iter()
                .for_each(|p| values[*p] = instances.len() as u16);
        };
        let halves: (Vec<usize>, Vec<usize>) = if unit(seed, instance as u32) < errors.split {
            let middle = pixels.iter().map(|p| p % columns).sum::<usize>() / pixels.len();
            pixels.iter().partition(|p| *p % columns < middle)
        } else {
            (pixels.clone(), vec![])
        };
        [halves.0, halves.1]
            .iter()
            .filter(|half| !half.is_empty())
            .for_each(|half| add(half));
    }
    let features = patches(&values, &instances, shot.size);
    let depth = if errors.measured_depth {
        shot.measured.clone()
    } else {
        shot.depth
            .iter()
            .map(|d| if d.is_finite() { *d } else { 0.0 })
            .collect()
    };
    Image {
        name: format!("{number:04}"),
        camera: shot.camera,
        picture: Some(format!("{number:04}.jpg")),
        depth: Map::new(depth, [rows, columns, 1]).ok(),
        mask: Mask::new(values, shot.size),
        instances,
        features,
    }
}

/// Encodes the picture of image number `image.name` as a JPEG.
///
/// # Errors
/// There is no shot with this number.
pub fn picture(image: &Image, shots: &[Shot]) -> anyhow::Result<Vec<u8>> {
    let number: usize = image.name.parse()?;
    let shot = shots
        .get(number)
        .with_context(|| format!("there is no image {number}, only {}", shots.len()))?;
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

/// The feature of an instance called `name`: a fixed projection of the embedding of the name, mixed
/// with noise.
fn feature(name: &str, blind: f32, dice: &mut RoomRng) -> Vec<f32> {
    let embedding = Vocabulary::shipped().lookup(name);
    let mut feature: Vec<f32> = (0..CHANNELS)
        .map(|channel| {
            let told = embedding.map_or(0.0, |e| {
                (0..text::DIM)
                    .map(|i| {
                        e[i] * if unit(channel as u32, i as u32) < 0.5 {
                            -1.0
                        } else {
                            1.0
                        }
                    })
                    .sum()
            });
            (1.0 - blind) * told + blind * dice.normal()
        })
        .collect();
    text::normalize(&mut feature);
    feature
}

/// Shape `(rows / PATCH, columns / PATCH, channels)`: the mean feature of the pixels of each patch,
/// where pixels without an instance count as zeros.
fn patches(values: &[u16], instances: &[Instance], [rows, columns]: [usize; 2]) -> Option<Map> {
    let size = [rows.div_ceil(PATCH), columns.div_ceil(PATCH)];
    let mut sums = vec![0.0; size[0] * size[1] * CHANNELS];
    for (pixel, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let patch = (pixel / columns / PATCH) * size[1] + pixel % columns / PATCH;
        let feature = &instances[usize::from(*value) - 1].features;
        sums[patch * CHANNELS..][..CHANNELS]
            .iter_mut()
            .zip(feature)
            .for_each(|(sum, x)| *sum += x / (PATCH * PATCH) as f32);
    }
    Map::new(sums, [size[0], size[1], CHANNELS]).ok()
}

#[cfg(test)]
mod tests;
