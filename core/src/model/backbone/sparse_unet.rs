//! A sparse convolutional U-Net of pre-activation residual blocks (docs/spec/model.md section 5,
//! `SpConvUNet`).

use burn::{
    module::Module,
    nn::{BatchNorm, Linear, LinearConfig},
    tensor::Device,
};

use super::{
    Features, Neighborhood, Pass, Pyramid,
    convolution::{Convolution, Epilogue, NEIGHBORS, activate, pointwise},
};
use crate::ops::KernelMap;

/// Residual blocks per level on the way down, and again on the way up.
const BLOCKS: usize = 2;

/// The U-Net, from voxel features to voxel features.
#[derive(Module, Debug)]
pub struct SparseUnet {
    input: Convolution,
    /// Blocks of each level on the way down, finest level first.
    down: Vec<Vec<ResidualBlock>>,
    /// Transitions between each level and the next coarser one.
    exchanges: Vec<Exchange>,
    /// Blocks of each level except the coarsest on the way up.
    up: Vec<Vec<ResidualBlock>>,
    output: BatchNorm,
    /// See [`Config::own_statistics`](crate::model::Config::own_statistics).
    own: f64,
}

impl SparseUnet {
    /// Creates a U-Net for `channels` input features; `planes` are the channels of the levels,
    /// finest first, at least one.
    pub fn new(channels: usize, planes: &[usize], device: &Device) -> Self {
        let blocks = |first: usize, width: usize| -> Vec<ResidualBlock> {
            (0..BLOCKS)
                .map(|i| ResidualBlock::new(if i == 0 { first } else { width }, width, device))
                .collect()
        };
        Self {
            input: Convolution::submanifold(NEIGHBORS, channels, planes[0], device),
            down: planes.iter().map(|&p| blocks(p, p)).collect(),
            exchanges: planes
                .windows(2)
                .map(|p| Exchange::new(p[0], p[1], device))
                .collect(),
            up: planes[1..]
                .iter()
                .zip(planes)
                .map(|(_, &p)| blocks(2 * p, p))
                .collect(),
            output: norm(planes[0], device),
            own: 0.0,
        }
    }

    /// The same with a share of a scene's own statistics in its normalizations.
    #[must_use]
    pub fn with_own_statistics(self, own: f64) -> Self {
        Self { own, ..self }
    }

    /// The first convolution of the network.
    pub fn first(&self) -> &Convolution {
        &self.input
    }

    /// Number of stages: every level on the way down, all but the coarsest on the way up.
    pub fn stages(&self) -> usize {
        self.down.len() + self.up.len()
    }

    /// Runs the first convolution.
    pub fn begin(&self, features: &Features, pyramid: &Pyramid) -> Pass {
        Pass {
            features: self
                .input
                .forward(features, &pyramid.first, Epilogue::default()),
            skips: vec![],
        }
    }

    /// Runs the blocks of one level.
    pub fn stage(&self, stage: usize, mut pass: Pass, pyramid: &Pyramid) -> Pass {
        let deepest = self.up.len();
        let (level, blocks) = if stage <= deepest {
            if let Some(finer) = stage.checked_sub(1) {
                pass.skips.push(pass.features.clone());
                pass.features =
                    self.exchanges[finer].down(&pass.features, &pyramid.children[finer], self.own);
            }
            (stage, &self.down[stage])
        } else {
            let level = 2 * deepest - stage;
            let parents = pyramid.children[level].inverse();
            let raised = self.exchanges[level].up(pass.features, &parents, self.own);
            pass.features = pass.skips.swap_remove(level).append(raised);
            (level, &self.up[level])
        };
        pass.features = blocks.iter().fold(pass.features, |x, block| {
            block.forward(x, &pyramid.neighbors[level], self.own)
        });
        pass
    }

    /// Applies the last normalization and ReLU; returns `(voxels, planes[0])`.
    pub fn end(&self, pass: Pass) -> Features {
        activate(&self.output, self.own, pass.features)
    }
}

/// `conv(relu(norm(conv(relu(norm(x)))))) + shortcut(x)`; the shortcut is a linear layer where the
/// width changes, the identity otherwise.
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
            conv1: Convolution::submanifold(NEIGHBORS, input, output, device),
            norm2: norm(output, device),
            conv2: Convolution::submanifold(NEIGHBORS, output, output, device),
            shortcut: (input != output).then(|| {
                LinearConfig::new(input, output)
                    .with_bias(false)
                    .init(device)
            }),
        }
    }

    /// Everything is dropped as soon as nothing reads it: at the finest level the features of a
    /// large scan are most of its memory.
    fn forward(&self, x: Features, neighborhood: &Neighborhood, own: f64) -> Features {
        let Neighborhood { around, itself } = neighborhood;
        let inner = Epilogue {
            norm: Some(&self.norm2),
            own,
            with_relu: true,
            ..Epilogue::default()
        };
        let shortcut = match &self.shortcut {
            Some(shortcut) => pointwise(shortcut, &x, itself, Epilogue::default()),
            None => x.clone(),
        };
        let activated = activate(&self.norm1, own, x);
        let y = self.conv1.forward(&activated, around, inner);
        drop(activated);
        self.conv2.forward(
            &y,
            around,
            Epilogue {
                residual: Some(&shortcut),
                ..Epilogue::default()
            },
        )
    }
}

/// The transitions between a level and the next coarser one, in both directions.
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
            down: Convolution::down(fine, coarse, device),
            up_norm: norm(coarse, device),
            up: Convolution::up(coarse, fine, device),
        }
    }

    fn down(&self, x: &Features, children: &KernelMap, own: f64) -> Features {
        let x = activate(&self.down_norm, own, x.clone());
        self.down.forward(&x, children, Epilogue::default())
    }

    fn up(&self, x: Features, parents: &KernelMap, own: f64) -> Features {
        let x = activate(&self.up_norm, own, x);
        self.up.forward(&x, parents, Epilogue::default())
    }
}

fn norm(channels: usize, device: &Device) -> BatchNorm {
    super::convolution::norm(channels, 1e-4, 0.1, device)
}
