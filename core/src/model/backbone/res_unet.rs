//! A sparse convolutional U-Net of post-activation residual blocks after a wider first kernel
//! (docs/spec/model.md section 4, `Res16UNet34C`).

use burn::{
    module::Module,
    nn::{BatchNorm, Linear, LinearConfig},
    tensor::Device,
};

use super::{
    Features, Neighborhood, Pass, Pyramid,
    convolution::{Convolution, Epilogue, NEIGHBORS, pointwise},
};
use crate::ops::KernelMap;

/// Momentum of batch normalizations outside the blocks, in training.
const MOMENTUM: f64 = 0.02;
/// Momentum of batch normalizations inside the blocks.
const BLOCK_MOMENTUM: f64 = 0.1;

/// The U-Net, from voxel features to voxel features.
#[derive(Module, Debug)]
pub struct ResUnet {
    input: Convolution,
    input_norm: BatchNorm,
    /// Stages from each level to the next coarser one.
    down: Vec<Stage>,
    /// Stages from each level to the next finer one, coarsest first.
    up: Vec<Stage>,
}

impl ResUnet {
    /// Creates a U-Net for `channels` input features whose first convolution has a kernel of edge
    /// `first_kernel` and `stem` output channels. `planes` and `blocks` describe the stages, down
    /// from the finest level and up to it again.
    pub fn new(
        channels: usize,
        first_kernel: usize,
        stem: usize,
        planes: &[usize],
        blocks: &[usize],
        device: &Device,
    ) -> Self {
        let depth = planes.len() / 2;
        let before = |stage: usize| if stage == 0 { stem } else { planes[stage - 1] };
        let down = |stage: usize| {
            let change = Convolution::down(before(stage), before(stage), device);
            Stage::new(
                change,
                [before(stage), before(stage), planes[stage]],
                blocks[stage],
                device,
            )
        };
        let up = |stage: usize| {
            let skip = before(2 * depth - 1 - stage);
            let change = Convolution::up(before(stage), planes[stage], device);
            Stage::new(
                change,
                [planes[stage], planes[stage] + skip, planes[stage]],
                blocks[stage],
                device,
            )
        };
        Self {
            input: Convolution::submanifold(first_kernel.pow(3), channels, stem, device),
            input_norm: norm(stem, MOMENTUM, device),
            down: (0..depth).map(down).collect(),
            up: (depth..2 * depth).map(up).collect(),
        }
    }

    /// The first convolution of the network.
    pub fn first(&self) -> &Convolution {
        &self.input
    }

    /// Number of stages, down and up again.
    pub fn stages(&self) -> usize {
        self.down.len() + self.up.len()
    }

    /// Runs the first convolution.
    pub fn begin(&self, features: &Features, pyramid: &Pyramid) -> Pass {
        let epilogue = Epilogue {
            norm: Some(&self.input_norm),
            with_relu: true,
            ..Epilogue::default()
        };
        Pass {
            features: self.input.forward(features, &pyramid.first, epilogue),
            skips: vec![],
        }
    }

    /// Runs the change of level and the blocks after it.
    pub fn stage(&self, stage: usize, mut pass: Pass, pyramid: &Pyramid) -> Pass {
        let depth = self.down.len();
        if stage < depth {
            pass.skips.push(pass.features.clone());
            let x = self.down[stage].change(&pass.features, &pyramid.children[stage]);
            pass.features = self.down[stage].blocks(x, &pyramid.neighbors[stage + 1]);
        } else {
            let level = 2 * depth - 1 - stage;
            let up = &self.up[stage - depth];
            let raised = up.change(&pass.features, &pyramid.children[level].inverse());
            pass.features = up.blocks(
                raised.append(pass.skips.swap_remove(level)),
                &pyramid.neighbors[level],
            );
        }
        pass
    }
}

/// The convolution to another level and the blocks there.
#[derive(Module, Debug)]
struct Stage {
    change: Convolution,
    norm: BatchNorm,
    blocks: Vec<ResidualBlock>,
}

impl Stage {
    /// Creates a stage; `channels` are those after the change of level, into the first block and
    /// out of all blocks.
    fn new(
        change: Convolution,
        [changed, input, output]: [usize; 3],
        blocks: usize,
        device: &Device,
    ) -> Self {
        let block =
            |i: usize| ResidualBlock::new(if i == 0 { input } else { output }, output, device);
        Self {
            change,
            norm: norm(changed, MOMENTUM, device),
            blocks: (0..blocks).map(block).collect(),
        }
    }

    fn change(&self, x: &Features, map: &KernelMap) -> Features {
        self.change.forward(
            x,
            map,
            Epilogue {
                norm: Some(&self.norm),
                with_relu: true,
                ..Epilogue::default()
            },
        )
    }

    fn blocks(&self, x: Features, neighborhood: &Neighborhood) -> Features {
        self.blocks
            .iter()
            .fold(x, |x, block| block.forward(&x, neighborhood))
    }
}

/// `relu(norm(conv(relu(norm(conv(x))))) + shortcut(x))`; the shortcut is a normalized linear layer
/// where the width changes, the identity otherwise.
#[derive(Module, Debug)]
struct ResidualBlock {
    conv1: Convolution,
    norm1: BatchNorm,
    conv2: Convolution,
    norm2: BatchNorm,
    shortcut: Option<Linear>,
    shortcut_norm: Option<BatchNorm>,
}

impl ResidualBlock {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        let widens = input != output;
        Self {
            conv1: Convolution::submanifold(NEIGHBORS, input, output, device),
            norm1: norm(output, BLOCK_MOMENTUM, device),
            conv2: Convolution::submanifold(NEIGHBORS, output, output, device),
            norm2: norm(output, BLOCK_MOMENTUM, device),
            shortcut: widens.then(|| {
                LinearConfig::new(input, output)
                    .with_bias(false)
                    .init(device)
            }),
            shortcut_norm: widens.then(|| norm(output, MOMENTUM, device)),
        }
    }

    fn forward(&self, x: &Features, neighborhood: &Neighborhood) -> Features {
        let Neighborhood { around, itself } = neighborhood;
        let inner = Epilogue {
            norm: Some(&self.norm1),
            with_relu: true,
            ..Epilogue::default()
        };
        let y = self.conv1.forward(x, around, inner);
        let normed = Epilogue {
            norm: self.shortcut_norm.as_ref(),
            ..Epilogue::default()
        };
        let shortcut = self
            .shortcut
            .as_ref()
            .map(|shortcut| pointwise(shortcut, x, itself, normed));
        let outer = Epilogue {
            norm: Some(&self.norm2),
            residual: Some(shortcut.as_ref().unwrap_or(x)),
            with_relu: true,
            ..Epilogue::default()
        };
        self.conv2.forward(&y, around, outer)
    }
}

fn norm(channels: usize, momentum: f64, device: &Device) -> BatchNorm {
    super::convolution::norm(channels, 1e-5, momentum, device)
}
