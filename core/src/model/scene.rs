//! The network's input for one scan: voxels, the kernel maps of every level, and superpoints.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::{Config, Features, Pyramid, config::Inputs};
use crate::{
    ops::{BINDING_LIMIT, KernelMapError, SegmentMap, SegmentMapError},
    scan::Scan,
    spatial::{Voxels, farthest_points, without_strays},
    superpoint::Superpoints,
};

/// Mean of ScanNet's colors in 0..=255 (docs/spec/model.md section 2).
const COLOR_MEAN: [f32; 3] = [
    0.477_931_26 * 255.0,
    0.430_325_75 * 255.0,
    0.374_959_9 * 255.0,
];
/// Standard deviation of ScanNet's colors in 0..=255.
const COLOR_DEVIATION: [f32; 3] = [
    0.283_447_5 * 255.0,
    0.275_661_6 * 255.0,
    0.270_189_7 * 255.0,
];
/// One point in this many is assumed to lie below the floor: noise, a mirror image, the room
/// beneath.
const BELOW_FLOOR: usize = 100;

/// An error of turning a scan into the input of the network.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SceneError {
    /// The scan has no points.
    #[error("the scan has no points")]
    Empty,
    /// The arrays have different numbers of points.
    #[error("the scan has {found} {what} instead of {expected}")]
    Length {
        /// Name of the array, such as colors or superpoint ids.
        what: &'static str,
        /// Expected length.
        expected: usize,
        /// Actual length.
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
    /// A tensor would be larger than a graphics device can bind.
    #[error(
        "the scan has {found} {what}, the network takes at most {limit}; crop it or thin it out"
    )]
    TooLarge {
        /// The kind of element: voxels or superpoints.
        what: &'static str,
        /// Actual number.
        found: usize,
        /// Limit for this configuration.
        limit: usize,
    },
    /// The voxels do not fit the tables of the convolutions.
    #[error(transparent)]
    Voxels(#[from] KernelMapError),
    /// The superpoints do not fit the voxels.
    #[error(transparent)]
    Superpoints(#[from] SegmentMapError),
}

/// The known properties of a scan's points, one entry per point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observation<'a> {
    /// Positions in metres, world frame, `(points, 3)`.
    pub positions: &'a [[f32; 3]],
    /// Triangles between the points, if the scan is a mesh. Superpoints follow its surface; the
    /// network does not read them.
    pub triangles: &'a [[u32; 3]],
    /// sRGB colors, `(points, 3)`; a scan without colors is treated as having the mean color
    /// everywhere.
    pub colors: Option<&'a [[u8; 3]]>,
    /// Image features, (points, [`Inputs::image`]); without them every point gets the feature that
    /// the network learned for this case.
    pub image: Option<&'a [f32]>,
    /// Positions after elastic distortion in metres, `(points, 3)`; voxels and boxes use them.
    pub distorted: Option<&'a [[f32; 3]]>,
    /// Objects seen in images: features (objects,
    /// [`Objects::channels`](super::config::Objects::channels)) and positions `(objects, 3)` in
    /// metres.
    pub objects: Option<(&'a [f32], &'a [[f32; 3]])>,
}

impl<'a> From<&'a Scan> for Observation<'a> {
    fn from(scan: &'a Scan) -> Self {
        Self {
            positions: &scan.positions,
            triangles: &scan.triangles,
            colors: scan.colors.as_deref(),
            ..Self::default()
        }
    }
}

impl Observation<'_> {
    /// Checks that all arrays have the lengths that a network with this `config` needs, that all
    /// positions are finite, and that the superpoints are not too many for a GPU.
    pub(crate) fn check(
        &self,
        superpoints: &Superpoints,
        config: &Config,
    ) -> Result<(), SceneError> {
        let points = self.positions.len();
        if points == 0 {
            return Err(SceneError::Empty);
        }
        let same_length = |what, found, expected| {
            if found == expected {
                Ok(())
            } else {
                Err(SceneError::Length {
                    what,
                    expected,
                    found,
                })
            }
        };
        let of_points = |array: Option<usize>| array.unwrap_or(points);
        same_length("colours", of_points(self.colors.map(<[_]>::len)), points)?;
        same_length(
            "distorted positions",
            of_points(self.distorted.map(<[_]>::len)),
            points,
        )?;
        same_length(
            "superpoint ids",
            superpoints.superpoint_of_point().len(),
            points,
        )?;
        if let Some(image) = self.image.filter(|_| config.inputs.image > 0) {
            same_length("image features", image.len(), points * config.inputs.image)?;
        }
        if let Some(((features, positions), objects)) = self.objects.zip(config.objects.as_ref()) {
            same_length(
                "features of objects",
                features.len(),
                positions.len() * objects.channels,
            )?;
        }
        for positions in [Some(self.positions), self.distorted].into_iter().flatten() {
            if let Some(point) = positions
                .iter()
                .position(|p| !p.iter().all(|x| x.is_finite()))
            {
                return Err(SceneError::NotFinite {
                    point,
                    position: positions[point],
                });
            }
        }
        // Attention concatenates content and position of every superpoint, which doubles the width.
        let limit = BINDING_LIMIT / size_of::<f32>() / (2 * config.d_model);
        if superpoints.count() > limit {
            return Err(SceneError::TooLarge {
                what: "superpoints",
                found: superpoints.count(),
                limit,
            });
        }
        Ok(())
    }
}

/// The network's input for one scan, in main memory.
#[derive(Clone, Debug)]
pub struct SceneInput {
    /// All voxel features except image features, `(voxels, channels)`.
    features: Vec<f32>,
    /// Image features, (voxels, [`Inputs::image`]).
    image: Option<Vec<f32>>,
    pyramid: Pyramid,
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
        let Observation {
            positions,
            colors,
            image,
            distorted,
            objects,
            triangles: _,
        } = *observation;
        let image = image.filter(|_| config.inputs.image > 0);
        let objects = objects.zip(config.objects.as_ref());
        observation.check(superpoints, config)?;
        let (positions, distorted) = (without_strays(positions), distorted.map(without_strays));
        let positions: &[[f32; 3]] = &positions;
        let moved = distorted.as_deref().unwrap_or(positions);

        let range = range(moved);
        let corner = match config.backbone.grid() {
            Some(_) => range[0],
            None => [0.0; 3],
        };
        // Rows in the order of kernel maps, z first, spare these a sort and random reads.
        let z_first: Vec<[f32; 3]> = moved
            .iter()
            .map(|p| [2, 1, 0].map(|axis| p[axis] - corner[axis]))
            .collect();
        let Voxels {
            mut coords,
            voxel_of_point,
        } = Voxels::new(&z_first, config.voxel_size);
        drop(z_first);
        coords.iter_mut().for_each(|coord| coord.reverse());
        let voxels = coords.len();
        let centers = |positions| superpoint_centers(positions, superpoints, config.voxel_size);
        Ok(Self {
            features: voxel_features(positions, colors, &config.inputs, &voxel_of_point, voxels),
            image: image
                .map(|image| mean_of_voxels(image, config.inputs.image, &voxel_of_point, voxels)),
            segments: SegmentMap::new(
                superpoints.superpoint_of_point(),
                &voxel_of_point,
                superpoints.count(),
                voxels,
            )?,
            centers: centers(moved),
            undistorted: centers(positions),
            range,
            objects: objects
                .map(|((features, positions), _)| (features.to_vec(), positions.to_vec())),
            pyramid: Pyramid::new(coords, &config.backbone)?,
        })
    }

    /// The superpoints that are spread most evenly over the scene, at most `count` of them,
    /// ascending: farthest point sampling, `O(count superpoints)`.
    pub fn farthest(&self, count: usize) -> Vec<u32> {
        farthest_points(&self.centers, count)
    }

    /// Copies the input to a device.
    pub fn to_device(&self, device: &Device) -> Scene {
        let voxels = self.segments.rows();
        let rows = |values: &[f32], rows: usize| {
            Tensor::from_data(
                TensorData::new(values.to_vec(), [rows, values.len() / rows]),
                device,
            )
        };
        let places = |positions: &[[f32; 3]]| rows(positions.as_flattened(), positions.len());
        let features = |values: &[f32]| {
            let channels = values.len() / voxels;
            let part = |cut: Range<usize>| {
                if cut.len() == channels {
                    return rows(values, voxels);
                }
                let part: Vec<f32> = values
                    .chunks_exact(channels)
                    .flat_map(|row| &row[cut.clone()])
                    .copied()
                    .collect();
                rows(&part, voxels)
            };
            Features::concat(Features::cuts(voxels, channels).map(part).collect())
        };
        let objects = self
            .objects
            .as_ref()
            .filter(|(_, positions)| !positions.is_empty());
        Scene {
            features: features(&self.features),
            image: self.image.as_deref().map(features),
            pyramid: self.pyramid.clone(),
            segments: self.segments.clone(),
            layout: Layout {
                centers: places(&self.centers),
                undistorted: places(&self.undistorted),
                range: self.range,
                objects: objects.map(|(features, positions)| {
                    (rows(features, positions.len()), places(positions))
                }),
            },
            positions: self.centers.clone(),
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
    /// Number of superpoints.
    pub fn superpoints(&self) -> usize {
        self.positions.len()
    }

    /// Number of voxels at the finest level.
    pub fn voxels(&self) -> usize {
        self.segments.rows()
    }

    /// Returns the superpoints to use as queries at inference, ascending: all of them, or, if there
    /// are more than `max`, a subset spread evenly over the scene (farthest point sampling,
    /// `O(max superpoints)`). The subset is smaller if the masks of `max` queries do not fit into
    /// one tensor.
    pub fn queries(&self, max: usize) -> Vec<u32> {
        let max = max
            .min(BINDING_LIMIT / size_of::<f32>() / self.superpoints())
            .max(1);
        farthest_points(&self.positions, max)
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
        let (first, second) = scene.features.split_at(7);
        let red = (127.5 - COLOR_MEAN[0]) / COLOR_DEVIATION[0];
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        close(first[0], red);
        close(first[3], 0.2 - 0.4);
        close(first[5], 0.1 - 0.5);
        close(first[6], 0.0);
        close(second[6], 1.2);
        assert_eq!(scene.centers, [[0.0; 3], [0.25, 0.0, 0.5]]);
        assert_eq!(scene.range, [[0.1, 0.1, 0.1], [0.8, 0.1, 1.3]]);
        let gray = input(&positions, None, &[7, 3, 3]).unwrap();
        assert_eq!(gray.features[..3], [0.0; 3]);
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
            prop_assert!(scene.features.iter().all(|f| f.is_finite()));
            prop_assert_eq!(scene.pyramid.neighbors.len(), 5);
            for (fine, children) in scene.pyramid.neighbors.windows(2).zip(&scene.pyramid.children) {
                prop_assert_eq!((children.in_rows(), children.out_rows()), (fine[0].around.in_rows(), fine[1].around.in_rows()));
            }
            let scene = scene.to_device(&Device::flex());
            let queries = scene.queries(3);
            prop_assert_eq!(queries.len(), scene.superpoints().min(3));
            prop_assert!(queries.is_sorted_by(|a, b| a < b));
        }
    }
}
