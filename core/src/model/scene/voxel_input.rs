//! The part of the network's input that the backbone reads: voxels, which are known before
//! superpoints are.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Observation, SceneError, grid::Grid};
use crate::model::{Config, Features, Pyramid, config::Inputs};

/// Mean of ScanNet's colors in 0..=255 (docs/spec/model.md section 2).
pub(super) const COLOR_MEAN: [f32; 3] = [
    0.477_931_26 * 255.0,
    0.430_325_75 * 255.0,
    0.374_959_9 * 255.0,
];
/// Standard deviation of ScanNet's colors in 0..=255.
pub(super) const COLOR_DEVIATION: [f32; 3] = [
    0.283_447_5 * 255.0,
    0.275_661_6 * 255.0,
    0.270_189_7 * 255.0,
];
/// One point in this many is assumed to lie below the floor: noise, a mirror image, the room
/// beneath.
const BELOW_FLOOR: usize = 100;

/// The backbone's input for one scan, in main memory.
#[derive(Clone, Debug)]
pub struct VoxelInput {
    /// All voxel features except image features, `(voxels, channels)`.
    pub(super) features: Vec<f32>,
    /// Image features, (voxels, [`Inputs::image`]).
    image: Option<Vec<f32>>,
    pub(super) pyramid: Pyramid,
    voxels: usize,
}

/// The backbone's input for one scan, on a device.
#[derive(Clone, Debug)]
pub struct VoxelScene {
    /// All voxel features except image features, `(voxels, channels)`.
    pub features: Features,
    /// Image features, `(voxels, image channels)`.
    pub image: Option<Features>,
    /// Kernel maps of all levels.
    pub pyramid: Pyramid,
    /// Number of voxels at the finest level.
    pub voxels: usize,
}

impl VoxelInput {
    /// Builds the input of the backbone of a network with this `config` from an observation.
    /// `O(points log points)`.
    ///
    /// # Errors
    /// See [`SceneError`].
    pub fn new(observation: &Observation, config: &Config) -> Result<Self, SceneError> {
        let mut grid = Grid::new(observation, config)?;
        Self::on(&mut grid, observation, config)
    }

    /// The same on the grid of this observation, which gives its coordinates away.
    pub(super) fn on(
        grid: &mut Grid,
        observation: &Observation,
        config: &Config,
    ) -> Result<Self, SceneError> {
        let coords = std::mem::take(&mut grid.coords);
        let (voxels, voxel_of_point) = (coords.len(), &grid.voxel_of_point);
        let image = observation.image.filter(|_| config.inputs.image > 0);
        Ok(Self {
            features: voxel_features(
                &grid.positions,
                observation.colors,
                &config.inputs,
                voxel_of_point,
                voxels,
            ),
            image: image
                .map(|image| mean_of_voxels(image, config.inputs.image, voxel_of_point, voxels)),
            pyramid: Pyramid::new(coords, &config.backbone)?,
            voxels,
        })
    }

    /// Copies the input to a device.
    pub fn to_device(&self, device: &Device) -> VoxelScene {
        let voxels = self.voxels;
        let rows = |values: &[f32]| {
            let shape = [voxels, values.len() / voxels];
            Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
        };
        let features = |values: &[f32]| {
            let channels = values.len() / voxels;
            let part = |cut: Range<usize>| {
                if cut.len() == channels {
                    return rows(values);
                }
                let part: Vec<f32> = values
                    .chunks_exact(channels)
                    .flat_map(|row| &row[cut.clone()])
                    .copied()
                    .collect();
                rows(&part)
            };
            Features::concat(Features::cuts(voxels, channels).map(part).collect())
        };
        VoxelScene {
            features: features(&self.features),
            image: self.image.as_deref().map(features),
            pyramid: self.pyramid.clone(),
            voxels,
        }
    }
}

/// All features except image features, averaged over the points of each voxel,
/// `(voxels, channels)`.
fn voxel_features(
    positions: &[[f32; 3]],
    colors: Option<&[[u8; 3]]>,
    inputs: &Inputs,
    voxel_of_point: &[u32],
    voxels: usize,
) -> Vec<f32> {
    let points = positions.len();
    let mean = [0, 1, 2].map(|axis| {
        (positions.iter().map(|p| f64::from(p[axis])).sum::<f64>() / points as f64) as f32
    });
    let mut heights: Vec<f32> = positions.iter().map(|p| p[2]).collect();
    let floor = *heights
        .select_nth_unstable_by(points / BELOW_FLOOR, f32::total_cmp)
        .1;
    let mut features = Vec::with_capacity(points * inputs.channels());
    for (i, p) in positions.iter().enumerate() {
        let normalized = |channel: usize, color: u8| {
            (f32::from(color) - COLOR_MEAN[channel]) / COLOR_DEVIATION[channel]
        };
        features.extend(colors.map_or([0.0; 3], |colors| {
            [0, 1, 2].map(|channel| normalized(channel, colors[i][channel]))
        }));
        if inputs.position {
            features.extend([p[0] - mean[0], p[1] - mean[1], p[2] - mean[2]]);
        }
        if inputs.height {
            features.push(p[2] - floor);
        }
    }
    mean_of_voxels(&features, features.len() / points, voxel_of_point, voxels)
}

/// Averages `features` `(points, channels)` over the points of each voxel, `(voxels, channels)`.
fn mean_of_voxels(
    features: &[f32],
    channels: usize,
    voxel_of_point: &[u32],
    voxels: usize,
) -> Vec<f32> {
    let mut means = vec![0.0; voxels * channels];
    let mut counts = vec![0u32; voxels];
    for (point, &voxel) in features.chunks_exact(channels).zip(voxel_of_point) {
        // A running mean, because a sum over many points of a voxel would lose the small
        // differences between them to rounding.
        let voxel = voxel as usize;
        counts[voxel] += 1;
        let share = 1.0 / counts[voxel] as f32;
        means[voxel * channels..][..channels]
            .iter_mut()
            .zip(point)
            .for_each(|(mean, value)| *mean += (value - *mean) * share);
    }
    means
}
