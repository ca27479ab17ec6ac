//! The network that the job runs.

use burn::tensor::{DType, Device};

use super::NamedClasses;
use crate::{
    instances::Ranker,
    model::{
        Config, Observation, SegDino3dVl,
        manifest::{Manifest, ManifestError},
    },
    ops::Tuning,
    progress::Monitor,
    superpoint::SuperpointOptions,
    text::{SpaceMismatch, Vocabulary},
};

/// The network on its device, with everything that belongs to it.
pub struct Network {
    /// Name of the network and the start of the hash of its weights.
    pub name: String,
    pub(super) model: SegDino3dVl,
    pub(super) config: Config,
    pub(super) device: Device,
    pub(super) ranker: Option<Ranker>,
    /// The fixed classes; `None` if they are words, or have no names.
    classes: Option<NamedClasses>,
    pub(super) vocabulary: Vocabulary,
}

impl Network {
    /// Loads the network from the manifest and the pieces of the weights, and checks them by hash
    /// and against the golden outputs. Features are stored as f16 if that is faster on this device
    /// and the golden outputs are still met.
    ///
    /// # Errors
    /// If a piece is damaged, the vocabulary lies in another space than the network's embeddings,
    /// or the device computes different results than the exporting one.
    pub async fn load(
        manifest: Manifest,
        pieces: &[impl AsRef<[u8]>],
        vocabulary: &Vocabulary,
        device: &Device,
        monitor: &Monitor<'_>,
    ) -> Result<Self, ManifestError> {
        check_space(&manifest.config, vocabulary)?;
        let mut model = manifest.network(&manifest.join(pieces)?, device)?;
        let in_f16 = (Tuning::of(device).storage == DType::F16).then(|| model.clone().into_f16());
        if let Some(in_f16) = in_f16
            && manifest.verify(&in_f16, device, monitor).await.is_ok()
        {
            model = in_f16;
        } else {
            manifest.verify(&model, device, monitor).await?;
        }
        Ok(Self::new(
            manifest.name,
            model,
            manifest.config,
            vocabulary,
            device,
            manifest.ranker,
        )?)
    }

    /// The nouns in the space of the network's embeddings.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The architecture and the inputs of the network.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `true` if the network can tell whole objects from pieces and mergers; otherwise regions are
    /// not candidates.
    pub fn has_ranker(&self) -> bool {
        self.ranker.is_some()
    }

    /// The fixed classes of the network; `None` if it is asked with words.
    pub fn fixed_classes(&self) -> Option<&NamedClasses> {
        self.classes.as_ref()
    }

    /// The options for the superpoints that the network was trained on.
    pub fn superpoint_options(&self, observation: &Observation) -> SuperpointOptions {
        let triangles = observation.triangles.len();
        self.config.mesh_superpoints.options(triangles)
    }

    /// Edge length of the network's voxels, metres.
    pub fn voxel_size(&self) -> f32 {
        self.config.voxel_size
    }

    /// Wraps a model that is already on `device`, such as one in training.
    ///
    /// # Errors
    /// If the vocabulary lies in another space than the network's embeddings.
    pub fn new(
        name: String,
        model: SegDino3dVl,
        config: Config,
        vocabulary: &Vocabulary,
        device: &Device,
        ranker: Option<Ranker>,
    ) -> Result<Self, SpaceMismatch> {
        check_space(&config, vocabulary)?;
        let classes = NamedClasses::of_names(&config.class_names, vocabulary).ok();
        Ok(Self {
            classes: classes.filter(|classes| !classes.names.is_empty()),
            name,
            model,
            config,
            device: device.clone(),
            ranker,
            vocabulary: vocabulary.clone(),
        })
    }
}

fn check_space(config: &Config, vocabulary: &Vocabulary) -> Result<(), SpaceMismatch> {
    let network = "the network";
    config
        .text
        .check(network, vocabulary.space(), "the vocabulary")
}
