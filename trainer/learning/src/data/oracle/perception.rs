//! The 2D model that finds instances in images, with its errors.

use glam::Vec3;
use segscape::{
    text::{self, Vocabulary},
    views::Map,
};

use recordings::foundation::{Image, ImageInstance, Mask};
use rooms::{
    Shot,
    classes::CLASSES,
    noise::{noise, unit},
    rng::RoomRng,
};

use super::{CHANNELS, Errors};

/// Edge, in pixels, of the squares that share an image feature, like the patches of an image
/// encoder.
const PATCH: usize = 8;
/// Name of what has no name.
const NAMELESS: &str = "object";

/// What a 2D model without names finds in a shot: the objects, and walls, floors and ceilings, each
/// of which is one segment.
pub(super) fn segments(shot: &Shot, errors: &Errors, dice: &mut RoomRng) -> Image {
    let most = shot.instance.iter().max().copied().unwrap_or(0).max(0);
    let structure = |class: i32| most + 1 + class;
    let mut shot = shot.clone();
    for (instance, &class) in shot.instance.iter_mut().zip(&shot.semantic) {
        if *instance == 0 && class > 0 {
            *instance = structure(class);
        }
    }
    let last = CLASSES.iter().map(|class| class.id).max().unwrap_or(0);
    let mut found = vec![Some(NAMELESS); structure(last) as usize + 1];
    found[0] = None;
    image(0, &shot, &found, errors, dice)
}

/// Image number `number`, with the instances that the 2D model finds in it.
pub(super) fn image(
    number: usize,
    shot: &Shot,
    class_of_instance: &[Option<&'static str>],
    errors: &Errors,
    dice: &mut RoomRng,
) -> Image {
    let [rows, columns] = shot.size;
    let seed = dice.seed();
    let ragged = ragged(shot, errors.ragged, seed);
    let mut pixels = vec![Vec::new(); class_of_instance.len()];
    ragged
        .iter()
        .enumerate()
        .for_each(|(pixel, instance)| pixels[*instance as usize].push(pixel));
    let mut values = vec![0u16; rows * columns];
    let mut instances: Vec<ImageInstance> = vec![];
    for (instance, pixels) in pixels.iter().enumerate() {
        let Some(name) = class_of_instance[instance] else {
            continue;
        };
        if pixels.len() < errors.smallest || dice.chance(errors.missed) {
            continue;
        }
        let neighbor = pixels
            .iter()
            .filter_map(|p| values.get(p + 1).copied())
            .find(|v| *v > 0);
        if let Some(neighbor) = neighbor.filter(|_| dice.chance(errors.merged)) {
            pixels.iter().for_each(|p| values[*p] = neighbor);
            continue;
        }
        let name = if dice.chance(errors.misnamed) {
            dice.pick(Vocabulary::shipped().default_labels())
        } else {
            name
        };
        let mut add = |pixels: &[usize]| {
            let score = dice.within(0.4, 0.95);
            instances.push(ImageInstance {
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

/// The instance at each pixel, `(rows, columns)`, with outlines that are off by about `by` pixels.
/// The displacement is smooth, so that outlines stay lines.
fn ragged(shot: &Shot, by: f32, seed: u32) -> Vec<i32> {
    let [rows, columns] = shot.size;
    (0..rows * columns)
        .map(|pixel| {
            let (x, y) = (pixel % columns, pixel / columns);
            let off = |axis: f32| {
                (noise(Vec3::new(x as f32 / 6.0, y as f32 / 6.0, axis), seed) - 0.5) * 4.0 * by
            };
            let along = |at: usize, off: f32, extent: usize| {
                (at as f32 + off).round().clamp(0.0, extent as f32 - 1.0) as usize
            };
            shot.instance[along(y, off(50.0), rows) * columns + along(x, off(0.0), columns)]
        })
        .collect()
}

/// The feature of an instance called `name`: a fixed projection of the embedding of the name, mixed
/// with noise.
fn feature(name: &str, blind: f32, dice: &mut RoomRng) -> Vec<f32> {
    let embedding = Vocabulary::shipped().lookup(name);
    let mut feature: Vec<f32> = (0..CHANNELS)
        .map(|channel| {
            let told = embedding.map_or(0.0, |e| {
                (0..e.len())
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
fn patches(
    values: &[u16],
    instances: &[ImageInstance],
    [rows, columns]: [usize; 2],
) -> Option<Map> {
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
