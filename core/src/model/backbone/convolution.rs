//! Building blocks of both backbones: sparse convolutions without bias, and batch normalization
//! with ReLU.

use std::ops::Range;

use burn::{
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig, Initializer, Linear},
    tensor::{DType, Device, Tensor, activation::relu},
};

use super::features::Features;
use crate::ops::{
    FusedEpilogue, KernelMap, Normalized, affine, normalize, sparse_conv, sparse_conv_with_epilogue,
};

/// Number of offsets of a 3x3x3 kernel.
pub const NEIGHBORS: usize = 27;
/// Number of offsets of a 2x2x2 kernel.
pub const CHILDREN: usize = 8;

/// A sparse convolution without bias.
#[derive(Module, Debug)]
pub struct Convolution {
    /// `(offsets, input channels, output channels)`.
    weight: Param<Tensor<3>>,
}

/// The operations fused after a convolution: `relu(norm(sums) + residual)`, each of them optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Batch normalization of the sums.
    pub norm: Option<&'a BatchNorm>,
    /// Share of the sums' own statistics in that normalization where no gradient is needed, beside
    /// the running statistics, 0..=1. Above 0 the normalization is not fused.
    pub own: f64,
    /// Residual, added after the normalization.
    pub residual: Option<&'a Features>,
    /// If `true`, applies ReLU last.
    pub with_relu: bool,
}

impl Convolution {
    /// Creates a convolution with Kaiming initialization for outputs that sum `contributions` of
    /// the kernel's `offsets`.
    fn new(
        offsets: usize,
        contributions: usize,
        input: usize,
        output: usize,
        device: &Device,
    ) -> Self {
        let kaiming = Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: false,
        };
        Self {
            weight: kaiming.init_with(
                [offsets, input, output],
                Some(contributions * input),
                Some(output),
                device,
            ),
        }
    }

    /// Creates a submanifold convolution with a kernel of `offsets`.
    pub fn submanifold(offsets: usize, input: usize, output: usize, device: &Device) -> Self {
        Self::new(offsets, offsets, input, output, device)
    }

    /// Creates a strided convolution from a level to the next coarser one.
    pub fn down(input: usize, output: usize, device: &Device) -> Self {
        Self::new(CHILDREN, CHILDREN, input, output, device)
    }

    /// Creates a transposed convolution from a level to the next finer one, where every child has
    /// one parent.
    pub fn up(input: usize, output: usize, device: &Device) -> Self {
        Self::new(CHILDREN, 1, input, output, device)
    }

    /// Maps `(input rows of map, input channels)` to `(output rows, output channels)`.
    pub fn forward(&self, x: &Features, map: &KernelMap, epilogue: Epilogue) -> Features {
        convolve(x, self.weight.val(), map, epilogue)
    }

    /// The type in which the weight is stored and in which features should be stored.
    pub fn dtype(&self) -> DType {
        self.weight.val().dtype()
    }
}

/// Applies a linear layer without bias to every row; `map` is the map of a 1x1x1 kernel.
pub fn pointwise(layer: &Linear, x: &Features, map: &KernelMap, epilogue: Epilogue) -> Features {
    convolve(x, layer.weight.val().unsqueeze(), map, epilogue)
}

/// Computes the convolution and the operations after it. If no gradient is needed, they are fused
/// into a single pass over each part of the result and of the input.
fn convolve(x: &Features, weight: Tensor<3>, map: &KernelMap, epilogue: Epilogue) -> Features {
    let Epilogue {
        norm,
        own,
        residual,
        with_relu,
    } = epilogue;
    if x.is_autodiff() {
        let (x, residual) = (
            x.clone().into_tensor(),
            residual.map(|residual| residual.clone().into_tensor()),
        );
        let Some(norm) = norm else {
            return Features::of(sparse_conv_with_epilogue(
                x,
                weight,
                map,
                FusedEpilogue {
                    affine: None,
                    addend: residual,
                    with_relu,
                },
            ));
        };
        let y = sparse_conv(x, weight, map);
        return Features::of(match residual {
            None => normalized(norm, y, with_relu),
            Some(residual) => {
                let y = normalized(norm, y, false) + residual;
                if with_relu { relu(y) } else { y }
            }
        });
    }
    if let (Some(norm), None) = (norm, residual)
        && own > 0.0
    {
        let sums = convolve(x, weight, map, Epilogue::default());
        return affine_of(norm, own, sums, with_relu);
    }
    let [_, c_in, c_out] = weight.dims();
    let scales = norm.map(scales);
    let part = |columns: Range<usize>| {
        let residual = residual.map(|residual| {
            residual
                .part(&columns)
                .expect("a residual is cut as the result is")
                .clone()
        });
        let whole = |range: &Range<usize>, width: usize| range.len() == width;
        let all_factors = scales.as_ref().map(|f| {
            if whole(&columns, c_out) {
                f.clone()
            } else {
                f.clone().slice([0..2, columns.clone()])
            }
        });
        let parts = x.parts().count();
        let mut sums = residual;
        for (index, (rows, part)) in x.parts().enumerate() {
            let weight = match whole(&rows, c_in) && whole(&columns, c_out) {
                true => weight.clone(),
                false => weight
                    .clone()
                    .slice([0..map.offsets(), rows, columns.clone()]),
            };
            // The first part adds the bias of the normalization, every part applies its scale.
            let affine = all_factors.clone().map(|f| {
                if index == 0 {
                    f
                } else {
                    Tensor::cat(
                        vec![f.clone().narrow(0, 0, 1), f.narrow(0, 1, 1).zeros_like()],
                        0,
                    )
                }
            });
            let then = FusedEpilogue {
                affine,
                addend: sums,
                with_relu: with_relu && index + 1 == parts,
            };
            sums = Some(sparse_conv_with_epilogue(part.clone(), weight, map, then));
        }
        sums.expect("features have parts")
    };
    Features::concat(Features::cuts(map.out_rows(), c_out).map(part).collect())
}

/// Creates a batch normalization: over the voxels of one scene in training, with running statistics
/// over all scenes afterwards.
pub fn norm(channels: usize, epsilon: f64, momentum: f64, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels)
        .with_epsilon(epsilon)
        .with_momentum(momentum)
        .init(device)
}

/// `norm(x)` where gradients are needed, followed by ReLU if `with_relu`. Uses the statistics of
/// `x` and updates the running statistics with them, as burn's own batch normalization does.
fn normalized(norm: &BatchNorm, x: Tensor<2>, with_relu: bool) -> Tensor<2> {
    if !norm.training.is_enabled() {
        let y = norm.forward(x);
        return if with_relu { relu(y) } else { y };
    }
    let Normalized {
        output,
        mean,
        variance,
    } = normalize(
        x,
        norm.gamma.val(),
        norm.beta.val(),
        norm.epsilon,
        with_relu,
    );
    for (running, now) in [(&norm.running_mean, mean), (&norm.running_var, variance)] {
        let before = running.value_sync().to_device(&now.device());
        running.update((before * (1.0 - norm.momentum) + now * norm.momentum).detach());
    }
    output
}

/// Scale and bias of a batch normalization with known statistics, `(2, channels)`.
fn scales(norm: &BatchNorm) -> Tensor<2> {
    let scale = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    Tensor::stack(vec![scale, shift], 0)
}

/// `relu(norm(x))`; `own` is the share of the statistics of `x` where no gradient is needed, as in
/// [`Epilogue`].
pub fn activate(norm: &BatchNorm, own: f64, x: Features) -> Features {
    if x.is_autodiff() {
        return Features::of(normalized(norm, x.into_tensor(), true));
    }
    affine_of(norm, own, x, true)
}

/// `norm(x)` where no gradient is needed, followed by ReLU if `with_relu`. Means and variances are
/// weighted means of the running ones and of those of `x`.
fn affine_of(norm: &BatchNorm, own: f64, x: Features, with_relu: bool) -> Features {
    let running = scales(norm);
    x.map(|channels, part| {
        let scales = match own > 0.0 {
            true => blended(norm, own, channels, &part),
            false => running.clone().slice([0..2, channels]),
        };
        affine(part, scales, with_relu)
    })
}

/// [`scales`] of some of the channels, with the share `own` of the statistics of `part`, which has
/// these channels.
fn blended(norm: &BatchNorm, own: f64, channels: Range<usize>, part: &Tensor<2>) -> Tensor<2> {
    let of = |all: Tensor<1>| all.slice([channels.clone()]);
    let (gamma, beta) = (of(norm.gamma.val()), of(norm.beta.val()));
    let part = part.clone().cast(DType::F32);
    let now = normalize(part, gamma.clone(), beta.clone(), norm.epsilon, false);
    let blend = |running: Tensor<1>, now: Tensor<1>| of(running) * (1.0 - own) + now * own;
    let mean = blend(norm.running_mean.value(), now.mean);
    let variance = blend(norm.running_var.value(), now.variance);
    let scale = gamma / (variance + norm.epsilon).sqrt();
    let shift = beta - mean * scale.clone();
    Tensor::stack(vec![scale, shift], 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use burn::tensor::{Distribution, Tolerance};

    use super::*;
    use crate::ops::Level;

    /// A number of voxels whose 32 channels do not fit into one binding.
    const MANY: i32 = 1_100_000;

    #[test]
    fn a_normalization_takes_its_share_of_the_own_statistics() {
        let device = Device::flex();
        device.seed(5);
        let x = Tensor::<2>::random([50, 8], Distribution::Normal(3.0, 2.0), &device);
        let norm = norm(8, 1e-4, 0.1, &device);
        let answer = |own: f64| activate(&norm, own, Features::of(x.clone())).into_tensor();
        let by_hand = |own: f64| {
            let mean = x.clone().mean_dim(0);
            let variance = (x.clone() - mean.clone()).square().mean_dim(0);
            // a new normalization has the running mean 0 and the running variance 1
            let deviation = (variance * own + (1.0 - own) + 1e-4).sqrt();
            relu((x.clone() - mean * own) / deviation)
        };
        for own in [0.0, 0.5, 1.0] {
            let near = Tolerance::<f32>::absolute(1e-4);
            let (found, expected) = (answer(own).into_data(), by_hand(own).into_data());
            found.assert_approx_eq::<f32>(&expected, near);
        }
        let level = Level::new((0..50).map(|x| [x, 0, 0]).collect()).unwrap();
        let map = KernelMap::submanifold(&level, 3).unwrap();
        let convolution = Convolution::submanifold(NEIGHBORS, 8, 8, &device);
        let x = Features::of(x.clone());
        let fused = Epilogue {
            norm: Some(&norm),
            own: 0.5,
            with_relu: true,
            ..Epilogue::default()
        };
        let apart = convolution.forward(&x, &map, Epilogue::default());
        convolution
            .forward(&x, &map, fused)
            .into_tensor()
            .into_data()
            .assert_eq(&activate(&norm, 0.5, apart).into_tensor().into_data(), true);
    }

    #[test]
    fn parts_of_features_are_one_convolution() {
        let device = Device::flex();
        device.seed(3);
        let level = Level::new((-MANY / 2..MANY / 2).map(|x| [x, 0, 0]).collect()).unwrap();
        let map = KernelMap::submanifold(&level, 3).unwrap();
        let random = |channels: usize| {
            Tensor::<2>::random([level.len(), channels], Distribution::Default, &device)
        };
        let (x, residual) = (random(12), random(32));
        let convolution = Convolution::submanifold(NEIGHBORS, 12, 32, &device);
        let norm = norm(32, 1e-4, 0.1, &device);
        let cut = |x: &Tensor<2>, cuts: Vec<Range<usize>>| {
            Features::concat(
                cuts.into_iter()
                    .map(|cut| x.clone().slice([0..level.len(), cut]))
                    .collect(),
            )
        };
        let residual_cuts: Vec<_> = Features::cuts(level.len(), 32).collect();
        assert_eq!(residual_cuts, [0..16, 16..32]);
        let concat = cut(&residual, residual_cuts);
        let epilogue = Epilogue {
            norm: Some(&norm),
            residual: Some(&concat),
            with_relu: true,
            ..Epilogue::default()
        };
        let y = convolution.forward(&cut(&x, vec![0..8, 8..12]), &map, epilogue);
        assert_eq!(y.parts().count(), 2);
        let whole = relu(norm.forward(sparse_conv(x, convolution.weight.val(), &map)) + residual);
        // Compares the last rows, where a wrong row index would show.
        let end = |y: Tensor<2>| {
            y.slice([level.len() - 1000..level.len(), 0..32])
                .into_data()
        };
        end(y.into_tensor()).assert_approx_eq::<f32>(&end(whole), Tolerance::rel_abs(1e-4, 1e-4));
    }
}
