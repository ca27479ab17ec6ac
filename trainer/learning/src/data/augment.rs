//! Random augmentation of a scan before it is voxelized (docs/spec/model.md section 11.5).

use glam::Vec3;
use rand::{Rng, RngExt};

use crate::config::Augment;

/// Flips, rotates, scales and translates `positions` (world frame, metres) at random.
pub fn move_rigidly(positions: &mut [[f32; 3]], options: &Augment, rng: &mut impl Rng) {
    let flips = [0, 1].map(|_| {
        if rng.random_bool(options.flip) {
            -1.0
        } else {
            1.0
        }
    });
    let angle = if options.rotate {
        rng.random_range(-std::f32::consts::PI..std::f32::consts::PI)
    } else {
        0.0
    };
    let scale = rng.random_range(options.scale[0]..=options.scale[1]);
    let shift = [0; 3].map(|_| gaussian(rng) * options.translate);
    rigid(positions, flips, angle, scale, shift);
}

/// Distorts `positions` (world frame, metres) with the probability `elastic`; returns `true` if it
/// did.
pub fn distort(positions: &mut [[f32; 3]], options: &Augment, rng: &mut impl Rng) -> bool {
    let is_drawn = rng.random_bool(options.elastic);
    if is_drawn {
        for pass in &ELASTIC {
            pass.distort(positions, |_| gaussian(rng));
        }
    }
    is_drawn
}

/// Applies steps 1 to 4: mirrors x and y, rotates row vectors about z by
/// `[[cos, sin], [-sin, cos]]`, scales and translates.
fn rigid(positions: &mut [[f32; 3]], flips: [f32; 2], angle: f32, scale: f32, shift: [f32; 3]) {
    let (sin, cos) = angle.sin_cos();
    for p in positions {
        let (x, y) = (p[0] * flips[0], p[1] * flips[1]);
        *p = [
            (x * cos - y * sin) * scale + shift[0],
            (x * sin + y * cos) * scale + shift[1],
            p[2] * scale + shift[2],
        ];
    }
}

/// Applies a random gain and offset to each colour channel, or removes all colours with the
/// probability `color_drop`.
pub fn colors(colors: &mut Option<Vec<[u8; 3]>>, options: &Augment, rng: &mut impl Rng) {
    if rng.random_bool(options.color_drop) {
        *colors = None;
    }
    let jitter = options.color_jitter;
    let mut draw = |center: f32| center + jitter * rng.random_range(-1.0..=1.0);
    let gain = [0; 3].map(|_| draw(1.0));
    let offset = [0; 3].map(|_| 255.0 * draw(0.0));
    for color in colors.iter_mut().flatten() {
        for ((c, gain), offset) in color.iter_mut().zip(gain).zip(offset) {
            *c = (f32::from(*c) * gain + offset).round() as u8; // the cast saturates
        }
    }
}

/// Unit of length of the elastic distortion, metres: the released code works in voxels of this
/// size, whatever the voxel size of the network.
const UNIT: f32 = 0.02;

/// One pass of the elastic distortion: smoothed noise on a coarse grid moves the points. Lengths
/// are in [`UNIT`]s.
struct Elastic {
    granularity: usize,
    magnitude: f32,
}

/// The fine pass, then the coarse one.
const ELASTIC: [Elastic; 2] = [
    Elastic {
        granularity: 6,
        magnitude: 40.0,
    },
    Elastic {
        granularity: 20,
        magnitude: 160.0,
    },
];

/// The distortion is left out if the grid has more nodes than this: such a cloud is not a room.
const MAX_NODES: usize = 1 << 23;

impl Elastic {
    /// Number of nodes along each axis. They are two granularities apart and span +-(nodes - 1)
    /// granularities.
    fn nodes(&self, positions: &[[f32; 3]]) -> [usize; 3] {
        let reach = positions
            .iter()
            .fold(Vec3::ZERO, |m, p| m.max((Vec3::from(*p) / UNIT).abs()));
        reach.to_array().map(|r| r as usize / self.granularity + 3)
    }

    /// Moves every point by `magnitude` times the smoothed noise at its position. `noise(axis)`
    /// draws the values of the nodes in x-major order.
    fn distort(&self, positions: &mut [[f32; 3]], mut noise: impl FnMut(usize) -> f32) {
        let nodes = self.nodes(positions);
        if nodes
            .iter()
            .try_fold(1_usize, |n, &m| n.checked_mul(m))
            .is_none_or(|n| n > MAX_NODES)
        {
            return;
        }
        let grids = [0, 1, 2].map(|axis| {
            let mut grid: Vec<f32> = (0..nodes.iter().product()).map(|_| noise(axis)).collect();
            for _ in 0..2 {
                (0..3).for_each(|along| smooth(&mut grid, nodes, along));
            }
            grid
        });
        let spacing = 2.0 * self.granularity as f32 * UNIT;
        for p in positions {
            let mut corner = [0; 3];
            let mut inside = [0.0; 3];
            for axis in 0..3 {
                let at = p[axis] / spacing + (nodes[axis] - 1) as f32 / 2.0;
                corner[axis] = (at.max(0.0) as usize).min(nodes[axis] - 2);
                inside[axis] = at - corner[axis] as f32;
            }
            let mut shift = [0.0; 3];
            for bits in 0..8_usize {
                let mut weight = 1.0;
                let mut node = 0;
                for axis in 0..3 {
                    let upper = bits >> axis & 1;
                    weight *= if upper == 1 {
                        inside[axis]
                    } else {
                        1.0 - inside[axis]
                    };
                    node = node * nodes[axis] + corner[axis] + upper;
                }
                for (shift, grid) in shift.iter_mut().zip(&grids) {
                    *shift += weight * grid[node];
                }
            }
            for (p, shift) in p.iter_mut().zip(shift) {
                *p += shift * self.magnitude * UNIT;
            }
        }
    }
}

/// Replaces each node by the mean of itself and its two neighbours along one axis; nodes beyond the
/// border count as zero.
fn smooth(grid: &mut [f32], nodes: [usize; 3], along: usize) {
    let stride: usize = nodes[along + 1..].iter().product();
    let length = nodes[along];
    for start in (0..grid.len()).filter(|i| (i / stride).is_multiple_of(length)) {
        let mut before = 0.0;
        for k in 0..length {
            let here = grid[start + k * stride];
            let after = if k + 1 < length {
                grid[start + (k + 1) * stride]
            } else {
                0.0
            };
            grid[start + k * stride] = (before + here + after) / 3.0;
            before = here;
        }
    }
}

/// A standard normal random number (Box-Muller).
fn gaussian(rng: &mut impl Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proofs::golden;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use safetensors::SafeTensors;

    use super::*;

    fn values(file: &SafeTensors, name: &str) -> Vec<f32> {
        let tensor = file.tensor(name).unwrap();
        match tensor.dtype() {
            safetensors::Dtype::F64 => tensor
                .data()
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes(b.try_into().unwrap()) as f32)
                .collect(),
            _ => tensor
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect(),
        }
    }

    fn points(file: &SafeTensors, name: &str) -> Vec<[f32; 3]> {
        values(file, name)
            .chunks_exact(3)
            .map(|p| [p[0], p[1], p[2]])
            .collect()
    }

    fn assert_near(got: &[[f32; 3]], expected: &[[f32; 3]], tolerance: f32) {
        assert_eq!(got.len(), expected.len());
        for (g, e) in got.iter().zip(expected) {
            assert!(
                g.iter().zip(e).all(|(g, e)| (g - e).abs() <= tolerance),
                "{g:?} instead of {e:?}"
            );
        }
    }

    /// Reference vectors made by the released transforms.
    #[test]
    fn positions_follow_the_reference() {
        for (case, flips, is_bent) in [
            ("both_flips_elastic", [-1.0; 2], true),
            ("flip_x_no_elastic", [-1.0, 1.0], false),
            ("flip_y_elastic", [1.0, -1.0], true),
        ] {
            let bytes = golden::bytes(&format!("segdino3d/augment_{case}.safetensors"));
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let mut p = points(&file, "input.points_xyz");
            let shift = values(&file, "input.translation");
            rigid(
                &mut p,
                flips,
                values(&file, "input.angle")[0],
                values(&file, "input.scale")[0],
                [shift[0], shift[1], shift[2]],
            );
            assert_near(&p, &points(&file, "expected.final.points_xyz"), 4e-6);
            for (pass, elastic) in ELASTIC.iter().enumerate().filter(|_| is_bent) {
                let noise = [0, 1, 2]
                    .map(|axis| values(&file, &format!("input.noise.pass{pass}.axis{axis}")));
                let mut next = noise.each_ref().map(|n| n.iter());
                elastic.distort(&mut p, |axis| *next[axis].next().unwrap());
                assert!(
                    next.iter_mut().all(|n| n.next().is_none()),
                    "the noise grid has another size"
                );
            }
            let voxels: Vec<_> = p.iter().map(|p| p.map(|x| x / UNIT)).collect();
            assert_near(&voxels, &points(&file, "expected.elastic_coords"), 3e-4);
        }
    }

    #[test]
    fn far_points_are_left_alone_by_the_distortion() {
        let mut p = [[1e7, 0.0, 0.0], [0.0, 1e7, 1e7]];
        let before = p;
        ELASTIC[0].distort(&mut p, |_| 1.0);
        assert_eq!(p, before);
    }

    #[test]
    fn colors_are_dropped_or_stay_in_range() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let options = Augment {
            color_jitter: 0.5,
            color_drop: 0.5,
            ..Augment::default()
        };
        let drawn: Vec<_> = (0..40)
            .map(|_| {
                let mut c = Some(vec![[0, 128, 255]]);
                colors(&mut c, &options, &mut rng);
                c
            })
            .collect();
        assert!(drawn.iter().any(Option::is_none) && drawn.iter().any(Option::is_some));
    }
}
