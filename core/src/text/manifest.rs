//! The text encoder's files as the app fetches them, and their conversion from the published files.
//! This module does not need the tensor library.

use half::f16;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::shards::{self, Shard, ShardError};

/// The reason why the text encoder could not be loaded from its files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadTextError {
    /// `tokenizer.json` is unusable.
    #[error("the text encoder's tokenizer cannot be read: {0}")]
    Tokenizer(String),
    /// The manifest is unusable.
    #[error("the text encoder's manifest is malformed: {0}")]
    Manifest(String),
    /// A shard does not match the manifest.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// The weights are not a safetensors file.
    #[error("the text encoder's weights cannot be read: {0}")]
    Weights(String),
    /// A tensor is missing or has the wrong shape or type.
    #[error(
        "the text encoder's weights lack \"{name}\" as f16 or f32 with {expected} numbers: {found}"
    )]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// Number of values that it must have.
        expected: usize,
        /// Description of what was found instead.
        found: String,
    },
}

/// `manifest.json` of the encoder: the files to fetch and the data to verify them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextManifest {
    /// Name of the encoder.
    pub name: String,
    /// SPDX expression of the licence.
    pub license: String,
    /// The file `tokenizer.json`.
    pub tokenizer: Shard,
    /// Shards of one safetensors file, to be joined in this order.
    pub shards: Vec<Shard>,
}

impl TextManifest {
    /// Parses `manifest.json` and checks everything that can be checked without the weights.
    ///
    /// # Errors
    /// If the manifest is malformed.
    pub fn parse(json: &[u8]) -> Result<Self, LoadTextError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|e| LoadTextError::Manifest(e.to_string()))?;
        shards::check_list(std::slice::from_ref(&manifest.tokenizer))?;
        shards::check_list(&manifest.shards)?;
        Ok(manifest)
    }

    /// Converts the published `model.safetensors` and `tokenizer.json` of all-MiniLM-L6-v2 into the
    /// files that the app fetches, with their names: shards of the weights in f16, the tokenizer,
    /// and last the manifest, without which a folder is incomplete.
    ///
    /// # Errors
    /// If the weights are not a safetensors file.
    pub fn files(
        weights: &[u8],
        tokenizer: Vec<u8>,
    ) -> Result<Vec<(String, Vec<u8>)>, LoadTextError> {
        let malformed = |e: safetensors::SafeTensorError| LoadTextError::Weights(e.to_string());
        let weights =
            in_f16(&SafeTensors::deserialize(weights).map_err(malformed)?).map_err(malformed)?;
        let (shards, mut files): (Vec<Shard>, Vec<(String, Vec<u8>)>) =
            shards::split("weights", &weights)
                .into_iter()
                .map(|(shard, piece)| (shard.clone(), (shard.file, piece.to_vec())))
                .unzip();
        let manifest = Self {
            name: "all-MiniLM-L6-v2".into(),
            license: "Apache-2.0".into(),
            tokenizer: Shard::of("tokenizer.json".into(), &tokenizer),
            shards,
        };
        files.push(("tokenizer.json".into(), tokenizer));
        let manifest = serde_json::to_vec_pretty(&manifest)
            .map_err(|e| LoadTextError::Manifest(e.to_string()))?;
        files.push(("manifest.json".into(), manifest));
        Ok(files)
    }
}

/// Serializes the tensors that the encoder uses as f16 safetensors, without the pooler and the
/// position ids.
fn in_f16(file: &SafeTensors) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let half = |b: &[u8; 4]| f16::from_f32(f32::from_le_bytes(*b)).to_le_bytes();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .filter(|(name, tensor)| tensor.dtype() == Dtype::F32 && !name.starts_with("pooler"))
        .map(|(name, tensor)| {
            let values = tensor.data().as_chunks::<4>().0.iter().flat_map(half);
            (name, tensor.shape().to_vec(), values.collect())
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, data)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), data)?)));
    safetensors::serialize(
        views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?,
        None,
    )
}
