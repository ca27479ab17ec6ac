//! The backbone: a sparse convolutional U-Net of pre-activation residual blocks (spec/model.md section 5).
//!
//! Strided convolutions keep every voxel: parents are `floor(c / 2)` without a grid border, so odd sizes lose nothing.

use burn::{
    module::{Module, Param},
    nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig},
    tensor::{Device, Tensor, activation::relu},
};

use super::scene::Pyramid;
use crate::ops::{KernelMap, linear, sparse_conv};

const NORM_EPSILON: f64 = 1e-4;
/// Residual blocks of a level on the way down, and again on the way up.
const BLOCKS: usize = 2;
/// Offsets of a 3x3x3 kernel.
const NEIGHBOURS: usize = 27;
/// Offsets of a 2x2x2 kernel.
const CHILDREN: usize = 8;

/// Voxel features to voxel features.
#[derive(Module, Debug)]
pub struct SparseUnet {
    input: Convolution,
    /// Blocks of each level on the way down, finest first.
    down: Vec<Vec<ResidualBlock>>,
    /// Between each level and the next coarser one.
    exchanges: Vec<Exchange>,
    /// Blocks of each level but the coarsest on the way up.
    up: Vec<Vec<ResidualBlock>>,
    output: BatchNorm,
}

/// A U-Net at work: the features where it stands, and what the way up still needs of the levels left behind, finest first.
pub struct Pass {
    features: Tensor<2>,
    skips: Vec<Tensor<2>>,
}

impl SparseUnet {
    /// From `channels` input features; `planes` are the channels of the levels, finest first, at least one.
    pub fn new(channels: usize, planes: &[usize], device: &Device) -> Self {
        let blocks = |first: usize, width: usize| -> Vec<ResidualBlock> {
            (0..BLOCKS).map(|i| ResidualBlock::new(if i == 0 { first } else { width }, width, device)).collect()
        };
        Self {
            input: Convolution::new(NEIGHBOURS, NEIGHBOURS, channels, planes[0], device),
            down: planes.iter().map(|&p| blocks(p, p)).collect(),
            exchanges: planes.windows(2).map(|p| Exchange::new(p[0], p[1], device)).collect(),
            up: planes[1..].iter().zip(planes).map(|(_, &p)| blocks(2 * p, p)).collect(),
            output: norm(planes[0], device),
        }
    }

    /// `features` (voxels, channels) to (voxels, `planes[0]`).
    pub fn forward(&self, features: Tensor<2>, pyramid: &Pyramid) -> Tensor<2> {
        let pass = (0..self.stages()).fold(self.begin(features, pyramid), |pass, stage| self.stage(stage, pass, pyramid));
        self.end(pass)
    }

    /// Number of stages between [`Self::begin`] and [`Self::end`]: every level on the way down, all but the coarsest on the way up.
    pub fn stages(&self) -> usize {
        self.down.len() + self.up.len()
    }

    /// The first convolution.
    pub fn begin(&self, features: Tensor<2>, pyramid: &Pyramid) -> Pass {
        Pass { features: self.input.forward(features, &pyramid.neighbours[0]), skips: vec![] }
    }

    /// The blocks of one level; stages come in order, each once.
    pub fn stage(&self, stage: usize, mut pass: Pass, pyramid: &Pyramid) -> Pass {
        let deepest = self.up.len();
        let (level, blocks) = if stage <= deepest {
            if let Some(finer) = stage.checked_sub(1) {
                pass.skips.push(pass.features.clone());
                pass.features = self.exchanges[finer].down(pass.features, &pyramid.children[finer]);
            }
            (stage, &self.down[stage])
        } else {
            let level = 2 * deepest - stage;
            let raised = self.exchanges[level].up(pass.features, &pyramid.children[level].inverse());
            pass.features = Tensor::cat(vec![pass.skips.swap_remove(level), raised], 1);
            (level, &self.up[level])
        };
        pass.features = blocks.iter().fold(pass.features, |x, block| block.forward(x, &pyramid.neighbours[level]));
        pass
    }

    /// The last normalisation: (voxels, `planes[0]`).
    pub fn end(&self, pass: Pass) -> Tensor<2> {
        activate(&self.output, pass.features)
    }
}

/// `conv(relu(norm(conv(relu(norm(x)))))) + shortcut(x)`; the shortcut is linear where the width changes.
#[derive(Module, Debug)]
struct ResidualBlock {
    norm1: BatchNorm,
    conv1: Convolution,
    norm2: BatchNorm,
    conv2: Convolution,
    shortcut: Option<Linear>,
}

impl ResidualBlock {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        Self {
            norm1: norm(input, device),
            conv1: Convolution::new(NEIGHBOURS, NEIGHBOURS, input, output, device),
            norm2: norm(output, device),
            conv2: Convolution::new(NEIGHBOURS, NEIGHBOURS, output, output, device),
            shortcut: (input != output).then(|| LinearConfig::new(input, output).with_bias(false).init(device)),
        }
    }

    fn forward(&self, x: Tensor<2>, neighbours: &KernelMap) -> Tensor<2> {
        let y = self.conv1.forward(activate(&self.norm1, x.clone()), neighbours);
        let y = self.conv2.forward(activate(&self.norm2, y), neighbours);
        match &self.shortcut {
            Some(shortcut) => y + linear(shortcut, x),
            None => y + x,
        }
    }
}

/// The way from a level to the next coarser one and back.
#[derive(Module, Debug)]
struct Exchange {
    down_norm: BatchNorm,
    down: Convolution,
    up_norm: BatchNorm,
    up: Convolution,
}

impl Exchange {
    fn new(fine: usize, coarse: usize, device: &Device) -> Self {
        Self {
            down_norm: norm(fine, device),
            down: Convolution::new(CHILDREN, CHILDREN, fine, coarse, device),
            up_norm: norm(coarse, device),
            up: Convolution::new(CHILDREN, 1, coarse, fine, device), // every child has one parent
        }
    }

    fn down(&self, x: Tensor<2>, children: &KernelMap) -> Tensor<2> {
        self.down.forward(activate(&self.down_norm, x), children)
    }

    fn up(&self, x: Tensor<2>, parents: &KernelMap) -> Tensor<2> {
        self.up.forward(activate(&self.up_norm, x), parents)
    }
}

/// A sparse convolution without bias.
#[derive(Module, Debug)]
struct Convolution {
    /// (offsets, input channels, output channels).
    weight: Param<Tensor<3>>,
}

impl Convolution {
    /// Kaiming initialisation for outputs that sum `contributions` of the kernel's `offsets`.
    fn new(offsets: usize, contributions: usize, input: usize, output: usize, device: &Device) -> Self {
        let kaiming = Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: false };
        Self { weight: kaiming.init_with([offsets, input, output], Some(contributions * input), Some(output), device) }
    }

    fn forward(&self, x: Tensor<2>, map: &KernelMap) -> Tensor<2> {
        sparse_conv(x, self.weight.val(), map)
    }
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).with_epsilon(NORM_EPSILON).init(device)
}

/// `relu(norm(x))`. Where nothing is learned the normalisation is one factor and one summand a channel: half as many passes over `x`.
fn activate(norm: &BatchNorm, x: Tensor<2>) -> Tensor<2> {
    if x.device().is_autodiff() {
        return relu(norm.forward(x));
    }
    let factor = norm.gamma.val() / (norm.running_var.value() + norm.epsilon).sqrt();
    let summand = norm.beta.val() - norm.running_mean.value() * factor.clone();
    // One pass, where `relu` is two.
    (x * factor.unsqueeze() + summand.unsqueeze()).clamp(0.0, f32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        model::golden::{Golden, with_weights},
        ops::{SegmentMap, segment_mean},
    };

    /// The published key of a parameter and whether it is a kernel.
    fn key(name: &str) -> (String, bool) {
        let (module, field) = name.rsplit_once('.').unwrap();
        let field = field.replace("gamma", "weight").replace("beta", "bias");
        let level = |level: &str| "u.".repeat(level.parse().unwrap());
        let parts: Vec<&str> = module.split('.').collect();
        let module = match parts[..] {
            ["input"] => "input_conv.0".to_owned(),
            ["output"] => "output_layer.0".to_owned(),
            ["exchanges", l, "down_norm"] => level(l) + "conv.0",
            ["exchanges", l, "down"] => level(l) + "conv.2",
            ["exchanges", l, "up_norm"] => level(l) + "deconv.0",
            ["exchanges", l, "up"] => level(l) + "deconv.2",
            [way, l, block, part] => {
                let blocks = if way == "down" { "blocks" } else { "blocks_tail" };
                let branch = match part {
                    "norm1" => "conv_branch.0",
                    "conv1" => "conv_branch.2",
                    "norm2" => "conv_branch.3",
                    "conv2" => "conv_branch.5",
                    _ => "i_branch.0",
                };
                format!("{}{blocks}.block{block}.{branch}", level(l))
            }
            _ => panic!("{name}"),
        };
        (format!("backbone.{module}.{field}"), name.contains("conv") || module == "input_conv.0" || module.ends_with("conv.2"))
    }

    /// (out, kx, ky, kz, in) to (offset with x fastest, in, out).
    fn kernel(values: &[f32], [output, size, input]: [usize; 3]) -> Vec<f32> {
        let at = |k: usize, i: usize, o: usize| {
            let [x, y, z] = [k % size, k / size % size, k / size / size];
            values[(((o * size + x) * size + y) * size + z) * input + i]
        };
        let rows = (0..size.pow(3)).flat_map(|k| (0..input).map(move |i| (k, i)));
        rows.flat_map(|(k, i)| (0..output).map(move |o| at(k, i, o))).collect()
    }

    #[test]
    fn output_equals_the_reference() {
        let (Some(weights), Some(golden)) = (Golden::open("backbone_spconv_weights"), Golden::open("backbone_spconv")) else { return };
        let device = Device::flex();
        let planes = [8, 16, 24, 32, 40];
        let unet = with_weights(SparseUnet::new(22, &planes, &device), |name| {
            let (key, is_kernel) = key(name);
            let values = weights.values(&key);
            let shape = weights.shape(&key);
            Some(if is_kernel { kernel(values, [shape[0], shape[1], shape[4]]) } else { values.to_vec() })
        });
        let pyramid = Pyramid::new(golden.voxels("expected.voxels_in.coords"), &planes).unwrap();
        let voxels = unet.forward(golden.tensor("expected.voxels_in.feats"), &pyramid);
        golden.check("expected.output_layer.feats", &voxels, 1e-3);
        let ids = |name: &str| golden.values(name).iter().map(|v| *v as u32).collect::<Vec<_>>();
        let segments = SegmentMap::new(&ids("input.superpoint_ids"), &ids("expected.point_to_voxel"), 48, 402).unwrap();
        golden.check("expected.superpoint_features", &segment_mean(voxels, &segments), 1e-3);
    }
}
