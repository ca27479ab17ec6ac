//! From the masks of a frame to voxels: the border of a mask and what lies apart from its largest
//! part are left out, because depth there is that of something else.

use super::{TrackOptions, TrackedFrame};
use crate::{
    captures::NEAREST,
    spatial::{Voxels, dbscan},
    views::Pixel,
};

/// Longer side of the images in whose pixels [`TrackOptions::border`] is given.
const BORDER_SIDE: f32 = 640.0;
/// Points of a mask are near each other if they are within so many pixels at its median depth:
/// coarse and distant images show no points that are nearer.
const NEAR_PIXELS: f32 = 3.0;
/// Maximum number of pixels at which the features of an image are sampled for a mask.
const SAMPLES: usize = 256;

/// A mask in the world.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LiftedMask {
    /// Index among the instances of the frame.
    pub instance: usize,
    /// Its voxels, ascending by their coordinates; never empty.
    pub voxels: Vec<LiftedVoxel>,
    /// Number of pixels that were lifted.
    pub pixels: u32,
    /// What it looks like, a unit vector.
    pub feature: Option<Vec<f32>>,
}

/// The points of a mask in a voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LiftedVoxel {
    /// `floor(position / size)`.
    pub coords: [i32; 3],
    /// Mean of the points, metres.
    pub position: [f32; 3],
    /// Number of the points.
    pub pixels: u32,
}

/// The masks of a frame that are good enough and have a place in the world, in their order.
pub(super) fn lifted(frame: &TrackedFrame, options: &TrackOptions) -> Vec<LiftedMask> {
    let pixels = pixels_of_instances(frame, options);
    let masks = pixels.iter().enumerate().filter_map(|(instance, pixels)| {
        let points: Vec<[f32; 3]> = pixels.iter().map(|pixel| place(frame, *pixel)).collect();
        let radius = options
            .cluster_radius
            .max(NEAR_PIXELS * spacing(frame, pixels));
        let (voxels, count) = voxels(&points, radius, options);
        (!voxels.is_empty()).then(|| LiftedMask {
            instance,
            voxels,
            pixels: count,
            feature: feature(frame, instance, pixels),
        })
    });
    masks.collect()
}

/// The pixels of the depth image, `[row, column]`, that show each instance for certain.
fn pixels_of_instances(frame: &TrackedFrame, options: &TrackOptions) -> Vec<Vec<[usize; 2]>> {
    let [rows, columns] = frame.depth.size();
    let labels = inner(
        &labels(frame),
        [rows, columns],
        border(options, rows, columns),
    );
    let mut pixels = vec![Vec::new(); frame.instances.len()];
    for (at, label) in labels.iter().enumerate() {
        let Some(instance) = usize::from(*label).checked_sub(1) else {
            continue;
        };
        let [row, column] = [at / columns, at % columns];
        let is_known = (NEAREST..options.farthest).contains(&frame.depth.at(row, column)[0]);
        if is_known && frame.instances[instance].score >= options.min_score {
            pixels[instance].push([row, column]);
        }
    }
    pixels
}

/// The numbers in the mask at the pixels of the depth image.
fn labels(frame: &TrackedFrame) -> Vec<u16> {
    let [rows, columns] = frame.depth.size();
    let at = |pixel: usize| {
        let [x, y] = share([pixel / columns, pixel % columns], [rows, columns]);
        // A mask counts in 16 bits.
        frame.mask.at(x, y).map_or(0, |index| index as u16 + 1)
    };
    (0..rows * columns).map(at).collect()
}

/// The middle of a pixel as fractions of width and height.
fn share([row, column]: [usize; 2], [rows, columns]: [usize; 2]) -> [f32; 2] {
    [
        (column as f32 + 0.5) / columns as f32,
        (row as f32 + 0.5) / rows as f32,
    ]
}

/// Width of the border in pixels of an image of this size.
fn border(options: &TrackOptions, rows: usize, columns: usize) -> usize {
    let pixels = options.border as f32 * rows.max(columns) as f32 / BORDER_SIDE;
    let least = usize::from(options.border > 0);
    (pixels.round() as usize).clamp(least, options.border.max(1) as usize * 4)
}

/// The labels without the pixels that have another label within `border` rows and columns. The
/// edge of the image is no border.
fn inner(labels: &[u16], [rows, columns]: [usize; 2], border: usize) -> Vec<u16> {
    // A square has one label if each of its rows has, and all of them the same.
    let along = |from: &[u16], step: usize, length: usize, place: usize, at: usize| {
        let [before, after] = [place.min(border), (length - 1 - place).min(border)];
        let first = at - before * step;
        let mut others = (0..=before + after).map(|k| from[first + k * step]);
        match others.all(|other| other == from[at]) {
            true => from[at],
            false => 0,
        }
    };
    let pixels = 0..rows * columns;
    let in_rows: Vec<u16> = pixels
        .clone()
        .map(|at| along(labels, 1, columns, at % columns, at))
        .collect();
    pixels
        .map(|at| along(&in_rows, columns, rows, at / columns, at))
        .collect()
}

fn place(frame: &TrackedFrame, [row, column]: [usize; 2]) -> [f32; 3] {
    let [x, y] = share([row, column], frame.depth.size());
    let depth = frame.depth.at(row, column)[0];
    frame.camera.back_project(Pixel { x, y, depth })
}

/// Distance between pixels of the depth image at the median depth of some of them, metres.
fn spacing(frame: &TrackedFrame, pixels: &[[usize; 2]]) -> f32 {
    let mut depths: Vec<f32> = pixels
        .iter()
        .map(|[row, column]| frame.depth.at(*row, *column)[0])
        .collect();
    if depths.is_empty() {
        return 0.0;
    }
    let middle = depths.len() / 2;
    let (_, median, _) = depths.select_nth_unstable_by(middle, f32::total_cmp);
    let [rows, columns] = frame.depth.size().map(|n| n as f32);
    let camera = frame.camera;
    let focal =
        (camera.focal[0] * columns / camera.width).min(camera.focal[1] * rows / camera.height);
    // A camera that shows next to nothing has no spacing either.
    (*median / focal).min(1.0)
}

/// The voxels of the largest cluster of points, and the number of its points.
fn voxels(points: &[[f32; 3]], radius: f32, options: &TrackOptions) -> (Vec<LiftedVoxel>, u32) {
    // Points are averaged first, so that near surfaces, of which a pixel shows a millimetre, cost no
    // more than distant ones.
    let cell = options.cluster_radius.min(options.voxel_size) / 2.0;
    let fine = means(points.iter().map(|p| (*p, 1)), cell);
    let positions: Vec<[f32; 3]> = fine.iter().map(|cell| cell.position).collect();
    let clusters = dbscan(
        &positions,
        |cell| fine[cell].pixels,
        radius,
        options.cluster_points,
    );
    let mut sizes = vec![
        0u64;
        clusters
            .iter()
            .flatten()
            .max()
            .map_or(0, |last| *last as usize + 1)
    ];
    for (cell, cluster) in fine.iter().zip(&clusters) {
        if let Some(cluster) = cluster {
            sizes[*cluster as usize] += u64::from(cell.pixels);
        }
    }
    // The first one of equally large ones.
    let largest = (0..)
        .zip(&sizes)
        .max_by_key(|(index, size)| (**size, std::cmp::Reverse(*index)));
    let Some((largest, _)) = largest else {
        return (Vec::new(), 0);
    };
    let kept = fine.iter().zip(&clusters);
    let kept = kept.filter(|(_, cluster)| **cluster == Some(largest));
    let kept = kept.map(|(cell, _)| (cell.position, cell.pixels));
    let voxels = means(kept, options.voxel_size);
    let pixels = voxels.iter().map(|voxel| voxel.pixels).sum();
    (voxels, pixels)
}

/// The mean of the weighted points in each voxel of `size`, ascending by the voxels' coordinates.
fn means(points: impl Iterator<Item = ([f32; 3], u32)>, size: f32) -> Vec<LiftedVoxel> {
    let (positions, weights): (Vec<[f32; 3]>, Vec<u32>) = points.unzip();
    let Voxels {
        coords,
        voxel_of_point,
    } = Voxels::new(&positions, size);
    let mut sums = vec![([0.0f64; 3], 0u32); coords.len()];
    for ((voxel, position), weight) in voxel_of_point.iter().zip(&positions).zip(&weights) {
        let (sum, pixels) = &mut sums[*voxel as usize];
        for (sum, x) in sum.iter_mut().zip(position) {
            *sum += f64::from(*x) * f64::from(*weight);
        }
        *pixels += weight;
    }
    let mean = |(coords, (sum, pixels)): ([i32; 3], ([f64; 3], u32))| LiftedVoxel {
        coords,
        position: sum.map(|sum| (sum / f64::from(pixels)) as f32),
        pixels,
    };
    coords.into_iter().zip(sums).map(mean).collect()
}

/// What an instance looks like: its own features, or the mean of the image's at some of its pixels.
fn feature(frame: &TrackedFrame, instance: usize, pixels: &[[usize; 2]]) -> Option<Vec<f32>> {
    if frame.own_channels() > 0 {
        return unit(&frame.instances[instance].features);
    }
    let features = frame.features?;
    let mut sum = vec![0.0; features.channels()];
    let step = pixels.len().div_ceil(SAMPLES).max(1);
    for pixel in pixels.iter().skip(step / 2).step_by(step) {
        let [x, y] = share(*pixel, frame.depth.size());
        features.add_sample(x, y, 1.0, &mut sum);
    }
    unit(&sum)
}

/// The vector with length one; `None` if it has no direction.
pub(super) fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let squares = vector.iter().map(|x| f64::from(*x) * f64::from(*x));
    let length = squares.sum::<f64>().sqrt();
    let is_length = length.is_normal();
    is_length.then(|| {
        vector
            .iter()
            .map(|x| (f64::from(*x) / length) as f32)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        foundation::{ImageInstance, Mask},
        track::tests::camera,
        views::Map,
    };

    #[test]
    fn a_mask_loses_its_border_but_not_at_the_edge_of_the_image() {
        // The third row and column of 1 have neighbours that are 2.
        let labels = [
            1, 1, 1, 2, //
            1, 1, 1, 2, //
            1, 1, 1, 2, //
            2, 2, 2, 2,
        ];
        let kept = inner(&labels, [4, 4], 1);
        let expected = [
            1, 1, 0, 0, //
            1, 1, 0, 0, //
            0, 0, 0, 0, //
            0, 0, 0, 0,
        ];
        assert_eq!(kept, expected);
        assert_eq!(inner(&labels, [4, 4], 0), labels);
        assert_eq!(inner(&[3; 6], [2, 3], 9), [3; 6]);
        let options = TrackOptions::default();
        let of = |rows, columns| border(&options, rows, columns);
        assert_eq!([of(480, 640), of(192, 256), of(1440, 1920)], [2, 1, 6]);
        let none = TrackOptions {
            border: 0,
            ..options
        };
        assert_eq!(border(&none, 480, 640), 0);
    }

    #[test]
    fn strays_of_a_mask_are_left_out() {
        // A row of five points 1 cm apart at 1 m, and two points a metre behind: five are needed.
        let row = (0..5).map(|i| [1.0, i as f32 * 0.01 + 0.001, 0.001]);
        let points: Vec<_> = row.chain([[2.0, 0.0, 0.0], [2.0, 0.01, 0.0]]).collect();
        let (voxels, pixels) = voxels(&points, 0.05, &TrackOptions::default());
        assert_eq!(pixels, 5);
        // y is 0.001 to 0.041: all of them in the voxel from 0 to 0.05.
        assert_eq!(voxels.len(), 1);
        assert_eq!((voxels[0].coords, voxels[0].pixels), ([20, 0, 0], 5));
        let [x, y, z] = voxels[0].position;
        assert!((x - 1.0).abs() < 1e-6 && (y - 0.021).abs() < 1e-6 && (z - 0.001).abs() < 1e-6);
        assert_eq!(
            super::voxels(&points[5..], 0.05, &TrackOptions::default()),
            (vec![], 0)
        );
    }

    #[test]
    fn masks_without_a_place_or_a_score_are_left_out() {
        let depth = Map::new(vec![1.0; 48 * 64], [48, 64, 1]).unwrap();
        let named = |score| ImageInstance {
            name: String::new(),
            score,
            features: vec![],
        };
        // Four quarters; there is none with the number 5.
        let quarter = |at: usize| 1 + (at / 64 / 24) as u16 * 2 + (at % 64 / 32) as u16;
        let mask = Mask::new((0..48 * 64).map(quarter).collect(), [48, 64]).unwrap();
        let instances = [named(0.9), named(0.29), named(0.3), named(1.0), named(1.0)];
        let frame = |depth: &Map| {
            let frame = TrackedFrame {
                number: 0,
                camera: &camera([0.0; 3]),
                depth,
                mask: &mask,
                instances: &instances,
                features: None,
            };
            let masks = lifted(&frame, &TrackOptions::default());
            masks
                .iter()
                .map(|mask| (mask.instance, mask.pixels))
                .collect::<Vec<_>>()
        };
        // A border of one pixel on two sides: 31 x 23 pixels of each quarter.
        assert_eq!(frame(&depth), [(0, 713), (2, 713), (3, 713)]);
        for far in [0.0, 0.1, 4.5, f32::NAN, f32::INFINITY, -1.0] {
            let depth = Map::new(vec![far; 48 * 64], [48, 64, 1]).unwrap();
            assert!(frame(&depth).is_empty());
        }
    }

    #[test]
    fn features_are_means_over_the_mask() {
        // Left of the middle the feature is (1, 0), right of it (0, 1); the mask is the left half.
        let depth = Map::new(vec![1.0; 48 * 64], [48, 64, 1]).unwrap();
        let mask = Mask::new(vec![1, 0], [1, 2]).unwrap();
        let features = Map::new(
            [[3.0, 0.0].repeat(8), [0.0, 3.0].repeat(8)].concat(),
            [1, 16, 2],
        )
        .unwrap();
        let mut instances = [ImageInstance {
            name: String::new(),
            score: 1.0,
            features: vec![],
        }];
        let feature = |instances: &[ImageInstance]| {
            let frame = TrackedFrame {
                number: 0,
                camera: &camera([0.0; 3]),
                depth: &depth,
                mask: &mask,
                instances,
                features: Some(&features),
            };
            lifted(&frame, &TrackOptions::default()).remove(0).feature
        };
        // The pixel at the border between the two is not sampled: a border of one pixel, and the
        // cells' middles are four pixels apart, so little of the right half is in the mean.
        let [left, right] = feature(&instances).unwrap()[..] else {
            unreachable!()
        };
        assert!(left > 0.99 && right < 0.1 && (left.hypot(right) - 1.0).abs() < 1e-6);
        instances[0].features = vec![0.0, -2.0];
        assert_eq!(feature(&instances).unwrap(), [0.0, -1.0]);
        instances[0].features = vec![0.0, 0.0];
        assert_eq!(feature(&instances), None);
    }
}
