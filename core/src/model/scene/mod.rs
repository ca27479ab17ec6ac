//! The network's input for one scan: voxels, the kernel maps of every level, and superpoints.

mod grid;
mod observation;
mod voxel_input;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Config, Features, Pyramid};
use crate::{
    ops::{BINDING_LIMIT, SegmentMap},
    spatial::farthest_points,
    superpoint::Superpoints,
};
use grid::Grid;
pub use observation::{Observation, SceneError};
pub use voxel_input::{VoxelInput, VoxelScene};

/// The part of the network's input that the decoder reads besides the voxels' features, in main
/// memory.
#[derive(Clone, Debug)]
pub struct SuperpointInput {
    /// Maps voxels to superpoints; a voxel counts once for each of its points.
    segments: SegmentMap,
    /// Mean of the lower corners of the voxels of each superpoint's points in metres,
    /// `(superpoints)` (docs/spec/model.md section 6).
    centers: Vec<[f32; 3]>,
    /// The same centers before elastic distortion.
    undistorted: Vec<[f32; 3]>,
    /// Lowest and highest coordinates of the points in metres.
    range: [[f32; 3]; 2],
    /// Objects seen in images: features `(objects, channels)` and positions.
    objects: Option<(Vec<f32>, Vec<[f32; 3]>)>,
}

impl SuperpointInput {
    /// Builds the input from an observation, `O(points log points)`.
    ///
    /// # Errors
    /// See [`SceneError`].
    pub fn new(
        observation: &Observation,
        superpoints: &Superpoints,
        config: &Config,
    ) -> Result<Self, SceneError> {
        observation.check(superpoints, config)?;
        let grid = Grid::new(observation, config)?;
        let voxels = grid.coords.len();
        Self::on(&grid, voxels, observation, superpoints, config)
    }

    fn on(
        grid: &Grid,
        voxels: usize,
        observation: &Observation,
        superpoints: &Superpoints,
        config: &Config,
    ) -> Result<Self, SceneError> {
        let centers = |positions| superpoint_centers(positions, superpoints, config.voxel_size);
        let objects = observation.objects.zip(config.objects.as_ref());
        Ok(Self {
            segments: SegmentMap::new(
                superpoints.superpoint_of_point(),
                &grid.voxel_of_point,
                superpoints.count(),
                voxels,
            )?,
            centers: centers(grid.moved()),
            undistorted: centers(&grid.positions),
            range: grid.range,
            objects: objects
                .map(|((features, positions), _)| (features.to_vec(), positions.to_vec())),
        })
    }

    /// Maps voxels to superpoints.
    pub fn segments(&self) -> &SegmentMap {
        &self.segments
    }

    /// See [`Scene::queries`].
    pub fn queries(&self, max: usize) -> Vec<u32> {
        queries(&self.centers, max)
    }

    /// Copies the positions to a device.
    pub fn to_device(&self, device: &Device) -> Layout {
        let rows = |values: &[f32], rows: usize| {
            Tensor::from_data(
                TensorData::new(values.to_vec(), [rows, values.len() / rows]),
                device,
            )
        };
        let places = |positions: &[[f32; 3]]| rows(positions.as_flattened(), positions.len());
        let objects = self
            .objects
            .as_ref()
            .filter(|(_, positions)| !positions.is_empty());
        Layout {
            centers: places(&self.centers),
            undistorted: places(&self.undistorted),
            range: self.range,
            objects: objects
                .map(|(features, positions)| (rows(features, positions.len()), places(positions))),
        }
    }
}

/// The network's input for one scan, in main memory.
#[derive(Clone, Debug)]
pub struct SceneInput {
    voxels: VoxelInput,
    superpoints: SuperpointInput,
}

impl SceneInput {
    /// Builds the input of a network with this `config` from an observation.
    /// `O(points log points)`.
    ///
    /// # Errors
    /// See [`SceneError`].
    pub fn new(
        observation: &Observation,
        superpoints: &Superpoints,
        config: &Config,
    ) -> Result<Self, SceneError> {
        observation.check(superpoints, config)?;
        let mut grid = Grid::new(observation, config)?;
        let voxels = grid.coords.len();
        Ok(Self {
            superpoints: SuperpointInput::on(&grid, voxels, observation, superpoints, config)?,
            voxels: VoxelInput::on(&mut grid, observation, config)?,
        })
    }

    /// The superpoints that are spread most evenly over the scene, at most `count` of them,
    /// ascending: farthest point sampling, `O(count superpoints)`.
    pub fn farthest(&self, count: usize) -> Vec<u32> {
        farthest_points(&self.superpoints.centers, count)
    }

    /// Copies the input to a device.
    pub fn to_device(&self, device: &Device) -> Scene {
        let VoxelScene {
            features,
            image,
            pyramid,
            ..
        } = self.voxels.to_device(device);
        Scene {
            features,
            image,
            pyramid,
            segments: self.superpoints.segments.clone(),
            layout: self.superpoints.to_device(device),
            positions: self.superpoints.centers.clone(),
        }
    }
}

/// The network's input for one scan, on a device.
#[derive(Clone, Debug)]
pub struct Scene {
    /// All voxel features except image features, `(voxels, channels)`.
    pub features: Features,
    /// Image features, `(voxels, image channels)`.
    pub image: Option<Features>,
    /// Kernel maps of all levels.
    pub pyramid: Pyramid,
    /// Maps voxels to superpoints.
    pub segments: SegmentMap,
    /// Positions in the scene.
    pub layout: Layout,
    /// Copy of `layout.centers` in main memory.
    positions: Vec<[f32; 3]>,
}

/// Positions in a scene, metres.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Superpoint centers, `(superpoints, 3)`.
    pub centers: Tensor<2>,
    /// The same centers before elastic distortion, `(superpoints, 3)`; objects seen in images are
    /// not distorted.
    pub undistorted: Tensor<2>,
    /// Lowest and highest coordinates of the points.
    pub range: [[f32; 3]; 2],
    /// Objects seen in images: features `(objects, channels)` and positions `(objects, 3)`.
    pub objects: Option<(Tensor<2>, Tensor<2>)>,
}

impl Scene {
    /// What the backbone reads, what maps its output to superpoints, and what the decoder reads.
    pub fn into_parts(self) -> (VoxelScene, SegmentMap, Layout) {
        let voxels = VoxelScene {
            voxels: self.voxels(),
            features: self.features,
            image: self.image,
            pyramid: self.pyramid,
        };
        (voxels, self.segments, self.layout)
    }

    /// Number of superpoints.
    pub fn superpoints(&self) -> usize {
        self.positions.len()
    }

    /// Number of voxels at the finest level.
    pub fn voxels(&self) -> usize {
        self.segments.rows()
    }

    /// The superpoints to use as queries at inference, ascending: all of them, or, if there
    /// are more than `max`, a subset spread evenly over the scene (farthest point sampling,
    /// `O(max superpoints)`). The subset is smaller if the masks of `max` queries do not fit into
    /// one tensor.
    pub fn queries(&self, max: usize) -> Vec<u32> {
        queries(&self.positions, max)
    }
}

fn queries(centers: &[[f32; 3]], max: usize) -> Vec<u32> {
    let max = max
        .min(BINDING_LIMIT / size_of::<f32>() / centers.len())
        .max(1);
    farthest_points(centers, max)
}

/// Mean of the lower corners of the voxels of each superpoint's points, `(superpoints)`, in a grid
/// with a corner at the world's origin.
fn superpoint_centers(
    positions: &[[f32; 3]],
    superpoints: &Superpoints,
    voxel_size: f32,
) -> Vec<[f32; 3]> {
    let mut sums = vec![([0f64; 3], 0u32); superpoints.count()];
    for (position, &superpoint) in positions.iter().zip(superpoints.superpoint_of_point()) {
        let (sum, count) = &mut sums[superpoint as usize];
        *count += 1;
        sum.iter_mut()
            .zip(position)
            .for_each(|(s, x)| *s += f64::from((x / voxel_size).floor()));
    }
    sums.into_iter()
        .map(|(sum, count)| sum.map(|s| (s * f64::from(voxel_size) / f64::from(count)) as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::{
        voxel_input::{COLOR_DEVIATION, COLOR_MEAN},
        *,
    };
    use crate::ops::KernelMapError;

    fn input(
        positions: &[[f32; 3]],
        colors: Option<&[[u8; 3]]>,
        ids: &[u32],
    ) -> Result<SceneInput, SceneError> {
        let observation = Observation {
            positions,
            colors,
            ..Observation::default()
        };
        SceneInput::new(
            &observation,
            &Superpoints::from_ids(ids),
            &Config {
                voxel_size: 0.5,
                ..Config::nano()
            },
        )
    }

    #[test]
    fn voxels_hold_means_and_superpoints_count_points() {
        // Two points in the voxel at (0, 0, 0), one at (0.5, 0, 1); the second superpoint has a
        // point in each.
        let positions = [[0.1, 0.1, 0.1], [0.3, 0.1, 0.1], [0.8, 0.1, 1.3]];
        let colors = [[0, 0, 0], [255, 0, 0], [0, 0, 255]];
        let scene = input(&positions, Some(&colors), &[7, 3, 3]).unwrap();
        let (first, second) = scene.voxels.features.split_at(7);
        let red = (127.5 - COLOR_MEAN[0]) / COLOR_DEVIATION[0];
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(first[0], red);
        close(first[3], 0.2 - 0.4);
        close(first[5], 0.1 - 0.5);
        close(first[6], 0.0);
        close(second[6], 1.2);
        assert_eq!(scene.superpoints.centers, [[0.0; 3], [0.25, 0.0, 0.5]]);
        assert_eq!(scene.superpoints.range, [[0.1, 0.1, 0.1], [0.8, 0.1, 1.3]]);
        let gray = input(&positions, None, &[7, 3, 3]).unwrap();
        assert_eq!(gray.voxels.features[..3], [0.0; 3]);
    }

    #[test]
    fn bad_scans_are_refused_in_words() {
        assert_eq!(input(&[], None, &[]).unwrap_err(), SceneError::Empty);
        let far = input(&[[0.0; 3], [3e38, 0.0, 0.0]], None, &[0, 0]).unwrap_err();
        assert!(
            matches!(far, SceneError::Voxels(KernelMapError::TooFar { .. })),
            "{far}"
        );
        let nan = input(&[[0.0; 3], [f32::NAN, 0.0, 0.0]], None, &[0, 0]).unwrap_err();
        assert!(
            matches!(nan, SceneError::NotFinite { point: 1, .. }),
            "{nan}"
        );
        assert_eq!(
            input(&[[0.0; 3]], Some(&[]), &[0]).unwrap_err(),
            SceneError::Length {
                what: "colours",
                expected: 1,
                found: 0
            }
        );
        let positions = vec![[0.0; 3]; 180_000];
        let ids: Vec<u32> = (0..180_000).collect();
        let many = input(&positions, None, &ids).unwrap_err();
        assert!(
            matches!(
                many,
                SceneError::TooLarge {
                    what: "superpoints",
                    found: 180_000,
                    ..
                }
            ),
            "{many}"
        );
    }

    proptest! {
        #[test]
        fn every_scan_of_points_becomes_a_scene(points in prop::collection::vec((prop::array::uniform3(-3.0f32..3.0), 0u32..5), 1..60)) {
            let (positions, ids): (Vec<_>, Vec<_>) = points.into_iter().unzip();
            let scene = input(&positions, None, &ids).unwrap();
            prop_assert!(scene.voxels.features.iter().all(|f| f.is_finite()));
            prop_assert_eq!(scene.voxels.pyramid.neighbors.len(), 5);
            for (fine, children) in scene.voxels.pyramid.neighbors.windows(2).zip(&scene.voxels.pyramid.children) {
                prop_assert_eq!((children.in_rows(), children.out_rows()), (fine[0].around.in_rows(), fine[1].around.in_rows()));
            }
            let scene = scene.to_device(&Device::flex());
            let queries = scene.queries(3);
            prop_assert_eq!(queries.len(), scene.superpoints().min(3));
            prop_assert!(queries.is_sorted_by(|a, b| a < b));
        }
    }
}
