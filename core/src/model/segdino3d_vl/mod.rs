//! The whole network: backbone and decoder.

mod answers;
mod inference;
#[cfg(test)]
mod tests;

use std::ops::Range;

use burn::{
    module::{Module, Param},
    nn::Initializer,
    tensor::{Device, Tensor},
};

use super::{Config, Features, Prediction, Scene, backbone::Backbone, decoder::Decoder};
use crate::ops::{SegmentMap, segment_mean};
pub use answers::{Answers, ClassAnswers, TextAnswers};
pub use inference::InferenceError;

/// The network: voxels to superpoints to queries to [`Prediction`]s.
#[derive(Module, Debug)]
pub struct SegDino3dVl {
    backbone: Backbone,
    decoder: Decoder,
    /// Learned replacement for the image features of a scan without images, `(1, image channels)`.
    missing_image_embedding: Option<Param<Tensor<2>>>,
}

impl SegDino3dVl {
    /// Creates a network with random weights. `config` must be [valid](Config::validate).
    pub fn new(config: &Config, device: &Device) -> Self {
        let image = config.inputs.image;
        let backbone = Backbone::new(&config.backbone, config.inputs.channels(), device);
        Self {
            backbone: backbone.with_own_statistics(config.own_statistics.into()),
            decoder: Decoder::new(config, config.backbone.output(), device),
            missing_image_embedding: (image > 0)
                .then(|| Initializer::Zeros.init([1, image], device)),
        }
    }

    /// Returns the predictions before the first decoder layer and after each layer; the last one is
    /// final. `scene` must be on the network's device; `queries` are superpoints of it, in any
    /// order.
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub fn forward(&self, scene: &Scene, queries: &[u32]) -> Vec<Prediction> {
        self.decode(self.encode(scene), scene, queries)
    }

    /// Runs the backbone part of [`forward`](Self::forward) and returns the superpoint features
    /// that the decoder reads, `(superpoints, channels)`.
    pub fn encode(&self, scene: &Scene) -> Tensor<2> {
        let voxels = self.backbone.forward(
            self.inputs(scene.features.clone(), scene.image.clone(), scene.voxels()),
            &scene.pyramid,
        );
        superpoint_means(voxels, &scene.segments)
    }

    /// Runs the decoder part of [`forward`](Self::forward) on the result of
    /// [`encode`](Self::encode) for the same scene.
    ///
    /// # Panics
    /// If a query is not a superpoint of the scene.
    pub fn decode(&self, features: Tensor<2>, scene: &Scene, queries: &[u32]) -> Vec<Prediction> {
        let (memory, mut state) =
            self.decoder
                .start(features, &scene.layout, &selection(scene, queries));
        let mut predictions = vec![self.decoder.predict(&state)];
        for layer in 0..self.decoder.layers() {
            state = self.decoder.step(layer, &memory, state);
            predictions.push(self.decoder.predict(&state));
        }
        predictions
    }

    /// Converts the [backbone](Backbone::into_f16) to store features as f16.
    #[must_use]
    pub fn into_f16(self) -> Self {
        Self {
            backbone: self.backbone.into_f16(),
            ..self
        }
    }

    /// The backbone, from voxel features to voxel features.
    pub fn backbone(&self) -> &Backbone {
        &self.backbone
    }

    /// The decoder, from superpoint features to predictions.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The input features of the backbone, `(voxels, channels)`.
    fn inputs(&self, own: Features, image: Option<Features>, voxels: usize) -> Features {
        let Some(missing_image_embedding) = &self.missing_image_embedding else {
            return own;
        };
        let [_, channels] = missing_image_embedding.dims();
        let repeated = |cut: Range<usize>| {
            missing_image_embedding
                .val()
                .slice([0..1, cut])
                .repeat_dim(0, voxels)
        };
        own.append(image.unwrap_or_else(|| {
            Features::concat(Features::cuts(voxels, channels).map(repeated).collect())
        }))
    }
}

/// The mean voxel features of each superpoint, `(superpoints, channels)`.
fn superpoint_means(voxels: Features, segments: &SegmentMap) -> Tensor<2> {
    voxels
        .map(|_, part| segment_mean(part, segments))
        .into_tensor()
}

fn selection(scene: &Scene, queries: &[u32]) -> SegmentMap {
    SegmentMap::selection(queries, scene.superpoints())
        .expect("queries are superpoints of the scene")
}
