//! Batch normalization on the CPU, in blocks of rows that stay in the cache. The statistics of the
//! blocks are combined in block order, so that the result does not depend on the number of threads.

use burn::{
    backend::{TensorMetadata as _, flex::FlexTensor},
    tensor::TensorData,
};
use pulp::{Simd, WithSimd};

use crate::ops::products::{dispatch, values};
use crate::platform;

/// Values per block: they stay in a level-1 cache while they are read twice.
const BLOCK: usize = 1 << 13;
/// Number of channels whose sums stay in registers.
const LANES: usize = 16;

/// One number per channel, for [`LANES`] channels side by side.
type Lanes = [f32; LANES];

/// Forward pass: `x` is `(rows, channels)`; `parameters` are gamma and beta. Returns the result,
/// means and variances.
pub(super) fn forward(
    x: FlexTensor,
    parameters: [FlexTensor; 2],
    epsilon: f64,
    with_relu: bool,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let shape = x.shape();
    let [rows, channels] = shape.dims();
    let [x, gamma, beta] =
        [x, parameters[0].clone(), parameters[1].clone()].map(|tensor| tensor.to_contiguous());
    let x = values(&x);
    let [mean, variance] = statistics(x, rows, channels);
    let factors = factors(values(&gamma), &variance, epsilon);
    let block = block(channels);
    let y = platform::make_by_chunks(x.len(), block * channels, |index, y| {
        let x = &x[index * block * channels..][..y.len()];
        dispatch(Scale {
            x,
            mean: &mean,
            factors: &factors,
            beta: values(&beta),
            with_relu,
            y,
        });
    });
    let vector = |values: Vec<f32>| FlexTensor::from_data(TensorData::new(values, [channels]));
    (
        FlexTensor::from_data(TensorData::new(y, shape)),
        vector(mean),
        vector(variance),
    )
}

/// Rows per block.
fn block(channels: usize) -> usize {
    (BLOCK / channels.max(1)).max(1)
}

/// Factors of the deviations from the mean.
fn factors(gamma: &[f32], variance: &[f32], epsilon: f64) -> Vec<f32> {
    gamma
        .iter()
        .zip(variance)
        .map(|(gamma, variance)| gamma / (variance + epsilon as f32).sqrt())
        .collect()
}

/// Means and biased variances of the channels.
fn statistics(x: &[f32], rows: usize, channels: usize) -> [Vec<f32>; 2] {
    let block = block(channels);
    let of_blocks = of_blocks(rows, channels, |first, count, found| {
        dispatch(Moments {
            x: &x[first * channels..][..count * channels],
            channels,
            found,
        });
    });
    let (mut mean, mut squares) = (vec![0.0f64; channels], vec![0.0f64; channels]);
    let mut before = 0.0;
    for (index, found) in of_blocks.chunks_exact(2 * channels).enumerate() {
        let count = block.min(rows - index * block) as f64;
        let (means, deviations) = found.split_at(channels);
        for (((mean, squares), block_mean), block_squares) in
            mean.iter_mut().zip(&mut squares).zip(means).zip(deviations)
        {
            let difference = f64::from(*block_mean) - *mean;
            *mean += difference * count / (before + count);
            *squares += f64::from(*block_squares)
                + difference * difference * before * count / (before + count);
        }
        before += count;
    }
    [
        mean.into_iter().map(|mean| mean as f32).collect(),
        squares
            .into_iter()
            .map(|squares| (squares / before) as f32)
            .collect(),
    ]
}

/// Computes two numbers per channel for every block of rows: `work` gets the block's first row, its
/// number of rows, and the slice to write to.
fn of_blocks(
    rows: usize,
    channels: usize,
    work: impl Fn(usize, usize, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let block = block(channels);
    let mut found = vec![0.0; rows.div_ceil(block) * 2 * channels];
    platform::for_each_chunk(&mut found, 2 * channels, |index, found| {
        work(index * block, block.min(rows - index * block), found)
    });
    found
}

/// Backward pass: `parameters` are gamma, beta, means and variances. Returns the gradients with
/// respect to `x`, gamma and beta.
pub(super) fn backward(
    x: FlexTensor,
    parameters: [FlexTensor; 4],
    grad: FlexTensor,
    epsilon: f64,
    with_relu: bool,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let [rows, channels] = x.shape().dims();
    let x = x.to_contiguous();
    let mut grad = if grad.is_contiguous() {
        grad
    } else {
        grad.to_contiguous()
    };
    let parameters = parameters.map(|tensor| tensor.to_contiguous());
    let [gamma, beta, mean, variance] = parameters.each_ref().map(values);
    let x = values(&x);
    let factors = factors(gamma, variance, epsilon);
    let gate = Gate {
        mean,
        factors: &factors,
        beta,
        with_relu,
    };
    let found = {
        let grad = values(&grad);
        of_blocks(rows, channels, |first, count, found| {
            let of_block = first * channels..(first + count) * channels;
            dispatch(Slopes {
                x: &x[of_block.clone()],
                grad: &grad[of_block],
                gate,
                found,
            });
        })
    };
    let mut sums = vec![0.0f64; 2 * channels];
    for found in found.chunks_exact(2 * channels) {
        sums.iter_mut()
            .zip(found)
            .for_each(|(sum, found)| *sum += f64::from(*found));
    }
    let (summed, weighted) = sums.split_at(channels);
    let inverse: Vec<f32> = variance
        .iter()
        .map(|variance| 1.0 / (variance + epsilon as f32).sqrt())
        .collect();
    let beta_grad: Vec<f32> = summed.iter().map(|sum| *sum as f32).collect();
    let gamma_grad: Vec<f32> = weighted
        .iter()
        .zip(&inverse)
        .map(|(sum, inverse)| (sum * f64::from(*inverse)) as f32)
        .collect();
    let means: Vec<f32> = summed
        .iter()
        .map(|sum| (sum / rows as f64) as f32)
        .collect();
    let slopes: Vec<f32> = weighted
        .iter()
        .zip(&inverse)
        .map(|(sum, inverse)| {
            (sum * f64::from(*inverse) * f64::from(*inverse) / rows as f64) as f32
        })
        .collect();
    let block = block(channels);
    let projection = |index: usize, grad: &mut [f32]| {
        let x = &x[index * block * channels..][..grad.len()];
        dispatch(Project {
            x,
            gate,
            means: &means,
            slopes: &slopes,
            grad,
        });
    };
    // usually the gradient is not shared, and its storage is reused for the result
    let x_grad = match grad
        .try_storage_mut::<f32>()
        .filter(|storage| storage.len() == rows * channels)
    {
        Some(storage) => {
            platform::for_each_chunk(storage, block * channels, projection);
            grad
        }
        None => {
            let mut copy = values(&grad).to_vec();
            platform::for_each_chunk(&mut copy, block * channels, projection);
            FlexTensor::from_data(TensorData::new(copy, [rows, channels]))
        }
    };
    let vector = |values: Vec<f32>| FlexTensor::from_data(TensorData::new(values, [channels]));
    (x_grad, vector(gamma_grad), vector(beta_grad))
}

/// Calls `work` with the first channel of each full group of [`LANES`], then `single` with each
/// remaining channel.
#[inline(always)]
fn by_lanes(
    found: &mut [f32],
    channels: usize,
    work: impl Fn(&mut [f32], usize),
    single: impl Fn(&mut [f32], usize),
) {
    let full = channels / LANES * LANES;
    (0..full)
        .step_by(LANES)
        .for_each(|first| work(found, first));
    (full..channels).for_each(|channel| single(found, channel));
}

/// Returns the lanes from channel `first` on.
#[inline(always)]
fn lanes(values: &[f32], first: usize) -> &Lanes {
    values[first..]
        .first_chunk()
        .expect("a full group of lanes")
}

/// Computes the means of the rows `x`, and the sums of the squared deviations from them.
struct Moments<'a> {
    x: &'a [f32],
    channels: usize,
    /// Means, then sums.
    found: &'a mut [f32],
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { x, channels, found } = self;
        let share = channels as f32 / x.len() as f32;
        by_lanes(
            found,
            channels,
            |found, first| {
                let mut sums = [0.0; LANES];
                for row in x.chunks_exact(channels) {
                    for (sum, x) in sums.iter_mut().zip(lanes(row, first)) {
                        *sum += x;
                    }
                }
                let means = sums.map(|sum| sum * share);
                let mut squares = [0.0; LANES];
                for row in x.chunks_exact(channels) {
                    for ((square, x), mean) in squares.iter_mut().zip(lanes(row, first)).zip(&means)
                    {
                        *square += (x - mean) * (x - mean);
                    }
                }
                found[first..][..LANES].copy_from_slice(&means);
                found[channels + first..][..LANES].copy_from_slice(&squares);
            },
            |found, channel| {
                let of_channel = || x.iter().skip(channel).step_by(channels);
                let mean = of_channel().sum::<f32>() * share;
                found[channel] = mean;
                found[channels + channel] = of_channel().map(|x| (x - mean) * (x - mean)).sum();
            },
        );
    }
}

/// Computes `(x - mean) * factor + beta`, followed by a ReLU if `with_relu`.
struct Scale<'a> {
    x: &'a [f32],
    mean: &'a [f32],
    factors: &'a [f32],
    beta: &'a [f32],
    with_relu: bool,
    y: &'a mut [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            x,
            mean,
            factors,
            beta,
            with_relu,
            y,
        } = self;
        let least = if with_relu { 0.0 } else { f32::NEG_INFINITY };
        for (y, x) in y
            .chunks_exact_mut(mean.len())
            .zip(x.chunks_exact(mean.len()))
        {
            for ((((y, x), mean), factor), beta) in
                y.iter_mut().zip(x).zip(mean).zip(factors).zip(beta)
            {
                let value = (x - mean) * factor + beta;
                // NaN stays NaN
                *y = if value < least { least } else { value };
            }
        }
    }
}

/// Parameters that decide which gradients a ReLU lets pass.
#[derive(Clone, Copy)]
struct Gate<'a> {
    mean: &'a [f32],
    factors: &'a [f32],
    beta: &'a [f32],
    with_relu: bool,
}

/// Computes the sums of the gradients, and of their products with deviations from the mean.
struct Slopes<'a> {
    x: &'a [f32],
    grad: &'a [f32],
    gate: Gate<'a>,
    found: &'a mut [f32],
}

impl WithSimd for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            x,
            grad,
            gate:
                Gate {
                    mean,
                    factors,
                    beta,
                    with_relu,
                },
            found,
        } = self;
        let channels = mean.len();
        by_lanes(
            found,
            channels,
            |found, first| {
                let (mean, factors, beta) = (
                    lanes(mean, first),
                    lanes(factors, first),
                    lanes(beta, first),
                );
                let (mut sums, mut products) = ([0.0; LANES], [0.0; LANES]);
                for (x, grad) in x.chunks_exact(channels).zip(grad.chunks_exact(channels)) {
                    let (x, grad) = (lanes(x, first), lanes(grad, first));
                    for i in 0..LANES {
                        let deviation = x[i] - mean[i];
                        let passed = passed(deviation, factors[i], beta[i], grad[i], with_relu);
                        sums[i] += passed;
                        products[i] += passed * deviation;
                    }
                }
                found[first..][..LANES].copy_from_slice(&sums);
                found[channels + first..][..LANES].copy_from_slice(&products);
            },
            |found, channel| {
                for (x, grad) in x.chunks_exact(channels).zip(grad.chunks_exact(channels)) {
                    let deviation = x[channel] - mean[channel];
                    let passed = passed(
                        deviation,
                        factors[channel],
                        beta[channel],
                        grad[channel],
                        with_relu,
                    );
                    found[channel] += passed;
                    found[channels + channel] += passed * deviation;
                }
            },
        );
    }
}

/// Returns the gradient in front of the ReLU: 0 where it clipped the value.
#[inline(always)]
fn passed(deviation: f32, factor: f32, beta: f32, grad: f32, with_relu: bool) -> f32 {
    let is_cut = with_relu & (deviation * factor + beta <= 0.0);
    if is_cut { 0.0 } else { grad }
}

/// Turns the gradients of the result into those of `x`, in place.
struct Project<'a> {
    x: &'a [f32],
    gate: Gate<'a>,
    /// Means of the gradients.
    means: &'a [f32],
    /// Means of their products with the normalized values, divided by the standard deviations.
    slopes: &'a [f32],
    grad: &'a mut [f32],
}

impl WithSimd for Project<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            x,
            gate:
                Gate {
                    mean,
                    factors,
                    beta,
                    with_relu,
                },
            means,
            slopes,
            grad,
        } = self;
        for (x, grad) in x
            .chunks_exact(mean.len())
            .zip(grad.chunks_exact_mut(mean.len()))
        {
            let channels = mean.iter().zip(factors).zip(beta).zip(means).zip(slopes);
            for ((x, grad), ((((mean, factor), beta), grad_mean), slope)) in
                x.iter().zip(grad).zip(channels)
            {
                let deviation = x - mean;
                let passed = passed(deviation, *factor, *beta, *grad, with_relu);
                *grad = factor * (passed - grad_mean - deviation * slope);
            }
        }
    }
}
