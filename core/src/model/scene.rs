//! What the network reads of a scan: voxels, their neighbours at every level, and the superpoints they form.

use burn::tensor::{Device, Tensor, TensorData};

use super::{Config, MAX_TENSOR_BYTES, position::PositionEncoding};
use crate::{
    ops::{KernelMap, KernelMapError, SegmentMap, SegmentMapError},
    spatial::Voxels,
    superpoint::Superpoints,
};

/// Features of a voxel: red, green, blue (normalised); x, y, z minus the scan's mean (metres); height above the floor (metres).
pub const FEATURES: usize = 7;

/// Mean of ScanNet's colours, 0..=255 (spec/model.md section 2).
const COLOR_MEAN: [f32; 3] = [0.477_931_26 * 255.0, 0.430_325_75 * 255.0, 0.374_959_9 * 255.0];
/// Their standard deviation.
const COLOR_DEVIATION: [f32; 3] = [0.283_447_5 * 255.0, 0.275_661_6 * 255.0, 0.270_189_7 * 255.0];
/// One point in this many lies below the floor: noise, a mirror, the room beneath.
const BELOW_FLOOR: usize = 100;

/// Why a scan could not become input of the network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// Nothing to look at.
    #[error("the scan has no points")]
    Empty,
    /// The lists are not about the same points.
    #[error("{points} points came with {found} {what}; there must be one for each point")]
    Length {
        /// Colours or superpoint ids.
        what: &'static str,
        /// Points.
        points: usize,
        /// Entries of the other list.
        found: usize,
    },
    /// A coordinate is infinite or NaN.
    #[error("point {point} has the coordinates {position:?}; all must be finite")]
    NotFinite {
        /// Index of the point.
        point: usize,
        /// Its position.
        position: [f32; 3],
    },
    /// A tensor would outgrow what a graphics device can bind.
    #[error("the scan has {found} {what}, the network takes at most {limit}; crop it or thin it out")]
    TooLarge {
        /// Voxels at some level, or superpoints.
        what: &'static str,
        /// Their number.
        found: usize,
        /// The limit for this configuration.
        limit: usize,
    },
    /// The voxels do not fit the convolution's tables.
    #[error(transparent)]
    Voxels(#[from] KernelMapError),
    /// The superpoints do not fit the voxels.
    #[error(transparent)]
    Superpoints(#[from] SegmentMapError),
}

/// Which voxels meet under the U-Net's convolutions.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// 3x3x3 neighbourhoods of each level, finest first.
    pub neighbours: Vec<KernelMap>,
    /// 2x2x2 children: from each level to the next coarser one.
    pub children: Vec<KernelMap>,
}

impl Pyramid {
    /// `planes.len()` levels above the distinct voxels `coords`, small enough for the channels of each.
    pub(super) fn new(mut coords: Vec<[i32; 3]>, planes: &[usize]) -> Result<Self, SceneError> {
        let mut pyramid = Self { neighbours: vec![], children: vec![] };
        for (level, channels) in planes.iter().enumerate() {
            if level > 0 {
                let (coarser, children) = KernelMap::strided(&coords)?;
                pyramid.children.push(children);
                coords = coarser;
            }
            // the widest tensor of a level joins its skip and what comes up
            let limit = MAX_TENSOR_BYTES / size_of::<f32>() / (2 * channels);
            if coords.len() > limit {
                return Err(SceneError::TooLarge { what: "voxels", found: coords.len(), limit });
            }
            pyramid.neighbours.push(KernelMap::submanifold(&coords, 3)?);
        }
        Ok(pyramid)
    }
}

/// A scan as the network reads it, in main memory.
#[derive(Clone, Debug)]
pub struct SceneInput {
    /// (voxels, [`FEATURES`]).
    features: Vec<f32>,
    pyramid: Pyramid,
    /// Voxels to superpoints; a voxel counts once for each of its points.
    segments: SegmentMap,
    /// (superpoints): mean of the lower corners of its points' voxels, metres (spec/model.md section 6).
    positions: Vec<[f32; 3]>,
    /// Lowest and highest coordinates of the points, metres.
    range: [[f32; 3]; 2],
    d_model: usize,
}

impl SceneInput {
    /// From `positions` (points, 3) in the world frame, `colors` (points, 3) sRGB; a scan without colour counts as one of mean colour.
    ///
    /// The voxel grid has a corner at the world's origin. `O(points log points)`.
    ///
    /// # Errors
    /// See [`SceneError`].
    pub fn new(positions: &[[f32; 3]], colors: Option<&[[u8; 3]]>, superpoints: &Superpoints, config: &Config) -> Result<Self, SceneError> {
        let points = positions.len();
        if points == 0 {
            return Err(SceneError::Empty);
        }
        let same_length = |what, found| if found == points { Ok(()) } else { Err(SceneError::Length { what, points, found }) };
        same_length("colours", colors.map_or(points, <[_]>::len))?;
        same_length("superpoint ids", superpoints.superpoint_of_point().len())?;
        if let Some(point) = positions.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
            return Err(SceneError::NotFinite { point, position: positions[point] });
        }
        // attention joins content and position of every superpoint: twice the width
        let limit = MAX_TENSOR_BYTES / size_of::<f32>() / (2 * config.d_model);
        if superpoints.count() > limit {
            return Err(SceneError::TooLarge { what: "superpoints", found: superpoints.count(), limit });
        }

        let Voxels { coords, voxel_of_point } = Voxels::new(positions, config.voxel_size);
        let segments = SegmentMap::new(superpoints.superpoint_of_point(), &voxel_of_point, superpoints.count(), coords.len())?;
        Ok(Self {
            features: voxel_features(positions, colors, &voxel_of_point, coords.len()),
            positions: superpoint_positions(&segments, &coords, config.voxel_size),
            pyramid: Pyramid::new(coords, &config.planes)?,
            segments,
            range: range(positions),
            d_model: config.d_model,
        })
    }

    /// The same on a device.
    pub fn to_device(&self, device: &Device) -> Scene {
        let voxels = self.features.len() / FEATURES;
        let [min, max] = self.range;
        Scene {
            features: Tensor::from_data(TensorData::new(self.features.clone(), [voxels, FEATURES]), device),
            pyramid: self.pyramid.clone(),
            segments: self.segments.clone(),
            centers: Tensor::from_data(TensorData::new(self.positions.as_flattened().to_vec(), [self.positions.len(), 3]), device),
            encoding: PositionEncoding::new(self.d_model, min, max, device),
            positions: self.positions.clone(),
        }
    }
}

/// A scan as the network reads it, on a device.
#[derive(Clone, Debug)]
pub struct Scene {
    pub(super) features: Tensor<2>,
    pub(super) pyramid: Pyramid,
    pub(super) segments: SegmentMap,
    /// (superpoints, 3) metres.
    pub(super) centers: Tensor<2>,
    pub(super) encoding: PositionEncoding,
    /// `centers` in main memory.
    positions: Vec<[f32; 3]>,
}

impl Scene {
    /// Number of superpoints.
    pub fn superpoints(&self) -> usize {
        self.positions.len()
    }

    /// Number of voxels at the finest level.
    pub fn voxels(&self) -> usize {
        self.segments.rows()
    }

    /// The superpoints to ask at inference, ascending: all of them, or, when they are more than `max`, a subset spread evenly over
    /// the scene (farthest point sampling, `O(max superpoints)`). Fewer where the masks of `max` queries would not fit one tensor.
    pub fn queries(&self, max: usize) -> Vec<u32> {
        let max = max.min(MAX_TENSOR_BYTES / size_of::<f32>() / self.superpoints()).max(1);
        farthest_points(&self.positions, max)
    }
}

/// Ascending indices of `count` points, each as far as possible from those chosen before it; all points when `count` is not less.
fn farthest_points(points: &[[f32; 3]], count: usize) -> Vec<u32> {
    if count >= points.len() {
        return (0..points.len() as u32).collect();
    }
    let mut distance = vec![f32::INFINITY; points.len()];
    let mut chosen = vec![];
    let mut next = 0;
    while chosen.len() < count {
        chosen.push(next as u32);
        distance[next] = -1.0; // never again, also among equal points
        let from = points[next];
        let mut farthest = -1.0;
        for (i, (p, d)) in points.iter().zip(&mut distance).enumerate() {
            *d = d.min((0..3).map(|a| (p[a] - from[a]).powi(2)).sum());
            if *d > farthest {
                (next, farthest) = (i, *d);
            }
        }
    }
    chosen.sort_unstable();
    chosen
}

/// (voxels, [`FEATURES`]): the mean over the points of each voxel.
fn voxel_features(positions: &[[f32; 3]], colors: Option<&[[u8; 3]]>, voxel_of_point: &[u32], voxels: usize) -> Vec<f32> {
    let points = positions.len();
    let mean = [0, 1, 2].map(|axis| (positions.iter().map(|p| f64::from(p[axis])).sum::<f64>() / points as f64) as f32);
    let mut heights: Vec<f32> = positions.iter().map(|p| p[2]).collect();
    let floor = *heights.select_nth_unstable_by(points / BELOW_FLOOR, f32::total_cmp).1;

    let mut sums = vec![[0f64; FEATURES]; voxels];
    let mut counts = vec![0u32; voxels];
    for (i, (p, &voxel)) in positions.iter().zip(voxel_of_point).enumerate() {
        let [r, g, b] = colors
            .map_or([0.0; 3], |colors| [0, 1, 2].map(|channel| (f32::from(colors[i][channel]) - COLOR_MEAN[channel]) / COLOR_DEVIATION[channel]));
        let point = [r, g, b, p[0] - mean[0], p[1] - mean[1], p[2] - mean[2], p[2] - floor];
        for (sum, value) in sums[voxel as usize].iter_mut().zip(point) {
            *sum += f64::from(value);
        }
        counts[voxel as usize] += 1;
    }
    sums.iter().zip(counts).flat_map(|(sum, count)| sum.map(|s| (s / f64::from(count)) as f32)).collect()
}

fn superpoint_positions(segments: &SegmentMap, coords: &[[i32; 3]], voxel_size: f32) -> Vec<[f32; 3]> {
    let position = |superpoint| {
        let mut sum = [0f64; 3];
        for (voxel, weight) in segments.means().entries(superpoint) {
            for (s, c) in sum.iter_mut().zip(coords[voxel as usize]) {
                *s += f64::from(weight) * f64::from(c);
            }
        }
        sum.map(|s| (s * f64::from(voxel_size)) as f32)
    };
    (0..segments.segments()).map(position).collect()
}

fn range(positions: &[[f32; 3]]) -> [[f32; 3]; 2] {
    let mut range = [[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]];
    for p in positions {
        for axis in 0..3 {
            range[0][axis] = range[0][axis].min(p[axis]);
            range[1][axis] = range[1][axis].max(p[axis]);
        }
    }
    range
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn input(positions: &[[f32; 3]], colors: Option<&[[u8; 3]]>, ids: &[u32]) -> Result<SceneInput, SceneError> {
        SceneInput::new(positions, colors, &Superpoints::from_ids(ids), &Config { voxel_size: 0.5, ..Config::nano() })
    }

    #[test]
    fn voxels_hold_means_and_superpoints_count_points() {
        // two points in the voxel at (0, 0, 0), one at (0.5, 0, 1); the second superpoint has a point in each
        let positions = [[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [0.8, 0.1, 1.3]];
        let colors = [[0, 0, 0], [255, 0, 0], [0, 0, 255]];
        let scene = input(&positions, Some(&colors), &[7, 3, 3]).unwrap();
        let [first, second] = [&scene.features[..FEATURES], &scene.features[FEATURES..]];
        let red = (127.5 - COLOR_MEAN[0]) / COLOR_DEVIATION[0];
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(first[0], red);
        close(first[3], 0.2 - 0.4);
        close(first[5], 0.1 - 0.5);
        close(first[6], 0.0);
        close(second[6], 1.2);
        assert_eq!(scene.positions, [[0.0; 3], [0.25, 0.0, 0.5]]);
        assert_eq!(scene.range, [[0.1, 0.1, 0.1], [0.8, 0.1, 1.3]]);
        let grey = input(&positions, None, &[7, 3, 3]).unwrap();
        assert_eq!(grey.features[..3], [0.0; 3]);
    }

    #[test]
    fn bad_scans_are_refused_in_words() {
        assert_eq!(input(&[], None, &[]).unwrap_err(), SceneError::Empty);
        let far = input(&[[0.0; 3], [3e38, 0.0, 0.0]], None, &[0, 0]).unwrap_err();
        assert!(matches!(far, SceneError::Voxels(KernelMapError::TooFar { .. })), "{far}");
        let nan = input(&[[0.0; 3], [f32::NAN, 0.0, 0.0]], None, &[0, 0]).unwrap_err();
        assert!(matches!(nan, SceneError::NotFinite { point: 1, .. }), "{nan}");
        assert_eq!(input(&[[0.0; 3]], Some(&[]), &[0]).unwrap_err(), SceneError::Length { what: "colours", points: 1, found: 0 });
        let positions = vec![[0.0; 3]; 180_000];
        let ids: Vec<u32> = (0..180_000).collect();
        let many = input(&positions, None, &ids).unwrap_err();
        assert!(matches!(many, SceneError::TooLarge { what: "superpoints", found: 180_000, .. }), "{many}");
    }

    #[test]
    fn farthest_points_spread() {
        let line: Vec<[f32; 3]> = (0..11).map(|i| [i as f32, 0.0, 0.0]).collect();
        assert_eq!(farthest_points(&line, 3), [0, 5, 10]);
        assert_eq!(farthest_points(&line, 11), (0..11).collect::<Vec<u32>>());
        assert_eq!(farthest_points(&[[1.0; 3]; 4], 3), [0, 1, 2]);
    }

    proptest! {
        #[test]
        fn every_scan_of_points_becomes_a_scene(points in prop::collection::vec((prop::array::uniform3(-3.0f32..3.0), 0u32..5), 1..60)) {
            let (positions, ids): (Vec<_>, Vec<_>) = points.into_iter().unzip();
            let scene = input(&positions, None, &ids).unwrap();
            prop_assert!(scene.features.iter().all(|f| f.is_finite()));
            prop_assert_eq!(scene.pyramid.neighbours.len(), 5);
            for (fine, children) in scene.pyramid.neighbours.windows(2).zip(&scene.pyramid.children) {
                prop_assert_eq!((children.in_rows(), children.out_rows()), (fine[0].in_rows(), fine[1].in_rows()));
            }
            let scene = scene.to_device(&Device::flex());
            let queries = scene.queries(3);
            prop_assert_eq!(queries.len(), scene.superpoints().min(3));
            prop_assert!(queries.is_sorted_by(|a, b| a < b));
        }
    }
}
