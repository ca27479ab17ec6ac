//! The backbone: voxel features to voxel features through one of the published U-Nets.

mod convolution;
mod features;
mod pyramid;
mod res_unet;
mod sparse_unet;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{DType, Device, Tensor},
};

use super::config;
pub use features::Features;
pub use pyramid::{Neighborhood, Pyramid};
use res_unet::ResUnet;
use sparse_unet::SparseUnet;

/// A sparse convolutional U-Net.
#[derive(Module, Debug)]
pub enum Backbone {
    /// U-Net of pre-activation residual blocks.
    SparseUnet(SparseUnet),
    /// U-Net of post-activation residual blocks.
    ResUnet(ResUnet),
}

/// The state of a forward pass through a U-Net: the features at the current stage, and the skip
/// connections that the way up still needs, finest level first.
pub struct Pass {
    pub(super) features: Features,
    pub(super) skips: Vec<Features>,
}

impl Backbone {
    /// Creates a backbone for `channels` input features.
    pub fn new(config: &config::BackboneConfig, channels: usize, device: &Device) -> Self {
        match config {
            config::BackboneConfig::SparseUnet { planes, .. } => {
                Self::SparseUnet(SparseUnet::new(channels, planes, device))
            }
            config::BackboneConfig::ResUnet {
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

    /// The same with a share of a scene's own statistics in its normalizations, see
    /// [`config::Config::own_statistics`].
    #[must_use]
    pub fn with_own_statistics(self, own: f64) -> Self {
        match self {
            Self::SparseUnet(unet) => Self::SparseUnet(unet.with_own_statistics(own)),
            Self::ResUnet(_) => self,
        }
    }

    /// Maps `features` `(voxels, channels)` to (voxels, [`config::BackboneConfig::output`]).
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

    /// Runs the first convolution. `features` is not read afterwards: if the caller keeps no
    /// reference, its memory (with image features, the widest tensor of all) is free for the
    /// levels.
    pub fn begin(&self, features: Features, pyramid: &Pyramid) -> Pass {
        let stored = features.stored_as(self.storage());
        match self {
            Self::SparseUnet(unet) => unet.begin(&stored, pyramid),
            Self::ResUnet(unet) => unet.begin(&stored, pyramid),
        }
    }

    /// The type in which features are stored between levels.
    fn storage(&self) -> DType {
        match self {
            Self::SparseUnet(unet) => unet.first().dtype(),
            Self::ResUnet(unet) => unet.first().dtype(),
        }
    }

    /// Converts the backbone to store what convolutions read as f16; the parameters of
    /// normalizations stay f32.
    #[must_use]
    pub fn into_f16(self) -> Self {
        struct IntoF16;
        impl ModuleMapper for IntoF16 {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                // All parameters of a normalization have one dimension, and no others do.
                if D > 1 {
                    param.map(|weight| weight.cast(DType::F16))
                } else {
                    param
                }
            }
        }
        self.map(&mut IntoF16)
    }

    /// Runs the blocks of one level; stages must be run in order, each once.
    pub fn stage(&self, stage: usize, pass: Pass, pyramid: &Pyramid) -> Pass {
        match self {
            Self::SparseUnet(unet) => unet.stage(stage, pass, pyramid),
            Self::ResUnet(unet) => unet.stage(stage, pass, pyramid),
        }
    }

    /// Finishes the pass after the last stage; the result is f32.
    pub fn end(&self, pass: Pass) -> Features {
        let features = match self {
            Self::SparseUnet(unet) => unet.end(pass),
            Self::ResUnet(_) => pass.features,
        };
        features.stored_as(DType::F32)
    }
}
