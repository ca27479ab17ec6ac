//! Voxel features to voxel features, through one of the published U-Nets.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{DType, Device, Tensor},
};

use super::{
    config, features::Features, pyramid::Pyramid, res_unet::ResUnet, sparse_unet::SparseUnet,
};

/// A sparse convolutional U-Net.
#[derive(Module, Debug)]
pub enum Backbone {
    /// Pre-activation blocks.
    SparseUnet(SparseUnet),
    /// Post-activation blocks.
    ResUnet(ResUnet),
}

/// A U-Net at work: the features where it stands, and what the way up still needs of the levels
/// left behind, finest first.
pub struct Pass {
    pub(super) features: Features,
    pub(super) skips: Vec<Features>,
}

impl Backbone {
    /// From `channels` input features.
    pub fn new(config: &config::Backbone, channels: usize, device: &Device) -> Self {
        match config {
            config::Backbone::SparseUnet { planes, .. } => {
                Self::SparseUnet(SparseUnet::new(channels, planes, device))
            }
            config::Backbone::ResUnet {
                first_kernel,
                stem,
                planes,
                blocks,
            } => Self::ResUnet(ResUnet::new(
                channels,
                *first_kernel,
                *stem,
                planes,
                blocks,
                device,
            )),
        }
    }

    /// `features` (voxels, channels) to (voxels, [`config::Backbone::output`]).
    pub fn forward(&self, features: Features, pyramid: &Pyramid) -> Features {
        let pass = (0..self.stages()).fold(self.begin(features, pyramid), |pass, stage| {
            self.stage(stage, pass, pyramid)
        });
        self.end(pass)
    }

    /// Number of stages between [`Self::begin`] and [`Self::end`].
    pub fn stages(&self) -> usize {
        match self {
            Self::SparseUnet(unet) => unet.stages(),
            Self::ResUnet(unet) => unet.stages(),
        }
    }

    /// The first convolution. Nothing reads `features` afterwards: a caller that keeps none of them
    /// gives their memory, the widest of all with image features, to the levels.
    pub fn begin(&self, features: Features, pyramid: &Pyramid) -> Pass {
        let stored = features.stored_as(self.storage());
        drop(features);
        match self {
            Self::SparseUnet(unet) => unet.begin(&stored, pyramid),
            Self::ResUnet(unet) => unet.begin(&stored, pyramid),
        }
    }

    /// How features are stored from level to level.
    fn storage(&self) -> DType {
        match self {
            Self::SparseUnet(unet) => unet.first().dtype(),
            Self::ResUnet(unet) => unet.first().dtype(),
        }
    }

    /// The same, storing what convolutions read by halves; what normalises stays of single
    /// precision.
    #[must_use]
    pub fn by_halves(self) -> Self {
        struct Halves;
        impl ModuleMapper for Halves {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                // everything of a normalisation has one dimension, and nothing else has
                if D > 1 {
                    param.map(|weight| weight.cast(DType::F16))
                } else {
                    param
                }
            }
        }
        self.map(&mut Halves)
    }

    /// The blocks of one level; stages come in order, each once.
    pub fn stage(&self, stage: usize, pass: Pass, pyramid: &Pyramid) -> Pass {
        match self {
            Self::SparseUnet(unet) => unet.stage(stage, pass, pyramid),
            Self::ResUnet(unet) => unet.stage(stage, pass, pyramid),
        }
    }

    /// What is left to do after the last stage; of single precision.
    pub fn end(&self, pass: Pass) -> Features {
        let features = match self {
            Self::SparseUnet(unet) => unet.end(&pass),
            Self::ResUnet(_) => pass.features,
        };
        features.stored_as(DType::F32)
    }
}
