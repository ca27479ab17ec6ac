//! Sine encoding of 3D positions and its modulation by a box (docs/spec/model.md section 8, "PE
//! details").

use std::f64::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};

use crate::ops::{matmul, sine};

/// Base of the geometric series of wavelengths.
const TEMPERATURE: f64 = 20.0;

/// Numbers of channels for x, y and z: even and as equal as possible; the remainder is given out in
/// pairs, starting with x.
fn blocks(channels: usize) -> [usize; 3] {
    let base = channels / 3 / 2 * 2;
    let pairs_left = (channels - 3 * base) / 2;
    [0, 1, 2].map(|axis| base + if axis < pairs_left { 2 } else { 0 })
}

/// The encoding `sin(2 pi ((p - min) F + phase))`; its constants are computed once per scene.
///
/// Positions are in metres, world frame. The channels are three consecutive blocks for x, y and z;
/// in a block of `C` channels, channel `j` is `sin` (even `j`) or `cos` (odd `j`) of
/// `2 pi u / 20^(2 floor(j/2) / C)`, where `u` is the position relative to the scene's range.
#[derive(Clone, Debug)]
pub struct PositionEncoding {
    /// Lower corner of the scene, `(1, 3)`.
    min: Tensor<2>,
    /// Turns per metre, `(3, channels)`; nonzero only in the axis' own block.
    frequencies: Tensor<2>,
    /// 0 for sines, a quarter turn for cosines, `(1, channels)`.
    phases: Tensor<2>,
    /// 1 in the axis' own block, `(3, channels)`.
    axes: Tensor<2>,
    /// Extent of the scene in metres, `(1, 3)`.
    extent: Tensor<2>,
}

impl PositionEncoding {
    /// Creates the encoding for a scene within `min..=max` (metres); an axis without extent is
    /// treated as 1 mm long. `channels` must be even and at least 6.
    pub fn new(channels: usize, min: [f32; 3], max: [f32; 3], device: &Device) -> Self {
        let mut frequencies = vec![0f32; 3 * channels];
        let mut axes = vec![0f32; 3 * channels];
        let mut phases = vec![0f32; channels];
        let mut channel = 0;
        let extent = [0, 1, 2].map(|axis| (f64::from(max[axis]) - f64::from(min[axis])).max(1e-3));
        for (axis, block) in blocks(channels).into_iter().enumerate() {
            for j in 0..block {
                let frequency =
                    1.0 / TEMPERATURE.powf((2 * (j / 2)) as f64 / block as f64) / extent[axis];
                frequencies[axis * channels + channel] = frequency as f32;
                axes[axis * channels + channel] = 1.0;
                phases[channel] = if j % 2 == 1 { 0.25 } else { 0.0 };
                channel += 1;
            }
        }
        let matrix = |values: Vec<f32>, rows: usize| {
            Tensor::from_data(TensorData::new(values, [rows, channels]), device)
        };
        Self {
            min: Tensor::from_floats([min], device),
            frequencies: matrix(frequencies, 3),
            phases: matrix(phases, 1),
            axes: matrix(axes, 3),
            extent: Tensor::from_floats([extent.map(|e| e as f32)], device),
        }
    }

    /// Fourier features in place of waves along the axes (Segment3D,
    /// docs/spec/any3dis_segment3d_opentrack3d.md section B1): sines, then cosines, of the products
    /// of the place in the scene's box with normally distributed numbers. The numbers are the same
    /// in every scene and network, so no checkpoint has to keep them. Such an encoding cannot be
    /// [modulated](Self::modulate).
    pub fn fourier(channels: usize, min: [f32; 3], max: [f32; 3], device: &Device) -> Self {
        let waves = channels / 2;
        let numbers = normal_numbers(3 * waves);
        let along = |axis: usize| {
            let extent = (f64::from(max[axis]) - f64::from(min[axis])).max(1e-3);
            let turns = numbers[axis * waves..][..waves].iter();
            let turns: Vec<f32> = turns.map(|number| (number / extent) as f32).collect();
            [turns.clone(), turns].concat()
        };
        let phases = [vec![0.0; waves], vec![0.25; waves]].concat();
        let frequencies = [0, 1, 2].map(along).concat();
        Self {
            frequencies: Tensor::from_data(TensorData::new(frequencies, [3, channels]), device),
            phases: Tensor::from_data(TensorData::new(phases, [1, channels]), device),
            ..Self::new(channels, min, max, device)
        }
    }

    /// The extent of the scene in metres, `(1, 3)`; never 0.
    pub fn extent(&self) -> Tensor<2> {
        self.extent.clone()
    }

    /// Encodes `positions` `(n, 3)` in metres as `(n, channels)`.
    pub fn encode(&self, positions: Tensor<2>) -> Tensor<2> {
        sine(matmul(positions - self.min.clone(), self.frequencies.clone()) + self.phases.clone())
    }

    /// Multiplies the block of each axis in `encoding` `(n, channels)` by the entry of that axis in
    /// `factors` `(n, 3)`.
    pub fn modulate(&self, encoding: Tensor<2>, factors: Tensor<2>) -> Tensor<2> {
        encoding * matmul(factors, self.axes.clone())
    }
}

/// Numbers of the standard normal distribution, by the method of Box and Muller from the uniform
/// numbers of SplitMix64; always the same ones.
fn normal_numbers(count: usize) -> Vec<f64> {
    let mut state = 0u64;
    let mut uniform = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut number = || (-2.0 * uniform().ln()).sqrt() * (TAU * uniform()).cos();
    (0..count).map(|_| number()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use burn::tensor::Tolerance;

    use super::*;
    use crate::golden;

    #[test]
    fn blocks_are_even_and_complete() {
        assert_eq!(blocks(256), [86, 86, 84]);
        assert_eq!(blocks(96), [32, 32, 32]);
        assert_eq!(blocks(16), [6, 6, 4]);
        for channels in (6..1024).step_by(2) {
            let blocks = blocks(channels);
            assert_eq!(blocks.iter().sum::<usize>(), channels);
            assert!(blocks.iter().all(|b| b % 2 == 0));
        }
    }

    /// Compares with values computed by the original code.
    #[test]
    fn encoding_equals_the_reference() {
        let golden = &golden::json("components.json")["positional_encoding"];
        let rows = |name: &str| -> Vec<f32> {
            let rows = golden[name].as_array().unwrap().iter();
            rows.flat_map(|row| {
                row.as_array()
                    .map_or_else(|| vec![row.clone()], Clone::clone)
            })
            .map(|v| v.as_f64().unwrap() as f32)
            .collect()
        };
        let device = Device::flex();
        let matrix = |name: &str| {
            let values = rows(name);
            let columns = values.len() / 3;
            Tensor::<2>::from_data(TensorData::new(values, [3, columns]), &device)
        };
        let corner = |name: &str| -> [f32; 3] { rows(name).try_into().unwrap() };
        let encoding =
            PositionEncoding::new(256, corner("scene_min"), corner("scene_max"), &device);
        let encoded = encoding.encode(matrix("xyz"));
        let tolerance = Tolerance::<f32>::absolute(1e-5);
        encoded
            .to_data()
            .assert_approx_eq::<f32>(&matrix("pe").to_data(), tolerance);
        let modulated = encoding.modulate(encoded, matrix("modulation"));
        modulated
            .to_data()
            .assert_approx_eq::<f32>(&matrix("pe_modulated").to_data(), tolerance);
    }

    /// The features of a point at fractions `u` of the box are sin and cos of 2 pi u B with the
    /// standard normal matrix B, whatever the box.
    #[test]
    fn fourier_features_depend_on_the_place_in_the_box() {
        let device = Device::flex();
        let encode = |min: [f32; 3], max: [f32; 3]| -> Vec<f32> {
            let at = [0, 1, 2].map(|a| min[a] + (max[a] - min[a]) * [0.25, 0.5, 0.75][a]);
            let encoding = PositionEncoding::fourier(128, min, max, &device);
            let features = encoding.encode(Tensor::from_floats([at], &device));
            features.into_data().try_into_vec().unwrap()
        };
        let features = encode([0.0; 3], [4.0, 2.0, 3.0]);
        let elsewhere = encode([-7.0, 1.0, 0.0], [-1.0, 9.0, 2.0]);
        let numbers = normal_numbers(3 * 64);
        for wave in 0..64 {
            let turns =
                0.25 * numbers[wave] + 0.5 * numbers[64 + wave] + 0.75 * numbers[128 + wave];
            for (found, expected) in [
                (features[wave], (TAU * turns).sin()),
                (features[64 + wave], (TAU * turns).cos()),
                (elsewhere[wave], (TAU * turns).sin()),
            ] {
                assert!(
                    (f64::from(found) - expected).abs() < 1e-3,
                    "{found} {expected}"
                );
            }
        }
        let many = normal_numbers(20_000);
        let mean = many.iter().sum::<f64>() / 2e4;
        let variance = many.iter().map(|x| x * x).sum::<f64>() / 2e4;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }

    #[test]
    fn a_flat_scene_stays_finite() {
        let device = Device::flex();
        let encoding = PositionEncoding::new(96, [1.0; 3], [1.0; 3], &device);
        let encoded = encoding.encode(Tensor::from_floats([[1.0, 1.0, 0.96]], &device));
        assert!(
            encoded
                .into_data()
                .as_slice::<f32>()
                .unwrap()
                .iter()
                .all(|v| v.abs() <= 1.0)
        );
    }
}
